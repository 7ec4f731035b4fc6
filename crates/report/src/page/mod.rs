//! `report.html`: one file that answers a trader's questions in their order.
//!
//! Each section is a module that gives [`Block`]s, which are text, tables and figures without any
//! markup; one template writes them all, so that everything is escaped in one place.

pub mod binding;
pub mod blocks;
pub mod costs;
pub mod curves;
pub mod data;
pub mod forecasts;
pub mod gates;
pub mod growth;
pub mod liquidations;
pub mod reproduce;
pub mod rules;
pub mod sizes;
pub mod verdict;

use askama::Template;
use plimsoll_engine::{Decision, DecisionKind, MarginMode};
use plimsoll_study::result::{AccountResult, StudyResult};

use crate::error::ReportError;
use crate::tables::monthly::MonthRow;
use crate::timeline::Timeline;
use crate::words;

use blocks::{Block, Legend};
use rules::RuleKeys;

/// One numbered section of the page.
#[derive(Clone, Debug)]
pub struct Section {
    /// Anchor.
    pub id: &'static str,
    /// Heading.
    pub title: &'static str,
    /// Word in the page's navigation.
    pub short: &'static str,
    /// Content.
    pub blocks: Vec<Block>,
}

/// What every section reads.
pub(crate) struct Context<'a> {
    pub(crate) result: &'a StudyResult,
    pub(crate) monthly: &'a [MonthRow],
    pub(crate) timeline: Timeline,
    pub(crate) keys: RuleKeys,
}

/// The page of a result.
///
/// # Errors
/// A chart or the page that could not be put together.
pub fn page(result: &StudyResult, monthly: &[MonthRow]) -> Result<String, ReportError> {
    let context =
        Context { result, monthly, timeline: Timeline::of(result), keys: RuleKeys::of(result) };
    let mut sections = vec![
        verdict::section(&context)?,
        growth::section(&context)?,
        curves::section(&context)?,
        binding::section(&context)?,
    ];
    sections.extend(sizes::section(&context)?);
    sections.extend([
        liquidations::section(&context),
        forecasts::section(&context)?,
        costs::section(&context),
        data::section(&context),
        reproduce::section(&context),
    ]);
    let page = Page {
        name: &result.name,
        data_label: result.data_label.as_deref(),
        facts: facts(&context),
        legend: Legend::of(&context),
        sections,
        style: include_str!("../../templates/style.css"),
        script: include_str!("../../templates/script.js"),
        cursor: curves::cursor_data(&context)?,
        precision: TABLES_BESIDE,
        version: &result.receipt.version,
    };
    Ok(page.render()?)
}

/// Where the full figures are, if tables lie beside the page.
const TABLES_BESIDE: &str = "Every figure stands in full precision in the tables beside this file.";

/// A page that no study stands behind, in the same clothes, with its tables beside it.
///
/// # Errors
/// A page that could not be put together.
pub(crate) fn plain(
    name: &str,
    facts: Vec<String>,
    legend: Legend,
    sections: Vec<Section>,
    version: &str,
) -> Result<String, ReportError> {
    alone(name, facts, legend, sections, TABLES_BESIDE, version)
}

/// The same with a sentence that says where the figures stand in full `precision`.
///
/// # Errors
/// A page that could not be put together.
pub(crate) fn alone(
    name: &str,
    facts: Vec<String>,
    legend: Legend,
    sections: Vec<Section>,
    precision: &str,
    version: &str,
) -> Result<String, ReportError> {
    let page = Page {
        name,
        data_label: None,
        facts,
        legend,
        sections,
        style: include_str!("../../templates/style.css"),
        script: include_str!("../../templates/script.js"),
        cursor: "{\"bars\":[]}".to_owned(),
        precision,
        version,
    };
    Ok(page.render()?)
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    name: &'a str,
    data_label: Option<&'a str>,
    facts: Vec<String>,
    legend: Legend,
    sections: Vec<Section>,
    style: &'static str,
    script: &'static str,
    cursor: String,
    precision: &'a str,
    version: &'a str,
}

/// The study in one line.
fn facts(context: &Context<'_>) -> Vec<String> {
    let Context { result, timeline, .. } = context;
    let settings = &result.settings;
    let compared = result
        .trades
        .iter()
        .filter(|trade| (result.compare_from_bar..result.to_bar).contains(&trade.decision_bar));
    let equity = result.rules.iter().map(|rule| rule.equity);
    let (least, most) = (equity.clone().fold(f64::INFINITY, f64::min), equity.fold(0.0, f64::max));
    let equity = if most > least {
        format!("{} to {} {}", words::money(least), words::money(most), result.currency)
    } else {
        format!("{} {}", words::money(least), result.currency)
    };
    vec![
        format!("{} · {}", result.venue, result.symbols.join(", ")),
        format!("{} bars", result.interval),
        format!(
            "{} to {}",
            timeline.open(result.compare_from_bar).date_string(),
            timeline.open(result.to_bar).date_string()
        ),
        counted(result.rules.len(), "sizing rule", "sizing rules"),
        format!(
            "the same {} under each",
            counted(compared.count(), "signal trade", "signal trades")
        ),
        format!("start {equity}"),
        match settings.margin {
            MarginMode::Portfolio => "portfolio margin".to_owned(),
            margin => format!("{} margin at {}", margin.name(), words::times(settings.leverage)),
        },
        format!("{} intrabar", settings.intrabar.name()),
    ]
}

/// The decisions on entries, those on held positions left out.
pub(crate) fn entries(account: &AccountResult) -> impl Iterator<Item = &Decision> {
    account.outcome.decisions.iter().filter(|decision| decision.kind == DecisionKind::Entry)
}

/// `1 rule`, `2 rules`.
pub(crate) fn counted(n: usize, one: &str, many: &str) -> String {
    let n_text = words::count(n as f64);
    if n == 1 { format!("{n_text} {one}") } else { format!("{n_text} {many}") }
}
