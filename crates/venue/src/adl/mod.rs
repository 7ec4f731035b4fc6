//! Auto-deleveraging: who pays when neither the book nor the insurance fund takes a bankrupt
//! position.
//!
//! After a shock some accounts are below zero. Their sum is the deficit `D`. Accounts that stand
//! above zero have an *endowment* that may be taken from: their unrealised profit, or, under the
//! equity rule, all they have. A severity between 0 and 1 sets the budget `B = severity * D`, and
//! an [`AdlPolicy`] says who pays it: a queue in full from the top, everyone in proportion, or
//! something between. [`allocate`] answers with the amount taken from each account, which adds up
//! to the budget and never exceeds an endowment; [`measure`] says what the choice does.
//!
//! Policies and definitions: T. Chitra, "Autodeleveraging: Impossibilities and Optimization",
//! arXiv:2512.01112 (v2 and v3), and its online form, arXiv:2602.15182. The hybrid policy stands
//! in v2 only and was dropped in v3. No static policy gives solvency, fairness and revenue at once
//! *in the regime of heavy-tailed, structural deficits*; the paper's trilemma is conditional.
//!
//! Money is in the settlement currency, haircuts are fractions of an endowment, an account's
//! position in the input breaks every tie.
//!
//! ```
//! use plimsoll_venue::adl::{AdlAccount, AdlPolicy, AdlState, EndowmentRule, allocate};
//!
//! // Two winners, one loser; the loser is 6 below zero.
//! let accounts = vec![
//!     AdlAccount { equity: 10.0, pnl: 8.0, leverage: 2.0, quantity: 1.0, score: 1.0 },
//!     AdlAccount { equity: 5.0, pnl: 4.0, leverage: 6.0, quantity: 1.0, score: 3.0 },
//!     AdlAccount { equity: -6.0, pnl: -7.0, leverage: 0.0, quantity: 2.0, score: 0.0 },
//! ];
//! let state = AdlState::new(accounts, EndowmentRule::Pnl)?;
//! assert_eq!(state.deficit(), 6.0);
//!
//! let queue = allocate(&state, &AdlPolicy::Queue, state.budget(1.0)?)?;
//! assert_eq!(queue.seized, [2.0, 4.0, 0.0]);
//! let shared = allocate(&state, &AdlPolicy::ProRata, state.budget(1.0)?)?;
//! assert_eq!(shared.haircuts, [0.5, 0.5, 0.0]);
//! # Ok::<(), plimsoll_venue::VenueError>(())
//! ```
//!
//! - [`policy`]: the policies and what each takes
//! - [`water`]: shares under caps, by water-filling
//! - [`metrics`]: regret, survival, fairness, churn
//! - [`ranking`]: the venues' queues and prices
//! - [`waves`]: a recorded sequence of auto-deleveragings

pub mod metrics;
pub mod policy;
pub mod ranking;
pub mod water;
pub mod waves;

pub use metrics::{
    AllocationMetrics, CHURN_SENSITIVITY, churn_probabilities, churn_probability, measure,
};
pub use policy::{AdlPolicy, Allocation, HaircutCaps, RiskWeight, allocate, allocate_up_to};
pub use ranking::{
    AdlPrice, AdlRanking, AdlRule, ClosedPosition, QueueClosing, QueuedPosition, RankInputs,
    binance_score, bitmex_score, close_in_order, hyperliquid_score, leveraged_return_score,
    quantile, rank,
};
pub use water::{WaterFill, water_fill};
pub use waves::{RepeatedLoss, Wave, WavePolicy, WaveSummary, WaveTable};

use crate::error::{VenueError, check};

/// An account after the shock, before anything is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AdlAccount {
    /// Collateral and unrealised profit at the mark prices; below zero it adds to the deficit.
    pub equity: f64,
    /// Unrealised profit at the mark prices, losses negative. Collateral is `equity - pnl`.
    pub pnl: f64,
    /// Notional over equity, 0 or above; read by the leverage-weighted policies.
    pub leverage: f64,
    /// Size of the position in contracts or base units, 0 or above; read by contracts pro-rata.
    pub quantity: f64,
    /// Rank score, the highest is first in the queue; read by queue and hybrid.
    pub score: f64,
}

/// What of an account above zero may be taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndowmentRule {
    /// Its unrealised profit: `w = max(pnl, 0)` where equity is above zero.
    #[default]
    Pnl,
    /// Everything: `w = equity` where that is above zero.
    Equity,
}

impl EndowmentRule {
    /// `pnl` or `equity`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pnl => "pnl",
            Self::Equity => "equity",
        }
    }
}

/// Accounts and what may be taken from each.
#[derive(Clone, Debug, PartialEq)]
pub struct AdlState {
    accounts: Vec<AdlAccount>,
    endowments: Vec<f64>,
    rule: EndowmentRule,
}

impl AdlState {
    /// Checks the accounts and sets their endowments.
    ///
    /// # Errors
    /// [`VenueError::BadAccount`] for a figure that is not finite, or a leverage or quantity below
    /// zero.
    pub fn new(accounts: Vec<AdlAccount>, rule: EndowmentRule) -> Result<Self, VenueError> {
        for (position, account) in accounts.iter().enumerate() {
            let bad = |name, value, rule| VenueError::BadAccount { position, name, value, rule };
            let AdlAccount { equity, pnl, leverage, quantity, score } = *account;
            for (name, value) in [("equity", equity), ("pnl", pnl), ("score", score)] {
                if !value.is_finite() {
                    return Err(bad(name, value, "a finite number"));
                }
            }
            for (name, value) in [("leverage", leverage), ("quantity", quantity)] {
                if !(value >= 0.0 && value.is_finite()) {
                    return Err(bad(name, value, "a finite number, 0 or above"));
                }
            }
        }
        let endowments = accounts
            .iter()
            .map(|account| match rule {
                _ if account.equity <= 0.0 => 0.0,
                EndowmentRule::Pnl => account.pnl.max(0.0),
                EndowmentRule::Equity => account.equity,
            })
            .collect();
        Ok(Self { accounts, endowments, rule })
    }

    /// The accounts, as given.
    pub fn accounts(&self) -> &[AdlAccount] {
        &self.accounts
    }

    /// What may be taken from each account, 0 or above.
    pub fn endowments(&self) -> &[f64] {
        &self.endowments
    }

    /// The rule that set the endowments.
    pub fn rule(&self) -> EndowmentRule {
        self.rule
    }

    /// What the accounts below zero are short of, together: `D = sum max(-equity, 0)`.
    pub fn deficit(&self) -> f64 {
        self.accounts.iter().map(|account| (-account.equity).max(0.0)).sum()
    }

    /// What can be taken at most: `U = sum w`.
    pub fn capacity(&self) -> f64 {
        self.endowments.iter().sum()
    }

    /// `B = severity * D`.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for a severity outside 0 to 1.
    pub fn budget(&self, severity: f64) -> Result<f64, VenueError> {
        check("severity", severity, (0.0..=1.0).contains(&severity), "from 0 to 1")?;
        Ok(severity * self.deficit())
    }

    /// Positions of the accounts that have an endowment, first in the queue first.
    pub fn queue(&self) -> Vec<usize> {
        let scores: Vec<f64> = self.accounts.iter().map(|account| account.score).collect();
        rank(&scores).into_iter().filter(|&position| self.endowments[position] > 0.0).collect()
    }
}
