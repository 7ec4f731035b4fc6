//! Portfolio margin: what the legs of one underlying could lose together.
//!
//! All legs of one underlying make up a risk unit, spot as far as it offsets contracts (see
//! [`stress`](crate::margin::stress)). Requirements of units are added up, in US dollars.
//!
//! **Bybit** (help page on portfolio margin; notice of 2025-01): maintenance margin is the largest
//! loss over a grid of moves plus contingencies. Of these a book of spot and contracts has the
//! one of contracts, `sum |q| * fraction * price`, and the delta spread. Initial margin is
//! maintenance margin times a factor. The dimension of implied volatility has no effect without
//! options.
//!
//! **OKX** (notices of 2024-05-31 and 2025-01-02):
//! `max(max(MR1, MR2, MR6) + MR3 + MR4 + MR5, MR7) + MR8 + MR9`; MR1 is the largest loss over the
//! spot shocks, MR4 the basis risk, MR6 half the largest loss of the extreme moves, MR7 the minimum
//! charge. MR2, MR3 and MR5 are of options, MR8 of borrowing; all are 0 here. Initial margin is
//! 1.3 times as much, which is unverified.
//!
//! Chosen here, because no page says it:
//! - MR4 and Bybit's delta spread are `hedged worth * annual move * years`, years being the
//!   time between the hedged maturities, at least a least time that also holds between spot and
//!   perpetual. OKX's is worked out from its example; Bybit's has to be given.
//! - MR7 takes each tier's multiplier on the part of the raw charge within that tier, as OKX's own
//!   example of MR9 does; the raw charge is a fraction of the contracts' notional.
//! - MR9, the risk that stablecoins part from the dollar, is left out: legs do not say which
//!   dollar they are settled in.
//! - OKX's liquidation fee stands beside the maintenance margin in the ratio, as in cross margin.
//! - The contingency and all notionals are taken at the mark in place of the index.
//!
//! Binance and Hyperliquid have no formulas here: asking is
//! [`VenueError::NoPortfolioMargin`] with the reason.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_market::Timestamp;

use crate::error::{VenueError, check_finite};
use crate::margin::account::{NoMarginRatio, collateral, is_liquidatable, ratio};
use crate::margin::checks::check_account;
use crate::margin::rules::{Figure, MarginRules, PortfolioModel};
use crate::margin::stress::{Scenario, ScenarioKind, UnitPositions};
use crate::margin::{Account, AccountCurrency, Leg};

/// What the caller may or has to give. A value here goes before the tables'; a figure that
/// neither has is [`VenueError::MissingFigure`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PortfolioInputs {
    /// Whether spot offsets contracts: at Bybit a setting of the account, at OKX always so.
    pub spot_hedging: bool,
    /// Bybit: contingency of contracts, a fraction of their notional. No table has it.
    pub perpetual_contingency_fraction: Option<f64>,
    /// Initial margin over maintenance margin, 1 or above. No table has Bybit's.
    pub initial_margin_factor: Option<f64>,
    /// Least time between two maturities, in years; that between spot and perpetual. No table
    /// has Bybit's.
    pub basis_tenor_years: Option<f64>,
    /// OKX: minimum charge of contracts before tiers, a fraction of their notional.
    pub minimum_charge_fraction: Option<f64>,
}

impl Default for PortfolioInputs {
    /// Spot offsets contracts; everything else from the tables.
    fn default() -> Self {
        Self {
            spot_hedging: true,
            perpetual_contingency_fraction: None,
            initial_margin_factor: None,
            basis_tenor_years: None,
            minimum_charge_fraction: None,
        }
    }
}

/// The portfolio margin of an account, in US dollars.
#[derive(Clone, Debug, PartialEq)]
pub struct PortfolioMargin {
    /// One risk unit for each underlying, sorted by its name.
    pub units: Vec<RiskUnit>,
    /// Sum of the units' initial margins.
    pub initial_margin: f64,
    /// Sum of the units' maintenance margins.
    pub maintenance_margin: f64,
    /// Fee of liquidating everything, where the venue counts it as margin; else 0.
    pub liquidation_fee: f64,
    /// Worth of the spot legs.
    pub spot_value: f64,
    /// What coins count for, less haircuts, as in cross margin.
    pub coin_collateral: f64,
    /// Wallet, profit and coins as far as they count, as in cross margin.
    pub equity: f64,
    /// Equity less initial margin.
    pub free_collateral: f64,
    /// Maintenance margin and liquidation fee over equity; liquidation at 1.
    pub margin_ratio: Result<f64, NoMarginRatio>,
    /// Whether the venue liquidates at these marks.
    pub is_liquidatable: bool,
    /// Figures that are unverified or given by the caller, and what else a reader has to know.
    pub notes: Vec<String>,
}

/// The legs of one underlying.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskUnit {
    /// The underlying.
    pub underlying: String,
    /// Every scenario with its loss: shocks from the deepest fall to the highest rise, then
    /// extreme moves.
    pub scenarios: Vec<Scenario>,
    /// Position in `scenarios` of the one that charges most, the first of equals.
    pub binding_scenario_idx: usize,
    /// The terms of the formula.
    pub charges: Vec<Charge>,
    /// The term that decides the maintenance margin: the minimum charge if it is above the rest,
    /// else the largest of the others.
    pub binding: PortfolioComponent,
    /// What the unit must keep.
    pub maintenance_margin: f64,
    /// What the unit must have to open.
    pub initial_margin: f64,
}

/// One term of a portfolio formula.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Charge {
    /// Which term.
    pub component: PortfolioComponent,
    /// Its size in US dollars, 0 or above.
    pub amount: f64,
}

/// The terms of portfolio formulas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PortfolioComponent {
    /// Largest loss over the shocks: Bybit's maximum loss, OKX's MR1.
    SpotShock,
    /// Bybit's delta spread, OKX's MR4.
    BasisRisk,
    /// OKX's MR6.
    ExtremeMove,
    /// OKX's MR7.
    MinimumCharge,
    /// Bybit's contingency of perpetuals and futures.
    PerpetualContingency,
}

impl std::fmt::Display for PortfolioComponent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::SpotShock => "spot shock",
            Self::BasisRisk => "basis risk",
            Self::ExtremeMove => "extreme move",
            Self::MinimumCharge => "minimum charge",
            Self::PerpetualContingency => "contingency of contracts",
        })
    }
}

/// The account under the venue's portfolio margin.
///
/// # Errors
/// [`VenueError::NoPortfolioMargin`], [`VenueError::MissingFigure`],
/// [`VenueError::BeforeMarginRules`], [`VenueError::BadLeg`], [`VenueError::UnsupportedLeg`] or
/// [`VenueError::BadInput`].
pub fn portfolio_margin(
    account: &Account<'_>,
    rules: &MarginRules,
    inputs: &PortfolioInputs,
    at: Timestamp,
) -> Result<PortfolioMargin, VenueError> {
    let refuse = |reason: String| {
        Err(VenueError::NoPortfolioMargin { venue: rules.title().to_owned(), reason })
    };
    let model = match &rules.policy().portfolio {
        PortfolioModel::None { reason } => return refuse(reason.clone()),
        model => model,
    };
    if let AccountCurrency::Coin(coin) = account.currency {
        return refuse(format!("it is kept in US dollars, the account in {coin}"));
    }
    check_account(account, rules)?;

    let mut legs: BTreeMap<&str, Vec<&Leg<'_>>> = BTreeMap::new();
    for leg in account.legs {
        legs.entry(leg.underlying).or_default().push(leg);
    }
    let mut notes = BTreeSet::new();
    let mut units = Vec::with_capacity(legs.len());
    let mut liquidation_fee = 0.0;
    for (underlying, legs) in legs {
        let spot_hedging = inputs.spot_hedging || *model == PortfolioModel::Okx;
        let positions = UnitPositions::new(&legs, spot_hedging);
        if rules.policy().fee_in_ratio {
            liquidation_fee += positions.contract_notional() * account.taker_fee_fraction;
        }
        let figures = Figures { rules, inputs, underlying, at, notes: &mut notes };
        units.push(match model {
            PortfolioModel::Okx => okx_unit(&positions, figures)?,
            _ => bybit_unit(&positions, figures)?,
        });
    }

    let (cash, coin_collateral, collateral_notes) = collateral(account, rules);
    let spot = account.legs.iter().filter(|leg| leg.kind.is_spot());
    let maintenance_margin: f64 = units.iter().map(|unit| unit.maintenance_margin).sum();
    let initial_margin: f64 = units.iter().map(|unit| unit.initial_margin).sum();
    let equity = account.wallet_balance + cash + coin_collateral;
    let required = maintenance_margin + liquidation_fee;
    check_finite("equity", equity)?;
    check_finite("initial_margin", initial_margin + liquidation_fee)?;
    Ok(PortfolioMargin {
        initial_margin,
        maintenance_margin,
        liquidation_fee,
        spot_value: spot.map(Leg::quote_notional).sum(),
        coin_collateral,
        equity,
        free_collateral: equity - initial_margin,
        margin_ratio: ratio(required, equity),
        is_liquidatable: required > 0.0 && is_liquidatable(required, equity, rules),
        notes: notes.into_iter().chain(collateral_notes).collect(),
        units,
    })
}

/// The figures of one unit, with the notes of what is not verified.
struct Figures<'a> {
    rules: &'a MarginRules,
    inputs: &'a PortfolioInputs,
    underlying: &'a str,
    at: Timestamp,
    notes: &'a mut BTreeSet<String>,
}

impl<'a> Figures<'a> {
    fn scalar(&mut self, figure: Figure, given: Option<f64>) -> Result<f64, VenueError> {
        self.rules.scalar(figure, given, self.underlying, self.at, self.notes)
    }

    fn values(&mut self, figure: Figure) -> Result<&'a [f64], VenueError> {
        self.rules.values(figure, self.underlying, self.at, self.notes)
    }
}

fn bybit_unit(positions: &UnitPositions, mut figures: Figures<'_>) -> Result<RiskUnit, VenueError> {
    let inputs = *figures.inputs;
    let scenarios = positions.shocks(figures.values(Figure::SpotShockMoves)?);
    let fraction = figures
        .scalar(Figure::PerpetualContingencyFraction, inputs.perpetual_contingency_fraction)?;
    let shock = largest_charge(&scenarios, ScenarioKind::Shock);
    let basis = basis_risk(positions, &mut figures)?;
    let contingency = positions.contract_notional() * fraction;
    let factor = figures.scalar(Figure::InitialMarginFactor, inputs.initial_margin_factor)?;
    let charges = vec![
        Charge { component: PortfolioComponent::SpotShock, amount: shock },
        Charge { component: PortfolioComponent::PerpetualContingency, amount: contingency },
        Charge { component: PortfolioComponent::BasisRisk, amount: basis },
    ];
    let maintenance_margin = shock + contingency + basis;
    Ok(RiskUnit {
        underlying: figures.underlying.to_owned(),
        binding_scenario_idx: binding_scenario(&scenarios),
        scenarios,
        binding: largest(&charges),
        charges,
        maintenance_margin,
        initial_margin: maintenance_margin * factor,
    })
}

fn okx_unit(positions: &UnitPositions, mut figures: Figures<'_>) -> Result<RiskUnit, VenueError> {
    let inputs = *figures.inputs;
    let mut scenarios = positions.shocks(figures.values(Figure::SpotShockMoves)?);
    let weight = figures.scalar(Figure::ExtremeWeight, None)?;
    scenarios.extend(positions.extremes(figures.values(Figure::ExtremeMoves)?, weight));
    let shock = largest_charge(&scenarios, ScenarioKind::Shock);
    let extreme = largest_charge(&scenarios, ScenarioKind::Extreme);
    let basis = basis_risk(positions, &mut figures)?;

    let fraction = figures.scalar(Figure::MinimumChargeFraction, inputs.minimum_charge_fraction)?;
    let raw = positions.contract_notional() * fraction;
    let floors = figures.values(Figure::MinimumChargeFloors)?;
    let multipliers = figures.values(Figure::MinimumChargeMultipliers)?;
    let minimum = tiered(raw, floors, multipliers)?;
    let factor = figures.scalar(Figure::InitialMarginFactor, inputs.initial_margin_factor)?;

    let rest = [
        Charge { component: PortfolioComponent::SpotShock, amount: shock },
        Charge { component: PortfolioComponent::ExtremeMove, amount: extreme },
        Charge { component: PortfolioComponent::BasisRisk, amount: basis },
    ];
    let stressed = shock.max(extreme) + basis;
    let binding =
        if minimum > stressed { PortfolioComponent::MinimumCharge } else { largest(&rest) };
    let mut charges = rest.to_vec();
    charges.push(Charge { component: PortfolioComponent::MinimumCharge, amount: minimum });
    let maintenance_margin = stressed.max(minimum);
    Ok(RiskUnit {
        underlying: figures.underlying.to_owned(),
        binding_scenario_idx: binding_scenario(&scenarios),
        scenarios,
        charges,
        binding,
        maintenance_margin,
        initial_margin: maintenance_margin * factor,
    })
}

/// Hedged worth times annual move times years between the hedged maturities.
fn basis_risk(positions: &UnitPositions, figures: &mut Figures<'_>) -> Result<f64, VenueError> {
    let tenor = figures.scalar(Figure::BasisTenorYears, figures.inputs.basis_tenor_years)?;
    let annual_move = figures.scalar(Figure::BasisAnnualMove, None)?;
    Ok(positions.hedged_value_years(tenor) * annual_move)
}

/// Each part of an amount times the multiplier of the tier it lies in.
fn tiered(amount: f64, floors: &[f64], multipliers: &[f64]) -> Result<f64, VenueError> {
    if floors.len() != multipliers.len() {
        return Err(VenueError::BadInput {
            name: Figure::MinimumChargeMultipliers.name(),
            value: multipliers.len() as f64,
            rule: "as many as minimum_charge_floors",
        });
    }
    let caps = floors.iter().skip(1).copied().chain(std::iter::once(f64::INFINITY));
    Ok(floors
        .iter()
        .zip(caps)
        .zip(multipliers)
        .map(|((&floor, cap), multiplier)| (amount.min(cap) - floor).max(0.0) * multiplier)
        .sum())
}

fn largest_charge(scenarios: &[Scenario], kind: ScenarioKind) -> f64 {
    scenarios.iter().filter(|s| s.kind == kind).map(Scenario::charge).fold(0.0, f64::max)
}

fn binding_scenario(scenarios: &[Scenario]) -> usize {
    // Without any charge it is the one that moves nothing.
    let still = scenarios.iter().position(|s| s.price_move_fraction.abs() <= 0.0).unwrap_or(0);
    (0..scenarios.len()).fold(still, |best, idx| {
        if scenarios[idx].charge() > scenarios[best].charge() { idx } else { best }
    })
}

fn largest(charges: &[Charge]) -> PortfolioComponent {
    let mut best = charges[0];
    for charge in charges {
        if charge.amount > best.amount {
            best = *charge;
        }
    }
    best.component
}
