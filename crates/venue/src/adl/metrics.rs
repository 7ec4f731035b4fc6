//! What an allocation does to the exchange's balance and to its winners.
//!
//! Fairness regret is that of arXiv:2602.15182 (Table 2): the largest haircut less the smallest
//! that is possible, times the budget needed. The paper's smallest comes from an integer program
//! over lots; here contracts are divisible, so that pro-rata is the minimiser, with `taken / U`.
//! Capacities are endowments; the paper's proxy is `min(pnl, equity)`.

use super::{AdlState, Allocation};
use crate::error::{VenueError, check_not_negative};

/// How strongly winners leave after a haircut, `beta`: at 5, the loss of 10 % of the collateral
/// makes 39 % leave.
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

/// Probability that an account leaves when so much is taken from it, held against the collateral
/// that it put up: `1 - exp(-sensitivity * seized / collateral)`; 1 where it has put up nothing.
pub fn churn_probability(seized: f64, collateral: f64, sensitivity: f64) -> f64 {
    if seized <= 0.0 || sensitivity <= 0.0 {
        0.0
    } else if collateral <= 0.0 {
        1.0
    } else {
        -(-sensitivity * (seized / collateral)).exp_m1()
    }
}

/// [`churn_probability`] of every account.
pub fn churn_probabilities(
    state: &AdlState,
    allocation: &Allocation,
    sensitivity: f64,
) -> Vec<f64> {
    let pairs = state.accounts().iter().zip(&allocation.seized);
    pairs
        .map(|(account, &seized)| {
            churn_probability(seized, account.equity - account.pnl, sensitivity)
        })
        .collect()
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
    let leaving = churn_probabilities(state, allocation, churn_sensitivity);
    let churned: f64 = leaving.iter().zip(endowments).map(|(leaving, w)| w * leaving).sum();
    Ok(AllocationMetrics {
        taken,
        shortfall: allocation.shortfall,
        budget_regret: beyond_rounding((taken - needed).abs(), needed),
        profit_tail_survival: (deficit > 0.0).then(|| surviving_max / deficit),
        fairness_regret: beyond_rounding(haircut_max - pro_rata_haircut, haircut_max) * needed,
        pro_rata_distance_fraction: if taken > 0.0 { distance / (2.0 * taken) } else { 0.0 },
        haircut_max_fraction: haircut_max,
        accounts_touched: allocation.seized.iter().filter(|&&seized| seized > 0.0).count(),
        accounts_churned: leaving.iter().sum(),
        endowment_churned_fraction: if capacity > 0.0 { churned / capacity } else { 0.0 },
    })
}

/// A difference of two figures as large as `of`, 0 where it can be rounding alone.
fn beyond_rounding(difference: f64, of: f64) -> f64 {
    if difference > of * 1e-12 { difference } else { 0.0 }
}
