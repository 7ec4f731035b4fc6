//! What a position held over some time pays and receives at recorded settlements.
//!
//! A position opened at `from` and closed at `to` is charged at the settlements in `(from, to]`:
//! at the same instant the settlement comes before fills, as in a replay, so that a position
//! opened at the stamp does not pay and one closed at the stamp does. Venues charge up to some
//! seconds after the stamp (Binance: 15). A settlement that lies so near to opening or closing
//! may have gone either way; it is counted by the rule above and marked.

use plimsoll_market::{Side, Timestamp};

use crate::contract::ContractKind;
use crate::error::{VenueError, check_positive};
use crate::funding::funding_payment;

/// A recorded settlement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FundingSettlement {
    /// The instant that it is for.
    pub time: Timestamp,
    /// Recorded rate of the interval, never clipped.
    pub rate: f64,
    /// The price that positions are valued at.
    pub price: f64,
}

/// A position of constant size over some time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeldPosition {
    /// Direction.
    pub side: Side,
    /// Linear or inverse.
    pub contract: ContractKind,
    /// Base units of a linear contract, US dollars of an inverse one; above 0.
    pub quantity: f64,
    /// When it was opened.
    pub from: Timestamp,
    /// When it was closed.
    pub to: Timestamp,
}

/// How sure it is that the position was there when the venue charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargeTiming {
    /// Held well around the settlement.
    Held,
    /// Held at the stamp, but closed within the slip after it.
    ClosedWithinSlip,
    /// Opened at the stamp or within the slip after it: not counted, but perhaps charged.
    OpenedWithinSlip,
}

impl ChargeTiming {
    /// Whether the settlement is counted.
    pub fn is_counted(self) -> bool {
        self != Self::OpenedWithinSlip
    }
}

/// One settlement of a position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FundingCharge {
    /// The instant that it is for.
    pub time: Timestamp,
    /// Cash to the account in the settlement currency: the coin, for an inverse contract.
    pub cash: f64,
    /// The side that pays; `None` at a rate of 0.
    pub payer: Option<Side>,
    /// Whether it is counted, and how sure that is.
    pub timing: ChargeTiming,
}

/// Funding of a position, settlement by settlement.
#[derive(Clone, Debug, PartialEq)]
pub struct FundingCharges {
    /// In order of time, with those that are not counted.
    pub charges: Vec<FundingCharge>,
}

impl FundingCharges {
    /// Cash to the account of all settlements counted.
    pub fn total(&self) -> f64 {
        self.sum(ChargeTiming::is_counted)
    }

    /// The least and the most that the settlements within the slip can make of it.
    pub fn range(&self) -> (f64, f64) {
        let certain = self.sum(|timing| timing == ChargeTiming::Held);
        let unsure = self.charges.iter().filter(|charge| charge.timing != ChargeTiming::Held);
        unsure.fold((certain, certain), |(least, most), charge| {
            (least + charge.cash.min(0.0), most + charge.cash.max(0.0))
        })
    }

    fn sum(&self, is_in: impl Fn(ChargeTiming) -> bool) -> f64 {
        self.charges.iter().filter(|c| is_in(c.timing)).fold(0.0, |sum, c| sum + c.cash)
    }
}

/// What a position is charged at the settlements, which need to be in order of time.
/// `slip_seconds` is how long after the stamp the venue may charge.
///
/// # Errors
/// [`VenueError::BadInput`] for a quantity that is not above 0 or a closing before the opening,
/// [`VenueError::BadElement`] for a settlement out of order or without a rate or price.
pub fn funding_charges(
    position: &HeldPosition,
    settlements: &[FundingSettlement],
    slip_seconds: u32,
) -> Result<FundingCharges, VenueError> {
    check_positive("quantity", position.quantity)?;
    if position.to < position.from {
        return Err(VenueError::BadInput {
            name: "to",
            value: position.to.0 as f64,
            rule: "at or after `from`, in milliseconds",
        });
    }
    check_settlements(settlements)?;
    let slip = i64::from(slip_seconds) * 1000;
    let mut charges = Vec::new();
    for settlement in settlements {
        let (since_opening, to_closing) = (
            settlement.time.0.saturating_sub(position.from.0),
            position.to.0.saturating_sub(settlement.time.0),
        );
        let timing = if since_opening <= 0 {
            if slip == 0 || -since_opening > slip || to_closing <= 0 {
                continue;
            }
            ChargeTiming::OpenedWithinSlip
        } else if to_closing < 0 {
            break;
        } else if slip > 0 && to_closing <= slip {
            ChargeTiming::ClosedWithinSlip
        } else {
            ChargeTiming::Held
        };
        let value = position.contract.unit_value(settlement.price);
        charges.push(FundingCharge {
            time: settlement.time,
            cash: funding_payment(position.side, position.quantity, value, settlement.rate),
            payer: payer(settlement.rate),
            timing,
        });
    }
    Ok(FundingCharges { charges })
}

/// The side that pays at a rate.
pub fn payer(rate: f64) -> Option<Side> {
    if rate > 0.0 {
        Some(Side::Long)
    } else if rate < 0.0 {
        Some(Side::Short)
    } else {
        None
    }
}

fn check_settlements(settlements: &[FundingSettlement]) -> Result<(), VenueError> {
    let mut previous: Option<Timestamp> = None;
    for (index, settlement) in settlements.iter().enumerate() {
        let time = settlement.time.0 as f64;
        let is_later = previous.is_none_or(|before| before < settlement.time);
        let price = settlement.price;
        for (name, value, holds, rule) in [
            ("time", time, is_later, "after the one before, in milliseconds"),
            ("rate", settlement.rate, settlement.rate.is_finite(), "a finite number"),
            ("price", price, price > 0.0 && price.is_finite(), "a finite number above 0"),
        ] {
            if !holds {
                return Err(VenueError::BadElement {
                    list: "settlements",
                    index,
                    name,
                    value,
                    rule,
                });
            }
        }
        previous = Some(settlement.time);
    }
    Ok(())
}
