//! A sample of payoffs with the weight of each, read from the past.

use plimsoll_market::SizeFreeTrade;
use plimsoll_risk::moments::{Moments, mean};

use crate::formulas::{
    BinaryBet, Drift, LiquidationSample, LiquidationTerms, SizingError, TradeOutcome,
    WeightedReturns,
};
use crate::past::Past;
use crate::rule::{BarWindow, TradeWindow};

/// What a trade's payoff is reckoned in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payoff {
    /// Net profit over initial stop risk.
    RMultiple,
    /// Net return on notional.
    UnitReturn,
}

/// Payoffs and how much each of them counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The payoffs, the latest last.
    pub values: Vec<f64>,
    /// Weight of each, above 0 and 1 for the latest.
    pub weights: Vec<f64>,
    /// Largest adverse move during each trade and its side (1 or -1); empty where not known.
    pub moves: Vec<(f64, f64)>,
}

impl Sample {
    /// A sample in which every payoff counts alike.
    pub fn equal(values: Vec<f64>) -> Self {
        let weights = vec![1.0; values.len()];
        Self { values, weights, moves: Vec::new() }
    }

    /// The closed trades of a window, as they were known at the past's close.
    ///
    /// # Errors
    /// `TooFewObservations` where the window holds fewer than it needs, `NoStop` where R multiples
    /// are asked for and a trade had no stop.
    pub fn of_trades(
        window: &TradeWindow,
        payoff: Payoff,
        past: &Past<'_>,
    ) -> Result<Self, SizingError> {
        let trades = match window.bars {
            Some(bars) => past.trades_of_bars(bars),
            None => past.trades(usize::MAX),
        };
        let count = window.trades.unwrap_or(usize::MAX);
        let trades = &trades[trades.len().saturating_sub(count)..];
        let (have, need) = (trades.len(), window.need());
        if have < need {
            return Err(SizingError::TooFewObservations { have, need });
        }
        let value = |trade: &&SizeFreeTrade| match payoff {
            Payoff::RMultiple => trade.r_multiple.ok_or(SizingError::NoStop),
            Payoff::UnitReturn => Ok(trade.unit_return),
        };
        let ages = trades.iter().enumerate().map(|(i, trade)| match window.bars {
            Some(_) => past.bars_since(trade),
            None => have - 1 - i,
        });
        Ok(Self {
            values: trades.iter().map(value).collect::<Result<_, _>>()?,
            weights: weights(window.half_life, &ages.collect::<Vec<usize>>()),
            moves: trades.iter().map(|t| (t.adverse_excursion, t.side.sign())).collect(),
        })
    }

    /// The strategy's bar returns of a window.
    ///
    /// # Errors
    /// `TooFewObservations` where the window holds fewer than it needs.
    pub fn of_bars(window: &BarWindow, past: &Past<'_>) -> Result<Self, SizingError> {
        let (ages, values): (Vec<usize>, Vec<f64>) = past.unit_returns(window.reach()).unzip();
        let (have, need) = (values.len(), window.need());
        if have < need {
            return Err(SizingError::TooFewObservations { have, need });
        }
        Ok(Self { values, weights: weights(window.half_life, &ages), moves: Vec::new() })
    }

    /// The payoffs at these positions, each counting alike.
    #[must_use]
    pub fn at(&self, positions: &[usize]) -> Self {
        let moves = if self.moves.is_empty() {
            Vec::new()
        } else {
            positions.iter().map(|&i| self.moves[i]).collect()
        };
        Self { moves, ..Self::equal(positions.iter().map(|&i| self.values[i]).collect()) }
    }

    /// Values and weights as the formulas take them.
    pub fn weighted(&self) -> WeightedReturns<'_> {
        WeightedReturns { returns: &self.values, weights: &self.weights }
    }

    /// How many equally weighted observations tell as much, `(sum w)^2 / sum w^2` (Kish 1965).
    pub fn effective_observations(&self) -> f64 {
        let total: f64 = self.weights.iter().sum();
        total * total / self.weights.iter().map(|weight| weight * weight).sum::<f64>()
    }

    /// The bet that the sample amounts to: win rate, mean gain of the winners, mean loss of the
    /// losers (which is not assumed to be 1). `None` where nothing wins.
    ///
    /// # Errors
    /// `NoLossObserved` where nothing loses, `BadElement` for a payoff that is not finite.
    pub fn bet(&self) -> Result<Option<BinaryBet>, SizingError> {
        if let Some(index) = self.values.iter().position(|value| !value.is_finite()) {
            let value = self.values[index];
            let (name, rule) = ("payoffs", "a finite number");
            return Err(SizingError::BadElement { name, index, value, rule });
        }
        let of = |is_winner: bool| {
            let side = self.values.iter().zip(&self.weights);
            side.filter(move |(value, _)| (**value > 0.0) == is_winner)
        };
        let mean_of = |is_winner: bool| -> Result<f64, SizingError> {
            let weights: Vec<f64> = of(is_winner).map(|(_, weight)| *weight).collect();
            let sizes: Vec<f64> =
                of(is_winner).map(|(value, weight)| weight * value.abs()).collect();
            let beyond = |_| SizingError::NotFinite { name: "mean payoff", value: f64::INFINITY };
            Ok(mean(&sizes).map_err(beyond)? / mean(&weights).map_err(beyond)?)
        };
        if of(true).next().is_none() {
            return Ok(None);
        }
        if of(false).all(|(value, _)| *value >= 0.0) {
            return Err(SizingError::NoLossObserved);
        }
        let (win, loss) = (mean_of(true)?, mean_of(false)?);
        let won: f64 = of(true).map(|(_, weight)| weight).sum();
        let all: f64 = self.weights.iter().sum();
        Ok(Some(BinaryBet { win_probability: won / all, win, loss }))
    }

    /// Mean and standard deviation of the payoffs. The variance is the unbiased one for weights
    /// that say how far to trust an observation, `sum w d^2 / (1 - sum w^2)` with weights summing to
    /// 1; for equal weights that with the divisor n - 1.
    ///
    /// # Errors
    /// `TooFewObservations` for fewer than 2, `ZeroVolatility` for a constant, `BadElement` for a
    /// payoff that is not finite.
    pub fn drift(&self) -> Result<Drift, SizingError> {
        let have = self.values.len();
        if have < 2 {
            return Err(SizingError::TooFewObservations { have, need: 2 });
        }
        self.weighted().check()?;
        let constant = SizingError::ZeroVolatility { name: "payoffs" };
        let (mean, volatility) = if self.weights.iter().all(|w| (w - 1.0).abs() <= 0.0) {
            let moments = Moments::of(&self.values).map_err(|_| constant.clone())?;
            let volatility = moments.standard_deviation_sample().map_err(|_| constant.clone())?;
            (moments.mean, volatility)
        } else {
            let of = |function: &dyn Fn(f64) -> f64| self.weighted().mean(function);
            let mean = of(&|r| r);
            let unbiased = 1.0 - 1.0 / self.effective_observations();
            (mean, (of(&|r| (r - mean) * (r - mean)) / unbiased).sqrt())
        };
        if volatility.is_nan() || volatility <= 1e-15 * mean.abs() {
            return Err(constant);
        }
        Ok(Drift { mean, risk_free: 0.0, volatility })
    }

    /// The sample as trades that can be liquidated.
    ///
    /// # Errors
    /// `NotGiven` where the moves against the trades are not known; see [`LiquidationSample::new`].
    pub fn liquidated(&self, terms: &LiquidationTerms) -> Result<LiquidationSample, SizingError> {
        if self.moves.len() != self.values.len() {
            return Err(SizingError::NotGiven { name: "adverse_excursions" });
        }
        let trades: Vec<TradeOutcome> = self
            .values
            .iter()
            .zip(&self.weights)
            .zip(&self.moves)
            .map(|((&unit_return, &weight), &(adverse_excursion, side))| TradeOutcome {
                unit_return,
                adverse_excursion,
                side,
                weight,
            })
            .collect();
        LiquidationSample::new(&trades, terms)
    }
}

/// `2^(-age / half_life)` relative to the youngest; 1 for all without a half-life.
pub(crate) fn weights(half_life: Option<f64>, ages: &[usize]) -> Vec<f64> {
    let youngest = ages.iter().copied().min().unwrap_or(0);
    let weight = |age: &usize| match half_life {
        Some(half_life) => (-((age - youngest) as f64) / half_life).exp2(),
        None => 1.0,
    };
    ages.iter().map(weight).collect()
}
