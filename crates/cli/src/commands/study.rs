//! `plimsoll study`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};
use plimsoll_report::write_report;
use plimsoll_study::result::{AccountResult, StudyResult};
use plimsoll_study::{Places, Study, parse, run as run_study};
use serde_json::{Map, Value, json};

use super::use_threads;
use crate::args::{Global, StudyArguments};
use crate::error::CliError;
use crate::output::{Output, aligned, counted, grouped, wrapped};
use crate::progress::StudyBar;

pub(crate) fn run(
    arguments: &StudyArguments,
    global: &Global,
    output: Output,
) -> Result<ExitCode, CliError> {
    use_threads(arguments.threads)?;
    // All files are read before the first runs: a mistake in the last costs no waiting.
    let mut jobs: Vec<Job> = Vec::new();
    for file in &arguments.files {
        let text = std::fs::read_to_string(file)
            .map_err(|source| CliError::Io { path: file.clone(), source })?;
        let name = file.display().to_string();
        let folder = file.parent().unwrap_or(Path::new(""));
        let job = Job::new(&name, &text, &arguments.overrides, folder, &global.data)?;
        if let Some(other) = jobs.iter().find(|other| other.study.name == job.study.name) {
            return Err(CliError::usage(
                format!(
                    "{name}: its name is `{}`, as is that of {}, so that their reports would share \
                     a folder",
                    job.study.name, other.file
                ),
                "change `name` in one of them",
            ));
        }
        jobs.push(job);
    }
    let mut documents = Vec::new();
    for job in &jobs {
        let place = match (&arguments.out, jobs.len()) {
            (Some(out), 1) => out.clone(),
            (Some(out), _) => out.join(&job.study.name),
            (None, _) => Path::new("reports").join(&job.study.name),
        };
        let (result, page) = job.run(&place, output)?;
        if !documents.is_empty() {
            output.text("");
        }
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
pub(crate) struct Job {
    file: String,
    study: Study,
    places: Places,
}

impl Job {
    /// Reads the text of a strategy file; `strategy_dir` is where the files that it names are.
    pub(crate) fn new(
        file: &str,
        text: &str,
        overrides: &[String],
        strategy_dir: &Path,
        data_dir: &Path,
    ) -> Result<Self, CliError> {
        let study = parse(file, text, overrides)
            .map_err(|error| CliError::study(file, !overrides.is_empty(), error))?;
        let places =
            Places { data_dir: data_dir.to_owned(), strategy_dir: strategy_dir.to_owned() };
        Ok(Self { file: file.to_owned(), study, places })
    }

    /// Runs the study and writes its report; the result and the page.
    pub(crate) fn run(
        &self,
        place: &Path,
        output: Output,
    ) -> Result<(StudyResult, PathBuf), CliError> {
        if place.exists() && !place.is_dir() {
            return Err(CliError::usage(
                format!("{} is a file, no folder for a report", place.display()),
                "name another folder with --out",
            ));
        }
        let bar = StudyBar::new(output);
        let result = run_study(&self.study, &self.places, &bar);
        bar.finish();
        let result = result.map_err(|error| CliError::study(&self.file, false, error))?;
        let files = write_report(&result, place)?;
        Ok((result, files.page()))
    }
}

/// Columns of text on a terminal.
const WIDTH: usize = 110;

/// The summary table, the verdict and where the report is.
pub(crate) fn show(result: &StudyResult, page: &Path, output: Output) {
    output.text(&headline(result));
    output.text("");
    output.text(&aligned(&table(result)));
    output.text("");
    for sentence in &result.verdict.sentences {
        output.text(&wrapped(sentence, WIDTH));
    }
    let flags: Vec<_> = result.coverage.iter().flat_map(|symbol| &symbol.flags).collect();
    if !flags.is_empty() {
        output
            .text(&format!("\n{}; the report names them too:", counted(flags.len(), "data flag")));
    }
    for flag in flags {
        let text = format!("{}: {}", flag.name, flag.message);
        output.text(&format!("  {}", wrapped(&text, WIDTH - 4).replace('\n', "\n    ")));
    }
    output.text(&format!("\nreport: {}", page.display()));
}

fn headline(result: &StudyResult) -> String {
    let label = result.data_label.as_ref().map_or(String::new(), |label| format!(" [{label}]"));
    let n_symbols = result.symbols.len();
    let symbols = if n_symbols > 8 {
        format!("{} and {} more", result.symbols[..6].join(" "), n_symbols - 6)
    } else {
        result.symbols.join(" ")
    };
    format!(
        "{}{label}: {} {symbols} at {}\n{} to {}, {} margin, {}",
        result.name,
        result.venue,
        result.interval,
        result.from.date_string(),
        result.to.date_string(),
        result.settings.margin.name(),
        result.settings.intrabar.name(),
    )
}

fn table(result: &StudyResult) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH as u16)
        .set_header([
            "\nrule",
            "\ntrades",
            "CAGR\n%",
            "drawdown\nmax %",
            "Sharpe\n(se)",
            "P(ruin) %\n[95 %]",
            "times\nliquidated",
            "leverage\nmax",
            "equity\nfinal",
        ]);
    for (idx, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if idx == 8 { 0 } else { 2 }));
        if idx > 0 {
            column.set_cell_alignment(CellAlignment::Right);
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    for rule in &result.rules {
        let account = rule.account();
        table.add_row([
            rule.name.clone(),
            grouped(&account.outcome.trades.len().to_string()),
            number(account, "cagr", 100.0, 1),
            number(account, "max_drawdown", 100.0, 1),
            sharpe(account),
            ruin(account),
            grouped(&account.outcome.liquidated_positions().count().to_string()),
            number(account, "max_leverage", 1.0, 1),
            number(account, "final_equity", 1.0, 0),
        ]);
    }
    table
}

/// A metric times a factor, rounded.
fn number(account: &AccountResult, name: &str, factor: f64, digits: usize) -> String {
    account.value(name).map_or("n/a".to_owned(), |value| rounded(factor * value, digits))
}

fn rounded(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let is_zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
    grouped(if is_zero { text.trim_start_matches('-') } else { &text })
}

fn sharpe(account: &AccountResult) -> String {
    match (account.value("sharpe_annual"), account.value("sharpe_standard_error")) {
        (Some(sharpe), Some(error)) => format!("{} ({error:.2})", rounded(sharpe, 2)),
        (Some(sharpe), None) => rounded(sharpe, 2),
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
            format!("{:.1} [{:.0}, {:.0}]", 100.0 * p, 100.0 * low, 100.0 * high)
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
