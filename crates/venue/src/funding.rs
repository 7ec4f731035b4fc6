//! Funding: what a settlement costs, and how a premium becomes a rate.

use plimsoll_market::{Side, Timestamp};

use crate::error::{VenueError, check_finite};
use crate::tables::Status;

/// Eight hours, the period in which funding is compared.
pub const EIGHT_HOURS_MINUTES: f64 = 480.0;

/// Minutes of a year of 365 days.
const YEAR_MINUTES: f64 = 365.0 * 1440.0;

/// Cash to the account at a settlement, `-s * Q * P * r`: a positive rate is paid by longs to
/// shorts. `price` is the one the venue charges at, see [`FundingPrice`].
#[inline]
pub fn funding_payment(side: Side, quantity: f64, price: f64, rate: f64) -> f64 {
    -side.sign() * quantity * price * rate
}

/// A rate of one interval brought to eight hours, `r * 480 / minutes`.
#[inline]
pub fn rate_8h(rate: f64, interval_minutes: f64) -> f64 {
    rate * EIGHT_HOURS_MINUTES / interval_minutes
}

/// A rate of one interval brought to a year of 365 days, without compounding.
#[inline]
pub fn rate_annual(rate: f64, interval_minutes: f64) -> f64 {
    rate * YEAR_MINUTES / interval_minutes
}

/// The price that the position is valued at when funding is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FundingPrice {
    /// The venue's mark price (Binance, Bybit, OKX).
    Mark,
    /// The oracle price, an index of other venues' spot prices (Hyperliquid).
    Oracle,
}

/// How the rate of an interval follows from the premium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FundingFormula {
    /// `P + clamp(I - P, -c, c)` whatever the interval.
    Unscaled,
    /// The same divided by eight hours over the interval.
    PerInterval,
}

/// A venue's funding rule from one date on.
#[derive(Clone, Debug, PartialEq)]
pub struct FundingRule {
    /// First instant at which the rule holds.
    pub from: Timestamp,
    /// Interval of an instrument that says nothing else. Recorded settlements carry their own.
    pub interval_minutes: u32,
    /// Interest rate of eight hours, a fraction.
    pub interest_8h: f64,
    /// Largest distance that the clamp lets through, a fraction.
    pub clamp_fraction: f64,
    /// How the rate scales with the interval.
    pub formula: FundingFormula,
    /// Venue-wide cap of the rate of one interval; `None` where instruments have their own.
    pub rate_cap_fraction: Option<f64>,
    /// The price that positions are valued at.
    pub payment_price: FundingPrice,
    /// How far after its grid point a settlement may be stamped.
    pub settle_tolerance_seconds: u32,
    /// How well the figures are known.
    pub status: Status,
    /// Where they are from.
    pub source: String,
}

impl FundingRule {
    /// The rate of one interval from the average premium `P` of the index:
    /// `P + clamp(I - P, -c, c)`, divided by 8 h over the interval where the rule says so, and
    /// held within the venue-wide cap. Inside `I - c <= P <= I + c` it is the interest rate.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for a premium that is not finite or an interval of 0.
    pub fn funding_rate_from_premium(
        &self,
        premium: f64,
        interval_minutes: u32,
    ) -> Result<f64, VenueError> {
        check_finite("premium", premium)?;
        if interval_minutes == 0 {
            return Err(VenueError::BadInput {
                name: "interval_minutes",
                value: 0.0,
                rule: "1 or above",
            });
        }
        let rate =
            premium + (self.interest_8h - premium).clamp(-self.clamp_fraction, self.clamp_fraction);
        let rate = match self.formula {
            FundingFormula::Unscaled => rate,
            FundingFormula::PerInterval => rate * f64::from(interval_minutes) / EIGHT_HOURS_MINUTES,
        };
        Ok(match self.rate_cap_fraction {
            Some(cap) => rate.clamp(-cap, cap),
            None => rate,
        })
    }
}
