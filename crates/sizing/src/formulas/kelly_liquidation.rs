//! Kelly on a sample of trades that can be liquidated on the way.
//!
//! What a trade has returned in the end does not tell whether a larger position would have lived
//! to see it. Each trade therefore comes with the largest adverse move of the mark on its way; a
//! position that this move liquidates ends there, and its outcome is truncated: everything is lost
//! where the whole account backs it (cross), the posted margin and the fees where it is isolated.
//!
//! Liquidation is reckoned without brackets, at one maintenance margin rate. A sample knows no
//! move worse than its worst, so a stress scenario beyond it is part of the terms: without one the
//! largest leverage is an optimistic in-sample number.

use super::SizingError;
use super::check::{finite, not_negative, open_unit, positive, within};
use super::empirical_kelly::{
    EmpiricalKelly, EmpiricalKellyOutcome, check_cap, max_leverage_without_liquidation, maximum,
};

/// One closed trade at unit leverage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TradeOutcome {
    /// Net return on notional, fees, spread and funding included.
    pub unit_return: f64,
    /// Largest adverse move of the mark while it was held, a fraction of the entry price, at
    /// least 0.
    pub adverse_excursion: f64,
    /// 1 for a long, -1 for a short.
    pub side: f64,
    /// How much it counts, at least 0.
    pub weight: f64,
}

/// What stands behind a position when the mark moves against it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Backing {
    /// The whole account (cross margin): liquidation takes all, so that growth is minus infinity
    /// and the leverage has a hard bound.
    Cross,
    /// Isolated margin of notional over this leverage: whether a trade is liquidated does not
    /// depend on the size, how much is lost does.
    Isolated {
        /// The leverage that the exchange is told.
        leverage: f64,
    },
    /// Isolated margin of this share of equity whatever the size: a larger position is liquidated
    /// earlier and loses no more than that share. Growth is then not concave in the size.
    Posted {
        /// Share of equity, between 0 and 1.
        share: f64,
    },
}

/// How liquidation is reckoned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LiquidationTerms {
    /// What stands behind the position.
    pub backing: Backing,
    /// Maintenance margin over notional, at every size.
    pub maintenance_margin_rate: f64,
    /// What a liquidated isolated position costs beyond its margin (the entry's fee, a
    /// liquidation fee), a fraction of the notional.
    pub fee: f64,
    /// The stress scenario's adverse move as a multiple of the worst of the sample, at least 1. A
    /// long's move ends at a price of 0.
    pub stress: f64,
    /// How many average trades of the sample the scenario counts as. At 0 it is only survived: it
    /// bounds the leverage of cross margin and leaves the mean as it is.
    pub stress_trades: f64,
}

/// A sample of trades under terms of liquidation.
#[derive(Clone, Debug, PartialEq)]
pub struct LiquidationSample {
    outcomes: Vec<Outcome>,
    /// Leverages above 0 from which on some trade is liquidated, rising.
    thresholds: Vec<f64>,
    backing: Backing,
    fee: f64,
    /// Whether anything ever went against a trade.
    is_adverse: bool,
}

/// A trade, and from which leverage on it is liquidated.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Outcome {
    unit_return: f64,
    liquidated_from: f64,
    weight: f64,
}

impl LiquidationSample {
    /// Brings trades and terms together.
    ///
    /// # Errors
    /// `TooFewObservations` without any trade, `BadElement` and `NotFinite` for numbers that are
    /// not what the fields say, `OutOfRange` for terms outside their range.
    pub fn new(trades: &[TradeOutcome], terms: &LiquidationTerms) -> Result<Self, SizingError> {
        let rate = not_negative("maintenance_margin_rate", terms.maintenance_margin_rate)?;
        let fee = not_negative("fee", terms.fee)?;
        within("stress", terms.stress, terms.stress >= 1.0, "at least 1")?;
        let stress_trades = not_negative("stress_trades", terms.stress_trades)?;
        match terms.backing {
            Backing::Cross => 0.0,
            Backing::Isolated { leverage } => positive("leverage", leverage)?,
            Backing::Posted { share } => open_unit("share", share)?,
        };
        let total = check_trades(trades)?;
        let bound = |excursion: f64, side: f64| {
            let found = max_leverage_without_liquidation(-side * excursion, side, rate)?;
            Ok::<f64, SizingError>(found.unwrap_or(f64::INFINITY))
        };
        let from = |bound: f64| match terms.backing {
            Backing::Cross => bound,
            Backing::Isolated { leverage } if leverage >= bound => 0.0,
            Backing::Isolated { .. } => f64::INFINITY,
            Backing::Posted { share } => share * bound,
        };
        let mut outcomes = Vec::with_capacity(trades.len() + 1);
        let mut worst: Option<(f64, &TradeOutcome)> = None;
        for trade in trades.iter().filter(|trade| trade.weight > 0.0) {
            let bound = bound(trade.adverse_excursion, trade.side)?;
            outcomes.push(Outcome {
                unit_return: trade.unit_return,
                liquidated_from: from(bound),
                weight: trade.weight,
            });
            if worst.is_none_or(|(smallest, _)| bound < smallest) {
                worst = Some((bound, trade));
            }
        }
        if let Some((_, trade)) = worst.filter(|(_, trade)| trade.adverse_excursion > 0.0) {
            let limit = if trade.side > 0.0 { 1.0 } else { f64::MAX };
            let excursion = (terms.stress * trade.adverse_excursion).min(limit);
            outcomes.push(Outcome {
                unit_return: -excursion,
                liquidated_from: from(bound(excursion, trade.side)?),
                weight: stress_trades * total / trades.len() as f64,
            });
        }
        let mut thresholds: Vec<f64> = outcomes
            .iter()
            .map(|outcome| outcome.liquidated_from)
            .filter(|from| *from > 0.0 && from.is_finite())
            .collect();
        thresholds.sort_by(f64::total_cmp);
        thresholds.dedup();
        if matches!(terms.backing, Backing::Cross) {
            thresholds.truncate(1);
        }
        let counted = || trades.iter().filter(|trade| trade.weight > 0.0);
        let is_adverse = counted().any(|t| t.adverse_excursion > 0.0 || t.unit_return < 0.0);
        Ok(Self { outcomes, thresholds, backing: terms.backing, fee, is_adverse })
    }

    /// Mean log growth per trade at a leverage; minus infinity where some trade takes everything,
    /// as under cross margin every liquidation does.
    pub fn log_growth(&self, leverage: f64) -> f64 {
        let (mut total, mut weight) = (0.0, 0.0);
        for outcome in &self.outcomes {
            let (keep, slope) = self.linear(outcome, leverage);
            let wealth = keep + leverage * slope;
            if wealth.is_nan() || wealth <= 0.0 {
                return f64::NEG_INFINITY;
            }
            if outcome.weight > 0.0 {
                total += outcome.weight * (leverage * slope - (1.0 - keep)).ln_1p();
                weight += outcome.weight;
            }
        }
        total / weight
    }

    /// First and second derivative of [`log_growth`](Self::log_growth).
    pub fn slope(&self, leverage: f64) -> (f64, f64) {
        self.slope_in(leverage, leverage)
    }

    /// The leverage up to `cap` at which the sample grows fastest.
    ///
    /// Between two leverages at which trades begin to be liquidated growth is concave, so each of
    /// these stretches is searched at its ends and, where the slope changes its sign inside, at
    /// the root. `O(n)` a stretch; cross margin and isolated margin by leverage have one.
    ///
    /// # Errors
    /// `NoLossObserved` where growth rises without bound, or nothing ever went against a trade,
    /// and the cap is infinite.
    pub fn best(&self, cap: f64) -> Result<EmpiricalKelly, SizingError> {
        check_cap(cap)?;
        let mut best = EmpiricalKelly::no_trade(self.bound());
        // Then only the maintenance margin would bound the leverage, of which no trade tells.
        if !self.is_adverse && cap.is_infinite() && self.slope(0.0).0 > 0.0 {
            return Err(SizingError::NoLossObserved);
        }
        let mut low = 0.0;
        for high in self.thresholds.iter().copied().chain([f64::INFINITY]) {
            if let Some((leverage, outcome)) = self.best_between(low, high, cap)? {
                let growth = self.log_growth(leverage);
                if growth > best.growth {
                    best = EmpiricalKelly { leverage, growth, outcome, ..best };
                }
            }
            low = high;
            if low >= cap || matches!(self.backing, Backing::Cross) {
                break;
            }
        }
        Ok(best)
    }

    /// The leverage from which on some outcome takes everything; `None`: there is none.
    pub fn bound(&self) -> Option<f64> {
        let last = match self.backing {
            Backing::Cross => self.thresholds.first().copied().unwrap_or(f64::INFINITY),
            _ => f64::INFINITY,
        };
        let inside = self.thresholds.last().copied().filter(|_| last.is_infinite()).unwrap_or(0.0);
        let bound = self.ruin_beyond(inside).min(last);
        bound.is_finite().then_some(bound)
    }

    /// The best leverage from `low` to below `high`, and what decided it.
    fn best_between(
        &self,
        low: f64,
        high: f64,
        cap: f64,
    ) -> Result<Option<(f64, EmpiricalKellyOutcome)>, SizingError> {
        use EmpiricalKellyOutcome::{Capped, Interior, Liquidation};
        let ruin = self.ruin_beyond(low);
        if ruin <= low {
            return Ok(None);
        }
        let slope = |x: f64| self.slope_in(low, x);
        if slope(low).0 <= 0.0 {
            return Ok((low > 0.0).then_some((low, Interior)));
        }
        if ruin.is_infinite() && high.is_infinite() && cap.is_infinite() {
            return Err(SizingError::NoLossObserved);
        }
        // At its ruin the slope is minus infinity; before the other two it may still be positive.
        let (end, at_end) =
            if cap < high { (cap, Capped) } else { (high.next_down(), Liquidation) };
        if end < ruin && slope(end).0 >= 0.0 {
            return Ok(Some((end, at_end)));
        }
        Ok(Some((maximum(low, end.min(ruin), slope)?, Interior)))
    }

    /// The leverage at which a trade that is not liquidated at `at`, or the fee of one that is,
    /// takes everything; infinite where there is none.
    fn ruin_beyond(&self, at: f64) -> f64 {
        let ruin = |outcome: &Outcome| {
            let (keep, slope) = self.linear(outcome, at);
            if keep <= 0.0 {
                return 0.0;
            }
            if slope < 0.0 { keep / -slope } else { f64::INFINITY }
        };
        self.outcomes.iter().map(ruin).fold(f64::INFINITY, f64::min)
    }

    /// Wealth after an outcome is `keep + x slope` around a leverage.
    fn linear(&self, outcome: &Outcome, at: f64) -> (f64, f64) {
        if at < outcome.liquidated_from {
            return (1.0, outcome.unit_return);
        }
        match self.backing {
            Backing::Cross => (0.0, 0.0),
            Backing::Isolated { leverage } => (1.0, -(1.0 / leverage + self.fee)),
            Backing::Posted { share } => (1.0 - share, -self.fee),
        }
    }

    /// The derivatives at `x`, with the trades liquidated that are so at `at`.
    fn slope_in(&self, at: f64, x: f64) -> (f64, f64) {
        let (mut first, mut second, mut weight) = (0.0, 0.0, 0.0);
        for outcome in self.outcomes.iter().filter(|outcome| outcome.weight > 0.0) {
            let (keep, slope) = self.linear(outcome, at);
            let ratio = slope / (keep + x * slope);
            first += outcome.weight * ratio;
            second -= outcome.weight * ratio * ratio;
            weight += outcome.weight;
        }
        (first / weight, second / weight)
    }
}

/// The sum of the weights.
fn check_trades(trades: &[TradeOutcome]) -> Result<f64, SizingError> {
    let bad = |name, index, value, rule| Err(SizingError::BadElement { name, index, value, rule });
    for (index, trade) in trades.iter().enumerate() {
        if !trade.unit_return.is_finite() {
            return bad("unit_return", index, trade.unit_return, "a finite number");
        }
        let excursion = trade.adverse_excursion;
        if !(excursion >= 0.0 && excursion.is_finite()) {
            return bad("adverse_excursion", index, excursion, "at least 0");
        }
        if trade.side > 0.0 && excursion > 1.0 {
            return bad("adverse_excursion", index, excursion, "at most 1 for a long");
        }
        if !(trade.weight >= 0.0 && trade.weight.is_finite()) {
            return bad("weight", index, trade.weight, "at least 0");
        }
    }
    let total: f64 = trades.iter().map(|trade| trade.weight).sum();
    if total <= 0.0 {
        return Err(SizingError::TooFewObservations { have: 0, need: 1 });
    }
    finite("sum of weights", total)
}
