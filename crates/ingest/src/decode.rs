//! From a file to the rows of series: what it is, by name and columns, and what its columns mean.

mod bars;
mod binance;
mod freqtrade;
mod funding;
mod generic;
mod identity;
mod liquidations;
mod open_interest;
mod rows;

use plimsoll_market::lake::{Note, Source};
use plimsoll_market::{Incoming, Series, Table, Timestamp};

use crate::archive::{Archive, Content};
use crate::csv;
use crate::error::{FileFailure, RowProblem};
use crate::run::{Options, SourceFormat};
use identity::Identity;

/// Rows of one series, checked.
pub(crate) struct Decoded {
    pub(crate) series: Series,
    pub(crate) incoming: Incoming,
    /// What was assumed where the file does not say.
    pub(crate) assumptions: Vec<String>,
}

/// Rows on their way to [`Decoded`]: all but the series and the source.
pub(crate) struct Checked {
    table: Table,
    covered: Vec<(Timestamp, Timestamp)>,
    last_may_be_forming: bool,
    derived: Vec<String>,
    duplicates: usize,
    repairs: Vec<Note>,
    flags: Vec<Note>,
}

impl Checked {
    fn new(table: Table) -> Self {
        Self {
            table,
            covered: Vec::new(),
            last_may_be_forming: false,
            derived: Vec::new(),
            duplicates: 0,
            repairs: Vec::new(),
            flags: Vec::new(),
        }
    }

    fn into_decoded(
        self,
        archive: &Archive,
        decoder: &str,
        series: Series,
        identity: &Identity,
    ) -> Decoded {
        let source = Source {
            name: archive.name.clone(),
            sha256: archive.sha256.clone(),
            decoder: decoder.to_owned(),
        };
        let incoming = Incoming {
            source,
            table: self.table,
            covered: self.covered,
            last_may_be_forming: self.last_may_be_forming,
            derived: self.derived,
            duplicates: self.duplicates,
            repairs: self.repairs,
            flags: self.flags,
        };
        Decoded { series, incoming, assumptions: identity.assumptions() }
    }
}

/// Decodes a file into the series that it holds.
pub(crate) fn decode(archive: &Archive, options: &Options) -> Result<Vec<Decoded>, FileFailure> {
    let decoded = match options.source {
        SourceFormat::Binance => binance::decode(archive, options),
        SourceFormat::Freqtrade => freqtrade::decode(archive, options),
        SourceFormat::Generic => generic::decode(archive, options),
        SourceFormat::Auto => match &archive.content {
            Content::Feather(_) if freqtrade::is_name(&archive.stem) => {
                freqtrade::decode(archive, options)
            }
            Content::Text(_) if binance::is_name(&archive.stem) => {
                binance::decode(archive, options)
            }
            _ => generic::decode(archive, options),
        },
    };
    decoded.map_err(|RowProblem { row, problem }| {
        let has_header =
            matches!(&archive.content, Content::Text(text) if csv::header(text).is_some());
        FileFailure {
            file: archive.path.display().to_string(),
            place: archive.place_of(row, has_header),
            problem,
        }
    })
}

fn note(name: &str, count: usize, first: i64, message: impl Into<String>) -> Note {
    Note { name: name.to_owned(), count, first: Some(Timestamp(first)), message: message.into() }
}
