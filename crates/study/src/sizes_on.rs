//! How large each rule would have been on the eve of a given day.
//!
//! The entry is one that nobody made: it is planned like any other and decided by the engine in an
//! account that holds nothing else, so that the size says what the market's past, and nothing of
//! the account's own, made of the rule.

use plimsoll_engine::{Outcome, Settings, Span, replay};
use plimsoll_market::{DAY_MS, Side, SignalColumns, SizeFreeTrade, Timestamp, TradeExit};
use plimsoll_sizing::SizeDecision;
use rayon::prelude::*;

use crate::parse::{NamedRule, Study};
use crate::planner::{Entry, Planner};
use crate::result::SizeOn;

/// Most days that a median is taken over; a longer period is sampled.
const MEDIAN_DAYS_MAX: usize = 120;

/// Sizes of every rule, day by day.
pub(crate) fn sizes_on(
    study: &Study,
    planner: &Planner<'_>,
    signals: &[SignalColumns],
    span: Span,
) -> Vec<SizeOn> {
    let days = &study.compare.sizes_on;
    if days.is_empty() {
        return Vec::new();
    }
    let asked = Asked { planner, signals };
    // A rule at a time, so that its medians are found once.
    let by_rule: Vec<Vec<Vec<SizeOn>>> = study
        .rules
        .par_iter()
        .map(|named| {
            let usual = asked.usual(named, span);
            days.iter().map(|date| asked.rows(named, date.0, &usual)).collect()
        })
        .collect();
    (0..days.len()).flat_map(|day| by_rule.iter().flat_map(move |rows| rows[day].clone())).collect()
}

/// What a rule's size usually is.
struct Usual {
    median: Option<f64>,
    /// Whether it is not always the same.
    moves: bool,
}

struct Asked<'a> {
    planner: &'a Planner<'a>,
    signals: &'a [SignalColumns],
}

impl Asked<'_> {
    /// A day's rows of one rule.
    fn rows(&self, named: &NamedRule, date: Timestamp, usual: &[Usual]) -> Vec<SizeOn> {
        let market = self.planner.prepared.market;
        let bar = market.first_bar_from(date).checked_sub(1);
        self.places()
            .zip(usual)
            .map(|((symbol_idx, side), usual)| {
                let symbol = &market.symbols[symbol_idx];
                let entry = bar.and_then(|bar| self.entry(symbol_idx, side, bar));
                SizeOn {
                    date,
                    rule: named.name.clone(),
                    symbol: symbol.symbol.clone(),
                    side,
                    time: bar.map_or(market.start, |bar| market.close_time(bar)),
                    price: entry.map(|entry| symbol.close[entry.bar]),
                    stop_price: entry.and_then(|entry| entry.stop_price),
                    decision: match entry {
                        Some(entry) => self.decision(named, &entry),
                        None => Err("the symbol has no bar that closes there".to_owned()),
                    },
                    median_leverage: usual.median,
                    moves: usual.moves,
                    is_ablation: named.ablation.is_some(),
                }
            })
            .collect()
    }

    /// Symbols in order, each long and short.
    fn places(&self) -> impl Iterator<Item = (usize, Side)> {
        let sides = |symbol_idx| [(symbol_idx, Side::Long), (symbol_idx, Side::Short)];
        (0..self.planner.prepared.market.symbols.len()).flat_map(sides)
    }

    /// For each symbol and side the leverage over the eves of the days of the span.
    fn usual(&self, named: &NamedRule, span: Span) -> Vec<Usual> {
        let bars = self.eves(span);
        self.places()
            .map(|(symbol_idx, side)| {
                let leverages: Vec<f64> = bars
                    .iter()
                    .filter_map(|&bar| self.entry(symbol_idx, side, bar))
                    .filter_map(|entry| self.decision(named, &entry).ok())
                    .map(|decision| decision.leverage)
                    .collect();
                Usual { moves: differ(&leverages), median: median(leverages) }
            })
            .collect()
    }

    /// The last bars of UTC days inside the span, evenly thinned out in [`step`]s.
    fn eves(&self, span: Span) -> Vec<usize> {
        let market = self.planner.prepared.market;
        let is_eve = |bar: &usize| market.close_time(*bar).0 % DAY_MS == 0;
        let all: Vec<usize> =
            (span.from_bar..span.to_bar.saturating_sub(1)).filter(is_eve).collect();
        all.iter().copied().step_by(step(all.len())).collect()
    }

    /// An entry at a bar's close with the strategy's stop for it; `None` where there is no bar.
    fn entry(&self, symbol_idx: usize, side: Side, bar: usize) -> Option<Entry> {
        let signal = &self.signals[symbol_idx];
        let stops = match side {
            Side::Long => &signal.stop_long,
            Side::Short => &signal.stop_short,
        };
        let stop_price = stops.get(bar).copied().filter(|price| !price.is_nan());
        let has_bar = self.planner.prepared.market.symbols[symbol_idx].has_bar(bar);
        has_bar.then_some(Entry { symbol_idx, side, bar, stop_price })
    }

    /// What the engine decides on an entry in an account of its own.
    fn decision(&self, named: &NamedRule, entry: &Entry) -> Result<SizeDecision, String> {
        let prepared = self.planner.prepared;
        if entry.bar + 1 >= prepared.market.n_bars {
            return Err("the data end there, so that no order could fill".to_owned());
        }
        let trade = SizeFreeTrade {
            symbol_idx: entry.symbol_idx,
            side: entry.side,
            decision_bar: entry.bar,
            entry_bar: entry.bar + 1,
            initial_stop_price: entry.stop_price,
            exit_stop_price: entry.stop_price,
            take_profit_price: None,
            exit_bar: entry.bar + 1,
            exit: TradeExit::End,
            exit_decision_bar: None,
            unit_return: 0.0,
            r_multiple: None,
            adverse_excursion: 0.0,
        };
        let plans = [self.planner.plan(&named.rule, entry)];
        let settings = Settings { equity: named.equity, ..*self.planner.settings };
        let span = Span { from_bar: entry.bar, to_bar: entry.bar + 2 };
        let outcome = replay(prepared, &[trade], &plans, &settings, span);
        decided(outcome).ok_or_else(|| "the account is too small for any order".to_owned())
    }
}

/// Every so-manieth of so many days, never the same weekday only.
fn step(n_days: usize) -> usize {
    let step = n_days.div_ceil(MEDIAN_DAYS_MAX).max(1);
    if step.is_multiple_of(7) { step + 1 } else { step }
}

/// The one decision of a replay.
fn decided(outcome: Outcome) -> Option<SizeDecision> {
    let decision = outcome.decisions.into_iter().next()?;
    Some(SizeDecision {
        limits: decision.limits,
        multipliers: decision.multipliers,
        binding_limit: decision.binding_limit,
        multiplier: decision.multiplier,
        leverage: decision.leverage,
        reason: decision.reason,
    })
}

/// Whether the values differ by more than rounding.
fn differ(values: &[f64]) -> bool {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    values.iter().any(|value| *value > least * (1.0 + 1e-9))
}

/// The middle value, or the mean of the two.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 0 => Some(f64::midpoint(values[middle - 1], values[middle])),
        _ => Some(values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_of_days_meets_every_weekday() {
        for n_days in [1, 120, 121, 730, 731, 840, 841, 1_700, 3_650] {
            let days: Vec<usize> = (0..n_days).step_by(step(n_days)).collect();
            assert!(days.len() <= MEDIAN_DAYS_MAX, "{n_days}");
            let weekdays = (0..7).filter(|weekday| days.iter().any(|day| day % 7 == *weekday));
            assert_eq!(weekdays.count(), n_days.min(7), "{n_days}");
        }
    }
}
