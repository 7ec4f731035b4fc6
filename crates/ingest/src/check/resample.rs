//! Longer bars out of shorter ones.

use plimsoll_market::{Interval, Table, Timestamp};

/// A longer bar of which every shorter one is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Whole {
    pub(super) time: i64,
    pub(super) open: f64,
    pub(super) high: f64,
    pub(super) low: f64,
    pub(super) close: f64,
    /// Zero for kinds without volume.
    pub(super) volume: f64,
}

/// The longer bars that a table of bars, in order, adds up to; those of which a part is missing
/// are left out.
pub(super) fn resample(table: &Table, from: Interval, to: Interval) -> Vec<Whole> {
    let [open, high, low, close] = ["open", "high", "low", "close"].map(|name| table.f64(name));
    let volume = table.column("volume").map(|_| table.f64("volume"));
    let parts = (to.ms() / from.ms()) as usize;
    let mut wholes = Vec::with_capacity(table.len() / parts + 1);
    let mut held = 0;
    for (row, &time) in table.times().iter().enumerate() {
        let start = to.floor(Timestamp(time)).0;
        let volume = volume.map_or(0.0, |volume| volume[row]);
        match wholes.last_mut() {
            Some(Whole { time, high: top, low: bottom, close: last, volume: sum, .. })
                if *time == start =>
            {
                *top = top.max(high[row]);
                *bottom = bottom.min(low[row]);
                *last = close[row];
                *sum += volume;
                held += 1;
            }
            _ => {
                if held < parts {
                    wholes.pop();
                }
                wholes.push(Whole {
                    time: start,
                    open: open[row],
                    high: high[row],
                    low: low[row],
                    close: close[row],
                    volume,
                });
                held = 1;
            }
        }
    }
    if held < parts {
        wholes.pop();
    }
    wholes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use plimsoll_market::{Column, Kind};

    use super::*;

    #[test]
    fn only_whole_bars_are_made() {
        let minutes = [1_i64, 2, 3, 4, 5, 6, 8, 9];
        let prices = |add: f64| minutes.map(|m| m as f64 + add).to_vec();
        let table = Table::new(
            Kind::MarkCandles,
            vec![
                Column::Time(minutes.map(|m| m * 60_000).to_vec()),
                Column::F64(prices(10.0)),
                Column::F64(prices(12.0)),
                Column::F64(prices(9.0)),
                Column::F64(prices(11.0)),
            ],
        );
        let three: Interval = "3m".parse().unwrap();
        let wholes = resample(&table, Interval::MINUTE, three);
        let expected =
            Whole { time: 180_000, open: 13.0, high: 17.0, low: 12.0, close: 16.0, volume: 0.0 };
        assert_eq!(wholes, [expected]);
        assert_eq!(resample(&table, Interval::MINUTE, Interval::MINUTE).len(), 8);
        assert!(resample(&Table::empty(Kind::Candles), Interval::MINUTE, three).is_empty());
    }
}
