//! What the account holds and is about to hold at a close, as the limits of a book see it.
//!
//! Heat and exposure are of all positions but the one that is decided on, entries and changes
//! decided at the same close counted as if they had filled at it, even those that the next bar
//! cancels, and positions whose exit has been decided not counted any more, even those whose exit
//! has to wait for a fill. A position's heat is its notional at the entry times the way
//! from the entry to its *initial* stop, and its own size is decided again by the same way: the list of trades knows where a trailing stop was in the
//! end, and a decision must not. Without a stop it is the way to the liquidation price as it stands
//! at this close, or all of the notional where no price liquidates a long.
//!
//! For a new position without a stop that way is taken to be
//! - under isolated margin, the way to the liquidation price of a small position, the longest that
//!   the brackets give;
//! - of a long under cross or portfolio margin, all of its notional: no position that heat leaves
//!   room for is liquidated before its price is near zero;
//! - of a short under them, unknown: whatever its size, it ends only with the whole account.

use plimsoll_market::Side;
use plimsoll_sizing::SizingError;
use plimsoll_sizing::formulas::{OpenPosition, heat};
use plimsoll_venue::{
    BracketAt, LiquidationInputs, LiquidationPrice, NoLiquidationPrice, VenueError,
    liquidation_price,
};

use super::{At, Position, Replay};
use crate::outcome::Decision;
use crate::settings::MarginMode;

/// The account beside the decisions of one close.
pub(super) struct Book {
    /// Money that may still become initial margin, once what leaves has left.
    pub(super) free: f64,
    holdings: Vec<Holding>,
}

/// A position as it is expected to be after the next open.
struct Holding {
    symbol_idx: usize,
    side: Side,
    /// Its initial stop.
    stop_price: Option<f64>,
    /// Price at this close.
    price: f64,
    /// What is held already and stays, and its entry price.
    kept: f64,
    entry_price: f64,
    /// What is ordered, to be filled at about `price`.
    ordered: f64,
}

/// What the book leaves to one decision.
#[derive(Clone)]
pub(super) struct Room {
    /// Money that may become initial margin.
    pub(super) free: f64,
    /// Share of equity that the other positions lose at their stops.
    pub(super) heat: Result<f64, SizingError>,
    /// Gross notional of the other positions over equity.
    pub(super) exposure: f64,
    /// Required margin of the other positions.
    pub(super) maintenance: f64,
}

impl Book {
    /// Counts a decision's order as filled, and the margin that it takes up as gone. What was
    /// held of its symbol is replaced.
    pub(super) fn count(&mut self, decision: &Decision, margin: f64, entry_price: f64) {
        self.free -= margin;
        self.holdings.retain(|holding| holding.symbol_idx != decision.symbol_idx);
        if decision.quantity > 0.0 {
            let kept = decision.held_quantity.min(decision.quantity);
            self.holdings.push(Holding {
                symbol_idx: decision.symbol_idx,
                side: decision.side,
                stop_price: decision.stop_price,
                price: decision.price,
                kept,
                entry_price,
                ordered: decision.quantity - kept,
            });
        }
    }

    fn beside(&self, symbol_idx: usize) -> impl Iterator<Item = &Holding> {
        self.holdings.iter().filter(move |holding| holding.symbol_idx != symbol_idx)
    }
}

impl Holding {
    fn quantity(&self) -> f64 {
        self.kept + self.ordered
    }
}

impl Replay<'_> {
    /// The book at a bar's close, before anything is decided there.
    pub(super) fn book(&self, bar: usize, equity: f64) -> Book {
        let stays = |position: &&Position| !self.is_leaving(position, bar);
        let holding = |position: &Position| Holding {
            symbol_idx: position.symbol_idx,
            side: position.side,
            stop_price: self.trades[position.trade_idx].initial_stop_price,
            price: self.mark(position, bar, At::Close),
            kept: position.quantity,
            entry_price: position.entry_price,
            ordered: 0.0,
        };
        Book {
            free: self.free_margin_after_exits(bar, equity),
            holdings: self.positions.iter().filter(stays).map(holding).collect(),
        }
    }

    /// Whether the order that closes a position at the next open has been decided by this close.
    /// The open at which it fills may be a later one, which nobody knows here.
    pub(super) fn is_leaving(&self, position: &Position, bar: usize) -> bool {
        let decided = self.trades[position.trade_idx].exit_decision_bar;
        decided.is_some_and(|decided| decided <= bar) || position.holding_ends_bar <= bar + 1
    }

    /// What the book leaves to a decision on one symbol. Heat is reckoned only where it is asked
    /// for.
    pub(super) fn room_beside(
        &self,
        book: &Book,
        symbol_idx: usize,
        bar: usize,
        equity: f64,
        needs_heat: bool,
    ) -> Room {
        let (mut gross, mut maintenance) = (0.0, 0.0);
        for holding in book.beside(symbol_idx) {
            let ladder = &self.in_force_at(holding.symbol_idx, bar).ladder;
            gross += holding.quantity() * holding.price;
            maintenance += ladder.required_margin(holding.quantity(), holding.price);
        }
        let heat =
            if needs_heat { self.heat_beside(book, symbol_idx, bar, equity) } else { Ok(0.0) };
        Room { free: book.free, heat, exposure: gross / equity, maintenance }
    }

    fn heat_beside(
        &self,
        book: &Book,
        symbol_idx: usize,
        bar: usize,
        equity: f64,
    ) -> Result<f64, SizingError> {
        let mut open = Vec::with_capacity(2 * book.holdings.len());
        for holding in book.beside(symbol_idx) {
            for (quantity, entry_price, is_held) in
                [(holding.kept, holding.entry_price, true), (holding.ordered, holding.price, false)]
            {
                if quantity <= 0.0 {
                    continue;
                }
                let end = match holding.stop_price {
                    Some(stop) => stop,
                    None if is_held => self.price_of_ruin(holding.symbol_idx, bar)?,
                    None => {
                        let way = self.unstopped_distance(
                            holding.symbol_idx,
                            holding.side,
                            entry_price,
                            bar,
                        )?;
                        entry_price * (1.0 - holding.side.sign() * way)
                    }
                };
                open.push(OpenPosition {
                    notional: quantity * entry_price,
                    entry_price,
                    stop_price: Some(end),
                });
            }
        }
        heat(&open, equity)
    }

    /// The liquidation price of a symbol's position at this close; 0 for a long that no price
    /// liquidates.
    fn price_of_ruin(&self, symbol_idx: usize, bar: usize) -> Result<f64, SizingError> {
        let position = self.positions.iter().find(|held| held.symbol_idx == symbol_idx);
        let position = position.ok_or(SizingError::NoStop)?;
        let ladder = &self.in_force_at(symbol_idx, bar).ladder;
        let inputs = self.liquidation_inputs(position, bar, At::Close);
        price_or_nothing(position.side, liquidation_price(&inputs, ladder, BracketAt::Liquidation))
    }

    /// The share of its notional that a new position without a stop loses by its liquidation.
    pub(super) fn unstopped_distance(
        &self,
        symbol_idx: usize,
        side: Side,
        price: f64,
        bar: usize,
    ) -> Result<f64, SizingError> {
        match (self.settings.margin, side) {
            (MarginMode::Isolated, _) => {
                let ladder = &self.in_force_at(symbol_idx, bar).ladder;
                let margin = 1.0 / self.settings.leverage;
                let inputs = LiquidationInputs::isolated(side, 1.0 / price, price, margin);
                let found = liquidation_price(&inputs, ladder, BracketAt::Liquidation);
                Ok((price_or_nothing(side, found)? - price).abs() / price)
            }
            (MarginMode::Cross | MarginMode::Portfolio, Side::Long) => Ok(1.0),
            (MarginMode::Cross | MarginMode::Portfolio, Side::Short) => Err(SizingError::NoStop),
        }
    }
}

/// Where a position ends without a stop.
fn price_or_nothing(
    side: Side,
    found: Result<LiquidationPrice, VenueError>,
) -> Result<f64, SizingError> {
    let found = found.map_err(|_| SizingError::NoStop)?;
    match (found.price, found.reason, side) {
        (Some(price), ..) => Ok(price),
        (None, Some(NoLiquidationPrice::NoPriceLiquidates), Side::Long) => Ok(0.0),
        _ => Err(SizingError::NoStop),
    }
}
