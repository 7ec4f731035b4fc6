//! Kelly with a bound on the probability of a drawdown: Busseti, Ryu & Boyd (2016),
//! "Risk-constrained Kelly gambling", J. of Investing 25(3).
//!
//! For independent identically distributed periods, `E[(r'b)^-lambda] <= 1` with
//! `lambda = ln(beta) / ln(alpha)` ensures that wealth ever falls below `alpha` times its start
//! with probability under `beta`, over any horizon. The bound is conservative.

use super::SizingError;
use super::barrier::{self, Evaluation, Program};
use super::check::{all_finite, not_negative, open_unit, positive, within};
use super::empirical_kelly::{
    EmpiricalKellySettings, WeightedReturns, check_cap, check_weights, empirical_kelly_weighted,
};
use super::kelly::BinaryBet;

/// Risk aversion `ln(beta) / ln(alpha)` of "wealth ever below `level` times its start with
/// probability under `chance`". 0 is Kelly, infinity is cash.
pub fn risk_aversion(level: f64, chance: f64) -> Result<f64, SizingError> {
    Ok(open_unit("chance", chance)?.ln() / open_unit("level", level)?.ln())
}

/// The largest fraction up to Kelly for which `p (1+bf)^-lambda + (1-p)(1-af)^-lambda <= 1`.
pub fn risk_constrained_binary(bet: &BinaryBet, lambda: f64) -> Result<f64, SizingError> {
    let kelly = bet.kelly_fraction()?;
    let lambda = not_negative("lambda", lambda)?;
    let q = 1.0 - bet.win_probability;
    // Written as a difference from 1, which stays exact where f is small.
    let excess = |f: f64| {
        let win = (-lambda * (bet.win * f).ln_1p()).exp_m1();
        let loss = (-lambda * (-bet.loss * f).ln_1p()).exp_m1();
        let lost = if q > 0.0 { q * loss } else { 0.0 };
        bet.win_probability * win + lost
    };
    Ok(largest_feasible(kelly, excess))
}

/// The largest stake up to `kelly` whose excess of risk is not above 0. The excess is convex, 0
/// at no stake and falling there, so what satisfies it is an interval.
fn largest_feasible(kelly: f64, excess: impl Fn(f64) -> f64) -> f64 {
    if kelly <= 0.0 || excess(kelly) <= 0.0 {
        return kelly;
    }
    let (mut low, mut high) = (0.0, kelly);
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return low;
        }
        if excess(middle) <= 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// Risk-constrained Kelly of one asset beside cash on a sample: the largest leverage up to the
/// empirical Kelly at which `mean (1 + x r)^-lambda <= 1`.
///
/// Along one asset the constraint is convex and growth concave, so the smaller of the two bounds
/// is the optimum. `cap` is the largest leverage to return, infinite for none.
///
/// # Errors
/// As [`empirical_kelly_weighted`]: no observation, elements that are not finite, no loss without
/// a cap.
pub fn risk_constrained_sample(
    sample: WeightedReturns<'_>,
    lambda: f64,
    cap: f64,
) -> Result<f64, SizingError> {
    let lambda = not_negative("lambda", lambda)?;
    let settings = EmpiricalKellySettings { cost: 0.0, cap };
    let kelly = empirical_kelly_weighted(sample, settings)?.leverage;
    Ok(largest_feasible(kelly, |x| sample.mean(|r| (-lambda * (x * r).ln_1p()).exp_m1())))
}

/// The quadratic form of [`risk_constrained_sample`]: [`risk_constrained_quadratic`] at the
/// sample's mean and second moment.
///
/// It does not know the worst return: growth at its answer can be minus infinity where the edge is
/// large for the worst loss.
///
/// # Errors
/// As [`risk_constrained_sample`]; `ZeroVolatility` where every return is 0.
pub fn risk_constrained_quadratic_sample(
    sample: WeightedReturns<'_>,
    lambda: f64,
    cap: f64,
) -> Result<f64, SizingError> {
    sample.check()?;
    check_cap(cap)?;
    let (mean, square) = (sample.mean(|r| r), sample.mean(|r| r * r));
    if mean > 0.0 && sample.worst() >= 0.0 && cap.is_infinite() {
        return Err(SizingError::NoLossObserved);
    }
    Ok(risk_constrained_quadratic(mean, square, lambda)?.min(cap))
}

/// Quadratic risk-constrained Kelly of one asset beside cash:
/// `min(mu / S, 2 mu / ((lambda + 1) S))`, 0 where `mu` is negative.
///
/// `mean` and `second_moment` are of the excess return per period.
pub fn risk_constrained_quadratic(
    mean: f64,
    second_moment: f64,
    lambda: f64,
) -> Result<f64, SizingError> {
    super::check::finite("mean", mean)?;
    let lambda = not_negative("lambda", lambda)?;
    if not_negative("second_moment", second_moment)? <= 0.0 {
        return Err(SizingError::ZeroVolatility { name: "second_moment" });
    }
    let kelly = mean / second_moment;
    let limited = 2.0 * mean / ((lambda + 1.0) * second_moment);
    Ok(kelly.min(limited).max(0.0))
}

/// A finite set of outcomes of several assets, the last of which is cash.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcomes {
    probabilities: Vec<f64>,
    /// One row an outcome, one column an asset: return per unit invested. That of cash is 0, so
    /// wealth is 1 plus the weighted sum, which keeps its digits where returns are small.
    returns: Vec<Vec<f64>>,
}

/// A long-only allocation over [`Outcomes`].
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    /// Share of wealth in each asset, at least 0, summing to 1; the last is cash.
    pub weights: Vec<f64>,
    /// Expected log growth per period, `E ln(r'b)`.
    pub growth: f64,
    /// `E[(r'b)^-lambda]`, at most 1 where the risk constraint holds.
    pub risk: f64,
}

impl Outcomes {
    /// Checks and keeps the outcomes: `growth[i][j]` is what a unit of asset `j` becomes in
    /// outcome `i`, which has probability `probabilities[i]`.
    ///
    /// # Errors
    /// Probabilities that are negative or do not sum to 1 within 1e-6, rows of different length,
    /// wealth factors that are negative or not finite, a last asset that is not cash.
    pub fn new(probabilities: Vec<f64>, growth: Vec<Vec<f64>>) -> Result<Self, SizingError> {
        if growth.is_empty() {
            return Err(SizingError::TooFewObservations { have: 0, need: 1 });
        }
        let (have, need) = (probabilities.len(), growth.len());
        if have != need {
            return Err(SizingError::LengthMismatch { name: "probabilities", have, need });
        }
        all_finite("probabilities", &probabilities)?;
        if let Some(index) = probabilities.iter().position(|p| *p < 0.0) {
            let (name, value) = ("probabilities", probabilities[index]);
            return Err(SizingError::BadElement { name, index, value, rule: "at least 0" });
        }
        let total: f64 = probabilities.iter().sum();
        if (total - 1.0).abs() > 1e-6 {
            let (name, rule) = ("sum of probabilities", "1");
            return Err(SizingError::OutOfRange { name, value: total, rule });
        }
        let assets = growth[0].len();
        if assets == 0 {
            return Err(SizingError::TooFewObservations { have: 0, need: 1 });
        }
        for (index, row) in growth.iter().enumerate() {
            if row.len() != assets {
                let (name, have) = ("growth row", row.len());
                return Err(SizingError::LengthMismatch { name, have, need: assets });
            }
            all_finite("growth", row)?;
            if let Some(value) = row.iter().copied().find(|value| *value < 0.0) {
                let (name, rule) = ("growth", "at least 0");
                return Err(SizingError::BadElement { name, index, value, rule });
            }
            let cash = row[assets - 1];
            if (cash - 1.0).abs() > 1e-12 {
                let (name, rule) = ("growth of the last asset", "1: the last asset is cash");
                return Err(SizingError::BadElement { name, index, value: cash, rule });
            }
        }
        let probabilities = probabilities.into_iter().map(|p| p / total).collect();
        let mut returns = growth;
        for row in &mut returns {
            for value in row.iter_mut() {
                *value -= 1.0;
            }
            row[assets - 1] = 0.0;
        }
        Ok(Self { probabilities, returns })
    }

    /// Outcomes of positions at up to `leverage` times equity in all: `returns[i][j]` is what a
    /// notional of one unit in asset `j` gains in outcome `i`. Cash is added as the last asset, and
    /// a weight `b_j` of the solution is the leverage `leverage b_j` in asset `j`.
    ///
    /// Unlike an unlevered asset a levered one can lose more than it is: solutions keep wealth
    /// above 0 in every outcome.
    ///
    /// # Errors
    /// No outcome, rows of different length, numbers that are not finite, weights without any
    /// above 0, a leverage that is not above 0.
    pub fn levered(
        weights: &[f64],
        returns: &[Vec<f64>],
        leverage: f64,
    ) -> Result<Self, SizingError> {
        let leverage = positive("leverage", leverage)?;
        let Some(first) = returns.first() else {
            return Err(SizingError::TooFewObservations { have: 0, need: 1 });
        };
        check_weights(weights, returns.len())?;
        let mut scaled = Vec::with_capacity(returns.len());
        for row in returns {
            if row.len() != first.len() {
                let (have, need) = (row.len(), first.len());
                return Err(SizingError::LengthMismatch { name: "returns row", have, need });
            }
            let row: Vec<f64> = row.iter().map(|r| leverage * r).chain([0.0]).collect();
            all_finite("returns", &row)?;
            scaled.push(row);
        }
        let total: f64 = weights.iter().sum();
        let probabilities = weights.iter().map(|weight| weight / total).collect();
        Ok(Self { probabilities, returns: scaled })
    }

    /// Maximises `E ln(r'b)` under `E[(r'b)^-lambda] <= 1`; `lambda` 0 is Kelly.
    pub fn risk_constrained_kelly(&self, lambda: f64) -> Result<Allocation, SizingError> {
        let lambda = not_negative("lambda", lambda)?;
        let program = LogProgram { outcomes: self, lambda, scale: self.scale() };
        let weights = barrier::minimise(&program, self.cash())?;
        self.allocation(weights, lambda)
    }

    /// Maximises `mu'b - b'Sb / 2` under `lambda (lambda+1) b'Sb / 2 <= lambda mu'b`, with `mu`
    /// and `S` the mean and the second moment of `r - 1`: the quadratic approximation.
    pub fn risk_constrained_quadratic(&self, lambda: f64) -> Result<Allocation, SizingError> {
        let lambda = not_negative("lambda", lambda)?;
        let program = QuadraticProgram::new(self, lambda);
        let weights = barrier::minimise(&program, self.cash())?;
        self.allocation(weights, lambda)
    }

    /// Growth and risk of given weights.
    ///
    /// # Errors
    /// Weights that are too many, too few or do not sum to 1, and weights that can lose all.
    pub fn allocation(&self, weights: Vec<f64>, lambda: f64) -> Result<Allocation, SizingError> {
        let need = self.returns[0].len();
        if weights.len() != need {
            let (name, have) = ("weights", weights.len());
            return Err(SizingError::LengthMismatch { name, have, need });
        }
        let total: f64 = weights.iter().sum();
        within("sum of weights", total, (total - 1.0).abs() <= 1e-9, "1")?;
        let (mut growth, mut risk) = (0.0, 0.0);
        for (p, row) in self.probabilities.iter().zip(&self.returns) {
            let change = dot(row, &weights);
            positive("wealth", 1.0 + change)?;
            growth += p * change.ln_1p();
            risk += p * (-lambda * change.ln_1p()).exp();
        }
        Ok(Allocation { weights, growth, risk })
    }

    /// What brings the second derivative of growth to about 1.
    fn scale(&self) -> f64 {
        let mut squares = vec![0.0; self.returns[0].len()];
        for (p, row) in self.probabilities.iter().zip(&self.returns) {
            for (sum, value) in squares.iter_mut().zip(row) {
                *sum += p * value * value;
            }
        }
        let largest = squares.into_iter().fold(0.0, f64::max);
        if largest > 0.0 { 1.0 / largest } else { 1.0 }
    }

    fn cash(&self) -> Vec<f64> {
        let assets = self.returns[0].len();
        let mut weights = vec![0.0; assets];
        weights[assets - 1] = 1.0;
        weights
    }
}

/// `-E ln(r'b)` under `ln E[(r'b)^-lambda] <= 0`, both times `scale`.
struct LogProgram<'a> {
    outcomes: &'a Outcomes,
    lambda: f64,
    scale: f64,
}

impl Program for LogProgram<'_> {
    fn objective(&self, b: &[f64]) -> Option<Evaluation> {
        let mut sum = Evaluation::zero(b.len());
        for (p, row) in self.outcomes.probabilities.iter().zip(&self.outcomes.returns) {
            let change = dot(row, b);
            let wealth = 1.0 + change;
            if wealth <= 0.0 {
                return None;
            }
            sum.value -= p * change.ln_1p();
            sum.add_gradient(row, -p / wealth);
            sum.add_outer(row, p / (wealth * wealth));
        }
        sum.multiply(self.scale);
        Some(sum)
    }

    fn constraint(&self, b: &[f64]) -> Option<Evaluation> {
        if self.lambda <= 0.0 {
            return None;
        }
        let changes: Vec<f64> = self.outcomes.returns.iter().map(|row| dot(row, b)).collect();
        if changes.iter().any(|change| *change <= -1.0) {
            return None;
        }
        let exponents = changes.iter().map(|change| -self.lambda * change.ln_1p());
        let exponents: Vec<f64> = exponents.collect();
        let top = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weighted = |term: &dyn Fn(f64) -> f64| -> f64 {
            self.outcomes.probabilities.iter().zip(&exponents).map(|(p, e)| p * term(*e)).sum()
        };
        // The mean of exp(e) as a difference from 1 where it is near, else from the largest term.
        let difference = if top < 1.0 { weighted(&f64::exp_m1) } else { f64::INFINITY };
        let mut sum = Evaluation::zero(b.len());
        sum.value = if difference.abs() < 0.5 {
            difference.ln_1p()
        } else {
            top + weighted(&|e| (e - top).exp()).ln()
        };
        for (i, row) in self.outcomes.returns.iter().enumerate() {
            let share = self.outcomes.probabilities[i] * (exponents[i] - sum.value).exp();
            let wealth = 1.0 + changes[i];
            sum.add_gradient(row, -self.lambda * share / wealth);
            sum.add_outer(row, self.lambda * (self.lambda + 1.0) * share / (wealth * wealth));
        }
        let gradient = sum.gradient.clone();
        sum.add_outer(&gradient, -1.0);
        sum.multiply(self.scale);
        Some(sum)
    }
}

/// `b'Sb / 2 - mu'b` under `(lambda + 1) b'Sb / 2 - mu'b <= 0`, both times `scale`.
struct QuadraticProgram {
    mean: Vec<f64>,
    second_moment: Vec<Vec<f64>>,
    lambda: f64,
    scale: f64,
}

impl QuadraticProgram {
    fn new(outcomes: &Outcomes, lambda: f64) -> Self {
        let mut moments = Evaluation::zero(outcomes.returns[0].len());
        for (p, row) in outcomes.probabilities.iter().zip(&outcomes.returns) {
            moments.add_gradient(row, *p);
            moments.add_outer(row, *p);
        }
        let scale = outcomes.scale();
        Self { mean: moments.gradient, second_moment: moments.hessian, lambda, scale }
    }

    fn quadratic(&self, b: &[f64], weight: f64) -> Evaluation {
        let mut sum = Evaluation::zero(b.len());
        for ((row, gradient), mean) in
            self.second_moment.iter().zip(&mut sum.gradient).zip(&self.mean)
        {
            let product = dot(row, b);
            *gradient = weight * product - mean;
        }
        for (row, value) in b.iter().zip(&sum.gradient) {
            // b'(wSb - mu) counts the linear part once and the quadratic part twice.
            sum.value += row * value / 2.0;
        }
        sum.value -= dot(&self.mean, b) / 2.0;
        for (row, moments) in sum.hessian.iter_mut().zip(&self.second_moment) {
            for (entry, moment) in row.iter_mut().zip(moments) {
                *entry = weight * moment;
            }
        }
        sum.multiply(self.scale);
        sum
    }
}

impl Program for QuadraticProgram {
    fn objective(&self, b: &[f64]) -> Option<Evaluation> {
        Some(self.quadratic(b, 1.0))
    }

    fn constraint(&self, b: &[f64]) -> Option<Evaluation> {
        (self.lambda > 0.0).then(|| self.quadratic(b, self.lambda + 1.0))
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
