//! Where grid lines stand.

use plimsoll_market::{DAY_MS, Timestamp};

/// About `n` round values from `low` to `high`.
pub fn linear(low: f64, high: f64, n: usize) -> Vec<f64> {
    let span = high - low;
    if !(span > 0.0 && span.is_finite()) || n == 0 {
        return vec![low];
    }
    let rough = span / n as f64;
    let power = 10f64.powi(rough.log10().floor() as i32);
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|&step| step >= rough * 0.999)
        .unwrap_or(10.0 * power);
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    // A step below the normal doubles has lost its digits, and may divide to infinity.
    let is_even = step >= f64::MIN_POSITIVE && last - first <= 10.0 * n as f64;
    if !is_even {
        return vec![low];
    }
    (first as i64..=last as i64).map(|k| k as f64 * step).collect()
}

/// Round values for a logarithmic axis: 1, 2, 5 per decade, or even steps where the range is less
/// than a factor of four; thinned to at most `n`.
pub fn logarithmic(low: f64, high: f64, n: usize) -> Vec<f64> {
    if high / low < 4.0 {
        return linear(low, high, n);
    }
    let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
    for mantissas in [&[1.0, 2.0, 5.0][..], &[1.0, 3.0], &[1.0]] {
        let ticks: Vec<f64> = decades
            .clone()
            .flat_map(|decade| mantissas.iter().map(move |m| m * 10f64.powi(decade)))
            .filter(|tick| (low * 0.999..=high * 1.001).contains(tick))
            .collect();
        if ticks.len() <= n {
            return ticks;
        }
    }
    let powers: Vec<f64> = decades.map(|decade| 10f64.powi(decade)).collect();
    let every = powers.len().div_ceil(n.max(1));
    powers
        .into_iter()
        .step_by(every)
        .filter(|tick| (low * 0.999..=high * 1.001).contains(tick))
        .collect()
}

/// At most about `n` round instants from `from` to `to` (milliseconds), with labels.
pub fn times(from: i64, to: i64, n: usize) -> Vec<(i64, String)> {
    let n = n.max(1);
    let days = (to - from).max(1) as f64 / DAY_MS as f64;
    for months in [1, 3, 6, 12, 24, 60] {
        // Below three months, days divide better.
        if days >= 90.0 && days / (30.4 * f64::from(months)) <= n as f64 {
            return month_ticks(from, to, months);
        }
    }
    for step in [1, 2, 7, 14] {
        if days / f64::from(step) <= n as f64 && days >= 2.0 {
            let step_ms = i64::from(step) * DAY_MS;
            let first =
                from.div_euclid(DAY_MS) * DAY_MS + if from % DAY_MS == 0 { 0 } else { DAY_MS };
            return (first..=to)
                .step_by(step_ms as usize)
                .map(|time| (time, Timestamp(time).date_string()[5..].to_owned()))
                .collect();
        }
    }
    if days < 2.0 {
        let step = (to - from) / n as i64;
        let hour = 3_600_000;
        let step = (step / hour + 1) * hour;
        return (from.div_euclid(hour) * hour + hour..=to)
            .step_by(step as usize)
            .map(|time| (time, Timestamp(time).to_string()[11..16].to_owned()))
            .collect();
    }
    month_ticks(from, to, if days < 90.0 { 1 } else { 120 })
}

fn month_ticks(from: i64, to: i64, months: i32) -> Vec<(i64, String)> {
    let mut ticks = Vec::new();
    let mut time = Timestamp(from);
    if time.month_start() != time {
        time = time.next_month_start();
    }
    while time.0 <= to {
        let (year, month) = time.year_month();
        if (year * 12 + month as i32 - 1) % months == 0 {
            let label = if months >= 12 { format!("{year}") } else { format!("{year}-{month:02}") };
            ticks.push((time.0, label));
        }
        time = time.next_month_start();
    }
    ticks
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn round_values() {
        let close = |found: Vec<f64>, expected: &[f64]| {
            assert_eq!(found.len(), expected.len(), "{found:?}");
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
        };
        close(linear(0.0, 1.0, 5), &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        close(linear(-0.3, 0.3, 4), &[-0.2, 0.0, 0.2]);
        // A span of which no round part can be written.
        close(linear(-f64::MIN_POSITIVE, f64::MIN_POSITIVE, 7), &[0.0]);
        close(logarithmic(900.0, 120_000.0, 8), &[1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5]);
        close(logarithmic(900.0, 120_000.0, 5), &[1e3, 3e3, 1e4, 3e4, 1e5]);
        close(logarithmic(1.0, 1e9, 4), &[1.0, 1e3, 1e6, 1e9]);
    }

    #[test]
    fn round_instants() {
        let ms = |text: &str| text.parse::<Timestamp>().unwrap().0;
        let labels = |from: &str, to: &str, n| -> Vec<String> {
            times(ms(from), ms(to), n).into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(
            labels("2024-01-10", "2026-01-01", 8),
            [
                "2024-04", "2024-07", "2024-10", "2025-01", "2025-04", "2025-07", "2025-10",
                "2026-01"
            ]
        );
        assert_eq!(labels("2024-01-01", "2024-01-05", 6).len(), 5);
        assert_eq!(labels("2024-01-01", "2024-03-01", 4), ["2024-01", "2024-02", "2024-03"]);
    }

    proptest! {
        #[test]
        fn instants_lie_in_range_and_are_few(
            from in 0i64..2_000_000_000_000, days in 1i64..9000, n in 2usize..10
        ) {
            let to = from + days * DAY_MS;
            let ticks = times(from, to, n);
            prop_assert!(ticks.iter().all(|(time, _)| (from..=to).contains(time)));
            prop_assert!(ticks.len() <= 2 * n + 1, "{ticks:?}");
            prop_assert!(ticks.is_sorted());
        }
    }
}
