//! A result set as files: CSV and Parquet for programs, one HTML page for people.
//!
//! [`write_report`] turns a [`StudyResult`] into a folder. The tables hold every number in full
//! precision under stable column names; the page answers a trader's questions in the order in
//! which they are asked: which rule wins and how sure is that, what growth costs in drawdown and
//! ruin, what was binding when, what each limit is worth, what was liquidated, which tail model to trust, what it cost, and
//! what the reader has to know about the data. It is one file without any outside reference, works without a network and
//! without its script, in light and dark, on a phone and on paper.
//!
//! The same result gives the same bytes. Nothing in a report depends on a clock, a host or a
//! folder. Files appear whole or not at all: they are written under temporary names and renamed
//! when all of them are complete, `receipt.json` last.
//!
//! ```
//! use plimsoll_report::{ReportError, write_report};
//! use plimsoll_study::result::StudyResult;
//! use std::path::Path;
//!
//! fn save(result: &StudyResult) -> Result<String, ReportError> {
//!     let files = write_report(result, &Path::new("reports").join(&result.name))?;
//!     Ok(format!("{} files in {}", files.names.len(), files.dir.display()))
//! }
//! # // A result without any rule is refused, not written as an empty report.
//! # let _ = save;
//! ```
//!
//! - [`tables`]: the CSV files
//! - [`columnar`]: the Parquet files
//! - [`receipt`]: how to reproduce a result, as JSON
//! - [`page`]: `report.html`, and [`chart`], its drawings
//! - [`adl`]: the same for a comparison of auto-deleveraging policies
//! - [`risk`]: one page for the risk statistics of a series
//! - [`words`]: numbers as a person reads them, [`limits`]: what each limit of a decision means
//! - [`timeline`]: bar indices as times, months and quarters
//! - [`publish`]: writing that a crash cannot leave half done

pub mod adl;
pub mod chart;
mod check;
pub mod columnar;
pub mod error;
pub mod limits;
pub mod page;
pub mod publish;
pub mod receipt;
pub mod risk;
pub mod tables;
pub mod timeline;
pub mod words;

use std::path::{Path, PathBuf};

use plimsoll_study::result::StudyResult;

pub use error::ReportError;

/// What [`write_report`] wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFiles {
    /// The folder.
    pub dir: PathBuf,
    /// File names inside it, in the order in which a reader wants them: the page first.
    pub names: Vec<&'static str>,
}

impl ReportFiles {
    /// Paths of all files.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.names.iter().map(|name| self.dir.join(name)).collect()
    }

    /// Path of the page.
    pub fn page(&self) -> PathBuf {
        self.dir.join(self.names.first().copied().unwrap_or(REPORT_PAGE))
    }
}

/// Name of the page.
pub const REPORT_PAGE: &str = "report.html";
/// Name of the receipt.
pub const RECEIPT: &str = "receipt.json";

/// Writes every file of a report into `dir`, which is made if it does not exist.
///
/// An earlier report in that folder is replaced; files of other names are left alone.
///
/// # Errors
/// [`ReportError::Inconsistent`] where the result contradicts itself or holds a number that is not
/// finite; otherwise what the file system or a format refused. Nothing is replaced on error.
pub fn write_report(result: &StudyResult, dir: &Path) -> Result<ReportFiles, ReportError> {
    let files = report_bytes(result)?;
    publish::publish(dir, &files)?;
    Ok(ReportFiles { dir: dir.to_owned(), names: files.iter().map(|(name, _)| *name).collect() })
}

/// The content of every file of a report, by name.
///
/// # Errors
/// As [`write_report`], without the file system's.
pub fn report_bytes(result: &StudyResult) -> Result<Vec<(&'static str, Vec<u8>)>, ReportError> {
    check::check(result)?;
    let monthly = tables::monthly::monthly(result)?;
    Ok(vec![
        (REPORT_PAGE, page::page(result, &monthly)?.into_bytes()),
        ("summary.csv", tables::summary::csv(result)?),
        ("comparison.csv", tables::comparison::csv(result)?),
        ("monthly.csv", tables::monthly::csv(&monthly)?),
        ("trades.csv", tables::trades::csv(result)?),
        ("refusals.csv", tables::refusals::csv(result)?),
        ("liquidations.csv", tables::liquidations::csv(result)?),
        ("gates.csv", tables::gates::csv(result)?),
        ("sizes.csv", tables::sizes::csv(result)?),
        ("ablation.csv", tables::ablation::csv(result)?),
        ("sensitivity.csv", tables::sensitivity::csv(result)?),
        ("forecasts.csv", tables::forecasts::csv(result)?),
        ("equity.parquet", columnar::equity::parquet(result)?),
        ("decisions.parquet", columnar::decisions::parquet(result)?),
        ("ledger.parquet", columnar::ledger::parquet(result)?),
        ("forecasts.parquet", columnar::forecasts::parquet(result)?),
        (RECEIPT, receipt::json(result)?),
    ])
}
