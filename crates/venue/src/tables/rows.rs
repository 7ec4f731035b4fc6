//! Rows of a CSV table as text, with what an error needs to name their place.

use std::collections::BTreeMap;

use plimsoll_market::Timestamp;

use super::Status;
use crate::error::VenueError;

pub(crate) struct Table<'a> {
    pub file: &'a str,
    pub header: Vec<String>,
    pub cells: Vec<Row<'a>>,
}

/// One row with what an error needs to name its place.
pub(crate) struct Row<'a> {
    file: &'a str,
    line: u64,
    is_users: bool,
    cells: BTreeMap<String, String>,
}

pub(crate) fn read_rows<'a>(
    file: &'a str,
    text: &str,
    is_users: bool,
) -> Result<Table<'a>, VenueError> {
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
            is_users,
            cells: header.iter().cloned().zip(record.iter().map(str::to_owned)).collect(),
        });
    }
    Ok(Table { file, header, cells })
}

impl Row<'_> {
    pub(crate) fn text(&self, column: &str) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }

    pub(crate) fn bad(&self, column: &str, rule: impl Into<String>) -> VenueError {
        VenueError::BadCell {
            file: self.file.to_owned(),
            line: self.line,
            column: column.to_owned(),
            value: self.text(column).to_owned(),
            rule: rule.into(),
        }
    }

    pub(crate) fn required(&self, column: &str) -> Result<&str, VenueError> {
        let text = self.text(column);
        if text.is_empty() { Err(self.bad(column, "given")) } else { Ok(text) }
    }

    pub(crate) fn venue(&self, venues: &[String]) -> Result<String, VenueError> {
        let name = normalise_venue(self.text("venue"));
        if venues.contains(&name) {
            Ok(name)
        } else {
            Err(self.bad("venue", format!("one of {}", venues.join(", "))))
        }
    }

    pub(crate) fn time(&self, column: &str) -> Result<Timestamp, VenueError> {
        self.required(column)?
            .parse()
            .map_err(|_| self.bad(column, "a date or an instant in UTC, as 2025-10-10"))
    }

    /// The status said, which has to be one; of a user's row [`Status::User`] all the same.
    pub(crate) fn status(&self) -> Result<Status, VenueError> {
        let said = [
            Status::Official,
            Status::Capture,
            Status::ThirdParty,
            Status::Unverified,
            Status::User,
        ]
        .into_iter()
        .find(|s| s.name() == self.text("status"))
        .ok_or_else(|| self.bad("status", "official, capture, third_party, unverified or user"))?;
        Ok(if self.is_users { Status::User } else { said })
    }

    /// A list of column names, each of one of the lists known.
    pub(crate) fn columns(
        &self,
        column: &str,
        known: &[&[&str]],
    ) -> Result<Vec<String>, VenueError> {
        let named: Vec<String> = self.text(column).split_whitespace().map(str::to_owned).collect();
        let is_known = |name: &str| known.iter().any(|columns| columns.contains(&name));
        if let Some(unknown) = named.iter().find(|name| !is_known(name)) {
            return Err(self.bad(column, format!("a list of columns; `{unknown}` is none")));
        }
        Ok(named)
    }

    pub(crate) fn number(&self, column: &str) -> Result<f64, VenueError> {
        self.optional_number(column)?.ok_or_else(|| self.bad(column, "given"))
    }

    pub(crate) fn optional_number(&self, column: &str) -> Result<Option<f64>, VenueError> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(None);
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(self.bad(column, "a finite number")),
        }
    }

    pub(crate) fn positive(&self, column: &str) -> Result<f64, VenueError> {
        let number = self.number(column)?;
        if number > 0.0 { Ok(number) } else { Err(self.bad(column, "above 0")) }
    }

    pub(crate) fn optional_positive(&self, column: &str) -> Result<Option<f64>, VenueError> {
        if self.text(column).is_empty() { Ok(None) } else { self.positive(column).map(Some) }
    }

    pub(crate) fn not_negative(&self, column: &str) -> Result<f64, VenueError> {
        let number = self.number(column)?;
        if number >= 0.0 { Ok(number) } else { Err(self.bad(column, "0 or above")) }
    }

    pub(crate) fn fraction(&self, column: &str) -> Result<f64, VenueError> {
        let number = self.number(column)?;
        let is_fraction = (0.0..1.0).contains(&number);
        if is_fraction { Ok(number) } else { Err(self.bad(column, "0 or above and below 1")) }
    }

    /// `yes` or `no`; `yes` where the table has no such column or leaves it empty.
    pub(crate) fn yes_unless_no(&self, column: &str) -> Result<bool, VenueError> {
        match self.text(column) {
            "" | "yes" => Ok(true),
            "no" => Ok(false),
            _ => Err(self.bad(column, "`yes` or `no`")),
        }
    }

    /// A whole number above 0, or none.
    pub(crate) fn optional_count(&self, column: &str) -> Result<Option<u32>, VenueError> {
        match self.text(column) {
            "" => Ok(None),
            _ => self.count(column).and_then(|count| match count {
                0 => Err(self.bad(column, "1 or above")),
                _ => Ok(Some(count)),
            }),
        }
    }

    pub(crate) fn count(&self, column: &str) -> Result<u32, VenueError> {
        self.required(column)?.parse().map_err(|_| self.bad(column, "a whole number"))
    }
}

/// The project's spelling of a venue: lower case with hyphens.
pub(crate) fn normalise_venue(name: &str) -> String {
    name.trim().to_lowercase().replace('_', "-")
}
