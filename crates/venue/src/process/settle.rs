//! What a step of a liquidation moves, and between whom.

use super::{FeeRecipient, LiquidationAction, LiquidationState, LiquidationStep};
use crate::error::{VenueError, check, check_finite, check_not_negative, check_positive};

/// What a step moves between the account, the market and the venue's fund.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LiquidationSettlement {
    /// The price that the account gets: never worse than the one that uses up what stands behind
    /// the part that is closed. An account below zero gets one beyond the mark.
    pub price: f64,
    /// Fee taken from the account, at most what it has left.
    pub fee: f64,
    /// Equity of the account after the step, the remainder still at the mark; never below 0.
    pub equity_after: f64,
    /// Change of the insurance fund or backstop vault: fees that go to it and margin taken, less
    /// bad debt.
    pub insurance_delta: f64,
    /// Loss beyond the equity that stands behind the position, 0 or above.
    pub bad_debt: f64,
    /// The mark at which that equity is used up, before fees; `None` for a long whose equity
    /// covers a price of zero.
    pub bankruptcy_price: Option<f64>,
    /// The same money by party.
    pub flows: MoneyFlows,
}

/// Who has how much more after a step, everything valued at the mark; the sum is zero up to
/// rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MoneyFlows {
    /// Change of the account's equity; above 0 where the fund makes good an equity below zero.
    pub account_delta: f64,
    /// What those gain who take the closed part at the fill price instead of the mark; below 0 if
    /// the fill is better than the mark.
    pub market_delta: f64,
    /// Fees that the venue keeps; those that go to the insurance fund are in its change.
    pub fee: f64,
    /// Change of the insurance fund.
    pub insurance_delta: f64,
    /// Change of the backstop vault.
    pub vault_delta: f64,
    /// The part of the last two that no equity covered, 0 or above: told again, not one more flow.
    pub bad_debt: f64,
}

impl MoneyFlows {
    /// Sum over all parties: zero up to rounding.
    pub fn imbalance(&self) -> f64 {
        self.account_delta + self.market_delta + self.fee + self.insurance_delta + self.vault_delta
    }

    /// The flows of two steps together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            account_delta: self.account_delta + other.account_delta,
            market_delta: self.market_delta + other.market_delta,
            fee: self.fee + other.fee,
            insurance_delta: self.insurance_delta + other.insurance_delta,
            vault_delta: self.vault_delta + other.vault_delta,
            bad_debt: self.bad_debt + other.bad_debt,
        }
    }
}

/// Settles a step that closes something.
///
/// - In the market, and at [`LiquidationAction::Takeover`]: the account pays the loss to
///   `fill_price` and the fee as far as its equity goes, and keeps the rest; the fund bears what
///   it cannot pay.
/// - [`LiquidationAction::BankruptcyTakeover`]: the account loses what stands behind the position
///   and no more; the fund closes at `fill_price` and keeps the surplus or bears the deficit. What
///   closing costs the fund in fees is its own affair.
/// - [`LiquidationAction::Backstop`]: the vault takes all equity and is reckoned to close at
///   `fill_price` at once; a [`BackstopVault`](crate::BackstopVault) carries the position instead.
///
/// # Errors
/// [`VenueError::BadInput`] for inputs out of range, a step that closes nothing, or numbers so
/// large that a result is not finite.
pub fn settle_liquidation(
    state: &LiquidationState,
    step: &LiquidationStep,
) -> Result<LiquidationSettlement, VenueError> {
    state.check()?;
    check_positive("close_quantity", step.close_quantity)?;
    check_not_negative("fee_fraction", step.fee_fraction)?;
    let is_share = (0.0..=1.0).contains(&step.equity_share);
    check("equity_share", step.equity_share, is_share, "between 0 and 1")?;

    let sign = state.side.sign();
    let behind = state.equity * step.equity_share;
    let loss = step.close_quantity * sign * (state.mark_price - state.fill_price);
    let price_of = |equity: f64, quantity: f64| state.mark_price - sign * equity / quantity;
    let bankruptcy_price = Some(price_of(behind, state.quantity)).filter(|&price| price > 0.0);
    let flows = MoneyFlows { market_delta: loss, ..MoneyFlows::default() };
    let settled = match step.action {
        LiquidationAction::BankruptcyTakeover => {
            let insurance_delta = behind - loss;
            let bad_debt = (-insurance_delta).max(0.0);
            LiquidationSettlement {
                price: price_of(behind, step.close_quantity),
                fee: 0.0,
                equity_after: state.equity - behind,
                insurance_delta,
                bad_debt,
                bankruptcy_price,
                flows: MoneyFlows { account_delta: -behind, insurance_delta, bad_debt, ..flows },
            }
        }
        LiquidationAction::Backstop => {
            let bad_debt = (loss - state.equity).max(0.0);
            let vault_delta = (state.equity - loss).max(0.0) - bad_debt;
            LiquidationSettlement {
                price: price_of(state.equity, step.close_quantity),
                fee: 0.0,
                equity_after: 0.0,
                insurance_delta: vault_delta,
                bad_debt,
                bankruptcy_price,
                flows: MoneyFlows { account_delta: -state.equity, vault_delta, bad_debt, ..flows },
            }
        }
        _ => {
            let bad_debt = (loss - state.equity).max(0.0);
            let left = (state.equity - loss).max(0.0);
            let fee = (step.fee_fraction * step.close_quantity * state.fill_price).min(left);
            let (fund_fee, venue_fee) = match step.fee_recipient {
                FeeRecipient::InsuranceFund => (fee, 0.0),
                FeeRecipient::Venue => (0.0, fee),
            };
            let equity_after = left - fee;
            LiquidationSettlement {
                price: state.fill_price + sign * bad_debt / step.close_quantity,
                fee,
                equity_after,
                insurance_delta: fund_fee - bad_debt,
                bad_debt,
                bankruptcy_price,
                flows: MoneyFlows {
                    account_delta: equity_after - state.equity,
                    fee: venue_fee,
                    insurance_delta: fund_fee - bad_debt,
                    bad_debt,
                    ..flows
                },
            }
        }
    };
    for (name, value) in [
        ("settlement price", settled.price),
        ("fee", settled.fee),
        ("equity after settlement", settled.equity_after),
        ("insurance_delta", settled.insurance_delta),
        ("bad_debt", settled.bad_debt),
        ("bankruptcy price", settled.bankruptcy_price.unwrap_or(0.0)),
        ("market_delta", settled.flows.market_delta),
    ] {
        check_finite(name, value)?;
    }
    Ok(settled)
}
