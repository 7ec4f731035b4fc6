//! Shares in proportion to weights, none above its cap: the excess is shared by the others.

use crate::error::{VenueError, check, check_not_negative};

/// What [`water_fill`] gives.
#[derive(Clone, Debug, PartialEq)]
pub struct WaterFill {
    /// Each share, from 0 to its cap, in the order of the weights.
    pub shares: Vec<f64>,
    /// Rounds needed: in each but the last, a share reached its cap. Never more than there are
    /// weights.
    pub rounds: usize,
    /// What no share could take, 0 where the caps suffice.
    pub left: f64,
}

/// Shares `min(cap, level * weight)` that add up to `total`, with the one level that does it.
///
/// Each round gives what remains to the uncapped in proportion to their weights; those that would
/// exceed their cap get the cap and are out. A weight of 0 gets nothing.
///
/// # Errors
/// [`VenueError::BadAccount`] for a weight or cap that is not finite or below zero,
/// [`VenueError::BadInput`] for such a total or for lists of different lengths.
pub fn water_fill(weights: &[f64], caps: &[f64], total: f64) -> Result<WaterFill, VenueError> {
    check_not_negative("total", total)?;
    check(
        "number of caps",
        caps.len() as f64,
        caps.len() == weights.len(),
        "the number of weights",
    )?;
    for (name, values) in [("weight", weights), ("cap", caps)] {
        for (position, &value) in values.iter().enumerate() {
            if !(value >= 0.0 && value.is_finite()) {
                let rule = "a finite number, 0 or above";
                return Err(VenueError::BadAccount { position, name, value, rule });
            }
        }
    }
    // Only ratios of weights matter; by the largest they can neither overflow nor vanish as a sum.
    let weight_max = weights.iter().copied().fold(0.0, f64::max);
    let mut shares = vec![0.0; weights.len()];
    let mut open: Vec<usize> =
        (0..weights.len()).filter(|&at| weights[at] / weight_max > 0.0 && caps[at] > 0.0).collect();
    let mut remaining = total;
    let mut rounds = 0;
    while remaining > 0.0 && !open.is_empty() {
        rounds += 1;
        let weight = |at: usize| weights[at] / weight_max;
        let level = remaining / open.iter().map(|&at| weight(at)).sum::<f64>();
        let (capped, uncapped): (Vec<usize>, Vec<usize>) =
            open.iter().partition(|&&at| level * weight(at) > caps[at]);
        if capped.is_empty() {
            for at in open {
                shares[at] = level * weight(at);
            }
            remaining = 0.0;
            break;
        }
        for at in capped {
            shares[at] = caps[at];
            remaining -= caps[at];
        }
        open = uncapped;
    }
    Ok(WaterFill { shares, rounds, left: shortage(remaining, total) })
}

/// What remains of a total, unless rounding alone left it.
pub(super) fn shortage(remaining: f64, total: f64) -> f64 {
    if remaining > total * 1e-9 { remaining } else { 0.0 }
}
