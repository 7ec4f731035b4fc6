//! What a broken strategy file is told: every problem, where it is, and how to mend it.

use plimsoll_market::Interval;
use plimsoll_signal::{SignalError, SignalSpec};

use crate::markets::{closes, spec};

/// Problems as `path: message (hint)`, lists of names cut to the first three.
fn problems(spec: &SignalSpec) -> Vec<String> {
    let text = |problem: String| match problem.split_once("nearest first: ") {
        Some((before, names)) => {
            let nearest: Vec<&str> = names.split(", ").take(3).collect();
            format!("{before}nearest first: {}...", nearest.join(", "))
        }
        None => problem,
    };
    spec.validate_for(Interval::HOUR).iter().map(|problem| text(problem.to_string())).collect()
}

#[test]
fn a_sound_strategy_has_no_problem() {
    let text = "[features]\n\
        upper   = { rolling_max = 'high', bars = 480, lag = 1 }\n\
        funding = { funding_rate_8h = 'last' }\n\
        trend   = { ema = 'close', bars = 50, interval = '4h' }\n\
        noise   = { zscore = 'trend', bars = 100 }\n\
        [signal]\n\
        long       = 'close > upper AND funding < 0.0005'\n\
        exit_long  = 'noise < -2'\n\
        [stop]\n\
        atr = { bars = 14, multiple = 3 }\n\
        trailing = { fraction = 0.1 }\n\
        take_profit = { r_multiple = 3 }\n\
        time_bars = 48";
    assert_eq!(problems(&spec(text)), [] as [&str; 0]);
}

#[test]
fn all_problems_come_at_once() {
    let text = "[features]\n\
        upper = { rolling_max = 'hihg', bars = 0 }\n\
        close = { value = 'open' }\n\
        ma-x  = { ema = 'close', bars = 5, interval = '90m' }\n\
        later = { rolling_mean = 'trend', bars = 5, interval = 'daily' }\n\
        trend = { ema = 'close', rsi = 'close', bars = 5 }\n\
        empty = { bars = 5 }\n\
        std   = { rolling_std = 'close', bars = 1, periods = 2 }\n\
        mean  = { funding_rate_8h = 'mean', bars = 3 }\n\
        long_ = { ema = 'close', bars = 1000001, lag = 1000001 }\n\
        plain = { ema = 'close' }\n\
        [signal]\n\
        long = 'close > uper'\n\
        exit_long = 'close +'\n\
        exit_short = 'close'\n\
        [stop]\n\
        atr = { bars = 0, multiple = -1, interval = '90m' }\n\
        fraction = 1.5\n\
        trailing = {}\n\
        take_profit = { r_multiple = 0, fraction = 2 }\n\
        time_bars = 0";
    assert_eq!(
        problems(&spec(text)),
        [
            "features.upper.rolling_max: `hihg` is neither a bar column nor a feature (nearest first: high, open, low...",
            "features.upper.bars: `bars` is 0 but must be at least 1",
            "features.close: `close` is a bar column already (choose another name)",
            "features.ma-x: `ma-x` cannot be written in a rule (a name is letters, digits and underscores, begins with a letter and is no SQL keyword)",
            "features.later.rolling_mean: `trend` is not defined before this feature (a feature may use features above it: change the order)",
            "features.later.interval: `daily` is not an interval; write a count and a unit, as in 1m, 15m, 1h, 8h, 1d, 1w",
            "features.trend: the feature has ema and rsi functions (write one feature for each)",
            "features.empty: the feature has no function (give it one of rolling_max, rolling_min, rolling_mean, rolling_std, rolling_sum, ema, atr, rsi, return, change, zscore, funding_rate_8h, liquidated_notional, open_interest, premium, value)",
            "features.std.bars: `bars` is 1 but must be at least 2",
            "features.std.periods: `rolling_std` takes no `periods` here (leave `periods` out)",
            "features.mean.bars: `funding_rate_8h` takes no `bars` here (leave `bars` out)",
            "features.mean: `funding_rate_8h` needs `periods` (add `periods = 20`, say)",
            "features.long_.lag: `lag` is 1000001 but must be at most 1000000 (use a longer `interval`)",
            "features.long_.bars: `bars` is 1000001 but must be at most 1000000 (use a longer `interval`)",
            "features.plain: `ema` needs `bars` (add `bars = 20`, say)",
            "signal.exit_short: `exit_short` has no `short` (add `short` or leave `exit_short` out)",
            "signal.long: `long` uses `uper`, which is neither a bar column nor a feature (nearest first: upper, open, later...",
            "signal.exit_long: `exit_long` is no SQL expression: unable to parse 'close +' as Expr (for example: close > upper AND funding < 0.0005)",
            "signal.exit_short: `exit_short` gives a number, not true or false: close (compare it with something, as in close > upper)",
            "stop.time_bars: `time_bars` is 0 but must be at least 1",
            "stop.fraction: `fraction` is 1.5 but must lie between 0 and 1, both excluded",
            "stop.atr.bars: `bars` is 0 but must be at least 1",
            "stop.atr.multiple: `multiple` is -1 but must be a finite number above 0",
            "stop: the initial stop has both `atr` and `fraction` (keep one)",
            "stop.trailing: exactly one of `atr` and `fraction` is needed, 0 are given",
            "stop.take_profit: exactly one of `atr`, `fraction` and `r_multiple` is needed, 2 are given",
            "stop.take_profit.r_multiple: `r_multiple` is 0 but must be a finite number above 0",
            "features.ma-x.interval: `interval` is 90m, which is no multiple of the bar, 1h (choose a whole number of bars)",
            "stop.atr.interval: `interval` is 90m, which is no multiple of the bar, 1h (choose a whole number of bars)",
        ]
    );
}

#[test]
fn problems_of_signal_and_stop() {
    for (text, expect) in [
        ("[signal]", "signal: there is no entry rule (add `long`, `short` or `file`)"),
        (
            "[signal]\nlong = 'TRUE'\nfile = 'a.csv'",
            "signal.long: `long` stands beside `file` (a signal comes from rules or from a file: keep one)",
        ),
        (
            "[signal]\nlong = 'close > MAX(close)'",
            "signal.long: `long` contains an aggregate, which sees the whole history and so the future: close > MAX(close) (write a rolling feature (`rolling_max`, `rolling_mean`, ...) and use its name)",
        ),
        (
            "[signal]\nlong = 'close > 1 AND volume'",
            "signal.long: `long`: AND, OR or XOR wants comparisons or other truths: close > 1 AND volume (a column is a number; a comparison is true or false)",
        ),
        (
            "[signal]\nlong = 'TRUE'\n[stop]",
            "stop: the table is empty (leave [stop] out for no stop, or add `atr` or `fraction`)",
        ),
        (
            "[signal]\nlong = 'TRUE'\n[stop]\ntake_profit = { r_multiple = 2 }",
            "stop.take_profit.r_multiple: a multiple of the stop distance needs a stop (add `atr`, `fraction` or `trailing` to [stop])",
        ),
        (
            "[signal]\nlong = 'TRUE'\n[stop]\natr = { bars = 3, multiple = nan }",
            "stop.atr.multiple: `multiple` is NaN but must be a finite number above 0",
        ),
    ] {
        assert_eq!(problems(&spec(text)), [expect], "{text}");
    }
}

#[test]
fn an_interval_below_the_bar_is_no_multiple() {
    let spec = spec(
        "[features]\nf = { ema = 'close', bars = 3, interval = '15m' }\n[signal]\nlong = 'f > 1'",
    );
    assert_eq!(spec.validate(), []);
    assert_eq!(spec.validate_for(Interval::MINUTE), []);
    assert_eq!(spec.validate_for(Interval::HOUR)[0].path, "features.f.interval");
    match spec.evaluate(&closes(&[1.0])).unwrap_err() {
        SignalError::InvalidSpec { problems } => assert_eq!(problems.len(), 1),
        other => panic!("{other}"),
    }
}

#[test]
fn unknown_keys_are_refused_with_the_legal_ones() {
    for (text, expect) in [
        (
            "[signal]\nlnog = 'TRUE'",
            "unknown field `lnog`, expected one of `long`, `short`, `exit_long`, `exit_short`, `file`",
        ),
        (
            "[signal]\n[features]\nf = { atr = 'simple' }",
            "unknown variant `simple`, expected `wilder`",
        ),
        ("[signal]\n[features]\nf = { bars = -1 }", "invalid value: integer `-1`, expected usize"),
        ("[signal]\n[stop]\npercent = 0.03", "unknown field `percent`"),
        (
            "[signal]\n[sotp]\n",
            "unknown field `sotp`, expected one of `features`, `signal`, `stop`",
        ),
    ] {
        let error = toml::from_str::<SignalSpec>(text).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }
}

#[test]
fn the_schema_describes_every_key() {
    let schema = serde_json::to_value(schemars::schema_for!(SignalSpec)).unwrap();
    assert_eq!(schema["additionalProperties"], false);
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        let Some(properties) = definition["properties"].as_object() else { continue };
        assert_eq!(definition["additionalProperties"], false, "{name}");
        for (key, property) in properties {
            let has_text = property["description"].as_str().is_some_and(|text| !text.is_empty());
            assert!(has_text, "{name}.{key}: {property}");
        }
    }
    assert!(schema["$defs"]["FeatureSpec"]["properties"]["return"].is_object());
}

#[test]
fn a_strategy_survives_being_written_and_read() {
    let text = "[features]\nb = { return = 'close', bars = 2 }\na = { atr = 'wilder', bars = 3 }\n\
                [signal]\nlong = 'a > b'\n[stop]\nfraction = 0.5";
    let spec = spec(text);
    let again: SignalSpec = toml::from_str(&toml::to_string(&spec).unwrap()).unwrap();
    assert_eq!(again, spec);
    assert_eq!(again.features.keys().collect::<Vec<_>>(), ["b", "a"]);
}
