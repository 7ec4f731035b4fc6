//! Does any of many models beat a benchmark, once it is counted how many were tried?
//!
//! The reality check of White (2000, "A Reality Check for Data Snooping", Econometrica 68,
//! 1097-1126) and the test of superior predictive ability of Hansen (2005, Journal of Business &
//! Economic Statistics 23, 365-380). The null hypothesis is that **no** model has a lower expected
//! loss than the benchmark. The distribution of the best model's advantage comes from a
//! stationary bootstrap that resamples all models together.
//!
//! White's test takes every model as just as good as the benchmark, so that adding hopeless
//! models makes a good one insignificant. Hansen divides each advantage by its standard error and
//! leaves models out of the null distribution that are worse beyond doubt.
//!
//! ```
//! use plimsoll_risk::compare::Resampling;
//! use plimsoll_risk::compare::superior_predictive_ability::{
//!     SpaStatistic, SuperiorPredictiveAbility,
//! };
//!
//! let noise = |seed: u32| move |t: u32| f64::from((t * t * 31 + t * seed) % 101) / 101.0;
//! let benchmark: Vec<f64> = (0..200).map(noise(7)).collect();
//! let better: Vec<f64> = (0..200).map(noise(13)).map(|loss| loss - 0.2).collect();
//! let hopeless: Vec<f64> = (0..200).map(noise(29)).map(|loss| loss + 5.0).collect();
//!
//! let resampling = Resampling { mean_block: 5.0, draws: 999, seed: 1 };
//! let test = SuperiorPredictiveAbility::of(
//!     &benchmark,
//!     &[&better, &hopeless],
//!     SpaStatistic::Studentised,
//!     &resampling,
//! )?;
//! assert_eq!(test.best, 0);
//! assert!(test.p_consistent < 0.01);
//! # Ok::<(), plimsoll_risk::RiskError>(())
//! ```

use serde::Serialize;

use super::Resampling;
use super::loss_table::{LossTable, bootstrap_p_value};
use crate::check;
use crate::error::Result;
use crate::resample::bootstrap::stationary_bootstrap_variance_of_mean;

/// Whether advantages are compared in units of their standard errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SpaStatistic {
    /// Hansen (2005): each advantage over its standard error, which the stationary bootstrap has
    /// in closed form (his equation for `omega^2`).
    Studentised,
    /// White (2000): the advantages as they are; `p_upper` is then the reality check. A model of
    /// large variance governs the result.
    Raw,
}

/// The result of the test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SuperiorPredictiveAbility {
    /// The largest advantage of a model over the benchmark: a t statistic, or times the root of
    /// the number of periods for [`SpaStatistic::Raw`]. Negative where no model is better.
    ///
    /// It is not cut off at zero as in Hansen's equation: where some model is better the p-values
    /// are the same, and where none is they stay proper p-values.
    pub statistic: f64,
    /// The model with that advantage, by position; the first where several tie.
    pub best: usize,
    /// p-value where no model worse than the benchmark counts (liberal: a lower bound).
    pub p_lower: f64,
    /// p-value where models count that are not worse than the benchmark beyond doubt, by the law
    /// of the iterated logarithm: Hansen's p-value.
    pub p_consistent: f64,
    /// p-value where every model counts as good as the benchmark (conservative: an upper bound).
    pub p_upper: f64,
    /// Mean loss of the benchmark less that of each model: positive where the model is better.
    pub mean_differences: Vec<f64>,
    /// Each difference over its standard error.
    pub t_statistics: Vec<f64>,
    /// Whether each model counts in the consistent p-value.
    pub relevant: Vec<bool>,
}

impl SuperiorPredictiveAbility {
    /// Tests losses (lower is better) of `models`, a column each, against those of the benchmark
    /// over the same periods in order. For returns take their negatives.
    ///
    /// # Errors
    /// No model, columns of different length, a value that is not finite, fewer than ten blocks, a
    /// mean block below 1, or no draw. Columns are counted from the benchmark, which is 0.
    pub fn of(
        benchmark: &[f64],
        models: &[&[f64]],
        statistic: SpaStatistic,
        resampling: &Resampling,
    ) -> Result<Self> {
        let k = models.len();
        check::require(k >= 1, "models", k as f64, "at least 1")?;
        let table = LossTable::of_differences(benchmark, models)?;
        let draws = table.resampled_means(resampling)?;
        let n = table.n() as f64;
        let means = table.means();
        let mut standard_errors = Vec::with_capacity(k);
        for model in 0..k {
            let column = table.column(model);
            let variance =
                stationary_bootstrap_variance_of_mean(&column, resampling.mean_block)?.max(0.0);
            standard_errors.push(variance.sqrt().max(table.resolution(model)));
        }
        let over = |value: f64, unit: f64| if unit > 0.0 { value / unit } else { 0.0 };
        let pairs = || means.iter().zip(&standard_errors);
        let t_statistics: Vec<f64> = pairs().map(|(mean, error)| over(*mean, *error)).collect();
        let doubt = (2.0 * n.ln().ln()).sqrt();
        let relevant: Vec<bool> = pairs().map(|(mean, error)| *mean >= -doubt * error).collect();

        let units: Vec<f64> = match statistic {
            SpaStatistic::Studentised => standard_errors.clone(),
            SpaStatistic::Raw => vec![1.0; k],
        };
        let advantages: Vec<f64> =
            means.iter().zip(&units).map(|(mean, unit)| over(*mean, *unit)).collect();
        let largest = advantages.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let best = advantages.iter().position(|value| *value >= largest).unwrap_or(0);
        let shifts = |shift: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..k).map(shift).collect() };
        let lower = shifts(&|model| means[model].min(0.0));
        let consistent = shifts(&|model| if relevant[model] { 0.0 } else { means[model] });
        let upper = vec![0.0; k];
        let p_value = |shifts: &[f64]| {
            let as_large = |draw: &[f64]| {
                let models = draw.iter().zip(shifts).zip(&units);
                models
                    .map(|((deviation, shift), unit)| over(deviation + shift, *unit))
                    .any(|value| value >= largest)
            };
            let count = draws.chunks_exact(k).filter(|draw| as_large(draw)).count();
            bootstrap_p_value(count, resampling.draws)
        };
        let mean_differences = table.means_unscaled()?;
        let statistic = match statistic {
            SpaStatistic::Studentised => largest,
            SpaStatistic::Raw => {
                check::defined("reality check", mean_differences[best] * n.sqrt())?
            }
        };
        Ok(Self {
            statistic,
            best,
            p_lower: p_value(&lower),
            p_consistent: p_value(&consistent),
            p_upper: p_value(&upper),
            mean_differences,
            t_statistics,
            relevant,
        })
    }
}
