//! The stationary bootstrap as a Markov chain of positions, and its exponential tilt.
//!
//! From a position the chain goes on to the next with probability `1 - p` (around the end of the
//! sample) and with probability `p` starts a new block anywhere. Multiplying each step to `j` by
//! `exp(theta l_j)` gives a positive kernel; its largest eigenvalue is `exp(psi(theta))`, and its
//! right eigenvector `r` makes it a chain again: the one that draws blocks with weights
//! proportional to the exponential of `theta` times their sum. With `p = 1` the periods are
//! independent, `psi(theta) = ln mean exp(theta l)` and `r` is constant.

use rand::Rng;

use crate::numeric::distribution::bisect;

/// Log returns, how a block starts, and how it ends.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    log_returns: Vec<f64>,
    /// Probability that a new block starts at each position.
    start: Vec<f64>,
    /// Probability that a block ends after a period, `1 / mean_block`.
    restart: f64,
}

/// The chain tilted by `theta`.
#[derive(Debug, Clone)]
pub(super) struct TiltedChain<'a> {
    chain: &'a Chain,
    pub(super) theta: f64,
    /// Log of the eigenvalue.
    pub(super) psi: f64,
    /// Eigenvector, scaled so that the mean of `exp(theta l_j) r_j` over the starts is 1.
    vector: Vec<f64>,
    /// Sums of the tilted starting probabilities, to draw from.
    cumulative: Vec<f64>,
    /// Sums of the starting probabilities of the chain itself.
    plain: Vec<f64>,
}

impl Chain {
    pub(super) fn new(log_returns: Vec<f64>, start: Vec<f64>, mean_block: f64) -> Self {
        Self { log_returns, start, restart: 1.0 / mean_block }
    }

    pub(super) fn log_return(&self, position: usize) -> f64 {
        self.log_returns[position]
    }

    pub(super) fn log_returns(&self) -> &[f64] {
        &self.log_returns
    }

    /// Mean log return per period. Every position is visited equally often in the long run, or in
    /// proportion to the starts where blocks last one period.
    pub(super) fn drift(&self) -> f64 {
        let n = self.log_returns.len() as f64;
        if self.restart >= 1.0 {
            crate::moments::sum(self.log_returns.iter().zip(&self.start).map(|(l, p)| l * p))
        } else {
            crate::moments::sum(self.log_returns.iter().map(|l| l / n))
        }
    }

    /// Log of the largest eigenvalue of the tilted kernel.
    pub(super) fn psi(&self, theta: f64) -> f64 {
        let exponents = self.log_returns.iter().map(|l| theta * l);
        let top = exponents.clone().fold(f64::NEG_INFINITY, f64::max);
        if self.restart >= 1.0 {
            let small = top.abs() < 1.0;
            let terms = exponents.zip(&self.start);
            return if small {
                crate::moments::sum(terms.map(|(x, p)| p * x.exp_m1())).ln_1p()
            } else {
                top + crate::moments::sum(terms.map(|(x, p)| p * (x - top).exp())).ln()
            };
        }
        let mean = crate::moments::sum(exponents) / self.log_returns.len() as f64;
        // Below the first bound a block would never end, the second is the largest row.
        let low = (1.0 - self.restart).ln() + mean;
        let growth = self.growth(theta);
        bisect(low.min(top), top, |psi| {
            let vector = self.vector(&growth, top - psi, psi);
            let outcomes = growth.iter().zip(&self.start).zip(&vector);
            let total = crate::moments::sum(outcomes.map(|((g, p), r)| p * g * r));
            // An overflow is far above 1 as well, and lies at the lower end.
            let low_enough = total.ln() + top <= 0.0;
            !low_enough
        })
    }

    /// `exp(theta l)` over its largest value.
    fn growth(&self, theta: f64) -> Vec<f64> {
        let exponents = || self.log_returns.iter().map(|l| theta * l);
        let top = exponents().fold(f64::NEG_INFINITY, f64::max);
        exponents().map(|x| (x - top).exp()).collect()
    }

    /// Solves `exp(psi) r_i = p + (1 - p) exp(theta l_{i+1}) r_{i+1}` around the circle; `growth`
    /// is `exp(theta l)` over `exp(top)`.
    fn vector(&self, growth: &[f64], top_less_psi: f64, psi: f64) -> Vec<f64> {
        let n = growth.len();
        let stop = self.restart * (-psi).exp();
        let go = (1.0 - self.restart) * top_less_psi.exp();
        let (mut constant, mut slope) = (0.0, 1.0);
        for to in (0..n).map(|i| (i + 1) % n) {
            constant += slope * stop;
            slope *= go * growth[to];
        }
        let mut next = if slope < 1.0 { constant / (1.0 - slope) } else { f64::INFINITY };
        let mut vector = vec![next; n];
        for i in (1..n).rev() {
            next = stop + go * growth[(i + 1) % n] * next;
            vector[i] = next;
        }
        vector
    }

    pub(super) fn tilted(&self, theta: f64) -> TiltedChain<'_> {
        let psi = self.psi(theta);
        let growth = self.growth(theta);
        let vector = if self.restart >= 1.0 {
            vec![(-psi).exp(); self.log_returns.len()]
        } else {
            let top = self.log_returns.iter().map(|l| theta * l).fold(f64::NEG_INFINITY, f64::max);
            self.vector(&growth, top - psi, psi)
        };
        let weights = growth.iter().zip(&self.start).zip(&vector);
        let cumulative = running_sum(weights.map(|((g, p), r)| p * g * r));
        let plain = running_sum(self.start.iter().copied());
        TiltedChain { chain: self, theta, psi, vector, cumulative, plain }
    }
}

impl TiltedChain<'_> {
    /// Eigenvector at a position, or at the start of the path.
    pub(super) fn right(&self, position: Option<usize>) -> f64 {
        position.map_or((-self.psi).exp(), |position| self.vector[position])
    }

    /// Smallest and largest entry of the eigenvector, the start of the path included.
    pub(super) fn right_range(&self) -> (f64, f64) {
        let start = self.right(None);
        let range = |(low, high): (f64, f64), r: &f64| (low.min(*r), high.max(*r));
        self.vector.iter().fold((start, start), range)
    }

    /// The position after `position`, drawn with or without the tilt; `None` is the start.
    pub(super) fn step(
        &self,
        random: &mut impl Rng,
        position: Option<usize>,
        with_tilt: bool,
    ) -> usize {
        let chain = self.chain;
        if let Some(position) = position
            && chain.restart < 1.0
        {
            let restart = if with_tilt {
                chain.restart * (-self.psi).exp() / self.vector[position]
            } else {
                chain.restart
            };
            if uniform(random) >= restart {
                let next = position + 1;
                return if next == self.vector.len() { 0 } else { next };
            }
        }
        let sums = if with_tilt { &self.cumulative } else { &self.plain };
        let point = uniform(random) * sums[sums.len() - 1];
        sums.partition_point(|sum| *sum <= point).min(sums.len() - 1)
    }
}

/// From 0 up to but not including 1.
pub(super) fn uniform(random: &mut impl Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
}

fn running_sum(values: impl Iterator<Item = f64>) -> Vec<f64> {
    values
        .scan(0.0, |total, value| {
            *total += value;
            Some(*total)
        })
        .collect()
}
