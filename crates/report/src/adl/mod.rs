//! A comparison of auto-deleveraging policies as tables and one page.
//!
//! [`write_accounts`] takes what each policy takes from each account of a table, [`write_waves`]
//! what each took in each wave of a record. The figures are computed elsewhere; here they are
//! written down. As with a study's report, the same figures give the same bytes, files appear
//! whole or not at all, and the page stands alone.
//!
//! ```
//! use plimsoll_report::adl::{WavePolicy, WavesReport, waves_bytes};
//!
//! let report = WavesReport {
//!     name: "waves".to_owned(),
//!     waves: vec![("1".to_owned(), 4.0)],
//!     policies: vec![WavePolicy { name: "queue".to_owned(), taken: vec![5.0], ..WavePolicy::default() }],
//!     ..WavesReport::default()
//! };
//! let files = waves_bytes(&report)?;
//! assert_eq!(files[2].0, "adl_waves.csv");
//! assert!(String::from_utf8_lossy(&files[2].1).ends_with("\n1,queue,4,5,1,\n"));
//! # Ok::<(), plimsoll_report::ReportError>(())
//! ```

mod accounts;
mod waves;

use std::path::Path;

pub use accounts::{AccountRow, AccountsReport, PolicyRow, accounts_bytes};
pub use waves::{WavePolicy, WavesReport, waves_bytes};

use crate::error::ReportError;
use crate::page::blocks::{Block, Cell, Legend};
use crate::page::rules::letters;
use crate::publish::publish;
use crate::{ReportFiles, chart};

/// Name of the page.
pub const ADL_PAGE: &str = "adl.html";
/// Name of the table of policies.
pub const ADL_POLICIES: &str = "adl_policies.csv";

/// Styles that the page has.
const STYLES: usize = 12;

/// Writes a comparison over accounts into `dir`.
///
/// # Errors
/// As [`crate::write_report`].
pub fn write_accounts(report: &AccountsReport, dir: &Path) -> Result<ReportFiles, ReportError> {
    write(&accounts_bytes(report)?, dir)
}

/// Writes a comparison over waves into `dir`.
///
/// # Errors
/// As [`crate::write_report`].
pub fn write_waves(report: &WavesReport, dir: &Path) -> Result<ReportFiles, ReportError> {
    write(&waves_bytes(report)?, dir)
}

fn write(files: &[(&'static str, Vec<u8>)], dir: &Path) -> Result<ReportFiles, ReportError> {
    publish(dir, files)?;
    Ok(ReportFiles { dir: dir.to_owned(), names: files.iter().map(|(name, _)| *name).collect() })
}

fn policy_cell(index: usize, name: &str) -> Cell {
    let style = (index < STYLES).then_some(index);
    Cell { key: Some((letters(index), style)), ..Cell::text(name) }
}

fn legend<'a>(names: impl Iterator<Item = &'a str>) -> Legend {
    let policies: Vec<_> =
        names.enumerate().map(|(index, name)| (index, letters(index), name.to_owned())).collect();
    let rest = match policies.len().saturating_sub(STYLES) {
        0 => String::new(),
        more => format!("{more} more are in the tables."),
    };
    Legend { rules: policies.into_iter().take(STYLES).collect(), rest }
}

/// A bar a policy for one figure; those where it is undefined have none.
fn bars(
    title: &str,
    caption: &str,
    policies: &[(&str, Option<f64>)],
    word: impl Fn(f64) -> String,
) -> Result<Block, ReportError> {
    let keys: Vec<String> = (0..policies.len()).map(letters).collect();
    let bars: Vec<chart::values::Bar<'_>> = policies
        .iter()
        .enumerate()
        .take(STYLES)
        .filter_map(|(index, (name, value))| {
            Some(chart::values::Bar { style: index, key: &keys[index], name, value: (*value)? })
        })
        .collect();
    Ok(Block::Figure {
        title: title.to_owned(),
        caption: caption.to_owned(),
        figure: chart::values::figure(title, &bars, word)?,
        cursor: "",
    })
}

/// A line of steps a policy.
fn lines(
    title: &str,
    caption: &str,
    policies: Vec<Vec<f64>>,
    word: impl Fn(f64) -> String,
    place: impl Fn(usize) -> String,
) -> Result<Block, ReportError> {
    let keys: Vec<String> = (0..policies.len()).map(letters).collect();
    let series: Vec<chart::steps::Series<'_>> = policies
        .into_iter()
        .enumerate()
        .take(STYLES)
        .map(|(style, values)| chart::steps::Series { style, key: &keys[style], values })
        .collect();
    Ok(Block::Figure {
        title: title.to_owned(),
        caption: caption.to_owned(),
        figure: chart::steps::figure(title, &series, word, place)?,
        cursor: "",
    })
}

/// Refuses a number that cannot be shown.
fn check(policy: &str, field: &'static str, values: &[f64]) -> Result<(), ReportError> {
    let Some(position) = values.iter().position(|value| !value.is_finite()) else { return Ok(()) };
    Err(ReportError::Inconsistent {
        rule: policy.to_owned(),
        scope: String::new(),
        field,
        position,
        value: values[position].to_string(),
        must: "it must be finite",
    })
}

/// Refuses a list that is not as long as the accounts or waves.
fn check_length(policy: &str, field: &'static str, n: usize, is: usize) -> Result<(), ReportError> {
    if n == is {
        return Ok(());
    }
    Err(ReportError::Inconsistent {
        rule: policy.to_owned(),
        scope: String::new(),
        field,
        position: is,
        value: format!("missing or beyond the {n} expected"),
        must: "every account or wave must have one value",
    })
}
