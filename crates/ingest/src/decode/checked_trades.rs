//! Trades on their way to bars: the rules for single trades, each under its policy, and what
//! their ids say.

use std::collections::BTreeMap;

use plimsoll_market::lake::Note;
use plimsoll_market::{Interval, Timestamp};

use super::Checked;
use super::findings::{Case, Findings, rule_note};
use super::rows::is_positive;
use super::trade_bars::{Trade, TradeBars};
use super::trade_ids::{Counted, Hole, Names, Seen};
use crate::error::{Problem, RowProblem};
use crate::policy::{Policies, Policy, Rule};

/// A venue that counts all trades may leave single ones out of its files. Longer than this such a
/// file is not silent by that alone.
const LEFT_OUT_MAX_MS: i64 = 60_000;

/// The id of a trade.
#[derive(Clone, Copy, Debug)]
pub(super) enum Id<'a> {
    /// One that is counted up by one a trade.
    Count(i64),
    /// Any other; an empty one is none.
    Name(&'a str),
}

/// Gathers trades, and those that break a rule apart from them.
pub(super) struct CheckedTrades {
    bars: TradeBars,
    period: Option<(Timestamp, Timestamp)>,
    /// What the file calls quantities.
    quantity_name: &'static str,
    n_trades: usize,
    counted: Option<Counted>,
    names: Names,
    /// Whether the venue leaves single trades out that it counts.
    leaves_out: bool,
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
        Ok(Self {
            bars,
            period,
            quantity_name,
            n_trades: 0,
            counted: None,
            names: Names::default(),
            leaves_out: false,
            broken: BTreeMap::new(),
        })
    }

    /// Says that ids are counted up by trades too which the venue leaves out of its files.
    pub(super) fn leaves_out(mut self) -> Self {
        self.leaves_out = true;
        self
    }

    /// Adds the trade of a row. `quote` is its amount of quote currency, where that is recorded.
    pub(super) fn push(&mut self, row: usize, trade: Trade, quote: Option<f64>, id: Id) {
        if let Some((rule, problem)) = self.known(trade, id).or_else(|| self.broken_by(trade)) {
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

    /// The rule that an id breaks which was there before.
    fn known(&mut self, trade: Trade, id: Id) -> Option<(Rule, Problem)> {
        let seen = match id {
            Id::Count(id) => self.counted.get_or_insert_default().see(id, trade),
            Id::Name(id) if self.names.is_repeated(id, trade) => Seen::Repeated,
            Id::Name(_) => Seen::New,
        };
        let id = || match id {
            Id::Count(id) => id.to_string(),
            Id::Name(id) => id.to_owned(),
        };
        let time = Timestamp(trade.time_ms);
        let (rule, what) = match seen {
            Seen::New => return None,
            Seen::Repeated => {
                (Rule::RepeatedRow, format!("trade {} of {time} stands there a second time", id()))
            }
            Seen::Differs => (
                Rule::RepeatedRowDiffers,
                format!("trade {} stands there a second time, at {time} and not the same", id()),
            ),
        };
        Some((rule, Problem::Broken { rule, what }))
    }

    /// Where trades are missing: holes, and single ones that the venue may have left out.
    fn holes(&self) -> (Vec<Hole>, Vec<Hole>) {
        let holes = self.counted.as_ref().map(Counted::holes).unwrap_or_default();
        let is_hole = |hole: &Hole| !self.leaves_out || hole.to_ms - hole.from_ms > LEFT_OUT_MAX_MS;
        holes.into_iter().partition(is_hole)
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
        if self.counted.as_ref().is_some_and(Counted::is_broken) {
            let reason = "the ids of its trades leave more than a million holes".to_owned();
            return Err(Problem::Damaged { reason }.into());
        }
        let (holes, single) = self.holes();
        let missing = missing_note(&holes);
        if let Some((case, problem)) = missing_note(&holes) {
            findings.mends_case(Rule::MissingTrades, case, || problem);
        }
        let mut left_out = Vec::new();
        let is_counted = self.counted.is_some();
        let repeated = self.broken.get(&Rule::RepeatedRow).map_or(0, |(case, _)| case.count);
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
        let bars = match policies.of(Rule::MissingTrades) {
            Policy::Repair if is_counted => bars.missing(&holes),
            _ => bars,
        };
        let mut checked = bars.finish(policies);
        if let (true, Some((_, problem))) = (checked.table.is_empty(), missing) {
            return Err(problem.into());
        }
        checked.last_may_be_forming = !complete || self.period.is_none();
        checked.duplicates += repeated;
        if let Some((case, problem)) = missing_note(&single) {
            checked.flags.push(rule_note(Rule::MissingTrades, false, case, &problem));
        }
        let is_silent = |note: &&Note| Rule::TradeSilence == note.name.as_str();
        if let (Policy::Refuse, Some(note)) =
            (policies.of(Rule::TradeSilence), checked.flags.iter().find(is_silent))
        {
            let (rule, what) = (Rule::TradeSilence, note.example.clone());
            return Err(Problem::Broken { rule, what }.into());
        }
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

/// How many trades are missing, and where first.
fn missing_note(holes: &[Hole]) -> Option<(Case, Problem)> {
    let first = holes.iter().min_by_key(|hole| hole.from_ms)?;
    let count = holes.iter().map(|hole| usize::try_from(hole.count).unwrap_or(usize::MAX));
    let count = count.fold(0, usize::saturating_add);
    let (from, to) = (Timestamp(first.from_ms), Timestamp(first.to_ms));
    let last_id = first.first_id + first.count - 1;
    let ids = match first.count {
        1 => format!("trade {last_id} is"),
        _ => format!("trades {} to {last_id} are", first.first_id),
    };
    let what = format!("{ids} missing between those of {from} and {to}");
    let rule = Rule::MissingTrades;
    let case = Case { count, row: None, time: Some(first.from_ms) };
    Some((case, Problem::Broken { rule, what }))
}
