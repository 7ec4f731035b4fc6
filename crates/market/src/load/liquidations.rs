//! Liquidated notional by bar and side: from single liquidations where those are accounted for,
//! else from published sums.

use super::SymbolLoader;
use crate::error::MarketError;
use crate::lake::Series;
use crate::market::SymbolColumns;
use crate::table::{Column, Kind};
use crate::time::{Interval, Timestamp};

/// Notional of longs and of shorts by bar, unknown where it is NaN.
struct Liquidated {
    long: Vec<f64>,
    short: Vec<f64>,
}

impl SymbolLoader<'_> {
    /// Liquidated notional by bar and side; unknown wherever a bar is not wholly covered by single
    /// liquidations, nor by sums of the venue over intervals that divide the bar.
    pub(super) fn load_liquidations(&self, columns: &mut SymbolColumns) -> Result<(), MarketError> {
        let series = self.series(Kind::Liquidations);
        let single = self.known_bars(&self.lake.coverage(&series)?);
        let mut open: Vec<bool> = single.iter().map(|value| value.is_nan()).collect();
        let mut liquidated = Liquidated { long: single.clone(), short: single };
        self.add_single(&series, &mut liquidated)?;
        let mut filled = Vec::new();
        for series in self.sums()? {
            filled.extend(self.fill_from_sums(&series, &mut open, &mut liquidated)?);
        }
        let period = self.period();
        filled.retain(|bar| period.contains(bar));
        if let Some(&first) = filled.iter().min() {
            let first = self.market.open_time(first);
            let message = format!(
                "liquidations of {} bars are published sums, not single orders, the first at {first}",
                filled.len()
            );
            let kind = Kind::LiquidationVolume;
            self.flag(columns, "liquidations_summed", kind, filled.len(), first, &message);
        }
        columns.liquidated_long_notional = liquidated.long;
        columns.liquidated_short_notional = liquidated.short;
        Ok(())
    }

    fn add_single(&self, series: &Series, liquidated: &mut Liquidated) -> Result<(), MarketError> {
        let table = self.lake.read(series, self.market.start, self.request.to)?;
        let Some(Column::Text(sides)) = table.column("liquidated_side") else { return Ok(()) };
        for (row, &time) in table.times().iter().enumerate() {
            let bar = ((time - self.market.start.0) / self.market.interval.ms()) as usize;
            let notional = table.f64("notional")[row];
            // A side that the source does not tell leaves both unknown in its bar.
            let (to_long, to_short) = match sides[row].as_str() {
                "long" => (notional, 0.0),
                "short" => (0.0, notional),
                _ => (f64::NAN, f64::NAN),
            };
            if bar < liquidated.long.len() {
                liquidated.long[bar] += to_long;
                liquidated.short[bar] += to_short;
            }
        }
        Ok(())
    }

    /// 0 for bars inside the coverage, unknown elsewhere.
    fn known_bars(&self, coverage: &[(Timestamp, Timestamp)]) -> Vec<f64> {
        let mut known = vec![f64::NAN; self.market.n_bars];
        for &(from, to) in coverage {
            let mut bar = self.market.first_bar_from(from);
            while bar < self.market.n_bars && self.market.close_time(bar) <= to {
                known[bar] = 0.0;
                bar += 1;
            }
        }
        known
    }

    /// The venue's sums whose interval divides the bar, the longest first.
    fn sums(&self) -> Result<Vec<Series>, MarketError> {
        let divides = |interval: Option<Interval>| {
            interval.is_some_and(|i| self.market.interval.ms() % i.ms() == 0)
        };
        let mut found: Vec<Series> = self
            .lake
            .series()?
            .into_iter()
            .filter(|s| {
                s.kind == Kind::LiquidationVolume
                    && s.venue == self.request.venue
                    && s.symbol == self.symbol
                    && divides(s.interval)
            })
            .collect();
        found.sort_by_key(|series| std::cmp::Reverse(series.interval));
        Ok(found)
    }

    /// Fills the bars that are still open where every sum of the bar is known; which those were.
    fn fill_from_sums(
        &self,
        series: &Series,
        open: &mut [bool],
        liquidated: &mut Liquidated,
    ) -> Result<Vec<usize>, MarketError> {
        let Some(interval) = series.interval else { return Ok(Vec::new()) };
        let n_parts = (self.market.interval.ms() / interval.ms()) as usize;
        let table = self.lake.read(series, self.market.start, self.request.to)?;
        let times = table.times();
        let long = table.f64_or_nan("long_notional");
        let short = table.f64_or_nan("short_notional");
        let mut filled = Vec::new();
        let mut row = 0;
        while row < times.len() {
            let open_time = self.market.interval.floor(Timestamp(times[row])).0;
            let end = row
                + times[row..]
                    .partition_point(|&time| time < open_time + self.market.interval.ms());
            let bar = ((open_time - self.market.start.0) / self.market.interval.ms()) as usize;
            let sum = |values: &[f64]| values[row..end].iter().sum::<f64>();
            let (sum_long, sum_short) = (sum(&long), sum(&short));
            let is_whole = end - row == n_parts && !sum_long.is_nan() && !sum_short.is_nan();
            if is_whole && open.get(bar).copied().unwrap_or(false) {
                liquidated.long[bar] = sum_long;
                liquidated.short[bar] = sum_short;
                open[bar] = false;
                filled.push(bar);
            }
            row = end;
        }
        Ok(filled)
    }
}
