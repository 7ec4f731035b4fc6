//! Reading the dated tables: CSV rows with a `from` date, a status and a source.
//!
//! The project's own tables and a user's have the same columns and pass the same checks. Which
//! kind a file is follows from its header.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_market::Timestamp;

use crate::error::{TableKind, VenueError};
use crate::funding::FundingRule;
use crate::ladder::{Bracket, Ladder};
use crate::lot::PriceGrid;

mod funding_rows;

use funding_rows::{FUNDING_COLUMNS, parse_funding};

const BRACKET_COLUMNS: &[&str] = &[
    "venue",
    "symbol",
    "from",
    "tier",
    "notional_floor",
    "notional_cap",
    "maintenance_margin_rate",
    "leverage_max",
    "maintenance_deduction",
    "status",
    "source",
];
const INSTRUMENT_COLUMNS: &[&str] = &[
    "venue",
    "symbol",
    "from",
    "tick_size",
    "price_significant_figures",
    "price_decimals_max",
    "quantity_step",
    "minimum_quantity",
    "minimum_notional",
    "liquidation_fee_fraction",
    "funding_interval_minutes",
    "funding_cap_fraction",
    "status",
    "unverified",
    "source",
];
const FEE_COLUMNS: &[&str] =
    &["venue", "from", "tier", "maker_fee_fraction", "taker_fee_fraction", "status", "source"];
/// How well a figure is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// An official page, notice or answer of the venue's interface.
    Official,
    /// An answer of the venue's interface, kept in a public place.
    Capture,
    /// A third party's word.
    ThirdParty,
    /// Assumed; a replay that uses it says so.
    Unverified,
    /// A row of the user's own table.
    User,
}

impl Status {
    /// The word used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Official => "official",
            Self::Capture => "capture",
            Self::ThirdParty => "third_party",
            Self::Unverified => "unverified",
            Self::User => "user",
        }
    }
}

/// A ladder and the date from which it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct DatedLadder {
    /// First instant at which the table shows the ladder.
    pub from: Timestamp,
    /// The brackets.
    pub ladder: Ladder,
    /// How well they are known.
    pub status: Status,
    /// Where they are from.
    pub source: String,
}

/// Order filters, liquidation fee and funding defaults of one instrument.
#[derive(Clone, Debug, PartialEq)]
pub struct Instrument {
    /// Symbol in the venue's spelling.
    pub symbol: String,
    /// First instant at which the figures are taken to hold.
    pub from: Timestamp,
    /// The prices that orders may have.
    pub price_grid: PriceGrid,
    /// Lot in base units.
    pub quantity_step: f64,
    /// Smallest order in base units.
    pub minimum_quantity: f64,
    /// Smallest order in the settlement currency.
    pub minimum_notional: f64,
    /// Fee on liquidated notional, a fraction.
    pub liquidation_fee_fraction: f64,
    /// Usual funding interval. Recorded settlements carry their own.
    pub funding_interval_minutes: u32,
    /// Cap of the funding rate of one interval as last seen, a fraction; for simulation, never
    /// for clipping recorded rates.
    pub funding_cap_fraction: Option<f64>,
    /// How well the figures are known.
    pub status: Status,
    /// Columns whose figure is assumed.
    pub unverified: Vec<String>,
    /// Where the figures are from.
    pub source: String,
}

/// Trading fees of a regular user from one date on, fractions of the notional.
#[derive(Clone, Debug, PartialEq)]
pub struct Fees {
    /// First instant at which they hold.
    pub from: Timestamp,
    /// The venue's name of the fee tier.
    pub tier: String,
    /// Fee of an order that rests in the book; negative is a rebate.
    pub maker_fee_fraction: f64,
    /// Fee of an order that takes from the book.
    pub taker_fee_fraction: f64,
    /// How well they are known.
    pub status: Status,
    /// Where they are from.
    pub source: String,
}

/// The rows of one file, checked.
#[derive(Debug)]
pub(crate) enum Rows {
    Brackets(Vec<(String, String, DatedLadder)>),
    Instruments(Vec<(String, Instrument)>),
    Fees(Vec<(String, Fees)>),
    Funding(Vec<(String, FundingRule)>),
}

/// Reads and checks a table; `venues` are the names that rows may have.
pub(crate) fn parse_table(file: &str, text: &str, venues: &[String]) -> Result<Rows, VenueError> {
    let rows = read_rows(file, text)?;
    let kind = kind_of(&rows)?;
    if kind != TableKind::Brackets {
        check_unique(&rows)?;
    }
    match kind {
        TableKind::Brackets => parse_ladders(&rows, venues).map(Rows::Brackets),
        TableKind::Instruments => rows
            .cells
            .iter()
            .map(|row| Ok((row.venue(venues)?, parse_instrument(row)?)))
            .collect::<Result<_, _>>()
            .map(Rows::Instruments),
        TableKind::Fees => rows
            .cells
            .iter()
            .map(|row| Ok((row.venue(venues)?, parse_fees(row)?)))
            .collect::<Result<_, _>>()
            .map(Rows::Fees),
        TableKind::Funding => rows
            .cells
            .iter()
            .map(|row| Ok((row.venue(venues)?, parse_funding(row)?)))
            .collect::<Result<_, _>>()
            .map(Rows::Funding),
    }
}

/// Refuses a second row for the same venue, symbol and date: one of both would be lost.
fn check_unique(table: &Table<'_>) -> Result<(), VenueError> {
    let mut seen = BTreeSet::new();
    for row in &table.cells {
        if !seen.insert((normalise_venue(row.text("venue")), row.text("symbol"), row.time("from")?))
        {
            return Err(row.bad("from", "given once in a file"));
        }
    }
    Ok(())
}

fn parse_ladders(
    table: &Table<'_>,
    venues: &[String],
) -> Result<Vec<(String, String, DatedLadder)>, VenueError> {
    // Rows of one ladder need not be adjacent, but must be in order of their tiers.
    let mut groups: BTreeMap<(String, String, Timestamp), Vec<&Row<'_>>> = BTreeMap::new();
    for row in &table.cells {
        let key = (row.venue(venues)?, row.required("symbol")?.to_owned(), row.time("from")?);
        groups.entry(key).or_default().push(row);
    }
    let mut ladders = Vec::with_capacity(groups.len());
    for ((venue, symbol, from), rows) in groups {
        let mut brackets = Vec::with_capacity(rows.len());
        for row in &rows {
            brackets.push(Bracket {
                tier: row.count("tier")?,
                floor: row.number("notional_floor")?,
                cap: row.optional_number("notional_cap")?.unwrap_or(f64::INFINITY),
                maintenance_margin_rate: row.number("maintenance_margin_rate")?,
                leverage_max: row.number("leverage_max")?,
                maintenance_deduction: row.number("maintenance_deduction")?,
            });
        }
        let ladder = Ladder::new(brackets).map_err(|error| match error {
            VenueError::BadBracket { bracket_idx, column, rule, .. } => {
                let column = match column {
                    "floor" => "notional_floor",
                    "cap" => "notional_cap",
                    other => other,
                };
                rows[bracket_idx].bad(column, rule)
            }
            other => other,
        })?;
        let (status, source) = (rows[0].status()?, rows[0].text("source").to_owned());
        ladders.push((venue, symbol, DatedLadder { from, ladder, status, source }));
    }
    Ok(ladders)
}

fn parse_instrument(row: &Row<'_>) -> Result<Instrument, VenueError> {
    let price_grid = match row.optional_number("tick_size")? {
        Some(tick) if tick > 0.0 => PriceGrid::Tick(tick),
        Some(_) => return Err(row.bad("tick_size", "above 0")),
        None if row.text("price_significant_figures").is_empty() => {
            return Err(row.bad("tick_size", "given, unless price_significant_figures is"));
        }
        None => {
            let figures = row.count("price_significant_figures")?;
            if !(1..=15).contains(&figures) {
                return Err(row.bad("price_significant_figures", "1 to 15"));
            }
            let decimals_max = row.count("price_decimals_max")?;
            if decimals_max > 15 {
                return Err(row.bad("price_decimals_max", "0 to 15"));
            }
            PriceGrid::SignificantFigures { figures, decimals_max }
        }
    };
    let unverified = row.columns("unverified", INSTRUMENT_COLUMNS)?;
    let interval = row.count("funding_interval_minutes")?;
    if interval == 0 {
        return Err(row.bad("funding_interval_minutes", "1 or above"));
    }
    Ok(Instrument {
        symbol: row.required("symbol")?.to_owned(),
        from: row.time("from")?,
        price_grid,
        quantity_step: row.positive("quantity_step")?,
        minimum_quantity: row.not_negative("minimum_quantity")?,
        minimum_notional: row.not_negative("minimum_notional")?,
        liquidation_fee_fraction: row.fraction("liquidation_fee_fraction")?,
        funding_interval_minutes: interval,
        funding_cap_fraction: row.optional_positive("funding_cap_fraction")?,
        status: row.status()?,
        unverified,
        source: row.text("source").to_owned(),
    })
}

fn parse_fees(row: &Row<'_>) -> Result<Fees, VenueError> {
    let maker = row.number("maker_fee_fraction")?;
    if maker.abs() >= 1.0 {
        return Err(row.bad("maker_fee_fraction", "between -1 and 1"));
    }
    Ok(Fees {
        from: row.time("from")?,
        tier: row.text("tier").to_owned(),
        maker_fee_fraction: maker,
        taker_fee_fraction: row.fraction("taker_fee_fraction")?,
        status: row.status()?,
        source: row.text("source").to_owned(),
    })
}

struct Table<'a> {
    file: &'a str,
    header: Vec<String>,
    cells: Vec<Row<'a>>,
}

/// One row with what an error needs to name its place.
struct Row<'a> {
    file: &'a str,
    line: u64,
    cells: BTreeMap<String, String>,
}

fn read_rows<'a>(file: &'a str, text: &str) -> Result<Table<'a>, VenueError> {
    let bad_file = |error: csv::Error| VenueError::BadFile {
        file: file.to_owned(),
        reason: error.to_string(),
    };
    let mut reader = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let header: Vec<String> =
        reader.headers().map_err(bad_file)?.iter().map(str::to_owned).collect();
    let mut cells = Vec::new();
    for record in reader.records() {
        let record = record.map_err(bad_file)?;
        cells.push(Row {
            file,
            line: record.position().map_or(0, csv::Position::line),
            cells: header.iter().cloned().zip(record.iter().map(str::to_owned)).collect(),
        });
    }
    Ok(Table { file, header, cells })
}

/// The kind of table that has exactly these columns, in any order.
fn kind_of(table: &Table<'_>) -> Result<TableKind, VenueError> {
    let kinds = [
        (TableKind::Brackets, BRACKET_COLUMNS, "maintenance_deduction"),
        (TableKind::Instruments, INSTRUMENT_COLUMNS, "quantity_step"),
        (TableKind::Fees, FEE_COLUMNS, "taker_fee_fraction"),
        (TableKind::Funding, FUNDING_COLUMNS, "interest_8h"),
    ];
    let bad = |reason: String| Err(VenueError::BadFile { file: table.file.to_owned(), reason });
    let has = |column: &str| table.header.iter().any(|h| h == column);
    let Some((kind, columns, _)) = kinds.into_iter().find(|(_, _, telling)| has(telling)) else {
        let telling: Vec<&str> = kinds.iter().map(|(_, _, column)| *column).collect();
        return bad(format!(
            "the header has none of the columns that tell a rule table: {}",
            telling.join(", ")
        ));
    };
    if let Some(missing) = columns.iter().find(|c| !has(c)) {
        return bad(format!("a table of {kind} needs the column `{missing}`"));
    }
    if let Some(unknown) = table.header.iter().find(|h| !columns.contains(&h.as_str())) {
        return bad(format!(
            "a table of {kind} has no column `{unknown}`; its columns are {}",
            columns.join(",")
        ));
    }
    if table.header.len() > columns.len() {
        return bad("a column occurs twice in the header".to_owned());
    }
    Ok(kind)
}

impl Row<'_> {
    fn text(&self, column: &str) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }

    fn bad(&self, column: &str, rule: impl Into<String>) -> VenueError {
        VenueError::BadCell {
            file: self.file.to_owned(),
            line: self.line,
            column: column.to_owned(),
            value: self.text(column).to_owned(),
            rule: rule.into(),
        }
    }

    fn required(&self, column: &str) -> Result<&str, VenueError> {
        let text = self.text(column);
        if text.is_empty() { Err(self.bad(column, "given")) } else { Ok(text) }
    }

    fn venue(&self, venues: &[String]) -> Result<String, VenueError> {
        let name = normalise_venue(self.text("venue"));
        if venues.contains(&name) {
            Ok(name)
        } else {
            Err(self.bad("venue", format!("one of {}", venues.join(", "))))
        }
    }

    fn time(&self, column: &str) -> Result<Timestamp, VenueError> {
        self.required(column)?
            .parse()
            .map_err(|_| self.bad(column, "a date or an instant in UTC, as 2025-10-10"))
    }

    fn status(&self) -> Result<Status, VenueError> {
        [Status::Official, Status::Capture, Status::ThirdParty, Status::Unverified, Status::User]
            .into_iter()
            .find(|s| s.name() == self.text("status"))
            .ok_or_else(|| self.bad("status", "official, capture, third_party, unverified or user"))
    }

    /// A list of column names.
    fn columns(&self, column: &str, known: &[&str]) -> Result<Vec<String>, VenueError> {
        let named: Vec<String> = self.text(column).split_whitespace().map(str::to_owned).collect();
        if let Some(unknown) = named.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(self.bad(column, format!("a list of columns; `{unknown}` is none")));
        }
        Ok(named)
    }

    fn number(&self, column: &str) -> Result<f64, VenueError> {
        self.optional_number(column)?.ok_or_else(|| self.bad(column, "given"))
    }

    fn optional_number(&self, column: &str) -> Result<Option<f64>, VenueError> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(None);
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(self.bad(column, "a finite number")),
        }
    }

    fn positive(&self, column: &str) -> Result<f64, VenueError> {
        let number = self.number(column)?;
        if number > 0.0 { Ok(number) } else { Err(self.bad(column, "above 0")) }
    }

    fn optional_positive(&self, column: &str) -> Result<Option<f64>, VenueError> {
        if self.text(column).is_empty() { Ok(None) } else { self.positive(column).map(Some) }
    }

    fn not_negative(&self, column: &str) -> Result<f64, VenueError> {
        let number = self.number(column)?;
        if number >= 0.0 { Ok(number) } else { Err(self.bad(column, "0 or above")) }
    }

    fn fraction(&self, column: &str) -> Result<f64, VenueError> {
        let number = self.number(column)?;
        let is_fraction = (0.0..1.0).contains(&number);
        if is_fraction { Ok(number) } else { Err(self.bad(column, "0 or above and below 1")) }
    }

    /// A whole number above 0, or none.
    fn optional_count(&self, column: &str) -> Result<Option<u32>, VenueError> {
        match self.text(column) {
            "" => Ok(None),
            _ => self.count(column).and_then(|count| match count {
                0 => Err(self.bad(column, "1 or above")),
                _ => Ok(Some(count)),
            }),
        }
    }

    fn count(&self, column: &str) -> Result<u32, VenueError> {
        self.required(column)?.parse().map_err(|_| self.bad(column, "a whole number"))
    }
}

/// The project's spelling of a venue: lower case with hyphens.
pub(crate) fn normalise_venue(name: &str) -> String {
    name.trim().to_lowercase().replace('_', "-")
}
