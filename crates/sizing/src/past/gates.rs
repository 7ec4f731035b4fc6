//! What the gates read of a symbol's past.

use plimsoll_market::{DAY_MS, Market, PriceColumns, Side, SymbolColumns};
use plimsoll_risk::moments::Moments;

use super::Past;
use crate::formulas::{Liquidated, OracleReading, SizingError};
use crate::rule::{
    LiquidatedSide, LiquidationCluster, LiquidationsRelativeTo, MarginAllocation, OracleHealth,
    SizingRule,
};

impl Past<'_> {
    /// Bars in a day.
    pub fn bars_per_day(&self) -> f64 {
        DAY_MS as f64 / self.inputs.market.interval.ms() as f64
    }

    /// What was liquidated in the hours up to the close, and what the rule holds it against: open
    /// interest at the close, or the mean over as many bars in the days before those hours, of
    /// which half have to be known.
    ///
    /// # Errors
    /// `NotRecorded` where a bar of those hours, or open interest, is unknown;
    /// `TooFewObservations` where the data begin too late.
    pub fn liquidated(
        &self,
        cluster: &LiquidationCluster,
        side: Side,
    ) -> Result<Liquidated, SizingError> {
        let symbol = self.symbol();
        let whose = Whose::of(cluster.side, side);
        let length = bars_in(cluster.hours as f64 * HOUR_MS, self.inputs.market);
        let end = self.bar + 1;
        let start = end
            .checked_sub(length)
            .ok_or(SizingError::TooFewObservations { have: end, need: length })?;
        let notional: f64 = (start..end).map(|bar| liquidated_in(symbol, whose, bar)).sum();
        if notional.is_nan() {
            return Err(SizingError::NotRecorded { name: "what was liquidated" });
        }
        let against = match cluster.relative_to {
            LiquidationsRelativeTo::OpenInterest => {
                let value = at(&symbol.open_interest_value, self.bar);
                if value.is_nan() {
                    return Err(SizingError::NotRecorded { name: "open interest" });
                }
                value
            }
            LiquidationsRelativeTo::TrailingMean => {
                let need =
                    bars_in(cluster.trailing_days() as f64 * DAY_MS as f64, self.inputs.market);
                let sums = self.inputs.gates.liquidated.get(self.symbol_idx);
                let name = "a mean of what was liquidated";
                let sums = sums.ok_or(SizingError::NotRecorded { name })?;
                sums[whose as usize].mean(start, need)? * length as f64
            }
        };
        Ok(Liquidated { notional, against })
    }

    /// The prices whose health a rule checks, each no older than it allows.
    ///
    /// # Errors
    /// `NotRecorded` where reference venues are loaded and there has been no price of theirs, or
    /// none of this venue to compare with it.
    pub fn oracle_reading(&self, health: &OracleHealth) -> Result<OracleReading, SizingError> {
        let symbol = self.symbol();
        let first = &self.inputs.gates.first_known[self.symbol_idx];
        let latest = |column: &[f64], first| self.latest(column, first, health.stale_bars);
        let of = |prices: Option<&PriceColumns>, first| {
            prices.map_or(Latest::Never, |prices| latest(&prices.close, first))
        };
        let mark = of(symbol.mark.as_ref(), first.mark);
        let index = of(symbol.index.as_ref(), first.index);
        let mut is_stale = mark == Latest::Stale || index == Latest::Stale;
        let mark_and_index = mark.known().zip(index.known());
        let mut venue_and_reference = None;
        if !symbol.reference_close.is_empty() && !is_stale {
            let name = "a price of the venue to hold against others";
            let venue = index.known().or(mark.known()).ok_or(SizingError::NotRecorded { name })?;
            let others: Vec<Latest> = symbol
                .reference_close
                .iter()
                .zip(&first.references)
                .map(|((_, column), &first)| latest(column, first))
                .collect();
            let prices: Vec<f64> = others.iter().filter_map(|latest| latest.known()).collect();
            match median(prices) {
                Some(reference) => venue_and_reference = Some((venue, reference)),
                None if others.contains(&Latest::Stale) => is_stale = true,
                None => {
                    let name = "a price of the reference venues";
                    return Err(SizingError::NotRecorded { name });
                }
            }
        }
        Ok(OracleReading { mark_and_index, venue_and_reference, is_stale })
    }

    /// Sample standard deviation of the last daily log returns, over the current days and over
    /// the days of the reference, both up to the last day that had closed.
    ///
    /// # Errors
    /// `TooFewObservations` where days are missing.
    pub fn volatility_and_reference(
        &self,
        allocation: &MarginAllocation,
    ) -> Result<(f64, f64), SizingError> {
        let known = self.inputs.unbroken_days(self.symbol_idx, self.bar);
        let deviation = |days: usize| {
            let too_few = SizingError::TooFewObservations { have: known.len(), need: days };
            let first = known.len().checked_sub(days).ok_or(too_few.clone())?;
            let returns: Vec<f64> = known[first..].iter().map(|&(_, r)| r).collect();
            Moments::of(&returns)
                .and_then(|moments| moments.standard_deviation_sample())
                .map_err(|_| too_few)
        };
        Ok((deviation(allocation.days)?, deviation(allocation.reference_days)?))
    }

    fn symbol(&self) -> &SymbolColumns {
        &self.inputs.market.symbols[self.symbol_idx]
    }

    /// The last value of a column that is at most so many bars old.
    fn latest(&self, column: &[f64], first_known: usize, stale_bars: usize) -> Latest {
        let oldest = self.bar.saturating_sub(stale_bars);
        let found = (oldest..=self.bar).rev().map(|bar| at(column, bar)).find(|v| !v.is_nan());
        match found {
            Some(value) => Latest::Known(value),
            None if first_known <= self.bar => Latest::Stale,
            None => Latest::Never,
        }
    }
}

const HOUR_MS: f64 = 3_600_000.0;

/// A price as far as it is known at a close.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Latest {
    Known(f64),
    /// It has been there, and has been missing for too long.
    Stale,
    /// It has never been there.
    Never,
}

impl Latest {
    fn known(self) -> Option<f64> {
        match self {
            Self::Known(value) => Some(value),
            Self::Stale | Self::Never => None,
        }
    }
}

/// Whose liquidations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Longs,
    Shorts,
    All,
}

impl Whose {
    const EACH: [Self; 3] = [Self::Longs, Self::Shorts, Self::All];

    fn of(liquidated: LiquidatedSide, trade: Side) -> Self {
        match (liquidated, trade) {
            (LiquidatedSide::Both, _) => Self::All,
            (LiquidatedSide::Same, Side::Long) => Self::Longs,
            (LiquidatedSide::Same, Side::Short) => Self::Shorts,
        }
    }
}

/// Columns behind the gates, computed once for all rules.
#[derive(Debug)]
pub(super) struct GateColumns {
    /// Per symbol, sums of what was liquidated of longs, of shorts and of both. Without symbols
    /// where no rule asks for a mean.
    liquidated: Vec<[RunningSums; 3]>,
    /// Per symbol, the first bar of each price that a health check reads.
    first_known: Vec<FirstKnown>,
}

/// The first bar at which a price is known; past the end where it never is.
#[derive(Debug)]
struct FirstKnown {
    mark: usize,
    index: usize,
    references: Vec<usize>,
}

/// Sums of a column from its beginning, unknown bars left out and counted.
#[derive(Debug)]
struct RunningSums {
    sums: Vec<f64>,
    known: Vec<usize>,
}

impl GateColumns {
    pub(super) fn new(market: &Market, rules: &[SizingRule]) -> Self {
        let needs_mean = rules.iter().any(|rule| {
            let cluster = rule.liquidation_cluster.as_ref();
            cluster.is_some_and(|c| c.relative_to == LiquidationsRelativeTo::TrailingMean)
        });
        let sums = |symbol| {
            Whose::EACH.map(|whose| {
                RunningSums::of(market.n_bars, |bar| liquidated_in(symbol, whose, bar))
            })
        };
        let liquidated =
            if needs_mean { market.symbols.iter().map(sums).collect() } else { Vec::new() };
        Self { liquidated, first_known: market.symbols.iter().map(FirstKnown::of).collect() }
    }
}

impl FirstKnown {
    fn of(symbol: &SymbolColumns) -> Self {
        let first =
            |column: &[f64]| column.iter().position(|value| !value.is_nan()).unwrap_or(usize::MAX);
        let price = |prices: Option<&PriceColumns>| {
            prices.map_or(usize::MAX, |prices| first(&prices.close))
        };
        Self {
            mark: price(symbol.mark.as_ref()),
            index: price(symbol.index.as_ref()),
            references: symbol.reference_close.iter().map(|(_, column)| first(column)).collect(),
        }
    }
}

impl RunningSums {
    fn of(n_bars: usize, value: impl Fn(usize) -> f64) -> Self {
        let (mut sums, mut known) = (vec![0.0], vec![0]);
        let (mut sum, mut count) = (0.0, 0);
        for bar in 0..n_bars {
            let value = value(bar);
            if !value.is_nan() {
                sum += value;
                count += 1;
            }
            sums.push(sum);
            known.push(count);
        }
        Self { sums, known }
    }

    /// Mean of the known ones among the `need` bars before bar `end`, at least half of them.
    fn mean(&self, end: usize, need: usize) -> Result<f64, SizingError> {
        let first =
            end.checked_sub(need).ok_or(SizingError::TooFewObservations { have: end, need })?;
        let have = self.known[end] - self.known[first];
        let least = need.div_ceil(2);
        if have < least {
            return Err(SizingError::TooFewObservations { have, need: least });
        }
        // Sums of amounts that are not negative never fall.
        Ok((self.sums[end] - self.sums[first]) / have as f64)
    }
}

/// What was liquidated in a bar, `NaN` where that is unknown.
fn liquidated_in(symbol: &SymbolColumns, whose: Whose, bar: usize) -> f64 {
    let longs = at(&symbol.liquidated_long_notional, bar);
    let shorts = at(&symbol.liquidated_short_notional, bar);
    match whose {
        Whose::Longs => longs,
        Whose::Shorts => shorts,
        Whose::All => longs + shorts,
    }
}

/// A column's value, `NaN` where the market has no such column.
fn at(column: &[f64], bar: usize) -> f64 {
    column.get(bar).copied().unwrap_or(f64::NAN)
}

/// Bars that cover so many milliseconds.
fn bars_in(ms: f64, market: &Market) -> usize {
    (ms / market.interval.ms() as f64).ceil().max(1.0) as usize
}

/// The middle value, or the mean of the two in the middle; `None` of nothing.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let high = *values.get(values.len() / 2)?;
    let low = values[(values.len() - 1) / 2];
    Some(f64::midpoint(low, high))
}
