//! One moment's numbers given by hand, as a calculator has them.

use plimsoll_market::Side;

use crate::formulas::{BinaryBet, Drift, SizingError, Stop};
use crate::limits::{Edge, Moment};
use crate::rule::{
    ConcentrationBasis, Kelly, KellyBasis, KellyEstimator, SizingRule, TailFigure, VolatilityTarget,
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
    /// Returns of closed trades on their notional.
    pub trade_returns: Option<Vec<f64>>,
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
            match kelly.estimator {
                KellyEstimator::Trades => {
                    need("kelly", "win_rate", self.win_rate.is_some());
                    need("kelly", "win", self.win.is_some());
                    need("kelly", "loss", self.loss.is_some());
                    let is_risk = kelly.basis == KellyBasis::Risk;
                    need("kelly", "stop_price", !is_risk || self.stop_price.is_some());
                }
                KellyEstimator::MeanVariance => {
                    need("kelly", "mean", self.mean.is_some());
                    need("kelly", "variance", self.variance.is_some());
                }
                KellyEstimator::LogGrowth => {
                    need("kelly", "trade_returns", self.trade_returns.is_some());
                }
            }
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
        if rule.funding_cut.is_some() {
            need("funding_cut", "funding_rates_8h", self.funding_rates_8h.is_some());
        }
        if rule.liquidity.is_some() {
            need("liquidity", "daily_traded_value", self.daily_traded_value.is_some());
        }
        missing
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
        Ok(match kelly.estimator {
            KellyEstimator::Trades => Edge::Bet(BinaryBet {
                win_probability: given("win_rate", self.win_rate)?,
                win: given("win", self.win)?,
                loss: given("loss", self.loss)?,
            }),
            KellyEstimator::MeanVariance => Edge::Drift(Drift {
                mean: given("mean", self.mean)?,
                risk_free: 0.0,
                volatility: given("variance", self.variance)?.sqrt(),
            }),
            KellyEstimator::LogGrowth => {
                let returns = self.trade_returns.clone();
                Edge::Returns(returns.ok_or(SizingError::NotGiven { name: "trade_returns" })?)
            }
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
}

fn given(name: &'static str, value: Option<f64>) -> Result<f64, SizingError> {
    value.ok_or(SizingError::NotGiven { name })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use super::*;
    use crate::formulas::composite;
    use crate::limits::plan_at;
    use crate::rule::{Atr, Before, FundingCutRule};

    fn kelly(estimator: KellyEstimator, basis: KellyBasis) -> SizingRule {
        let kelly = Kelly {
            fraction: 0.25,
            estimator,
            basis,
            trades: Some(100),
            min_trades: None,
            bars: None,
            leverage_max: None,
            before: Before::NoTrade,
        };
        SizingRule { kelly: Some(kelly), ..SizingRule::default() }
    }

    #[test]
    fn limits_of_a_moment_by_hand() {
        // A stop of 0.625 %: quarter Kelly of 55 % at 1.5 is 0.0625 / 0.00625 = 10, the cap of
        // 2 % is 3.2 and the average true range gives 0.01 * 100 / (2 * 0.5) = 1.
        let rule = SizingRule {
            risk_cap: Some(0.02),
            atr: Some(Atr { risk_fraction: 0.01, bars: 14, multiple: 2.0 }),
            funding_cut: Some(FundingCutRule { above_8h: 0.0005, multiply: 0.5, periods: 3 }),
            ..kelly(KellyEstimator::Trades, KellyBasis::Risk)
        };
        let mut moment = GivenMoment {
            price: Some(100.0),
            stop_price: Some(99.375),
            win_rate: Some(0.55),
            win: Some(1.5),
            loss: Some(1.0),
            average_true_range: Some(0.5),
            funding_rates_8h: Some(vec![0.0006]),
            ..GivenMoment::default()
        };
        assert_eq!(moment.missing(&rule), []);
        let plan = plan_at(&rule, &moment);
        for (limit, expected) in plan.limits.iter().zip([10.0, 1.0, 3.2]) {
            assert!((limit.value.clone().unwrap() - expected).abs() < 1e-12, "{limit:?}");
        }
        assert_eq!(composite(&plan.limits).binding, Some(1));
        assert_eq!(plan.multipliers[0].value, Ok(0.5));
        // One of three settlements below the threshold, and size is not cut.
        moment.funding_rates_8h = Some(vec![0.0006, 0.0004, 0.0006]);
        assert_eq!(plan_at(&rule, &moment).multipliers[0].value, Ok(1.0));
    }

    #[test]
    fn other_estimators_by_hand() {
        let moment = GivenMoment {
            win_rate: Some(0.6),
            win: Some(0.03),
            loss: Some(0.02),
            mean: Some(0.01),
            variance: Some(0.02),
            trade_returns: Some(vec![0.03, 0.03, 0.03, -0.02, -0.02]),
            ..GivenMoment::default()
        };
        let of = |estimator, basis| {
            let rule = kelly(estimator, basis);
            assert_eq!(moment.missing(&rule), []);
            plan_at(&rule, &moment).limits[0].value.clone().unwrap()
        };
        // 0.6 / 0.02 - 0.4 / 0.03 = 16 2/3, by formula and as the root of the growth of the sample.
        let expected = 0.25 * 50.0 / 3.0;
        assert!((of(KellyEstimator::Trades, KellyBasis::Margin) - expected).abs() < 1e-12);
        assert!((of(KellyEstimator::LogGrowth, KellyBasis::Risk) - expected).abs() < 1e-6);
        assert!((of(KellyEstimator::MeanVariance, KellyBasis::Risk) - 0.125).abs() < 1e-12);
    }

    #[test]
    fn what_is_missing_is_named_and_never_dropped() {
        let rule = SizingRule {
            risk_cap: Some(0.02),
            leverage_cap: Some(3.0),
            ..kelly(KellyEstimator::Trades, KellyBasis::Risk)
        };
        let moment = GivenMoment { price: Some(100.0), ..GivenMoment::default() };
        let names: Vec<&str> = moment.missing(&rule).iter().map(|missing| missing.name).collect();
        assert_eq!(names, ["win_rate", "win", "loss", "stop_price", "stop_price"]);
        let chosen = composite(&plan_at(&rule, &moment).limits);
        assert_eq!((chosen.leverage, chosen.reason), (0.0, Some("not_given")));
    }
}
