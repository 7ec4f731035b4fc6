//! `plimsoll study`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use comfy_table::{CellAlignment, Table, presets};
use plimsoll_report::write_report;
use plimsoll_study::result::{AccountResult, StudyResult};
use plimsoll_study::{Places, parse, run as run_study};
use serde_json::{Map, Value, json};

use super::use_threads;
use crate::args::{Global, StudyArguments};
use crate::error::CliError;
use crate::output::Output;
use crate::progress::StudyBar;

pub(crate) fn run(
    arguments: &StudyArguments,
    global: &Global,
    output: &Output,
) -> Result<ExitCode, CliError> {
    use_threads(arguments.threads)?;
    let mut documents = Vec::new();
    for file in &arguments.files {
        let text = std::fs::read_to_string(file)
            .map_err(|source| CliError::Io { path: file.clone(), source })?;
        let job = Job {
            file: &file.display().to_string(),
            text: &text,
            overrides: &arguments.overrides,
            strategy_dir: file.parent().unwrap_or(Path::new("")),
            data_dir: &global.data,
        };
        let place = |name: &str| match (&arguments.out, arguments.files.len()) {
            (Some(out), 1) => out.clone(),
            (Some(out), _) => out.join(name),
            (None, _) => Path::new("reports").join(name),
        };
        let (result, page) = job.run(place, output)?;
        show(&result, &page, output);
        documents.push(document(&result, &page));
    }
    match documents.as_slice() {
        [only] => output.document(only),
        several => output.document(&several),
    }
    Ok(ExitCode::SUCCESS)
}

/// One strategy to be run.
pub(crate) struct Job<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
    pub(crate) overrides: &'a [String],
    pub(crate) strategy_dir: &'a Path,
    pub(crate) data_dir: &'a Path,
}

impl Job<'_> {
    /// Runs the study and writes its report; the result and the page.
    pub(crate) fn run(
        &self,
        place: impl Fn(&str) -> PathBuf,
        output: &Output,
    ) -> Result<(StudyResult, PathBuf), CliError> {
        let study = parse(self.file, self.text, self.overrides)?;
        let places = Places {
            data_dir: self.data_dir.to_owned(),
            strategy_dir: self.strategy_dir.to_owned(),
        };
        let bar = StudyBar::new(*output);
        let result = run_study(&study, &places, &bar);
        bar.finish();
        let result = result?;
        let files = write_report(&result, &place(&result.name))?;
        Ok((result, files.page()))
    }
}

/// The summary table, the verdict and where the report is.
pub(crate) fn show(result: &StudyResult, page: &Path, output: &Output) {
    output.text(&headline(result));
    output.text(&table(result).to_string());
    for sentence in &result.verdict.sentences {
        output.text(sentence);
    }
    let flags: usize = result.coverage.iter().map(|symbol| symbol.flags.len()).sum();
    if flags > 0 {
        let noun = if flags == 1 { "flag" } else { "flags" };
        output.text(&format!("{flags} data {noun}; the report names them:"));
        for flag in result.coverage.iter().flat_map(|symbol| &symbol.flags) {
            output.text(&format!("  {}: {}", flag.name, flag.message));
        }
    }
    output.text(&format!("report: {}", page.display()));
}

fn headline(result: &StudyResult) -> String {
    let label = result.data_label.as_ref().map_or(String::new(), |label| format!(" [{label}]"));
    format!(
        "{}{label}: {} {} at {}, {} to {}, {} margin, {}",
        result.name,
        result.venue,
        result.symbols.join(" "),
        result.interval,
        result.from.date_string(),
        result.to.date_string(),
        result.settings.margin.name(),
        result.settings.intrabar.name(),
    )
}

fn table(result: &StudyResult) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_header([
        "rule",
        "trades",
        "CAGR",
        "max drawdown",
        "Sharpe (se)",
        "P(ruin) [95 %]",
        "liquidations",
        "max leverage",
        "final equity",
    ]);
    for column in 1..9 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for rule in &result.rules {
        let account = rule.account();
        table.add_row([
            rule.name.clone(),
            account.outcome.trades.len().to_string(),
            percent(account, "cagr"),
            percent(account, "max_drawdown"),
            sharpe(account),
            ruin(account),
            account.outcome.liquidations.len().to_string(),
            number(account, "max_leverage", 1),
            number(account, "final_equity", 0),
        ]);
    }
    table
}

fn percent(account: &AccountResult, name: &str) -> String {
    account.value(name).map_or("n/a".to_owned(), |value| format!("{:.1} %", 100.0 * value))
}

fn number(account: &AccountResult, name: &str, digits: usize) -> String {
    account.value(name).map_or("n/a".to_owned(), |value| format!("{value:.digits$}"))
}

fn sharpe(account: &AccountResult) -> String {
    match (account.value("sharpe_annual"), account.value("sharpe_standard_error")) {
        (Some(sharpe), Some(error)) => format!("{sharpe:.2} ({error:.2})"),
        (Some(sharpe), None) => format!("{sharpe:.2}"),
        _ => "n/a".to_owned(),
    }
}

fn ruin(account: &AccountResult) -> String {
    if account.is_ruined() {
        return "ruined".to_owned();
    }
    match (
        account.value("ruin_probability"),
        account.value("ruin_probability_low"),
        account.value("ruin_probability_high"),
    ) {
        (Some(p), Some(low), Some(high)) => {
            format!("{:.1} % [{:.1}, {:.1}]", 100.0 * p, 100.0 * low, 100.0 * high)
        }
        _ => "n/a".to_owned(),
    }
}

/// The result for programs: every metric by its name, undefined ones null with a reason.
pub(crate) fn document(result: &StudyResult, page: &Path) -> Value {
    let rules: Vec<Value> = result
        .rules
        .iter()
        .flat_map(|rule| rule.accounts.iter().map(move |account| (rule, account)))
        .map(|(rule, account)| {
            let mut row = Map::new();
            row.insert("rule".to_owned(), json!(rule.name));
            row.insert("symbol".to_owned(), json!(account.scope));
            let mut reasons = Map::new();
            for metric in &account.metrics {
                row.insert(metric.name.clone(), json!(metric.value));
                if let Some(reason) = &metric.reason {
                    reasons.insert(metric.name.clone(), json!(reason));
                }
            }
            row.insert("reasons".to_owned(), Value::Object(reasons));
            Value::Object(row)
        })
        .collect();
    json!({
        "name": result.name,
        "data_label": result.data_label,
        "venue": result.venue,
        "symbols": result.symbols,
        "interval": result.interval,
        "from": result.from,
        "to": result.to,
        "rules": rules,
        "comparisons": result.comparisons,
        "verdict": result.verdict,
        "sensitivity": result.sensitivity,
        "notes": result.notes,
        "flags": result.coverage.iter().flat_map(|symbol| &symbol.flags).map(|flag| json!({
            "name": flag.name,
            "kind": flag.kind.name(),
            "count": flag.count,
            "first": flag.first,
            "message": flag.message,
        })).collect::<Vec<_>>(),
        "receipt": result.receipt,
        "report": page.display().to_string(),
    })
}
