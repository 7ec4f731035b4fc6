//! Liquidation of a cross account when several marks move at once, and of both legs of a symbol
//! in hedge mode.
//!
//! All marks are taken along one straight line: the mark of position `i` is
//! `mark_i (1 + beta_i t)`. Equity is linear in the move `t`, what is required is piecewise linear,
//! its pieces ending where a position's notional reaches the edge of a bracket. The search goes
//! from edge to edge in both directions and takes the root of the first piece that has one, so
//! that the answer is exact up to rounding. Unlike that of one position alone, excess margin
//! need not fall in one direction and rise in the other: two legs of a hedge may be liquidated by
//! a fall and by a rise.
//!
//! For linear contracts: an inverse one is not linear in `t`.

use plimsoll_market::Side;

use crate::error::{VenueError, check_finite, check_not_negative, check_positive};
use crate::ladder::{Ladder, TierBasis};

/// One position of a cross account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossPosition<'a> {
    /// Direction of the position.
    pub side: Side,
    /// Size in base units, above 0.
    pub quantity: f64,
    /// Average entry price.
    pub entry_price: f64,
    /// The mark price now.
    pub mark_price: f64,
    /// Relative move of this mark for a move of 1; 1 where all marks move alike, 0 for one that
    /// stands still.
    pub beta: f64,
    /// The symbol's brackets.
    pub ladder: &'a Ladder,
}

/// A common move of all marks at which the account is liquidated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossMove {
    /// The move `t`: each mark becomes `mark (1 + beta t)`. Below 0 it is a fall, at betas above 0.
    pub move_fraction: f64,
    /// Whether a position is then above its ladder's top cap, so that the last rate was continued.
    pub exceeds_top: bool,
    /// Whether all brackets on the way are known. If not, liquidation may come sooner.
    pub is_known: bool,
}

/// The nearest moves that liquidate a cross account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossLiquidation {
    /// The nearest move below 0; `None` where none does that leaves all prices above zero.
    pub down: Option<CrossMove>,
    /// The nearest move above 0.
    pub up: Option<CrossMove>,
    /// Whether the account is liquidated at the present marks; both moves are then 0.
    pub is_liquidatable_now: bool,
}

/// The nearest common moves in both directions at which a cross account's equity is no more than
/// what is required of all its positions, `wallet + sum of unrealised profit <= sum of required
/// margin`.
///
/// # Errors
/// [`VenueError::BadInput`] for a quantity or price that is not above 0, or a wallet or beta that
/// is not finite.
pub fn cross_liquidation_moves(
    wallet_balance: f64,
    positions: &[CrossPosition<'_>],
) -> Result<CrossLiquidation, VenueError> {
    check_finite("wallet_balance", wallet_balance)?;
    for position in positions {
        check_positive("quantity", position.quantity)?;
        check_positive("entry_price", position.entry_price)?;
        check_positive("mark_price", position.mark_price)?;
        check_finite("beta", position.beta)?;
    }
    let is_liquidatable_now =
        !positions.is_empty() && excess_margin(wallet_balance, positions, 0.0) <= 0.0;
    let nearest = |direction: f64| {
        let distance = if is_liquidatable_now {
            Some(0.0)
        } else {
            first_distance(wallet_balance, positions, direction)
        };
        distance.map(|distance| found_move(positions, direction * distance))
    };
    Ok(CrossLiquidation { down: nearest(-1.0), up: nearest(1.0), is_liquidatable_now })
}

/// Equity of a cross account less what is required of all its positions, after a common move.
pub fn excess_margin(
    wallet_balance: f64,
    positions: &[CrossPosition<'_>],
    move_fraction: f64,
) -> f64 {
    let contribution = |position: &CrossPosition<'_>| {
        let mark_price = position.mark_price * (1.0 + position.beta * move_fraction);
        position.side.sign() * position.quantity * (mark_price - position.entry_price)
            - position.ladder.required_margin(position.quantity, mark_price)
    };
    wallet_balance + positions.iter().map(contribution).sum::<f64>()
}

/// Both legs of one symbol in hedge mode. Money is in the settlement currency.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HedgeInputs {
    /// Wallet less the other symbols' required margin plus their unrealised profit.
    pub margin_balance: f64,
    /// The mark price now.
    pub mark_price: f64,
    /// Size of the long leg in base units, 0 for none.
    pub long_quantity: f64,
    /// Average entry price of the long leg; any positive number if there is none.
    pub long_entry_price: f64,
    /// Size of the short leg in base units, 0 for none.
    pub short_quantity: f64,
    /// Average entry price of the short leg; any positive number if there is none.
    pub short_entry_price: f64,
}

/// The prices between which both legs live.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HedgeLiquidation {
    /// The highest mark price below the present one that liquidates.
    pub below: Option<f64>,
    /// The lowest mark price above the present one that liquidates.
    pub above: Option<f64>,
    /// Whether the legs are liquidated at the present mark, which is then both prices.
    pub is_liquidatable_now: bool,
    /// Whether all brackets on the way are known. If not, liquidation may come sooner.
    pub is_known: bool,
}

/// The mark prices on both sides of the present one at which two legs of a symbol are liquidated,
/// exact over the brackets of both. Each leg has its own bracket, by its own size.
/// [`hedge_liquidation_price`](crate::hedge_liquidation_price) is the venue's formula with the
/// rates given.
///
/// # Errors
/// [`VenueError::BadInput`] for a number that is not finite, a negative quantity or a price that
/// is not above 0.
pub fn hedge_liquidation_price_exact(
    inputs: &HedgeInputs,
    ladder: &Ladder,
) -> Result<HedgeLiquidation, VenueError> {
    let mut legs = Vec::with_capacity(2);
    for (side, quantity, entry_price) in [
        (Side::Long, inputs.long_quantity, inputs.long_entry_price),
        (Side::Short, inputs.short_quantity, inputs.short_entry_price),
    ] {
        check_not_negative("quantity", quantity)?;
        if quantity > 0.0 {
            let mark_price = inputs.mark_price;
            legs.push(CrossPosition { side, quantity, entry_price, mark_price, beta: 1.0, ladder });
        }
    }
    check_positive("mark_price", inputs.mark_price)?;
    let found = cross_liquidation_moves(inputs.margin_balance, &legs)?;
    let price = |at: CrossMove| inputs.mark_price * (1.0 + at.move_fraction);
    Ok(HedgeLiquidation {
        below: found.down.map(price),
        above: found.up.map(price),
        is_liquidatable_now: found.is_liquidatable_now,
        is_known: [found.down, found.up].into_iter().flatten().all(|at| at.is_known),
    })
}

/// How far the marks have to move in a direction until the account is liquidated.
fn first_distance(
    wallet_balance: f64,
    positions: &[CrossPosition<'_>],
    direction: f64,
) -> Option<f64> {
    // Beyond this distance a price would be zero or less.
    let limit = positions
        .iter()
        .map(|position| -position.beta * direction)
        .filter(|shrinking| *shrinking > 0.0)
        .fold(f64::INFINITY, |limit, shrinking| limit.min(1.0 / shrinking));
    let mut from = 0.0;
    for to in edges(positions, direction, limit).into_iter().chain([limit]) {
        let middle = if to.is_finite() { f64::midpoint(from, to) } else { 2.0 * from + 1.0 };
        let (level, slope) = excess_line(wallet_balance, positions, direction, middle);
        // The requirement may have jumped at the edge just passed.
        if level + slope * from <= 0.0 {
            return Some(from);
        }
        let root = -level / slope;
        if slope < 0.0 && root <= to && root < limit {
            return Some(root.max(from));
        }
        from = to;
    }
    None
}

/// Distances below the limit at which a position reaches the edge of a bracket, nearest first.
fn edges(positions: &[CrossPosition<'_>], direction: f64, limit: f64) -> Vec<f64> {
    let mut edges = Vec::new();
    for position in positions {
        let speed = position.beta * direction;
        if position.ladder.basis() == TierBasis::Notional && speed.abs() > 0.0 {
            let notional = position.quantity * position.mark_price;
            let caps = position.ladder.brackets().iter().map(|bracket| bracket.cap);
            edges.extend(
                caps.filter(|cap| cap.is_finite())
                    .map(|cap| (cap / notional - 1.0) / speed)
                    .filter(|distance| *distance > 0.0 && *distance < limit),
            );
        }
    }
    edges.sort_by(f64::total_cmp);
    edges
}

/// Level at no move and slope of excess margin over distance, with the brackets that hold at a
/// distance.
fn excess_line(
    wallet_balance: f64,
    positions: &[CrossPosition<'_>],
    direction: f64,
    distance: f64,
) -> (f64, f64) {
    let (mut level, mut slope) = (wallet_balance, 0.0);
    for position in positions {
        let CrossPosition { quantity, mark_price, ladder, .. } = *position;
        let (sign, speed) = (position.side.sign(), position.beta * direction);
        let size = ladder.size(quantity, mark_price * (1.0 + speed * distance));
        let (rate, deduction) = ladder.requirement_line(ladder.bracket_idx(size));
        let notional = quantity * mark_price;
        level +=
            sign * quantity * (mark_price - position.entry_price) - (notional * rate - deduction);
        slope += notional * speed * (sign - rate);
    }
    (level, slope)
}

fn found_move(positions: &[CrossPosition<'_>], move_fraction: f64) -> CrossMove {
    let exceeds = |position: &CrossPosition<'_>, move_fraction: f64| {
        let mark_price = position.mark_price * (1.0 + position.beta * move_fraction);
        position.ladder.exceeds_top(position.ladder.size(position.quantity, mark_price))
    };
    CrossMove {
        move_fraction,
        exceeds_top: positions.iter().any(|position| exceeds(position, move_fraction)),
        // Sizes change in one direction, so that the largest is at one of both ends.
        is_known: positions.iter().all(|position| {
            position.ladder.is_complete()
                || !(exceeds(position, 0.0) || exceeds(position, move_fraction))
        }),
    }
}
