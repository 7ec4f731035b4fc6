//! Bars of a price that is known at some instants only: snapshots, or a feed's updates.

use plimsoll_market::lake::Note;
use plimsoll_market::{Interval, Kind, Timestamp};

use super::{Checked, bars};
use crate::csv::Values;
use crate::error::{Problem, RowProblem};
use crate::policy::{Policies, Policy, Rule};
use crate::raw::Raw;

pub(super) const MINUTE_MS: i64 = 60_000;

/// A longer silence of a feed leaves the minutes that it touches unknown.
const SILENCE_MAX_MS: i64 = 30_000;

/// One-minute bars on their way to the checks.
#[derive(Clone, Debug, Default)]
pub(super) struct SampledBars {
    times: Vec<i64>,
    /// Open, high, low, close.
    prices: [Vec<f64>; 4],
    /// Rows of the file, one a bar.
    pub(super) file_rows: Vec<usize>,
}

impl SampledBars {
    fn push(&mut self, time: i64, prices: [f64; 4], file_row: usize) {
        self.times.push(time);
        for (column, price) in self.prices.iter_mut().zip(prices) {
            column.push(price);
        }
        self.file_rows.push(file_row);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Checks the bars like any others, under the rule `sampled_prices`.
    pub(super) fn build(self, kind: Kind, policies: &Policies) -> Result<Checked, RowProblem> {
        let rule = Rule::SampledPrices.about();
        if policies.of(Rule::SampledPrices) == Policy::Refuse {
            let what = format!("prices of some instants ({})", rule.name);
            return Err(Problem::Unsupported { what }.into());
        }
        let (count, first) = (self.times.len(), self.times.first().copied().map(Timestamp));
        let [open, high, low, close] = self.prices;
        let columns = vec![
            ("time", Values::Times(self.times)),
            ("open", Values::Numbers(open)),
            ("high", Values::Numbers(high)),
            ("low", Values::Numbers(low)),
            ("close", Values::Numbers(close)),
        ];
        let raw = Raw::from_columns(count, columns);
        let mut checked = bars::build(raw, kind, Some(Interval::MINUTE), policies)?.checked;
        // Only minutes that are over were made into bars.
        checked.last_may_be_forming = false;
        checked.flags.push(Note {
            name: rule.name.to_owned(),
            count,
            first,
            message: rule.what.to_owned(),
            example: String::new(),
        });
        Ok(checked)
    }
}

/// Bars from snapshots at full minutes, of which each bar needs two: that of its open and the
/// next one exactly a minute later, which is its close. Extremes between them are not seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshots {
    before: Option<(i64, f64, usize)>,
    bars: SampledBars,
}

impl Snapshots {
    /// Takes the snapshots in order of time; one that is empty interrupts the bars.
    pub(super) fn push(&mut self, time: i64, price: f64, file_row: usize) {
        if !price.is_finite() {
            self.before = None;
            return;
        }
        if let Some((open_time, open, row)) = self.before
            && time - open_time == MINUTE_MS
        {
            self.bars.push(open_time, [open, open.max(price), open.min(price), price], row);
        }
        self.before = Some((time, price, file_row));
    }

    pub(super) fn finish(self) -> SampledBars {
        self.bars
    }
}

#[derive(Clone, Copy, Debug)]
struct Minute {
    open_time: i64,
    prices: [f64; 4],
    first: i64,
    last: i64,
    /// The longest time between two ticks inside it.
    silence: i64,
    file_row: usize,
}

impl Minute {
    fn push(&mut self, time: i64, price: f64) {
        let [open, high, low, close] = &mut self.prices;
        if time < self.first {
            *open = price;
        }
        if time >= self.last {
            *close = price;
            self.silence = self.silence.max(time - self.last);
        }
        *high = high.max(price);
        *low = low.min(price);
        self.first = self.first.min(time);
        self.last = self.last.max(time);
    }
}

/// Bars from a feed's updates. A minute is whole, and becomes a bar, where no silence of more
/// than 30 seconds touches it.
#[derive(Clone, Debug, Default)]
pub(super) struct Ticks {
    minutes: Vec<Minute>,
}

impl Ticks {
    /// Takes an update. Feeds arrive nearly in order; a tick of a minute that is over by more
    /// than one is put where it belongs.
    pub(super) fn push(&mut self, time: i64, price: f64, file_row: usize) {
        if !price.is_finite() {
            return;
        }
        let open_time = time.div_euclid(MINUTE_MS) * MINUTE_MS;
        let at = match self.minutes.last() {
            None => 0,
            Some(last) if last.open_time == open_time => self.minutes.len() - 1,
            Some(last) if last.open_time < open_time => self.minutes.len(),
            Some(_) => self.minutes.partition_point(|minute| minute.open_time < open_time),
        };
        if let Some(minute) = self.minutes.get_mut(at).filter(|m| m.open_time == open_time) {
            minute.push(time, price);
        } else {
            let prices = [price; 4];
            let (first, last, silence) = (time, time, 0);
            let minute = Minute { open_time, prices, first, last, silence, file_row };
            self.minutes.insert(at, minute);
        }
    }

    /// The bars of the whole minutes, and how many minutes were not whole.
    pub(super) fn finish(self) -> (SampledBars, usize) {
        let mut bars = SampledBars::default();
        let minutes = &self.minutes;
        for (index, minute) in minutes.iter().enumerate() {
            // At its edges a file is silent to the edge of the minute.
            let before = match index.checked_sub(1) {
                Some(before) => minute.first - minutes[before].last,
                None => minute.first - minute.open_time,
            };
            let after = match minutes.get(index + 1) {
                Some(next) => next.first - minute.last,
                None => minute.open_time + MINUTE_MS - minute.last,
            };
            if before.max(after).max(minute.silence) <= SILENCE_MAX_MS {
                bars.push(minute.open_time, minute.prices, minute.file_row);
            }
        }
        let partial = minutes.len() - bars.times.len();
        (bars, partial)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use super::*;

    #[test]
    fn snapshots_make_bars_where_the_next_is_a_minute_later() {
        let mut snapshots = Snapshots::default();
        // Minute 2 is missing, and minute 5 is empty.
        let rows = [(0, 10.0), (1, 12.0), (3, 9.0), (4, 8.0), (5, f64::NAN), (6, 7.0), (7, 7.5)];
        for (row, (minute, price)) in rows.into_iter().enumerate() {
            snapshots.push(minute * MINUTE_MS, price, row);
        }
        let bars = snapshots.finish();
        assert_eq!(bars.times, [0, 3 * MINUTE_MS, 6 * MINUTE_MS]);
        assert_eq!(bars.prices[0], [10.0, 9.0, 7.0]);
        assert_eq!(bars.prices[1], [12.0, 9.0, 7.5]);
        assert_eq!(bars.prices[2], [10.0, 8.0, 7.0]);
        assert_eq!(bars.prices[3], [12.0, 8.0, 7.5]);
        assert_eq!(bars.file_rows, [0, 2, 5]);
    }

    #[test]
    fn ticks_make_bars_of_minutes_without_a_long_silence() {
        let mut ticks = Ticks::default();
        // Ticks every 20 s for four minutes, of which second 140 is 40 s away from the next.
        let seconds = [0, 20, 40, 60, 80, 100, 120, 140, 180, 200, 220, 239];
        for (row, second) in seconds.into_iter().enumerate() {
            ticks.push(second * 1000, 100.0 + row as f64, row);
        }
        // Late, and the first of the second minute.
        ticks.push(59_999, 50.0, 12);
        ticks.push(60_000 - 1, 51.0, 13);
        let (bars, partial) = ticks.finish();
        assert_eq!(bars.times, [0, MINUTE_MS]);
        assert_eq!(partial, 2);
        assert_eq!(bars.prices[0], [100.0, 103.0]);
        assert_eq!(bars.prices[1], [102.0, 105.0]);
        assert_eq!(bars.prices[2], [50.0, 103.0]);
        assert_eq!(bars.prices[3], [51.0, 105.0]);
    }

    #[test]
    fn a_file_that_begins_or_ends_inside_a_minute_does_not_make_a_bar_of_it() {
        let mut ticks = Ticks::default();
        for second in (45..150).step_by(5) {
            ticks.push(second * 1000, 1.0, 0);
        }
        assert_eq!(ticks.finish().0.times, [MINUTE_MS]);
    }

    #[test]
    fn a_study_can_refuse_sampled_prices() {
        let mut snapshots = Snapshots::default();
        snapshots.push(0, 1.0, 0);
        snapshots.push(MINUTE_MS, 2.0, 1);
        let bars = snapshots.finish();
        let mut policies = Policies::default();
        let checked = bars.clone().build(Kind::MarkCandles, &policies).unwrap();
        assert_eq!(checked.flags[0].name, "sampled_prices");
        assert!(!checked.last_may_be_forming);
        policies.set(Rule::SampledPrices, Policy::Refuse).unwrap();
        let refused = bars.build(Kind::MarkCandles, &policies).err().unwrap();
        assert!(refused.problem.to_string().contains("sampled_prices"));
    }
}
