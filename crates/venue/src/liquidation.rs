//! The price at which a position is liquidated, and the one at which it is bankrupt.
//!
//! A position is liquidated when the equity behind it is no more than what is required of it, both
//! at the mark price `P`: `W + s Q (P - E) <= R(Q, P)`, with side `s` (+1 long, -1 short), quantity
//! `Q`, entry `E` and `W` the wallet plus what the other positions of a cross account add and
//! need. `R` is the maintenance margin, with the fee of closing where the venue counts it
//! ([`Ladder::required_margin`]).
//!
//! The liquidation price is **the first price, leaving the entry in the losing direction, at which
//! that holds**. `R` is piecewise linear in `P`, so that each bracket has one candidate;
//! [`liquidation_price`] walks the brackets from the entry's. Where the ladder is continuous the
//! price is the only root. Where the margin jumps at a bracket's edge it may be the edge itself:
//! for a short, every price above it liquidates.
//!
//! If equity is below the requirement at the entry already ([`liquidatable_at_entry`]), the price
//! is on the winning side: the first one there at which equity covers the requirement again. Equity
//! that is exactly the requirement at the entry makes the entry the price.
//!
//! Inverse contracts are linear ones in one over the price, with the side turned
//! ([`LiquidationInputs::in_units_of`]). [`joint`](crate::joint) has several positions moving at
//! once, [`closed_forms`](crate::closed_forms) the venues' own formulas with the rate given.

use plimsoll_market::Side;

use crate::contract::ContractKind;
use crate::error::{VenueError, check_finite, check_positive};
use crate::ladder::{Ladder, TierBasis};

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
    /// [Required margin](Ladder::required_margin) of the other cross positions at their marks; 0 if
    /// isolated.
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

    /// Equity behind the position less what is required of it at a mark price; at zero or below
    /// it is liquidated.
    #[inline]
    pub fn excess_margin(&self, mark_price: f64, ladder: &Ladder) -> f64 {
        self.margin_balance() + self.side.sign() * self.quantity * (mark_price - self.entry_price)
            - ladder.required_margin(self.quantity, mark_price)
    }

    /// The same position as a linear one whose price is [`ContractKind::unit_value`]. Of an
    /// inverse contract the quantity is in US dollars and money in the coin.
    #[must_use]
    pub fn in_units_of(&self, kind: ContractKind) -> Self {
        Self {
            side: kind.unit_side(self.side),
            entry_price: kind.unit_value(self.entry_price),
            ..*self
        }
    }

    pub(crate) fn check(&self) -> Result<(), VenueError> {
        check_positive("quantity", self.quantity)?;
        check_positive("entry_price", self.entry_price)?;
        check_finite("wallet_balance", self.wallet_balance)?;
        check_finite("other_maintenance_margin", self.other_maintenance_margin)?;
        check_finite("other_unrealised_pnl", self.other_unrealised_pnl)?;
        check_finite("margin balance", self.margin_balance())?;
        check_finite("quantity * entry_price", self.quantity * self.entry_price)
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
    /// The mark price at which equity no longer exceeds the requirement; `None` with a reason.
    pub price: Option<f64>,
    /// Position in the ladder of the bracket used.
    pub bracket_idx: usize,
    /// Whether the size at that price is above the ladder's top cap, so that the last rate was
    /// continued.
    pub exceeds_top: bool,
    /// Why there is no price.
    pub reason: Option<NoLiquidationPrice>,
}

/// Why no price liquidates a position, or every price does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoLiquidationPrice {
    /// A long whose margin covers even a price of zero, or a short of an inverse contract whose
    /// margin covers any price.
    NoPriceLiquidates,
    /// A short, or a long of an inverse contract, whose margin does not last at any price.
    EveryPriceLiquidates,
    /// The size there is above the brackets of an [incomplete](Ladder::is_complete) ladder.
    BeyondKnownBrackets,
}

impl std::fmt::Display for NoLiquidationPrice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::NoPriceLiquidates => "no price above zero liquidates the position",
            Self::EveryPriceLiquidates => "every price above zero liquidates the position",
            Self::BeyondKnownBrackets => "the size is above the brackets that are known",
        })
    }
}

/// The mark price at which a position of a linear contract is liquidated, exact over all
/// brackets: the first one in the losing direction at which equity is no more than what is
/// required.
///
/// # Errors
/// [`VenueError::BadInput`] for a quantity or price that is not above 0, a sum that is not finite,
/// or numbers so large or small that the price is not finite.
pub fn liquidation_price(
    inputs: &LiquidationInputs,
    ladder: &Ladder,
    bracket_at: BracketAt,
) -> Result<LiquidationPrice, VenueError> {
    inputs.check()?;
    let entry_idx = ladder.bracket_idx(ladder.size(inputs.quantity, inputs.entry_price));
    let (bracket_idx, price) = match bracket_at {
        BracketAt::Entry => (entry_idx, price_in_bracket(inputs, ladder, entry_idx)),
        BracketAt::Liquidation => {
            if let Some(reason) = beyond_prices(inputs) {
                return Ok(LiquidationPrice {
                    price: None,
                    bracket_idx: 0,
                    exceeds_top: false,
                    reason: Some(reason),
                });
            }
            first_price(inputs, ladder, entry_idx)
        }
    };
    check_finite("liquidation price", price)?;
    let exceeds_top = price > 0.0 && ladder.exceeds_top(ladder.size(inputs.quantity, price));
    let is_unknown = !ladder.is_complete()
        && (exceeds_top || ladder.exceeds_top(ladder.size(inputs.quantity, inputs.entry_price)));
    let reason = if is_unknown {
        Some(NoLiquidationPrice::BeyondKnownBrackets)
    } else if price > 0.0 {
        None
    } else {
        Some(match inputs.side {
            Side::Long => NoLiquidationPrice::NoPriceLiquidates,
            Side::Short => NoLiquidationPrice::EveryPriceLiquidates,
        })
    };
    Ok(LiquidationPrice {
        price: reason.is_none().then_some(price),
        bracket_idx,
        exceeds_top,
        reason,
    })
}

/// The mark price at which a position of any contract is liquidated. For an inverse contract the
/// inputs' quantity is in US dollars and their money, like the ladder's, in the coin.
///
/// # Errors
/// As [`liquidation_price`].
pub fn contract_liquidation_price(
    kind: ContractKind,
    inputs: &LiquidationInputs,
    ladder: &Ladder,
    bracket_at: BracketAt,
) -> Result<LiquidationPrice, VenueError> {
    inputs.check()?;
    let found = liquidation_price(&inputs.in_units_of(kind), ladder, bracket_at)?;
    // One over one over a price is the price.
    let price = found.price.map(|unit| kind.unit_value(unit));
    check_finite("liquidation price", price.unwrap_or(0.0))?;
    Ok(LiquidationPrice { price, ..found })
}

/// Whether the position is liquidated at its own entry price whatever happens: its margin is below
/// what is required of the entry notional. Margin that is exactly the requirement is not below it;
/// its liquidation price is the entry.
pub fn liquidatable_at_entry(inputs: &LiquidationInputs, ladder: &Ladder) -> bool {
    inputs.excess_margin(inputs.entry_price, ladder) < 0.0
}

/// The price at which a position's margin is used up, `E - s * margin / Q`; `None` for a long
/// whose margin covers a price of zero. With the margin balance of a cross account, the price at
/// which that account is bankrupt while everything else stands still.
///
/// # Errors
/// [`VenueError::BadInput`] for a quantity or price that is not above 0, a margin that is not
/// finite, or numbers so large or small that the price is not finite.
pub fn bankruptcy_price(inputs: &LiquidationInputs) -> Result<Option<f64>, VenueError> {
    inputs.check()?;
    let margin = inputs.wallet_balance + inputs.other_unrealised_pnl;
    let price = inputs.entry_price - inputs.side.sign() * margin / inputs.quantity;
    check_finite("bankruptcy price", price)?;
    Ok((price > 0.0).then_some(price))
}

/// The price at which the margin of a position of any contract is used up; `None` where no price
/// does it.
///
/// # Errors
/// As [`bankruptcy_price`].
pub fn contract_bankruptcy_price(
    kind: ContractKind,
    inputs: &LiquidationInputs,
) -> Result<Option<f64>, VenueError> {
    inputs.check()?;
    let price = bankruptcy_price(&inputs.in_units_of(kind))?.map(|unit| kind.unit_value(unit));
    check_finite("bankruptcy price", price.unwrap_or(0.0))?;
    Ok(price)
}

/// Why no price, or every price, liquidates, if equity at a price of zero says so.
fn beyond_prices(inputs: &LiquidationInputs) -> Option<NoLiquidationPrice> {
    let equity_at_zero =
        inputs.margin_balance() - inputs.side.sign() * inputs.quantity * inputs.entry_price;
    match inputs.side {
        Side::Long if equity_at_zero >= 0.0 => Some(NoLiquidationPrice::NoPriceLiquidates),
        Side::Short if equity_at_zero <= 0.0 => Some(NoLiquidationPrice::EveryPriceLiquidates),
        _ => None,
    }
}

/// The first price from the entry on at which being liquidated or not changes, and its bracket:
/// in the losing direction, or in the winning one if the position is liquidatable at entry.
fn first_price(inputs: &LiquidationInputs, ladder: &Ladder, entry_idx: usize) -> (usize, f64) {
    let root = |idx: usize| price_in_bracket(inputs, ladder, idx);
    if ladder.basis() == TierBasis::Quantity {
        return (entry_idx, root(entry_idx));
    }
    let (brackets, quantity) = (ladder.brackets(), inputs.quantity);
    let last_idx = brackets.len() - 1;
    let goes_down = (inputs.side == Side::Long) != liquidatable_at_entry(inputs, ladder);
    // A root past the edge by which its bracket is entered means that the margin jumps there.
    if goes_down {
        let is_inside = |idx: &usize| quantity * root(*idx) > brackets[*idx].floor;
        let idx = (0..=entry_idx).rev().find(is_inside).unwrap_or(0);
        let price = root(idx);
        (idx, if idx < entry_idx { price.min(brackets[idx].cap / quantity) } else { price })
    } else {
        let is_inside = |idx: &usize| quantity * root(*idx) <= brackets[*idx].cap;
        let idx = (entry_idx..=last_idx).find(is_inside).unwrap_or(last_idx);
        let price = root(idx);
        (idx, if idx > entry_idx { price.max(brackets[idx].floor / quantity) } else { price })
    }
}

/// Root of the line of one bracket: `(W + deduction - s Q E) / (Q (rate - s))`.
fn price_in_bracket(inputs: &LiquidationInputs, ladder: &Ladder, bracket_idx: usize) -> f64 {
    let (rate, deduction) = ladder.requirement_line(bracket_idx);
    root_of_line(inputs, rate, deduction)
}

/// Price at which equity equals `rate * Q P - deduction`.
#[inline]
pub(crate) fn root_of_line(inputs: &LiquidationInputs, rate: f64, deduction: f64) -> f64 {
    let sign = inputs.side.sign();
    (inputs.margin_balance() + deduction - sign * inputs.quantity * inputs.entry_price)
        / (inputs.quantity * (rate - sign))
}
