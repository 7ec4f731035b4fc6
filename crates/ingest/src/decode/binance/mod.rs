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
mod trades;

use plimsoll_market::{Interval, Kind, Timestamp};

use super::findings::{Case, Findings};
use super::identity::Identity;
use super::liquidations::Quantity;
use super::{Checked, Clues, Decoded, Format, Parts};
use crate::archive::Archive;
use crate::csv::Values;
use crate::error::{Problem, RowProblem};
use crate::options::Options;
use crate::policy::{Policies, Rule};
use crate::raw::Raw;
use name::{Name, What};

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
        let by_name = self.name.as_ref().map(|name| name.symbol.to_owned());
        let found = self.options.symbol.clone().or(by_name);
        found
            .or_else(|| name::symbol_of(&self.archive.stem))
            .ok_or(Problem::Unknown { what: "symbol" })
    }

    /// The venue by option or folder, else by the spelling of the symbol, else the futures, which
    /// is then noted.
    fn venue(&self, symbol: &str) -> String {
        self.told_venue(symbol).unwrap_or_else(|| self.identity.venue_or(USDM))
    }

    /// The venue as far as option, folder and symbol tell it.
    fn told_venue(&self, symbol: &str) -> Option<String> {
        let is_in = |folder: &str| self.identity.folders.iter().any(|f| f == folder);
        self.identity.venue().or_else(|| {
            let venue = match () {
                () if is_in("cm") || name::is_coin_margined(symbol) => COINM,
                () if is_in("um") => USDM,
                () if is_in("spot") => SPOT,
                () => return None,
            };
            Some(venue.to_owned())
        })
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

/// Whether a file is CSV that is named, headed or shaped as a format says. The evidence is given.
fn csv_evidence(
    clues: &Clues,
    what: fn(&What) -> bool,
    header: &[&str],
    widths: &[usize],
) -> Option<Vec<String>> {
    let name = name::parse(&clues.stem).filter(|name| what(&name.what));
    let by_header = !header.is_empty() && clues.has_columns(header);
    if clues.is_feather || !by_header && (name.is_none() || !clues.columns.is_empty()) {
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
