//! `plimsoll data check`

use std::collections::BTreeMap;
use std::process::ExitCode;

use plimsoll_ingest::check::strays;
use plimsoll_ingest::{Finding, Rule, Severity, Span, check, check_with};
use plimsoll_market::Lake;
use serde_json::{Value, json};

use super::{INGEST_HINT, chosen, empty};
use crate::args::{CheckArguments, Global};
use crate::commands::settings;
use crate::error::{CliError, FAILED};
use crate::output::{Output, counted};

/// How many stretches of time a finding shows in text; JSON has all of them.
const SPANS_SHOWN: usize = 3;

pub(super) fn run(
    arguments: &CheckArguments,
    global: &Global,
    lake: &Lake,
    output: Output,
) -> Result<ExitCode, CliError> {
    let policies = &settings::read(&arguments.settings, global, output)?.policies;
    let selection = arguments.selection();
    let n_series = match &selection {
        Some(selection) => chosen(lake, selection)?.len(),
        None => lake.series()?.len(),
    };
    // All is looked through all the same: series are held against each other.
    let mut findings = check_with(lake, policies)?;
    if let Some(selection) = &selection {
        findings.retain(|finding| selection.holds(&finding.series));
    }
    let root = lake.root();
    let below_root = |path: &std::path::PathBuf| {
        path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
    };
    let strays: Vec<String> = match selection {
        Some(_) => Vec::new(),
        None => strays(lake)?.iter().map(below_root).collect(),
    };
    let stray = check::severity(Rule::StrayFile, policies.of(Rule::StrayFile));
    let found = text(&findings, &strays, stray);
    if !found.is_empty() {
        output.text(&found);
        output.text(&by_rule(&findings, &strays, stray));
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
            "count": 1,
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
                let which = if finding.shows_largest() { "largest" } else { "first" };
                lines.push(format!("    {which}: {}", finding.example));
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

/// A line a rule and severity, the worst first: how many series, how many cases.
fn by_rule(findings: &[Finding], strays: &[String], stray: Severity) -> String {
    let mut sums: BTreeMap<(Severity, Rule), (usize, usize)> = BTreeMap::new();
    for finding in findings {
        let (n_findings, n_cases) = sums.entry((finding.severity, finding.rule)).or_default();
        *n_findings += 1;
        *n_cases += finding.count;
    }
    let mut lines = vec!["by rule".to_owned()];
    lines.extend(sums.iter().map(|((severity, rule), &(n_findings, n_cases))| {
        let found = counted(n_findings, "finding");
        format!("  {severity}: {}: {found}, {}", rule.name(), counted(n_cases, "case"))
    }));
    if !strays.is_empty() {
        lines.push(format!("  {stray}: stray_file: {}", counted(strays.len(), "file")));
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
