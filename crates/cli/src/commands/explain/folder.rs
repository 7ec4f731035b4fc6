//! What a report's folder says about trades.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMillisecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use plimsoll_market::Timestamp;
use plimsoll_report::RECEIPT;
use serde_json::Value;

use crate::error::CliError;

const DECISIONS: &str = "decisions.parquet";

/// A report, with the rows of one trade.
pub(super) struct Report {
    pub(super) name: String,
    pub(super) currency: String,
    pub(super) data_label: Option<String>,
    /// Whether each position has a margin of its own, so that no other can use it up.
    pub(super) is_isolated: bool,
    pub(super) rules: Vec<Rule>,
    /// Every trade that any rule decided on, by its number.
    pub(super) trades: BTreeMap<i64, Head>,
    /// Decisions of the trade asked for, in order of rules and time.
    pub(super) decisions: Vec<Decision>,
    /// Positions of that trade.
    pub(super) positions: Vec<Position>,
}

/// A rule as the receipt states it.
pub(super) struct Rule {
    pub(super) name: String,
    /// The keys of its table.
    pub(super) sizing: Value,
    /// When its whole account could no longer carry any position.
    pub(super) ruined_at: Option<String>,
}

/// What all rules have in common at a trade.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Head {
    pub(super) symbol: String,
    pub(super) side: String,
    pub(super) time: Timestamp,
    pub(super) price: f64,
    pub(super) stop_price: Option<f64>,
    /// Rules that decided on it.
    pub(super) decided: usize,
    /// Rules under which it became a position.
    pub(super) filled: usize,
}

/// A row of `decisions.parquet`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decision {
    pub(super) rule: String,
    pub(super) is_resize: bool,
    pub(super) time: Timestamp,
    pub(super) equity: f64,
    pub(super) initial_equity: f64,
    pub(super) sizing_base: String,
    pub(super) price: f64,
    pub(super) limits: Vec<Named>,
    pub(super) binding_limit: String,
    pub(super) multipliers: Vec<Named>,
    pub(super) multiplier: f64,
    pub(super) leverage: f64,
    pub(super) held_quantity: f64,
    pub(super) quantity_raw: f64,
    pub(super) quantity: f64,
    pub(super) outcome: String,
    pub(super) reason: String,
    /// Bars after which the rule closes the position; only of an entry.
    pub(super) holding_bars_max: Option<i64>,
}

/// A limit or a gate with its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) reason: Option<String>,
}

/// A row of `trades.csv`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Position {
    pub(super) rule: String,
    pub(super) entry_time: String,
    pub(super) entry_price: f64,
    pub(super) exit_time: String,
    pub(super) exit_price: f64,
    pub(super) quantity: f64,
    pub(super) notional: f64,
    pub(super) leverage: f64,
    pub(super) liquidation_price: Option<f64>,
    pub(super) exit_reason: String,
    pub(super) pnl: f64,
    pub(super) funding: f64,
    pub(super) fees: f64,
    pub(super) slippage: f64,
    pub(super) return_on_equity: Option<f64>,
    pub(super) r_multiple: Option<f64>,
    pub(super) resizes: usize,
    /// The mark at which the venue first closed any of it; `None` where it did not.
    pub(super) liquidated_at_mark: Option<f64>,
}

/// Reads the folder; the rows are those of `trade`, of none without it.
pub(super) fn read(dir: &Path, trade: Option<i64>) -> Result<Report, CliError> {
    fs::metadata(dir).map_err(|source| CliError::Io { path: dir.to_owned(), source })?;
    for name in [RECEIPT, DECISIONS, "trades.csv"] {
        if !dir.join(name).is_file() {
            return Err(CliError::usage(
                format!("{} is not a report: it holds no {name}", dir.display()),
                "name the folder that `plimsoll study` wrote, such as reports/breakout",
            ));
        }
    }
    let mut report = receipt(&dir.join(RECEIPT))?;
    decisions(&dir.join(DECISIONS), trade, &mut report)?;
    if let Some(trade) = trade {
        report.positions = positions(&dir.join("trades.csv"), trade)?;
        if report.positions.iter().any(|position| position.exit_reason == "liquidation") {
            liquidation_marks(&dir.join("liquidations.csv"), trade, &mut report.positions)?;
        }
    }
    Ok(report)
}

fn receipt(file: &Path) -> Result<Report, CliError> {
    let text = fs::read_to_string(file)
        .map_err(|source| CliError::Io { path: file.to_owned(), source })?;
    let receipt: Value = serde_json::from_str(&text).map_err(|error| broken(file, error))?;
    let word = |key: &str| receipt[key].as_str().map(str::to_owned);
    let rules = receipt["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rules = rules.iter().map(|rule| Rule {
        name: rule["name"].as_str().unwrap_or_default().to_owned(),
        sizing: rule["sizing"].clone(),
        ruined_at: rule["accounts"][0]["ruined_at"].as_str().map(str::to_owned),
    });
    let rules: Vec<Rule> = rules.collect();
    if rules.is_empty() {
        return Err(broken(file, "it names no rule"));
    }
    Ok(Report {
        name: word("name").ok_or_else(|| broken(file, "it has no `name`"))?,
        currency: word("currency").ok_or_else(|| broken(file, "it has no `currency`"))?,
        data_label: word("data_label"),
        is_isolated: receipt["settings"]["margin"].as_str() == Some("isolated"),
        rules,
        trades: BTreeMap::new(),
        decisions: Vec::new(),
        positions: Vec::new(),
    })
}

fn decisions(file: &Path, trade: Option<i64>, report: &mut Report) -> Result<(), CliError> {
    let open = File::open(file).map_err(|source| CliError::Io { path: file.to_owned(), source })?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(open)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(|error| broken(file, error))?;
    for batch in reader {
        let batch = batch.map_err(|error| broken(file, error))?;
        let rows = Rows { file, batch: &batch };
        let of_trade = rows.column("trade")?.as_primitive_opt::<Int64Type>();
        let of_trade = of_trade.ok_or_else(|| rows.wrong("trade"))?;
        for row in 0..batch.num_rows() {
            let number = of_trade.value(row);
            let decision = rows.head(row, number, report)?;
            if Some(number) == trade {
                let decision = rows.decision(row, decision)?;
                report.decisions.push(decision);
            }
        }
    }
    Ok(())
}

/// A batch of `decisions.parquet`.
struct Rows<'a> {
    file: &'a Path,
    batch: &'a RecordBatch,
}

impl Rows<'_> {
    fn column(&self, name: &str) -> Result<&dyn Array, CliError> {
        let column = self.batch.column_by_name(name).map(AsRef::as_ref);
        column.ok_or_else(|| older(self.file, name))
    }

    fn wrong(&self, name: &str) -> CliError {
        broken(self.file, format!("the column `{name}` is of another type"))
    }

    fn optional(&self, name: &str, row: usize) -> Result<Option<f64>, CliError> {
        let column = self.column(name)?.as_primitive_opt::<Float64Type>();
        let column = column.ok_or_else(|| self.wrong(name))?;
        Ok(column.is_valid(row).then(|| column.value(row)))
    }

    fn number(&self, name: &str, row: usize) -> Result<f64, CliError> {
        self.optional(name, row)?.ok_or_else(|| broken(self.file, format!("`{name}` is empty")))
    }

    fn word(&self, name: &str, row: usize) -> Result<Option<&str>, CliError> {
        let column = self.column(name)?.as_string_opt::<i32>().ok_or_else(|| self.wrong(name))?;
        Ok(column.is_valid(row).then(|| column.value(row)))
    }

    fn text(&self, name: &str, row: usize) -> Result<String, CliError> {
        Ok(self.word(name, row)?.unwrap_or_default().to_owned())
    }

    /// Enters an entry decision among the trades; whether the row is a later one.
    fn head(&self, row: usize, number: i64, report: &mut Report) -> Result<bool, CliError> {
        let is_resize = self.word("kind", row)? == Some("resize");
        if is_resize {
            return Ok(true);
        }
        let known = report.trades.entry(number);
        let head = match known {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => new.insert(Head {
                symbol: self.text("symbol", row)?,
                side: self.text("side", row)?,
                time: self.time(row)?,
                price: self.number("price", row)?,
                stop_price: self.optional("stop_price", row)?,
                decided: 0,
                filled: 0,
            }),
        };
        head.decided += 1;
        head.filled += usize::from(self.word("outcome", row)? == Some("filled"));
        Ok(false)
    }

    fn time(&self, row: usize) -> Result<Timestamp, CliError> {
        let times = self.column("time")?.as_primitive_opt::<TimestampMillisecondType>();
        Ok(Timestamp(times.ok_or_else(|| self.wrong("time"))?.value(row)))
    }

    fn decision(&self, row: usize, is_resize: bool) -> Result<Decision, CliError> {
        Ok(Decision {
            rule: self.text("rule", row)?,
            is_resize,
            time: self.time(row)?,
            equity: self.number("equity", row)?,
            initial_equity: self.number("initial_equity", row)?,
            sizing_base: self.text("sizing_base", row)?,
            price: self.number("price", row)?,
            limits: self.named("limit_", row)?,
            binding_limit: self.text("binding_limit", row)?,
            multipliers: self.named("multiplier_", row)?,
            multiplier: self.number("multiplier", row)?,
            leverage: self.number("leverage", row)?,
            held_quantity: self.number("held_quantity", row)?,
            quantity_raw: self.number("quantity_raw", row)?,
            quantity: self.number("quantity", row)?,
            outcome: self.text("outcome", row)?,
            reason: self.text("reason", row)?,
            holding_bars_max: {
                let bars = self.column("holding_bars_max")?.as_primitive_opt::<Int64Type>();
                let bars = bars.ok_or_else(|| self.wrong("holding_bars_max"))?;
                bars.is_valid(row).then(|| bars.value(row))
            },
        })
    }

    /// Limits or gates that the row's rule has, in the order in which they act.
    fn named(&self, prefix: &str, row: usize) -> Result<Vec<Named>, CliError> {
        let mut found = Vec::new();
        for field in self.batch.schema_ref().fields() {
            let Some(name) = field.name().strip_prefix(prefix) else { continue };
            if name.ends_with("_reason") {
                continue;
            }
            if let Some(value) = self.optional(field.name(), row)? {
                let reason = self.word(&format!("{}_reason", field.name()), row)?;
                let reason = reason.map(str::to_owned);
                found.push(Named { name: name.to_owned(), value, reason });
            }
        }
        found.sort_by_key(|named| plimsoll_report::limits::position(&named.name));
        Ok(found)
    }
}

fn positions(file: &Path, trade: i64) -> Result<Vec<Position>, CliError> {
    let mut reader = csv::Reader::from_path(file).map_err(|error| broken(file, error))?;
    let heading = reader.headers().map_err(|error| broken(file, error))?.clone();
    let column = |name: &str| {
        heading.iter().position(|other| other == name).ok_or_else(|| older(file, name))
    };
    let (number, wanted) = (column("trade")?, trade.to_string());
    let mut positions = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| broken(file, error))?;
        if row.get(number) != Some(&wanted) {
            continue;
        }
        let text = |name: &str| Ok::<_, CliError>(row.get(column(name)?).unwrap_or_default());
        let optional = |name: &str| {
            let text = text(name)?;
            let value = text
                .parse()
                .map(Some)
                .map_err(|_| broken(file, format!("`{name}` is `{text}`, not a number")));
            if text.is_empty() { Ok(None) } else { value }
        };
        let need =
            |name: &str| optional(name)?.ok_or_else(|| broken(file, format!("`{name}` is empty")));
        positions.push(Position {
            rule: text("rule")?.to_owned(),
            entry_time: text("entry_time")?.to_owned(),
            entry_price: need("entry_price")?,
            exit_time: text("exit_time")?.to_owned(),
            exit_price: need("exit_price")?,
            quantity: need("quantity")?,
            notional: need("notional")?,
            leverage: need("leverage")?,
            liquidation_price: optional("liquidation_price")?,
            exit_reason: text("exit_reason")?.to_owned(),
            pnl: need("pnl")?,
            funding: need("funding")?,
            fees: need("fees")?,
            slippage: need("slippage")?,
            return_on_equity: optional("return_on_equity")?,
            r_multiple: optional("r_multiple")?,
            resizes: text("resizes")?.parse().unwrap_or_default(),
            liquidated_at_mark: None,
        });
    }
    Ok(positions)
}

/// Enters the mark of each position's first forced close.
fn liquidation_marks(file: &Path, trade: i64, positions: &mut [Position]) -> Result<(), CliError> {
    let mut reader = csv::Reader::from_path(file).map_err(|error| broken(file, error))?;
    let heading = reader.headers().map_err(|error| broken(file, error))?.clone();
    let column = |name: &str| {
        heading.iter().position(|other| other == name).ok_or_else(|| older(file, name))
    };
    let (rule, number, mark) = (column("rule")?, column("trade")?, column("mark_price")?);
    let wanted = trade.to_string();
    for row in reader.records() {
        let row = row.map_err(|error| broken(file, error))?;
        let of_row = |position: &&mut Position| row.get(rule) == Some(&position.rule);
        let Some(position) = positions.iter_mut().find(of_row) else { continue };
        if row.get(number) == Some(&wanted) && position.liquidated_at_mark.is_none() {
            let text = row.get(mark).unwrap_or_default();
            let found = text
                .parse()
                .map_err(|_| broken(file, format!("`mark_price` is `{text}`, not a number")))?;
            position.liquidated_at_mark = Some(found);
        }
    }
    Ok(())
}

fn older(file: &Path, column: &str) -> CliError {
    CliError::failed(
        format!("{} has no column `{column}`", file.display()),
        "the report is of an earlier version: run `plimsoll study` again",
    )
}

fn broken(file: &Path, error: impl std::fmt::Display) -> CliError {
    CliError::failed(
        format!("{} cannot be read: {error}", file.display()),
        "run `plimsoll study` again",
    )
}
