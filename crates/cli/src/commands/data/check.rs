//! `plimsoll data check`

use std::process::ExitCode;

use plimsoll_ingest::check::strays;
use plimsoll_ingest::{Finding, Rule, Severity, Span, check, check_with};
use plimsoll_market::Lake;
use serde_json::{Value, json};

use super::{INGEST_HINT, empty};
use crate::args::{Global, SettingsArguments};
use crate::commands::settings;
use crate::error::{CliError, FAILED};
use crate::output::{Output, counted};

/// How many stretches of time a finding shows in text; JSON has all of them.
const SPANS_SHOWN: usize = 3;

pub(super) fn run(
    arguments: &SettingsArguments,
    global: &Global,
    lake: &Lake,
    output: Output,
) -> Result<ExitCode, CliError> {
    let policies = &settings::read(arguments, global, output)?.policies;
    let n_series = lake.series()?.len();
    let findings = check_with(lake, policies)?;
    let root = lake.root();
    let below_root = |path: &std::path::PathBuf| {
        path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
    };
    let strays: Vec<String> = strays(lake)?.iter().map(below_root).collect();
    let stray = check::severity(Rule::StrayFile, policies.of(Rule::StrayFile));
    let found = text(&findings, &strays, stray);
    if !found.is_empty() {
        output.text(&found);
    }
    let count = |severity: Severity| {
        let n_strays = if severity == stray { strays.len() } else { 0 };
        findings.iter().filter(|f| f.severity == severity).count() + n_strays
    };
    let errors = count(Severity::Error);
    if n_series > 0 {
        output.text(&format!(
            "{}, {}, {} in {n_series} series",
            counted(errors, "error"),
            counted(count(Severity::Warning), "warning"),
            counted(count(Severity::Note), "note"),
        ));
    }
    let documents = findings.iter().map(document);
    let policy = policies.of(Rule::StrayFile);
    let strays = strays.iter().map(|file| {
        json!({
            "severity": stray.name(),
            "rule": Rule::StrayFile.name(),
            "policy": policy.name(),
            "file": file,
            "message": Rule::StrayFile.about().what,
            "hint": check::hint(Rule::StrayFile),
        })
    });
    output.document(&documents.chain(strays).collect::<Vec<_>>());
    if n_series == 0 {
        return Err(CliError::failed(empty(lake), INGEST_HINT));
    }
    Ok(if errors > 0 { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
}

/// The findings series by series, those with the worst first, and each series' worst first.
fn text(findings: &[Finding], strays: &[String], stray: Severity) -> String {
    let mut groups: Vec<Vec<&Finding>> = findings
        .chunk_by(|a, b| a.series == b.series)
        .map(|group| {
            let mut group: Vec<&Finding> = group.iter().collect();
            group.sort_by_key(|finding| finding.severity);
            group
        })
        .collect();
    groups.sort_by_key(|group| group.first().map(|finding| finding.severity));
    let mut lines = Vec::new();
    let mut hinted: Vec<Rule> = Vec::new();
    for group in groups {
        lines.push(group[0].series.to_string());
        for finding in group {
            lines.push(format!("  {}: {}", finding.severity, headline(finding)));
            if !finding.example.is_empty() {
                lines.push(format!("    first: {}", finding.example));
            }
            if finding.spans.len() > 1 {
                lines.push(format!("    {}", largest(&finding.spans)));
            }
            if let Some(hint) = finding.hint().filter(|_| !hinted.contains(&finding.rule)) {
                lines.push(format!("    hint: {hint}"));
                hinted.push(finding.rule);
            }
        }
    }
    if !strays.is_empty() {
        lines.push("files that are not the lake's".to_owned());
        lines.extend(strays.iter().map(|file| format!("  {stray}: stray_file: {file}")));
        lines.extend(check::hint(Rule::StrayFile).map(|hint| format!("    hint: {hint}")));
    }
    lines.join("\n")
}

fn headline(finding: &Finding) -> String {
    let (rule, message) = (finding.rule.name(), &finding.message);
    match (finding.first, finding.last) {
        (Some(first), Some(last)) if first < last => {
            format!("{rule}: {} from {first} to {last}: {message}", counted(finding.count, "case"))
        }
        (Some(first), _) => {
            format!("{rule}: {} at {first}: {message}", counted(finding.count, "case"))
        }
        (None, _) => format!("{rule}: {}: {message}", counted(finding.count, "case")),
    }
}

/// The longest stretches of time, in order of time.
fn largest(spans: &[Span]) -> String {
    let mut order: Vec<&Span> = spans.iter().collect();
    order.sort_by_key(|span| (span.from.0 - span.to.0, span.from));
    order.truncate(SPANS_SHOWN);
    order.sort_by_key(|span| span.from);
    let shown: Vec<String> =
        order.iter().map(|span| format!("{} to {}", span.from, span.to)).collect();
    if spans.len() > SPANS_SHOWN {
        format!("the longest of {}: {}", counted(spans.len(), "time"), shown.join(", "))
    } else {
        shown.join(", ")
    }
}

fn document(finding: &Finding) -> Value {
    json!({
        "severity": finding.severity.name(),
        "rule": finding.rule.name(),
        "policy": finding.policy.name(),
        "kind": finding.series.kind.name(),
        "venue": finding.series.venue,
        "symbol": finding.series.symbol,
        "interval": finding.series.interval,
        "count": finding.count,
        "first": finding.first,
        "last": finding.last,
        "example": finding.example,
        "message": finding.message,
        "hint": finding.hint(),
        "spans": finding
            .spans
            .iter()
            .map(|span| json!({ "from": span.from, "to": span.to, "count": span.count }))
            .collect::<Vec<_>>(),
    })
}
