//! The price at which a position is liquidated, and the one at which it is bankrupt.
//!
//! A position is liquidated when the equity behind it falls below its maintenance margin, both
//! at the mark price `P`: `W + s Q (P - E) < M(Q P)`, with side `s` (+1 long, -1 short), quantity
//! `Q`, entry `E` and `W` the wallet plus what the other positions of a cross account add
//! and need. `M` is piecewise linear in `P`, so that each bracket has one candidate; the one that
//! lies in its own bracket is the exact price. [`liquidation_price`] finds it;
//! [`closed_forms`](crate::closed_forms) has the venues' own formulas with the rate given.

use plimsoll_market::Side;

use crate::error::{VenueError, check_finite, check_positive};
use crate::ladder::Ladder;

/// What a liquidation price depends on. Money is in the settlement currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LiquidationInputs {
    /// Direction of the position.
    pub side: Side,
    /// Size in base units, above 0.
    pub quantity: f64,
    /// Average entry price.
    pub entry_price: f64,
    /// Isolated margin of the position, or the wallet of a cross account; without unrealised
    /// profit.
    pub wallet_balance: f64,
    /// Maintenance margin of the other cross positions at their marks; 0 if isolated.
    pub other_maintenance_margin: f64,
    /// Unrealised profit of the other cross positions at their marks; 0 if isolated.
    pub other_unrealised_pnl: f64,
}

impl LiquidationInputs {
    /// A position with margin of its own.
    pub fn isolated(side: Side, quantity: f64, entry_price: f64, margin: f64) -> Self {
        Self {
            side,
            quantity,
            entry_price,
            wallet_balance: margin,
            other_maintenance_margin: 0.0,
            other_unrealised_pnl: 0.0,
        }
    }

    /// Wallet less what the other positions need, plus what they have earned: the money that
    /// stands behind this position.
    #[inline]
    pub fn margin_balance(&self) -> f64 {
        self.wallet_balance - self.other_maintenance_margin + self.other_unrealised_pnl
    }

    /// Equity behind the position less its maintenance margin at a mark price; below zero it is
    /// liquidated.
    #[inline]
    pub fn excess_margin(&self, mark_price: f64, ladder: &Ladder) -> f64 {
        self.margin_balance() + self.side.sign() * self.quantity * (mark_price - self.entry_price)
            - ladder.maintenance_margin(self.quantity, mark_price)
    }

    pub(crate) fn check(&self) -> Result<(), VenueError> {
        check_positive("quantity", self.quantity)?;
        check_positive("entry_price", self.entry_price)?;
        check_finite("wallet_balance", self.wallet_balance)?;
        check_finite("other_maintenance_margin", self.other_maintenance_margin)?;
        check_finite("other_unrealised_pnl", self.other_unrealised_pnl)
    }
}

/// Which bracket's rate a liquidation price uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum BracketAt {
    /// The one that holds the notional at the liquidation price: exact.
    #[default]
    Liquidation,
    /// The one that holds the notional at entry, as in Binance's worked examples.
    Entry,
}

/// A liquidation price and where it was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LiquidationPrice {
    /// The mark price at which equity equals maintenance margin; `None` with a reason.
    pub price: Option<f64>,
    /// Position in the ladder of the bracket used.
    pub bracket_idx: usize,
    /// Whether the notional at that price is above the ladder's top cap, so that the last rate
    /// was continued.
    pub exceeds_top: bool,
    /// Why there is no price.
    pub reason: Option<NoLiquidationPrice>,
}

/// Why no price liquidates a position, or every price does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoLiquidationPrice {
    /// A long whose margin covers even a price of zero.
    NoPriceLiquidates,
    /// A short whose margin is short at every price above zero.
    EveryPriceLiquidates,
}

impl std::fmt::Display for NoLiquidationPrice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::NoPriceLiquidates => "no price above zero liquidates the position",
            Self::EveryPriceLiquidates => "every price above zero liquidates the position",
        })
    }
}

/// The mark price at which the position is liquidated, exact over all brackets.
///
/// Equity less maintenance margin is monotone in the price while rates are below 1, so the root
/// is unique. Where rounded deductions make the ladder jump at a cap, the root
/// that a price leaving the entry on the losing side meets first is taken. A price on the winning
/// side of the entry means that the position is [liquidatable at entry](liquidatable_at_entry).
///
/// # Errors
/// [`VenueError::BadInput`] for a quantity or price that is not above 0, or a sum that is not
/// finite.
pub fn liquidation_price(
    inputs: &LiquidationInputs,
    ladder: &Ladder,
    bracket_at: BracketAt,
) -> Result<LiquidationPrice, VenueError> {
    inputs.check()?;
    let bracket_idx = match bracket_at {
        BracketAt::Entry => ladder.bracket_idx(ladder.size(inputs.quantity, inputs.entry_price)),
        BracketAt::Liquidation => {
            let equity_at_zero =
                inputs.margin_balance() - inputs.side.sign() * inputs.quantity * inputs.entry_price;
            let reason = match inputs.side {
                Side::Long if equity_at_zero >= 0.0 => Some(NoLiquidationPrice::NoPriceLiquidates),
                Side::Short if equity_at_zero <= 0.0 => {
                    Some(NoLiquidationPrice::EveryPriceLiquidates)
                }
                _ => None,
            };
            if reason.is_some() {
                return Ok(LiquidationPrice {
                    price: None,
                    bracket_idx: 0,
                    exceeds_top: false,
                    reason,
                });
            }
            liquidation_bracket(inputs, ladder)
        }
    };
    let mut price = price_in_bracket(inputs, ladder, bracket_idx);
    if bracket_at == BracketAt::Liquidation {
        price = keep_in_bracket(inputs, ladder, bracket_idx, price);
    }
    let reason = (price <= 0.0).then_some(match inputs.side {
        Side::Long => NoLiquidationPrice::NoPriceLiquidates,
        Side::Short => NoLiquidationPrice::EveryPriceLiquidates,
    });
    Ok(LiquidationPrice {
        price: reason.is_none().then_some(price),
        bracket_idx,
        exceeds_top: reason.is_none() && ladder.exceeds_top(ladder.size(inputs.quantity, price)),
        reason,
    })
}

/// Whether the position is liquidated at its own entry price: its margin is below the
/// maintenance margin of the entry notional.
pub fn liquidatable_at_entry(inputs: &LiquidationInputs, ladder: &Ladder) -> bool {
    inputs.excess_margin(inputs.entry_price, ladder) < 0.0
}

/// The price at which a position's margin is used up, `E - s * margin / Q`; `None` for a long
/// whose margin covers a price of zero. With the margin balance of a cross account, the price at
/// which that account is bankrupt while everything else stands still.
///
/// # Errors
/// [`VenueError::BadInput`] for a quantity or price that is not above 0, or a margin that is not
/// finite.
pub fn bankruptcy_price(inputs: &LiquidationInputs) -> Result<Option<f64>, VenueError> {
    inputs.check()?;
    let margin = inputs.wallet_balance + inputs.other_unrealised_pnl;
    let price = inputs.entry_price - inputs.side.sign() * margin / inputs.quantity;
    Ok((price > 0.0).then_some(price))
}

/// The bracket that holds its own candidate price.
fn liquidation_bracket(inputs: &LiquidationInputs, ladder: &Ladder) -> usize {
    let brackets = ladder.brackets();
    let candidate = |idx: usize| inputs.quantity * price_in_bracket(inputs, ladder, idx);
    match inputs.side {
        // The losing side is down: the highest root is met first.
        Side::Long => {
            (0..brackets.len()).rev().find(|&idx| candidate(idx) > brackets[idx].floor).unwrap_or(0)
        }
        // Up: the lowest root is met first.
        Side::Short => (0..brackets.len())
            .find(|&idx| candidate(idx) <= brackets[idx].cap)
            .unwrap_or(brackets.len() - 1),
    }
}

/// Root of the line of one bracket: `(W + deduction - s Q E) / (Q (rate - s))`.
fn price_in_bracket(inputs: &LiquidationInputs, ladder: &Ladder, bracket_idx: usize) -> f64 {
    let bracket = &ladder.brackets()[bracket_idx];
    root_of_line(inputs, bracket.maintenance_margin_rate, bracket.maintenance_deduction)
}

/// Puts a root that a jump in the ladder pushes past the bracket's edge onto that edge.
fn keep_in_bracket(
    inputs: &LiquidationInputs,
    ladder: &Ladder,
    bracket_idx: usize,
    price: f64,
) -> f64 {
    let bracket = &ladder.brackets()[bracket_idx];
    let is_top = bracket_idx + 1 == ladder.brackets().len();
    match inputs.side {
        Side::Long if !is_top => price.min(bracket.cap / inputs.quantity),
        Side::Short if bracket_idx > 0 => price.max(bracket.floor / inputs.quantity),
        _ => price,
    }
}

/// Price at which equity equals `rate * Q P - deduction`.
#[inline]
pub(crate) fn root_of_line(inputs: &LiquidationInputs, rate: f64, deduction: f64) -> f64 {
    let sign = inputs.side.sign();
    (inputs.margin_balance() + deduction - sign * inputs.quantity * inputs.entry_price)
        / (inputs.quantity * (rate - sign))
}
