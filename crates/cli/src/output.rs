//! Results on stdout, everything else on stderr.

use std::io::{IsTerminal, Write};
use std::process;

use miette::{GraphicalReportHandler, GraphicalTheme};
use plimsoll_ingest::IngestError;
use plimsoll_study::StudyError;
use serde::Serialize;

use crate::args::Global;
use crate::error::CliError;

/// Where a command prints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// One JSON document on stdout and nothing else there.
    pub(crate) json: bool,
    /// Errors only on stderr.
    pub(crate) quiet: bool,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        Self { json: global.json, quiet: global.quiet }
    }

    /// A line of a result. A reader that has gone away is no error.
    pub(crate) fn line(self, text: &str) {
        if writeln!(std::io::stdout().lock(), "{text}").is_err() {
            process::exit(0);
        }
    }

    /// A result for people; nothing under `--json`.
    pub(crate) fn text(self, text: &str) {
        if !self.json {
            self.line(text);
        }
    }

    /// A result for programs; nothing without `--json`.
    pub(crate) fn document(self, document: &impl Serialize) {
        if self.json {
            self.line(&json_text(document));
        }
    }

    /// Something worth saying that is no result.
    pub(crate) fn message(self, text: &str) {
        if !self.quiet {
            to_stderr(text);
        }
    }

    /// What went wrong, with its place and its mend.
    pub(crate) fn error(self, error: &CliError) {
        match error {
            CliError::Study(StudyError::Strategy(problems)) => {
                let theme = if std::io::stderr().is_terminal() {
                    GraphicalTheme::unicode()
                } else {
                    GraphicalTheme::unicode_nocolor()
                };
                let handler =
                    GraphicalReportHandler::new_themed(theme).with_width(100).with_links(false);
                let mut text = String::new();
                if handler.render_report(&mut text, problems.as_ref()).is_ok() {
                    to_stderr(text.trim_end());
                } else {
                    to_stderr(&format!("error: {problems}"));
                }
                for problem in &problems.problems {
                    let (line, column) = problems.position(problem);
                    to_stderr(&format!(
                        "error: {}:{line}:{column}: {}",
                        problems.file, problem.message
                    ));
                }
            }
            CliError::Ingest(IngestError::BadFiles { failures, .. }) => {
                for failure in failures {
                    to_stderr(&format!("error: {failure}"));
                    if let Some(hint) = failure.hint() {
                        to_stderr(&format!("  hint: {hint}"));
                    }
                }
            }
            _ => {
                to_stderr(&format!("error: {error}"));
                let mut source = std::error::Error::source(error);
                while let Some(cause) = source {
                    let text = cause.to_string();
                    if !error.to_string().contains(&text) {
                        to_stderr(&format!("  caused by: {text}"));
                    }
                    source = cause.source();
                }
                if let Some(hint) = error.hint() {
                    to_stderr(&format!("  hint: {hint}"));
                }
            }
        }
    }
}

fn json_text(document: &impl Serialize) -> String {
    serde_json::to_string_pretty(document)
        .unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
}

/// A reader of stderr that has gone away is no error.
fn to_stderr(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
