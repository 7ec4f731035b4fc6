//! The series of a file that holds several, each on its way to a part of its own.

use plimsoll_market::Series;

use super::identity::Identity;
use super::{Checked, PartProblem, Parts};
use crate::archive::Archive;
use crate::error::{Problem, RowProblem};
use crate::options::Options;

/// Gathers the parts of a file. Options that name a kind or symbol choose among its series.
pub(super) struct Several<'a> {
    archive: &'a Archive,
    options: &'a Options,
    decoder: &'static str,
    parts: Parts,
    /// Said once, of the first series that goes in.
    assumptions: Vec<String>,
}

impl<'a> Several<'a> {
    pub(super) fn new(archive: &'a Archive, options: &'a Options, decoder: &'static str) -> Self {
        Self { archive, options, decoder, parts: Vec::new(), assumptions: Vec::new() }
    }

    /// Notes something about the file as a whole.
    pub(super) fn assume(&mut self, what: impl Into<String>) {
        self.assumptions.push(what.into());
    }

    /// Notes more about the parts that are in already.
    pub(super) fn mention(&mut self, notes: Vec<String>) {
        if let Some(Ok(decoded)) = self.parts.last_mut() {
            decoded.assumptions.extend(notes);
        }
    }

    /// Whether a series is one of those asked for.
    pub(super) fn wants(&self, series: &Series) -> bool {
        self.options.kind.is_none_or(|kind| kind == series.kind)
            && self.options.symbol.as_ref().is_none_or(|symbol| *symbol == series.symbol)
    }

    /// Adds a series as its builder left it. `file_rows` has the file's row for each of its rows.
    pub(super) fn push(
        &mut self,
        series: Series,
        checked: Result<Checked, RowProblem>,
        file_rows: &[usize],
        assumptions: &[String],
    ) {
        if !self.wants(&series) {
            return;
        }
        let part = match checked {
            Ok(checked) => {
                let identity = Identity::new(self.archive, self.options);
                for assumption in self.assumptions.drain(..).chain(assumptions.iter().cloned()) {
                    identity.assume(assumption);
                }
                Ok(checked.into_decoded(self.archive, self.decoder, series, &identity))
            }
            Err(RowProblem { row, problem }) => {
                let row = row.map(|row| file_rows.get(row).copied().unwrap_or(row));
                let row = RowProblem { row, problem };
                Err(PartProblem { series: Some(series.to_string()), row })
            }
        };
        self.parts.push(part);
    }

    /// The parts, of which there must be one. Whoever asked for a series that the file does not
    /// hold is told so.
    pub(super) fn finish(mut self) -> Result<Parts, RowProblem> {
        match self.parts.len() {
            0 if self.options.kind.is_some() || self.options.symbol.is_some() => {
                let reason = "no row of the kind and symbol asked for".to_owned();
                return Err(Problem::NotRecognised { reason }.into());
            }
            0 => return Err(Problem::Empty.into()),
            1 => {
                if let Some(Err(alone)) = self.parts.first_mut() {
                    alone.series = None;
                }
            }
            _ => {}
        }
        Ok(self.parts)
    }
}
