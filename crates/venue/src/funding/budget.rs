//! What a rate costs if it stays, and how long a budget lasts.
//!
//! 20 times 5,000 of margin at 0.03 % every eight hours costs 90 a day, 1.8 % of the margin; a
//! tenth of the margin lasts 5.6 days. A rate in the position's favour uses nothing up: there is
//! no limit, and the reason is said.

use plimsoll_market::Side;

use crate::error::{VenueError, check_finite, check_not_negative, check_positive};
use crate::funding::{DAY_MINUTES, check_interval, funding_payment, rate_8h, rate_annual};

/// A position and the rate that it is to be held at. Money is in the settlement currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FundedPosition {
    /// Direction.
    pub side: Side,
    /// Quantity times price, above 0.
    pub notional: f64,
    /// Margin behind the position, above 0, where the cost is to be held against it.
    pub margin: Option<f64>,
    /// Rate of one interval, a fraction.
    pub rate: f64,
    /// Minutes from one settlement to the next.
    pub interval_minutes: u32,
}

/// What a constant rate costs; negative is income.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FundingCost {
    /// Money at each settlement.
    pub per_settlement: f64,
    /// Money a day.
    pub per_day: f64,
    /// Share of the margin a day, where a margin is given.
    pub margin_fraction_per_day: Option<f64>,
    /// The rate brought to eight hours, with the venue's sign: positive is paid by longs.
    pub rate_8h: f64,
    /// The rate brought to 365 days without compounding, with the venue's sign.
    pub rate_annual: f64,
}

/// How long a position may be held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HoldingLimit {
    /// The budget is used up.
    Days {
        /// After so many days, if cost ran evenly.
        days: f64,
        /// So many whole settlements can be paid.
        settlements: f64,
    },
    /// It never is.
    Unlimited(UnlimitedHolding),
}

/// Why funding sets no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnlimitedHolding {
    /// The other side pays.
    RateInFavour,
    /// Nobody pays.
    RateIsZero,
}

impl std::fmt::Display for UnlimitedHolding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::RateInFavour => "funding is paid to the position",
            Self::RateIsZero => "the funding rate is 0",
        })
    }
}

impl HoldingLimit {
    /// The limit in days, if there is one.
    pub fn days(self) -> Option<f64> {
        match self {
            Self::Days { days, .. } => Some(days),
            Self::Unlimited(_) => None,
        }
    }
}

impl FundedPosition {
    /// Cost by settlement and by day.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for a number out of its range.
    pub fn cost(&self) -> Result<FundingCost, VenueError> {
        check_positive("notional", self.notional)?;
        if let Some(margin) = self.margin {
            check_positive("margin", margin)?;
        }
        check_finite("rate", self.rate)?;
        check_interval(self.interval_minutes)?;
        let minutes = f64::from(self.interval_minutes);
        let per_settlement = -funding_payment(self.side, self.notional, 1.0, self.rate);
        let per_day = per_settlement * DAY_MINUTES / minutes;
        Ok(FundingCost {
            per_settlement,
            per_day,
            margin_fraction_per_day: self.margin.map(|margin| per_day / margin),
            rate_8h: rate_8h(self.rate, minutes),
            rate_annual: rate_annual(self.rate, minutes),
        })
    }

    /// How long a budget, an amount of money of at least 0, pays the funding.
    ///
    /// # Errors
    /// As [`FundedPosition::cost`].
    pub fn holding_limit(&self, budget: f64) -> Result<HoldingLimit, VenueError> {
        /// A budget of exactly so many settlements pays all of them, whatever the last bit.
        const ROUNDING: f64 = 1.0 + 1e-12;
        check_not_negative("budget", budget)?;
        let cost = self.cost()?;
        Ok(if cost.per_day > 0.0 {
            HoldingLimit::Days {
                days: budget / cost.per_day,
                settlements: (budget / cost.per_settlement * ROUNDING).floor(),
            }
        } else if cost.per_day < 0.0 {
            HoldingLimit::Unlimited(UnlimitedHolding::RateInFavour)
        } else {
            HoldingLimit::Unlimited(UnlimitedHolding::RateIsZero)
        })
    }

    /// The move of the price in the position's favour, a fraction of the price at entry, that
    /// pays funding of so many days and `fees`; negative where funding alone pays the fees.
    ///
    /// # Errors
    /// As [`FundedPosition::cost`].
    pub fn break_even_move(&self, days: f64, fees: f64) -> Result<f64, VenueError> {
        check_not_negative("days", days)?;
        check_finite("fees", fees)?;
        Ok((self.cost()?.per_day * days + fees) / self.notional)
    }
}
