//! A repeated bet with several outcomes: returns with their probabilities, or a sample in which every
//! return weighs the same.
//!
//! Its maximum drawdown needs no simulation. The depth of wealth below its running peak, in logs,
//! is all that matters. Depths that different orders of the same outcomes lead to are one state, so
//! their number grows slowly and the recursion is exact. Where it grows too large (many outcomes
//! without a common measure, many bets) depths are rounded to a grid, once towards the peak and once
//! away from it. A deeper state never has the lower chance of ruin, so that the two answers enclose
//! the true one.

use serde::Serialize;

use crate::check::{self, undefined};
use crate::error::{Result, RiskError};
use crate::moments::sum;

/// Most states of the exact recursion.
const STATES_MAX: usize = 50_000;
/// Cells of the grid, bets and outcomes multiplied: about a second.
const WORK: f64 = 1e9;
/// Most and fewest cells of the grid.
const CELLS: (f64, f64) = (2e3, 1e5);
/// Most work accepted at the fewest cells.
const WORK_MAX: f64 = 2e10;
/// Depths closer than this share of the drawdown's are one, and so is one that close to it.
const ROUNDING: f64 = 1e-12;
/// A move this close to a whole number of cells, in cells, is one.
const CELL_ROUNDING: f64 = 1e-9;
/// How far the probabilities of a bet may sum from 1.
const PROBABILITY_TOLERANCE: f64 = 1e-9;

/// A distribution of simple per-period returns on finitely many values.
#[derive(Debug, Clone, PartialEq)]
pub struct DiscreteBet {
    returns: Vec<f64>,
    probabilities: Vec<f64>,
}

impl DiscreteBet {
    /// Returns, each at least -1, with their probabilities, which are scaled to sum to 1 exactly.
    ///
    /// # Errors
    /// No return, a value that is not finite, a return below -1, a negative probability, columns
    /// of different length, or probabilities that do not sum to 1 within 1e-9.
    pub fn new(returns: Vec<f64>, probabilities: Vec<f64>) -> Result<Self> {
        check::series(&returns, 1)?;
        check::finite(&probabilities)?;
        if probabilities.len() != returns.len() {
            return Err(RiskError::LengthMismatch {
                name: "probabilities",
                index: 1,
                length: probabilities.len(),
                expected: returns.len(),
            });
        }
        if let Some(index) = returns.iter().position(|r| *r < -1.0) {
            return Err(RiskError::Ruined { index });
        }
        for probability in &probabilities {
            check::require(*probability >= 0.0, "probability", *probability, "at least 0")?;
        }
        let total = sum(probabilities.iter().copied());
        check::require(
            (total - 1.0).abs() <= PROBABILITY_TOLERANCE,
            "sum of probabilities",
            total,
            "1 within 1e-9",
        )?;
        let probabilities = probabilities.into_iter().map(|p| p / total).collect();
        Ok(Self { returns, probabilities })
    }

    /// The returns of a sample, each as likely as the others.
    ///
    /// # Errors
    /// No return, one that is not finite, or one below -1.
    pub fn of_sample(returns: &[f64]) -> Result<Self> {
        check::series(returns, 1)?;
        let share = 1.0 / returns.len() as f64;
        Self::new(returns.to_vec(), vec![share; returns.len()])
    }

    /// The same bet with `stake` times the money: a stake of 0.1 is a tenth of wealth.
    ///
    /// # Errors
    /// A stake that is negative or not finite, or so large that a return falls below -1.
    pub fn at_stake(&self, stake: f64) -> Result<Self> {
        check::require(stake >= 0.0 && stake.is_finite(), "stake", stake, "finite and at least 0")?;
        let returns = self.returns.iter().map(|r| stake * r).collect();
        Self::new(returns, self.probabilities.clone())
    }

    /// Probability that the drawdown from the running peak, the start included, reaches `drawdown`
    /// (above 0 and at most 1) within a number of independent bets.
    ///
    /// Stakes of wealth are set by [`Self::at_stake`]. A drawdown within a relative 1e-12 of
    /// the level, in logs, counts as reached.
    ///
    /// # Errors
    /// A drawdown outside its range, or more outcomes and bets than can be worked through.
    pub fn max_drawdown_probability(
        &self,
        drawdown: f64,
        bets: usize,
    ) -> Result<EnclosedProbability> {
        let inside = drawdown > 0.0 && drawdown <= 1.0;
        check::require(inside, "drawdown", drawdown, "above 0 and at most 1")?;
        let depth = -(-drawdown).ln_1p();
        let moves: Vec<(f64, f64)> = self.log_outcomes().collect();
        if depth.is_infinite() {
            // Only the loss of everything goes so deep.
            let ruin = moves.iter().filter(|(l, _)| l.is_infinite()).map(|(_, p)| p).sum::<f64>();
            let probability = -((-ruin).ln_1p() * bets as f64).exp_m1();
            let probability = if bets == 0 { 0.0 } else { probability };
            return Ok(EnclosedProbability { low: probability, high: probability, states: 1 });
        }
        if let Some(exact) = exactly(&moves, depth, bets) {
            return Ok(exact);
        }
        let work = bets as f64 * moves.len() as f64;
        let cells = (WORK / work).clamp(CELLS.0, CELLS.1);
        if work * cells > WORK_MAX {
            return Err(undefined(
                "max_drawdown_probability",
                "too many outcomes and bets for a grid; simulate first passages",
            ));
        }
        let cells = cells as usize;
        let rounded = |round: fn(f64) -> f64| on_grid(&moves, depth, bets, cells, round);
        Ok(EnclosedProbability {
            low: rounded(f64::floor),
            high: rounded(f64::ceil),
            states: cells,
        })
    }

    /// Simple per-period returns.
    pub fn returns(&self) -> &[f64] {
        &self.returns
    }

    /// Their probabilities, summing to 1.
    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    /// Log returns of the outcomes that can happen, with their probabilities; the log of ruin is
    /// minus infinity.
    pub(crate) fn log_outcomes(&self) -> impl Iterator<Item = (f64, f64)> {
        let outcomes = self.returns.iter().zip(&self.probabilities);
        outcomes.filter(|(_, p)| **p > 0.0).map(|(r, p)| (r.ln_1p(), *p))
    }
}

/// A probability enclosed from below and above.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EnclosedProbability {
    /// It is at least this, but for rounding.
    pub low: f64,
    /// It is at most this. Equal to `low` where the recursion is exact.
    pub high: f64,
    /// Depths told apart.
    pub states: usize,
}

/// The recursion over the depths reached; `None` where there are too many.
fn exactly(moves: &[(f64, f64)], depth: f64, bets: usize) -> Option<EnclosedProbability> {
    let same = ROUNDING * depth;
    // Depth and probability, in ascending order of depth.
    let mut states = vec![(0.0_f64, 1.0_f64)];
    let (mut hit, mut most) = (0.0, 1);
    for _ in 0..bets {
        if states.len() * moves.len() > 4 * STATES_MAX {
            return None;
        }
        let mut next: Vec<(f64, f64)> = Vec::with_capacity(states.len() * moves.len());
        for (log_return, p) in moves {
            for (below_peak, probability) in &states {
                let deeper = (below_peak - log_return).max(0.0);
                if deeper >= depth - same {
                    hit += p * probability;
                } else {
                    next.push((deeper, p * probability));
                }
            }
        }
        // A stable sort: sums of equal depths have one order.
        next.sort_by(|a, b| a.0.total_cmp(&b.0));
        states.clear();
        for (below_peak, probability) in next {
            match states.last_mut() {
                Some(last) if below_peak - last.0 <= same => last.1 += probability,
                _ => states.push((below_peak, probability)),
            }
        }
        if states.len() > STATES_MAX {
            return None;
        }
        most = most.max(states.len());
    }
    let hit = hit.min(1.0);
    Some(EnclosedProbability { low: hit, high: hit, states: most })
}

/// The recursion over cells of equal width, each move rounded to whole cells.
fn on_grid(
    moves: &[(f64, f64)],
    depth: f64,
    bets: usize,
    cells: usize,
    round: fn(f64) -> f64,
) -> f64 {
    let shifts: Vec<(isize, f64)> = moves
        .iter()
        .map(|(log_return, p)| {
            let shift = -log_return / depth * cells as f64;
            let nearest = shift.round();
            let near = (shift - nearest).abs() <= CELL_ROUNDING;
            let whole = if near { nearest } else { round(shift) };
            // Beyond all cells is beyond all cells.
            (whole.clamp(-(cells as f64), cells as f64) as isize, *p)
        })
        .collect();
    let mut now = vec![0.0; cells];
    now[0] = 1.0;
    let mut hit = 0.0;
    for _ in 0..bets {
        let mut next = vec![0.0; cells];
        for &(shift, p) in &shifts {
            if shift >= 0 {
                let kept = cells - shift as usize;
                for (to, from) in next[shift as usize..].iter_mut().zip(&now[..kept]) {
                    *to += p * from;
                }
                hit += p * now[kept..].iter().sum::<f64>();
            } else {
                let up = shift.unsigned_abs();
                next[0] += p * now[..up].iter().sum::<f64>();
                for (to, from) in next.iter_mut().zip(&now[up..]) {
                    *to += p * from;
                }
            }
        }
        now = next;
    }
    hit.min(1.0)
}
