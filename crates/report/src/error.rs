//! What can go wrong in writing a report.

use std::path::PathBuf;

/// Why a report was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The result contradicts itself or holds a number that cannot be shown.
    #[error("rule `{rule}`, account `{scope}`: `{field}`[{position}] is {value}, but {must}")]
    Inconsistent {
        /// Name of the rule; empty where the whole study is meant.
        rule: String,
        /// `portfolio` or a symbol; empty where none is meant.
        scope: String,
        /// Name of the field.
        field: &'static str,
        /// Index in the field.
        position: usize,
        /// What stands there.
        value: String,
        /// What must hold.
        must: &'static str,
    },
    /// A file or folder could not be written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A row could not be written as CSV.
    #[error("a row of a table could not be written: {0}")]
    Csv(#[from] csv::Error),
    /// Columns could not be put together.
    #[error("columns could not be put together: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// Columns could not be written as Parquet.
    #[error("columns could not be written as Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The monthly aggregation failed.
    #[error("the monthly aggregation failed: {0}")]
    Polars(#[from] polars::error::PolarsError),
    /// The receipt could not be written as JSON.
    #[error("the receipt could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The page could not be put together.
    #[error("the page could not be put together: {0}")]
    Page(#[from] askama::Error),
    /// A chart could not be drawn.
    #[error("chart `{chart}` could not be drawn: {reason}")]
    Chart {
        /// Which chart.
        chart: &'static str,
        /// Why.
        reason: String,
    },
}
