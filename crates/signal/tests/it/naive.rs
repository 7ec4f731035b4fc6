//! Every feature again, by its definition and without haste: one window at a time, straight from
//! the bars.

use plimsoll_market::{Interval, Market, SymbolColumns};
use plimsoll_signal::{FeatureSpec, FundingValue, LiquidatedSide, OpenInterestUnit, PremiumOver};

/// The values of all features of the first symbol, in file order.
pub(crate) fn features<'a>(
    market: &Market,
    specs: impl IntoIterator<Item = (&'a String, &'a FeatureSpec)>,
) -> Vec<(String, Vec<f64>)> {
    let mut known = Vec::new();
    for (name, spec) in specs {
        let values = feature(market, spec, &known);
        known.push((name.clone(), values));
    }
    known
}

type Known = [(String, Vec<f64>)];

fn feature(market: &Market, spec: &FeatureSpec, known: &Known) -> Vec<f64> {
    let interval: Interval =
        spec.interval.as_ref().map_or(market.interval, |text| text.parse().unwrap());
    let lag = spec.lag.unwrap_or(0);
    if interval == market.interval {
        let values = on_grid(spec, &|name| base(market, known, name));
        return (0..market.n_bars)
            .map(|bar| if bar >= lag { values[bar - lag] } else { f64::NAN })
            .collect();
    }
    let groups = groups(market, interval);
    let values = on_grid(spec, &|name| {
        let values = base(market, known, name);
        groups.iter().map(|group| aggregate(market, interval, name, &values, group)).collect()
    });
    (0..market.n_bars)
        .map(|bar| {
            let n_closed = groups
                .iter()
                .filter(|group| interval.is_on_grid(market.close_time(*group.last().unwrap())))
                .filter(|group| *group.last().unwrap() <= bar)
                .count();
            if n_closed > lag { values[n_closed - 1 - lag] } else { f64::NAN }
        })
        .collect()
}

/// Base bars by the longer bar that holds them.
fn groups(market: &Market, interval: Interval) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for bar in 0..market.n_bars {
        let floor = interval.floor(market.open_time(bar));
        match groups.last_mut() {
            Some(group) if interval.floor(market.open_time(group[0])) == floor => group.push(bar),
            _ => groups.push(vec![bar]),
        }
    }
    groups
}

fn aggregate(
    market: &Market,
    interval: Interval,
    name: &str,
    values: &[f64],
    group: &[usize],
) -> f64 {
    let symbol = &market.symbols[0];
    let is_whole = group.len() as i64 * market.interval.ms() == interval.ms();
    if !is_whole || group.iter().any(|bar| !symbol.has_bar(*bar)) {
        return f64::NAN;
    }
    let inside = || group.iter().map(|bar| values[*bar]);
    let is_extreme = name.ends_with("high") || name.ends_with("low");
    let is_sum = name.ends_with("volume") || name.starts_with("liquidated");
    if (is_extreme || is_sum) && inside().any(f64::is_nan) {
        f64::NAN
    } else if name.ends_with("open") {
        values[group[0]]
    } else if name.ends_with("high") {
        inside().fold(f64::NEG_INFINITY, f64::max)
    } else if name.ends_with("low") {
        inside().fold(f64::INFINITY, f64::min)
    } else if is_sum {
        inside().sum()
    } else {
        values[*group.last().unwrap()]
    }
}

fn base(market: &Market, known: &Known, name: &str) -> Vec<f64> {
    let symbol = &market.symbols[0];
    if let Some((_, values)) = known.iter().find(|(other, _)| other == name) {
        return values.clone();
    }
    if let Some(periods) = name.strip_prefix("funding ") {
        return funding(market, symbol, periods.parse().unwrap());
    }
    let mark = symbol.mark.as_ref().unwrap();
    let index = symbol.index.as_ref().unwrap();
    let values = match name {
        "open" => &symbol.open,
        "high" => &symbol.high,
        "low" => &symbol.low,
        "close" => &symbol.close,
        "volume" => &symbol.volume,
        "quote_volume" => &symbol.quote_volume,
        "taker_buy_volume" => &symbol.taker_buy_volume,
        "mark_open" => &mark.open,
        "mark_high" => &mark.high,
        "mark_low" => &mark.low,
        "mark_close" => &mark.close,
        "index_open" => &index.open,
        "index_high" => &index.high,
        "index_low" => &index.low,
        "index_close" => &index.close,
        "liquidated_long_notional" => &symbol.liquidated_long_notional,
        "liquidated_short_notional" => &symbol.liquidated_short_notional,
        "open_interest" => &symbol.open_interest,
        "open_interest_value" => &symbol.open_interest_value,
        other => panic!("{other}"),
    };
    values.clone()
}

fn funding(market: &Market, symbol: &SymbolColumns, periods: usize) -> Vec<f64> {
    (0..market.n_bars)
        .map(|bar| {
            let close = market.close_time(bar);
            let covered = symbol.funding_coverage.iter().find(|c| c.0 <= close && close < c.1);
            let Some((from, _)) = covered else { return f64::NAN };
            let settled: Vec<f64> = symbol
                .funding
                .iter()
                .filter(|event| event.settlement_time >= *from && event.settlement_time <= close)
                .map(|event| event.rate * 480.0 / f64::from(event.interval_minutes))
                .collect();
            if settled.len() < periods {
                f64::NAN
            } else {
                mean(&settled[settled.len() - periods..])
            }
        })
        .collect()
}

fn on_grid(spec: &FeatureSpec, input: &dyn Fn(&str) -> Vec<f64>) -> Vec<f64> {
    let bars = spec.bars.unwrap_or(1);
    let each = |name: &str, length: usize, f: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
        let x = input(name);
        (0..x.len())
            .map(|t| {
                if t + 1 < length || x[t + 1 - length..=t].iter().any(|v| v.is_nan()) {
                    return f64::NAN;
                }
                let value = f(&x[t + 1 - length..=t]);
                if value.is_finite() { value } else { f64::NAN }
            })
            .collect()
    };
    if let Some(name) = &spec.rolling_max {
        each(name, bars, &|w| w.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    } else if let Some(name) = &spec.rolling_min {
        each(name, bars, &|w| w.iter().copied().fold(f64::INFINITY, f64::min))
    } else if let Some(name) = &spec.rolling_mean {
        each(name, bars, &mean)
    } else if let Some(name) = &spec.rolling_std {
        each(name, bars, &std)
    } else if let Some(name) = &spec.rolling_sum {
        each(name, bars, &|w| w.iter().sum())
    } else if let Some(name) = &spec.zscore {
        each(name, bars, &|w| {
            if w.iter().all(|v| *v == w[0]) { f64::NAN } else { (w[bars - 1] - mean(w)) / std(w) }
        })
    } else if let Some(name) = &spec.simple_return {
        each(name, bars + 1, &|w| if w[0] > 0.0 { w[bars] / w[0] - 1.0 } else { f64::NAN })
    } else if let Some(name) = &spec.change {
        each(name, bars + 1, &|w| w[bars] - w[0])
    } else if let Some(name) = &spec.value {
        input(name)
    } else if let Some(name) = &spec.ema {
        seeded(&input(name), bars, 2.0 / (bars as f64 + 1.0))
    } else if spec.atr.is_some() {
        seeded(&true_range(&input("high"), &input("low"), &input("close")), bars, 1.0 / bars as f64)
    } else if let Some(name) = &spec.rsi {
        rsi(&input(name), bars)
    } else if let Some(funding) = spec.funding_rate_8h {
        match funding {
            FundingValue::Last => input("funding 1"),
            FundingValue::Mean => input(&format!("funding {}", spec.periods.unwrap())),
        }
    } else if let Some(side) = spec.liquidated_notional {
        let name = match side {
            LiquidatedSide::Long => "liquidated_long_notional",
            LiquidatedSide::Short => "liquidated_short_notional",
        };
        each(name, bars, &|w| w.iter().sum())
    } else if let Some(unit) = spec.open_interest {
        input(match unit {
            OpenInterestUnit::Value => "open_interest_value",
            OpenInterestUnit::Quantity => "open_interest",
        })
    } else {
        let over = match spec.premium.unwrap() {
            PremiumOver::MarkIndex => input("index_close"),
            PremiumOver::MarkLast => input("close"),
        };
        input("mark_close").iter().zip(over).map(|(mark, over)| mark / over - 1.0).collect()
    }
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

fn std(x: &[f64]) -> f64 {
    let mean = mean(x);
    (x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (x.len() as f64 - 1.0)).sqrt()
}

fn true_range(high: &[f64], low: &[f64], close: &[f64]) -> Vec<f64> {
    let mut range = vec![f64::NAN; close.len()];
    for t in 1..close.len() {
        let previous = close[t - 1];
        if !(high[t].is_nan() || low[t].is_nan() || previous.is_nan()) {
            let moves = [high[t] - low[t], (high[t] - previous).abs(), (low[t] - previous).abs()];
            range[t] = moves.into_iter().fold(0.0, f64::max);
        }
    }
    range
}

/// Seeded with the mean of the first `n` values, anew after each gap.
fn seeded(x: &[f64], n: usize, alpha: f64) -> Vec<f64> {
    (0..x.len())
        .map(|t| {
            let begin = x[..=t].iter().rposition(|v| v.is_nan()).map_or(0, |gap| gap + 1);
            let run = &x[begin..=t];
            if run.len() < n {
                return f64::NAN;
            }
            run[n..].iter().fold(mean(&run[..n]), |ewm, v| (1.0 - alpha) * ewm + alpha * v)
        })
        .collect()
}

fn rsi(x: &[f64], n: usize) -> Vec<f64> {
    let mut gain = vec![f64::NAN; x.len()];
    let mut loss = vec![f64::NAN; x.len()];
    for t in 1..x.len() {
        let change = x[t] - x[t - 1];
        if !change.is_nan() {
            gain[t] = change.max(0.0);
            loss[t] = (-change).max(0.0);
        }
    }
    let (gain, loss) = (seeded(&gain, n, 1.0 / n as f64), seeded(&loss, n, 1.0 / n as f64));
    gain.iter()
        .zip(loss)
        .map(|(gain, loss)| if gain + loss > 0.0 { 100.0 * gain / (gain + loss) } else { f64::NAN })
        .collect()
}
