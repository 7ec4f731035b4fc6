//! Anything with named columns: CSV (also gz, zst, zip), Parquet, Arrow.
//!
//! Columns are found by the names that exchanges and libraries give them. Columns `symbol` (or
//! `coin`) and `venue` split a file into series.

use plimsoll_market::{Interval, Kind, Timestamp};

use super::identity::Identity;
use super::liquidations::Quantity;
use super::{
    Checked, Clues, Format, PartProblem, Parts, bars, funding, liquidations, open_interest,
};
use crate::archive::Archive;
use crate::error::{Problem, RowProblem};
use crate::raw::{self, Raw};
use crate::run::{Options, SourceFormat};

pub(super) const FORMATS: &[Format] =
    &[Format { name: "generic/1", source: SourceFormat::Generic, recognise, decode }];

fn recognise(clues: &Clues) -> Option<Vec<String>> {
    (!clues.columns.is_empty()).then(|| vec![format!("columns {}", clues.columns.join(", "))])
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let names = raw::names(archive)?;
    if names.is_empty() {
        let reason = "no header that names the columns".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    }
    let kind = options.kind.or_else(|| raw::kind_of(&names));
    let kind = kind.ok_or(Problem::Unknown { what: "kind" })?;
    let groups = Raw::read(archive, kind, &[])?.split();
    let many = groups.len() > 1;
    let mut decoded: Parts = Vec::new();
    for (venue_word, symbol_word, raw) in groups {
        let excluded = |option: &Option<String>, word: &Option<String>| {
            many && option.is_some() && word.is_some() && option != word
        };
        if excluded(&options.venue, &venue_word) || excluded(&options.symbol, &symbol_word) {
            continue;
        }
        let identity = Identity::new(archive, options);
        let venue = options.venue.clone().or(venue_word).or_else(|| identity.venue());
        let venue = venue.ok_or(Problem::Unknown { what: "venue" })?;
        let symbol = match options.symbol.clone().or(symbol_word) {
            Some(symbol) => symbol,
            None => identity.symbol()?,
        };
        let file_rows = raw.file_rows.clone();
        decoded.push(match build(raw, kind, &venue, &identity) {
            Ok((checked, interval)) => {
                let series = Identity::series(kind, venue, symbol, interval);
                Ok(checked.into_decoded(archive, "generic/1", series, &identity))
            }
            Err(RowProblem { row, problem }) => {
                let in_file = |row: usize| file_rows.as_ref().map_or(row, |rows| rows[row]);
                let row = RowProblem { row: row.map(in_file), problem };
                Err(PartProblem { series: many.then(|| format!("{venue} {symbol} {kind}")), row })
            }
        });
    }
    if decoded.is_empty() {
        let reason = "no row of the venue and symbol asked for".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    }
    Ok(decoded)
}

fn build(
    raw: Raw,
    kind: Kind,
    venue: &str,
    identity: &Identity,
) -> Result<(Checked, Option<Interval>), RowProblem> {
    let policies = &identity.options.policies;
    match kind {
        Kind::Candles | Kind::MarkCandles | Kind::IndexCandles | Kind::PremiumIndexCandles => {
            let bars = bars::build(raw, kind, identity.interval(), policies)?;
            Ok((bars.checked, Some(bars.interval)))
        }
        Kind::Funding => Ok((funding::build(raw, venue, policies)?, None)),
        Kind::OpenInterest => Ok((open_interest::build(raw, policies)?, None)),
        Kind::LiquidationVolume => Err(Problem::Unknown { what: "kind" }.into()),
        Kind::Liquidations => {
            let mut checked = liquidations::build(raw, Quantity::Base, policies)?;
            // Only what lies between two rows is surely accounted for.
            let times = checked.table.times();
            if let (Some(&first), Some(&last)) = (times.first(), times.last()) {
                checked.covered.push((Timestamp(first), Timestamp(last + 1)));
            }
            Ok((checked, None))
        }
    }
}
