//! What the lake is divided into, and where each part lies.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::MarketError;
use crate::table::Kind;
use crate::time::{Interval, Timestamp};

/// One kind of record of one symbol: a folder of the lake, holding a Parquet file a month.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Series {
    /// Kind of record.
    pub kind: Kind,
    /// Venue identifier, such as `binance-usdm`.
    pub venue: String,
    /// Symbol in the venue's spelling, such as `BTCUSDT`.
    pub symbol: String,
    /// Bar length, for the kinds that have one; `None` for all others.
    pub interval: Option<Interval>,
}

impl Series {
    /// The series' folder, below the lake's root.
    ///
    /// # Errors
    /// [`MarketError::BadName`] for a venue or symbol that cannot be a folder's name, or an
    /// interval that is missing or has no place.
    pub fn folder(&self) -> Result<PathBuf, MarketError> {
        check_name("venue", &self.venue)?;
        check_name("symbol", &self.symbol)?;
        let mut folder = PathBuf::from(self.kind.name());
        folder.push(format!("venue={}", self.venue));
        folder.push(format!("symbol={}", self.symbol));
        match (self.kind.has_interval(), self.interval) {
            (true, Some(interval)) => folder.push(format!("interval={interval}")),
            (false, None) => {}
            (true, None) => {
                return Err(MarketError::BadName {
                    what: "interval",
                    name: "none".to_owned(),
                    rule: "bars need a length, as in 1h",
                });
            }
            (false, Some(interval)) => {
                return Err(MarketError::BadName {
                    what: "interval",
                    name: interval.to_string(),
                    rule: "this kind of record has no bars",
                });
            }
        }
        Ok(folder)
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.venue, self.symbol, self.kind)?;
        match self.interval {
            Some(interval) => write!(f, " {interval}"),
            None => Ok(()),
        }
    }
}

/// A UTC calendar month, the unit of one file. Prints as `2024-12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    /// Calendar year.
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
}

impl Month {
    /// The month that holds an instant.
    pub fn of(time: Timestamp) -> Self {
        let (year, month) = time.year_month();
        Self { year, month }
    }

    /// First instant, inclusive.
    pub fn start(self) -> Timestamp {
        Timestamp::from_date(self.year, self.month, 1).unwrap_or_default()
    }

    /// First instant after the month.
    pub fn end(self) -> Timestamp {
        self.start().next_month_start()
    }

    /// The month after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self::of(self.end())
    }

    /// File path below the series' folder.
    /// The month before this one.
    pub(super) fn previous(self) -> Self {
        Self::of(Timestamp(self.start().0 - 1))
    }

    pub(super) fn file(self) -> PathBuf {
        PathBuf::from(format!("year={:04}", self.year)).join(self.file_name())
    }

    pub(super) fn file_name(self) -> String {
        format!("month={:02}.parquet", self.month)
    }
}

impl FromStr for Month {
    type Err = MarketError;

    fn from_str(text: &str) -> Result<Self, MarketError> {
        let parsed = text.split_once('-').and_then(|(year, month)| {
            let month = month.parse().ok().filter(|month| (1..=12).contains(month));
            Some(Self { year: year.parse().ok()?, month: month? })
        });
        parsed.ok_or_else(|| MarketError::BadName {
            what: "month",
            name: text.to_owned(),
            rule: "it is written as 2024-12",
        })
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:04}-{:02}", self.year, self.month))
    }
}

/// The month files of a series' folder, oldest first. A folder that does not exist has none.
pub(super) fn month_files(folder: &Path) -> Result<Vec<(Month, PathBuf)>, MarketError> {
    let mut found = Vec::new();
    for (year, year_folder) in entries_with_prefix(folder, "year=")? {
        let Some(year) = digits(&year, 4) else { continue };
        for (name, path) in entries_with_prefix(&year_folder, "month=")? {
            let month = name.strip_suffix(".parquet").and_then(|month| digits(month, 2));
            if let Some(month @ 1..=12) = month {
                found.push((Month { year, month }, path));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A number of exactly so many digits: `month=3` beside `month=03` would be taken twice.
fn digits<T: FromStr>(text: &str, n_digits: usize) -> Option<T> {
    let is_so_written = text.len() == n_digits && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_so_written)
}

/// Every series that has at least one month file, in the order of [`Series`].
pub(super) fn all_series(root: &Path) -> Result<Vec<Series>, MarketError> {
    let mut found = Vec::new();
    for kind in Kind::ALL {
        for (venue, venue_folder) in entries_with_prefix(&root.join(kind.name()), "venue=")? {
            for (symbol, symbol_folder) in entries_with_prefix(&venue_folder, "symbol=")? {
                let series = |interval| Series {
                    kind,
                    venue: venue.clone(),
                    symbol: symbol.clone(),
                    interval,
                };
                if !kind.has_interval() {
                    if !month_files(&symbol_folder)?.is_empty() {
                        found.push(series(None));
                    }
                    continue;
                }
                for (interval, folder) in entries_with_prefix(&symbol_folder, "interval=")? {
                    if let Ok(interval) = interval.parse()
                        && !month_files(&folder)?.is_empty()
                    {
                        found.push(series(Some(interval)));
                    }
                }
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Entries of a folder whose name starts with `prefix`, as (rest of the name, path), sorted.
fn entries_with_prefix(folder: &Path, prefix: &str) -> Result<Vec<(String, PathBuf)>, MarketError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(MarketError::io(folder)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(MarketError::io(folder))?;
        if let Some(rest) = entry.file_name().to_str().and_then(|name| name.strip_prefix(prefix)) {
            found.push((rest.to_owned(), entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// Names stand in folder names that other programs read too, so nothing may need an escape.
fn check_name(what: &'static str, name: &str) -> Result<(), MarketError> {
    let bad = |rule| Err(MarketError::BadName { what, name: name.to_owned(), rule });
    if name.is_empty() || name.len() > 100 {
        return bad("it has 1 to 100 bytes");
    }
    if name.starts_with('.') {
        return bad("it does not start with a dot");
    }
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || "/\\:*?\"<>|=%".contains(c);
    if name.contains(forbidden) {
        return bad("it has no spaces and none of / \\ : * ? \" < > | = %");
    }
    Ok(())
}
