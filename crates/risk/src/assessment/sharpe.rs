//! How sure the Sharpe ratio is, and what autocorrelation and earlier trials leave of it.

use super::AssessmentSettings;
use crate::check::{self, defined};
use crate::error::{Result, RiskError};
use crate::sharpe::{
    SharpeMoments, expected_max_sharpe, sharpe_annualisation_factor,
    sharpe_standard_error_autocorrelated, sharpe_variance_normal,
};
use crate::summary::Statistic;

/// Strategies of which the assessed one is the best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SharpeTrials {
    /// Their number, counted honestly; at least 1 and not always whole, as related ones count less.
    pub count: f64,
    /// Variance of their Sharpe ratios per period, at least 0.
    pub variance: f64,
}

impl SharpeTrials {
    pub(super) fn check(&self) -> Result<()> {
        expected_max_sharpe(self.count, self.variance).map(|_| ())
    }
}

/// Standard errors beside that of Mertens, which is among the statistics of every study; the record
/// it takes; the ratio annualised with autocorrelations; and the deflated ratio.
pub(super) fn statistics(returns: &[f64], settings: &AssessmentSettings) -> Vec<Statistic> {
    let row = |name: &str, value, note| Statistic { name: name.to_owned(), value, note };
    let moments = SharpeMoments::of(returns);
    let year = settings.periods_per_year.sqrt();
    let annual =
        |error: Result<f64>| error.and_then(|e| defined("sharpe_standard_error", e * year));
    let normal = moments
        .clone()
        .and_then(|moments| sharpe_variance_normal(moments.sharpe, moments.n))
        .map(f64::sqrt);
    let length = moments.clone().and_then(|m| m.min_track_record_length(0.0, 0.95));
    let mut rows = vec![
        row(
            "sharpe_standard_error_normal",
            annual(normal),
            Some("if returns were independent and normal (Lo 2002)"),
        ),
        row(
            "sharpe_standard_error_autocorrelation",
            annual(sharpe_standard_error_autocorrelated(returns)),
            Some("with autocorrelation and any distribution (Lo 2002)"),
        ),
        row(
            "min_track_record_periods_0.95",
            length,
            Some("periods until a ratio above 0 is sure at 95 %"),
        ),
        row(
            "sharpe_annual_autocorrelation",
            annualised(returns, &moments, settings.periods_per_year),
            Some("annualised with the autocorrelations (Lo 2002)"),
        ),
    ];
    if let Some(SharpeTrials { count, variance }) = settings.trials {
        rows.push(row(
            "deflated_sharpe",
            moments.and_then(|moments| moments.deflated(count, variance)),
            Some("probability that the ratio beats the best of as many trials without skill"),
        ));
    }
    rows
}

fn annualised(
    returns: &[f64],
    moments: &Result<SharpeMoments>,
    periods_per_year: f64,
) -> Result<f64> {
    let periods = periods_per_year.round();
    if periods >= returns.len() as f64 {
        let n_min = (periods as usize).saturating_add(1);
        return Err(RiskError::TooFewObservations { n: returns.len(), n_min });
    }
    let factor = sharpe_annualisation_factor(returns, (periods as usize).max(1));
    let sharpe = moments.clone()?.sharpe;
    check::defined("sharpe_annual_autocorrelation", sharpe * factor?)
}
