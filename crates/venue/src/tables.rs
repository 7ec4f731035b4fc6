//! Reading the dated tables: CSV rows with a `from` date, a status and a source.
//!
//! The project's own tables and a user's have the same columns and pass the same checks. Which
//! kind a file is follows from its header.

mod funding_rows;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_market::Timestamp;

use crate::contract::ContractKind;
use crate::error::{TableKind, VenueError};
use crate::funding::FundingRule;
use crate::ladder::{Bracket, Ladder, TierBasis};
use crate::lot::PriceGrid;
use crate::transfer::TransferRule;
use funding_rows::{FUNDING_COLUMNS, FUNDING_OPTIONAL_COLUMNS, parse_funding};
pub(crate) use rows::normalise_venue;
use rows::{Row, Table, read_rows};

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
/// Ladders by quantity have no deductions.
const QUANTITY_BRACKET_COLUMNS: &[&str] = &[
    "venue",
    "symbol",
    "from",
    "tier",
    "quantity_floor",
    "quantity_cap",
    "maintenance_margin_rate",
    "leverage_max",
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
/// A contract without them is linear and of one base unit.
const INSTRUMENT_OPTIONAL_COLUMNS: &[&str] = &["contract_kind", "contract_value"];
const FEE_COLUMNS: &[&str] =
    &["venue", "from", "tier", "maker_fee_fraction", "taker_fee_fraction", "status", "source"];
const TRANSFER_COLUMNS: &[&str] = &["venue", "from", "position_value_fraction", "status", "source"];

/// The columns of a kind of table.
struct Schema {
    kind: TableKind,
    /// The column by which the kind is told.
    telling: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
}

const SCHEMAS: &[Schema] = &[
    Schema {
        kind: TableKind::Brackets,
        telling: "quantity_floor",
        required: QUANTITY_BRACKET_COLUMNS,
        optional: &["complete"],
    },
    Schema {
        kind: TableKind::Brackets,
        telling: "maintenance_deduction",
        required: BRACKET_COLUMNS,
        optional: &["complete"],
    },
    Schema {
        kind: TableKind::Instruments,
        telling: "quantity_step",
        required: INSTRUMENT_COLUMNS,
        optional: INSTRUMENT_OPTIONAL_COLUMNS,
    },
    Schema {
        kind: TableKind::Fees,
        telling: "taker_fee_fraction",
        required: FEE_COLUMNS,
        optional: &[],
    },
    Schema {
        kind: TableKind::Funding,
        telling: "interest_8h",
        required: FUNDING_COLUMNS,
        optional: FUNDING_OPTIONAL_COLUMNS,
    },
    Schema {
        kind: TableKind::Transfers,
        telling: "position_value_fraction",
        required: TRANSFER_COLUMNS,
        optional: &[],
    },
];

/// What notes say of [`Status::ThirdParty`].
pub(crate) const BY_A_THIRD_PARTY: &str = "by a third party's word";

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
    /// A row of the user's own table, whatever its status column says.
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
    /// How the contract is quoted and settled.
    pub contract_kind: ContractKind,
    /// What one contract stands for, in base units (linear) or US dollars (inverse); 1 where the
    /// venue does not count in contracts. Quantities here are never in contracts.
    pub contract_value: f64,
    /// The prices that orders may have.
    pub price_grid: PriceGrid,
    /// Lot in base units, or US dollars of an inverse contract.
    pub quantity_step: f64,
    /// Smallest order in the same.
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
    Transfers(Vec<(String, TransferRule)>),
}

/// Reads and checks a table; `venues` are the names that rows may have.
/// The status of a user's rows is [`Status::User`].
pub(crate) fn parse_table(
    file: &str,
    text: &str,
    venues: &[String],
    is_users: bool,
) -> Result<Rows, VenueError> {
    let rows = read_rows(file, text, is_users)?;
    let kind = kind_of(&rows)?;
    if rows.cells.is_empty() {
        let reason = format!("the table of {kind} has a header and no rows");
        return Err(VenueError::BadFile { file: file.to_owned(), reason });
    }
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
        TableKind::Transfers => rows
            .cells
            .iter()
            .map(|row| Ok((row.venue(venues)?, parse_transfer(row)?)))
            .collect::<Result<_, _>>()
            .map(Rows::Transfers),
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
    let basis = if table.header.iter().any(|column| column == "quantity_floor") {
        TierBasis::Quantity
    } else {
        TierBasis::Notional
    };
    let mut ladders = Vec::with_capacity(groups.len());
    for ((venue, symbol, from), rows) in groups {
        let ladder = parse_ladder(basis, &rows)?;
        let (status, source) = (rows[0].status()?, rows[0].text("source").to_owned());
        ladders.push((venue, symbol, DatedLadder { from, ladder, status, source }));
    }
    Ok(ladders)
}

fn parse_ladder(basis: TierBasis, rows: &[&Row<'_>]) -> Result<Ladder, VenueError> {
    let (floor_column, cap_column) = match basis {
        TierBasis::Notional => ("notional_floor", "notional_cap"),
        TierBasis::Quantity => ("quantity_floor", "quantity_cap"),
    };
    let mut brackets = Vec::with_capacity(rows.len());
    for row in rows {
        brackets.push(Bracket {
            tier: row.count("tier")?,
            floor: row.number(floor_column)?,
            cap: row.optional_number(cap_column)?.unwrap_or(f64::INFINITY),
            maintenance_margin_rate: row.number("maintenance_margin_rate")?,
            leverage_max: row.number("leverage_max")?,
            maintenance_deduction: match basis {
                TierBasis::Notional => row.number("maintenance_deduction")?,
                TierBasis::Quantity => 0.0,
            },
        });
    }
    let made = match basis {
        TierBasis::Notional => Ladder::new(brackets),
        TierBasis::Quantity => Ladder::by_quantity(brackets),
    };
    let ladder = made.map_err(|error| match error {
        VenueError::BadBracket { bracket_idx, column, rule, .. } => {
            let column = match column {
                "floor" => floor_column,
                "cap" => cap_column,
                other => other,
            };
            rows[bracket_idx].bad(column, rule)
        }
        other => other,
    })?;
    let is_complete = rows[0].yes_unless_no("complete")?;
    for row in rows {
        if row.yes_unless_no("complete")? != is_complete {
            return Err(row.bad("complete", "the same in all rows of a ladder"));
        }
    }
    Ok(if is_complete { ladder } else { ladder.incomplete() })
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
    let known = [INSTRUMENT_COLUMNS, INSTRUMENT_OPTIONAL_COLUMNS];
    let unverified = row.columns("unverified", &known)?;
    let interval = row.count("funding_interval_minutes")?;
    if interval == 0 {
        return Err(row.bad("funding_interval_minutes", "1 or above"));
    }
    Ok(Instrument {
        symbol: row.required("symbol")?.to_owned(),
        from: row.time("from")?,
        contract_kind: match row.text("contract_kind") {
            "" | "linear" => ContractKind::Linear,
            "inverse" => ContractKind::Inverse,
            _ => return Err(row.bad("contract_kind", "`linear` or `inverse`")),
        },
        contract_value: row.optional_positive("contract_value")?.unwrap_or(1.0),
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

fn parse_transfer(row: &Row<'_>) -> Result<TransferRule, VenueError> {
    Ok(TransferRule {
        from: row.time("from")?,
        position_value_fraction: row.fraction("position_value_fraction")?,
        status: row.status()?,
        source: row.text("source").to_owned(),
    })
}

/// The kind of table that has these columns, in any order.
fn kind_of(table: &Table<'_>) -> Result<TableKind, VenueError> {
    let bad = |reason: String| Err(VenueError::BadFile { file: table.file.to_owned(), reason });
    let has = |column: &str| table.header.iter().any(|h| h == column);
    let Some(schema) = SCHEMAS.iter().find(|schema| has(schema.telling)) else {
        let telling: Vec<&str> = SCHEMAS.iter().map(|schema| schema.telling).collect();
        return bad(format!(
            "the header has none of the columns that tell a rule table: {}",
            telling.join(", ")
        ));
    };
    let Schema { kind, required, optional, .. } = schema;
    if let Some(missing) = required.iter().find(|c| !has(c)) {
        return bad(format!("a table of {kind} needs the column `{missing}`"));
    }
    let is_known = |column: &str| required.contains(&column) || optional.contains(&column);
    if let Some(unknown) = table.header.iter().find(|column| !is_known(column)) {
        let known: Vec<&str> = required.iter().chain(*optional).copied().collect();
        return bad(format!(
            "a table of {kind} has no column `{unknown}`; its columns are {}",
            known.join(",")
        ));
    }
    let distinct: BTreeSet<&String> = table.header.iter().collect();
    if distinct.len() < table.header.len() {
        return bad("a column occurs twice in the header".to_owned());
    }
    Ok(*kind)
}
