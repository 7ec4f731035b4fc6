//! Notional brackets: maintenance margin, greatest leverage and position limit by size.
//!
//! Within bracket `k` the maintenance margin of a notional `N` is `N * rate_k - deduction_k`, for
//! `floor_k < N <= cap_k`, with `deduction_1 = 0` and
//! `deduction_k = deduction_{k-1} + floor_k * (rate_k - rate_{k-1})`, so that it is continuous,
//! increasing and convex. Binance calls the deduction `cum` or maintenance amount, Bybit and
//! Hyperliquid maintenance deduction. (Binance FAQ b3c689c1; Hyperliquid docs, Margin tiers.)

use crate::error::{VenueError, check_finite, check_positive};

/// How far a published deduction may lie from the derived one, as a share of the latter: venues
/// round to six significant digits.
pub const DEDUCTION_ROUNDING: f64 = 5.1e-6;

/// One step of a ladder. Money is in the settlement currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bracket {
    /// The venue's number of the bracket, from 1.
    pub tier: u32,
    /// The bracket holds notionals above this.
    pub notional_floor: f64,
    /// The bracket holds notionals up to and including this; infinite where the venue sets none.
    pub notional_cap: f64,
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

/// The brackets of one symbol at one date, checked to be contiguous and continuous.
#[derive(Clone, Debug, PartialEq)]
pub struct Ladder {
    brackets: Vec<Bracket>,
    /// Caps of all brackets but the last: what the search reads.
    inner_caps: Vec<f64>,
}

impl Ladder {
    /// Checks the brackets and makes a ladder of them.
    ///
    /// # Errors
    /// [`VenueError::BadBracket`] where floors and caps do not join, a rate does not rise or is
    /// no fraction, a leverage rises, the rate reaches the initial margin rate, or a deduction
    /// differs from the derived one by more than [`DEDUCTION_ROUNDING`].
    pub fn new(brackets: Vec<Bracket>) -> Result<Self, VenueError> {
        if brackets.is_empty() {
            return Err(VenueError::BadInput {
                name: "brackets",
                value: 0.0,
                rule: "at least one bracket",
            });
        }
        let mut previous: Option<&Bracket> = None;
        for (bracket_idx, bracket) in brackets.iter().enumerate() {
            check_bracket(bracket_idx, bracket, previous)?;
            previous = Some(bracket);
        }
        let inner_caps = brackets[..brackets.len() - 1].iter().map(|b| b.notional_cap).collect();
        Ok(Self { brackets, inner_caps })
    }

    /// A ladder of one endless bracket.
    ///
    /// # Errors
    /// As [`Ladder::new`].
    pub fn flat(maintenance_margin_rate: f64, leverage_max: f64) -> Result<Self, VenueError> {
        Self::new(vec![Bracket {
            tier: 1,
            notional_floor: 0.0,
            notional_cap: f64::INFINITY,
            maintenance_margin_rate,
            leverage_max,
            maintenance_deduction: 0.0,
        }])
    }

    /// The brackets, smallest notional first; never empty.
    pub fn brackets(&self) -> &[Bracket] {
        &self.brackets
    }

    /// Position of the bracket with `floor < notional <= cap`: the first for a notional of zero,
    /// the last above the top cap.
    #[inline]
    pub fn bracket_idx(&self, notional: f64) -> usize {
        // Counting instead of stopping early keeps the loop free of unpredictable branches.
        self.inner_caps.iter().map(|cap| usize::from(notional > *cap)).sum()
    }

    /// The bracket with `floor < notional <= cap`, as [`Ladder::bracket_idx`].
    #[inline]
    pub fn bracket_at(&self, notional: f64) -> &Bracket {
        &self.brackets[self.bracket_idx(notional)]
    }

    /// Maintenance margin of a notional (absolute value of the position). Above the top cap the
    /// last bracket is continued; [`Ladder::exceeds_top`] tells.
    #[inline]
    pub fn maintenance_margin(&self, notional: f64) -> f64 {
        self.bracket_at(notional).maintenance_margin(notional)
    }

    /// Whether the notional is larger than the venue lets a position be.
    #[inline]
    pub fn exceeds_top(&self, notional: f64) -> bool {
        notional > self.top().notional_cap
    }

    /// Greatest leverage at which a position of this notional may be opened.
    pub fn leverage_max(&self, notional: f64) -> f64 {
        self.bracket_at(notional).leverage_max
    }

    /// Largest notional that may be held at a leverage setting: the cap of the last bracket
    /// that still grants it, 0 where none does.
    pub fn notional_cap_for_leverage(&self, leverage: f64) -> f64 {
        self.brackets
            .iter()
            .take_while(|b| b.leverage_max >= leverage)
            .last()
            .map_or(0.0, |b| b.notional_cap)
    }

    /// The bracket of the largest notionals.
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
    bracket_idx: usize,
    bracket: &Bracket,
    previous: Option<&Bracket>,
) -> Result<(), VenueError> {
    let bad = |column, value, rule: String| {
        Err(VenueError::BadBracket { bracket_idx, tier: bracket.tier, column, value, rule })
    };
    let Bracket {
        tier,
        notional_floor: floor,
        notional_cap: cap,
        maintenance_margin_rate: rate,
        ..
    } = *bracket;
    let (leverage, deduction) = (bracket.leverage_max, bracket.maintenance_deduction);

    let expected_tier = previous.map_or(1, |p| p.tier.saturating_add(1));
    if tier != expected_tier {
        return bad("tier", f64::from(tier), format!("{expected_tier}, the next in order"));
    }
    let expected_floor = previous.map_or(0.0, |p| p.notional_cap);
    if !floor.is_finite() || floor != expected_floor {
        return bad("notional_floor", floor, format!("{expected_floor}, the cap below it"));
    }
    if cap.is_nan() || cap <= floor {
        return bad("notional_cap", cap, format!("above its floor {floor}"));
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
            maintenance_deduction(below, floor, rate)
        }
    };
    let allowed = DEDUCTION_ROUNDING * expected_deduction.abs();
    if deduction.is_nan() || (deduction - expected_deduction).abs() > allowed {
        let rule = format!("{expected_deduction}, where the margin of both brackets meets");
        return bad("maintenance_deduction", deduction, rule);
    }
    Ok(())
}
