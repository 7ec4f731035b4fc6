//! What a section is made of.

use askama::Template;
use plimsoll_study::result::AccountResult;

use super::Context;
use crate::chart::Figure;
use crate::tables::full_precision;
use crate::words;

/// A piece of a section, without markup.
#[derive(Clone, Debug)]
pub enum Block {
    /// The answer, in large letters.
    Lead(String),
    /// A paragraph.
    Text(String),
    /// What must not be overlooked.
    Note(String),
    /// A heading inside the section.
    Heading(String),
    /// Sentences of equal weight.
    List(Vec<String>),
    /// A table.
    Table(Table),
    /// A table that opens on demand, under a line that says what it holds.
    Folded(String, Table),
    /// A chart.
    Figure {
        /// Heading of the chart.
        title: String,
        /// What to see in it.
        caption: String,
        /// The drawing.
        figure: Figure,
        /// Name of its data for the page's cursor; empty without a cursor.
        cursor: &'static str,
    },
    /// Buttons that show and hide rules.
    Legend(Legend),
    /// Names of fill patterns.
    Patterns(Vec<(usize, String)>),
    /// Text as it stands in a file.
    Verbatim(String),
}

/// The rules that charts show.
#[derive(Clone, Debug, Template)]
#[template(path = "legend.html")]
pub struct Legend {
    /// Style, key letter and name.
    pub rules: Vec<(usize, String, String)>,
    /// Says which rules are not drawn; empty if all are.
    pub rest: String,
}

impl Legend {
    pub(crate) fn of(context: &Context<'_>) -> Self {
        let (keys, rules) = (&context.keys, &context.result.rules);
        let rest = rules.len() - keys.drawn.len();
        Self {
            rules: keys
                .drawn()
                .map(|(rule, style)| (style, keys.key(rule).to_owned(), rules[rule].name.clone()))
                .collect(),
            rest: if rest == 0 {
                String::new()
            } else {
                format!(
                    "Drawn are the baseline, the winner and those that ended with most; {rest} \
                     more are in the tables and in equity.parquet."
                )
            },
        }
    }
}

/// A table of cells under headings.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "table.html")]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Headings.
    pub columns: Vec<Column>,
    /// Rows, as long as the headings.
    pub rows: Vec<Vec<Cell>>,
}

/// A heading.
#[derive(Clone, Debug)]
pub struct Column {
    /// Words.
    pub label: String,
    /// What it means; empty where the words say it.
    pub meaning: String,
    /// Whether its cells are numbers.
    pub is_number: bool,
}

/// A cell.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// What is shown.
    pub text: String,
    /// What the column is sorted by, if not the text.
    pub sort: String,
    /// More about it, shown on pointing at it.
    pub title: String,
    /// Key letter and style of a rule before the text.
    pub key: Option<(String, Option<usize>)>,
    /// Length of a bar behind the text, 0 to 1.
    pub bar: Option<f64>,
    /// Whether the value is undefined.
    pub is_undefined: bool,
}

impl Table {
    /// A table without rows. A heading is `label` or `label|meaning`; one that begins with `#` is
    /// of numbers.
    pub(crate) fn new(caption: impl Into<String>, headings: &[&str]) -> Self {
        let columns = headings.iter().map(|heading| Column::of(heading)).collect();
        Self { caption: caption.into(), columns, rows: Vec::new() }
    }
}

impl Column {
    pub(crate) fn of(heading: &str) -> Self {
        let (label, meaning) = heading.split_once('|').unwrap_or((heading, ""));
        let is_number = label.starts_with('#');
        Self {
            label: label.trim_start_matches('#').to_owned(),
            meaning: meaning.to_owned(),
            is_number,
        }
    }

    /// Numbers under a name that is not ours.
    pub(crate) fn numbers(label: impl Into<String>) -> Self {
        Self { label: label.into(), meaning: String::new(), is_number: true }
    }
}

impl Cell {
    /// Words.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A number as `text`, sorted by its value.
    pub(crate) fn number(text: impl Into<String>, value: f64) -> Self {
        Self { text: text.into(), sort: full_precision(value), ..Self::default() }
    }

    /// A number that may be undefined, for the reason given.
    pub(crate) fn optional(
        value: Option<f64>,
        write: impl FnOnce(f64) -> String,
        reason: Option<&str>,
    ) -> Self {
        match value {
            Some(value) => Self::number(write(value), value),
            None => Self {
                text: "n/a".to_owned(),
                title: reason.unwrap_or_default().to_owned(),
                is_undefined: true,
                ..Self::default()
            },
        }
    }

    /// A metric of an account in its own unit.
    pub(crate) fn metric(account: &AccountResult, name: &str) -> Self {
        let reason = account.reason(name);
        let reason = if account.metrics.iter().any(|metric| metric.name == name) {
            reason
        } else {
            Some("not measured by this study")
        };
        let value = account.value(name);
        let cell = Self::optional(value, |value| words::metric(name, value), reason);
        // A defined value may have a remark too.
        Self { title: reason.unwrap_or_default().to_owned(), ..cell }
    }

    /// A rule's key letter and name.
    pub(crate) fn rule(context: &Context<'_>, rule: usize) -> Self {
        Self {
            text: context.result.rules[rule].name.clone(),
            key: Some((context.keys.key(rule).to_owned(), context.keys.style(rule))),
            ..Self::default()
        }
    }

    /// A rule by its name; the bare name where no such rule is in the study.
    pub(crate) fn rule_named(context: &Context<'_>, name: &str) -> Self {
        match context.result.rules.iter().position(|rule| rule.name == name) {
            Some(rule) => Self::rule(context, rule),
            None => Self::text(name),
        }
    }

    /// A share with a bar behind it.
    pub(crate) fn share(value: f64) -> Self {
        Self { bar: Some(value.clamp(0.0, 1.0)), ..Self::number(words::percent(value), value) }
    }

    /// Whether the text may be broken into lines.
    pub(crate) fn is_long(&self) -> bool {
        self.text.chars().count() > 28
    }

    /// Width of the bar in per cent.
    pub(crate) fn bar_width(&self) -> Option<String> {
        self.bar.map(|share| format!("{:.1}", share * 100.0))
    }
}
