//! The funding rate that is known at each close.

use plimsoll_market::{FundingEvent, Market, SymbolColumns, Timestamp};

/// Mean of the last `periods` settled rates, brought to eight hours, at each close.
///
/// A settlement at the very close is known. Undefined (`NaN`) where the close lies outside the
/// periods in which every settlement is known, or where fewer than `periods` settlements lie
/// between the start of that period and the close.
pub(crate) fn funding_rate_8h(market: &Market, symbol: &SymbolColumns, periods: usize) -> Vec<f64> {
    let mut values = vec![f64::NAN; market.n_bars];
    for (from, to) in joined(&symbol.funding_coverage) {
        let events = within(&symbol.funding, from, to);
        let first = market.first_bar_from(Timestamp(from.0 - market.interval.ms()));
        let mut n_known = 0;
        for (bar, value) in values.iter_mut().enumerate().skip(first) {
            let close_time = market.close_time(bar);
            if close_time >= to {
                break;
            }
            while events.get(n_known).is_some_and(|event| event.settlement_time <= close_time) {
                n_known += 1;
            }
            if n_known >= periods {
                let last = &events[n_known - periods..n_known];
                *value = last.iter().map(FundingEvent::rate_8h).sum::<f64>() / periods as f64;
            }
        }
    }
    values
}

/// The periods in time order, those that touch or overlap made one.
fn joined(coverage: &[(Timestamp, Timestamp)]) -> Vec<(Timestamp, Timestamp)> {
    let mut sorted = coverage.to_vec();
    sorted.sort_unstable();
    let mut joined: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (from, to) in sorted {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// The events of `[from, to)`; `events` are in time order.
fn within(events: &[FundingEvent], from: Timestamp, to: Timestamp) -> &[FundingEvent] {
    let start = events.partition_point(|event| event.settlement_time < from);
    let end = events.partition_point(|event| event.settlement_time < to);
    &events[start..end.max(start)]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)]
    use super::*;
    use plimsoll_market::Interval;

    fn at_hour(hour: i64) -> Timestamp {
        Timestamp(hour * Interval::HOUR.ms())
    }

    /// Twelve hourly bars; settlements at 2, 4, 6, 8, 10 h of 1, 2, 3, ... per mille of two hours.
    fn rates(coverage: &[(i64, i64)], periods: usize) -> Vec<f64> {
        let symbol = SymbolColumns {
            funding: (1..=5_i32)
                .map(|n| FundingEvent {
                    settlement_time: at_hour(i64::from(2 * n)),
                    rate: f64::from(n),
                    interval_minutes: 120,
                    mark_price: None,
                })
                .collect(),
            funding_coverage: coverage
                .iter()
                .map(|&(from, to)| (at_hour(from), at_hour(to)))
                .collect(),
            ..SymbolColumns::default()
        };
        let market = Market {
            venue: "test".into(),
            interval: Interval::HOUR,
            start: at_hour(0),
            n_bars: 12,
            symbols: Vec::new(),
        };
        funding_rate_8h(&market, &symbol, periods)
            .into_iter()
            .map(|rate| if rate.is_nan() { -1.0 } else { rate })
            .collect()
    }

    #[test]
    fn last_settled_rate_at_each_close() {
        let expect = [-1., 4., 4., 8., 8., 12., 12., 16., 16., 20., 20., -1.];
        assert_eq!(rates(&[(0, 12)], 1), expect);
        // Months that touch are one period, in whatever order they are listed.
        assert_eq!(rates(&[(5, 12), (0, 5)], 1), expect);
    }

    #[test]
    fn nothing_is_known_outside_the_coverage() {
        let expect = [-1., -1., -1., 8., 8., 12., -1., -1., -1., 20., 20., -1.];
        assert_eq!(rates(&[(3, 7), (9, 12)], 1), expect);
        assert_eq!(rates(&[], 1), [-1.; 12]);
    }

    #[test]
    fn mean_of_the_last_settlements() {
        let expect = [-1., -1., -1., 6., 6., 10., 10., 14., 14., 18., 18., -1.];
        assert_eq!(rates(&[(0, 12)], 2), expect);
        let expect = [-1., -1., -1., -1., -1., 10., 10., 14., -1., -1., -1., -1.];
        assert_eq!(rates(&[(3, 9), (9, 9)], 2), expect);
    }
}
