//! From a rule and a decision to its limits, as far as they do not depend on the account.
//!
//! Estimates read a [`Past`], which shows closed trades and closed bars only.

use plimsoll_market::Side;

use crate::chain::PlannedSize;
use crate::estimate::{Edge, JointReturns, Payoff, Sample};
use crate::formulas::{Liquidated, OracleReading, SizingError, Stop};
use crate::limits::{Moment, plan_at};
use crate::past::{History, LimitInputs, Past};
use crate::rule::{
    JointKelly, Kelly, LiquidationCluster, MarginAllocation, OracleHealth, SizingRule, TailFigure,
    TradeWindow, VolatilityTarget,
};

/// The market's side of one decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecisionFacts {
    /// Symbol.
    pub symbol_idx: usize,
    /// Bar at whose close the decision is taken.
    pub bar: usize,
    /// Direction of the position that would be opened.
    pub side: Side,
    /// That close.
    pub price: f64,
    /// Stop price; `None`: the strategy has none.
    pub stop_price: Option<f64>,
    /// Fee and half spread of getting in and out, as a fraction of the notional.
    pub round_trip_cost_fraction: f64,
    /// The leverage that the exchange is told.
    pub account_leverage: f64,
}

/// Evaluates a rule's limits at one decision.
pub fn plan(
    rule: &SizingRule,
    facts: &DecisionFacts,
    inputs: &LimitInputs<'_>,
    history: &History<'_>,
) -> PlannedSize {
    let past = Past::new(inputs, history, facts.symbol_idx, facts.bar);
    plan_at(rule, &AtBar { facts, held_from: None, past })
}

/// As [`plan`], for a position that is held: the limits on risk take a unit to lose what lies
/// between `entry_price`, the open it was entered at, and the stop. On the way from the price of
/// the decision, a position would be the larger the nearer that is to the stop. What asks for a
/// distance from the price now, as `liquidation_distance` does, still gets that.
pub fn plan_held(
    rule: &SizingRule,
    facts: &DecisionFacts,
    entry_price: f64,
    inputs: &LimitInputs<'_>,
    history: &History<'_>,
) -> PlannedSize {
    let past = Past::new(inputs, history, facts.symbol_idx, facts.bar);
    plan_at(rule, &AtBar { facts, held_from: Some(entry_price), past })
}

/// The moment at which a bar closes.
struct AtBar<'a> {
    facts: &'a DecisionFacts,
    held_from: Option<f64>,
    past: Past<'a>,
}

impl Moment for AtBar<'_> {
    fn price(&self) -> Result<f64, SizingError> {
        Ok(self.facts.price)
    }

    fn side(&self) -> Result<Side, SizingError> {
        Ok(self.facts.side)
    }

    fn stop(&self) -> Result<Stop, SizingError> {
        Ok(Stop {
            entry_price: self.facts.price,
            stop_price: self.facts.stop_price,
            round_trip_cost_fraction: self.facts.round_trip_cost_fraction,
        })
    }

    fn held_from(&self) -> Option<f64> {
        self.held_from
    }

    fn account_leverage(&self) -> Result<f64, SizingError> {
        Ok(self.facts.account_leverage)
    }

    fn edge(&self, kelly: &Kelly) -> Result<Edge, SizingError> {
        Edge::at(kelly, &self.past)
    }

    fn trade_sample(&self, window: &TradeWindow, payoff: Payoff) -> Result<Sample, SizingError> {
        Sample::of_trades(window, payoff, &self.past)
    }

    fn joint_returns(&self, joint: &JointKelly) -> Result<JointReturns, SizingError> {
        JointReturns::at(joint, &self.past)
    }

    fn average_true_range(&self, bars: usize) -> Result<f64, SizingError> {
        self.past.average_true_range(bars)
    }

    fn annual_volatility(&self, target: &VolatilityTarget) -> Result<f64, SizingError> {
        self.past.annual_volatility(target)
    }

    fn tail_loss(&self, figure: TailFigure<'_>) -> Result<f64, SizingError> {
        self.past.tail_loss(figure, self.facts.side)
    }

    fn funding_rates_8h(&self, periods: usize) -> Result<Vec<f64>, SizingError> {
        self.past.funding_rates_8h(periods)
    }

    fn daily_traded_value(&self, days: usize) -> Result<f64, SizingError> {
        self.past.daily_traded_value(days)
    }

    fn bars_per_day(&self) -> Result<f64, SizingError> {
        Ok(self.past.bars_per_day())
    }

    fn liquidated(&self, cluster: &LiquidationCluster) -> Result<Liquidated, SizingError> {
        self.past.liquidated(cluster, self.facts.side)
    }

    fn oracle_reading(&self, health: &OracleHealth) -> Result<OracleReading, SizingError> {
        self.past.oracle_reading(health)
    }

    fn volatility_and_reference(
        &self,
        allocation: &MarginAllocation,
    ) -> Result<(f64, f64), SizingError> {
        self.past.volatility_and_reference(allocation)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use plimsoll_market::{Interval, Market, SizeFreeTrade, SymbolColumns, Timestamp, TradeExit};

    use super::*;
    use crate::rule::{
        Atr, Concentration, ConcentrationBasis, FundingCutRule, HeatCap, KellyBasis,
        KellyEstimator, LiquidationDistance,
    };

    fn market() -> Market {
        let flat = vec![100.0; 48];
        Market {
            venue: "binance-usdm".to_owned(),
            interval: Interval::HOUR,
            start: Timestamp::from_date(2024, 1, 1).unwrap(),
            n_bars: 48,
            symbols: vec![SymbolColumns {
                open: flat.clone(),
                high: vec![101.0; 48],
                low: vec![99.0; 48],
                close: flat,
                ..SymbolColumns::default()
            }],
        }
    }

    /// A trade that ends in a bar with so many R and such a return.
    fn trade(exit_bar: usize, r_multiple: f64, unit_return: f64) -> SizeFreeTrade {
        SizeFreeTrade {
            symbol_idx: 0,
            side: Side::Long,
            decision_bar: 0,
            entry_bar: 1,
            initial_stop_price: Some(95.0),
            exit_stop_price: Some(95.0),
            take_profit_price: None,
            exit_bar,
            exit: TradeExit::Signal,
            exit_decision_bar: Some(exit_bar - 1),
            unit_return,
            r_multiple: Some(r_multiple),
            adverse_excursion: 0.0,
        }
    }

    /// Six of ten win 1.5 R, four lose 1 R; at unit leverage 3 % and 2 %. All end by bar 20.
    fn ten_trades() -> Vec<SizeFreeTrade> {
        (0..10)
            .map(|i| if i % 5 < 3 { trade(11 + i, 1.5, 0.03) } else { trade(11 + i, -1.0, -0.02) })
            .collect()
    }

    fn facts(bar: usize, stop_price: Option<f64>) -> DecisionFacts {
        DecisionFacts {
            symbol_idx: 0,
            bar,
            side: Side::Long,
            price: 100.0,
            stop_price,
            round_trip_cost_fraction: 0.0,
            account_leverage: 10.0,
        }
    }

    fn kelly(estimator: KellyEstimator, basis: KellyBasis) -> SizingRule {
        let kelly = Kelly {
            basis: Some(basis),
            trades: Some(10),
            min_trades: Some(10),
            ..Kelly::new(0.25, estimator)
        };
        SizingRule { kelly: Some(kelly), ..SizingRule::default() }
    }

    fn plan_of(rule: &SizingRule, facts: &DecisionFacts, trades: &[SizeFreeTrade]) -> PlannedSize {
        let (market, returns) = (market(), vec![vec![0.0; 48]]);
        let inputs = LimitInputs::new(&market, std::slice::from_ref(rule));
        plan(rule, facts, &inputs, &History::new(trades, &returns))
    }

    fn only(plan: &PlannedSize) -> Result<f64, SizingError> {
        assert_eq!(plan.limits.len(), 1);
        plan.limits[0].value.clone()
    }

    #[test]
    fn kelly_on_trades_by_hand() {
        let trades = ten_trades();
        // f = 0.6 / 1 - 0.4 / 1.5 = 1/3 of equity at risk, a quarter of it over a stop of 5 %.
        let rule = kelly(KellyEstimator::Trades, KellyBasis::Risk);
        let leverage = only(&plan_of(&rule, &facts(20, Some(95.0)), &trades)).unwrap();
        assert!((leverage - 0.25 / 3.0 / 0.05).abs() < 1e-12, "{leverage}");
        // On notional: 0.6 / 0.02 - 0.4 / 0.03 = 16 2/3, no stop needed.
        let rule = kelly(KellyEstimator::Trades, KellyBasis::Margin);
        let leverage = only(&plan_of(&rule, &facts(20, None), &trades)).unwrap();
        assert!((leverage - 0.25 * (30.0 - 40.0 / 3.0)).abs() < 1e-12, "{leverage}");
        // The same sample by growth: 0.6 * 0.03 / (1 + 0.03 x) = 0.4 * 0.02 / (1 - 0.02 x).
        let rule = kelly(KellyEstimator::LogGrowth, KellyBasis::Growth);
        let leverage = only(&plan_of(&rule, &facts(20, None), &trades)).unwrap();
        assert!((leverage - 0.25 * 50.0 / 3.0).abs() < 1e-6, "{leverage}");
    }

    #[test]
    fn what_is_held_risks_the_way_from_its_entry() {
        // Entered at 104 with a stop at 95, now at 100: a unit risks 9, not 5. Quarter Kelly of 1/3.
        let rule = SizingRule {
            risk_cap: Some(0.018),
            risk_fraction: Some(0.009),
            heat: Some(HeatCap::Share(0.06)),
            liquidation_distance: Some(LiquidationDistance { atr: None, tail: None, stop: true }),
            ..kelly(KellyEstimator::Trades, KellyBasis::Risk)
        };
        let (market, returns, trades) = (market(), vec![vec![0.0; 48]], ten_trades());
        let inputs = LimitInputs::new(&market, std::slice::from_ref(&rule));
        let history = History::new(&trades, &returns);
        let held = plan_held(&rule, &facts(20, Some(95.0)), 104.0, &inputs, &history);
        let value = |name: &str| {
            held.limits.iter().find(|limit| limit.name == name).unwrap().value.clone().unwrap()
        };
        for (name, expected) in
            [("kelly", 0.25 / 3.0 / 0.09), ("risk_cap", 0.2), ("risk_fraction", 0.1)]
        {
            assert!((value(name) - expected).abs() < 1e-12, "{name}: {held:?}");
        }
        assert_eq!(held.caps.heat, Some((0.06, Ok(0.09))));
        // The stop is 5 away from here, and that is what a liquidation must not come before.
        assert_eq!(held.liquidation_distance, Some(Ok(0.05)));
        // Costs are a share of the notional now.
        let costly = DecisionFacts { round_trip_cost_fraction: 0.01, ..facts(20, Some(95.0)) };
        let held = plan_held(&rule, &costly, 104.0, &inputs, &history);
        let cap = held.limits.iter().find(|limit| limit.name == "risk_cap").unwrap();
        assert!((cap.value.clone().unwrap() - 0.18).abs() < 1e-12, "{held:?}");
        assert_eq!(held.caps.heat, Some((0.06, Ok(0.09))));
    }

    #[test]
    fn kelly_knows_closed_trades_only() {
        let mut trades = ten_trades();
        let rule = kelly(KellyEstimator::Trades, KellyBasis::Risk);
        let at = |bar, trades: &[SizeFreeTrade]| plan_of(&rule, &facts(bar, Some(95.0)), trades);
        let early = at(19, &trades);
        assert_eq!(only(&early), Err(SizingError::TooFewObservations { have: 9, need: 10 }));
        assert!(early.is_warming_up() && !at(20, &trades).is_warming_up());
        // What ends later, or never ended, changes nothing.
        let before = at(20, &trades);
        trades.push(trade(21, -100.0, -0.9));
        trades.push(SizeFreeTrade { exit: TradeExit::End, ..trade(15, -100.0, -0.9) });
        assert_eq!(at(20, &trades), before);
    }

    #[test]
    fn a_sample_without_losses_needs_a_word_from_the_rule() {
        let winners: Vec<SizeFreeTrade> = (0..10).map(|i| trade(11 + i, 1.0, 0.01)).collect();
        let mut rule = kelly(KellyEstimator::Trades, KellyBasis::Risk);
        let facts = facts(20, Some(95.0));
        assert_eq!(only(&plan_of(&rule, &facts, &winners)), Err(SizingError::NoLossObserved));
        rule.kelly.as_mut().unwrap().leverage_max = Some(8.0);
        assert_eq!(only(&plan_of(&rule, &facts, &winners)), Ok(2.0));
        // Losers only: no edge, no trade.
        let losers: Vec<SizeFreeTrade> = (0..10).map(|i| trade(11 + i, -1.0, -0.01)).collect();
        assert_eq!(only(&plan_of(&rule, &facts, &losers)), Ok(0.0));
    }

    #[test]
    fn each_limit_by_hand() {
        let none = SizingRule::default();
        for (rule, name, expected) in [
            // The range is 2 every bar: 1 % over 2 * 2 / 100.
            (
                SizingRule {
                    atr: Some(Atr { risk_fraction: 0.01, bars: 5, multiple: 2.0 }),
                    ..none.clone()
                },
                "atr",
                0.25,
            ),
            (SizingRule { risk_cap: Some(0.02), ..none.clone() }, "risk_cap", 0.4),
            (SizingRule { risk_fraction: Some(0.01), ..none.clone() }, "risk_fraction", 0.2),
            (SizingRule { notional_fraction: Some(1.5), ..none.clone() }, "notional_fraction", 1.5),
            (SizingRule { leverage_cap: Some(3.0), ..none.clone() }, "leverage_cap", 3.0),
            (
                SizingRule {
                    concentration: Some(Concentration {
                        share: 0.25,
                        of: ConcentrationBasis::Margin,
                    }),
                    ..none.clone()
                },
                "concentration",
                2.5,
            ),
        ] {
            let plan = plan_of(&rule, &facts(20, Some(95.0)), &[]);
            assert_eq!(plan.limits[0].name, name);
            assert!((only(&plan).unwrap() - expected).abs() < 1e-12, "{name}: {plan:?}");
        }
        let plan =
            plan_of(&SizingRule { notional: Some(5e4), ..none.clone() }, &facts(20, None), &[]);
        assert_eq!((plan.notional, plan.limits.len()), (Some(5e4), 0));
        // Without a stop the risk is undefined, and says so.
        let rule = SizingRule { risk_cap: Some(0.02), ..none.clone() };
        assert_eq!(only(&plan_of(&rule, &facts(20, None), &[])), Err(SizingError::NoStop));
        // Funding that is not known is no reason to trade at full size.
        let funding_cut = Some(FundingCutRule::new(0.0005, 0.5));
        let rule = SizingRule { funding_cut, leverage_cap: Some(1.0), ..none };
        assert!(plan_of(&rule, &facts(20, None), &[]).multipliers[0].value.is_err());
    }

    #[test]
    fn mean_over_variance_of_the_bars_so_far() {
        // Returns alternate between 3 % and -1 %: mean 0.01, sample variance 4 * 0.0004 / 3.
        let market = market();
        let mut returns = vec![(0..48).map(|i| if i % 2 == 0 { 0.03 } else { -0.01 }).collect()];
        let mut rule = kelly(KellyEstimator::MeanVariance, KellyBasis::Growth);
        let settings = rule.kelly.as_mut().unwrap();
        (settings.trades, settings.min_trades, settings.bars) = (None, None, Some(4));
        let inputs = LimitInputs::new(&market, &[]);
        let at = |bar, returns: &[Vec<f64>]| {
            only(&plan(&rule, &facts(bar, None), &inputs, &History::new(&[], returns)))
        };
        let expected = 0.25 * 0.01 / (4.0 * 0.0004 / 3.0);
        assert!((at(9, &returns).unwrap() - expected).abs() < 1e-9);
        assert!(at(2, &returns).is_err());
        returns[0][10] = -0.5;
        assert!((at(9, &returns).unwrap() - expected).abs() < 1e-9);
        assert_eq!(at(10, &returns), Ok(0.0));
        returns[0][8] = f64::NAN;
        assert_eq!(at(9, &returns), Err(SizingError::TooFewObservations { have: 3, need: 4 }));
    }
}
