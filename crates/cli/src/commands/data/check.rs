//! `plimsoll data check`

use std::process::ExitCode;

use plimsoll_ingest::{Severity, check};
use plimsoll_market::Lake;
use serde_json::json;

use super::{INGEST_HINT, empty};
use crate::error::{CliError, FAILED};
use crate::output::{Output, counted};

pub(super) fn run(lake: &Lake, output: Output) -> Result<ExitCode, CliError> {
    let findings = check(lake)?;
    for finding in &findings {
        output.text(&format!(
            "{}: {}: {} ({} from {})",
            finding.severity,
            finding.series,
            finding.message,
            finding.rule,
            finding.first.map_or("the beginning".to_owned(), |time| time.to_string())
        ));
    }
    let count = |severity: Severity| findings.iter().filter(|f| f.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let n_series = lake.series()?.len();
    if n_series > 0 {
        output.text(&format!(
            "{}, {}, {} in {n_series} series",
            counted(errors, "error"),
            counted(warnings, "warning"),
            counted(count(Severity::Note), "note"),
        ));
    }
    output.document(&json!(
        findings
            .iter()
            .map(|finding| json!({
                "severity": finding.severity.to_string(),
                "rule": finding.rule,
                "kind": finding.series.kind.name(),
                "venue": finding.series.venue,
                "symbol": finding.series.symbol,
                "interval": finding.series.interval,
                "count": finding.count,
                "first": finding.first,
                "message": finding.message,
            }))
            .collect::<Vec<_>>()
    ));
    if n_series == 0 {
        return Err(CliError::failed(empty(lake), INGEST_HINT));
    }
    Ok(if errors > 0 { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
}
