//! Trades on their way to bars: the rules for single trades, each under its policy.

use std::collections::BTreeMap;

use plimsoll_market::{Interval, Timestamp};

use super::Checked;
use super::findings::{Case, Findings, rule_note};
use super::rows::is_positive;
use super::trade_bars::{Trade, TradeBars};
use crate::error::{Problem, RowProblem};
use crate::policy::{Policies, Policy, Rule};

/// Gathers trades, and those that break a rule apart from them.
pub(super) struct CheckedTrades {
    bars: TradeBars,
    period: Option<(Timestamp, Timestamp)>,
    /// What the file calls quantities.
    quantity_name: &'static str,
    n_trades: usize,
    /// By rule broken: how often, and the first case.
    broken: BTreeMap<Rule, (Case, Problem)>,
}

impl CheckedTrades {
    /// Trades of a file that is named for a period, if it is.
    ///
    /// # Errors
    /// [`Problem::Unsupported`] where a bar would be cut in two by the end of the period.
    pub(super) fn new(
        interval: Interval,
        period: Option<(Timestamp, Timestamp)>,
        quantity_name: &'static str,
    ) -> Result<Self, Problem> {
        if let Some((from, to)) = period
            && !(interval.is_on_grid(from) && interval.is_on_grid(to))
        {
            let what = format!("{interval} bars from trades of {from} to {to}");
            return Err(Problem::Unsupported { what });
        }
        let bars = TradeBars::new(interval);
        Ok(Self { bars, period, quantity_name, n_trades: 0, broken: BTreeMap::new() })
    }

    /// Adds the trade of a row. `quote` is its amount of quote currency, where that is recorded.
    pub(super) fn push(&mut self, row: usize, trade: Trade, quote: Option<f64>) {
        if let Some((rule, problem)) = self.broken_by(trade) {
            let first = Case { count: 0, row: Some(row), time: Some(trade.time_ms) };
            self.broken.entry(rule).or_insert((first, problem)).0.count += 1;
            return;
        }
        self.n_trades += 1;
        match quote {
            Some(quote) => self.bars.push_with_quote(trade, quote),
            None => self.bars.push(trade),
        }
    }

    /// The rule that a trade breaks, if it breaks one.
    fn broken_by(&self, trade: Trade) -> Option<(Rule, Problem)> {
        let Trade { time_ms, price, quantity, trades, .. } = trade;
        let time = Timestamp(time_ms);
        let bad =
            |column, value| Problem::BadValue { column, value, rule: "is not a positive number" };
        if price.abs() <= 0.0 && quantity.abs() <= 0.0 {
            let what = format!("the trade of {time} has no price and no quantity");
            return Some((Rule::VoidTrade, Problem::Broken { rule: Rule::VoidTrade, what }));
        }
        if !(0..7_258_118_400_000).contains(&time_ms) {
            return Some((Rule::OutsidePeriod, Problem::TimeOutOfRange { time_ms }));
        }
        if let Some((from, to)) = self.period.filter(|&(from, to)| time < from || time >= to) {
            let what =
                format!("the trade of {time} is outside the file's period from {from} to {to}");
            return Some((
                Rule::OutsidePeriod,
                Problem::Broken { rule: Rule::OutsidePeriod, what },
            ));
        }
        if !is_positive(price) {
            Some((Rule::PriceNotPositive, bad("price", price)))
        } else if !is_positive(quantity) {
            Some((Rule::InvalidVolume, bad(self.quantity_name, quantity)))
        } else if trades < 1 {
            Some((Rule::InvalidVolume, bad("trades", trades as f64)))
        } else {
            None
        }
    }

    /// The bars. `complete` says that the archive holds its whole period, so that intervals after
    /// the last trade are quiet and the last bar was over.
    pub(super) fn finish(self, complete: bool, policies: &Policies) -> Result<Checked, RowProblem> {
        let mut findings = Findings::new(policies);
        if let (Some((count, time)), Policy::Refuse) =
            (self.bars.out_of_order(), policies.of(Rule::Unsorted))
        {
            let case = Case { count, row: None, time: Some(time) };
            findings.mends_case(Rule::Unsorted, case, || Problem::Broken {
                rule: Rule::Unsorted,
                what: format!("the trade of {} stands behind a later one", Timestamp(time)),
            });
        }
        let mut left_out = Vec::new();
        for (rule, (case, problem)) in self.broken {
            if rule == Rule::OutsidePeriod && policies.of(rule) == Policy::Flag {
                // A bar of some trades of another day would be wrong.
                left_out.push(rule_note(rule, true, case, &problem));
            } else {
                findings.mends_case(rule, case, || problem);
            }
        }
        findings.check()?;
        if self.n_trades == 0 {
            return Err(Problem::Empty.into());
        }
        let bars = match self.period {
            Some((_, end)) if complete => self.bars.until(end),
            _ => self.bars,
        };
        let mut checked = bars.finish(policies);
        checked.last_may_be_forming = !complete || self.period.is_none();
        let quote = checked.table.f64("quote_volume");
        if let Some(&value) = quote.iter().find(|&&value| value >= f64::MAX) {
            let rule = "is more than a number can be";
            return Err(Problem::BadValue { column: "quote_volume", value, rule }.into());
        }
        findings.finish(&mut checked)?;
        checked.repairs.append(&mut left_out);
        Ok(checked)
    }
}
