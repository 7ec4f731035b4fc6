//! Conversions between risk, margin and notional, and the caps of a position and of a book.
//!
//! Three fractions of equity are often confused. A *risk* fraction is lost if the stop is hit, a
//! *margin* fraction is posted, a *notional* fraction (the leverage) is controlled:
//! `x = risk / stop distance = margin * leverage`.

use super::SizingError;
use super::check::{all_finite, equity, finite, not_negative, positive, share};

/// The leverage that loses `risk_fraction` of equity over `stop_distance`: `f / s`.
///
/// Serves fixed-fractional sizing, fractional Kelly (`risk_fraction` is the fraction times
/// Kelly) and the hard cap on the loss at the stop. Both are fractions: of equity, of the price.
pub fn leverage_from_risk(risk_fraction: f64, stop_distance: f64) -> Result<f64, SizingError> {
    let risk = not_negative("risk_fraction", risk_fraction)?;
    finite("leverage", risk / positive("stop_distance", stop_distance)?)
}

/// The leverage of a position that posts `margin_fraction` of equity at `leverage` on the venue:
/// the product.
pub fn leverage_from_margin(margin_fraction: f64, leverage: f64) -> Result<f64, SizingError> {
    Ok(not_negative("margin_fraction", margin_fraction)? * positive("leverage", leverage)?)
}

/// Entry and stop of a trade, with what the round trip costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stop {
    /// Entry price, above 0.
    pub entry_price: f64,
    /// Stop price; `None` where the trade has none.
    pub stop_price: Option<f64>,
    /// Cost of getting in and out, as a fraction of the notional.
    pub round_trip_cost_fraction: f64,
}

impl Stop {
    /// Loss at the stop as a fraction of the notional, `|entry - stop| / entry + costs`.
    ///
    /// # Errors
    /// `NoStop`, or `OutOfRange` where stop and entry coincide.
    pub fn distance(&self) -> Result<f64, SizingError> {
        self.distance_at(self.entry_price)
    }

    /// The same loss, from the entry to the stop, as a fraction of the notional at another price,
    /// `|entry - stop| / price + costs`: with it a quantity follows from what each unit risks.
    ///
    /// # Errors
    /// As [`Stop::distance`].
    pub fn distance_at(&self, price: f64) -> Result<f64, SizingError> {
        let entry = positive("entry_price", self.entry_price)?;
        let price = positive("price", price)?;
        let stop = not_negative("stop_price", self.stop_price.ok_or(SizingError::NoStop)?)?;
        let costs = not_negative("round_trip_cost_fraction", self.round_trip_cost_fraction)?;
        Ok(positive("stop_distance", (entry - stop).abs() / price)? + costs)
    }
}

/// What a concentration cap is a share of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ConcentrationOf {
    /// Of equity posted as margin, at this leverage on the venue.
    Margin {
        /// The leverage the venue is told.
        leverage: f64,
    },
    /// Of equity as notional.
    Notional,
}

/// The leverage at which one position takes up `concentration` of equity.
pub fn concentration_cap(concentration: f64, of: ConcentrationOf) -> Result<f64, SizingError> {
    let concentration = share("concentration", concentration)?;
    match of {
        ConcentrationOf::Margin { leverage } => leverage_from_margin(concentration, leverage),
        ConcentrationOf::Notional => Ok(concentration),
    }
}

/// An open position, as heat and exposure see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpenPosition {
    /// Notional in quote currency; the sign does not matter.
    pub notional: f64,
    /// Entry price.
    pub entry_price: f64,
    /// Stop price, or the liquidation price where there is no stop.
    pub stop_price: Option<f64>,
}

/// Share of equity lost if every position is stopped out,
/// `sum |notional| |entry - stop| / entry / equity`.
///
/// `notional` already carries the leverage; it must not be multiplied in again.
pub fn heat(positions: &[OpenPosition], equity_quote: f64) -> Result<f64, SizingError> {
    let equity = equity(equity_quote)?;
    let mut at_risk = 0.0;
    for position in positions {
        let entry = positive("entry_price", position.entry_price)?;
        let stop = not_negative("stop_price", position.stop_price.ok_or(SizingError::NoStop)?)?;
        at_risk += finite("notional", position.notional)?.abs() * ((entry - stop).abs() / entry);
    }
    Ok(at_risk / equity)
}

/// The leverage that the heat left over allows a new position, `max(0, limit - heat) / s`.
pub fn heat_room(limit: f64, heat: f64, stop_distance: f64) -> Result<f64, SizingError> {
    let room = positive("limit", limit)? - not_negative("heat", heat)?;
    leverage_from_risk(room.max(0.0), stop_distance)
}

/// Gross exposure over collateral, `sum |notional| / collateral`; longs and shorts do not net.
pub fn exposure(notionals: &[f64], collateral: f64) -> Result<f64, SizingError> {
    all_finite("notionals", notionals)?;
    let gross: f64 = notionals.iter().map(|notional| notional.abs()).sum();
    Ok(gross / equity(collateral)?)
}

/// The leverage that the exposure left over allows a new position, `max(0, limit - exposure)`.
pub fn exposure_room(limit: f64, exposure: f64) -> Result<f64, SizingError> {
    Ok((positive("limit", limit)? - not_negative("exposure", exposure)?).max(0.0))
}
