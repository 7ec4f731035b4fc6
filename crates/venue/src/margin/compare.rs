//! The margin modes beside each other: how much capital the same legs take in each.

use plimsoll_market::Timestamp;

use crate::error::VenueError;
use crate::margin::account::{cross_margin, isolated_margin};
use crate::margin::portfolio::{PortfolioInputs, portfolio_margin};
use crate::margin::rules::MarginRules;
use crate::margin::{Account, Leg};

/// What the same account takes in each mode, in its currency.
#[derive(Clone, Debug, PartialEq)]
pub struct ModeComparison {
    /// Worth of all legs, spot included, without sign.
    pub gross_notional: f64,
    /// Each leg on its own.
    pub isolated: ModeRequirement,
    /// Everything behind every leg.
    pub cross: ModeRequirement,
    /// Joint loss; the reason where the venue or the tables have none.
    pub portfolio: Result<ModeRequirement, VenueError>,
}

/// What an account takes in one mode.
#[derive(Clone, Debug, PartialEq)]
pub struct ModeRequirement {
    /// Sum of the contracts' initial margins.
    pub initial_margin: f64,
    /// Sum of the maintenance margins.
    pub maintenance_margin: f64,
    /// Worth of spot that backs nothing: all of it in isolated margin, in the other modes the
    /// haircut or, without one, all.
    pub spot_not_counted: f64,
    /// Money that the legs tie up: initial margin and spot that does not count.
    pub capital_required: f64,
    /// That over the gross notional; `None` for an account without legs.
    pub of_gross_notional: Option<f64>,
    /// That over what isolated margin ties up; `None` where that is 0.
    pub of_isolated: Option<f64>,
    /// What a reader has to know.
    pub notes: Vec<String>,
}

/// Computes all modes for the same account.
///
/// # Errors
/// As [`isolated_margin`]. What is wrong with portfolio margin alone stands in its place.
pub fn compare_margin_modes(
    account: &Account<'_>,
    rules: &MarginRules,
    inputs: &PortfolioInputs,
    at: Timestamp,
) -> Result<ModeComparison, VenueError> {
    let isolated = isolated_margin(account, rules, at)?;
    let cross = cross_margin(account, rules, at)?;
    let spot_value = isolated.spot_value;
    let gross_notional = isolated.notional + spot_value;
    let contracts = account.legs.iter().zip(&isolated.legs).filter(|(leg, _)| !leg.kind.is_spot());
    let contracts_initial: f64 = contracts.map(|(_, margin)| margin.initial_margin).sum();
    let isolated_capital = contracts_initial + spot_value;
    let requirement = |initial_margin: f64, maintenance_margin, spot_not_counted: f64, notes| {
        let capital_required = initial_margin + spot_not_counted;
        let over = |whole: f64| (whole > 0.0).then(|| capital_required / whole);
        ModeRequirement {
            initial_margin,
            maintenance_margin,
            spot_not_counted,
            capital_required,
            of_gross_notional: over(gross_notional),
            of_isolated: over(isolated_capital),
            notes,
        }
    };
    let not_counted = spot_not_counted(account, rules);
    let portfolio = portfolio_margin(account, rules, inputs, at).map(|margin| {
        requirement(margin.initial_margin, margin.maintenance_margin, not_counted, margin.notes)
    });
    Ok(ModeComparison {
        gross_notional,
        cross: requirement(
            cross.initial_margin,
            cross.maintenance_margin,
            not_counted,
            cross.notes,
        ),
        isolated: requirement(
            contracts_initial,
            isolated.maintenance_margin,
            spot_value,
            isolated.notes,
        ),
        portfolio,
    })
}

/// Worth of spot that does not count as collateral: by haircut, or wholly.
fn spot_not_counted(account: &Account<'_>, rules: &MarginRules) -> f64 {
    let share = |leg: &Leg<'_>| {
        let haircut = account.collateral_haircuts.iter().find(|(coin, _)| *coin == leg.underlying);
        match haircut {
            Some((_, haircut)) if rules.spot_is_collateral() => *haircut,
            _ => 1.0,
        }
    };
    let spot = account.legs.iter().filter(|leg| leg.kind.is_spot());
    spot.map(|leg| leg.quote_notional() * share(leg)).sum()
}
