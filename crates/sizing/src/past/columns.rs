//! What the limits read from the market: one column a symbol and window, computed once for all
//! rules, each value known at its bar's close.

use std::collections::BTreeMap;

use plimsoll_market::{DAY_MS, FundingEvent, Market, SymbolColumns, Timestamp};

use super::forecasts::DailyForecasts;
use super::gates::GateColumns;
use super::liquidity::TradedValue;
use crate::formulas::average_true_range;
use crate::rule::SizingRule;

/// Columns that the rules of a study need.
#[derive(Debug)]
pub struct LimitInputs<'a> {
    pub(super) market: &'a Market,
    /// What gates read.
    pub(super) gates: GateColumns,
    /// Average true range by length in bars, then by symbol; `NaN` while it warms up.
    atr: BTreeMap<usize, Vec<Vec<f64>>>,
    /// Per symbol: close time of each complete UTC day and its log return.
    pub(super) daily: Vec<Vec<(i64, f64)>>,
    /// What models say of the day in progress.
    pub(super) forecasts: DailyForecasts,
    /// Per symbol, where a rule asks for it: what has been traded so far.
    traded: Vec<TradedValue>,
}

impl<'a> LimitInputs<'a> {
    /// Computes every column that any of the rules reads.
    pub fn new(market: &'a Market, rules: &[SizingRule]) -> Self {
        let mut atr = BTreeMap::new();
        for bars in rules.iter().flat_map(atr_lengths) {
            atr.entry(bars).or_insert_with(|| {
                market.symbols.iter().map(|symbol| atr_column(symbol, bars)).collect()
            });
        }
        let daily: Vec<Vec<(i64, f64)>> =
            market.symbols.iter().map(|symbol| daily_log_returns(market, symbol)).collect();
        let forecasts = DailyForecasts::new(&daily, rules);
        let needs_value = rules.iter().any(|rule| rule.liquidity.is_some());
        let traded = market.symbols.iter().filter(|_| needs_value).map(TradedValue::new).collect();
        let gates = GateColumns::new(market, rules);
        Self { market, gates, atr, daily, forecasts, traded }
    }

    /// Mean value traded in a day over the days up to a bar's close. `Err` holds how many days
    /// there are.
    pub(super) fn daily_traded_value(
        &self,
        symbol_idx: usize,
        bar: usize,
        days: usize,
    ) -> Result<f64, usize> {
        self.traded.get(symbol_idx).ok_or(0_usize)?.per_day(self.market.interval, bar, days)
    }

    pub(super) fn market(&self) -> &Market {
        self.market
    }

    /// Average true range at a bar's close, if it is defined there.
    pub(super) fn atr(&self, symbol_idx: usize, bars: usize, bar: usize) -> Option<f64> {
        self.atr.get(&bars).map(|columns| columns[symbol_idx][bar]).filter(|atr| !atr.is_nan())
    }

    /// Close time and log return of the UTC days closed by a bar's close, back to the last day that
    /// is missing.
    pub(super) fn unbroken_days(&self, symbol_idx: usize, bar: usize) -> &[(i64, f64)] {
        let now = self.market.close_time(bar).0;
        let days = &self.daily[symbol_idx];
        let known = &days[..days.partition_point(|&(close_time, _)| close_time <= now)];
        let mut next = now - now.rem_euclid(DAY_MS) + DAY_MS;
        let unbroken = known
            .iter()
            .rev()
            .take_while(|&&(close_time, _)| {
                next -= DAY_MS;
                close_time == next
            })
            .count();
        &known[known.len() - unbroken..]
    }

    /// The last `periods` funding rates per 8 hours published by a bar's close, oldest first;
    /// `None` where the data do not cover that instant.
    pub(super) fn last_funding_rates_8h(
        &self,
        symbol_idx: usize,
        bar: usize,
        periods: usize,
    ) -> Option<Vec<f64>> {
        let symbol = &self.market.symbols[symbol_idx];
        let now = self.market.close_time(bar);
        let covered = |from: Timestamp| {
            symbol.funding_coverage.iter().any(|&(start, end)| start <= from && now < end)
        };
        let count = symbol.funding.partition_point(|event| event.settlement_time <= now);
        let first = count.checked_sub(periods)?;
        covered(symbol.funding[first].settlement_time)
            .then(|| symbol.funding[first..count].iter().map(FundingEvent::rate_8h).collect())
    }
}

/// Lengths of the average true ranges that a rule reads.
fn atr_lengths(rule: &SizingRule) -> impl Iterator<Item = usize> {
    let distance = rule.liquidation_distance.as_ref().and_then(|distance| distance.atr.as_ref());
    rule.atr.as_ref().map(|atr| atr.bars).into_iter().chain(distance.map(|atr| atr.bars))
}

/// Wilder's average true range over each stretch of bars without a gap.
fn atr_column(symbol: &SymbolColumns, bars: usize) -> Vec<f64> {
    let n_bars = symbol.close.len();
    let mut column = vec![f64::NAN; n_bars];
    let mut start = 0;
    while start < n_bars {
        if !symbol.has_bar(start) {
            start += 1;
            continue;
        }
        let end = (start..n_bars).find(|&bar| !symbol.has_bar(bar)).unwrap_or(n_bars);
        // Too short a stretch has no average: its bars stay undefined.
        if let Ok(atr) = average_true_range(
            &symbol.high[start..end],
            &symbol.low[start..end],
            &symbol.close[start..end],
            bars,
        ) {
            column[start + atr.first_bar..end].copy_from_slice(&atr.values);
        }
        start = end;
    }
    column
}

/// Log returns between the closes of consecutive complete UTC days, with the days' close times.
fn daily_log_returns(market: &Market, symbol: &SymbolColumns) -> Vec<(i64, f64)> {
    let mut returns = Vec::new();
    let mut previous: Option<(i64, f64)> = None;
    for bar in 0..market.n_bars {
        let close_time = market.close_time(bar).0;
        if close_time % DAY_MS != 0 || !symbol.has_bar(bar) {
            continue;
        }
        let close = symbol.close[bar];
        if let Some((time, price)) = previous
            && close_time - time == DAY_MS
        {
            returns.push((close_time, (close / price).ln()));
        }
        previous = Some((close_time, close));
    }
    returns
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use plimsoll_market::Interval;

    use super::*;

    /// Hourly bars; the close of day `d` is `closes[d]`.
    fn market(closes: &[f64]) -> Market {
        let close: Vec<f64> = closes.iter().flat_map(|&close| [close; 24]).collect();
        let symbol = SymbolColumns {
            high: close.iter().map(|price| price + 1.0).collect(),
            low: close.iter().map(|price| price - 1.0).collect(),
            open: close.clone(),
            close,
            ..SymbolColumns::default()
        };
        Market {
            venue: "binance-usdm".to_owned(),
            interval: Interval::HOUR,
            start: Timestamp::from_date(2024, 1, 1).unwrap(),
            n_bars: symbol.close.len(),
            symbols: vec![symbol],
        }
    }

    #[test]
    fn true_range_starts_anew_after_a_gap() {
        let mut market = market(&[100.0, 100.0]);
        market.symbols[0].close[20] = f64::NAN;
        let rule = SizingRule {
            atr: Some(crate::rule::Atr { risk_fraction: 0.01, bars: 5, multiple: 2.0 }),
            ..SizingRule::default()
        };
        let inputs = LimitInputs::new(&market, &[rule]);
        let defined: Vec<usize> = (0..48).filter(|&bar| inputs.atr(0, 5, bar).is_some()).collect();
        let first = defined[0];
        // As many bars of warm-up after the gap as at the start, none of them defined.
        let expected: Vec<usize> = (first..20).chain(21 + first..48).collect();
        assert_eq!(defined, expected);
        assert!((4..=5).contains(&first));
        assert_eq!(inputs.atr(0, 5, 19), Some(2.0));
    }

    #[test]
    fn funding_is_known_from_its_settlement_on() {
        let mut market = market(&[100.0, 100.0]);
        let times: Vec<Timestamp> = [0, 8, 16, 24].map(|bar| market.open_time(bar)).to_vec();
        market.symbols[0].funding = times
            .iter()
            .zip([0.0001, 0.0002, -0.0003, 0.0004])
            .map(|(&settlement_time, rate)| FundingEvent {
                settlement_time,
                rate,
                interval_minutes: 240,
                mark_price: None,
            })
            .collect();
        market.symbols[0].funding_coverage = vec![(times[0], market.open_time(30))];
        let inputs = LimitInputs::new(&market, &[]);
        // Rates of four hours count twice.
        for (bar, periods, expected) in [
            (14, 2, Some(vec![0.0002, 0.0004])),
            (15, 2, Some(vec![0.0004, -0.0006])), // Closes at the settlement.
            (6, 2, None),
            (28, 1, Some(vec![0.0008])),
            (29, 1, None), // Not covered any more.
        ] {
            assert_eq!(inputs.last_funding_rates_8h(0, bar, periods), expected, "bar {bar}");
        }
    }
}
