//! Walking an order book: what an order of some size pays.

use plimsoll_market::Side;

use crate::error::{VenueError, check_not_negative, check_positive};

/// One price of a book with what is offered there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BookLevel {
    /// Price in quote currency.
    pub price: f64,
    /// Base units at this price.
    pub quantity: f64,
}

/// What an order took from the book.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BookFill {
    /// Base units filled.
    pub quantity: f64,
    /// Base units that the book did not hold.
    pub unfilled: f64,
    /// Quote currency paid or received.
    pub notional: f64,
    /// Price of the last level reached; `None` where nothing was filled.
    pub worst_price: Option<f64>,
}

impl BookFill {
    /// Average price; `None` where nothing was filled.
    pub fn average_price(&self) -> Option<f64> {
        (self.quantity > 0.0).then(|| self.notional / self.quantity)
    }
}

/// Fills a market order of `quantity` from the levels of the other side, best first: a long takes
/// asks, a short bids.
///
/// # Errors
/// [`VenueError::BadInput`] for a quantity below 0, [`VenueError::BadElement`] for a level out of
/// order or without price and quantity.
pub fn walk_book(side: Side, levels: &[BookLevel], quantity: f64) -> Result<BookFill, VenueError> {
    check_not_negative("quantity", quantity)?;
    check_levels(side, levels)?;
    let mut fill = BookFill { quantity: 0.0, unfilled: quantity, notional: 0.0, worst_price: None };
    for level in levels {
        if fill.unfilled <= 0.0 {
            break;
        }
        let taken = fill.unfilled.min(level.quantity);
        fill.quantity += taken;
        fill.unfilled -= taken;
        fill.notional += taken * level.price;
        fill.worst_price = Some(level.price);
    }
    Ok(fill)
}

/// Average price at which `notional` of quote currency is bought (long) or sold (short) at once;
/// `None` where the book is too thin.
///
/// # Errors
/// [`VenueError::BadInput`] for a notional that is not above 0; otherwise as [`walk_book`].
pub fn impact_price(
    side: Side,
    levels: &[BookLevel],
    notional: f64,
) -> Result<Option<f64>, VenueError> {
    check_positive("notional", notional)?;
    check_levels(side, levels)?;
    let (mut left, mut quantity) = (notional, 0.0);
    for level in levels {
        let worth = level.price * level.quantity;
        if worth >= left {
            return Ok(Some(notional / (quantity + left / level.price)));
        }
        left -= worth;
        quantity += level.quantity;
    }
    Ok(None)
}

fn check_levels(side: Side, levels: &[BookLevel]) -> Result<(), VenueError> {
    let mut previous: Option<f64> = None;
    for (index, level) in levels.iter().enumerate() {
        let is_worse = previous.is_none_or(|before| side.sign() * (level.price - before) > 0.0);
        let positive = |value: f64| value > 0.0 && value.is_finite();
        for (name, value, holds, rule) in [
            ("price", level.price, positive(level.price), "a finite number above 0"),
            ("price", level.price, is_worse, "worse than the one before"),
            ("quantity", level.quantity, positive(level.quantity), "a finite number above 0"),
        ] {
            if !holds {
                return Err(VenueError::BadElement { list: "levels", index, name, value, rule });
            }
        }
        previous = Some(level.price);
    }
    Ok(())
}
