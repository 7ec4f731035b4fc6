//! The dynamic quantile statistic of many simulated series of violations at one path of forecasts.
//!
//! The constant and the forecast are the same in every draw, so their span is made orthonormal
//! once. Violations are few: their products with it and with one another come from their
//! positions alone, and what remains to be solved has as many unknowns as there are lags.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::independence::{MonteCarloP, independent_hits, rank_p};
use super::largest;
use crate::moments::sum;
use crate::numeric::least_squares::dot;

/// Part of a fixed regressor outside the span of those before it, below which it is left out.
const INDEPENDENT_MIN: f64 = 1e-11;
/// The same for the squared length of a lag, where products of lengths are all that is known.
const INDEPENDENT_SQUARE_MIN: f64 = 1e-11;

/// The statistic as a function of the positions of the violations.
pub(super) struct HitStatistic {
    /// Orthonormal vectors over the periods with all lags, the first of them constant.
    span: Vec<Vec<f64>>,
    /// Periods.
    n: usize,
    /// First period with all lags.
    first: usize,
    lags: usize,
    alpha: f64,
}

impl HitStatistic {
    /// `fixed` are the regressors that are neither the constant nor a lag, from period `first` on.
    pub(super) fn new(fixed: &[&[f64]], n: usize, first: usize, lags: usize, alpha: f64) -> Self {
        let ones = vec![1.0 / ((n - first) as f64).sqrt(); n - first];
        let mut span = vec![ones];
        for column in fixed {
            let unit = largest(column);
            let mut rest: Vec<f64> =
                column.iter().map(|x| if unit > 0.0 { x / unit } else { 0.0 }).collect();
            let length = dot(&rest, &rest).sqrt();
            // Twice: what rounding left of the others goes too.
            for axis in span.iter().chain(&span) {
                let along = dot(&rest, axis);
                rest.iter_mut().zip(axis).for_each(|(entry, v)| *entry -= along * v);
            }
            let remaining = dot(&rest, &rest).sqrt();
            if remaining > INDEPENDENT_MIN * length {
                span.push(rest.iter().map(|v| v / remaining).collect());
            }
        }
        Self { span, n, first, lags, alpha }
    }

    /// p-value of the violations at `hits` among `draws` series of independent ones.
    pub(super) fn p_value(&self, hits: &[usize], draws: usize, seed: u64) -> MonteCarloP {
        let origin = ChaCha8Rng::seed_from_u64(seed);
        let simulated: Vec<f64> = (0..draws as u64)
            .into_par_iter()
            .map(|index| {
                let mut random = origin.clone();
                random.set_stream(index);
                self.at(&independent_hits(&mut random, self.n, self.alpha))
            })
            .collect();
        let mut ties = origin;
        ties.set_stream(u64::MAX);
        rank_p(self.at(hits), simulated.into_iter(), &mut ties)
    }

    /// The statistic of violations at these positions, ascending.
    pub(super) fn at(&self, hits: &[usize]) -> f64 {
        let mut is_hit = vec![false; self.n];
        for hit in hits {
            is_hit[*hit] = true;
        }
        // The response and the lags as violations instead of violations less `alpha`: the constant
        // takes up the difference, but for the constant's own share of the response.
        let along = |lag: usize, axis: &[f64]| sum(self.moved(hits, lag).map(|t| axis[t]));
        let by_axis =
            |lag: usize| -> Vec<f64> { self.span.iter().map(|axis| along(lag, axis)).collect() };
        let mut response = by_axis(0);
        let lagged: Vec<Vec<f64>> = (1..=self.lags).map(by_axis).collect();
        // What the span leaves of the products of the lags with one another and the response.
        let together = |a: usize, b: usize| {
            // A violation at `t + first - a` is at the same place in lag `a` as one at
            // `t + first - b` in lag `b`.
            let meet = self.moved(hits, a).filter(|t| is_hit[t + self.first - b]);
            meet.count() as f64
        };
        let mut rows: Vec<Vec<f64>> = (1..=self.lags)
            .map(|a| {
                let with = |b: usize| {
                    let other = if b == 0 { &response } else { &lagged[b - 1] };
                    together(a, b) - dot(&lagged[a - 1], other)
                };
                (1..=self.lags).chain([0]).map(with).collect()
            })
            .collect();
        let lengths: Vec<f64> = (1..=self.lags).map(|lag| together(lag, lag)).collect();
        let explained = eliminate(&mut rows, &lengths);
        response[0] -= self.alpha * ((self.n - self.first) as f64).sqrt();
        (dot(&response, &response) + explained) / (self.alpha * (1.0 - self.alpha))
    }

    /// Where the violations stand in lag `lag`, counted from the first period with all lags.
    fn moved<'a>(&'a self, hits: &'a [usize], lag: usize) -> impl Iterator<Item = usize> + 'a {
        let inside = move |t: &usize| (self.first..self.n).contains(t);
        hits.iter().map(move |hit| hit + lag).filter(inside).map(|t| t - self.first)
    }
}

/// `v' G^-1 v` of rows `[G | v]` with G positive semidefinite, lags left out that depend on those
/// before them, by elimination.
fn eliminate(rows: &mut [Vec<f64>], lengths: &[f64]) -> f64 {
    let mut explained = 0.0;
    for k in 0..rows.len() {
        let (done, rest) = rows.split_at_mut(k + 1);
        let row = &done[k];
        let pivot = row[k];
        if pivot <= INDEPENDENT_SQUARE_MIN * lengths[k] {
            continue;
        }
        let value = row[row.len() - 1];
        explained += value * value / pivot;
        for other in rest {
            let factor = other[k] / pivot;
            for (entry, above) in other[k..].iter_mut().zip(&row[k..]) {
                *entry -= factor * above;
            }
        }
    }
    explained
}
