//! How far a price may move before the venue liquidates.
//!
//! In isolated margin one leg stands on its own margin: [`isolated_liquidation_price`]. In cross
//! margin all legs of one underlying move together: every mark of theirs becomes `mark (1 + t)`,
//! spot that counts as collateral included, while other underlyings stand still.
//! [`UnderlyingLiquidation`] holds the nearest such move in each direction at which the account's
//! equity is no more than its requirement; at marks that liquidate already both are 0. The search
//! is that of [`joint`](crate::joint); where the venue takes maintenance margin at the entry the
//! requirement stands still, and the move is one division. In an account kept in a coin all legs
//! are inverse, hence linear in one over the price.
//!
//! A coin with inverse legs in an account kept in the quote currency has no answer here: what its
//! balance counts for changes its slope where it passes 0.

use crate::closed_forms::bybit_isolated_liquidation_price;
use crate::contract::ContractKind;
use crate::error::VenueError;
use crate::joint::{CrossMove, CrossPosition, cross_liquidation_moves};
use crate::ladder::Ladder;
use crate::liquidation::{
    BracketAt, LiquidationInputs, LiquidationPrice, NoLiquidationPrice, liquidation_price,
};
use crate::margin::account::{AccountMargin, LegMargin, NoDistance};
use crate::margin::rules::{MarginPrice, MarginRules};
use crate::margin::{Account, AccountCurrency, Leg};

/// What liquidates a cross account if all legs of one underlying move together.
#[derive(Clone, Debug, PartialEq)]
pub struct UnderlyingLiquidation {
    /// The underlying.
    pub underlying: String,
    /// What a rise of one (100 %) would earn at the present slope, in the account's currency:
    /// contracts by side, spot as far as it counts. Above 0 a fall is the adverse direction.
    pub net_exposure: f64,
    /// The nearest fall that liquidates, a fraction between -1 and 0.
    pub fall: Result<f64, NoDistance>,
    /// The nearest rise that liquidates, a fraction of at least 0.
    pub rise: Result<f64, NoDistance>,
}

impl UnderlyingLiquidation {
    /// The mark of a leg now at `mark_price` at which a fall liquidates.
    pub fn below(&self, mark_price: f64) -> Result<f64, NoDistance> {
        self.fall.map(|fall| mark_price * (1.0 + fall))
    }

    /// The mark of a leg now at `mark_price` at which a rise liquidates.
    pub fn above(&self, mark_price: f64) -> Result<f64, NoDistance> {
        let price = self.rise.map(|rise| mark_price * (1.0 + rise))?;
        if price.is_finite() { Ok(price) } else { Err(NoDistance::NoRise) }
    }

    /// The move against the net exposure; without one, the nearer of both.
    pub fn adverse(&self) -> Result<f64, NoDistance> {
        if self.net_exposure > 0.0 {
            return self.fall;
        }
        match (self.fall, self.rise) {
            (Ok(fall), Ok(rise)) if self.net_exposure >= 0.0 && -fall < rise => Ok(fall),
            (Ok(fall), Err(_)) if self.net_exposure >= 0.0 => Ok(fall),
            _ => self.rise,
        }
    }
}

/// The price at which a position with margin of its own is liquidated, in the unit of its inputs,
/// the maintenance margin taken at its mark ([`liquidation_price`]) or at its entry
/// ([`bybit_isolated_liquidation_price`]).
///
/// # Errors
/// [`VenueError::BadInput`] for inputs out of range.
pub fn isolated_liquidation_price(
    inputs: &LiquidationInputs,
    ladder: &Ladder,
    bracket_at: BracketAt,
    maintenance_at: MarginPrice,
) -> Result<LiquidationPrice, VenueError> {
    if maintenance_at == MarginPrice::Mark {
        return liquidation_price(inputs, ladder, bracket_at);
    }
    let (quantity, entry_price) = (inputs.quantity, inputs.entry_price);
    let fixed = ladder.required_margin(quantity, entry_price);
    let price = bybit_isolated_liquidation_price(inputs, fixed)?;
    let size = ladder.size(quantity, entry_price);
    let exceeds_top = ladder.exceeds_top(size);
    let reason = if exceeds_top && !ladder.is_complete() {
        Some(NoLiquidationPrice::BeyondKnownBrackets)
    } else if price > 0.0 {
        None
    } else if inputs.side.sign() > 0.0 {
        Some(NoLiquidationPrice::NoPriceLiquidates)
    } else {
        Some(NoLiquidationPrice::EveryPriceLiquidates)
    };
    Ok(LiquidationPrice {
        price: reason.is_none().then_some(price),
        bracket_idx: ladder.bracket_idx(size),
        exceeds_top,
        reason,
    })
}

/// The ladder with the fee that the venue counts, whatever it came with.
pub(crate) fn with_fee(
    ladder: &Ladder,
    account: &Account<'_>,
    rules: &MarginRules,
) -> Result<Ladder, VenueError> {
    let fee = if rules.policy().fee_in_ratio { account.taker_fee_fraction } else { 0.0 };
    ladder.clone().with_closing_fee(fee)
}

/// Fills in what liquidates a cross account whose sums are known.
pub(crate) fn set_cross_distances(
    result: &mut AccountMargin,
    account: &Account<'_>,
    rules: &MarginRules,
    maintenance_at: MarginPrice,
) -> Result<(), VenueError> {
    let contracts = || account.legs.iter().filter(|leg| !leg.kind.is_spot());
    let mut underlyings: Vec<&str> = contracts().map(|leg| leg.underlying).collect();
    underlyings.sort_unstable();
    underlyings.dedup();
    for underlying in underlyings {
        let found = of_underlying(underlying, result, account, rules, maintenance_at)?;
        for (leg, margin) in account.legs.iter().zip(&mut result.legs) {
            if leg.underlying == underlying && !leg.kind.is_spot() {
                let adverse = found.adverse();
                margin.liquidation_distance_fraction = adverse.map(f64::abs);
                margin.liquidation_price = adverse.and_then(|move_fraction| {
                    let price = leg.mark_price * (1.0 + move_fraction);
                    if price.is_finite() { Ok(price) } else { Err(NoDistance::NoRise) }
                });
                if let Err(reason) = margin.liquidation_price {
                    margin.liquidation_distance_fraction = Err(reason);
                }
            }
        }
        result.underlyings.push(found);
    }
    Ok(())
}

fn of_underlying(
    underlying: &str,
    result: &AccountMargin,
    account: &Account<'_>,
    rules: &MarginRules,
    maintenance_at: MarginPrice,
) -> Result<UnderlyingLiquidation, VenueError> {
    let legs: Vec<(&Leg<'_>, &LegMargin)> = account
        .legs
        .iter()
        .zip(&result.legs)
        .filter(|(leg, _)| leg.underlying == underlying)
        .collect();
    let weight = collateral_weight(underlying, account, rules);
    let net_exposure = legs
        .iter()
        .map(|(leg, margin)| {
            let share = if leg.kind.is_spot() { weight } else { 1.0 };
            leg.side.sign() * margin.notional * share
        })
        .sum();
    let answer = |fall, rise| {
        Ok(UnderlyingLiquidation { underlying: underlying.to_owned(), net_exposure, fall, rise })
    };
    let is_quote = account.currency == AccountCurrency::Quote;
    let is_foreign = |leg: &Leg<'_>| is_quote && leg.kind.contract() == ContractKind::Inverse;
    if legs.iter().any(|(leg, _)| is_foreign(leg)) {
        return answer(Err(NoDistance::SettledInCoin), Err(NoDistance::SettledInCoin));
    }
    let unknown = Err(NoDistance::Price(NoLiquidationPrice::BeyondKnownBrackets));
    let is_unknown_now = legs.iter().any(|(leg, _)| {
        let price = maintenance_at.of(leg.entry_price, leg.mark_price);
        leg.ladder.is_some_and(|ladder| {
            let unit = leg.kind.contract().unit_value(price);
            !ladder.is_complete() && ladder.exceeds_top(ladder.size(leg.quantity, unit))
        })
    });
    if is_unknown_now {
        return answer(unknown, unknown);
    }
    let required = result.maintenance_margin + result.liquidation_fee;
    if maintenance_at == MarginPrice::Entry {
        let moves = at_entry(result.equity - required, net_exposure, result.notional);
        return answer(moves.0, moves.1);
    }

    let spot = Ladder::flat(NO_REQUIREMENT, 1.0)?;
    let ladders: Vec<Option<Ladder>> = legs
        .iter()
        .map(|(leg, _)| leg.ladder.map(|ladder| with_fee(ladder, account, rules)).transpose())
        .collect::<Result<_, _>>()?;
    // What stands still: the rest of the account, and the spot that moves as it is worth now.
    let mut wallet = result.equity - required;
    let mut positions = Vec::with_capacity(legs.len());
    for ((leg, margin), ladder) in legs.iter().zip(&ladders) {
        let contract = leg.kind.contract();
        let (share, entry_price, ladder) = match ladder {
            Some(ladder) if !leg.kind.is_spot() => (1.0, leg.entry_price, ladder),
            _ => (weight, leg.mark_price, &spot),
        };
        if share <= 0.0 {
            continue;
        }
        if !leg.kind.is_spot() {
            wallet += margin.maintenance_margin + margin.liquidation_fee - margin.unrealised_pnl;
        }
        positions.push(CrossPosition {
            side: contract.unit_side(leg.side),
            quantity: leg.quantity * share,
            entry_price: contract.unit_value(entry_price),
            mark_price: contract.unit_value(leg.mark_price),
            beta: 1.0,
            ladder,
        });
    }
    let found = cross_liquidation_moves(wallet, &positions)?;
    // Without an answer, unknown brackets may hold one unless every leg gains.
    let move_of = |found: Option<CrossMove>, unit_rises: bool, none: NoDistance| match found {
        Some(found) if found.is_known => Ok(found.move_fraction),
        Some(_) => unknown,
        None => {
            let loses = |p: &CrossPosition<'_>| (p.side.sign() > 0.0) != unit_rises;
            let is_open = unit_rises && positions.iter().any(|p| !p.ladder.is_complete());
            if is_open && positions.iter().any(loses) { unknown } else { Err(none) }
        }
    };
    if is_quote {
        let fall = move_of(found.down, false, NoDistance::NoFall);
        return answer(fall, move_of(found.up, true, NoDistance::NoRise));
    }
    // One over the price rises as the price falls.
    let turned = |move_fraction: f64| 1.0 / (1.0 + move_fraction) - 1.0;
    let fall = move_of(found.up, true, NoDistance::NoFall).map(turned);
    let rise = move_of(found.down, false, NoDistance::NoRise).map(turned);
    let fall = fall.and_then(|fall| if fall > -1.0 { Ok(fall) } else { Err(NoDistance::NoFall) });
    answer(fall, rise.and_then(|x| if x.is_finite() { Ok(x) } else { Err(NoDistance::NoRise) }))
}

/// A rate for spot, which needs no margin, that is too small to change any sum.
const NO_REQUIREMENT: f64 = 1e-300;

/// Moves that use up an excess over a requirement that does not move.
fn at_entry(
    excess: f64,
    net_exposure: f64,
    notional: f64,
) -> (Result<f64, NoDistance>, Result<f64, NoDistance>) {
    if excess <= 0.0 {
        return (Ok(0.0), Ok(0.0));
    }
    let move_fraction = -excess / net_exposure;
    // Legs that cancel leave rounding behind.
    let is_hedged = net_exposure.abs() <= 1e-12 * notional;
    let reached = !is_hedged && move_fraction.is_finite();
    let fall = if reached && -1.0 < move_fraction && move_fraction < 0.0 {
        Ok(move_fraction)
    } else {
        Err(NoDistance::NoFall)
    };
    let rise =
        if reached && move_fraction > 0.0 { Ok(move_fraction) } else { Err(NoDistance::NoRise) };
    (fall, rise)
}

/// Share of a coin's worth that counts as collateral and so moves the equity.
fn collateral_weight(coin: &str, account: &Account<'_>, rules: &MarginRules) -> f64 {
    if !rules.spot_is_collateral() {
        return 0.0;
    }
    let named = account.collateral_haircuts.iter().find(|(name, _)| *name == coin);
    named.map_or(0.0, |(_, haircut)| 1.0 - haircut)
}
