//! Do violations come in clusters? The tests of Christoffersen (1998).
//!
//! A violation followed by a violation says that the forecast was slow to see a calm end. With
//! fewer than about five violations the chi-squared distribution is a poor guide to these
//! statistics; [`monte_carlo`] draws their distribution instead (Dufour 2006).

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::ChiSquaredTest;
use super::coverage::{kupiec, likelihood_ratio};
use crate::check;
use crate::error::{Result, RiskError};
use crate::numeric::distribution::deviance;

/// Statistics this close count as tied: counts in another order differ in their last digits.
const TIE_RELATIVE: f64 = 1e-9;

/// Pairs of consecutive periods; 1 is a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TransitionCounts {
    /// No violation after none.
    pub n00: usize,
    /// A violation after none.
    pub n01: usize,
    /// None after a violation.
    pub n10: usize,
    /// A violation after a violation.
    pub n11: usize,
}

impl TransitionCounts {
    /// Counts of the n - 1 transitions.
    pub fn of(violations: &[bool]) -> Self {
        let mut counts = Self { n00: 0, n01: 0, n10: 0, n11: 0 };
        for pair in violations.windows(2) {
            match (pair[0], pair[1]) {
                (false, false) => counts.n00 += 1,
                (false, true) => counts.n01 += 1,
                (true, false) => counts.n10 += 1,
                (true, true) => counts.n11 += 1,
            }
        }
        counts
    }

    /// Share of violations after a violation; `None` where nothing follows one.
    pub fn probability_after_violation(&self) -> Option<f64> {
        let after = self.n10 + self.n11;
        (after > 0).then(|| self.n11 as f64 / after as f64)
    }

    /// Share of violations after a period without; `None` where there is none such.
    pub fn probability_after_none(&self) -> Option<f64> {
        let after = self.n00 + self.n01;
        (after > 0).then(|| self.n01 as f64 / after as f64)
    }

    /// Likelihood ratio of a first-order Markov chain against independence, as the deviance of the
    /// table of counts from the product of its margins; `0 ln 0 = 0`.
    fn likelihood_ratio(&self) -> f64 {
        let cells = [[self.n00 as f64, self.n01 as f64], [self.n10 as f64, self.n11 as f64]];
        let total = cells[0][0] + cells[0][1] + cells[1][0] + cells[1][1];
        let mut statistic = 0.0;
        for row in cells {
            for (column, count) in row.into_iter().enumerate() {
                let expected = (row[0] + row[1]) * (cells[0][column] + cells[1][column]) / total;
                if expected > 0.0 {
                    statistic += deviance(count, expected);
                }
            }
        }
        2.0 * statistic
    }
}

/// Christoffersen's tests, with chi-squared p-values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Christoffersen {
    /// Periods with a forecast.
    pub n: usize,
    /// Returns below their quantile.
    pub violations: usize,
    /// The counts behind the test of independence.
    pub transitions: TransitionCounts,
    /// Unconditional coverage (Kupiec), over all n periods, one degree of freedom.
    pub unconditional: ChiSquaredTest,
    /// Independence, over the n - 1 transitions, one degree of freedom.
    pub independence: ChiSquaredTest,
    /// Conditional coverage: the sum of both statistics, two degrees of freedom.
    pub conditional: ChiSquaredTest,
}

impl Christoffersen {
    /// Tests of the violations at tail probability `alpha`. Without a violation the statistic of
    /// independence is 0: nothing can have clustered.
    ///
    /// # Errors
    /// Fewer than two periods, or `alpha` outside (0, 1).
    pub fn of(violations: &[bool], alpha: f64) -> Result<Self> {
        let n = violations.len();
        let count = violations.iter().filter(|hit| **hit).count();
        let unconditional = kupiec(count, n, alpha)?;
        if n < 2 {
            return Err(RiskError::TooFewObservations { n, n_min: 2 });
        }
        let transitions = TransitionCounts::of(violations);
        let independence =
            ChiSquaredTest::new("christoffersen", transitions.likelihood_ratio(), 1)?;
        let conditional = ChiSquaredTest::new(
            "christoffersen",
            unconditional.statistic + independence.statistic,
            2,
        )?;
        Ok(Self { n, violations: count, transitions, unconditional, independence, conditional })
    }
}

/// A p-value by simulation of right forecasts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MonteCarloP {
    /// `(1 + draws above + draws tied and put above at random) / (draws + 1)`: the test that
    /// rejects where this is at most its level has exactly that level (Dufour 2006, section 2.2).
    pub p_value: f64,
    /// The same with every tie above: free of chance other than that of the draws, conservative.
    pub p_value_conservative: f64,
}

/// Simulated p-values of Christoffersen's statistics.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MonteCarloCoverage {
    /// Number of draws.
    pub draws: usize,
    /// Unconditional coverage, among independent violations of probability `alpha`.
    pub unconditional: MonteCarloP,
    /// Independence, among the orders in which as many violations can fall: exact whatever their
    /// true probability.
    pub independence: MonteCarloP,
    /// Conditional coverage, among independent violations of probability `alpha`.
    pub conditional: MonteCarloP,
}

/// Monte Carlo p-values of the tests in [`Christoffersen`] (Dufour 2006; Christoffersen &
/// Pelletier 2004), for samples with few violations. 999 draws or more, such that the level times
/// `draws + 1` is a whole number.
///
/// Each draw has a random stream of its own: the result depends on `seed` and `draws`, not on
/// threads.
///
/// # Errors
/// As [`Christoffersen::of`], or no draw.
pub fn monte_carlo(
    violations: &[bool],
    alpha: f64,
    draws: usize,
    seed: u64,
) -> Result<MonteCarloCoverage> {
    let observed = Christoffersen::of(violations, alpha)?;
    check::require(draws > 0, "draws", 0.0, "at least 1")?;
    let origin = ChaCha8Rng::seed_from_u64(seed);
    let simulated: Vec<Draw> = (0..draws as u64)
        .into_par_iter()
        .map(|index| {
            let mut random = origin.clone();
            random.set_stream(index);
            Draw::new(&mut random, observed.n, observed.violations, alpha)
        })
        .collect();
    let mut ties = origin.clone();
    ties.set_stream(u64::MAX);
    let mut p = |statistic: f64, of: &dyn Fn(&Draw) -> f64| {
        rank_p(statistic, simulated.iter().map(of), &mut ties)
    };
    Ok(MonteCarloCoverage {
        draws,
        unconditional: p(observed.unconditional.statistic, &|draw| draw.unconditional),
        independence: p(observed.independence.statistic, &|draw| draw.independence),
        conditional: p(observed.conditional.statistic, &|draw| draw.conditional),
    })
}

/// The statistics of one simulated sample.
#[derive(Debug, Clone, Copy)]
struct Draw {
    unconditional: f64,
    independence: f64,
    conditional: f64,
}

impl Draw {
    fn new(random: &mut ChaCha8Rng, n: usize, violations: usize, alpha: f64) -> Self {
        let bernoulli = independent_hits(random, n, alpha);
        let unconditional = likelihood_ratio(bernoulli.len(), n, alpha).max(0.0);
        let shuffled = hits_in_any_order(random, n, violations);
        Self {
            unconditional,
            independence: transitions_of(&shuffled, n).likelihood_ratio().max(0.0),
            conditional: unconditional + transitions_of(&bernoulli, n).likelihood_ratio().max(0.0),
        }
    }
}

/// Positions of independent violations, by their geometric distances.
pub(super) fn independent_hits(random: &mut ChaCha8Rng, n: usize, alpha: f64) -> Vec<usize> {
    let log_miss = (-alpha).ln_1p();
    let mut hits = Vec::new();
    let mut position = 0;
    loop {
        let gap = (uniform(random).ln() / log_miss).floor();
        // A distance beyond the sample may not fit a position.
        if gap >= (n - position) as f64 {
            return hits;
        }
        position += gap as usize;
        hits.push(position);
        position += 1;
        if position >= n {
            return hits;
        }
    }
}

/// `count` positions among `n`, ascending, every set alike (selection sampling).
fn hits_in_any_order(random: &mut ChaCha8Rng, n: usize, count: usize) -> Vec<usize> {
    // The smaller of hits and misses is drawn, the other is what remains.
    let few = count.min(n - count);
    let mut chosen = std::collections::BTreeSet::new();
    for upper in (n - few)..n {
        // Floyd's algorithm: position `upper` stands in for one drawn before.
        let candidate = below(random, upper + 1);
        if !chosen.insert(candidate) {
            chosen.insert(upper);
        }
    }
    if few == count {
        chosen.into_iter().collect()
    } else {
        (0..n).filter(|position| !chosen.contains(position)).collect()
    }
}

fn transitions_of(hits: &[usize], n: usize) -> TransitionCounts {
    let n11 = hits.windows(2).filter(|pair| pair[1] == pair[0] + 1).count();
    let n01 = hits.iter().filter(|hit| **hit > 0).count() - n11;
    let n10 = hits.iter().filter(|hit| **hit + 1 < n).count() - n11;
    TransitionCounts { n00: n - 1 - n01 - n10 - n11, n01, n10, n11 }
}

pub(super) fn rank_p(
    statistic: f64,
    draws: impl Iterator<Item = f64>,
    random: &mut ChaCha8Rng,
) -> MonteCarloP {
    let own = uniform(random);
    let (mut total, mut above, mut tied, mut tied_above) = (0_usize, 0_usize, 0_usize, 0_usize);
    for draw in draws {
        total += 1;
        if (draw - statistic).abs() <= TIE_RELATIVE * statistic.abs().max(draw.abs()) {
            tied += 1;
            tied_above += usize::from(uniform(random) >= own);
        } else if draw > statistic {
            above += 1;
        }
    }
    let share = |count: usize| (count + 1) as f64 / (total + 1) as f64;
    MonteCarloP { p_value: share(above + tied_above), p_value_conservative: share(above + tied) }
}

/// Uniform on (0, 1].
fn uniform(random: &mut ChaCha8Rng) -> f64 {
    ((random.next_u64() >> 11) + 1) as f64 / 9_007_199_254_740_992.0
}

/// Uniform on `0..end`.
fn below(random: &mut ChaCha8Rng, end: usize) -> usize {
    ((u128::from(random.next_u64()) * end as u128) >> 64) as usize
}
