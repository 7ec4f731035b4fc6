//! What can go wrong with a study, with the place and the mend.

use std::ops::Range;
use std::path::PathBuf;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use plimsoll_venue::VenueError;

use crate::wording::Wording;

/// One mistake in a strategy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Bytes of the text that it is about.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
}

impl Problem {
    /// A mistake at a place.
    pub(crate) fn at(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None }
    }

    /// A mistake at a place, put into words.
    pub(crate) fn worded(span: Range<usize>, wording: Wording) -> Self {
        Self { span, message: wording.message, hint: wording.hint }
    }

    /// The same with a mend.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Every mistake of a strategy file, together.
#[derive(Debug)]
pub struct StrategyProblems {
    /// The file's name.
    pub file: String,
    /// Its text as it was read, overrides included.
    pub text: String,
    /// The mistakes, in the order of the file.
    pub problems: Vec<Problem>,
    shown: Vec<ShownProblem>,
}

impl StrategyProblems {
    /// Sorts the mistakes by place and drops repetitions.
    pub(crate) fn new(file: &str, text: &str, found: Vec<Problem>) -> Self {
        let mut problems: Vec<Problem> = Vec::with_capacity(found.len());
        for problem in found {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        problems.sort_by_key(|problem| problem.span.start);
        let shown = problems
            .iter()
            .map(|problem| ShownProblem {
                source: NamedSource::new(file, text.to_owned()).with_language("toml"),
                problem: problem.clone(),
            })
            .collect();
        Self { file: file.to_owned(), text: text.to_owned(), problems, shown }
    }

    /// Line and column of a problem, both from 1.
    pub fn position(&self, problem: &Problem) -> (usize, usize) {
        let start = problem.span.start.min(self.text.len());
        let before = &self.text[..self.text.floor_char_boundary(start)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
        (line, column)
    }
}

impl std::fmt::Display for StrategyProblems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self.problems.len();
        let noun = if count == 1 { "mistake" } else { "mistakes" };
        write!(f, "{}: {count} {noun}", self.file)
    }
}

impl std::error::Error for StrategyProblems {}

impl Diagnostic for StrategyProblems {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.shown.iter().map(|shown| shown as &dyn Diagnostic)))
    }
}

#[derive(Debug)]
struct ShownProblem {
    source: NamedSource<String>,
    problem: Problem,
}

impl std::fmt::Display for ShownProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.problem.message)
    }
}

impl std::error::Error for ShownProblem {}

impl Diagnostic for ShownProblem {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.problem.span.clone();
        Some(Box::new(std::iter::once(LabeledSpan::underline(span))))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.problem.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn std::fmt::Display>)
    }
}

/// An error of reading or running a study.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum StudyError {
    /// The strategy file is written wrongly.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Strategy(Box<StrategyProblems>),
    /// A `--set` that is not `key=value`.
    #[error("--set {text}: {reason}")]
    #[diagnostic(help("write a dotted key and a TOML value, such as --set account.leverage=5"))]
    BadOverride {
        /// The text as given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file could not be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The data are missing or not fit.
    #[error(transparent)]
    Market(#[from] plimsoll_market::MarketError),
    /// The venue's tables do not reach.
    #[error(transparent)]
    Venue(#[from] VenueError),
    /// The signal could not be evaluated.
    #[error(transparent)]
    Signal(#[from] plimsoll_signal::SignalError),
    /// The period holds no bar.
    #[error("the period from {from} to {to} holds no whole bar of {interval}")]
    EmptyPeriod {
        /// Start.
        from: plimsoll_market::Timestamp,
        /// End.
        to: plimsoll_market::Timestamp,
        /// Bar length.
        interval: plimsoll_market::Interval,
    },
    /// Too few simulated worlds for an interval over them.
    #[error("{worlds} worlds are too few; at least {least} are needed")]
    TooFewWorlds {
        /// How many were asked for.
        worlds: usize,
        /// Fewest.
        least: usize,
    },
    /// The rule to compare with is not among the rules.
    #[error("there is no rule `{baseline}` to compare with")]
    UnknownBaseline {
        /// Its name.
        baseline: String,
    },
}

impl StudyError {
    /// Whether the command or a file was written wrongly (exit code 2), as against data that are
    /// missing or work that failed (exit code 1).
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Strategy(_)
                | Self::BadOverride { .. }
                | Self::TooFewWorlds { .. }
                | Self::UnknownBaseline { .. }
        )
    }

    /// How to mend it, where the message does not say so itself.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Market(plimsoll_market::MarketError::NoData { .. }) => Some(
                "run `plimsoll data ls` for what the lake holds and `plimsoll ingest` to add to it"
                    .to_owned(),
            ),
            Self::Venue(VenueError::NoPortfolioMargin { .. }) => Some(
                "set account.margin to \"cross\" or \"isolated\"; Bybit and OKX have figures"
                    .to_owned(),
            ),
            Self::Venue(VenueError::MissingFigure { venue, figure, underlying }) => Some(format!(
                "name a TOML file in data.tables with\n[[figure]]\nvenue = \"{venue}\"\nfigure = \
                 \"{figure}\"\nunderlyings = [\"{underlying}\"]\nfrom = \"2024-01-01\"\nvalues = \
                 [...]\nstatus = \"user\"\nsource = \"...\""
            )),
            Self::EmptyPeriod { .. } => Some("set data.from before data.to".to_owned()),
            _ => None,
        }
    }
}
