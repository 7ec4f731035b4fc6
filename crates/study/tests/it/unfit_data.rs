//! Data that are missing, or older than the venue's tables; signals from a file.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use plimsoll_market::{MarketError, Side, SizeFreeTrade, TradeExit};
use plimsoll_study::{StudyError, StudyResult};
use plimsoll_venue::{TableKind, VenueError};

use crate::lakes::{AUTUMN, autumn, candles_only, outside_the_tables, try_run};
use crate::scene::rendered;

fn flags(result: &StudyResult) -> Vec<&'static str> {
    let mut names: Vec<&str> =
        result.coverage.iter().flat_map(|symbol| symbol.flags.iter().map(|f| f.name)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[test]
fn what_was_not_ingested_is_flagged() {
    assert_eq!(flags(&try_run(AUTUMN, &[], autumn()).unwrap()), [] as [&str; 0]);

    let bare = try_run(AUTUMN, &[], candles_only()).unwrap();
    assert_eq!(flags(&bare), ["funding_missing", "mark_missing"]);
    for symbol in &bare.coverage {
        assert_eq!((symbol.mark_bars, symbol.funding_settlements), (0, 0));
        assert!(symbol.bars > 0);
    }
    let fixed = bare.rules[0].account();
    assert!(fixed.outcome.mark_fallback_bars > 0);
    assert!(bare.notes.iter().any(|note| note.contains("mark_fallback")), "{:?}", bare.notes);
    assert_eq!(fixed.value("funding_paid"), Some(0.0));
    // A rule that judges the funding regime takes no trade where funding is unknown.
    let composite = bare.rules.iter().find(|rule| rule.name == "min_of_all").unwrap();
    assert_eq!(composite.account().outcome.trades, []);
    assert!(composite.account().outcome.decisions.iter().all(|d| !d.reason.is_empty()));
}

#[test]
fn a_period_that_the_data_do_not_fill_is_flagged() {
    let result = try_run(AUTUMN, &["data.to=2025-12-01"], autumn()).unwrap();
    assert!(flags(&result).contains(&"period_cut"));
    let flag = &result.coverage[0].flags.iter().find(|flag| flag.name == "period_cut").unwrap();
    assert_eq!(flag.count, 30 * 24);
    let early = try_run(AUTUMN, &["data.from=2025-07-30"], autumn()).unwrap();
    assert!(flags(&early).contains(&"period_cut"));
}

#[test]
fn a_rule_on_data_that_are_unknown_never_fires_and_is_named() {
    let text = AUTUMN.replace("close > upper", "close > upper AND open_interest > 0");
    let result = try_run(&text, &[], autumn()).unwrap();
    let note = result.notes.iter().find(|note| note.contains("`open_interest`")).unwrap();
    assert!(note.contains("unknown at every bar"), "{note}");
    assert!(result.trades.iter().all(|trade| trade.side == plimsoll_market::Side::Short));
}

#[test]
fn a_strategy_that_never_trades_has_no_winner() {
    let text =
        AUTUMN.replace("close > upper", "close > 1000000000").replace("close < lower", "close < 0");
    let result = try_run(&text, &[], autumn()).unwrap();
    assert_eq!(result.verdict.winner, None);
    assert!(result.verdict.sentences[0].contains("No rule took a trade"));
    for rule in &result.rules {
        assert_eq!(rule.account().value("final_equity"), Some(100_000.0));
        assert!(rule.account().metrics.iter().all(|m| m.value.is_some() || m.reason.is_some()));
    }
}

#[test]
fn a_symbol_without_brackets_is_refused() {
    let lake = outside_the_tables("NOSUCHUSDT", "2025-09-01");
    let set = ["data.symbols=[\"NOSUCHUSDT\"]", "data.to=2025-09-08"];
    let error = try_run(AUTUMN, &set, &lake).unwrap_err();
    assert!(
        matches!(&error, StudyError::Venue(VenueError::UnknownSymbol { symbol, .. }) if symbol == "NOSUCHUSDT"),
        "{error}"
    );
    assert!(error.to_string().contains("add its rows to a table of your own"), "{error}");
    assert!(!error.is_usage());
}

#[test]
fn a_date_before_the_table_of_brackets_is_refused() {
    let lake = outside_the_tables("BTCUSDT", "2023-01-02");
    let set = ["data.symbols=[\"BTCUSDT\"]", "data.from=2023-01-03", "data.to=2023-01-09"];
    let error = try_run(AUTUMN, &set, &lake).unwrap_err();
    let StudyError::Venue(VenueError::BeforeTable { table, at, first, .. }) = &error else {
        panic!("{error}");
    };
    assert_eq!(*table, TableKind::Brackets);
    assert!(at < first);
    assert!(error.to_string().contains("start later"), "{error}");
}

#[test]
fn a_period_without_data_is_refused_with_what_there_is() {
    for set in [
        &["data.from=2026-02-01", "data.to=2026-03-01"][..],
        &["data.symbols=[\"SOLUSDT\"]"][..],
        &["data.bar=7m"][..],
    ] {
        let error = try_run(AUTUMN, set, autumn()).unwrap_err();
        assert!(matches!(error, StudyError::Market(MarketError::NoData { .. })), "{error}");
        let shown = rendered(&error);
        assert!(shown.contains("the lake") && shown.contains("it holds"), "{shown}");
        assert!(shown.contains("plimsoll ingest"), "{shown}");
    }
    let empty = std::env::temp_dir().join("plimsoll-no-such-lake");
    let error = try_run(AUTUMN, &[], &empty).unwrap_err();
    assert!(matches!(error, StudyError::Market(MarketError::NoData { .. })), "{error}");
}

#[test]
fn a_period_shorter_than_a_bar_is_refused() {
    let set = ["data.from=2025-09-01T00:10:00Z", "data.to=2025-09-01T00:50:00Z"];
    let error = try_run(AUTUMN, &set, autumn()).unwrap_err();
    let text = rendered(&error);
    assert!(
        matches!(
            error,
            StudyError::EmptyPeriod { .. } | StudyError::Market(MarketError::NoData { .. })
        ),
        "{text}"
    );
}

#[test]
fn an_unknown_venue_is_refused_with_the_known_ones() {
    let error = try_run(AUTUMN, &["data.venue=binance-umds"], autumn()).unwrap_err();
    assert!(matches!(error, StudyError::Venue(VenueError::UnknownVenue { .. })), "{error}");
    assert!(error.to_string().contains("binance-usdm"), "{error}");
}

#[test]
fn files_that_are_not_there_are_named() {
    let error = try_run(AUTUMN, &["data.tables=[\"mine.csv\"]"], autumn()).unwrap_err();
    assert!(matches!(&error, StudyError::Io { path, .. } if path.ends_with("mine.csv")), "{error}");
    let (text, _) = with_signal_file("nowhere.csv");
    let error = try_run(&text, &[], autumn()).unwrap_err();
    assert!(matches!(error, StudyError::Signal(_)), "{error}");
    assert!(error.to_string().contains("nowhere.csv"), "{error}");
}

/// [`AUTUMN`] without stop and with the signal from a file, and the same with rules.
fn with_signal_file(file: &str) -> (String, String) {
    let no_stop = AUTUMN.replace("[stop]\nfraction = 0.15\n", "");
    let cut = |text: &str, from: &str, to: &str| {
        let (start, end) = (text.find(from).unwrap(), text.find(to).unwrap());
        format!("{}{}", &text[..start], &text[end..])
    };
    // Rules that size by the stop cannot stay.
    let by_rules = cut(&no_stop, "[sizing.fixed_risk]", "[sizing.kelly_continuous]");
    let by_rules = cut(&by_rules, "[sizing.min_of_all]", "[sizing.over_leveraged]");
    let signal = cut(&by_rules, "[features]", "[account]");
    (signal.replace("[account]", &format!("[signal]\nfile = \"{file}\"\n\n[account]")), by_rules)
}

/// The rows of a signal file that trade as a result's trades did: time, symbol, direction.
fn rows_of(result: &StudyResult) -> BTreeMap<(i64, usize), f64> {
    let time = |bar: usize| result.grid_start.0 + bar as i64 * result.interval.ms();
    let mut rows: BTreeMap<(i64, usize), f64> = BTreeMap::new();
    for trade in &result.trades {
        if trade.exit != TradeExit::End {
            rows.entry((time(trade.exit_bar), trade.symbol_idx)).or_insert(0.0);
        }
        // An entry at the close of an exit takes its place.
        rows.insert((time(trade.decision_bar + 1), trade.symbol_idx), trade.side.sign());
    }
    rows
}

/// What decides a trade, without its stop.
fn shape(trade: &SizeFreeTrade) -> (usize, Side, usize, usize, usize, TradeExit) {
    let SizeFreeTrade { symbol_idx, side, decision_bar, entry_bar, exit_bar, exit, .. } = *trade;
    (symbol_idx, side, decision_bar, entry_bar, exit_bar, exit)
}

/// Stops far away change no trade of the file's signal, and every trade carries its own.
#[test]
fn a_signal_file_brings_stops() {
    let (by_file, by_rules) = with_signal_file("stops.csv");
    let expected = try_run(&by_rules, &[], autumn()).unwrap();
    let mut csv = "time,symbol,direction,stop\n".to_owned();
    for ((time, symbol_idx), direction) in rows_of(&expected) {
        let symbol = &expected.symbols[symbol_idx];
        let stop = match direction {
            d if d > 0.0 => "1.5",
            d if d < 0.0 => "9000000.5",
            _ => "",
        };
        writeln!(csv, "{time},{symbol},{direction},{stop}").unwrap();
    }
    fs::write(autumn().join("stops.csv"), csv).unwrap();
    let found = try_run(&by_file, &[], autumn()).unwrap();
    assert!(found.trades.len() > 20);
    assert_eq!(
        found.trades.iter().map(shape).collect::<Vec<_>>(),
        expected.trades.iter().map(shape).collect::<Vec<_>>()
    );
    for trade in &found.trades {
        let stop = if trade.side == Side::Long { 1.5 } else { 9_000_000.5 };
        assert_eq!(trade.initial_stop_price, Some(stop));
        assert!(trade.r_multiple.is_some());
    }
}

/// The signal of a file acts exactly as the rules that it was written from.
#[test]
fn a_signal_from_a_file_trades_as_its_rules_do() {
    let (by_file, by_rules) = with_signal_file("rows.csv");
    let expected = try_run(&by_rules, &[], autumn()).unwrap();
    let mut csv = "time,symbol,direction\n".to_owned();
    for ((time, symbol_idx), direction) in rows_of(&expected) {
        let symbol = &expected.symbols[symbol_idx];
        writeln!(csv, "{time},{symbol},{direction}").unwrap();
    }
    fs::write(autumn().join("rows.csv"), csv).unwrap();

    let found = try_run(&by_file, &[], autumn()).unwrap();
    assert!(expected.trades.len() > 20);
    assert_eq!(
        found.trades.iter().map(shape).collect::<Vec<_>>(),
        expected.trades.iter().map(shape).collect::<Vec<_>>()
    );
    for (found, expected) in found.rules.iter().zip(&expected.rules) {
        assert_eq!(found.account().outcome, expected.account().outcome, "{}", found.name);
    }
    assert_eq!(found.receipt.data_hash, expected.receipt.data_hash);
}
