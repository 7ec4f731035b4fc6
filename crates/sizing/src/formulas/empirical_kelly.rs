//! Kelly on a sample of returns, without a distribution: the leverage that would have grown
//! fastest.

use super::SizingError;
use super::check::{all_finite, finite, not_negative, positive};

/// How [`empirical_kelly`] is to look at its sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EmpiricalKellySettings {
    /// Cost per period as a fraction of equity, taken from every period's wealth factor.
    pub cost: f64,
    /// Largest leverage to return; `f64::INFINITY` for none.
    pub cap: f64,
}

impl Default for EmpiricalKellySettings {
    fn default() -> Self {
        Self { cost: 0.0, cap: f64::INFINITY }
    }
}

/// The growth-optimal leverage of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EmpiricalKelly {
    /// Notional over equity, 0 or above.
    pub leverage: f64,
    /// Mean log growth per period at that leverage; 0 where no trade is best.
    pub growth: f64,
    /// The leverage at which the worst period takes all equity; `None` where none loses. It is
    /// an in-sample number: the next period may be worse than any so far.
    pub leverage_bound: Option<f64>,
    /// What decided the leverage.
    pub outcome: EmpiricalKellyOutcome,
}

/// What decided an [`EmpiricalKelly`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmpiricalKellyOutcome {
    /// The maximum of growth.
    Interior,
    /// Growth still rises at the cap.
    Capped,
    /// Growth is largest just below the leverage at which a trade of the sample, or its stress
    /// scenario, is liquidated.
    Liquidation,
    /// No return loses, so growth has no maximum: the cap is returned.
    NoLossObserved,
    /// The mean return does not cover its cost: 0.
    NoEdge,
}

/// Returns and how much each of them counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightedReturns<'a> {
    /// Returns per period at unit leverage.
    pub returns: &'a [f64],
    /// Weight of each, at least 0; only their ratios matter.
    pub weights: &'a [f64],
}

impl WeightedReturns<'_> {
    /// # Errors
    /// `TooFewObservations` for an empty sample or one without weight, `LengthMismatch`,
    /// `BadElement` for what is not finite and for a negative weight.
    pub(crate) fn check(&self) -> Result<(), SizingError> {
        if self.returns.is_empty() {
            return Err(SizingError::TooFewObservations { have: 0, need: 1 });
        }
        all_finite("returns", self.returns)?;
        check_weights(self.weights, self.returns.len())
    }

    pub(crate) fn worst(&self) -> f64 {
        let counted = self.returns.iter().zip(self.weights).filter(|(_, weight)| **weight > 0.0);
        counted.map(|(r, _)| *r).fold(f64::INFINITY, f64::min)
    }

    /// Weighted mean of a function of the returns.
    pub(crate) fn mean(&self, of: impl Fn(f64) -> f64) -> f64 {
        let (mut total, mut weight) = (0.0, 0.0);
        for (r, w) in self.returns.iter().zip(self.weights) {
            // What does not count may be beyond the function's domain.
            if *w > 0.0 {
                total += w * of(*r);
                weight += w;
            }
        }
        total / weight
    }

    /// `mean ln(keep + x r)`.
    fn log_growth(&self, keep: f64, x: f64) -> f64 {
        let cost = 1.0 - keep;
        self.mean(|r| (x * r - cost).ln_1p())
    }

    /// First and second derivative of `mean ln(keep + x r)` in `x`.
    pub(crate) fn slope(&self, keep: f64, x: f64) -> (f64, f64) {
        let ratio = |r: f64| r / (keep + x * r);
        (self.mean(ratio), -self.mean(|r| ratio(r) * ratio(r)))
    }
}

pub(super) fn check_weights(weights: &[f64], need: usize) -> Result<(), SizingError> {
    let have = weights.len();
    if have != need {
        return Err(SizingError::LengthMismatch { name: "weights", have, need });
    }
    all_finite("weights", weights)?;
    if let Some(index) = weights.iter().position(|weight| *weight < 0.0) {
        let value = weights[index];
        return Err(SizingError::BadElement { name: "weights", index, value, rule: "at least 0" });
    }
    if weights.iter().all(|weight| *weight <= 0.0) {
        return Err(SizingError::TooFewObservations { have: 0, need: 1 });
    }
    Ok(())
}

/// [`empirical_kelly_weighted`] of a sample whose returns count alike.
pub fn empirical_kelly(
    returns: &[f64],
    settings: EmpiricalKellySettings,
) -> Result<EmpiricalKelly, SizingError> {
    let weights = vec![1.0; returns.len()];
    empirical_kelly_weighted(WeightedReturns { returns, weights: &weights }, settings)
}

/// The leverage `x >= 0` that maximises the weighted `mean ln(1 + x r - cost)` of the sample.
///
/// Where the returns are net of fees and funding already, as those of closed trades are, `cost`
/// is 0. The objective is strictly concave, so the root of its derivative, found by Newton steps
/// kept inside a shrinking bracket, is the maximum. `O(n)` a step.
///
/// # Errors
/// `TooFewObservations` for an empty sample, `BadElement` for a return that is not finite,
/// `NoLossObserved` where no return loses and the cap is infinite.
pub fn empirical_kelly_weighted(
    sample: WeightedReturns<'_>,
    settings: EmpiricalKellySettings,
) -> Result<EmpiricalKelly, SizingError> {
    sample.check()?;
    let cost = not_negative("cost", settings.cost)?;
    if cost >= 1.0 {
        return Err(SizingError::OutOfRange { name: "cost", value: cost, rule: "below 1" });
    }
    check_cap(settings.cap)?;

    let keep = 1.0 - cost;
    let worst = sample.worst();
    let leverage_bound = (worst < 0.0).then(|| keep / -worst);
    let no_trade = EmpiricalKelly::no_trade(leverage_bound);
    if sample.slope(keep, 0.0).0 <= 0.0 {
        return Ok(no_trade);
    }
    let (leverage, outcome) = match leverage_bound {
        None if settings.cap.is_finite() => (settings.cap, EmpiricalKellyOutcome::NoLossObserved),
        None => return Err(SizingError::NoLossObserved),
        Some(bound) => {
            let root = maximum(0.0, bound, |x| sample.slope(keep, x))?;
            if root > settings.cap {
                (settings.cap, EmpiricalKellyOutcome::Capped)
            } else {
                (root, EmpiricalKellyOutcome::Interior)
            }
        }
    };
    let growth = sample.log_growth(keep, leverage);
    if growth <= 0.0 {
        return Ok(no_trade);
    }
    Ok(EmpiricalKelly { leverage, growth, leverage_bound, outcome })
}

impl EmpiricalKelly {
    pub(super) fn no_trade(leverage_bound: Option<f64>) -> Self {
        let outcome = EmpiricalKellyOutcome::NoEdge;
        Self { leverage: 0.0, growth: 0.0, leverage_bound, outcome }
    }
}

pub(super) fn check_cap(cap: f64) -> Result<(), SizingError> {
    if cap.is_nan() || cap <= 0.0 {
        return Err(SizingError::OutOfRange { name: "cap", value: cap, rule: "above 0" });
    }
    Ok(())
}

/// The largest leverage at which an isolated position is not liquidated by its worst move:
/// `1 / (-r + mmr (1 + r))` for a long.
///
/// `worst_return` is the worst move of the price inside a period as a return on it (for a long
/// the low, for a short the high), `side` +1 for a long and -1 for a short. `None`: no leverage
/// is liquidated by that move. Follows from `1 + x s r <= mmr x (1 + r)`.
pub fn max_leverage_without_liquidation(
    worst_return: f64,
    side: f64,
    maintenance_margin_rate: f64,
) -> Result<Option<f64>, SizingError> {
    let r = finite("worst_return", worst_return)?;
    if r < -1.0 {
        let rule = "at least -1: a price does not fall below 0";
        return Err(SizingError::OutOfRange { name: "worst_return", value: r, rule });
    }
    if (side.abs() - 1.0).abs() > 0.0 || side.is_nan() {
        return Err(SizingError::OutOfRange { name: "side", value: side, rule: "1 or -1" });
    }
    let rate = not_negative("maintenance_margin_rate", maintenance_margin_rate)?;
    let need = -side * r + rate * (1.0 + r);
    Ok((need > 0.0).then(|| 1.0 / need))
}

/// Optimal f of a list of trades, in money.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptimalF {
    /// The fraction that maximises terminal wealth, 0 to 1, of the worst loss.
    pub fraction: f64,
    /// Log of the terminal wealth relative, `sum ln(1 + f pnl / worst_loss)`.
    pub log_terminal_wealth: f64,
    /// Geometric mean of the holding period returns, `exp(log_terminal_wealth / n)`.
    pub geometric_mean: f64,
    /// The largest loss, positive, in the unit of the trades.
    pub worst_loss: f64,
    /// Equity per unit traded, `worst_loss / f`; `None` at f = 0.
    pub equity_per_unit: Option<f64>,
}

/// Vince's optimal f: `argmax sum ln(1 + f pnl / worst_loss)` on \[0, 1).
///
/// The same optimum as [`empirical_kelly`] on the trades, in units of the worst one. It depends
/// on a single extreme: a rule by it is there for comparison.
///
/// # Errors
/// `NoLossObserved` where no trade loses.
pub fn optimal_f(pnl: &[f64]) -> Result<OptimalF, SizingError> {
    all_finite("pnl", pnl)?;
    let worst = pnl.iter().copied().fold(f64::INFINITY, f64::min);
    if pnl.is_empty() {
        return Err(SizingError::TooFewObservations { have: 0, need: 1 });
    }
    if worst >= 0.0 {
        return Err(SizingError::NoLossObserved);
    }
    let worst_loss = -worst;
    let scaled: Vec<f64> = pnl.iter().map(|value| value / worst_loss).collect();
    let best = empirical_kelly(&scaled, EmpiricalKellySettings::default())?;
    let log_terminal_wealth = log_terminal_wealth(pnl, best.leverage)?;
    Ok(OptimalF {
        fraction: best.leverage,
        log_terminal_wealth,
        geometric_mean: (log_terminal_wealth / pnl.len() as f64).exp(),
        worst_loss,
        equity_per_unit: (best.leverage > 0.0).then(|| worst_loss / best.leverage),
    })
}

/// `sum ln(1 + f pnl / worst_loss)`: the log of the terminal wealth relative at `fraction`.
pub fn log_terminal_wealth(pnl: &[f64], fraction: f64) -> Result<f64, SizingError> {
    all_finite("pnl", pnl)?;
    let worst = pnl.iter().copied().fold(f64::INFINITY, f64::min);
    let worst_loss = positive("worst_loss", -worst)?;
    if !(0.0..1.0).contains(&fraction) {
        let rule = "at least 0 and below 1";
        return Err(SizingError::OutOfRange { name: "fraction", value: fraction, rule });
    }
    Ok(pnl.iter().map(|value| (fraction * value / worst_loss).ln_1p()).sum())
}

/// The root of a falling slope in (low, high): it is positive at `low` and negative at `high`.
/// `slope` gives the first derivative and the second.
pub(super) fn maximum(
    low: f64,
    high: f64,
    slope: impl Fn(f64) -> (f64, f64),
) -> Result<f64, SizingError> {
    const STEPS: usize = 200;
    let mut x = low;
    let (mut low, mut high) = (low, high);
    for _ in 0..STEPS {
        let (first, second) = slope(x);
        if first > 0.0 {
            low = x;
        } else {
            high = x;
        }
        let newton = x - first / second;
        let next = if newton > low && newton < high { newton } else { low + (high - low) / 2.0 };
        let settled = (next - x).abs() <= 2.0 * f64::EPSILON * x.abs();
        if settled || high - low <= f64::EPSILON * high {
            return Ok(next);
        }
        x = next;
    }
    Err(SizingError::NotConverged { name: "empirical_kelly", iterations: STEPS })
}
