#![allow(clippy::unwrap_used, clippy::float_cmp)]
use super::*;
use crate::formulas::composite;
use crate::limits::plan_at;
use crate::rule::{
    Atr, AtrMove, Before, FundingCutRule, LiquidationDistance, TailForecast, TailMeasure, TailMove,
    TailTarget,
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
        let window = Kelly { trades, half_life, min_trades, fraction: 1.0, ..rule.kelly.unwrap() };
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
