//! How sure the generalised Pareto tail is: profile-likelihood intervals at the default threshold.

use rayon::prelude::*;
use serde::Serialize;

use super::outcome::outcome;
use super::{AssessmentSettings, sides};
use crate::check::undefined;
use crate::error::Result;
use crate::forecast::Side;
use crate::tail::extreme_value::threshold_of_largest;
use crate::tail::profile_interval::{GpdProfile, ProfileInterval};

/// Two-sided confidence.
const CONFIDENCE: f64 = 0.95;

/// What an interval is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TailQuantity {
    /// The shape.
    Xi,
    /// Value at risk, a positive loss.
    ValueAtRisk,
    /// Expected shortfall, a positive loss.
    ExpectedShortfall,
}

/// Interval of one figure of the tail above the largest tenth of the losses. The threshold and the
/// share above it are taken as known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TailInterval {
    /// Whose losses.
    pub side: Side,
    /// What it is of.
    pub quantity: TailQuantity,
    /// Tail probability; `None` for the shape, which has none.
    pub alpha: Option<f64>,
    /// Two-sided confidence.
    pub confidence: f64,
    /// The maximum-likelihood estimate.
    #[serde(serialize_with = "outcome")]
    pub estimate: Result<f64>,
    /// Lower limit.
    #[serde(serialize_with = "outcome")]
    pub low: Result<f64>,
    /// Upper limit.
    #[serde(serialize_with = "outcome")]
    pub high: Result<f64>,
}

pub(super) fn measures(
    returns: &[f64],
    short: &[f64],
    settings: &AssessmentSettings,
) -> Vec<TailInterval> {
    let mut cases = Vec::new();
    // The losses of one side are the gains of the other.
    for ((side, _), (_, losses)) in sides(returns, short).into_iter().zip(sides(short, returns)) {
        let profile = threshold_of_largest(losses, losses.len() / 10)
            .and_then(|threshold| GpdProfile::above(losses, threshold));
        cases.push((side, profile.clone(), TailQuantity::Xi, None));
        for &alpha in &settings.alphas {
            for quantity in [TailQuantity::ValueAtRisk, TailQuantity::ExpectedShortfall] {
                cases.push((side, profile.clone(), quantity, Some(alpha)));
            }
        }
    }
    // Collected in order: the same at any number of threads.
    cases
        .into_par_iter()
        .map(|(side, profile, quantity, alpha)| {
            let interval = profile.and_then(|profile| interval(&profile, quantity, alpha));
            row(side, quantity, alpha, &interval)
        })
        .collect()
}

fn interval(
    profile: &GpdProfile,
    quantity: TailQuantity,
    alpha: Option<f64>,
) -> Result<ProfileInterval> {
    match (quantity, alpha) {
        (TailQuantity::ValueAtRisk, Some(alpha)) => {
            profile.value_at_risk_interval(alpha, CONFIDENCE)
        }
        (TailQuantity::ExpectedShortfall, Some(alpha)) => {
            profile.expected_shortfall_interval(alpha, CONFIDENCE)
        }
        _ => profile.xi_interval(CONFIDENCE),
    }
}

fn row(
    side: Side,
    quantity: TailQuantity,
    alpha: Option<f64>,
    interval: &Result<ProfileInterval>,
) -> TailInterval {
    let limit = |take: fn(&ProfileInterval) -> Option<f64>| {
        let unbounded = || undefined("profile_interval", "the sample does not bound it");
        interval.clone().and_then(|interval| take(&interval).ok_or_else(unbounded))
    };
    TailInterval {
        side,
        quantity,
        alpha,
        confidence: CONFIDENCE,
        estimate: limit(|interval| Some(interval.estimate)),
        low: limit(|interval| interval.low),
        high: limit(|interval| interval.high),
    }
}
