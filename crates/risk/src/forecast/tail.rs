//! One forecast, and how it is read off a distribution or a sample.

use crate::check::defined;
use crate::error::Result;
use crate::moments::sum;
use crate::quantile::{lower_tail_mean_sorted, quantile_sorted};

use super::model::Side;

/// The tail of one side at one tail probability: of a forecast, or of standardised innovations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tail {
    /// A positive loss.
    pub value_at_risk: f64,
    /// A positive loss.
    pub expected_shortfall: f64,
    /// Signed, on the side's returns.
    pub expectile: f64,
}

impl Tail {
    /// Of the side's gains `location + scale z`, this being the tail of `z` on that side.
    /// `location` is that of the returns.
    pub(super) fn moved(self, side: Side, location: f64, scale: f64) -> Self {
        let gain = side.sign() * location;
        Self {
            value_at_risk: scale * self.value_at_risk - gain,
            expected_shortfall: scale * self.expected_shortfall - gain,
            expectile: scale * self.expectile + gain,
        }
    }

    /// `factor` times as large.
    pub(super) fn times(self, factor: f64) -> Self {
        Self {
            value_at_risk: self.value_at_risk * factor,
            expected_shortfall: self.expected_shortfall * factor,
            expectile: self.expectile * factor,
        }
    }

    /// Finite, or a typed error.
    pub(super) fn checked(self) -> Result<Self> {
        defined("value_at_risk forecast", self.value_at_risk)?;
        defined("expected_shortfall forecast", self.expected_shortfall)?;
        defined("expectile forecast", self.expectile)?;
        Ok(self)
    }
}

/// A side and a tail probability that a forecast is asked for.
pub(super) type Asked = (Side, f64);

/// Tails of a sample in ascending order, one for each that is asked for.
pub(super) fn tails_of_sorted(ascending: &[f64], asked: &[Asked]) -> Result<Vec<Tail>> {
    let mirrored: Vec<f64> = if asked.iter().any(|(side, _)| *side == Side::Upper) {
        ascending.iter().rev().map(|value| -value).collect()
    } else {
        Vec::new()
    };
    let total = sum(ascending.iter().copied());
    asked
        .iter()
        .map(|&(side, alpha)| {
            let (values, total) = match side {
                Side::Lower => (ascending, total),
                Side::Upper => (mirrored.as_slice(), -total),
            };
            Ok(Tail {
                value_at_risk: -quantile_sorted(values, alpha),
                expected_shortfall: -lower_tail_mean_sorted(values, alpha)?,
                expectile: expectile_of_sorted(values, total, alpha),
            })
        })
        .collect()
}

/// Expectile of values in ascending order with sum `total`: from the lowest upwards until the
/// balance `tau E(r - e)+ = (1 - tau) E(e - r)+` lies before the next value. At the small `tau`
/// of a tail that is soon.
pub(super) fn expectile_of_sorted(ascending: &[f64], total: f64, tau: f64) -> f64 {
    let n = ascending.len();
    let mut below = 0.0;
    for (index, &value) in ascending.iter().enumerate() {
        below += value;
        let count = (index + 1) as f64;
        let above = total - below;
        let weight = tau * (n as f64 - count) + (1.0 - tau) * count;
        let candidate = (tau * above + (1.0 - tau) * below) / weight;
        if index + 1 == n || candidate <= ascending[index + 1] {
            return candidate.max(ascending[0]).min(ascending[n - 1]);
        }
    }
    total
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::expectile::sample::expectile;
    use crate::quantile::sorted;
    use crate::tail::value_at_risk::{historical_es, historical_var};

    /// A mean return lessens the losses of the holder and adds to those of one who is short.
    #[test]
    fn a_mean_moves_the_sides_apart() {
        let tail = Tail { value_at_risk: 2.0, expected_shortfall: 3.0, expectile: -1.0 };
        let close = |got: Tail, expected: [f64; 3]| {
            let got = [got.value_at_risk, got.expected_shortfall, got.expectile];
            assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{got:?}");
        };
        close(tail.moved(Side::Lower, 0.25, 0.5), [0.75, 1.25, -0.25]);
        close(tail.moved(Side::Upper, 0.25, 0.5), [1.25, 1.75, -0.75]);
    }

    /// The tails are those of the public functions, on both sides.
    #[test]
    fn the_tails_are_the_historical_ones() {
        let returns: Vec<f64> =
            (0..200_u32).map(|i| (f64::from(i * i % 211) - 90.0) * 1e-3).collect();
        let short: Vec<f64> = returns.iter().map(|r| -r).collect();
        for alpha in [0.005, 0.01, 0.05, 0.3, 0.9] {
            let asked = [(Side::Lower, alpha), (Side::Upper, alpha)];
            let tails = tails_of_sorted(&sorted(&returns), &asked).unwrap();
            for (tail, gains) in tails.iter().zip([&returns, &short]) {
                let close = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-15);
                close(tail.value_at_risk, historical_var(gains, alpha).unwrap());
                close(tail.expected_shortfall, historical_es(gains, alpha).unwrap());
                close(tail.expectile, expectile(gains, alpha).unwrap());
            }
        }
    }
}
