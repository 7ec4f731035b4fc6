//! The week's rhythm: busy when Europe and America overlap, calm at night, quiet at weekends.
//!
//! The shape is a stylised one: UTC hours 13 to 16 are the busiest, smaller humps stand at the
//! Asian and the European morning, 03 to 06 and 20 to 24 are calm, a weekend has 70 % of a
//! weekday's volatility. Volume follows volatility to the power 1.3.

use crate::time::{DAY_MS, Interval, Timestamp};

/// Multiples of the average volatility and volume, one a step of the week.
#[derive(Clone, Debug)]
pub(crate) struct Season {
    step: Interval,
    /// Mean square 1.
    volatility: Vec<f64>,
    /// Mean 1.
    volume: Vec<f64>,
}

impl Season {
    /// The rhythm at a time step; `strength` 0 is none.
    pub(crate) fn new(step: Interval, strength: f64) -> Self {
        let steps_per_day = DAY_MS / step.ms();
        let mut volatility: Vec<f64> = (0..7 * steps_per_day)
            .map(|i| {
                let hour = (i % steps_per_day) as f64 * 24.0 / steps_per_day as f64;
                // 1970-01-01 was a Thursday, so days 2 and 3 of this week are the weekend.
                let is_weekend = matches!(i / steps_per_day, 2 | 3);
                let weekend = if is_weekend { 1.0 - 0.3 * strength } else { 1.0 };
                weekend * (1.0 + strength * (hour_shape(hour) - 1.0))
            })
            .collect();
        let n = volatility.len() as f64;
        let mean_square = volatility.iter().map(|v| v * v).sum::<f64>() / n;
        for v in &mut volatility {
            *v /= mean_square.sqrt();
        }
        let mut volume: Vec<f64> = volatility.iter().map(|v| v.powf(1.3)).collect();
        let mean = volume.iter().sum::<f64>() / n;
        for v in &mut volume {
            *v /= mean;
        }
        Self { step, volatility, volume }
    }

    /// `(volatility, volume)` multiples of the step that opens at a time.
    pub(crate) fn at(&self, open: Timestamp) -> (f64, f64) {
        let i = (open.0.rem_euclid(7 * DAY_MS) / self.step.ms()) as usize;
        (self.volatility[i], self.volume[i])
    }
}

/// Volatility by hour of the UTC day, before it is brought to a mean square of 1.
fn hour_shape(hour: f64) -> f64 {
    let hump = |centre: f64, width: f64| {
        let distance = (hour - centre).abs();
        (-(distance.min(24.0 - distance) / width).powi(2)).exp()
    };
    0.75 + 0.75 * hump(14.5, 2.2) + 0.25 * hump(1.0, 2.0) + 0.2 * hump(8.0, 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_one_and_nights_are_calm() {
        let season = Season::new(Interval::MINUTE, 1.0);
        let n = season.volume.len() as f64;
        let mean_square = season.volatility.iter().map(|v| v * v).sum::<f64>() / n;
        assert!((mean_square - 1.0).abs() < 1e-9);
        assert!((season.volume.iter().sum::<f64>() / n - 1.0).abs() < 1e-9);

        let at = |text: &str| season.at(text.parse().expect("a time"));
        let (night, busy) = (at("2024-01-03T04:30:00Z"), at("2024-01-03T14:30:00Z"));
        assert!(busy.0 > 1.7 * night.0 && busy.1 > 2.0 * night.1);
        // 2024-01-06 was a Saturday, 2024-01-08 a Monday.
        let (saturday, monday) = (at("2024-01-06T14:30:00Z"), at("2024-01-08T14:30:00Z"));
        assert!((saturday.0 / monday.0 - 0.7).abs() < 1e-12);
    }

    #[test]
    fn without_strength_every_step_is_alike() {
        let season = Season::new(Interval::HOUR, 0.0);
        assert!(season.volatility.iter().all(|v| (v - 1.0).abs() < 1e-12));
    }
}
