//! Gates: factors from 0 to 1 from the state of the market, a holding time from funding, and the
//! margin that rising volatility shrinks.
//!
//! A factor is applied after the smallest limit has been taken, so it only ever reduces. Every
//! threshold is strict: at the threshold itself nothing is cut.

use plimsoll_market::Side;
use plimsoll_venue::FundedPosition;

use super::SizingError;
use super::check::{all_finite, finite, not_negative, positive, share, within};

/// Cuts size while funding is extreme. Rates are per 8 hours: see [`plimsoll_venue::rate_8h`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FundingCut {
    /// Longs are crowded where the rate per 8 hours is strictly above this, at least 0.
    pub above_8h: f64,
    /// Shorts are crowded where the rate per 8 hours is strictly below this, at most 0.
    pub below_8h: f64,
    /// What size is multiplied by, 0 to 1.
    pub multiply: f64,
}

impl Default for FundingCut {
    /// Half size above 0.05 % per 8 hours, paid or received.
    fn default() -> Self {
        Self { above_8h: 0.0005, below_8h: -0.0005, multiply: 0.5 }
    }
}

impl FundingCut {
    /// The multiplier at the last published `rate_8h`: [`multiply`](Self::multiply), or 1.
    pub fn multiplier(&self, rate_8h: f64) -> Result<f64, SizingError> {
        self.multiplier_sustained(&[rate_8h], 1)
    }

    /// The multiplier that cuts only where each of the last `periods` rates is extreme, in either
    /// direction.
    pub fn multiplier_sustained(
        &self,
        rates_8h: &[f64],
        periods: usize,
    ) -> Result<f64, SizingError> {
        let last = self.checked(rates_8h, periods)?;
        let is_extreme = |&rate: &f64| rate > self.above_8h || rate < self.below_8h;
        let multiply = factor(self.multiply)?;
        Ok(if last.iter().all(is_extreme) { multiply } else { 1.0 })
    }

    /// The multiplier that cuts only the trades on the crowded side: a long (`side` = +1) where
    /// each of the last `periods` rates is above [`above_8h`](Self::above_8h), a short (-1) where
    /// each is below [`below_8h`](Self::below_8h).
    pub fn multiplier_crowded(
        &self,
        side: f64,
        rates_8h: &[f64],
        periods: usize,
    ) -> Result<f64, SizingError> {
        let last = self.checked(rates_8h, periods)?;
        let is_crowded = |&rate: &f64| {
            if side > 0.0 { rate > self.above_8h } else { rate < self.below_8h }
        };
        let multiply = factor(self.multiply)?;
        Ok(if last.iter().all(is_crowded) { multiply } else { 1.0 })
    }

    /// The last `periods` rates, if they and the thresholds are what they have to be.
    fn checked<'a>(&self, rates_8h: &'a [f64], periods: usize) -> Result<&'a [f64], SizingError> {
        not_negative("above_8h", self.above_8h)?;
        within("below_8h", self.below_8h, self.below_8h <= 0.0, "at most 0")?;
        last_rates(rates_8h, periods)
    }
}

/// Whether the sign of funding changed over the last `periods` settlements, which are compared
/// with the one before them: `periods + 1` rates. A rate of 0 has no sign and is passed over.
pub fn funding_sign_changed(rates_8h: &[f64], periods: usize) -> Result<bool, SizingError> {
    within("periods", periods as f64, periods > 0, "at least 1")?;
    let last = last_rates(rates_8h, periods.saturating_add(1))?;
    let any = |is_sign: fn(f64) -> bool| last.iter().any(|&rate| is_sign(rate));
    Ok(any(|rate| rate > 0.0) && any(|rate| rate < 0.0))
}

/// What size is multiplied by while the sign of funding has changed over the last `periods`
/// settlements: `multiply`, otherwise 1.
pub fn funding_sign_multiplier(
    multiply: f64,
    rates_8h: &[f64],
    periods: usize,
) -> Result<f64, SizingError> {
    let multiply = factor(multiply)?;
    Ok(if funding_sign_changed(rates_8h, periods)? { multiply } else { 1.0 })
}

/// What a position pays per 8 hours, the mean of the last `periods` rates: the rate for a long
/// (`side` = +1), its opposite for a short (-1); negative where the position receives.
pub fn funding_paid_8h(side: f64, rates_8h: &[f64], periods: usize) -> Result<f64, SizingError> {
    let last = last_rates(rates_8h, periods)?;
    Ok(side.signum() * last.iter().sum::<f64>() / last.len() as f64)
}

/// Days until funding at `paid_8h` has used up `budget_fraction` of the margin of a
/// position at `leverage`: `budget / (leverage paid 3)`, which is
/// `budget margin / (notional paid 3)`. `None` where nothing is paid: at a rate of 0, or one in
/// favour of the position.
pub fn funding_holding_days(
    budget_fraction: f64,
    leverage: f64,
    paid_8h: f64,
) -> Result<Option<f64>, SizingError> {
    let budget = share("budget", budget_fraction)?;
    let leverage = positive("leverage", leverage)?;
    let position = FundedPosition {
        side: Side::Long,
        notional: leverage,
        margin: None,
        rate: finite("paid_8h", paid_8h)?,
        interval_minutes: 480,
    };
    let limit = position.holding_limit(budget).map_err(|_| SizingError::OutOfRange {
        name: "leverage",
        value: leverage,
        rule: "a leverage that funding can be charged on",
    })?;
    Ok(limit.days())
}

/// Whole bars in so many days, rounded down; `None` where there are more than anyone holds.
///
/// A quotient that falls short of a whole number by rounding alone counts as that number.
pub fn whole_bars(days: f64, bars_per_day: f64) -> Result<Option<usize>, SizingError> {
    let days = not_negative("days", days)?;
    let bars = days * positive("bars_per_day", bars_per_day)? * (1.0 + 1e-12);
    Ok((bars < f64::from(u32::MAX)).then(|| bars.floor() as usize))
}

/// Liquidated notional and what it is held against, in the same currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Liquidated {
    /// Notional liquidated, at least 0.
    pub notional: f64,
    /// Open interest, or the mean of what is liquidated over as long a time; at least 0.
    pub against: f64,
}

/// Cuts size after a cluster of liquidations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LiquidationCut {
    /// The cut applies where liquidations are strictly above this multiple, above 0.
    pub above: f64,
    /// What size is multiplied by, 0 to 1.
    pub multiply: f64,
}

impl LiquidationCut {
    /// [`multiply`](Self::multiply) where `notional > above * against`, otherwise 1.
    pub fn multiplier(&self, liquidated: Liquidated) -> Result<f64, SizingError> {
        let above = positive("above", self.above)?;
        let multiply = factor(self.multiply)?;
        let notional = not_negative("liquidated_notional", liquidated.notional)?;
        let against = not_negative("liquidated_against", liquidated.against)?;
        Ok(if notional > above * against { multiply } else { 1.0 })
    }
}

/// Cuts size while the prices that margin depends on are not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OracleCheck {
    /// Largest `|mark - index| / index`.
    pub premium_max: f64,
    /// Largest distance of the venue's price from the reference, as a share of the reference.
    pub venue_gap_max: f64,
    /// What size is multiplied by, 0 to 1.
    pub multiply: f64,
}

/// The prices that the check reads; a `None` is a comparison that is not made.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OracleReading {
    /// The venue's mark price and its index price.
    pub mark_and_index: Option<(f64, f64)>,
    /// The venue's price and the median price of the reference venues.
    pub venue_and_reference: Option<(f64, f64)>,
    /// Whether a price that used to be there has been missing for too long.
    pub is_stale: bool,
}

impl OracleCheck {
    /// [`multiply`](Self::multiply) where a price is stale or too far off, otherwise 1.
    ///
    /// # Errors
    /// `NotRecorded` where there is nothing to compare: no mark with an index, no reference.
    pub fn multiplier(&self, reading: &OracleReading) -> Result<f64, SizingError> {
        let premium_max = positive("premium_max", self.premium_max)?;
        let venue_gap_max = positive("venue_gap_max", self.venue_gap_max)?;
        let multiply = factor(self.multiply)?;
        if reading.is_stale {
            return Ok(multiply);
        }
        if reading.mark_and_index.is_none() && reading.venue_and_reference.is_none() {
            return Err(SizingError::NotRecorded { name: "an index price or a reference venue" });
        }
        let is_off = |prices: Option<(f64, f64)>, most: f64| -> Result<bool, SizingError> {
            let Some((price, against)) = prices else { return Ok(false) };
            let against = positive("index_price", against)?;
            Ok((positive("mark_price", price)? - against).abs() / against > most)
        };
        let premium = is_off(reading.mark_and_index, premium_max)?;
        let gap = is_off(reading.venue_and_reference, venue_gap_max)?;
        Ok(if premium || gap { multiply } else { 1.0 })
    }
}

/// The leverage of a position that posts `margin_share` of equity at `leverage` on the venue,
/// less of it while volatility is above its reference:
/// `share * leverage * min(1, reference / volatility)`.
///
/// "Dynamic margin allocation" has no definition in the literature; this one is chosen here.
/// Both volatilities are per the same period.
pub fn margin_allocation(
    margin_share: f64,
    leverage: f64,
    volatility: f64,
    reference: f64,
) -> Result<f64, SizingError> {
    let full = share("share", margin_share)? * positive("leverage", leverage)?;
    let reference = not_negative("reference_volatility", reference)?;
    if not_negative("volatility", volatility)? <= 0.0 {
        return Err(SizingError::ZeroVolatility { name: "volatility" });
    }
    Ok(full * (reference / volatility).min(1.0))
}

/// The last `count` rates.
fn last_rates(rates_8h: &[f64], count: usize) -> Result<&[f64], SizingError> {
    within("periods", count as f64, count > 0, "at least 1")?;
    let have = rates_8h.len();
    let first =
        have.checked_sub(count).ok_or(SizingError::TooFewObservations { have, need: count })?;
    all_finite("rates_8h", &rates_8h[first..])?;
    Ok(&rates_8h[first..])
}

/// A factor that only ever reduces. -0.0 becomes 0.
fn factor(multiply: f64) -> Result<f64, SizingError> {
    let inside = (0.0..=1.0).contains(&multiply);
    within("multiply", multiply, inside, "from 0 to 1").map(f64::abs)
}
