//! One moment's numbers given by hand, as a calculator has them.

use plimsoll_market::Side;

use crate::estimate::{Edge, Payoff, Sample, weights};
use crate::formulas::{BinaryBet, Drift, Liquidated, OracleReading, SizingError, Stop};
use crate::limits::Moment;
use crate::rule::{
    ConcentrationBasis, FundingSide, Kelly, KellyBasis, KellyEstimator, KellyMargin,
    KellyShrinkage, LiquidationCluster, MarginAllocation, OracleHealth, SizingRule, TailFigure,
    TradeWindow, VolatilityTarget,
};

/// The numbers of one moment; what a rule needs and is not here leaves its limit undefined.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GivenMoment {
    /// Price, quote per base.
    pub price: Option<f64>,
    /// Direction of the position.
    pub side: Option<Side>,
    /// Stop price.
    pub stop_price: Option<f64>,
    /// Fee and half spread of getting in and out, as a fraction of the notional.
    pub round_trip_cost_fraction: f64,
    /// The leverage that the exchange is told.
    pub account_leverage: Option<f64>,
    /// Share of winning trades, 0 to 1.
    pub win_rate: Option<f64>,
    /// Mean gain of the winners: in R, or on notional where the rule's basis is margin.
    pub win: Option<f64>,
    /// Mean loss of the losers in the same unit, positive.
    pub loss: Option<f64>,
    /// Mean return per period at unit leverage.
    pub mean: Option<f64>,
    /// Variance of that return, for the same period.
    pub variance: Option<f64>,
    /// Number of trades, or of periods, behind the win rate or the mean: what a shrinkage of Kelly
    /// reads. Fewer than the rule's window needs make no estimate.
    pub observations: Option<f64>,
    /// Returns of closed trades on their notional, the latest last: of these a rule's window takes
    /// its part.
    pub trade_returns: Option<Vec<f64>>,
    /// R multiples of closed trades, the latest last: net profit over initial stop risk.
    pub r_multiples: Option<Vec<f64>>,
    /// Largest adverse move of the mark during each of those trades, one for each, a fraction of the
    /// entry price.
    /// They are taken for moves against trades of `side`; without one against shorts, which are
    /// liquidated a little earlier than longs.
    pub adverse_excursions: Option<Vec<f64>>,
    /// Average true range in quote currency.
    pub average_true_range: Option<f64>,
    /// Annual volatility, 0.4 is 40 %.
    pub volatility: Option<f64>,
    /// Forecast loss of one unit of notional over a day on the side of the trade, positive.
    pub tail_loss: Option<f64>,
    /// Last published funding rates per 8 hours, oldest first; a single one stands for as many as
    /// the rule asks for.
    pub funding_rates_8h: Option<Vec<f64>>,
    /// Mean value traded in a day, quote currency.
    pub daily_traded_value: Option<f64>,
    /// Bars in a day, 24 of an hour.
    pub bars_per_day: Option<f64>,
    /// Notional liquidated as a multiple of what the rule holds it against.
    pub liquidation_ratio: Option<f64>,
    /// Mark price.
    pub mark_price: Option<f64>,
    /// Index price.
    pub index_price: Option<f64>,
    /// Median price of the reference venues; without it the venue is not compared with others.
    pub reference_price: Option<f64>,
    /// Volatility that margin is allocated by while it is not exceeded, annual.
    pub reference_volatility: Option<f64>,
}

/// A number that a limit of a rule needs and that was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The limit, by its key in the rule.
    pub limit: &'static str,
    /// The number, by its field in [`GivenMoment`].
    pub name: &'static str,
}

impl GivenMoment {
    /// Every number that the rule needs and that is not given, in the order of the limits.
    pub fn missing(&self, rule: &SizingRule) -> Vec<Missing> {
        let mut missing = Vec::new();
        let mut need = |limit, name, is_given: bool| {
            if !is_given {
                missing.push(Missing { limit, name });
            }
        };
        if let Some(kelly) = &rule.kelly {
            self.need_for_kelly(kelly, &mut need);
        }
        if let Some(kelly) = &rule.risk_constrained_kelly {
            let limit = "risk_constrained_kelly";
            need(limit, TRADE_AGES, kelly.trade_window().bars.is_none());
            if kelly.basis == KellyBasis::Risk {
                need(limit, "r_multiples", self.r_multiples.is_some());
                need(limit, "stop_price", self.stop_price.is_some());
            } else {
                need(limit, "trade_returns", self.trade_returns.is_some());
            }
        }
        if rule.joint_kelly.is_some() {
            // Days of several positions are not numbers of one moment.
            need("joint_kelly", "joint_returns", false);
        }
        if let Some(optimal) = &rule.optimal_f {
            need("optimal_f", TRADE_AGES, optimal.trade_window().bars.is_none());
            need("optimal_f", "trade_returns", self.trade_returns.is_some());
        }
        if rule.atr.is_some() {
            need("atr", "average_true_range", self.average_true_range.is_some());
        }
        if rule.risk_cap.is_some() {
            need("risk_cap", "stop_price", self.stop_price.is_some());
        }
        if rule.concentration.as_ref().is_some_and(|c| c.of == ConcentrationBasis::Margin) {
            need("concentration", "account_leverage", self.account_leverage.is_some());
        }
        if rule.margin_allocation.is_some() {
            need("margin_allocation", "account_leverage", self.account_leverage.is_some());
            need("margin_allocation", "volatility", self.volatility.is_some());
            let reference = self.reference_volatility.is_some();
            need("margin_allocation", "reference_volatility", reference);
        }
        if rule.volatility_target.is_some() {
            need("volatility_target", "volatility", self.volatility.is_some());
        }
        if rule.tail_target.is_some() {
            need("tail_target", "tail_loss", self.tail_loss.is_some());
        }
        if rule.risk_fraction.is_some() {
            need("risk_fraction", "stop_price", self.stop_price.is_some());
        }
        if let Some(distance) = &rule.liquidation_distance {
            let mut need = |name, is_given| need("liquidation_distance", name, is_given);
            let range = distance.atr.is_none() || self.average_true_range.is_some();
            need("average_true_range", range);
            need("tail_loss", distance.tail.is_none() || self.tail_loss.is_some());
            need("stop_price", !distance.stop || self.stop_price.is_some());
        }
        if let Some(cut) = &rule.funding_cut {
            need("funding_cut", "funding_rates_8h", self.funding_rates_8h.is_some());
            let is_crowded = cut.side == FundingSide::Crowded;
            need("funding_cut", "side", !is_crowded || self.side.is_some());
        }
        if rule.liquidation_cluster.is_some() {
            let ratio = self.liquidation_ratio.is_some();
            need("liquidation_cluster", "liquidation_ratio", ratio);
        }
        if rule.oracle_health.is_some() {
            // A reference will do for the index; the mark is compared with either.
            need("oracle_health", "mark_price", self.mark_price.is_some());
            let against = self.index_price.is_some() || self.reference_price.is_some();
            need("oracle_health", "index_price", against);
        }
        if rule.funding_budget.is_some() {
            need("funding_budget", "funding_rates_8h", self.funding_rates_8h.is_some());
            need("funding_budget", "side", self.side.is_some());
            need("funding_budget", "account_leverage", self.account_leverage.is_some());
            need("funding_budget", "bars_per_day", self.bars_per_day.is_some());
        }
        if rule.liquidity.is_some() {
            need("liquidity", "daily_traded_value", self.daily_traded_value.is_some());
        }
        missing
    }

    fn need_for_kelly(
        &self,
        kelly: &Kelly,
        need: &mut impl FnMut(&'static str, &'static str, bool),
    ) {
        let is_risk = kelly.basis() == KellyBasis::Risk;
        let is_resampled = kelly.shrinkage == KellyShrinkage::Bootstrap;
        let is_sample = match kelly.estimator {
            KellyEstimator::Trades => is_resampled,
            KellyEstimator::LogGrowth => true,
            KellyEstimator::MeanVariance => false,
        };
        need("kelly", TRADE_AGES, !is_sample || kelly.trade_window().bars.is_none());
        match kelly.estimator {
            KellyEstimator::Trades if is_resampled && is_risk => {
                need("kelly", "r_multiples", self.r_multiples.is_some());
            }
            KellyEstimator::Trades if is_resampled => {
                need("kelly", "trade_returns", self.trade_returns.is_some());
            }
            KellyEstimator::Trades => {
                need("kelly", "win_rate", self.win_rate.is_some());
                need("kelly", "win", self.win.is_some());
                need("kelly", "loss", self.loss.is_some());
            }
            KellyEstimator::MeanVariance if is_resampled => {
                // Returns of bars are not numbers of one moment.
                need("kelly", "bar_returns", false);
            }
            KellyEstimator::MeanVariance => {
                need("kelly", "mean", self.mean.is_some());
                need("kelly", "variance", self.variance.is_some());
            }
            KellyEstimator::LogGrowth => {
                need("kelly", "trade_returns", self.trade_returns.is_some());
            }
        }
        if kelly.estimator == KellyEstimator::Trades {
            need("kelly", "stop_price", !is_risk || self.stop_price.is_some());
        }
        if kelly.estimator != KellyEstimator::LogGrowth
            && !matches!(kelly.shrinkage, KellyShrinkage::None | KellyShrinkage::Bootstrap)
        {
            need("kelly", "observations", self.observations.is_some());
        }
        if let Some(liquidation) = &kelly.liquidation {
            need("kelly", "adverse_excursions", self.adverse_excursions.is_some());
            let by_leverage =
                liquidation.margin == KellyMargin::Isolated && liquidation.posted.is_none();
            need("kelly", "account_leverage", !by_leverage || self.account_leverage.is_some());
        }
    }
}

impl Moment for GivenMoment {
    fn price(&self) -> Result<f64, SizingError> {
        given("price", self.price)
    }

    fn side(&self) -> Result<Side, SizingError> {
        self.side.ok_or(SizingError::NotGiven { name: "side" })
    }

    fn stop(&self) -> Result<Stop, SizingError> {
        Ok(Stop {
            entry_price: self.price()?,
            stop_price: self.stop_price,
            round_trip_cost_fraction: self.round_trip_cost_fraction,
        })
    }

    fn account_leverage(&self) -> Result<f64, SizingError> {
        given("account_leverage", self.account_leverage)
    }

    fn edge(&self, kelly: &Kelly) -> Result<Edge, SizingError> {
        let payoff = match kelly.basis() {
            KellyBasis::Risk => Payoff::RMultiple,
            KellyBasis::Margin | KellyBasis::Growth => Payoff::UnitReturn,
        };
        let sample = || self.trade_sample(&kelly.trade_window(), payoff);
        let is_resampled = kelly.shrinkage == KellyShrinkage::Bootstrap;
        Ok(match kelly.estimator {
            KellyEstimator::Trades if !is_resampled => {
                let bet = BinaryBet {
                    win_probability: given("win_rate", self.win_rate)?,
                    win: given("win", self.win)?,
                    loss: given("loss", self.loss)?,
                };
                Edge::Bet(bet, self.enough(kelly.trade_window().need())?)
            }
            KellyEstimator::MeanVariance if is_resampled => {
                return Err(SizingError::NotGiven { name: "bar_returns" });
            }
            KellyEstimator::MeanVariance => {
                let drift = Drift {
                    mean: given("mean", self.mean)?,
                    risk_free: 0.0,
                    volatility: given("variance", self.variance)?.sqrt(),
                };
                Edge::Drift(drift, self.enough(kelly.bar_window().need())?)
            }
            KellyEstimator::Trades | KellyEstimator::LogGrowth => Edge::Sample(sample()?),
        })
    }

    fn trade_sample(&self, window: &TradeWindow, payoff: Payoff) -> Result<Sample, SizingError> {
        if window.bars.is_some() {
            return Err(SizingError::NotGiven { name: TRADE_AGES });
        }
        let (name, values) = match payoff {
            Payoff::RMultiple => ("r_multiples", &self.r_multiples),
            Payoff::UnitReturn => ("trade_returns", &self.trade_returns),
        };
        let values = values.as_deref().ok_or(SizingError::NotGiven { name })?;
        let excursions = self.adverse_excursions.as_deref();
        if let Some(excursions) = excursions.filter(|all| all.len() != values.len()) {
            let (have, need) = (excursions.len(), values.len());
            return Err(SizingError::LengthMismatch { name: "adverse_excursions", have, need });
        }
        let first = values.len().saturating_sub(window.trades.unwrap_or(usize::MAX));
        let values = values[first..].to_vec();
        let (have, need) = (values.len(), window.need());
        if have < need {
            return Err(SizingError::TooFewObservations { have, need });
        }
        let side = self.side.unwrap_or(Side::Short).sign();
        let moves = excursions.map_or(&[][..], |all| &all[first..]);
        let ages: Vec<usize> = (0..have).rev().collect();
        Ok(Sample {
            values,
            weights: weights(window.half_life, &ages),
            moves: moves.iter().map(|&excursion| (excursion, side)).collect(),
        })
    }

    fn average_true_range(&self, _bars: usize) -> Result<f64, SizingError> {
        given("average_true_range", self.average_true_range)
    }

    fn annual_volatility(&self, _target: &VolatilityTarget) -> Result<f64, SizingError> {
        given("volatility", self.volatility)
    }

    fn tail_loss(&self, _figure: TailFigure<'_>) -> Result<f64, SizingError> {
        given("tail_loss", self.tail_loss)
    }

    fn funding_rates_8h(&self, periods: usize) -> Result<Vec<f64>, SizingError> {
        match self.funding_rates_8h.as_deref() {
            None => Err(SizingError::NotGiven { name: "funding_rates_8h" }),
            Some(&[rate]) => Ok(vec![rate; periods]),
            Some(rates) => Ok(rates.to_vec()),
        }
    }

    fn daily_traded_value(&self, _days: usize) -> Result<f64, SizingError> {
        given("daily_traded_value", self.daily_traded_value)
    }

    fn bars_per_day(&self) -> Result<f64, SizingError> {
        given("bars_per_day", self.bars_per_day)
    }

    fn liquidated(&self, _cluster: &LiquidationCluster) -> Result<Liquidated, SizingError> {
        let notional = given("liquidation_ratio", self.liquidation_ratio)?;
        Ok(Liquidated { notional, against: 1.0 })
    }

    fn oracle_reading(&self, _health: &OracleHealth) -> Result<OracleReading, SizingError> {
        let mark = given("mark_price", self.mark_price)?;
        if self.index_price.is_none() && self.reference_price.is_none() {
            return Err(SizingError::NotGiven { name: "index_price" });
        }
        let venue = self.index_price.unwrap_or(mark);
        Ok(OracleReading {
            mark_and_index: self.index_price.map(|index| (mark, index)),
            venue_and_reference: self.reference_price.map(|reference| (venue, reference)),
            is_stale: false,
        })
    }

    fn volatility_and_reference(
        &self,
        _allocation: &MarginAllocation,
    ) -> Result<(f64, f64), SizingError> {
        let current = given("volatility", self.volatility)?;
        Ok((current, given("reference_volatility", self.reference_volatility)?))
    }
}

/// How many bars ago each trade ended, which a list of returns does not say.
const TRADE_AGES: &str = "trade_ages";

impl GivenMoment {
    /// The observations that are said to be behind an edge, unless they are too few.
    fn enough(&self, need: usize) -> Result<Option<f64>, SizingError> {
        match self.observations {
            Some(n) if n < need as f64 => {
                Err(SizingError::TooFewObservations { have: n.max(0.0) as usize, need })
            }
            n => Ok(n),
        }
    }
}

fn given(name: &'static str, value: Option<f64>) -> Result<f64, SizingError> {
    value.ok_or(SizingError::NotGiven { name })
}

#[cfg(test)]
mod tests;
