//! Brackets: maintenance margin, greatest leverage and position limit by size.
//!
//! Binance, Bybit and Hyperliquid go by the notional. Within bracket `k` the maintenance margin of
//! a notional `N` is `N * rate_k - deduction_k`, for `floor_k < N <= cap_k`, with
//! `deduction_1 = 0` and `deduction_k = deduction_{k-1} + floor_k * (rate_k - rate_{k-1})`, so
//! that it is continuous, increasing and convex. Binance calls the deduction `cum` or maintenance
//! amount, Bybit and Hyperliquid maintenance deduction. (Binance FAQ b3c689c1; Hyperliquid docs,
//! Margin tiers.)
//!
//! OKX goes by the number of contracts and has no deduction: the rate of the tier reached holds
//! for the whole position, so that the margin jumps at a tier's edge. A ladder of that kind
//! [goes by quantity](TierBasis::Quantity). The same without deductions but by notional is
//! [`Ladder::whole_position`].
//!
//! Where a venue liquidates at maintenance margin plus the fee of closing (OKX), the ladder
//! carries that fee and [`Ladder::required_margin`] includes it.

use crate::error::{VenueError, check, check_finite, check_positive};

/// How far a published deduction may lie from the derived one, as a share of the latter: venues
/// round to six significant digits.
pub const DEDUCTION_ROUNDING: f64 = 5.1e-6;

/// What decides the bracket of a position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TierBasis {
    /// Its notional at the mark, in the settlement currency.
    #[default]
    Notional,
    /// Its quantity, so that the bracket does not change with the price.
    Quantity,
}

/// One step of a ladder. Money is in the settlement currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bracket {
    /// The venue's number of the bracket, from 1.
    pub tier: u32,
    /// The bracket holds sizes above this: notionals or quantities, by the ladder's [`TierBasis`].
    pub floor: f64,
    /// The bracket holds sizes up to and including this; infinite where the venue sets none.
    pub cap: f64,
    /// Slope of the maintenance margin, a fraction of the notional.
    pub maintenance_margin_rate: f64,
    /// Greatest leverage at which a position of this size may be opened.
    pub leverage_max: f64,
    /// Subtracted from notional times rate, so that the ladder has no jump.
    pub maintenance_deduction: f64,
}

impl Bracket {
    /// Maintenance margin of a notional of this bracket, `N * rate - deduction`.
    #[inline]
    pub fn maintenance_margin(&self, notional: f64) -> f64 {
        margin_on_line(notional, [self.maintenance_margin_rate, self.maintenance_deduction])
    }
}

/// The brackets of one symbol at one date, checked to be contiguous and, unless the rate holds for
/// the whole position, continuous.
#[derive(Clone, Debug, PartialEq)]
pub struct Ladder {
    basis: TierBasis,
    brackets: Vec<Bracket>,
    /// Caps of all brackets but the last, filled up with infinities to one less than a power of
    /// two: what the search reads.
    inner_caps: Vec<f64>,
    /// Rate and deduction of each bracket.
    lines: Vec<[f64; 2]>,
    closing_fee_fraction: f64,
    is_complete: bool,
}

impl Ladder {
    /// Checks the brackets and makes a ladder by notional of them.
    ///
    /// # Errors
    /// [`VenueError::BadBracket`] where floors and caps do not join, a rate does not rise or is
    /// no fraction, a leverage rises, the rate reaches the initial margin rate, or a deduction
    /// differs from the derived one by more than [`DEDUCTION_ROUNDING`].
    pub fn new(brackets: Vec<Bracket>) -> Result<Self, VenueError> {
        Self::with_basis(TierBasis::Notional, true, brackets)
    }

    /// Checks the brackets and makes a ladder by quantity of them, the rate of each holding for
    /// the whole position: all deductions are 0.
    ///
    /// # Errors
    /// As [`Ladder::new`], with 0 for every deduction.
    pub fn by_quantity(brackets: Vec<Bracket>) -> Result<Self, VenueError> {
        Self::with_basis(TierBasis::Quantity, false, brackets)
    }

    /// Checks the brackets and makes a ladder by notional of them, the rate of each holding for
    /// the whole position: all deductions are 0 and the margin jumps at every edge.
    ///
    /// # Errors
    /// As [`Ladder::new`], with 0 for every deduction.
    pub fn whole_position(brackets: Vec<Bracket>) -> Result<Self, VenueError> {
        Self::with_basis(TierBasis::Notional, false, brackets)
    }

    /// A ladder of one endless bracket.
    ///
    /// # Errors
    /// As [`Ladder::new`].
    pub fn flat(maintenance_margin_rate: f64, leverage_max: f64) -> Result<Self, VenueError> {
        Self::new(vec![Bracket {
            tier: 1,
            floor: 0.0,
            cap: f64::INFINITY,
            maintenance_margin_rate,
            leverage_max,
            maintenance_deduction: 0.0,
        }])
    }

    fn with_basis(
        basis: TierBasis,
        is_continuous: bool,
        brackets: Vec<Bracket>,
    ) -> Result<Self, VenueError> {
        if brackets.is_empty() {
            return Err(VenueError::BadInput {
                name: "brackets",
                value: 0.0,
                rule: "at least one bracket",
            });
        }
        let mut previous: Option<&Bracket> = None;
        for (bracket_idx, bracket) in brackets.iter().enumerate() {
            check_bracket(is_continuous, bracket_idx, bracket, previous)?;
            previous = Some(bracket);
        }
        let mut inner_caps: Vec<f64> =
            brackets[..brackets.len() - 1].iter().map(|b| b.cap).collect();
        inner_caps.resize(brackets.len().next_power_of_two() - 1, f64::INFINITY);
        let lines =
            brackets.iter().map(|b| [b.maintenance_margin_rate, b.maintenance_deduction]).collect();
        let (closing_fee_fraction, is_complete) = (0.0, true);
        Ok(Self { basis, brackets, inner_caps, lines, closing_fee_fraction, is_complete })
    }

    /// The same ladder with a fee of closing, a fraction of the notional, that the venue adds to
    /// the maintenance margin when it tests for liquidation.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for a fee below 0, or one that brings the highest rate to 1.
    pub fn with_closing_fee(mut self, closing_fee_fraction: f64) -> Result<Self, VenueError> {
        let is_fraction = closing_fee_fraction >= 0.0
            && self.top().maintenance_margin_rate + closing_fee_fraction < 1.0;
        let rule = "0 or above and, with the highest maintenance margin rate, below 1";
        check("closing_fee_fraction", closing_fee_fraction, is_fraction, rule)?;
        self.closing_fee_fraction = closing_fee_fraction;
        Ok(self)
    }

    /// The same ladder, said to hold only the first of the venue's brackets: nothing is known
    /// above its top cap.
    #[must_use]
    pub fn incomplete(mut self) -> Self {
        self.is_complete = false;
        self
    }

    /// The brackets, smallest sizes first; never empty.
    pub fn brackets(&self) -> &[Bracket] {
        &self.brackets
    }

    /// What decides the bracket of a position.
    pub fn basis(&self) -> TierBasis {
        self.basis
    }

    /// Whether these are all of the venue's brackets. If not, a size that
    /// [exceeds the top](Ladder::exceeds_top) is unknown instead of forbidden.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The fee of closing that belongs to the requirement, a fraction of the notional; 0 where the
    /// venue tests against the maintenance margin alone.
    pub fn closing_fee_fraction(&self) -> f64 {
        self.closing_fee_fraction
    }

    /// The size of a position that brackets are told apart by: its notional at a price, or its
    /// quantity.
    #[inline]
    pub fn size(&self, quantity: f64, price: f64) -> f64 {
        match self.basis {
            TierBasis::Notional => quantity * price,
            TierBasis::Quantity => quantity,
        }
    }

    /// Position of the bracket with `floor < size <= cap`: the first for a size of zero, the last
    /// above the top cap.
    #[inline]
    pub fn bracket_idx(&self, size: f64) -> usize {
        // Halving without a branch on the comparison, which would be mispredicted every other time.
        let (mut n_below, mut step) = (0, self.inner_caps.len().div_ceil(2));
        while step > 0 {
            n_below += step * usize::from(size > self.inner_caps[n_below + step - 1]);
            step /= 2;
        }
        n_below
    }

    /// The bracket with `floor < size <= cap`, as [`Ladder::bracket_idx`].
    #[inline]
    pub fn bracket_at(&self, size: f64) -> &Bracket {
        &self.brackets[self.bracket_idx(size)]
    }

    /// Maintenance margin of a position, `quantity * price` being its notional in the settlement
    /// currency (for an inverse contract `price` is one over the price). Above the top cap the
    /// last bracket is continued; [`Ladder::exceeds_top`] tells.
    #[inline]
    pub fn maintenance_margin(&self, quantity: f64, price: f64) -> f64 {
        let line = self.lines[self.bracket_idx(self.size(quantity, price))];
        margin_on_line(quantity * price, line)
    }

    /// What equity is held against: maintenance margin, plus the fee of closing where the venue
    /// counts it. The position is liquidated when its equity is below this; at Bybit and OKX, and
    /// in a [liquidation price](crate::liquidation_price), also when it is equal.
    #[inline]
    pub fn required_margin(&self, quantity: f64, price: f64) -> f64 {
        self.maintenance_margin(quantity, price) + self.closing_fee_fraction * (quantity * price)
    }

    /// Whether the size is larger than the venue lets a position be, or than the table knows.
    #[inline]
    pub fn exceeds_top(&self, size: f64) -> bool {
        size > self.top().cap
    }

    /// Greatest leverage at which a position of this size may be opened.
    pub fn leverage_max(&self, size: f64) -> f64 {
        self.bracket_at(size).leverage_max
    }

    /// Largest notional that may be held at a leverage setting and price: the cap of the last
    /// bracket that still grants it, 0 where none does. Of an incomplete ladder, the largest that
    /// is known to be allowed.
    pub fn notional_cap_for_leverage(&self, leverage: f64, price: f64) -> f64 {
        let cap = self
            .brackets
            .iter()
            .take_while(|b| b.leverage_max >= leverage)
            .last()
            .map_or(0.0, |b| b.cap);
        match self.basis {
            TierBasis::Notional => cap,
            TierBasis::Quantity => cap * price,
        }
    }

    /// Slope and deduction of what is required in a bracket, the fee of closing included.
    pub(crate) fn requirement_line(&self, bracket_idx: usize) -> (f64, f64) {
        let [rate, deduction] = self.lines[bracket_idx];
        (rate + self.closing_fee_fraction, deduction)
    }

    /// The bracket of the largest sizes.
    pub(crate) fn top(&self) -> &Bracket {
        &self.brackets[self.brackets.len() - 1]
    }
}

/// `notional * rate - deduction`, in the settlement currency.
#[inline]
fn margin_on_line(notional: f64, [rate, deduction]: [f64; 2]) -> f64 {
    notional * rate - deduction
}

/// Initial margin of a position, `notional / leverage`. The leverage has to be above 0: nothing is
/// checked here, and at 0 the result is not finite.
#[inline]
pub fn initial_margin(notional: f64, leverage: f64) -> f64 {
    notional / leverage
}

/// A bracket's deduction from the bracket below it:
/// `previous + floor * (rate - previous_rate)`.
#[inline]
pub fn maintenance_deduction(previous: &Bracket, floor: f64, maintenance_margin_rate: f64) -> f64 {
    previous.maintenance_deduction
        + floor * (maintenance_margin_rate - previous.maintenance_margin_rate)
}

/// The deductions of a whole ladder from its floors and rates, bracket by bracket.
///
/// # Errors
/// [`VenueError::BadInput`] where the lengths differ or a number is not finite.
pub fn maintenance_deductions(floors: &[f64], rates: &[f64]) -> Result<Vec<f64>, VenueError> {
    if floors.len() != rates.len() {
        return Err(VenueError::BadInput {
            name: "rates",
            value: rates.len() as f64,
            rule: "as many as there are floors",
        });
    }
    let mut deductions = Vec::with_capacity(floors.len());
    let (mut deduction, mut previous_rate) = (0.0, rates.first().copied().unwrap_or(0.0));
    for (&floor, &rate) in floors.iter().zip(rates) {
        check_finite("floor", floor)?;
        check_positive("rate", rate)?;
        deduction += floor * (rate - previous_rate);
        previous_rate = rate;
        deductions.push(deduction);
    }
    Ok(deductions)
}

/// Holds one bracket against the rules of a ladder.
#[expect(clippy::float_cmp, reason = "a floor is the cap below it, digit for digit")]
fn check_bracket(
    is_continuous: bool,
    bracket_idx: usize,
    bracket: &Bracket,
    previous: Option<&Bracket>,
) -> Result<(), VenueError> {
    let bad = |column, value, rule: String| {
        Err(VenueError::BadBracket { bracket_idx, tier: bracket.tier, column, value, rule })
    };
    let Bracket { tier, floor, cap, maintenance_margin_rate: rate, .. } = *bracket;
    let (leverage, deduction) = (bracket.leverage_max, bracket.maintenance_deduction);

    let expected_tier = previous.map_or(1, |p| p.tier.saturating_add(1));
    if tier != expected_tier {
        return bad("tier", f64::from(tier), format!("{expected_tier}, the next in order"));
    }
    let expected_floor = previous.map_or(0.0, |p| p.cap);
    if !floor.is_finite() || floor != expected_floor {
        return bad("floor", floor, format!("{expected_floor}, the cap below it"));
    }
    if cap.is_nan() || cap <= floor {
        return bad("cap", cap, format!("above its floor {floor}"));
    }
    if !(rate > 0.0 && rate < 1.0) {
        return bad("maintenance_margin_rate", rate, "between 0 and 1".to_owned());
    }
    if !(leverage >= 1.0 && leverage.is_finite()) {
        return bad("leverage_max", leverage, "1 or above".to_owned());
    }
    if rate * leverage >= 1.0 {
        let rule = format!("below the initial margin rate, 1 / {leverage}");
        return bad("maintenance_margin_rate", rate, rule);
    }
    let expected_deduction = match previous {
        None => 0.0,
        Some(below) => {
            if rate <= below.maintenance_margin_rate {
                let rule = format!("above {}, the rate below it", below.maintenance_margin_rate);
                return bad("maintenance_margin_rate", rate, rule);
            }
            if leverage > below.leverage_max {
                let rule = format!("at most {}, the leverage below it", below.leverage_max);
                return bad("leverage_max", leverage, rule);
            }
            if is_continuous { maintenance_deduction(below, floor, rate) } else { 0.0 }
        }
    };
    let allowed = DEDUCTION_ROUNDING * expected_deduction.abs();
    if deduction.is_nan() || (deduction - expected_deduction).abs() > allowed {
        let rule = if is_continuous {
            format!("{expected_deduction}, where the margin of both brackets meets")
        } else {
            "0, as the rate holds for the whole position".to_owned()
        };
        return bad("maintenance_deduction", deduction, rule);
    }
    Ok(())
}
