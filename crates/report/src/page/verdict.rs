//! Which rule wins, and how sure is that.

use plimsoll_study::result::ComparisonRow;

use super::blocks::{Block, Cell, Table};
use super::{Context, Section};
use crate::chart::forest::{self, Difference};
use crate::error::ReportError;
use crate::words;

const PRIMARY_METRIC: &str = "mean_log_growth";

pub(super) fn section(context: &Context<'_>) -> Result<Section, ReportError> {
    let verdict = &context.result.verdict;
    let mut blocks = Vec::new();
    let mut sentences = verdict.sentences.iter();
    let headline = sentences.next().cloned().unwrap_or_else(|| match &verdict.winner {
        Some(winner) => format!("{winner} grew fastest."),
        None => "No rule can be called the winner.".to_owned(),
    });
    blocks.push(Block::Lead(headline));
    blocks.extend(sentences.map(|sentence| Block::Text(sentence.clone())));
    if !verdict.probability_best.is_empty() {
        blocks.push(Block::Table(probability_best(context)));
    }
    let rows: Vec<&ComparisonRow> = main_rows(context).collect();
    if rows.is_empty() {
        blocks.push(Block::Text(
            "There is nothing to compare: the study has no second rule, or too few days."
                .to_owned(),
        ));
    } else {
        for basis in bases(&rows) {
            blocks.extend(forest_plot(context, &rows, basis)?);
        }
        blocks.push(Block::Text(HOW_TESTED.to_owned()));
        blocks.push(Block::Folded(
            format!(
                "All differences from {} with 95 % intervals and p-values",
                context.result.baseline
            ),
            differences(context, &rows),
        ));
    }
    Ok(Section {
        id: "verdict",
        title: "Which rule wins, and how sure is that",
        short: "Verdict",
        blocks,
    })
}

/// How an interval and a p-value are made, which is not the same.
pub(super) const HOW_TESTED: &str = "The interval holds the middle 95 % of the resampled differences; the p-value is the share of \
     them that lie at least as far from the difference found as that lies from zero. Where the \
     resampled differences are skewed or not centred on the one found, as with largest drawdowns, \
     the two can disagree about zero: believe neither alone.";

/// Differences of the whole account, of rules that charts show.
fn main_rows<'a>(context: &'a Context<'_>) -> impl Iterator<Item = &'a ComparisonRow> {
    let rules = &context.result.rules;
    context.result.comparisons.iter().filter(move |row| {
        let rule = rules.iter().position(|rule| rule.name == row.rule);
        rule.is_some_and(|rule| {
            context.keys.style(rule).is_some() && row.symbol == rules[rule].account().scope
        })
    })
}

fn bases<'a>(rows: &[&'a ComparisonRow]) -> Vec<&'a str> {
    let mut bases = Vec::new();
    for row in rows {
        if !bases.contains(&row.basis) {
            bases.push(row.basis);
        }
    }
    bases
}

fn basis_label(basis: &str) -> String {
    match basis {
        "as_set" => "as set in the file".to_owned(),
        "matched_volatility" => "at the baseline's volatility".to_owned(),
        other => other.replace('_', " "),
    }
}

fn probability_best(context: &Context<'_>) -> Table {
    let verdict = &context.result.verdict;
    let draws = words::count(context.result.bootstrap.draws as f64);
    let mut table = Table::new(
        format!("How often each rule grew fastest in {draws} resampled histories"),
        &["Rule", "#Grew fastest|Share of bootstrap draws with the highest mean log growth"],
    );
    let mut shares: Vec<&(String, f64)> = verdict.probability_best.iter().collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (name, share) in shares {
        table.rows.push(vec![Cell::rule_named(context, name), Cell::share(*share)]);
    }
    table
}

fn forest_plot(
    context: &Context<'_>,
    rows: &[&ComparisonRow],
    basis: &str,
) -> Result<Option<Block>, ReportError> {
    let Some(metric) = rows
        .iter()
        .find(|row| row.metric == PRIMARY_METRIC)
        .or(rows.first())
        .map(|row| row.metric.as_str())
    else {
        return Ok(None);
    };
    let result = context.result;
    let drawn: Vec<Difference<'_>> = rows
        .iter()
        .filter(|row| row.basis == basis && row.metric == metric)
        .filter_map(|row| {
            let rule = result.rules.iter().position(|rule| rule.name == row.rule)?;
            Some(Difference {
                style: context.keys.style(rule)?,
                key: context.keys.key(rule),
                name: &result.rules[rule].name,
                value: row.difference?,
                interval: row.low.zip(row.high),
            })
        })
        .collect();
    if drawn.is_empty() {
        return Ok(None);
    }
    let label = words::metric_label(metric);
    let title = format!("Difference in {label}, {}", basis_label(basis));
    let figure = forest::figure(&title, &drawn, |value| words::metric_tick(metric, value))?;
    Ok(Some(Block::Figure {
        title,
        caption: format!(
            "Rule minus {}, with the 95 % interval from the same resampled days for both. An \
             interval across zero means that the data do not tell the two apart.",
            result.baseline
        ),
        figure,
        cursor: "",
    }))
}

fn differences(context: &Context<'_>, rows: &[&ComparisonRow]) -> Table {
    let mut table = Table::new(
        format!("Rule minus {}", context.result.baseline),
        &[
            "Basis",
            "Metric",
            "Rule",
            "#Difference",
            "#95 % from",
            "#to",
            "#p|Two-sided bootstrap p-value",
            "#p adjusted|After Holm's adjustment for the number of rules",
        ],
    );
    for row in rows {
        let reason = row.reason.as_deref();
        let value =
            |value| Cell::optional(value, |value| words::metric(&row.metric, value), reason);
        table.rows.push(vec![
            Cell::text(basis_label(row.basis)),
            Cell::text(words::metric_label(&row.metric)),
            Cell::rule_named(context, &row.rule),
            value(row.difference),
            value(row.low),
            value(row.high),
            Cell::optional(row.p_value, words::p_value, reason),
            Cell::optional(row.p_value_adjusted, words::p_value, reason),
        ]);
    }
    table
}
