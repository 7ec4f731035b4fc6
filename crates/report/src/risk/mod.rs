//! The risk statistics of one series of returns as one page.
//!
//! [`page`] takes sections of words, tables and plots that are computed elsewhere and writes them
//! down in the clothes of a study's report: one file without outside reference that works without
//! its script. [`write_page`] puts it into place whole or not at all.
//!
//! ```
//! use plimsoll_report::risk::{RiskCell, RiskReport, RiskSection, RiskTable, page};
//!
//! let table = RiskTable {
//!     caption: "Tails".to_owned(),
//!     headings: vec!["Method".to_owned(), "#VaR".to_owned()],
//!     rows: vec![vec![
//!         RiskCell::text("gpd"),
//!         RiskCell::Undefined { reason: "too few losses".to_owned() },
//!     ]],
//! };
//! let section = RiskSection { id: "tails", title: "Tails", tables: vec![table], ..RiskSection::default() };
//! let report = RiskReport { name: "r".to_owned(), sections: vec![section], ..RiskReport::default() };
//! assert!(page(&report)?.contains("too few losses"));
//! # Ok::<(), plimsoll_report::ReportError>(())
//! ```

use std::path::Path;

use crate::chart::plot::{self, Series};
pub use crate::chart::plot::{Axis, AxisUnit, Form};
use crate::error::ReportError;
use crate::page::blocks::{Block, Cell, Legend, Table};
use crate::page::rules::letters;
use crate::page::{Section, alone};
use crate::publish::publish_file;

/// Where the figures stand in full.
const PRECISION: &str = "`plimsoll risk --json` gives every figure in full precision.";
/// Styles that the page has.
const STYLES: usize = 12;

/// Everything that the page shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RiskReport {
    /// Heading of the page.
    pub name: String,
    /// The series in a few words each.
    pub facts: Vec<String>,
    /// Names of the styles of all plots, in their order; their keys are A, B, C.
    pub styles: Vec<String>,
    /// The sections, in the order of the page.
    pub sections: Vec<RiskSection>,
    /// Version of the program.
    pub version: String,
}

/// One section of the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RiskSection {
    /// Anchor in the page.
    pub id: &'static str,
    /// Heading.
    pub title: &'static str,
    /// The answer in a sentence; empty for none.
    pub lead: String,
    /// Paragraphs below it.
    pub texts: Vec<String>,
    /// What must not be overlooked.
    pub notes: Vec<String>,
    /// The plots.
    pub figures: Vec<RiskFigure>,
    /// The tables.
    pub tables: Vec<RiskTable>,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RiskTable {
    /// What it shows.
    pub caption: String,
    /// `label` or `label|meaning` of each column; one that begins with `#` is of numbers.
    pub headings: Vec<String>,
    /// Rows as long as the headings.
    pub rows: Vec<Vec<RiskCell>>,
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum RiskCell {
    /// Words.
    Text(String),
    /// A number as it is shown, the value it is sorted by, and a caveat that may be empty.
    Number {
        /// As it is shown.
        text: String,
        /// The value.
        value: f64,
        /// A caveat; empty for none.
        note: String,
    },
    /// A value that does not exist.
    Undefined {
        /// Why not.
        reason: String,
    },
}

impl RiskCell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    fn cell(&self) -> Cell {
        match self {
            Self::Text(text) => Cell::text(text),
            Self::Number { text, value, note } => {
                Cell { title: note.clone(), ..Cell::number(text, *value) }
            }
            Self::Undefined { reason } => Cell::optional(None, |_| String::new(), Some(reason)),
        }
    }

    fn value(&self) -> Option<f64> {
        match self {
            Self::Number { value, .. } => Some(*value),
            _ => None,
        }
    }
}

/// A plot. One without a point that can be shown is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RiskFigure {
    /// Heading.
    pub title: String,
    /// What to see in it.
    pub caption: String,
    /// The axis from left to right.
    pub x: Axis,
    /// The axis from bottom to top.
    pub y: Axis,
    /// What is drawn, the last on top.
    pub series: Vec<RiskSeries>,
}

/// Points of one meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskSeries {
    /// Position of its name in [`RiskReport::styles`].
    pub style: usize,
    /// How the points are drawn.
    pub form: Form,
    /// x and y of each point.
    pub points: Vec<(f64, f64)>,
}

/// Writes the page to `file`; its folder is made if it does not exist.
///
/// # Errors
/// As [`page`], and what the file system refuses.
pub fn write_page(report: &RiskReport, file: &Path) -> Result<(), ReportError> {
    publish_file(file, page(report)?.as_bytes())
}

/// The page as text.
///
/// # Errors
/// [`ReportError::Inconsistent`] where a number is not finite, a row is not as long as its headings
/// or a series has a style without a name; a plot or page that could not be put together.
pub fn page(report: &RiskReport) -> Result<String, ReportError> {
    check(report)?;
    let rules = report
        .styles
        .iter()
        .enumerate()
        .map(|(index, name)| (index, letters(index), name.clone()))
        .collect();
    let legend = Legend { rules, rest: String::new() };
    let sections: Vec<Section> = report
        .sections
        .iter()
        .map(|one| section(one, &legend))
        .collect::<Result<_, ReportError>>()?;
    alone(&report.name, report.facts.clone(), legend, sections, PRECISION, &report.version)
}

fn section(section: &RiskSection, legend: &Legend) -> Result<Section, ReportError> {
    let mut blocks = Vec::new();
    if !section.lead.is_empty() {
        blocks.push(Block::Lead(section.lead.clone()));
    }
    blocks.extend(section.texts.iter().cloned().map(Block::Text));
    blocks.extend(section.notes.iter().cloned().map(Block::Note));
    if !section.figures.is_empty() {
        // A phone has no legend in the heading.
        blocks.push(Block::Legend(legend.clone()));
    }
    for figure in &section.figures {
        blocks.extend(figure_block(figure)?);
    }
    blocks.extend(section.tables.iter().map(|table| {
        let headings: Vec<&str> = table.headings.iter().map(String::as_str).collect();
        let mut block = Table::new(&table.caption, &headings);
        block.rows =
            table.rows.iter().map(|row| row.iter().map(RiskCell::cell).collect()).collect();
        Block::Table(block)
    }));
    Ok(Section { id: section.id, title: section.title, short: section.title, blocks })
}

fn figure_block(figure: &RiskFigure) -> Result<Option<Block>, ReportError> {
    let keys: Vec<String> = figure.series.iter().map(|one| letters(one.style)).collect();
    let series: Vec<Series<'_>> = figure
        .series
        .iter()
        .zip(&keys)
        .map(|(one, key)| Series { style: one.style, key, form: one.form, points: &one.points })
        .collect();
    let drawn = plot::figure(&figure.title, &figure.x, &figure.y, &series)?;
    Ok(drawn.map(|drawn| Block::Figure {
        title: figure.title.clone(),
        caption: figure.caption.clone(),
        figure: drawn,
        cursor: "",
    }))
}

/// Refuses what cannot be shown, with its place.
fn check(report: &RiskReport) -> Result<(), ReportError> {
    let refuse = |place: &str, field, position: usize, value: String, must| {
        Err(ReportError::Inconsistent {
            rule: place.to_owned(),
            scope: String::new(),
            field,
            position,
            value,
            must,
        })
    };
    let styles = report.styles.len();
    if styles > STYLES {
        let must = "there are 12 styles at most";
        return refuse(&report.name, "styles", STYLES, styles.to_string(), must);
    }
    for section in &report.sections {
        for table in &section.tables {
            for (at, row) in table.rows.iter().enumerate() {
                if row.len() != table.headings.len() {
                    let must = "a row must be as long as the headings";
                    return refuse(&table.caption, "rows", at, row.len().to_string(), must);
                }
                let bad = row.iter().filter_map(RiskCell::value).find(|value| !value.is_finite());
                if let Some(value) = bad {
                    let must = "it must be finite";
                    return refuse(&table.caption, "rows", at, value.to_string(), must);
                }
            }
        }
        for figure in &section.figures {
            for one in &figure.series {
                if one.style >= styles {
                    let must = "a style must have a name";
                    return refuse(&figure.title, "style", one.style, one.style.to_string(), must);
                }
                let bad = one.points.iter().position(|(x, y)| !(x.is_finite() && y.is_finite()));
                if let Some(at) = bad {
                    let (x, y) = one.points[at];
                    let must = "it must be finite";
                    return refuse(&figure.title, "points", at, format!("({x}, {y})"), must);
                }
            }
        }
    }
    Ok(())
}
