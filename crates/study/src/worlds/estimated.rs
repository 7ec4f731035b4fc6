//! An estimated edge: rules see the trades so far and nothing else.
//!
//! Each world draws its own true edge, a history of trades, and a stretch of trades out of sample.
//! The history is given to the rules as closed size-free trades, in a market that has them in its
//! prices: a bar is a day, a trade is held over one bar, and its stop is always as far away. Each
//! rule's limits come from the same [`plan`] and [`decide`] as in a study, walked forward: they are
//! estimated anew every [`REVIEW_EVERY`] trades from what has closed by then, and the account then
//! takes what the trade brings. All rules, and the two lengths of history, meet the same trades out
//! of sample.
//!
//! One more row knows what no rule can: `true_kelly` holds the growth-optimal leverage of the
//! world's own distribution.

use plimsoll_market::{
    Interval as BarLength, Market, Side, SizeFreeTrade, SymbolColumns, Timestamp, TradeExit,
};
use plimsoll_sizing::formulas::{Limit, max_leverage_without_liquidation};
use plimsoll_sizing::{
    AccountState, DecisionFacts, History, LimitInputs, PlannedSize, SizingError, SizingRule,
    decide, plan,
};
use rayon::prelude::*;
use serde::Serialize;

use super::payoffs::{ACCOUNT_LEVERAGE, MAINTENANCE_MARGIN_RATE, STOP_DISTANCE, wealth_factor};
use super::tally::{Played, RuleTally};
use super::{Family, Growth, Payoffs, Stream, WorldsSettings, random};
use crate::parse::NamedRule;
use crate::run::Progress;

/// Trades of the history, each length a table of its own.
pub const HISTORIES: [usize; 2] = [50, 250];
/// Trades out of sample.
pub const TRADES_OUT: usize = 200;
/// A rule's limits are estimated anew every so many trades.
pub const REVIEW_EVERY: usize = 20;
/// Name of the row that knows the truth.
pub const ORACLE: &str = "true_kelly";

/// Longest history.
const HISTORY_MAX: usize = 250;

/// Every rule over the worlds of one family, with one length of history.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EstimatedEdge {
    /// Shape of the payoffs.
    pub family: Family,
    /// Trades of the history.
    pub history: usize,
    /// Trades out of sample.
    pub trades_out: usize,
    /// Worlds.
    pub worlds: usize,
    /// Worlds whose true expectancy is not above 0.
    pub worlds_without_edge: usize,
    /// True Kelly first, then the rules in their order.
    pub rules: Vec<RuleTally>,
}

/// All tables, by family and by length of history.
pub(crate) fn tables(
    settings: &WorldsSettings,
    rules: &[NamedRule],
    baseline_idx: usize,
    progress: &dyn Progress,
) -> Vec<EstimatedEdge> {
    let sizing: Vec<SizingRule> = rules.iter().map(|named| named.rule.clone()).collect();
    progress.begin("worlds", settings.worlds * Family::ALL.len());
    let mut tables = Vec::new();
    for family in Family::ALL {
        let worlds: Vec<WorldPlayed> = (0..settings.worlds)
            .into_par_iter()
            .map(|index| {
                let played = WorldPlayed::of(settings.seed, family, index, &sizing);
                progress.step();
                played
            })
            .collect();
        for (at, history) in HISTORIES.into_iter().enumerate() {
            tables.push(table(family, history, at, &worlds, rules, baseline_idx));
        }
    }
    tables
}

fn table(
    family: Family,
    history: usize,
    at: usize,
    worlds: &[WorldPlayed],
    rules: &[NamedRule],
    baseline_idx: usize,
) -> EstimatedEdge {
    let has_edge: Vec<bool> = worlds.iter().map(|world| world.has_edge).collect();
    let of_rule =
        |idx: usize| -> Vec<&Played> { worlds.iter().map(|w| &w.rules[at][idx]).collect() };
    let oracle: Vec<&Played> = worlds.iter().map(|world| &world.oracle).collect();
    let baseline = of_rule(baseline_idx);
    let mut tallies = vec![RuleTally::of(ORACLE, &oracle, Some(&baseline), &oracle, &has_edge)];
    for (idx, named) in rules.iter().enumerate() {
        let other = (idx != baseline_idx).then_some(baseline.as_slice());
        tallies.push(RuleTally::of(&named.name, &of_rule(idx), other, &oracle, &has_edge));
    }
    EstimatedEdge {
        family,
        history,
        trades_out: TRADES_OUT,
        worlds: worlds.len(),
        worlds_without_edge: has_edge.iter().filter(|has_edge| !**has_edge).count(),
        rules: tallies,
    }
}

/// What came of one world.
struct WorldPlayed {
    has_edge: bool,
    oracle: Played,
    /// By length of history, then by rule.
    rules: Vec<Vec<Played>>,
}

impl WorldPlayed {
    fn of(seed: u64, family: Family, index: usize, rules: &[SizingRule]) -> Self {
        let mut random = random(seed, Stream::Estimated(family), index);
        let payoffs = Payoffs::draw(family, &mut random);
        let r_multiples: Vec<f64> =
            (0..HISTORY_MAX + TRADES_OUT).map(|_| payoffs.draw_r_multiple(&mut random)).collect();
        let out = &r_multiples[HISTORY_MAX..];
        let true_kelly = payoffs.kelly_leverage();
        let of_history = |history| {
            let past = Laboratory::new(&r_multiples[HISTORY_MAX - history..]);
            let inputs = LimitInputs::new(&past.market, rules);
            rules.iter().map(|rule| past.play(rule, &inputs, history, &payoffs)).collect()
        };
        Self {
            has_edge: payoffs.expectancy() > 0.0,
            oracle: play(&payoffs, out, |_, _| (true_kelly, "no_edge")),
            rules: HISTORIES.into_iter().map(of_history).collect(),
        }
    }
}

/// A list of trades with the market that they are read from.
struct Laboratory {
    r_multiples: Vec<f64>,
    market: Market,
    trades: Vec<SizeFreeTrade>,
    unit_returns: Vec<Vec<f64>>,
}

impl Laboratory {
    /// Trade `i` is decided at the close of bar `i` and held over bar `i + 1`.
    fn new(r_multiples: &[f64]) -> Self {
        let mut close = vec![100.0];
        for r in r_multiples {
            close.push(close[close.len() - 1] * (1.0 + r * STOP_DISTANCE));
        }
        let mut open = vec![close[0]];
        open.extend_from_slice(&close[..close.len() - 1]);
        let pairs = || open.iter().zip(&close);
        let symbol = SymbolColumns {
            symbol: "WORLD".to_owned(),
            high: pairs().map(|(a, b)| a.max(*b)).collect(),
            low: pairs().map(|(a, b)| a.min(*b)).collect(),
            volume: vec![1.0; close.len()],
            quote_volume: close.clone(),
            open: open.clone(),
            close: close.clone(),
            ..SymbolColumns::default()
        };
        let trades = r_multiples
            .iter()
            .enumerate()
            .map(|(bar, &r)| size_free_trade(bar, close[bar], r))
            .collect();
        let mut unit_returns = vec![f64::NAN];
        unit_returns.extend(r_multiples.iter().map(|r| r * STOP_DISTANCE));
        Self {
            r_multiples: r_multiples.to_vec(),
            market: Market {
                venue: "worlds".to_owned(),
                interval: BarLength::DAY,
                start: Timestamp::from_date(2024, 1, 1).expect("a date"),
                n_bars: close.len(),
                symbols: vec![symbol],
            },
            trades,
            unit_returns: vec![unit_returns],
        }
    }

    /// A rule over the trades after the history.
    fn play(
        &self,
        rule: &SizingRule,
        inputs: &LimitInputs<'_>,
        history: usize,
        payoffs: &Payoffs,
    ) -> Played {
        let past = History::new(&self.trades, &self.unit_returns);
        let mut planned = PlannedSize::of_limits(Vec::new());
        play(payoffs, &self.r_multiples[history..], |index, account| {
            if index.is_multiple_of(REVIEW_EVERY) {
                planned = plan(rule, &self.facts(history + index), inputs, &past);
            }
            let decided = decide(&planned, &account.state());
            (decided.leverage, decided.reason)
        })
    }

    fn facts(&self, bar: usize) -> DecisionFacts {
        DecisionFacts {
            symbol_idx: 0,
            bar,
            side: Side::Long,
            price: self.market.symbols[0].close[bar],
            stop_price: self.trades[bar].initial_stop_price,
            round_trip_cost_fraction: 0.0,
            account_leverage: ACCOUNT_LEVERAGE,
        }
    }
}

/// The trade that is decided at the close of a bar and brings `r` R over the next.
fn size_free_trade(bar: usize, price: f64, r: f64) -> SizeFreeTrade {
    let stop_price = price * (1.0 - STOP_DISTANCE);
    SizeFreeTrade {
        symbol_idx: 0,
        side: Side::Long,
        decision_bar: bar,
        entry_bar: bar + 1,
        initial_stop_price: Some(stop_price),
        exit_stop_price: Some(stop_price),
        take_profit_price: None,
        exit_bar: bar + 1,
        exit: if r < 0.0 { TradeExit::Stop } else { TradeExit::Signal },
        exit_decision_bar: (r >= 0.0).then_some(bar),
        unit_return: r * STOP_DISTANCE,
        r_multiple: Some(r),
        adverse_excursion: (-r * STOP_DISTANCE).max(0.0),
    }
}

/// Wealth so far, the start being 1.
struct Account {
    wealth: f64,
    peak: f64,
}

/// Cross margin, nothing else held.
fn leverage_inside_liquidation(adverse_move: f64) -> Result<f64, SizingError> {
    let found = max_leverage_without_liquidation(-adverse_move, 1.0, MAINTENANCE_MARGIN_RATE)?;
    Ok(found.unwrap_or(f64::INFINITY))
}

impl Account {
    fn state(&self) -> AccountState<'static> {
        AccountState {
            equity: self.wealth,
            initial_equity: 1.0,
            peak_equity: self.peak,
            heat: Ok(0.0),
            exposure: 0.0,
            // Every trade here has a stop.
            unstopped_distance: Err(SizingError::NoStop),
            leverage_inside_liquidation: &leverage_inside_liquidation,
            venue: vec![Limit { name: "venue_leverage", value: Ok(ACCOUNT_LEVERAGE) }],
        }
    }
}

/// Trades one after the other, each at the leverage that `size` gives with a reason for none.
fn play(
    payoffs: &Payoffs,
    r_multiples: &[f64],
    mut size: impl FnMut(usize, &Account) -> (f64, &'static str),
) -> Played {
    let mut account = Account { wealth: 1.0, peak: 1.0 };
    let mut drawdown = 0.0_f64;
    let mut played = Played {
        growth: Growth::MinusInfinity,
        true_growth: Growth::MinusInfinity,
        drawdown: 1.0,
        leverage_sum: 0.0,
        traded: 0,
        trades: 0,
        reason: "",
    };
    let mut true_growth = Vec::with_capacity(r_multiples.len());
    for (index, &r_multiple) in r_multiples.iter().enumerate() {
        let (leverage, reason) = size(index, &account);
        played.trades += 1;
        played.leverage_sum += leverage;
        if leverage > 0.0 {
            played.traded += 1;
        } else if played.reason.is_empty() {
            played.reason = reason;
        }
        true_growth.push(payoffs.growth(leverage));
        let Some(factor) = wealth_factor(leverage, r_multiple) else {
            return played;
        };
        account.wealth *= factor;
        account.peak = account.peak.max(account.wealth);
        drawdown = drawdown.max(1.0 - account.wealth / account.peak);
    }
    played.growth = Growth::Finite(account.wealth.ln() / r_multiples.len() as f64);
    played.true_growth = Growth::mean(&true_growth);
    played.drawdown = drawdown;
    played
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use super::super::default_rules;
    use super::*;
    use crate::parse::parse_rule;
    use crate::run::Unwatched;

    fn rule(table: &str) -> SizingRule {
        parse_rule("table", table).unwrap().swap_remove(0).rule
    }

    /// Six of ten win 1.5 R: Kelly risks a third of equity.
    const TEN: [f64; 10] = [1.5, -1.0, 1.5, 1.5, -1.0, 1.5, -1.0, 1.5, -1.0, 1.5];

    #[test]
    fn a_rule_is_played_by_hand() {
        let payoffs = Payoffs::of(Family::Binary, 0.5, 1.5);
        let kelly =
            rule("kelly = { fraction = 0.25, estimator = 'trades', trades = 10, min_trades = 10 }");
        let trades: Vec<f64> = TEN.iter().chain(&[1.5, -1.0]).copied().collect();
        let laboratory = Laboratory::new(&trades);
        let inputs = LimitInputs::new(&laboratory.market, &[]);
        let played = laboratory.play(&kelly, &inputs, 10, &payoffs);
        // A quarter of a third at risk in both trades: the review is far off.
        let stake = 0.25_f64 / 3.0;
        let growth = ((1.0 + 1.5 * stake) * (1.0 - stake)).ln() / 2.0;
        assert!((played.growth.value() - growth).abs() < 1e-12, "{played:?}");
        assert!((played.leverage_sum - 2.0 * stake / STOP_DISTANCE).abs() < 1e-9);
        assert!((played.drawdown - stake).abs() < 1e-12);
        assert_eq!((played.trades, played.traded, played.reason), (2, 2, ""));
        let truth = payoffs.growth(stake / STOP_DISTANCE).value();
        assert!((played.true_growth.value() - truth).abs() < 1e-12);
    }

    #[test]
    fn what_lies_ahead_changes_no_size() {
        let payoffs = Payoffs::of(Family::Binary, 0.5, 1.5);
        let kelly =
            rule("kelly = { fraction = 0.25, estimator = 'trades', trades = 10, min_trades = 10 }");
        let first_leverage = |ahead: [f64; 3]| {
            let trades: Vec<f64> = TEN.iter().chain(&ahead).copied().collect();
            let laboratory = Laboratory::new(&trades);
            let inputs = LimitInputs::new(&laboratory.market, &[]);
            laboratory.play(&kelly, &inputs, 10, &payoffs).leverage_sum / 3.0
        };
        assert_eq!(first_leverage([1.5, 1.5, 1.5]), first_leverage([-1.0, -1.0, -1.0]));
        // At the next review it does count what has closed since.
        let trades: Vec<f64> =
            TEN.iter().copied().chain(std::iter::repeat_n(-1.0, REVIEW_EVERY + 1)).collect();
        let laboratory = Laboratory::new(&trades);
        let inputs = LimitInputs::new(&laboratory.market, &[]);
        let played = laboratory.play(&kelly, &inputs, 10, &payoffs);
        assert_eq!((played.traded, played.reason), (REVIEW_EVERY, "no_edge"));
    }

    #[test]
    fn a_liquidation_ends_a_world() {
        let payoffs = Payoffs::of(Family::FatTailed, 0.15, 1.5);
        let ten_times = rule("notional_fraction = 10.0");
        let laboratory = Laboratory::new(&[1.5, -8.0, 1.5]);
        let inputs = LimitInputs::new(&laboratory.market, &[]);
        let played = laboratory.play(&ten_times, &inputs, 0, &payoffs);
        assert_eq!(played.growth, Growth::MinusInfinity);
        assert_eq!((played.drawdown, played.trades), (1.0, 2));
        // The luckier path grew, and risked the same.
        let laboratory = Laboratory::new(&[1.5, -1.0, 1.5]);
        let inputs = LimitInputs::new(&laboratory.market, &[]);
        let played = laboratory.play(&ten_times, &inputs, 0, &payoffs);
        assert!(played.growth > Growth::Finite(0.0));
        assert_eq!(played.true_growth, Growth::MinusInfinity);
        // The venue lends no more than it does.
        let hundred = rule("notional_fraction = 100.0");
        let played = laboratory.play(&hundred, &inputs, 0, &payoffs);
        assert!((played.leverage_sum - 3.0 * ACCOUNT_LEVERAGE).abs() < 1e-9);
    }

    #[test]
    fn the_longest_history_is_the_longest() {
        assert_eq!(HISTORIES.iter().max(), Some(&HISTORY_MAX));
    }

    #[test]
    fn true_kelly_grows_fastest_and_more_history_helps() {
        let rules = default_rules();
        let settings = WorldsSettings { worlds: 40, seed: 21 };
        let tables = tables(&settings, &rules, 0, &Unwatched);
        assert_eq!(tables.len(), 4);
        for table in &tables {
            let oracle = &table.rules[0];
            assert_eq!((oracle.rule.as_str(), oracle.ruin_risked.of_worlds), (ORACLE, 0.0));
            assert_eq!(oracle.oracle_share, Some(1.0));
            for tally in &table.rules[1..] {
                // In every world by definition, so in the mean.
                assert!(tally.true_growth_mean <= oracle.true_growth_mean, "{tally:?}");
                assert_eq!(
                    tally.growth_mean == Growth::MinusInfinity,
                    tally.ruined.of_worlds > 0.0
                );
                assert!(tally.ruined.of_worlds <= tally.ruin_risked.of_worlds);
                assert!(tally.ruined.of_worlds <= tally.deep_drawdown.of_worlds);
            }
        }
        // Worlds without an edge, from the prior: 27 %.
        let share = tables[0].worlds_without_edge as f64 / 40.0;
        assert!((share - 0.274).abs() < 4.0 * (0.274 * 0.726 / 40.0_f64).sqrt(), "{share}");
        let named = |table: &EstimatedEdge, name: &str| {
            table.rules.iter().find(|tally| tally.rule == name).unwrap().clone()
        };
        let (short, long) = (&tables[0], &tables[1]);
        let growing = "quarter_kelly_growing";
        let growth = |table| named(table, growing).true_growth_mean.value();
        assert!(growth(long) > growth(short));
        // Half of Kelly is half the leverage, but where the venue lends no more.
        let leverage = |name| named(short, name).leverage_mean;
        let (full, half) = (leverage("full_kelly"), leverage("half_kelly"));
        assert!((full - 2.0 * half).abs() < 0.05 * full, "{full} {half}");
    }
}
