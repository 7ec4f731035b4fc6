//! Points of the plots that belong to an assessment.

use super::Assessment;
use super::volatility::best;
use crate::forecast::{Side, TailModel};
use crate::moments::Moments;
use crate::numeric::distribution::normal_quantile;
use crate::tail::extreme_value::GpdFit;
use crate::tail::student_t::StudentTFit;

/// Points at each end of a quantile plot that are all shown, and about how many between them.
const END_POINTS: usize = 50;
const MIDDLE_POINTS: usize = 200;
/// Points of a fitted curve.
const CURVE_POINTS: usize = 80;

/// Probability of losses beyond a size, observed and by fitted distributions. Each point is a
/// positive loss and a probability.
#[derive(Clone, Debug, PartialEq)]
pub struct TailPlot {
    /// Whose losses.
    pub side: Side,
    /// Every loss, with the share of returns at least as bad less half of its own.
    pub observed: Vec<(f64, f64)>,
    /// Student-t distribution; empty where it could not be fitted.
    pub student_t: Vec<(f64, f64)>,
    /// Generalised Pareto tail; likewise.
    pub gpd: Vec<(f64, f64)>,
    /// Normal distribution; likewise.
    pub normal: Vec<(f64, f64)>,
}

/// Sample quantiles against those of a distribution, smallest first.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantilePlot {
    /// `normal`, `student_t`, or `residuals` of the best volatility model.
    pub name: &'static str,
    /// Quantile of the distribution and of the sample, in units of the returns; without a unit for
    /// the standardised residuals of a volatility model.
    pub points: Vec<(f64, f64)>,
}

/// Forecasts of value at risk and the returns that went beyond them.
#[derive(Clone, Debug, PartialEq)]
pub struct ExceedancePlot {
    /// Tail probability.
    pub alpha: f64,
    /// Position of the first return shown.
    pub first: usize,
    /// The returns.
    pub returns: Vec<f64>,
    /// Model and value at risk of each side that has one, as returns: below 0 for the holder.
    pub bounds: Vec<(Side, TailModel, Vec<f64>)>,
    /// Positions among all returns that lie beyond a bound.
    pub violations: Vec<usize>,
}

impl TailPlot {
    /// Of both sides. Sides without a loss have no point.
    pub fn of(returns: &[f64], assessment: &Assessment) -> Vec<Self> {
        Side::ALL
            .into_iter()
            .map(|side| {
                let gains: Vec<f64> = returns.iter().map(|r| side.sign() * r).collect();
                let (student_t, gpd) = match side {
                    Side::Lower => (assessment.fits.student_t.clone(), assessment.fits.gpd.clone()),
                    Side::Upper => {
                        let mirrored =
                            |fit: StudentTFit| StudentTFit { location: -fit.location, ..fit };
                        (
                            assessment.fits.student_t.clone().map(mirrored),
                            GpdFit::of_returns(&gains),
                        )
                    }
                };
                let n = gains.len() as f64;
                let curve = |loss: &dyn Fn(f64) -> Option<f64>| -> Vec<(f64, f64)> {
                    // From one in two to a fifth of the rarest share observed.
                    let (from, to) = (0.5_f64.ln(), (0.1 / n).ln());
                    (0..=CURVE_POINTS)
                        .map(|k| (from + (to - from) * k as f64 / CURVE_POINTS as f64).exp())
                        .filter_map(|p| loss(p).filter(|loss| *loss > 0.0).map(|loss| (loss, p)))
                        .collect()
                };
                let moments = Moments::of(&gains);
                Self {
                    side,
                    observed: observed(&gains),
                    student_t: curve(&|p| student_t.as_ref().ok()?.value_at_risk(p).ok()),
                    gpd: curve(&|p| gpd.as_ref().ok()?.value_at_risk(p).ok()),
                    normal: curve(&|p| {
                        let moments = moments.as_ref().ok()?;
                        let deviation = moments.standard_deviation_sample().ok()?;
                        (deviation > 0.0).then(|| -(moments.mean + deviation * normal_quantile(p)))
                    }),
                }
            })
            .collect()
    }
}

fn observed(gains: &[f64]) -> Vec<(f64, f64)> {
    let mut losses: Vec<f64> = gains.iter().filter(|r| **r < 0.0).map(|r| -r).collect();
    losses.sort_unstable_by(|a, b| b.total_cmp(a));
    let n = gains.len() as f64;
    losses.into_iter().enumerate().map(|(rank, loss)| (loss, (rank as f64 + 0.5) / n)).collect()
}

impl QuantilePlot {
    /// Against the normal and the fitted Student-t distribution, and residuals of the best
    /// volatility model against its own; none for a constant series.
    pub fn of(returns: &[f64], assessment: &Assessment) -> Vec<Self> {
        let mut plots = Vec::new();
        let mut ascending = returns.to_vec();
        ascending.sort_unstable_by(f64::total_cmp);
        let moments = Moments::of(returns);
        let deviation = moments.as_ref().ok().and_then(|m| m.standard_deviation_sample().ok());
        if let (Ok(moments), Some(deviation)) = (&moments, deviation)
            && deviation > 0.0
            && !moments.is_constant()
        {
            plots.push(Self::against("normal", &ascending, |p| {
                Some(moments.mean + deviation * normal_quantile(p))
            }));
        }
        if let Ok(fit) = &assessment.fits.student_t {
            plots.push(Self::against("student_t", &ascending, |p| {
                fit.value_at_risk(p).ok().map(|v| -v)
            }));
        }
        if let Ok((_, fit)) = best(&assessment.volatility) {
            let mut residuals = fit.garch.residuals();
            residuals.sort_unstable_by(f64::total_cmp);
            let law = fit.parameters.innovation;
            plots.push(Self::against("residuals", &residuals, |p| law.quantile(p).ok()));
        }
        plots
    }

    fn against(
        name: &'static str,
        ascending: &[f64],
        quantile: impl Fn(f64) -> Option<f64>,
    ) -> Self {
        // All of both ends, and enough between them for a line.
        let count = ascending.len();
        let stride = (count / MIDDLE_POINTS).max(1);
        let is_shown = |rank: usize| {
            rank < END_POINTS || rank + END_POINTS >= count || rank.is_multiple_of(stride)
        };
        let points = ascending.iter().enumerate().filter(|(rank, _)| is_shown(*rank)).filter_map(
            |(rank, value)| Some((quantile((rank as f64 + 0.5) / count as f64)?, *value)),
        );
        Self { name, points: points.collect() }
    }
}

impl ExceedancePlot {
    /// With the best model of each side at `alpha`; `None` where no forecast was made at it.
    pub fn of(returns: &[f64], assessment: &Assessment, alpha: f64) -> Option<Self> {
        let assessed = assessment.forecasts.as_ref()?;
        let forecasts = assessed.forecasts.as_ref()?;
        let shown = returns.get(forecasts.first..)?;
        let mut bounds = Vec::new();
        let mut violations = Vec::new();
        for side in Side::ALL {
            let Some(model) = assessed.best(side, alpha).map(|row| row.model) else { continue };
            let series = forecasts.series.iter().find(|series| {
                (series.model, series.side) == (model, side)
                    && series.alpha.total_cmp(&alpha).is_eq()
            });
            let Some(series) = series else { continue };
            let beyond = shown.iter().zip(&series.value_at_risk).enumerate();
            violations.extend(
                beyond
                    .filter(|(_, (r, bound))| side.sign() * **r < -**bound)
                    .map(|(at, _)| forecasts.first + at),
            );
            let bound = series.value_at_risk.iter().map(|bound| -side.sign() * bound).collect();
            bounds.push((side, model, bound));
        }
        violations.sort_unstable();
        (!bounds.is_empty()).then(|| Self {
            alpha,
            first: forecasts.first,
            returns: shown.to_vec(),
            bounds,
            violations,
        })
    }
}
