//! Bar indices as times, months and quarters.

use plimsoll_market::Timestamp;
use plimsoll_study::result::StudyResult;

/// The grid of bars that a result's indices point into.
#[derive(Clone, Copy, Debug)]
pub struct Timeline {
    start_ms: i64,
    interval_ms: i64,
}

impl Timeline {
    /// The grid of a result.
    pub fn of(result: &StudyResult) -> Self {
        Self { start_ms: result.grid_start.0, interval_ms: result.interval.ms() }
    }

    /// Open time of a bar.
    pub fn open(self, bar: usize) -> Timestamp {
        Timestamp(self.start_ms + bar as i64 * self.interval_ms)
    }

    /// Close time of a bar, which is the open time of the next.
    pub fn close(self, bar: usize) -> Timestamp {
        Timestamp(self.open(bar).0 + self.interval_ms)
    }

    /// The month in which a bar opens.
    pub fn month(self, bar: usize) -> Month {
        Month::of(self.open(bar))
    }

    /// The months of `bars` consecutive bars from `from` on.
    pub fn months(self, from: usize, bars: usize) -> impl Iterator<Item = Month> {
        let mut month = self.month(from);
        let mut next_ms = self.open(from).next_month_start().0;
        (from..from + bars).map(move |bar| {
            let time = self.open(bar);
            if time.0 >= next_ms {
                month = Month::of(time);
                next_ms = time.next_month_start().0;
            }
            month
        })
    }
}

/// A calendar month, UTC: months since year 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(pub i32);

impl Month {
    /// The month that holds an instant.
    pub fn of(time: Timestamp) -> Self {
        let (year, month) = time.year_month();
        Self(year * 12 + month as i32 - 1)
    }

    /// `2024 Q1`.
    pub fn quarter(self) -> String {
        format!("{} Q{}", self.0.div_euclid(12), self.0.rem_euclid(12) / 3 + 1)
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1))
    }
}

/// Distance of each close from the running peak of closes, the start included; a fraction, positive.
pub fn drawdowns(initial_equity: f64, equity: &[f64]) -> Vec<f64> {
    let mut peak = initial_equity;
    equity
        .iter()
        .map(|&equity| {
            peak = peak.max(equity);
            if peak > 0.0 { 1.0 - equity / peak } else { 0.0 }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn months_and_quarters() {
        for (time, month, quarter) in [
            ("2024-01-01T00:00:00Z", "2024-01", "2024 Q1"),
            ("2024-03-31T23:59:59Z", "2024-03", "2024 Q1"),
            ("2025-12-31T23:00:00Z", "2025-12", "2025 Q4"),
        ] {
            let found = Month::of(time.parse().unwrap());
            assert_eq!((found.to_string().as_str(), found.quarter().as_str()), (month, quarter));
        }
    }

    #[test]
    fn months_of_a_run_are_those_of_its_bars() {
        let start: Timestamp = "2023-12-31T20:00:00Z".parse().unwrap();
        let timeline = Timeline { start_ms: start.0, interval_ms: 3_600_000 };
        let run: Vec<Month> = timeline.months(2, 24 * 70).collect();
        assert_eq!(run.len(), 24 * 70);
        assert!(run.iter().enumerate().all(|(i, &month)| month == timeline.month(2 + i)));
        assert_eq!(run[0].to_string(), "2023-12");
        assert_eq!(run[run.len() - 1].to_string(), "2024-03");
    }

    #[test]
    fn drawdown_counts_the_start_as_a_peak() {
        let found = drawdowns(100.0, &[80.0, 120.0, 90.0, 0.0]);
        let expected = [0.2, 0.0, 0.25, 1.0];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15));
    }
}
