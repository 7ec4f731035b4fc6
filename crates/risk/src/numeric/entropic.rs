//! The entropic tail bound shared by the entropic value at risk and the entropic drawdown.

use crate::check::defined;
use crate::error::Result;
use crate::moments::sum;
use crate::quantile::tail_count;

/// `inf over z > 0 of z ln(mean exp(x / z) / alpha)` (Ahmadi-Javid 2012), for finite values and
/// `0 < alpha < 1`.
///
/// With `t = 1 / z` the infimum is where the relative entropy of the exponentially tilted
/// sample reaches `ln(1 / alpha)`; its value there is the tilted mean. Where so few values are
/// maximal that the entropy never gets there, the infimum is the maximum.
pub(crate) fn entropic_bound(metric: &'static str, values: &[f64], alpha: f64) -> Result<f64> {
    let maximum = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let minimum = values.iter().copied().fold(f64::INFINITY, f64::min);
    let range = defined(metric, maximum - minimum)?;
    let at_maximum = values.iter().filter(|value| **value >= maximum).count();
    if range <= 0.0 || tail_count(alpha, values.len()) <= at_maximum as f64 {
        return Ok(maximum);
    }
    // In units of the range and measured down from the maximum, the weights never overflow.
    let depth: Vec<f64> = values.iter().map(|x| (maximum - x) / range).collect();
    let target = -alpha.ln();
    let tilted = |t: f64| {
        let weight = sum(depth.iter().map(|d| (-t * d).exp()));
        let mean = sum(depth.iter().map(|d| d * (-t * d).exp())) / weight;
        // Relative entropy: t K'(t) - K(t), with K(t) = ln(weight / n) about the maximum.
        let entropy = -t * mean - (weight / depth.len() as f64).ln();
        (mean, entropy)
    };
    let mut high = 1.0;
    while tilted(high).1 < target {
        high *= 2.0;
        if high > 1e300 {
            return Ok(maximum);
        }
    }
    let t = crate::numeric::distribution::bisect(0.0, high, |t| tilted(t).1 < target);
    defined(metric, maximum - range * tilted(t).0)
}
