//! What an allocation does to the exchange's balance and to its winners.
//!
//! Fairness regret is that of arXiv:2602.15182 (Table 2): the largest haircut less the smallest
//! that is possible, times the budget needed. The paper's smallest comes from an integer program
//! over lots; here contracts are divisible, so that pro-rata is the minimiser, with `taken / U`.
//! Capacities are endowments; the paper's proxy is `min(pnl, equity)`.

use super::{AdlState, Allocation};
use crate::error::{VenueError, check_not_negative};

/// How strongly winners leave after a haircut, `beta`: at 5, one of 10 % makes 39 % leave.
/// (arXiv:2512.01112 v2, appendix on the revenue proxy.)
pub const CHURN_SENSITIVITY: f64 = 5.0;

/// Figures of one allocation. Money is in the settlement currency, losses are positive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AllocationMetrics {
    /// Sum taken from the winners.
    pub taken: f64,
    /// Part of the budget that the policy could not take.
    pub shortfall: f64,
    /// `|taken - needed|`.
    pub budget_regret: f64,
    /// Largest endowment that survives over the deficit (PTSR); `None` without a deficit.
    pub profit_tail_survival: Option<f64>,
    /// Largest haircut less that of pro-rata, times `needed`.
    pub fairness_regret: f64,
    /// Share of what is taken that other accounts pay than under pro-rata, 0 to 1:
    /// `sum |x_i - taken w_i / U| / (2 taken)`.
    pub pro_rata_distance_fraction: f64,
    /// Largest fraction of an endowment that is taken.
    pub haircut_max_fraction: f64,
    /// Number of accounts from which something is taken.
    pub accounts_touched: usize,
    /// Expected number of winners that leave.
    pub accounts_churned: f64,
    /// Expected share of the endowments whose owners leave, weighted by endowment.
    pub endowment_churned_fraction: f64,
}

/// Probability that an account leaves after a haircut: `1 - exp(-sensitivity * haircut)`.
pub fn churn_probability(haircut_fraction: f64, sensitivity: f64) -> f64 {
    -(-sensitivity * haircut_fraction).exp_m1()
}

/// The figures of an allocation; `needed` is the sum that solvency asks for.
///
/// # Errors
/// [`VenueError::BadInput`] for a sum needed or a sensitivity that is not finite or below zero.
pub fn measure(
    state: &AdlState,
    allocation: &Allocation,
    needed: f64,
    churn_sensitivity: f64,
) -> Result<AllocationMetrics, VenueError> {
    check_not_negative("needed", needed)?;
    check_not_negative("churn_sensitivity", churn_sensitivity)?;
    let endowments = state.endowments();
    let pairs = || allocation.seized.iter().zip(endowments);
    let (taken, capacity, deficit) = (allocation.taken(), state.capacity(), state.deficit());
    let pro_rata_haircut = if capacity > 0.0 { taken / capacity } else { 0.0 };
    let haircut_max = allocation.haircuts.iter().copied().fold(0.0, f64::max);
    let surviving_max = pairs().map(|(seized, w)| w - seized).fold(0.0, f64::max);
    let distance: f64 = pairs().map(|(seized, w)| (seized - pro_rata_haircut * w).abs()).sum();
    let leaving = |haircut: &f64| churn_probability(*haircut, churn_sensitivity);
    let churned: f64 =
        allocation.haircuts.iter().zip(endowments).map(|(haircut, w)| w * leaving(haircut)).sum();
    Ok(AllocationMetrics {
        taken,
        shortfall: allocation.shortfall,
        budget_regret: beyond_rounding((taken - needed).abs(), needed),
        profit_tail_survival: (deficit > 0.0).then(|| surviving_max / deficit),
        fairness_regret: beyond_rounding(haircut_max - pro_rata_haircut, haircut_max) * needed,
        pro_rata_distance_fraction: if taken > 0.0 { distance / (2.0 * taken) } else { 0.0 },
        haircut_max_fraction: haircut_max,
        accounts_touched: allocation.seized.iter().filter(|&&seized| seized > 0.0).count(),
        accounts_churned: allocation.haircuts.iter().map(leaving).sum(),
        endowment_churned_fraction: if capacity > 0.0 { churned / capacity } else { 0.0 },
    })
}

/// A difference of two figures as large as `of`, 0 where it can be rounding alone.
fn beyond_rounding(difference: f64, of: f64) -> f64 {
    if difference > of * 1e-12 { difference } else { 0.0 }
}
