//! aggTrades and trades of the archive, made into candles.
//!
//! Futures files have a header in newer years and none in older ones, spot files never; spot rows
//! end in one more field, which says whether the trade was the best match. COIN-M files count
//! contracts: bars then have their dollars exactly, and base units by the price of each trade.
//! Aggregates leave out trades of the insurance fund and of auto-deleveraging, so the two kinds of
//! file can differ where there were such.
//!
//! Sources of the column names beside Binance's own README: headers of 2024 files as quoted in
//! public repositories (`id,price,qty,quote_qty,time,is_buyer_maker`; COIN-M has `base_qty`).

use std::collections::BTreeMap;

use plimsoll_market::{Interval, Kind, Timestamp};

use super::name::{self, What};
use super::{File, SPOT, contract_size, csv_evidence};
use crate::archive::Archive;
use crate::csv::{self, Rows, TimeUnit, Values, Want};
use crate::decode::findings::{Case, Findings, rule_note};
use crate::decode::rows::is_positive;
use crate::decode::trade_bars::{Trade, TradeBars};
use crate::decode::{Checked, Clues, Format, Parts};
use crate::error::{Problem, RowProblem};
use crate::options::{Options, SourceFormat};
use crate::policy::{Policies, Policy, Rule};

pub(super) const AGG_TRADES: Format = Format {
    name: "binance-agg-trades/1",
    source: SourceFormat::Binance,
    recognise: |clues| recognise(clues, &AGG_TRADE_COLUMNS, What::AggTrades),
    decode: |archive, options| decode(archive, options, &AGG_TRADE_COLUMNS, AGG_TRADES.name),
};

pub(super) const TRADES: Format = Format {
    name: "binance-trades/1",
    source: SourceFormat::Binance,
    recognise: |clues| recognise(clues, &TRADE_COLUMNS, What::Trades),
    decode: |archive, options| decode(archive, options, &TRADE_COLUMNS, TRADES.name),
};

/// A column by its names, the first of them ours, and what is read of it.
type Column = (&'static [&'static str], Want);

const AGG_TRADE_COLUMNS: [Column; 8] = [
    (&["agg_trade_id", "agg_tradeid"], Want::Skip),
    (&["price"], Want::Number),
    (&["quantity", "qty"], Want::Number),
    (&["first_trade_id", "first_tradeid"], Want::Number),
    (&["last_trade_id", "last_tradeid"], Want::Number),
    (&["transact_time", "timestamp", "time"], Want::Time),
    (&["is_buyer_maker", "isbuyermaker"], Want::Word),
    (&["is_best_match", "isbestmatch"], Want::Skip),
];

const TRADE_COLUMNS: [Column; 7] = [
    (&["id", "trade_id"], Want::Skip),
    (&["price"], Want::Number),
    (&["qty", "quantity"], Want::Number),
    (&["quote_qty", "base_qty", "quoteqty", "baseqty"], Want::Skip),
    (&["time", "timestamp"], Want::Time),
    (&["is_buyer_maker", "isbuyermaker"], Want::Word),
    (&["is_best_match", "isbestmatch"], Want::Skip),
];

/// Trades need the day or month that their file is named for: only then are the bars at its edges
/// known to be whole.
fn recognise(clues: &Clues, columns: &[Column], what: What) -> Option<Vec<String>> {
    let name = name::parse(&clues.stem).filter(|name| name.what == what)?;
    let widths = [columns.len() - 1, columns.len()];
    if clues.columns.is_empty() {
        let no_types = |found: &What| matches!(found, What::AggTrades | What::Trades);
        return csv_evidence(clues, no_types, &[], &widths);
    }
    let is_known = !clues.is_feather && layout(&clues.columns, columns).is_ok();
    is_known.then(|| {
        vec![
            format!("columns {}", clues.columns.join(", ")),
            format!("named as in Binance's archive: symbol {}", name.symbol),
        ]
    })
}

/// What is read of each column of a header.
fn layout(header: &[String], columns: &[Column]) -> Result<Vec<(String, Want)>, Problem> {
    let column_of =
        |name: &String| columns.iter().find(|(aliases, _)| aliases.contains(&name.as_str()));
    let layout: Vec<(String, Want)> = header
        .iter()
        .map(|name| match column_of(name) {
            Some((aliases, want)) => (aliases[0].to_owned(), *want),
            None => (name.clone(), Want::Skip),
        })
        .collect();
    let needed = columns.iter().filter(|(_, want)| *want != Want::Skip);
    for (aliases, _) in needed {
        if layout.iter().filter(|(name, _)| name == aliases[0]).count() != 1 {
            return Err(Problem::MissingColumn { column: aliases[0], have: header.join(", ") });
        }
    }
    Ok(layout)
}

fn decode(
    archive: &Archive,
    options: &Options,
    columns: &[Column],
    decoder: &'static str,
) -> Result<Parts, RowProblem> {
    let file = File::new(archive, options);
    let (Some(text), Some(period)) = (archive.head(), file.period()) else {
        let reason = "no CSV file named as in Binance's archive".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    };
    let symbol = file.symbol()?;
    let interval = options.interval.unwrap_or(Interval::MINUTE);
    if !interval.is_on_grid(period.0) || !interval.is_on_grid(period.1) {
        let what = format!("{interval} bars from trades of {} to {}", period.0, period.1);
        return Err(Problem::Unsupported { what }.into());
    }
    let header = csv::header(text);
    let layout = if let Some(header) = &header {
        layout(header, columns)?
    } else {
        let all = columns.iter().map(|(aliases, want)| (aliases[0].to_owned(), *want));
        all.take(csv::width(text)).collect()
    };
    let contract_size = file.is_coin_margined(&symbol).then(|| contract_size(&symbol));
    let mut gathering = Gathering::new(interval, contract_size, period);
    archive.read_blocks(header.is_some(), &layout, |before, rows| {
        gathering.take(before, rows, &layout)
    })?;
    let microseconds = gathering.time_unit == Some(TimeUnit::Microseconds);
    let complete = archive.zipped;
    let checked = gathering.finish(complete, &options.policies)?;
    let venue = match file.told_venue(&symbol) {
        Some(venue) => venue,
        // The archive writes only spot files in microseconds.
        None if microseconds => file.identity.venue_or(SPOT),
        None => file.venue(&symbol),
    };
    Ok(file.one(checked, decoder, (Kind::Candles, venue, symbol), Some(interval)))
}

/// Bars, and the trades that did not get into them.
struct Gathering {
    bars: TradeBars,
    contract_size: Option<f64>,
    period: (Timestamp, Timestamp),
    time_unit: Option<TimeUnit>,
    n_trades: usize,
    /// By rule broken: how often, and the first case.
    broken: BTreeMap<Rule, (Case, Problem)>,
}

impl Gathering {
    fn new(interval: Interval, contract_size: Option<f64>, period: (Timestamp, Timestamp)) -> Self {
        Self {
            bars: TradeBars::new(interval),
            contract_size,
            period,
            time_unit: None,
            n_trades: 0,
            broken: BTreeMap::new(),
        }
    }

    /// Adds the trades of one block of rows, before which there are others.
    fn take(
        &mut self,
        before: usize,
        mut rows: Rows,
        layout: &[(String, Want)],
    ) -> Result<(), RowProblem> {
        self.time_unit = self.time_unit.or(rows.time_unit);
        let at = |name: &str| layout.iter().position(|(column, _)| column == name);
        let mut column = |names: &[&str]| {
            let position = names.iter().find_map(|name| at(name));
            position.map(|position| std::mem::replace(&mut rows.columns[position], Values::Skipped))
        };
        let prices = numbers(column(&["price"]));
        let quantities = numbers(column(&["quantity", "qty"]));
        let first_ids = numbers(column(&["first_trade_id"]));
        let last_ids = numbers(column(&["last_trade_id"]));
        let Some(Values::Times(times)) = column(&["transact_time", "time"]) else {
            return Ok(());
        };
        let Some(Values::Words(makers)) = column(&["is_buyer_maker"]) else { return Ok(()) };
        for (row, &time_ms) in times.iter().enumerate() {
            let (price, quantity) = (prices[row], quantities[row]);
            let trades = match first_ids.get(row).zip(last_ids.get(row)) {
                Some((first, last)) => last - first + 1.0,
                None => 1.0,
            };
            if let Some((rule, problem)) = self.broken_by(time_ms, price, quantity, trades) {
                let first = Case { count: 0, row: Some(before + row), time: Some(time_ms) };
                self.broken.entry(rule).or_insert((first, problem)).0.count += 1;
                continue;
            }
            let taker_buys = !is_maker(&makers[row], before + row)?;
            let trades = trades as i64;
            self.n_trades += 1;
            if let Some(contract_size) = self.contract_size {
                let dollars = quantity * contract_size;
                let quantity = dollars / price;
                let trade = Trade { time_ms, price, quantity, taker_buys, trades };
                self.bars.push_with_quote(trade, dollars);
            } else {
                self.bars.push(Trade { time_ms, price, quantity, taker_buys, trades });
            }
        }
        Ok(())
    }

    /// The rule that a trade breaks, if it breaks one.
    fn broken_by(
        &self,
        time_ms: i64,
        price: f64,
        quantity: f64,
        trades: f64,
    ) -> Option<(Rule, Problem)> {
        let bad = |column, value, rule| Problem::BadValue { column, value, rule };
        let (from, to) = self.period;
        if price.abs() <= 0.0 && quantity.abs() <= 0.0 {
            let time = Timestamp(time_ms);
            let what = format!("the trade of {time} has no price and no quantity");
            Some((Rule::VoidTrade, Problem::Broken { rule: Rule::VoidTrade, what }))
        } else if time_ms < from.0 || time_ms >= to.0 {
            let time = Timestamp(time_ms);
            let what =
                format!("the trade of {time} is outside the file's period from {from} to {to}");
            Some((Rule::OutsidePeriod, Problem::Broken { rule: Rule::OutsidePeriod, what }))
        } else if !is_positive(price) {
            Some((Rule::PriceNotPositive, bad("price", price, "is not a positive number")))
        } else if !is_positive(quantity) {
            Some((Rule::InvalidVolume, bad("quantity", quantity, "is not a positive number")))
        } else if !(trades >= 1.0 && trades.fract().abs() <= 0.0) {
            Some((Rule::InvalidVolume, bad("last_trade_id", trades, "trades is no count")))
        } else {
            None
        }
    }

    fn finish(self, complete: bool, policies: &Policies) -> Result<Checked, RowProblem> {
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
        // A file that may have been cut off says nothing about what comes after its last trade.
        let bars = if complete { self.bars.until(self.period.1) } else { self.bars };
        let mut checked = bars.finish(policies);
        checked.last_may_be_forming = !complete;
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

fn numbers(values: Option<Values>) -> Vec<f64> {
    match values {
        Some(Values::Numbers(numbers)) => numbers,
        _ => Vec::new(),
    }
}

/// Whether the buyer was the maker, so that the taker sold. Spot files write `True`, others `true`.
fn is_maker(word: &str, row: usize) -> Result<bool, RowProblem> {
    match word {
        "true" | "True" | "TRUE" => Ok(true),
        "false" | "False" | "FALSE" => Ok(false),
        _ => {
            let expected = "true or false";
            let value = word.to_owned();
            let problem = Problem::BadWord { column: "is_buyer_maker", value, expected };
            Err(RowProblem::at(row, problem))
        }
    }
}
