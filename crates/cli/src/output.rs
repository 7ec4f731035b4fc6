//! Results on stdout, everything else on stderr.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{ErrorKind, IsTerminal, Write};
use std::process;

use clap::builder::styling::{AnsiColor, Style};
use plimsoll_ingest::{IngestError, SettingsError};
use plimsoll_study::{Problem, StrategyProblems};
use serde::Serialize;

use crate::args::Global;
use crate::error::{CliError, FAILED};

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

    /// A result for people; nothing under `--json`.
    pub(crate) fn text(self, text: &str) {
        if !self.json {
            line(text);
        }
    }

    /// A result for programs; nothing without `--json`.
    pub(crate) fn document(self, document: &impl Serialize) {
        if self.json {
            line(&json_text(document));
        }
    }

    /// Something worth saying that is no result.
    pub(crate) fn message(self, text: &str) {
        if !self.quiet {
            to_stderr(text);
        }
    }
}

/// A line of a result. A reader that has gone away is no error, a full disk is one.
pub(crate) fn line(text: &str) {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            to_stderr(&format!("{} stdout: {error}", error_word()));
            process::exit(FAILED.into());
        }
        _ => {}
    }
}

/// What went wrong, each mistake with its place and its mend.
pub(crate) fn error(error: &CliError) {
    match error {
        CliError::Strategy { problems, has_overrides } => {
            to_stderr(&strategy_text(problems, *has_overrides));
        }
        CliError::Ingest(IngestError::BadFiles { failures, .. }) => {
            for failure in failures {
                show(&failure.to_string(), failure.hint().as_deref());
            }
        }
        CliError::Settings(SettingsError::Mistakes { file, mistakes }) => {
            for (idx, mistake) in mistakes.0.iter().enumerate() {
                let is_last = idx + 1 == mistakes.0.len();
                let hint = error.hint().filter(|_| is_last);
                show(&format!("{file}:{mistake}"), hint.as_deref());
            }
        }
        _ => {
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                let cause_text = cause.to_string();
                if !text.contains(&cause_text) {
                    let _ = write!(text, ": {cause_text}");
                }
                source = cause.source();
            }
            show(&text, error.hint().as_deref());
        }
    }
}

/// A failure that does not end the command.
pub(crate) fn failure(message: &str) {
    show(message, None);
}

/// A count and its noun.
pub(crate) fn counted(count: usize, singular: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {singular}{plural}", grouped(&count.to_string()))
}

/// A decimal number with a comma between thousands.
pub(crate) fn grouped(number: &str) -> String {
    let end = number.find('.').unwrap_or(number.len());
    let start = number.find(|c: char| c.is_ascii_digit()).unwrap_or(end);
    let mut text = String::with_capacity(number.len() + number.len() / 3);
    for (idx, digit) in number.char_indices() {
        if idx > start && idx < end && (end - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A table without the spaces at the ends of its lines.
pub(crate) fn aligned(table: &comfy_table::Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Columns of the terminal that stdout is, of `COLUMNS`, or 120.
pub(crate) fn terminal_width() -> usize {
    const DEFAULT: usize = 120;
    let by_variable = || std::env::var("COLUMNS").ok()?.parse().ok();
    let by_terminal = || terminal_size::terminal_size().map(|(width, _)| width.0.into());
    by_variable().or_else(by_terminal).unwrap_or(DEFAULT)
}

/// Text broken between words so that no line is longer than `width`, unless a word is.
pub(crate) fn wrapped(text: &str, width: usize) -> String {
    let mut lines = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let word_length = word.chars().count();
        if length > 0 {
            let is_full = length + 1 + word_length > width;
            lines.push(if is_full { '\n' } else { ' ' });
            length = if is_full { 0 } else { length + 1 };
        }
        lines.push_str(word);
        length += word_length;
    }
    lines
}

/// Every mistake of a strategy file, with the line that it stands in underlined.
fn strategy_text(problems: &StrategyProblems, has_overrides: bool) -> String {
    let mut text = String::new();
    for problem in &problems.problems {
        let (line, column) = problems.position(problem);
        let _ = writeln!(
            text,
            "{} {}:{line}:{column}: {}",
            error_word(),
            problems.file,
            problem.message
        );
        underline(&mut text, problems, problem);
        if let Some(hint) = &problem.hint {
            let _ = writeln!(text, "  hint: {hint}");
        }
    }
    if has_overrides {
        text.push_str("  note: the lines are those of the file with the values of --set in it\n");
    }
    text.trim_end().to_owned()
}

fn underline(text: &mut String, problems: &StrategyProblems, problem: &Problem) {
    let (number, column) = problems.position(problem);
    let line = problems.text.lines().nth(number - 1).unwrap_or_default();
    if line.trim().is_empty() {
        return;
    }
    let before = line.chars().take(column - 1);
    let indent: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    let marked = problems.text.get(problem.span.clone()).unwrap_or_default();
    let room = line.chars().count().saturating_sub(column - 1);
    let carets = marked.lines().next().unwrap_or_default().chars().count().min(room).max(1);
    let gutter = " ".repeat(number.to_string().len());
    let _ = writeln!(
        text,
        "  {number} | {line}\n  {gutter} | {indent}{}",
        coloured(&"^".repeat(carets))
    );
}

fn show(message: &str, hint: Option<&str>) {
    to_stderr(&format!("{} {message}", error_word()));
    if let Some(hint) = hint {
        to_stderr(&format!("  hint: {hint}"));
    }
}

fn error_word() -> String {
    coloured("error:")
}

/// Red on a terminal, unless `NO_COLOR` asks for none. Nothing depends on it.
fn coloured(text: &str) -> String {
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if is_plain || !std::io::stderr().is_terminal() {
        return text.to_owned();
    }
    let style = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    format!("{style}{text}{style:#}")
}

fn json_text(document: &impl Serialize) -> String {
    serde_json::to_string_pretty(document)
        .unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
}

/// A reader of stderr that has gone away is no error.
fn to_stderr(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{counted, grouped, wrapped};

    proptest! {
        #[test]
        fn grouping_adds_commas_only(number in -1e12..1e12, digits in 0_usize..4) {
            let plain = format!("{number:.digits$}");
            let text = grouped(&plain);
            prop_assert_eq!(text.replace(',', ""), plain);
            let whole = text.split('.').next().unwrap_or_default();
            prop_assert!(whole.split(',').skip(1).all(|group| group.len() == 3));
            prop_assert!((1..=4).contains(&whole.split(',').next().map_or(0, str::len)));
        }

        #[test]
        fn wrapping_keeps_the_words(text in "[a-zé ]{0,80}", width in 1_usize..30) {
            let lines = wrapped(&text, width);
            prop_assert!(lines.split_whitespace().eq(text.split_whitespace()));
            let fits = |line: &str| line.chars().count() <= width || !line.contains(' ');
            prop_assert!(lines.lines().all(fits), "{lines}");
        }
    }

    #[test]
    fn thousands_are_grouped() {
        for (plain, expected) in [
            ("0", "0"),
            ("999", "999"),
            ("1000", "1,000"),
            ("-1000", "-1,000"),
            ("-100", "-100"),
            ("1234567.8901", "1,234,567.8901"),
        ] {
            assert_eq!(grouped(plain), expected);
        }
        assert_eq!(counted(1, "file"), "1 file");
        assert_eq!(counted(1_031_988, "row"), "1,031,988 rows");
    }

    #[test]
    fn long_text_is_broken_between_words() {
        assert_eq!(wrapped("one two three", 7), "one two\nthree");
        assert_eq!(wrapped("incomprehensible is long", 5), "incomprehensible\nis\nlong");
        assert_eq!(wrapped("", 5), "");
    }
}
