//! Binance: the public archive's files, and what the API and the streams return.
//!
//! The archive has spot, USD-M (`um`) and COIN-M (`cm`) files, zipped CSV with or without a
//! header, times in milliseconds or (spot, from 2025 on) microseconds. Trade, mark, index and
//! premium index bars have files of the same name; only the folder tells them apart. COIN-M files
//! count contracts.

mod api;
mod funding;
mod klines;
mod liquidations;
mod metrics;
mod name;
mod plain;
mod trades;

use plimsoll_market::{Interval, Kind, Timestamp};

use super::findings::{Case, Findings};
use super::identity::{Identity, venue_of_folder};
use super::liquidations::Quantity;
use super::{Checked, Clues, Decoded, Format, Parts};
use crate::archive::Archive;
use crate::csv::Values;
use crate::error::{Problem, RowProblem};
use crate::options::Options;
use crate::policy::{Policies, Rule};
use crate::raw::Raw;
use name::{Name, What};

pub(super) use plain::{refuse_archive, refuse_contracts};

pub(super) const FORMATS: &[Format] = &[
    klines::FORMAT,
    funding::FORMAT,
    metrics::FORMAT,
    liquidations::FORMAT,
    trades::AGG_TRADES,
    trades::TRADES,
    api::KLINES,
    api::FUNDING_RATE,
    api::OPEN_INTEREST,
    api::FORCE_ORDERS,
];

const SPOT: &str = "binance-spot";
const USDM: &str = "binance-usdm";
const COINM: &str = "binance-coinm";

/// A file of the archive and what its name, its folders and the options say of it.
struct File<'a> {
    archive: &'a Archive,
    options: &'a Options,
    identity: Identity<'a>,
    name: Option<Name<'a>>,
}

impl<'a> File<'a> {
    fn new(archive: &'a Archive, options: &'a Options) -> Self {
        let identity = Identity::new(archive, options);
        Self { archive, options, identity, name: name::parse(&archive.stem) }
    }

    /// The symbol by option, else by the name of the file.
    fn symbol(&self) -> Result<String, Problem> {
        self.symbol_or(None)
    }

    /// The symbol by option, else by the name of the file, else the one that its rows name.
    fn symbol_or(&self, in_rows: Option<String>) -> Result<String, Problem> {
        let by_name = self.name.as_ref().map(|name| name.symbol.to_owned());
        let found = self.options.symbol.clone().or(by_name);
        let found = found.or_else(|| name::symbol_of(&self.archive.stem)).or(in_rows);
        let symbol = found.ok_or(Problem::Unknown { what: "symbol" })?;
        self.check_venue(&symbol)?;
        Ok(symbol)
    }

    /// A symbol that names its contract is one of COIN-M, one in a stablecoin is none.
    fn check_venue(&self, symbol: &str) -> Result<(), Problem> {
        let Some(venue) = self.said_venue() else { return Ok(()) };
        let (what, mend) = match venue.as_str() {
            USDM | SPOT if name::is_coin_margined(symbol) => {
                ("a COIN-M contract", "pass --venue binance-coinm if the symbol is right")
            }
            COINM if ["USDT", "USDC", "BUSD"].iter().any(|quote| symbol.contains(quote)) => {
                ("no COIN-M contract", "pass the --venue that the symbol is of")
            }
            _ => return Ok(()),
        };
        let reason = format!("{symbol} is {what}, and option or folders say {venue}");
        Err(Problem::NotAsItStands { reason, mend })
    }

    /// The venue by option or folder, else by the spelling of the symbol, else the futures, which
    /// is then noted.
    fn venue(&self, symbol: &str) -> String {
        self.told_venue(symbol).unwrap_or_else(|| self.identity.venue_or(USDM))
    }

    /// The venue as far as option, folder and symbol tell it.
    fn told_venue(&self, symbol: &str) -> Option<String> {
        let by_symbol = || name::is_coin_margined(symbol).then(|| COINM.to_owned());
        self.said_venue().or_else(by_symbol)
    }

    /// The venue by option, else by the innermost folder that is one of the archive's or is named
    /// for a venue.
    fn said_venue(&self) -> Option<String> {
        let of_folder = |folder: &String| match folder.as_str() {
            "cm" => Some(COINM),
            "um" => Some(USDM),
            "spot" => Some(SPOT),
            folder => venue_of_folder(folder),
        };
        let by_folder = || self.identity.folders.iter().rev().find_map(of_folder);
        self.options.venue.clone().or_else(|| by_folder().map(str::to_owned))
    }

    fn is_coin_margined(&self, symbol: &str) -> bool {
        self.told_venue(symbol).as_deref() == Some(COINM)
    }

    /// The day or month that the file is named for.
    fn period(&self) -> Option<(Timestamp, Timestamp)> {
        self.name.as_ref().map(|name| name.period)
    }

    /// The file's only series.
    fn one(
        &self,
        checked: Checked,
        decoder: &str,
        (kind, venue, symbol): (Kind, String, String),
        interval: Option<Interval>,
    ) -> Parts {
        let series = Identity::series(kind, venue, symbol, interval);
        let decoded: Decoded = checked.into_decoded(self.archive, decoder, series, &self.identity);
        vec![Ok(decoded)]
    }
}

/// How the quantities of a COIN-M or other contract are counted.
fn unit(coin_margined: bool, symbol: &str) -> Quantity {
    if coin_margined { Quantity::Contracts(contract_size(symbol)) } else { Quantity::Base }
}

/// US dollars a COIN-M contract.
fn contract_size(symbol: &str) -> f64 {
    if symbol.starts_with("BTCUSD") { 100.0 } else { 10.0 }
}

/// Whether a file is named and headed as a format says, in whatever container, or is CSV without
/// a header of its shape. The evidence is given.
fn csv_evidence(
    clues: &Clues,
    what: fn(&What) -> bool,
    header: &[&str],
    widths: &[usize],
) -> Option<Vec<String>> {
    let name = name::parse(&clues.stem).filter(|name| what(&name.what));
    let names = clues.names();
    let by_header = !header.is_empty() && has_all(&names, header);
    if !by_header && (name.is_none() || !names.is_empty()) {
        return None;
    }
    let mut evidence = Vec::new();
    if by_header {
        evidence.push(format!("columns {}", header.join(", ")));
    } else if widths.contains(&clues.first_row.len()) {
        evidence.push(format!("no header, {} fields a row", clues.first_row.len()));
    } else {
        return None;
    }
    if let Some(name) = name {
        evidence.push(format!("named as in Binance's archive: symbol {}", name.symbol));
    }
    Some(evidence)
}

/// Whether every one of these names is there.
fn has_all(names: &[String], wanted: &[&str]) -> bool {
    wanted.iter().all(|wanted| names.iter().any(|name| name == wanted))
}

/// The symbol of the first row.
fn first_symbol(raw: &Raw) -> Option<String> {
    match raw.columns.get("symbol") {
        Some(Values::Words(words)) => words.first().cloned(),
        _ => None,
    }
}

/// Flags that sums of forced orders are a lower bound, or refuses them.
fn flag_lower_bound(checked: &mut Checked, policies: &Policies) -> Result<(), RowProblem> {
    let Some(&first) = checked.table.times().first() else { return Ok(()) };
    let mut findings = Findings::new(policies);
    let case = Case { count: checked.table.len(), row: None, time: Some(first) };
    findings.mends_case(Rule::LowerBound, case, || Problem::Broken {
        rule: Rule::LowerBound,
        what: Rule::LowerBound.about().what.to_owned(),
    });
    findings.finish(checked)
}

/// Every row is of the symbol that the file is taken to be of.
fn check_symbol(raw: &Raw, symbol: &str) -> Result<(), RowProblem> {
    let Some(Values::Words(words)) = raw.columns.get("symbol") else { return Ok(()) };
    match words.iter().position(|word| word != symbol) {
        None => Ok(()),
        Some(row) => {
            let expected = "the symbol of the file's name, or of --symbol";
            let value = words[row].clone();
            Err(RowProblem::at(row, Problem::BadWord { column: "symbol", value, expected }))
        }
    }
}

#[cfg(test)]
mod tests;
