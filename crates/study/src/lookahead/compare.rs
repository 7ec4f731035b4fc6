//! Two runs up to a cut: what was known by then has to be the same in both.

use std::collections::BTreeMap;

use plimsoll_engine::{Decision, DecisionOutcome};
use plimsoll_market::{SignalColumns, SizeFreeTrade, TradeExit};
use plimsoll_sizing::PlannedSize;
use serde::Serialize;

use super::findings::{Comparable, Findings, Named, Subject};
use super::walk::{RuleWalk, Walk};

/// Up to where two runs saw the same data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Number of bars that both runs share.
    pub bar: usize,
    /// What the other run saw behind them.
    pub later: Later,
}

/// What became of the data behind a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Later {
    /// They are gone.
    Removed,
    /// They are others.
    Changed,
    /// They are others, and the first bar behind the cut is missing, has no volume, or opens far
    /// away, for every second symbol.
    Interrupted,
}

impl Later {
    /// The word used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Compares everything that two runs knew by a cut.
pub fn compare(whole: &Walk, other: &Walk, cut: Cut, findings: &mut Findings) {
    let mut comparison = Comparison { cut, findings };
    comparison.features(whole, other);
    comparison.signals(whole, other);
    let pairs = paired(&whole.trades, &other.trades);
    comparison.trades(whole, other, &pairs);
    let until = decided_until(whole, other, &pairs, cut);
    for (rule_idx, rules) in whole.rules.iter().zip(&other.rules).enumerate() {
        let named = RuleNamed { rule_idx, name: &rules.0.name };
        for &(one, two) in &pairs {
            let (Some(one), Some(two)) = (one, two) else { continue };
            if whole.trades[one].decision_bar < until {
                let plans = (&rules.0.plans[one], &rules.1.plans[two]);
                comparison.plan(named, &whole.trades[one], plans);
            }
        }
        comparison.decisions(named, rules, until);
    }
}

/// The bar before which decisions are compared.
///
/// Where the data are removed, a trade that they cut off is marked out at their end, which is no
/// leak but does show in the returns and the equity of that bar.
fn decided_until(whole: &Walk, other: &Walk, pairs: &[TradePair], cut: Cut) -> usize {
    let marked_out = pairs.iter().filter_map(|&(one, two)| {
        let trade = &other.trades[two?];
        let is_end_of_both = one.is_some_and(|one| {
            whole.trades[one].exit == TradeExit::End && whole.trades[one].exit_bar == trade.exit_bar
        });
        (trade.exit == TradeExit::End && !is_end_of_both).then_some(trade.exit_bar)
    });
    marked_out.fold(cut.bar, usize::min)
}

/// Places in the lists of two runs of what belongs together.
type TradePair = (Option<usize>, Option<usize>);

/// Trades of the same symbol that were decided at the same bar.
fn paired(whole: &[SizeFreeTrade], other: &[SizeFreeTrade]) -> Vec<TradePair> {
    let mut pairs: BTreeMap<(usize, usize), TradePair> = BTreeMap::new();
    for (index, trade) in whole.iter().enumerate() {
        pairs.entry((trade.decision_bar, trade.symbol_idx)).or_default().0 = Some(index);
    }
    for (index, trade) in other.iter().enumerate() {
        pairs.entry((trade.decision_bar, trade.symbol_idx)).or_default().1 = Some(index);
    }
    pairs.into_values().collect()
}

#[derive(Clone, Copy)]
struct RuleNamed<'a> {
    rule_idx: usize,
    name: &'a str,
}

/// Where a value stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    subject: Subject,
    rule: Option<RuleNamed<'a>>,
    symbol_idx: usize,
    bar: usize,
}

struct Comparison<'a> {
    cut: Cut,
    findings: &'a mut Findings,
}

impl Comparison<'_> {
    fn value<T: Comparable + ?Sized>(&mut self, at: Place<'_>, name: &str, value: &T, other: &T) {
        let named = || Named {
            subject: at.subject,
            rule: at.rule.map(|rule| (rule.rule_idx, rule.name.to_owned())),
            symbol_idx: at.symbol_idx,
            name: name.to_owned(),
        };
        self.findings.value(at.subject, self.cut, at.bar, (value, other), named);
    }

    fn column<T: Comparable>(&mut self, at: Place<'_>, name: &str, whole: &[T], other: &[T]) {
        // A column that only one of the runs has differs at every bar.
        if whole.is_empty() != other.is_empty() {
            let has = |column: &[T]| if column.is_empty() { "no column" } else { "a column" };
            self.value(at, name, has(whole), has(other));
        }
        for (bar, (value, other)) in whole.iter().zip(other).take(self.cut.bar).enumerate() {
            self.value(Place { bar, ..at }, name, value, other);
        }
    }

    fn features(&mut self, whole: &Walk, other: &Walk) {
        let names = |walk: &Walk| walk.features.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
        let (one, two) = (names(whole), names(other));
        let at = place(Subject::Feature, 0);
        self.names(at, "features", one.iter().map(String::as_str), two.iter().map(String::as_str));
        for (one, two) in whole.features.iter().zip(&other.features) {
            let at = place(Subject::Feature, one.symbol_idx);
            self.column(at, &one.name, &one.values, &two.values);
        }
    }

    fn signals(&mut self, whole: &Walk, other: &Walk) {
        for (symbol_idx, (one, two)) in whole.signals.iter().zip(&other.signals).enumerate() {
            let at = place(Subject::Signal, symbol_idx);
            for (bar, pair) in one.entry.iter().zip(&two.entry).take(self.cut.bar).enumerate() {
                let (value, other) = (entry_word(*pair.0), entry_word(*pair.1));
                self.value(Place { bar, ..at }, "entry", value, other);
            }
            self.column(at, "exit_long", &one.exit_long, &two.exit_long);
            self.column(at, "exit_short", &one.exit_short, &two.exit_short);
            for (name, column_of) in PRICES {
                self.column(at, name, column_of(one), column_of(two));
            }
        }
    }

    fn trades(&mut self, whole: &Walk, other: &Walk, pairs: &[TradePair]) {
        for &(one, two) in pairs {
            let (one, two) = (one.map(|i| &whole.trades[i]), two.map(|i| &other.trades[i]));
            let cut = self.cut.bar;
            let has_filled = |trade: &&SizeFreeTrade| trade.entry_bar < cut;
            let (one, two) = (one.filter(has_filled), two.filter(has_filled));
            let Some(trade) = one.or(two) else { continue };
            let at = Place { bar: trade.entry_bar, ..place(Subject::Trade, trade.symbol_idx) };
            let word = |trade: Option<&SizeFreeTrade>| {
                trade.map_or("no trade", |trade| trade.side.name()).to_owned()
            };
            self.value(at, "side", word(one).as_str(), word(two).as_str());
            if let (Some(one), Some(two)) = (one, two) {
                self.trade(at, one, two);
            }
        }
    }

    /// A trade whose entry has filled in both runs.
    fn trade(&mut self, at: Place<'_>, one: &SizeFreeTrade, two: &SizeFreeTrade) {
        let bar_of = |bar: usize| bar as f64;
        self.value(at, "entry_bar", &bar_of(one.entry_bar), &bar_of(two.entry_bar));
        self.value(at, "initial_stop_price", &one.initial_stop_price, &two.initial_stop_price);
        self.value(at, "take_profit_price", &one.take_profit_price, &two.take_profit_price);
        let cut = self.cut.bar;
        let decided = |trade: &SizeFreeTrade| trade.exit_decision_bar.filter(|bar| *bar < cut);
        let (left, other_left) = (decided(one), decided(two));
        if let Some(bar) = left.or(other_left) {
            let (left, other_left) = (left.map(bar_of), other_left.map(bar_of));
            self.value(Place { bar, ..at }, "exit_decision_bar", &left, &other_left);
        }
        let has_ended =
            |trade: &SizeFreeTrade| trade.exit != TradeExit::End && trade.exit_bar < self.cut.bar;
        if !has_ended(one) && !has_ended(two) {
            return;
        }
        let ended = if has_ended(one) { one } else { two };
        let at = Place { bar: ended.exit_bar.min(self.cut.bar - 1), ..at };
        self.value(at, "exit_bar", &bar_of(one.exit_bar), &bar_of(two.exit_bar));
        self.value(at, "exit", exit_word(one.exit), exit_word(two.exit));
        self.value(at, "exit_stop_price", &one.exit_stop_price, &two.exit_stop_price);
        self.value(at, "unit_return", &one.unit_return, &two.unit_return);
        self.value(at, "adverse_excursion", &one.adverse_excursion, &two.adverse_excursion);
        self.value(at, "r_multiple", &one.r_multiple, &two.r_multiple);
    }

    /// A rule's plan for one trade.
    fn plan(
        &mut self,
        rule: RuleNamed<'_>,
        trade: &SizeFreeTrade,
        (one, two): (&PlannedSize, &PlannedSize),
    ) {
        let at = Place {
            rule: Some(rule),
            bar: trade.decision_bar,
            ..place(Subject::Limit, trade.symbol_idx)
        };
        self.names(
            at,
            "limits",
            one.limits.iter().map(|l| l.name),
            two.limits.iter().map(|l| l.name),
        );
        for (limit, other) in one.limits.iter().zip(&two.limits) {
            self.value(at, limit.name, &limit.value, &other.value);
        }
        // What a rule does not plan is not counted.
        let mut number = |name: &str, one: Option<f64>, two: Option<f64>| {
            if one.is_some() || two.is_some() {
                self.value(at, name, &one, &two);
            }
        };
        number("notional", one.notional, two.notional);
        let bars = |plan: &PlannedSize| plan.holding_bars_max.map(|bars| bars as f64);
        number("holding_bars_max", bars(one), bars(two));
        let mut result = |name: &str, one: Option<&_>, two: Option<&_>| {
            if one.is_some() || two.is_some() {
                self.value(at, name, &one.cloned(), &two.cloned());
            }
        };
        let distances = (one.liquidation_distance.as_ref(), two.liquidation_distance.as_ref());
        result("liquidation_distance", distances.0, distances.1);
        result("liquidity", one.caps.liquidity.as_ref(), two.caps.liquidity.as_ref());
        let heat = |plan: &PlannedSize| plan.caps.heat.as_ref().map(|heat| heat.1.clone());
        result("heat", heat(one).as_ref(), heat(two).as_ref());
        // The rest follows from the rule alone; should that change, this sees it.
        let rest = |plan: &PlannedSize| {
            let caps = &plan.caps;
            let heat = caps.heat.as_ref().map(|heat| heat.0);
            format!(
                "{:?} {heat:?} {:?} {:?}",
                caps.drawdown_control, caps.exposure, caps.venue_share
            )
        };
        if one.caps != plimsoll_sizing::AccountCaps::default() {
            self.value(at, "caps", rest(one).as_str(), rest(two).as_str());
        }
        let at = Place { subject: Subject::Multiplier, ..at };
        let names =
            |plan: &PlannedSize| plan.multipliers.iter().map(|m| m.name).collect::<Vec<_>>();
        self.names(at, "multipliers", names(one).into_iter(), names(two).into_iter());
        for (multiplier, other) in one.multipliers.iter().zip(&two.multipliers) {
            self.value(at, multiplier.name, &multiplier.value, &other.value);
        }
    }

    /// Which limits or multipliers there are, where the runs disagree.
    fn names<'n>(
        &mut self,
        at: Place<'_>,
        name: &str,
        one: impl Iterator<Item = &'n str>,
        two: impl Iterator<Item = &'n str>,
    ) {
        let (one, two): (Vec<&str>, Vec<&str>) = (one.collect(), two.collect());
        if one != two {
            self.value(at, name, one.join(", ").as_str(), two.join(", ").as_str());
        }
    }

    /// The decisions of one rule's account before a bar.
    fn decisions(&mut self, rule: RuleNamed<'_>, rules: (&RuleWalk, &RuleWalk), until: usize) {
        let (whole, other) = (by_bar(&rules.0.decisions, until), by_bar(&rules.1.decisions, until));
        let mut keys: Vec<_> = whole.keys().chain(other.keys()).copied().collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let (bar, symbol_idx, _) = key;
            let at = Place { rule: Some(rule), bar, ..place(Subject::Decision, symbol_idx) };
            match (whole.get(&key), other.get(&key)) {
                (Some(one), Some(two)) => self.decision(at, one, two),
                // The order of the last close has no bar to fill in, or fills in another.
                _ if bar + 1 >= self.cut.bar => {}
                (one, _) => {
                    let word = |is_there| if is_there { "a decision" } else { "no decision" };
                    self.value(at, "decision", word(one.is_some()), word(one.is_none()));
                }
            }
        }
    }

    fn decision(&mut self, at: Place<'_>, one: &Decision, two: &Decision) {
        self.value(at, "kind", one.kind.name(), two.kind.name());
        self.value(at, "side", one.side.name(), two.side.name());
        self.value(at, "held_quantity", &one.held_quantity, &two.held_quantity);
        self.value(at, "equity", &one.equity, &two.equity);
        self.value(at, "price", &one.price, &two.price);
        self.value(at, "stop_price", &one.stop_price, &two.stop_price);
        let names =
            |decision: &Decision| decision.limits.iter().map(|l| l.name).collect::<Vec<_>>();
        self.names(at, "limits", names(one).into_iter(), names(two).into_iter());
        for (limit, other) in one.limits.iter().zip(&two.limits) {
            self.value(at, limit.name, &limit.leverage, &other.leverage);
            self.value(at, limit.name, limit.reason, other.reason);
        }
        for (factor, other) in one.multipliers.iter().zip(&two.multipliers) {
            self.value(at, factor.name, &factor.factor, &other.factor);
        }
        self.value(at, "binding_limit", one.binding_limit, two.binding_limit);
        self.value(at, "multiplier", &one.multiplier, &two.multiplier);
        self.value(at, "leverage", &one.leverage, &two.leverage);
        self.value(at, "quantity_raw", &one.quantity_raw, &two.quantity_raw);
        self.value(at, "quantity", &one.quantity, &two.quantity);
        // Whether a sent order fills is the next bar's to say.
        let is_settled = |decision: &Decision| decision.outcome == DecisionOutcome::NoSize;
        if is_settled(one) && is_settled(two) {
            self.value(at, "reason", one.reason, two.reason);
        }
    }
}

fn place(subject: Subject, symbol_idx: usize) -> Place<'static> {
    Place { subject, rule: None, symbol_idx, bar: 0 }
}

/// Decisions before a bar by bar, symbol, and number at that bar.
fn by_bar(decisions: &[Decision], until: usize) -> BTreeMap<(usize, usize, usize), &Decision> {
    let mut found = BTreeMap::new();
    for decision in decisions.iter().filter(|decision| decision.bar < until) {
        let mut key = (decision.bar, decision.symbol_idx, 0);
        while found.contains_key(&key) {
            key.2 += 1;
        }
        found.insert(key, decision);
    }
    found
}

type PriceColumn = fn(&SignalColumns) -> &Vec<f64>;

/// The price columns of a signal by name.
const PRICES: [(&str, PriceColumn); 6] = [
    ("stop_long", |columns| &columns.stop_long),
    ("stop_short", |columns| &columns.stop_short),
    ("trailing_stop_long", |columns| &columns.trailing_stop_long),
    ("trailing_stop_short", |columns| &columns.trailing_stop_short),
    ("take_profit_long", |columns| &columns.take_profit_long),
    ("take_profit_short", |columns| &columns.take_profit_short),
];

fn entry_word(entry: i8) -> &'static str {
    match entry {
        1 => "long",
        -1 => "short",
        _ => "no entry",
    }
}

fn exit_word(exit: TradeExit) -> &'static str {
    match exit {
        TradeExit::Signal => "signal",
        TradeExit::Stop => "stop",
        TradeExit::TakeProfit => "take_profit",
        TradeExit::End => "end of the data",
    }
}
