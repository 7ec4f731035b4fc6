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
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use super::*;
    use crate::formulas::composite;
    use crate::limits::plan_at;
    use crate::rule::{
        Atr, AtrMove, Before, FundingCutRule, LiquidationDistance, TailForecast, TailMeasure,
        TailMove, TailTarget,
    };

    fn kelly(estimator: KellyEstimator, basis: KellyBasis) -> SizingRule {
        let kelly = Kelly { basis: Some(basis), trades: Some(100), ..Kelly::new(0.25, estimator) };
        SizingRule { kelly: Some(kelly), ..SizingRule::default() }
    }

    #[test]
    fn limits_of_a_moment_by_hand() {
        // A stop of 0.625 %: quarter Kelly of 55 % at 1.5 is 0.0625 / 0.00625 = 10, the cap of
        // 2 % is 3.2 and the average true range gives 0.01 * 100 / (2 * 0.5) = 1.
        let rule = SizingRule {
            risk_cap: Some(0.02),
            atr: Some(Atr { risk_fraction: 0.01, bars: 14, multiple: 2.0 }),
            funding_cut: Some(FundingCutRule::new(0.0005, 0.5)),
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
            let mut rule = kelly(estimator, basis);
            rule.kelly.as_mut().unwrap().min_trades = Some(5);
            assert_eq!(moment.missing(&rule), []);
            plan_at(&rule, &moment).limits[0].value.clone().unwrap()
        };
        // 0.6 / 0.02 - 0.4 / 0.03 = 16 2/3, by formula and as the root of the growth of the sample.
        let expected = 0.25 * 50.0 / 3.0;
        assert!((of(KellyEstimator::Trades, KellyBasis::Margin) - expected).abs() < 1e-12);
        assert!((of(KellyEstimator::LogGrowth, KellyBasis::Growth) - expected).abs() < 1e-6);
        assert!((of(KellyEstimator::MeanVariance, KellyBasis::Growth) - 0.125).abs() < 1e-12);
    }

    #[test]
    fn a_window_takes_its_part_of_the_returns() {
        let moment = GivenMoment {
            trade_returns: Some(vec![0.03, -0.02, 0.05, -0.02, 0.04, -0.01, 0.02, -0.02]),
            ..GivenMoment::default()
        };
        let rule = |trades, half_life, min_trades| {
            let mut rule = kelly(KellyEstimator::LogGrowth, KellyBasis::Growth);
            let window =
                Kelly { trades, half_life, min_trades, fraction: 1.0, ..rule.kelly.unwrap() };
            rule.kelly = Some(window);
            rule
        };
        let of = |rule: &SizingRule, moment: &GivenMoment| {
            assert_eq!(moment.missing(rule), []);
            plan_at(rule, moment).limits[0].value.clone()
        };
        // numpy and scipy.optimize.brentq on the derivative of the mean log growth.
        for (rule, expected) in [
            (rule(Some(8), None, None), 13.322),
            (rule(Some(4), None, None), 15.027),
            (rule(Some(100), None, Some(8)), 13.322),
            (rule(None, Some(1.0), Some(8)), 0.0),
        ] {
            let got = of(&rule, &moment).unwrap();
            assert!((got - expected).abs() < 5e-4, "{got}, not {expected}");
        }
        let too_few = |need| Err(SizingError::TooFewObservations { have: 8, need });
        assert_eq!(of(&rule(Some(9), None, None), &moment), too_few(9));
        assert_eq!(of(&rule(None, Some(3.0), Some(30)), &moment), too_few(30));
        // What holds before there is enough holds here too.
        let mut before = rule(Some(9), None, None);
        before.kelly.as_mut().unwrap().before = Before::Leverage(0.5);
        assert_eq!(of(&before, &moment), Ok(0.5));
        // How many bars ago each trade ended is not among the numbers.
        let mut by_bars = rule(None, None, Some(2));
        by_bars.kelly.as_mut().unwrap().bars = Some(500);
        assert_eq!(moment.missing(&by_bars), [Missing { limit: "kelly", name: "trade_ages" }]);
        let refused = plan_at(&by_bars, &moment).limits[0].value.clone();
        assert_eq!(refused, Err(SizingError::NotGiven { name: "trade_ages" }));
    }

    #[test]
    fn excursions_go_with_their_returns() {
        let mut moment = GivenMoment {
            trade_returns: Some(vec![-0.5, 0.06, -0.02, 0.06, -0.02]),
            adverse_excursions: Some(vec![0.9, 0.02, 0.02, 0.02, 0.02]),
            side: Some(Side::Long),
            ..GivenMoment::default()
        };
        let window = TradeWindow { trades: Some(4), half_life: Some(2.0), ..Default::default() };
        let sample = moment.trade_sample(&window, Payoff::UnitReturn).unwrap();
        assert_eq!(sample.values, [0.06, -0.02, 0.06, -0.02]);
        assert_eq!(sample.moves, [(0.02, 1.0); 4]);
        for (weight, age) in sample.weights.iter().zip([3.0, 2.0, 1.0, 0.0]) {
            assert!((weight - (-age / 2.0_f64).exp2()).abs() < 1e-15, "{weight}");
        }
        moment.adverse_excursions = Some(vec![0.02; 4]);
        let error = moment.trade_sample(&window, Payoff::UnitReturn).unwrap_err();
        let name = "adverse_excursions";
        assert_eq!(error, SizingError::LengthMismatch { name, have: 4, need: 5 });
    }

    #[test]
    fn observations_that_are_too_few_make_no_estimate() {
        let moment = |observations| GivenMoment {
            win_rate: Some(0.6),
            win: Some(0.03),
            loss: Some(0.02),
            mean: Some(0.01),
            variance: Some(0.02),
            observations: Some(observations),
            ..GivenMoment::default()
        };
        for estimator in [KellyEstimator::Trades, KellyEstimator::MeanVariance] {
            let mut rule = kelly(estimator, KellyBasis::Margin);
            rule.kelly.as_mut().unwrap().bars = Some(100);
            let of = |n| plan_at(&rule, &moment(n)).limits[0].value.clone();
            assert_eq!(of(99.0), Err(SizingError::TooFewObservations { have: 99, need: 100 }));
            assert!(of(100.0).unwrap() > 0.0);
        }
    }

    /// The calculator's bet and a study's sample of the same trades answer alike.
    #[test]
    fn a_bet_without_losses_is_no_estimate() {
        let moment = GivenMoment {
            win_rate: Some(1.0),
            win: Some(0.03),
            loss: Some(0.02),
            observations: Some(100.0),
            trade_returns: Some(vec![0.03; 100]),
            ..GivenMoment::default()
        };
        for (shrinkage, leverage_max, expected) in [
            (KellyShrinkage::None, None, Err("no_loss_observed")),
            (KellyShrinkage::None, Some(8.0), Ok(2.0)),
            (KellyShrinkage::BakerMchale, Some(8.0), Err("no_loss_observed")),
            (KellyShrinkage::BayesianLowerBound, Some(8.0), Err("no_loss_observed")),
            (KellyShrinkage::TStatistic, Some(8.0), Err("zero_volatility")),
        ] {
            let mut rule = kelly(KellyEstimator::Trades, KellyBasis::Margin);
            let asked = Kelly { leverage_max, shrinkage, ..rule.kelly.unwrap() };
            rule.kelly = Some(asked.clone());
            let bet = plan_at(&rule, &moment).limits[0].value.clone();
            assert_eq!(bet.as_ref().map(|x| *x).map_err(SizingError::reason), expected, "{rule:?}");
            // By the sample, as a replay has it.
            let sampled = AsSample(&moment);
            assert_eq!(plan_at(&rule, &sampled).limits[0].value, bet, "{rule:?}");
        }
    }

    /// A moment whose edge is always the sample.
    struct AsSample<'a>(&'a GivenMoment);

    impl Moment for AsSample<'_> {
        fn price(&self) -> Result<f64, SizingError> {
            self.0.price()
        }
        fn stop(&self) -> Result<Stop, SizingError> {
            self.0.stop()
        }
        fn account_leverage(&self) -> Result<f64, SizingError> {
            self.0.account_leverage()
        }
        fn edge(&self, kelly: &Kelly) -> Result<Edge, SizingError> {
            let window = kelly.trade_window();
            Ok(Edge::Sample(self.0.trade_sample(&window, Payoff::UnitReturn)?))
        }
        fn average_true_range(&self, bars: usize) -> Result<f64, SizingError> {
            self.0.average_true_range(bars)
        }
        fn annual_volatility(&self, target: &VolatilityTarget) -> Result<f64, SizingError> {
            self.0.annual_volatility(target)
        }
        fn funding_rates_8h(&self, periods: usize) -> Result<Vec<f64>, SizingError> {
            self.0.funding_rates_8h(periods)
        }
    }

    #[test]
    fn a_tail_and_a_distance_by_hand() {
        let forecast = TailForecast::default();
        let measure = TailMeasure::ExpectedShortfall;
        let tail = TailMove { measure, alpha: 0.01, forecast: forecast.clone() };
        let rule = SizingRule {
            tail_target: Some(TailTarget { measure, alpha: 0.01, budget: 0.02, forecast }),
            liquidation_distance: Some(LiquidationDistance {
                atr: Some(AtrMove { bars: 14, multiple: 3.0 }),
                tail: Some(tail),
                stop: true,
            }),
            ..SizingRule::default()
        };
        let mut moment = GivenMoment {
            price: Some(100.0),
            round_trip_cost_fraction: 0.002,
            ..GivenMoment::default()
        };
        let names: Vec<&str> = moment.missing(&rule).iter().map(|missing| missing.name).collect();
        assert_eq!(names, ["tail_loss", "average_true_range", "tail_loss", "stop_price"]);
        (moment.tail_loss, moment.average_true_range) = (Some(0.08), Some(3.0));
        moment.stop_price = Some(95.0);
        assert_eq!(moment.missing(&rule), []);
        let plan = plan_at(&rule, &moment);
        // 2 % over 8 %; of 9 % by the range, 8 % by the tail and 5 % to the stop the first.
        assert_eq!(plan.limits[0].value, Ok(0.25));
        assert!((plan.liquidation_distance.unwrap().unwrap() - 0.092).abs() < 1e-12);
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
