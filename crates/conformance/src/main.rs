//! `plimsoll-conformance`: holds the library against values that other programs computed.
//!
//! A golden folder has series in CSV files and cases in JSON files. A case names a metric, an
//! input column, parameters, the expected value and how far from it a right answer may lie. This
//! program computes every adopted case through the library crates and prints the value beside the
//! expectation. The folder may be any that keeps to the format; what a metric sees of a case
//! ([`Question`]) does not contain the expectation.
//!
//! ```text
//! plimsoll-conformance ../golden > lines.jsonl
//! ```
//!
//! Standard output has one JSON line a case, standard error the totals. The exit code is 0 where
//! every case passes, 1 where one fails or has a metric that nothing computes, 2 where the command
//! or the folder is unusable.
//!
//! - `case`: reading the folder; `question`: what a metric may see
//! - `metrics`: the metric names, one module a topic
//! - `compare`: tolerances; `report`: verdicts, lines and totals

mod case;
mod compare;
mod metrics;
mod question;
mod report;

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::case::{Case, Kind, read_folder};
use crate::question::Question;
use crate::report::{Outcome, Totals};

const HELP: &str = "\
Computes every adopted case of a golden folder and compares it with the expected value.

Usage: plimsoll-conformance DIR

  DIR   a folder of case files (*.json) and the series they name

Standard output has one JSON line a case: file, id, metric, value, expected, verdict
(pass, fail, unknown metric) and, where there is something to say, reason.
Standard error has the totals.

Exit code: 0 all pass; 1 a case fails or its metric is unknown; 2 wrong usage or unreadable DIR.

Example:
  plimsoll-conformance ../golden > lines.jsonl
";

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let folder = match arguments.as_slice() {
        [word] if word == "--help" || word == "-h" => return print_help(),
        [word] if !word.starts_with('-') => PathBuf::from(word),
        _ => {
            eprintln!("error: expected one argument, the golden folder\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(&folder) {
        Ok(totals) => {
            eprint!("{}", totals.table());
            ExitCode::from(u8::from(!totals.all_passed()))
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn print_help() -> ExitCode {
    match io::stdout().write_all(HELP.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Runs every case of the folder, in the order of file names and of the cases in them.
fn run(folder: &Path) -> Result<Totals, Box<dyn std::error::Error>> {
    let files = read_folder(folder)?;
    // A panic is a failed case with its message in the reason, not a backtrace.
    std::panic::set_hook(Box::new(|_| {}));
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut totals = Totals::default();
    for file in &files {
        totals.begin(&file.name);
        for case in &file.cases {
            let outcome = judge(folder, case);
            totals.add(&case.metric, outcome.verdict);
            writeln!(out, "{}", outcome.line(&file.name, case))?;
        }
    }
    out.flush()?;
    Ok(totals)
}

fn judge(folder: &Path, case: &Case) -> Outcome {
    if let Some(why) = &case.malformed {
        return Outcome::failed(why.clone());
    }
    let question = Question {
        folder,
        id: &case.id,
        metric: &case.metric,
        input: &case.input,
        params: &case.params,
    };
    let compute = || match case.kind {
        Kind::Case => metrics::compute(&question),
        Kind::Published => metrics::published::compute(&question),
    };
    let Ok(answer) = catch_unwind(AssertUnwindSafe(compute)) else {
        return Outcome::failed("the computation panicked".to_owned());
    };
    Outcome::of(answer, |value| match case.kind {
        Kind::Case => compare::compare(&case.metric, value, &case.expected, &case.tolerance),
        Kind::Published => compare::compare_published(value, &case.expected, &case.tolerance),
    })
}
