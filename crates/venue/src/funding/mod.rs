//! Funding: how a premium becomes a rate, what a settlement costs, and how long one can bear it.
//!
//! A venue samples how far its book lies from the index ([`premium`]), averages the samples over
//! an interval and makes a rate of the average ([`FundingRule`], dated rows of
//! `tables/funding.csv`). The rate is exchanged at the settlement between longs and shorts
//! ([`payment`]); its size may change the interval to the next one ([`schedule`]). [`budget`]
//! says how long a position may be held at a rate, [`carry`] what a hedged pair earns.
//!
//! Rules and caps are for simulation and what-if. Recorded rates are charged as they are
//! recorded: caps have moved over time, and a recorded rate beyond today's cap is a fact.
//!
//! ```
//! use plimsoll_market::{Side, Timestamp};
//! use plimsoll_venue::{FundedPosition, VenueRules, premium_index};
//!
//! let rules = VenueRules::load("hyperliquid", &[])?;
//! let rule = rules.funding_rule(Timestamp::from_date(2025, 10, 10).expect("a date"))?;
//! // The book is bid 1 % above the oracle: 0.95 % of eight hours, an eighth of it every hour.
//! let premium = premium_index(10_100.0, 10_110.0, 10_000.0)?;
//! let rate = rule.funding_rate_from_premium(premium, 60)?;
//! assert!((rate - 0.001_187_5).abs() < 1e-12);
//!
//! // A long of 100,000 pays 118.75 an hour: 1,000 last a third of a day.
//! let position = FundedPosition {
//!     side: Side::Long,
//!     notional: 100_000.0,
//!     margin: None,
//!     rate,
//!     interval_minutes: 60,
//! };
//! let days = position.holding_limit(1_000.0)?.days().expect("longs pay");
//! assert!((days - 0.3509).abs() < 1e-4);
//! # Ok::<(), plimsoll_venue::VenueError>(())
//! ```

pub mod budget;
pub mod carry;
pub mod payment;
pub mod premium;
pub mod schedule;

use plimsoll_market::{Side, Timestamp};

use crate::error::{VenueError, check, check_finite};
use crate::tables::{BY_A_THIRD_PARTY, Status};
use premium::{ImpactNotional, PremiumWeights};
use schedule::IntervalSwitch;

/// Eight hours, the period in which funding is compared.
pub const EIGHT_HOURS_MINUTES: f64 = 480.0;

/// Binance's caps of the largest markets are this share of the lowest maintenance margin rate.
pub const MAJORS_CAP_SHARE: f64 = 0.75;

/// Minutes of a day.
pub(crate) const DAY_MINUTES: f64 = 1440.0;

/// Minutes of a year of 365 days.
const YEAR_MINUTES: f64 = 365.0 * DAY_MINUTES;

/// Half a unit of the eighth decimal, to which venues print rates.
const RATE_ROUNDING: f64 = 5e-9;

/// Cash to the account at a settlement, `-s * Q * P * r`: a positive rate is paid by longs to
/// shorts. `price` is the one the venue charges at, see [`FundingPrice`].
#[inline]
pub fn funding_payment(side: Side, quantity: f64, price: f64, rate: f64) -> f64 {
    -side.sign() * quantity * price * rate
}

/// A rate of one interval brought to eight hours, `r * 480 / minutes`. The minutes have to be above
/// 0: nothing is checked here, and at 0 the result is not finite. [`FundedPosition`] checks.
///
/// [`FundedPosition`]: budget::FundedPosition
#[inline]
pub fn rate_8h(rate: f64, interval_minutes: f64) -> f64 {
    rate * EIGHT_HOURS_MINUTES / interval_minutes
}

/// A rate of one interval brought to a year of 365 days, without compounding; minutes as for
/// [`rate_8h`].
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

/// How the rate of an interval follows from the average premium `P`, the interest rate `I` of
/// eight hours and the clamp `c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FundingFormula {
    /// `P + clamp(I - P, -c, c)` whatever the interval.
    Unscaled,
    /// The same divided by eight hours over the interval.
    PerInterval,
    /// `P + clamp(I' - P, -c, c)` with the interest rate alone scaled, `I' = I * minutes / 480`.
    InterestPerInterval,
    /// `P` alone, without interest rate and clamp.
    PremiumAverage,
}

/// Bounds of the rate of one interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateCap {
    floor: f64,
    cap: f64,
}

impl RateCap {
    /// A floor and a cap, fractions of the notional.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] unless both are finite and the floor is below the cap.
    pub fn new(floor: f64, cap: f64) -> Result<Self, VenueError> {
        check_finite("floor", floor)?;
        check("cap", cap, cap.is_finite() && cap > floor, "finite and above the floor")?;
        Ok(Self { floor, cap })
    }

    /// The same distance up and down.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] unless it is finite and above 0.
    pub fn symmetric(cap: f64) -> Result<Self, VenueError> {
        check("cap", cap, cap > 0.0 && cap.is_finite(), "a finite number above 0")?;
        Ok(Self { floor: -cap, cap })
    }

    /// A share of the maintenance margin rate of the lowest bracket, such as
    /// [`MAJORS_CAP_SHARE`]: 0.75 * 0.4 % is Binance's 0.3 % of BTC.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] unless the product is finite and above 0.
    pub fn of_maintenance_margin_rate(rate: f64, share: f64) -> Result<Self, VenueError> {
        Self::symmetric(rate * share)
    }

    /// Smallest rate.
    pub fn floor(self) -> f64 {
        self.floor
    }

    /// Largest rate.
    pub fn cap(self) -> f64 {
        self.cap
    }

    /// The rate held within the bounds.
    #[inline]
    pub fn clamp(self, rate: f64) -> f64 {
        rate.clamp(self.floor, self.cap)
    }

    /// Whether a rate lies on a bound or beyond, to the eighth decimal.
    pub fn is_reached(self, rate: f64) -> bool {
        rate >= self.cap - RATE_ROUNDING || rate <= self.floor + RATE_ROUNDING
    }
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
    /// How samples of the premium are averaged; `None` where no source says it.
    pub premium_weights: Option<PremiumWeights>,
    /// Seconds between samples of the premium; `None` where no source says it.
    pub premium_sample_seconds: Option<u32>,
    /// The notional that impact prices are for; `None` where no source says it.
    pub impact_notional: Option<ImpactNotional>,
    /// When the interval changes by itself; `None` where it does not.
    pub interval_switch: Option<IntervalSwitch>,
    /// The price that positions are valued at.
    pub payment_price: FundingPrice,
    /// How far after its grid point a settlement may be stamped.
    pub settle_tolerance_seconds: u32,
    /// How well the figures are known.
    pub status: Status,
    /// Columns whose figure is assumed.
    pub unverified: Vec<String>,
    /// Where they are from.
    pub source: String,
}

impl FundingRule {
    /// The rate of one interval from the average premium `P` of the index by the rule's
    /// [`FundingFormula`], held within the venue-wide cap. Inside `I - c <= P <= I + c` it is the
    /// interest rate.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for a premium that is not finite or an interval of 0.
    pub fn funding_rate_from_premium(
        &self,
        premium: f64,
        interval_minutes: u32,
    ) -> Result<f64, VenueError> {
        check_finite("premium", premium)?;
        check_interval(interval_minutes)?;
        let intervals = f64::from(interval_minutes) / EIGHT_HOURS_MINUTES;
        let with_interest = |interest: f64| {
            premium + (interest - premium).clamp(-self.clamp_fraction, self.clamp_fraction)
        };
        let rate = match self.formula {
            FundingFormula::Unscaled => with_interest(self.interest_8h),
            FundingFormula::PerInterval => with_interest(self.interest_8h) * intervals,
            FundingFormula::InterestPerInterval => with_interest(self.interest_8h * intervals),
            FundingFormula::PremiumAverage => premium,
        };
        Ok(match self.rate_cap_fraction {
            Some(cap) => rate.clamp(-cap, cap),
            None => rate,
        })
    }

    /// The same, held within the instrument's own bounds as well. For rates that are simulated,
    /// never for recorded ones.
    ///
    /// # Errors
    /// As [`FundingRule::funding_rate_from_premium`].
    pub fn capped_funding_rate(
        &self,
        premium: f64,
        interval_minutes: u32,
        cap: RateCap,
    ) -> Result<f64, VenueError> {
        Ok(cap.clamp(self.funding_rate_from_premium(premium, interval_minutes)?))
    }

    /// What a reader of a figure made by this rule has to know: figures that are assumed, or that
    /// only a third party gives.
    pub fn note(&self) -> Option<String> {
        let since = self.from.date_string();
        let columns = self.unverified.join(", ");
        match self.status {
            Status::Unverified => {
                Some(format!("The funding rule from {since} is unverified: {}.", self.source))
            }
            Status::ThirdParty if columns.is_empty() => Some(format!(
                "The funding rule from {since} is {BY_A_THIRD_PARTY}: {}.",
                self.source
            )),
            Status::ThirdParty => Some(format!(
                "The funding rule from {since} is {BY_A_THIRD_PARTY}: {}. Unverified figures are used for {columns}.",
                self.source
            )),
            _ if columns.is_empty() => None,
            _ => Some(format!(
                "Funding rule from {since}: unverified figures are used for {columns}."
            )),
        }
    }
}

/// Refuses an interval of no minutes.
pub(crate) fn check_interval(interval_minutes: u32) -> Result<(), VenueError> {
    let minutes = f64::from(interval_minutes);
    check("interval_minutes", minutes, interval_minutes > 0, "1 or above")
}
