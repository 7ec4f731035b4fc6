//! What the positions of one underlying lose together when its price moves.
//!
//! Every position's own mark moves by the same fraction and the position is repriced exactly, the
//! result in US dollars. A linear contract or a coin gains `s Q (P' - P)`. An inverse contract
//! gains `s n (1 / P - 1 / P')` coins, each worth `P'` then, so that a short of `n` dollars against
//! `n / P` coins gains and loses nothing. Profit made before the move is part of the equity and
//! not of the loss.
//!
//! Chosen here, because no page says it: spot takes part only as far as it offsets contracts, in
//! coins; what is beyond that can lose no more than itself and counts as collateral alone.

use plimsoll_market::Side;

use crate::contract::ContractKind;
use crate::margin::{Leg, LegKind};

/// What a scenario belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScenarioKind {
    /// The grid of ordinary moves.
    Shock,
    /// A move of the extreme pair, charged in part.
    Extreme,
}

/// One move of the price and what it costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scenario {
    /// What it belongs to.
    pub kind: ScenarioKind,
    /// Move of every mark, a fraction.
    pub price_move_fraction: f64,
    /// Share of the loss that is charged.
    pub weight: f64,
    /// Loss of the unit in US dollars; negative is a gain.
    pub loss: f64,
}

impl Scenario {
    /// What the scenario charges, 0 for a gain.
    pub fn charge(&self) -> f64 {
        self.weight * self.loss.max(0.0)
    }
}

impl std::fmt::Display for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            ScenarioKind::Shock => "shock",
            ScenarioKind::Extreme => "extreme move",
        };
        write!(f, "{kind} {:+} %", (self.price_move_fraction * 1e10).round() / 1e8)
    }
}

/// The positions of one underlying, in an order that does not depend on the account's.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UnitPositions {
    positions: Vec<Position>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Position {
    maturity: Maturity,
    contract: ContractKind,
    side: Side,
    quantity: f64,
    price: f64,
}

/// When a position is settled.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Maturity {
    Spot,
    Perpetual,
    Years(f64),
}

impl Maturity {
    fn years(self) -> f64 {
        match self {
            Self::Spot | Self::Perpetual => 0.0,
            Self::Years(years) => years,
        }
    }
}

impl UnitPositions {
    /// Takes the legs of a unit; spot as far as it offsets contracts, or not at all.
    pub(crate) fn new(legs: &[&Leg<'_>], spot_hedging: bool) -> Self {
        let mut positions: Vec<Position> = legs.iter().map(|leg| Position::new(leg)).collect();
        positions
            .sort_by(|a, b| a.key().partial_cmp(&b.key()).unwrap_or(std::cmp::Ordering::Equal));
        let (mut spot, mut contracts) = (0.0, 0.0);
        for position in &positions {
            match position.maturity {
                Maturity::Spot => spot += position.coins(),
                _ => contracts += position.coins(),
            }
        }
        let used =
            if spot_hedging && spot > 0.0 { (-contracts / spot).clamp(0.0, 1.0) } else { 0.0 };
        for position in &mut positions {
            if position.maturity == Maturity::Spot {
                position.quantity *= used;
            }
        }
        positions.retain(|position| position.quantity > 0.0);
        Self { positions }
    }

    /// Loss in US dollars when every mark moves by a fraction above -1; negative is a gain.
    pub(crate) fn loss(&self, price_move_fraction: f64) -> f64 {
        self.positions.iter().map(|p| p.gain(price_move_fraction)).fold(0.0, |sum, gain| sum - gain)
    }

    /// Worth of all contracts in US dollars, without sign.
    pub(crate) fn contract_notional(&self) -> f64 {
        let is_contract = |p: &&Position| p.maturity != Maturity::Spot;
        self.positions.iter().filter(is_contract).map(|p| p.delta().abs()).sum()
    }

    /// Hedged worth times years between the hedged maturities, at least `tenor_years` each.
    ///
    /// Positions of one maturity are netted; longs and shorts are then paired from the nearest
    /// maturity on.
    pub(crate) fn hedged_value_years(&self, tenor_years: f64) -> f64 {
        let mut nets: Vec<(Maturity, f64)> = Vec::new();
        for position in &self.positions {
            match nets.last_mut() {
                Some((maturity, net)) if *maturity == position.maturity => *net += position.delta(),
                _ => nets.push((position.maturity, position.delta())),
            }
        }
        let of_side = |sign: f64| -> Vec<(f64, f64)> {
            nets.iter()
                .map(|&(maturity, net)| (maturity.years(), sign * net))
                .filter(|&(_, value)| value > 0.0)
                .collect()
        };
        let (mut longs, mut shorts) = (of_side(1.0), of_side(-1.0));
        let (mut long_idx, mut short_idx, mut total) = (0, 0, 0.0);
        while long_idx < longs.len() && short_idx < shorts.len() {
            let (long, short) = (&mut longs[long_idx], &mut shorts[short_idx]);
            let hedged = long.1.min(short.1);
            total += hedged * (long.0 - short.0).abs().max(tenor_years);
            long.1 -= hedged;
            short.1 -= hedged;
            if long.1 <= 0.0 {
                long_idx += 1;
            }
            if short.1 <= 0.0 {
                short_idx += 1;
            }
        }
        total
    }

    /// Both directions of every move and no move, from the deepest fall to the highest rise.
    pub(crate) fn shocks(&self, moves: &[f64]) -> Vec<Scenario> {
        let falls = moves.iter().rev().filter(|m| **m > 0.0).map(|m| -m);
        let rises = moves.iter().copied().filter(|m| *m > 0.0);
        falls
            .chain(std::iter::once(0.0))
            .chain(rises)
            .map(|m| self.scenario(ScenarioKind::Shock, m, 1.0))
            .collect()
    }

    /// Both directions of the extreme moves.
    pub(crate) fn extremes(&self, moves: &[f64], weight: f64) -> Vec<Scenario> {
        let both = moves.iter().flat_map(|m| [-m, *m]);
        both.map(|m| self.scenario(ScenarioKind::Extreme, m, weight)).collect()
    }

    fn scenario(&self, kind: ScenarioKind, price_move_fraction: f64, weight: f64) -> Scenario {
        Scenario { kind, price_move_fraction, weight, loss: self.loss(price_move_fraction) }
    }
}

impl Position {
    fn new(leg: &Leg<'_>) -> Self {
        let maturity = match leg.kind {
            LegKind::Spot => Maturity::Spot,
            LegKind::Perpetual(_) => Maturity::Perpetual,
            LegKind::Future { expiry_years, .. } => Maturity::Years(expiry_years),
        };
        Self {
            maturity,
            contract: leg.kind.contract(),
            side: leg.side,
            quantity: leg.quantity,
            price: leg.mark_price,
        }
    }

    fn key(&self) -> (Maturity, bool, f64, f64, f64) {
        let is_inverse = self.contract == ContractKind::Inverse;
        (self.maturity, is_inverse, self.side.sign(), self.price, self.quantity)
    }

    /// Signed size in coins at the mark.
    fn coins(&self) -> f64 {
        self.side.sign()
            * match self.contract {
                ContractKind::Linear => self.quantity,
                ContractKind::Inverse => self.quantity / self.price,
            }
    }

    /// Signed worth in US dollars at the mark.
    fn delta(&self) -> f64 {
        self.side.sign()
            * match self.contract {
                ContractKind::Linear => self.quantity * self.price,
                ContractKind::Inverse => self.quantity,
            }
    }

    fn gain(&self, price_move_fraction: f64) -> f64 {
        let moved = self.price * (1.0 + price_move_fraction);
        let settled = self.contract.unrealised_pnl(self.side, self.quantity, self.price, moved);
        match self.contract {
            ContractKind::Linear => settled,
            ContractKind::Inverse => settled * moved,
        }
    }
}
