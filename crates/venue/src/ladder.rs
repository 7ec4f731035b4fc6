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
//! [goes by quantity](TierBasis::Quantity).

use crate::error::{VenueError, check_finite, check_positive};

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
        notional * self.maintenance_margin_rate - self.maintenance_deduction
    }
}

/// The brackets of one symbol at one date, checked to be contiguous and, where they go by
/// notional, continuous.
#[derive(Clone, Debug, PartialEq)]
pub struct Ladder {
    basis: TierBasis,
    brackets: Vec<Bracket>,
    /// Caps of all brackets but the last: what the search reads.
    inner_caps: Vec<f64>,
}

impl Ladder {
    /// Checks the brackets and makes a ladder by notional of them.
    ///
    /// # Errors
    /// [`VenueError::BadBracket`] where floors and caps do not join, a rate does not rise or is
    /// no fraction, a leverage rises, the rate reaches the initial margin rate, or a deduction
    /// differs from the derived one by more than [`DEDUCTION_ROUNDING`].
    pub fn new(brackets: Vec<Bracket>) -> Result<Self, VenueError> {
        Self::with_basis(TierBasis::Notional, brackets)
    }

    /// Checks the brackets and makes a ladder by quantity of them, the rate of each holding for
    /// the whole position: all deductions are 0.
    ///
    /// # Errors
    /// As [`Ladder::new`], with 0 for every deduction.
    pub fn by_quantity(brackets: Vec<Bracket>) -> Result<Self, VenueError> {
        Self::with_basis(TierBasis::Quantity, brackets)
    }

    fn with_basis(basis: TierBasis, brackets: Vec<Bracket>) -> Result<Self, VenueError> {
        if brackets.is_empty() {
            return Err(VenueError::BadInput {
                name: "brackets",
                value: 0.0,
                rule: "at least one bracket",
            });
        }
        let mut previous: Option<&Bracket> = None;
        for (bracket_idx, bracket) in brackets.iter().enumerate() {
            check_bracket(basis, bracket_idx, bracket, previous)?;
            previous = Some(bracket);
        }
        let inner_caps = brackets[..brackets.len() - 1].iter().map(|b| b.cap).collect();
        Ok(Self { basis, brackets, inner_caps })
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

    /// The brackets, smallest notional first; never empty.
    pub fn brackets(&self) -> &[Bracket] {
        &self.brackets
    }

    /// What decides the bracket of a position.
    pub fn basis(&self) -> TierBasis {
        self.basis
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
        // Counting instead of stopping early keeps the loop free of unpredictable branches.
        self.inner_caps.iter().map(|cap| usize::from(size > *cap)).sum()
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
        self.bracket_at(self.size(quantity, price)).maintenance_margin(quantity * price)
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
    /// bracket that still grants it, 0 where none does.
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

    /// The bracket of the largest sizes.
    fn top(&self) -> &Bracket {
        &self.brackets[self.brackets.len() - 1]
    }
}

/// Initial margin of a position, `notional / leverage`.
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
    basis: TierBasis,
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
            match basis {
                TierBasis::Notional => maintenance_deduction(below, floor, rate),
                TierBasis::Quantity => 0.0,
            }
        }
    };
    let allowed = DEDUCTION_ROUNDING * expected_deduction.abs();
    if deduction.is_nan() || (deduction - expected_deduction).abs() > allowed {
        let rule = format!("{expected_deduction}, where the margin of both brackets meets");
        return bad("maintenance_deduction", deduction, rule);
    }
    Ok(())
}
