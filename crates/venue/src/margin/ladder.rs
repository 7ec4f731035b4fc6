//! Portfolio margin of a single perpetual as a ladder, for a replay.
//!
//! With one linear perpetual in a risk unit nothing is hedged: every term of the
//! [formulas](crate::margin::portfolio) is a multiple of the notional, or rises by tiers of it, and
//! is the same for a long and a short. The maintenance margin is then a [`Ladder`] that is
//! continuous and convex:
//! - Bybit: one bracket of `largest shock + contingency`.
//! - OKX: the greater of `max(largest shock, weight * largest extreme move)` times the notional and
//!   the minimum charge, which has a bracket a tier; the fee of closing is part of the
//!   requirement.
//!
//! Initial margin is the factor times maintenance margin, so that a bracket grants a leverage of
//! `1 / (factor * rate)`. Terms of hedges need no figures here: Bybit's missing ones of the delta
//! spread are not asked for.

use std::collections::BTreeSet;

use plimsoll_market::Timestamp;

use crate::contract::underlying_of;
use crate::error::{VenueError, check};
use crate::ladder::{Bracket, Ladder, maintenance_deduction};
use crate::margin::rules::{Figure, MarginRules, PortfolioModel};
use crate::rules::VenueRules;

/// What a venue's portfolio margin asks of one linear perpetual that is alone in its risk unit.
#[derive(Clone, Debug, PartialEq)]
pub struct PortfolioLadder {
    /// Maintenance margin by notional; each bracket's leverage is one over the initial margin of
    /// one more unit of notional in it.
    pub ladder: Ladder,
    /// Initial margin over maintenance margin, above 1.
    pub initial_margin_factor: f64,
    /// Figures that are unverified, in words.
    pub notes: Vec<String>,
}

impl PortfolioLadder {
    /// Initial margin of a notional.
    pub fn initial_margin(&self, notional: f64) -> f64 {
        self.initial_margin_factor * self.ladder.maintenance_margin(notional, 1.0)
    }
}

/// The portfolio margin of a linear perpetual on an underlying, by notional. The fee of closing, a
/// fraction of the notional, counts where the venue's requirement has it.
///
/// # Errors
/// [`VenueError::NoPortfolioMargin`], [`VenueError::MissingFigure`],
/// [`VenueError::BeforeMarginRules`], or figures that make no ladder: [`VenueError::BadInput`] and
/// [`VenueError::BadBracket`].
pub fn portfolio_ladder(
    rules: &MarginRules,
    underlying: &str,
    closing_fee_fraction: f64,
    at: Timestamp,
) -> Result<PortfolioLadder, VenueError> {
    let figures = figures_of(rules)?;
    let mut notes = BTreeSet::new();
    let mut values = |figure| rules.values(figure, underlying, at, &mut notes);
    let shock = largest(values(Figure::SpotShockMoves)?);
    let factor = values(Figure::InitialMarginFactor)?[0];
    let rule = "above 1: at the maintenance margin a position would be liquidated as it opens";
    check(Figure::InitialMarginFactor.name(), factor, factor > 1.0, rule)?;
    let lines = if figures.contains(&Figure::PerpetualContingencyFraction) {
        let contingency = values(Figure::PerpetualContingencyFraction)?[0];
        vec![(0.0, shock + contingency)]
    } else {
        let extreme = values(Figure::ExtremeWeight)?[0] * largest(values(Figure::ExtremeMoves)?);
        let tiers = minimum_charge(
            values(Figure::MinimumChargeFraction)?[0],
            values(Figure::MinimumChargeFloors)?,
            values(Figure::MinimumChargeMultipliers)?,
        )?;
        greater_of(shock.max(extreme), &tiers)
    };
    let fee = if rules.policy().fee_in_ratio { closing_fee_fraction } else { 0.0 };
    let ladder = Ladder::new(brackets(&lines, factor))?.with_closing_fee(fee)?;
    Ok(PortfolioLadder {
        ladder,
        initial_margin_factor: factor,
        notes: notes.into_iter().collect(),
    })
}

/// Every ladder of a symbol in force within `[from, to)`, each with the instant from which it is:
/// the first with `from`. The fee of closing is that of the symbol's brackets.
///
/// # Errors
/// As [`portfolio_ladder`], and [`VenueRules::ladders_between`].
pub fn portfolio_ladders_between(
    rules: &MarginRules,
    venue: &VenueRules,
    symbol: &str,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(Timestamp, PortfolioLadder)>, VenueError> {
    let underlying = underlying_of(symbol);
    let mut dates = rules.change_dates(figures_of(rules)?, &underlying);
    let brackets = venue.ladders_between(symbol, from, to)?;
    dates.extend(brackets.iter().map(|(date, _)| *date));
    dates.retain(|date| *date > from && *date < to);
    dates.insert(from);
    dates
        .into_iter()
        .map(|date| {
            let in_force = brackets.partition_point(|(since, _)| *since <= date);
            let fee = brackets[in_force - 1].1.closing_fee_fraction();
            Ok((date, portfolio_ladder(rules, &underlying, fee, date)?))
        })
        .collect()
}

/// The figures that the margin of a single perpetual rests on.
fn figures_of(rules: &MarginRules) -> Result<&'static [Figure], VenueError> {
    match &rules.policy().portfolio {
        PortfolioModel::None { reason } => Err(VenueError::NoPortfolioMargin {
            venue: rules.title().to_owned(),
            reason: reason.clone(),
        }),
        PortfolioModel::Bybit => Ok(&[
            Figure::SpotShockMoves,
            Figure::PerpetualContingencyFraction,
            Figure::InitialMarginFactor,
        ]),
        PortfolioModel::Okx => Ok(&[
            Figure::SpotShockMoves,
            Figure::ExtremeMoves,
            Figure::ExtremeWeight,
            Figure::MinimumChargeFraction,
            Figure::MinimumChargeFloors,
            Figure::MinimumChargeMultipliers,
            Figure::InitialMarginFactor,
        ]),
    }
}

fn largest(moves: &[f64]) -> f64 {
    moves.iter().copied().fold(0.0, f64::max)
}

/// Where each tier of the minimum charge begins, in notional, and its slope.
fn minimum_charge(
    fraction: f64,
    floors: &[f64],
    multipliers: &[f64],
) -> Result<Vec<(f64, f64)>, VenueError> {
    let name = Figure::MinimumChargeMultipliers.name();
    let n_tiers = multipliers.len() as f64;
    check(name, n_tiers, multipliers.len() == floors.len(), "as many as minimum_charge_floors")?;
    if let Some(pair) = multipliers.windows(2).find(|pair| pair[1] < pair[0]) {
        let rule = "rising from tier to tier";
        return Err(VenueError::BadInput { name, value: pair[1], rule });
    }
    if fraction <= 0.0 {
        return Ok(Vec::new());
    }
    Ok(floors
        .iter()
        .zip(multipliers)
        .map(|(floor, multiplier)| (floor / fraction, multiplier * fraction))
        .collect())
}

/// The greater of `rate * N` and a charge that rises by tiers, as starts and slopes: the upper
/// envelope of the lines that both are made of.
fn greater_of(rate: f64, tiers: &[(f64, f64)]) -> Vec<(f64, f64)> {
    // Start, slope, deduction; slopes rise from line to line.
    let mut envelope = vec![(0.0, rate, 0.0)];
    let (mut deduction, mut slope_below) = (0.0, 0.0);
    for &(floor, slope) in tiers {
        deduction += floor * (slope - slope_below);
        slope_below = slope;
        while let Some(&(start, other_slope, other_deduction)) = envelope.last()
            && slope > other_slope
        {
            let crossing = (deduction - other_deduction) / (slope - other_slope);
            if crossing > start {
                envelope.push((crossing, slope, deduction));
                break;
            }
            envelope.pop();
            if envelope.is_empty() {
                envelope.push((0.0, slope, deduction));
            }
        }
    }
    envelope.into_iter().map(|(start, slope, _)| (start, slope)).collect()
}

fn brackets(lines: &[(f64, f64)], factor: f64) -> Vec<Bracket> {
    let mut brackets: Vec<Bracket> = Vec::with_capacity(lines.len());
    for (idx, &(floor, rate)) in lines.iter().enumerate() {
        brackets.push(Bracket {
            tier: idx as u32 + 1,
            floor,
            cap: lines.get(idx + 1).map_or(f64::INFINITY, |line| line.0),
            maintenance_margin_rate: rate,
            leverage_max: 1.0 / (factor * rate),
            maintenance_deduction: brackets
                .last()
                .map_or(0.0, |below| maintenance_deduction(below, floor, rate)),
        });
    }
    brackets
}
