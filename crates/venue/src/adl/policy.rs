//! The policies: who pays how much of a budget.
//!
//! Chosen here, because no page says it:
//! - Contracts pro-rata takes from an account in proportion to its quantity and may thereby exceed
//!   its endowment. The endowment is then the cap and the excess is shared by the others, again by
//!   quantity; where no cap binds, this is the plain formula `B q / sum q`. Accounts without an
//!   endowment do not pay.
//! - The second stage of the hybrid shares what the queue has left of each endowment: weights are
//!   leverage times that remainder.
//! - The cap of an account comes from the equity that stays in any case, `equity - w`, which is
//!   its collateral under the pnl rule.

use super::AdlState;
use super::water::{WaterFill, shortage, water_fill};
use crate::error::{VenueError, check, check_not_negative};

/// Who pays.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AdlPolicy {
    /// In order of the scores, each in full, the last one in part: what most venues do.
    Queue,
    /// Every endowment by the same fraction `h = B / U`.
    ProRata,
    /// Every endowment by the same fraction, none beyond its cap: `h_i = min(eta, beta_i)`.
    CappedProRata(HaircutCaps),
    /// In proportion to risk: `h_i = min(beta_i, tau g(leverage_i))`.
    RiskWeightedProRata {
        /// The function `g`.
        weight: RiskWeight,
        /// The caps `beta`.
        caps: HaircutCaps,
    },
    /// Risk-weighted with the leverage itself as weight and no cap below the whole endowment.
    LeverageWeightedProRata,
    /// In proportion to quantities (as Drift's socialised loss).
    ContractsProRata,
    /// A share of the budget by queue, the rest leverage-weighted. Of arXiv:2512.01112 v2 only.
    Hybrid {
        /// Share of the budget that the queue pays, 0 to 1; 0.2 in the paper.
        queue_share: f64,
    },
}

impl AdlPolicy {
    /// Share of the hybrid's budget that its queue pays in the paper.
    pub const HYBRID_QUEUE_SHARE: f64 = 0.2;

    /// Names of all policies, as [`AdlPolicy::name`] gives them.
    pub const NAMES: [&'static str; 7] = [
        "queue",
        "pro_rata",
        "capped_pro_rata",
        "risk_weighted_pro_rata",
        "leverage_weighted_pro_rata",
        "contracts_pro_rata",
        "hybrid",
    ];

    /// The word used in tables and on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::ProRata => "pro_rata",
            Self::CappedProRata(_) => "capped_pro_rata",
            Self::RiskWeightedProRata { .. } => "risk_weighted_pro_rata",
            Self::LeverageWeightedProRata => "leverage_weighted_pro_rata",
            Self::ContractsProRata => "contracts_pro_rata",
            Self::Hybrid { .. } => "hybrid",
        }
    }
}

/// Largest haircut of each account, `beta`.
#[derive(Clone, Debug, PartialEq)]
pub enum HaircutCaps {
    /// `min(haircut_max, 1 - (equity_min - (equity - w)) / w)`, clipped to 0 to 1: no more than a
    /// fraction of the endowment, and not below an equity.
    Common {
        /// Largest fraction of an endowment, 0 to 1.
        haircut_max: f64,
        /// Equity that has to remain.
        equity_min: f64,
    },
    /// Given for each account, 0 to 1.
    PerAccount(Vec<f64>),
}

impl HaircutCaps {
    /// No cap below the whole endowment.
    pub const NONE: Self = Self::Common { haircut_max: 1.0, equity_min: f64::MIN };

    /// The cap of each account, 0 to 1.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] or [`VenueError::BadAccount`] for a cap outside 0 to 1, an equity
    /// that is not finite or a list of another length than the accounts.
    pub fn of(&self, state: &AdlState) -> Result<Vec<f64>, VenueError> {
        match self {
            Self::Common { haircut_max, equity_min } => {
                check(
                    "haircut_max",
                    *haircut_max,
                    (0.0..=1.0).contains(haircut_max),
                    "from 0 to 1",
                )?;
                check("equity_min", *equity_min, equity_min.is_finite(), "a finite number")?;
                let of_account = |(position, endowment): (usize, &f64)| {
                    if *endowment <= 0.0 {
                        return 0.0;
                    }
                    let untouched = state.accounts()[position].equity - endowment;
                    let to_floor = 1.0 - (equity_min - untouched) / endowment;
                    haircut_max.min(to_floor).clamp(0.0, 1.0)
                };
                Ok(state.endowments().iter().enumerate().map(of_account).collect())
            }
            Self::PerAccount(caps) => {
                let (n_caps, n) = (caps.len(), state.accounts().len());
                check("number of caps", n_caps as f64, n_caps == n, "the number of accounts")?;
                let outside = caps.iter().position(|cap| !(0.0..=1.0).contains(cap));
                if let Some(position) = outside {
                    let (value, rule) = (caps[position], "from 0 to 1");
                    return Err(VenueError::BadAccount { position, name: "cap", value, rule });
                }
                Ok(caps.clone())
            }
        }
    }
}

/// How risk-weighted pro-rata reads a leverage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RiskWeight {
    /// The leverage.
    Linear,
    /// The leverage to a power of 0 or above.
    Power(f64),
    /// The leverage in excess of a threshold, 0 below it.
    Above(f64),
}

impl RiskWeight {
    /// `g(leverage)`, 0 or above.
    pub fn of(self, leverage: f64) -> f64 {
        match self {
            Self::Linear => leverage,
            Self::Power(exponent) => leverage.powf(exponent),
            Self::Above(threshold) => (leverage - threshold).max(0.0),
        }
    }
}

/// What a policy takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    /// Amount taken from each account, from 0 to its endowment.
    pub seized: Vec<f64>,
    /// The same as a fraction of the endowment; 0 where there is none.
    pub haircuts: Vec<f64>,
    /// Part of the budget that could not be taken.
    pub shortfall: f64,
    /// Rounds of water-filling; 0 for the queue.
    pub rounds: usize,
}

impl Allocation {
    /// Sum of what is taken.
    pub fn taken(&self) -> f64 {
        self.seized.iter().sum()
    }

    /// Equity of each account afterwards.
    pub fn equity_after(&self, state: &AdlState) -> Vec<f64> {
        let before = state.accounts().iter().map(|account| account.equity);
        before.zip(&self.seized).map(|(equity, seized)| equity - seized).collect()
    }
}

/// Takes exactly the budget.
///
/// # Errors
/// [`VenueError::AdlBudget`] where the policy cannot take so much: the budget is above the sum of
/// the endowments, or above what caps and weights of 0 leave; otherwise as [`allocate_up_to`].
pub fn allocate(
    state: &AdlState,
    policy: &AdlPolicy,
    budget: f64,
) -> Result<Allocation, VenueError> {
    let allocation = allocate_up_to(state, policy, budget)?;
    if allocation.shortfall > 0.0 {
        let capacity = budget - allocation.shortfall;
        return Err(VenueError::AdlBudget { policy: policy.name(), budget, capacity });
    }
    Ok(allocation)
}

/// Takes the budget as far as the policy can; what is missing is [`Allocation::shortfall`].
///
/// # Errors
/// [`VenueError::BadInput`] or [`VenueError::BadAccount`] for a budget, cap, exponent, threshold
/// or share out of its range, or a weight that overflows.
pub fn allocate_up_to(
    state: &AdlState,
    policy: &AdlPolicy,
    budget: f64,
) -> Result<Allocation, VenueError> {
    check_not_negative("budget", budget)?;
    let endowments = state.endowments();
    let filled = match policy {
        AdlPolicy::Queue => queue(state, budget),
        AdlPolicy::ProRata => water_fill(endowments, endowments, budget)?,
        AdlPolicy::CappedProRata(caps) => {
            water_fill(endowments, &amounts(endowments, &caps.of(state)?), budget)?
        }
        AdlPolicy::RiskWeightedProRata { weight, caps } => {
            match weight {
                RiskWeight::Linear => {}
                RiskWeight::Power(exponent) => check_not_negative("exponent", *exponent)?,
                RiskWeight::Above(threshold) => check_not_negative("threshold", *threshold)?,
            }
            let weights = weights(state, endowments, *weight);
            water_fill(&weights, &amounts(endowments, &caps.of(state)?), budget)?
        }
        AdlPolicy::LeverageWeightedProRata => {
            water_fill(&weights(state, endowments, RiskWeight::Linear), endowments, budget)?
        }
        AdlPolicy::ContractsProRata => {
            let quantities: Vec<f64> =
                state.accounts().iter().map(|account| account.quantity).collect();
            water_fill(&quantities, endowments, budget)?
        }
        AdlPolicy::Hybrid { queue_share } => hybrid(state, *queue_share, budget)?,
    };
    let haircuts = filled
        .shares
        .iter()
        .zip(endowments)
        .map(|(seized, endowment)| if *endowment > 0.0 { seized / endowment } else { 0.0 });
    Ok(Allocation {
        haircuts: haircuts.collect(),
        seized: filled.shares,
        shortfall: filled.left,
        rounds: filled.rounds,
    })
}

fn queue(state: &AdlState, budget: f64) -> WaterFill {
    let mut shares = vec![0.0; state.accounts().len()];
    let mut remaining = budget;
    for position in state.queue() {
        let share = state.endowments()[position].min(remaining);
        shares[position] = share;
        remaining -= share;
    }
    WaterFill { shares, rounds: 0, left: shortage(remaining, budget) }
}

fn hybrid(state: &AdlState, queue_share: f64, budget: f64) -> Result<WaterFill, VenueError> {
    check("queue_share", queue_share, (0.0..=1.0).contains(&queue_share), "from 0 to 1")?;
    let first = queue(state, queue_share * budget);
    let rest: Vec<f64> =
        state.endowments().iter().zip(&first.shares).map(|(w, seized)| w - seized).collect();
    let weights = weights(state, &rest, RiskWeight::Linear);
    let second = water_fill(&weights, &rest, (1.0 - queue_share) * budget)?;
    let both = first.shares.iter().zip(&second.shares).zip(state.endowments());
    Ok(WaterFill {
        // The sum of two roundings may pass the endowment by a unit of the last digit.
        shares: both.map(|((one, two), endowment)| (one + two).min(*endowment)).collect(),
        rounds: second.rounds,
        left: first.left + second.left,
    })
}

fn weights(state: &AdlState, endowments: &[f64], weight: RiskWeight) -> Vec<f64> {
    let accounts = state.accounts().iter().zip(endowments);
    accounts
        // An account without an endowment has no weight, however large its leverage.
        .map(|(account, w)| if *w > 0.0 { weight.of(account.leverage) * w } else { 0.0 })
        .collect()
}

fn amounts(endowments: &[f64], caps: &[f64]) -> Vec<f64> {
    endowments.iter().zip(caps).map(|(endowment, cap)| cap * endowment).collect()
}
