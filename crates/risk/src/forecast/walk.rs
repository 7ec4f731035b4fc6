//! One model walked through a series: refits on schedule, the filter in between.
//!
//! The refits of a model are cut into chunks of a fixed number. In a chunk each refit may start
//! from the one before; the first starts cold. So chunks can be computed at once, and a search
//! that has gone astray is set right within a chunk. Where a chunk begins with refits that fail,
//! the last good model of the chunk before is carried on through those steps afterwards.

use rayon::prelude::*;

use crate::error::{Result, RiskError};

use super::rolling::RefitDiagnostics;
use super::tail::Tail;

/// Refits of a chunk, the same at any number of threads.
const REFITS_A_CHUNK: usize = 32;

/// How a refit went that gave parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refit {
    /// The search met its own test of convergence.
    pub converged: bool,
    /// A parameter lies at the edge of its range.
    pub at_boundary: bool,
}

impl Refit {
    pub(super) const CLEAN: Self = Self { converged: true, at_boundary: false };
}

/// A model that can be fitted to a window, forecasts the return after it, and moves on.
pub(super) trait Forecaster: Send {
    /// Fits to the window, from the parameters of the refit before where there are any. After an
    /// error the model is as it was. `index` counts the refits of the whole walk.
    fn refit(&mut self, window: &[f64], index: usize) -> Result<Refit>;

    /// Takes in the return that has ended `window`, parameters kept.
    fn observe(&mut self, window: &[f64]) -> Result<()>;

    /// Tails of the return after `window`, as they were asked for. Called after a refit that went
    /// well, and after [`Forecaster::observe`] of every later return.
    fn forecast(&self, window: &[f64]) -> Result<Vec<Tail>>;
}

/// The steps of one model.
pub(super) struct Walk {
    /// For each return from `window` on, the tails that were asked for.
    pub steps: Vec<Vec<Tail>>,
    pub diagnostics: RefitDiagnostics,
}

/// The schedule of refits.
#[derive(Clone, Copy)]
pub(super) struct Schedule {
    pub window: usize,
    pub refit_every: usize,
}

impl Schedule {
    /// Cuts the steps from `window` to `n` into chunks: first and last position, and the number of
    /// its first refit.
    pub(super) fn chunks(self, n: usize) -> Vec<Chunk> {
        let length = REFITS_A_CHUNK.saturating_mul(self.refit_every);
        (self.window..n)
            .step_by(length)
            .enumerate()
            .map(|(number, start)| Chunk {
                start,
                end: start.saturating_add(length).min(n),
                first_refit: number * REFITS_A_CHUNK,
            })
            .collect()
    }
}

/// Positions `start..end` of the series, the first of them a refit.
#[derive(Clone, Copy)]
pub(super) struct Chunk {
    start: usize,
    end: usize,
    first_refit: usize,
}

/// A chunk computed on its own.
struct ChunkWalk<F> {
    /// The model at the end, where a refit went well.
    model: Option<F>,
    /// Steps before the first refit that went well, then the forecasts.
    missing: usize,
    steps: Vec<Vec<Tail>>,
    diagnostics: RefitDiagnostics,
    /// Of the first refit, where it failed.
    first_error: Option<RiskError>,
}

/// Walks a model, made anew by `make` for every chunk, through `returns`.
///
/// # Errors
/// That of the first refit, where it fails: there is no forecast for the first return then. And
/// a forecast beyond the range of a double at any step, since a walk has no gaps; the forecasts
/// made before go with it.
pub(super) fn walk<F: Forecaster>(
    returns: &[f64],
    schedule: Schedule,
    make: impl Fn() -> Result<F> + Sync,
) -> Result<Walk> {
    let chunks = schedule.chunks(returns.len());
    let walked: Vec<Result<ChunkWalk<F>>> =
        chunks.par_iter().map(|chunk| walk_chunk(returns, schedule, *chunk, make()?)).collect();

    let mut steps = Vec::with_capacity(returns.len() - schedule.window);
    let mut diagnostics = RefitDiagnostics::default();
    let mut last_good: Option<F> = None;
    for (chunk, walked) in chunks.iter().zip(walked) {
        let walked = walked?;
        for position in chunk.start..chunk.start + walked.missing {
            let Some(model) = last_good.as_mut() else {
                return Err(walked.first_error.unwrap_or_else(|| {
                    crate::check::undefined("forecast", "the first refit gave no parameters")
                }));
            };
            // The model stands at the end of the chunk before: its last return is still to come.
            let window = &returns[position - schedule.window..position];
            model.observe(window)?;
            steps.push(model.forecast(window)?);
        }
        steps.extend(walked.steps);
        diagnostics = diagnostics.plus(walked.diagnostics);
        last_good = walked.model.or(last_good);
    }
    Ok(Walk { steps, diagnostics })
}

fn walk_chunk<F: Forecaster>(
    returns: &[f64],
    schedule: Schedule,
    chunk: Chunk,
    mut model: F,
) -> Result<ChunkWalk<F>> {
    let mut fitted = false;
    let mut missing = 0;
    let mut steps = Vec::with_capacity(chunk.end - chunk.start);
    let mut diagnostics = RefitDiagnostics::default();
    let mut first_error = None;
    for position in chunk.start..chunk.end {
        let window = &returns[position - schedule.window..position];
        let since = position - chunk.start;
        let mut fresh = false;
        if since.is_multiple_of(schedule.refit_every) {
            diagnostics.refits += 1;
            match model.refit(window, chunk.first_refit + since / schedule.refit_every) {
                Ok(refit) => {
                    (fitted, fresh) = (true, true);
                    diagnostics.unconverged += usize::from(!refit.converged);
                    diagnostics.at_boundary += usize::from(refit.at_boundary);
                }
                Err(error) => {
                    diagnostics.failed_refits += 1;
                    first_error = first_error.or((since == 0).then_some(error));
                }
            }
        }
        if !fitted {
            missing += 1;
            continue;
        }
        if !fresh {
            model.observe(window)?;
        }
        steps.push(model.forecast(window)?);
    }
    Ok(ChunkWalk { model: fitted.then_some(model), missing, steps, diagnostics, first_error })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::check::undefined;

    /// Forecasts the number of its last good refit as value at risk and the returns observed
    /// since as expected shortfall; fails where the window ends with a negative value.
    struct Counting {
        refit: usize,
        since: usize,
        seen: f64,
    }

    impl Forecaster for Counting {
        fn refit(&mut self, window: &[f64], index: usize) -> Result<Refit> {
            if window[window.len() - 1] < 0.0 {
                return Err(undefined("counting", "negative"));
            }
            (self.refit, self.since) = (index, 0);
            self.seen = window[window.len() - 1];
            Ok(Refit::CLEAN)
        }

        fn observe(&mut self, window: &[f64]) -> Result<()> {
            self.since += 1;
            self.seen = window[window.len() - 1];
            Ok(())
        }

        fn forecast(&self, window: &[f64]) -> Result<Vec<Tail>> {
            assert!((self.seen - window[window.len() - 1]).abs() <= 0.0, "a return was left out");
            let (value_at_risk, expected_shortfall) = (self.refit as f64, self.since as f64);
            Ok(vec![Tail { value_at_risk, expected_shortfall, expectile: 0.0 }])
        }
    }

    fn counting(returns: &[f64], window: usize, refit_every: usize) -> Result<Walk> {
        walk(returns, Schedule { window, refit_every }, || {
            Ok(Counting { refit: usize::MAX, since: 0, seen: f64::NAN })
        })
    }

    /// Every step stands on the last refit that went well, across the borders of chunks as well,
    /// and has observed every return since.
    #[test]
    fn failed_refits_leave_the_last_good_parameters() {
        let (window, refit_every, n) = (5_usize, 3_usize, 700_usize);
        let per_chunk = REFITS_A_CHUNK * refit_every;
        // The refits around the second border fail, all of one chunk, and some in between.
        let failing = |refit: usize| {
            (REFITS_A_CHUNK * 2 - 2..=REFITS_A_CHUNK * 2 + 1).contains(&refit)
                || (REFITS_A_CHUNK * 4..REFITS_A_CHUNK * 5).contains(&refit)
                || refit % 7 == 3
        };
        let returns: Vec<f64> = (0..n)
            .map(|t| {
                let next = t + 1;
                let refit = next >= window && (next - window).is_multiple_of(refit_every);
                let fails = refit && failing((next - window) / refit_every);
                if fails { -1.0 - f64::from(t as u32) } else { 1.0 + f64::from(t as u32) }
            })
            .collect();
        let walked = counting(&returns, window, refit_every).unwrap();
        assert_eq!(walked.steps.len(), n - window);
        assert!(n - window > 5 * per_chunk);
        let mut failed = 0;
        for (step, tails) in walked.steps.iter().enumerate() {
            let refit = step / refit_every;
            failed += usize::from(step % refit_every == 0 && failing(refit));
            let good = (0..=refit).rev().find(|refit| !failing(*refit)).unwrap();
            assert!((tails[0].value_at_risk - good as f64).abs() < 0.5, "step {step}");
            let since = (step - good * refit_every) as f64;
            assert!((tails[0].expected_shortfall - since).abs() < 0.5, "step {step}");
        }
        assert_eq!(walked.diagnostics.failed_refits, failed);
        assert_eq!(walked.diagnostics.refits, (n - window).div_ceil(refit_every));
    }

    #[test]
    fn a_first_refit_that_fails_is_the_error_of_the_walk() {
        let mut returns = vec![1.0; 40];
        returns[4] = -1.0;
        let error = counting(&returns, 5, 1).err();
        assert_eq!(error, Some(undefined("counting", "negative")));
        returns[3] = -1.0;
        returns[4] = 1.0;
        assert!(counting(&returns, 5, 1).is_ok());
    }
}
