//! Which tail model to trust.

use plimsoll_study::result::{
    ForecastEvaluation, ForecastPlan, Horizon, MadeForecasts, RuleForecasts, TailModel,
};

use super::blocks::{Block, Cell, Table};
use super::{Context, Section};
use crate::chart::exceedances::{self, Exceedances};
use crate::error::ReportError;
use crate::tables::forecasts::is_in_confidence_set;
use crate::words;

/// Below so many expected violations a test that does not reject says little.
const EXPECTED_VIOLATIONS_MIN: f64 = 5.0;

const HEADINGS: [&str; 14] = [
    "Rule",
    "Model",
    "#Tail|Tail probability of value at risk and expected shortfall, level of the expectile",
    "#Beyond|Losses beyond the value at risk",
    "#Expected|Losses beyond it that the tail probability lets expect",
    "#Count p|Kupiec: are there as many as there should be?",
    "#Runs p|Christoffersen: and are they independent of one another?",
    "#Foretold p|Engle and Manganelli's dynamic quantile test: could they have been foretold?",
    "#Shortfall p|McNeil and Frey: are losses beyond it larger than the expected shortfall says? \
     Slow to reject where few are expected",
    "#Expectile p|Does the expectile balance gains against losses as its level demands? Quick \
     to reject where few losses beyond are expected",
    "#Score|Fissler-Ziegel FZ0, the joint score of value at risk and expected shortfall; lower is \
     better",
    "#VaR score|Pinball score of the value at risk alone, by which models are compared where one has \
     no joint score; lower is better",
    "#Set p|Model confidence set: below 0.10 some other model is distinguishably better",
    "Verdict",
];

pub(super) fn section(context: &Context<'_>) -> Result<Section, ReportError> {
    let blocks = match &context.result.forecast_plan {
        None => vec![Block::Text(
            "Risk was not forecast: `compare.forecasts.enabled` is false in the strategy file."
                .to_owned(),
        )],
        Some(plan) => blocks(context, plan)?,
    };
    Ok(Section {
        id: "forecasts",
        title: "Which tail model to trust",
        short: "Tail models",
        blocks,
    })
}

fn blocks(context: &Context<'_>, plan: &ForecastPlan) -> Result<Vec<Block>, ReportError> {
    let mut blocks = Vec::new();
    let answers = (plan.horizons.iter())
        .flat_map(|&horizon| named(context, horizon))
        .map(|of_rule| (answer(of_rule, plan), details(of_rule, plan)));
    for (index, (answer, details)) in answers.enumerate() {
        if index == 0 {
            blocks.push(Block::Lead(answer));
            blocks.extend((!details.is_empty()).then_some(Block::Text(details)));
        } else {
            blocks.push(Block::Text(format!("{answer} {details}").trim_end().to_owned()));
        }
    }
    blocks.push(Block::Text(how(plan)));
    let weak = weakest(context).filter(|expected| *expected < EXPECTED_VIOLATIONS_MIN);
    if let Some(expected) = weak {
        blocks.push(Block::Note(format!(
            "At {} only {} losses beyond the value at risk are to be expected. A model that so few \
             do not reject has not been proved right: use a longer history, or read the larger tail.",
            words::percent_tick(smallest_alpha(plan)),
            words::number(expected)
        )));
    }
    for &horizon in &plan.horizons {
        blocks.push(Block::Heading(sentence_case(ahead(horizon))));
        blocks.extend(chart(context, plan, horizon)?);
        let mut table = Table::new(
            format!("Tests and scores {}, the best score of each tail first", ahead(horizon)),
            &HEADINGS,
        );
        table.rows.extend(named(context, horizon).flat_map(|of_rule| rows(context, of_rule)));
        if !table.rows.is_empty() {
            blocks.push(Block::Table(table));
        }
        blocks.extend(others(context, horizon));
    }
    blocks.push(Block::Folded("What the models are".to_owned(), models(plan)));
    Ok(blocks)
}

/// How the forecasts came about.
fn how(plan: &ForecastPlan) -> String {
    format!(
        "At the end of each period {} models forecast the next return of each rule's equity from the \
         {} days before, and from nothing later; they are fitted anew every {} days. A model holds \
         where none of three tests of its value at risk (count, runs, foretold) rejects it at 5 %. \
         The 90 % confidence set holds the models that score no worse than the best one, as far as \
         chance lets tell. Every forecast stands in forecasts.parquet, every rule's tests in \
         forecasts.csv.",
        plan.models.len(),
        plan.window_days,
        plan.refit_days
    )
}

/// The forecasts at a horizon of the winner and of the baseline, in this order.
fn named<'a>(
    context: &'a Context<'_>,
    horizon: Horizon,
) -> impl Iterator<Item = &'a RuleForecasts> {
    let baseline = &context.result.baseline;
    let winner = context.result.verdict.winner.as_ref().filter(|winner| *winner != baseline);
    winner.into_iter().chain([baseline]).filter_map(move |name| {
        let mut all = context.result.forecasts.iter();
        all.find(|of_rule| of_rule.horizon == horizon && of_rule.rule == *name)
    })
}

/// Which model to trust for one rule at one horizon, in words.
fn answer(of_rule: &RuleForecasts, plan: &ForecastPlan) -> String {
    let head = format!("{}, {}", of_rule.rule, ahead(of_rule.horizon));
    let made = match &of_rule.made {
        Ok(made) => made,
        Err(reason) => return format!("{head}: no forecasts, since {reason}."),
    };
    let standings = standings(made, plan);
    let levels = levels(&plan.alphas);
    match (standings.iter().find(|standing| standing.is_trusted()), standings.first()) {
        (Some(trusted), _) => format!(
            "{head}: trust {}. It holds at {levels}, is in the confidence set, and no other such \
             model ranks higher.",
            trusted.model.name()
        ),
        (None, Some(best)) => format!(
            "{head}: no model holds at {levels} and is in the confidence set there. {} ranks \
             first{}.",
            best.model.name(),
            best.failings()
        ),
        (None, None) => format!("{head}: no model could be fitted."),
    }
}

/// Where the other models stand.
fn details(of_rule: &RuleForecasts, plan: &ForecastPlan) -> String {
    let mut sentences = Vec::new();
    if let Ok(made) = &of_rule.made {
        let standings = standings(made, plan);
        let names = |is_listed: &dyn Fn(&Standing) -> bool| -> String {
            let listed_ones = standings.iter().filter(|standing| is_listed(standing));
            let names: Vec<String> =
                listed_ones.map(|standing| standing.model.name().to_owned()).collect();
            if names.is_empty() { "none".to_owned() } else { listed(&names) }
        };
        if !standings.is_empty() {
            let holding = names(&|standing| standing.rejected_at.is_empty());
            let in_set = names(&|standing| standing.outside_at.is_empty());
            let levels = levels(&plan.alphas);
            sentences.push(format!(
                "Holding at {levels}: {holding}. In the confidence set there: {in_set}."
            ));
        }
        let excluded: Vec<String> = (made.rolling.excluded.iter())
            .map(|one| format!("{}: {}", one.model.name(), one.error))
            .collect();
        if !excluded.is_empty() {
            sentences.push(format!("Left out: {}.", excluded.join("; ")));
        }
    }
    sentences.extend(of_rule.remark.as_ref().map(|remark| format!("{}.", sentence_case(remark))));
    sentences.join(" ")
}

/// `1 % and 5 %`.
fn levels(alphas: &[f64]) -> String {
    listed(&alphas.iter().map(|&alpha| words::percent_tick(alpha)).collect::<Vec<_>>())
}

/// How a model did over all tails.
struct Standing {
    model: TailModel,
    /// Its ranks by score, added up; the lowest is the best.
    ranks: usize,
    /// Tail probabilities at which a test rejects it.
    rejected_at: Vec<f64>,
    /// Tail probabilities at which it is outside of the confidence set, or there is none.
    outside_at: Vec<f64>,
}

impl Standing {
    fn is_trusted(&self) -> bool {
        self.rejected_at.is_empty() && self.outside_at.is_empty()
    }

    /// `, but is rejected at 1 %`.
    fn failings(&self) -> String {
        match (self.rejected_at.is_empty(), self.outside_at.is_empty()) {
            (true, true) => String::new(),
            (false, true) => format!(", but is rejected at {}", levels(&self.rejected_at)),
            (true, false) => format!(", but is outside of the set at {}", levels(&self.outside_at)),
            (false, false) => format!(
                ", but is rejected at {} and outside of the set at {}",
                levels(&self.rejected_at),
                levels(&self.outside_at)
            ),
        }
    }
}

/// The models that were evaluated, the best ranks first; equals in file order.
fn standings(made: &MadeForecasts, plan: &ForecastPlan) -> Vec<Standing> {
    let mut standings: Vec<Standing> = plan
        .models
        .iter()
        .filter(|&&model| made.evaluations.iter().any(|row| row.model == model))
        .map(|&model| Standing { model, ranks: 0, rejected_at: vec![], outside_at: vec![] })
        .collect();
    for &alpha in &plan.alphas {
        for (rank, row) in ranked(made, alpha).into_iter().enumerate() {
            let standing = standings.iter_mut().find(|standing| standing.model == row.model);
            let Some(standing) = standing else { continue };
            standing.ranks += rank;
            if !row.holds {
                standing.rejected_at.push(alpha);
            }
            if is_in_confidence_set(row) != Some(true) {
                standing.outside_at.push(alpha);
            }
        }
    }
    standings.sort_by_key(|standing| standing.ranks);
    standings
}

/// The evaluations at a tail probability, the best first by the score that the confidence set
/// compares.
fn ranked(made: &MadeForecasts, alpha: f64) -> Vec<&ForecastEvaluation> {
    let mut rows: Vec<&ForecastEvaluation> =
        made.evaluations.iter().filter(|row| row.alpha.to_bits() == alpha.to_bits()).collect();
    rows.sort_by(|a, b| a.compared_score().total_cmp(&b.compared_score()));
    rows
}

fn rows(context: &Context<'_>, of_rule: &RuleForecasts) -> Vec<Vec<Cell>> {
    let Ok(made) = &of_rule.made else { return Vec::new() };
    let alphas = context.result.forecast_plan.as_ref().map_or(&[][..], |plan| &plan.alphas);
    alphas
        .iter()
        .flat_map(|&alpha| ranked(made, alpha))
        .map(|row| {
            let optional = |value: &Result<f64, _>, write: fn(f64) -> String| match value {
                Ok(value) => Cell::number(write(*value), *value),
                Err(error) => Cell::optional(None, write, Some(&reason_of(error))),
            };
            let p = |value| optional(value, words::p_value);
            vec![
                Cell::rule_named(context, &of_rule.rule),
                Cell::text(row.model.name()),
                Cell::number(words::percent_tick(row.alpha), row.alpha),
                Cell::number(words::count(row.violations as f64), row.violations as f64),
                Cell::number(words::number(row.expected_violations), row.expected_violations),
                p(&row.kupiec_p),
                p(&row.christoffersen_p),
                p(&row.dynamic_quantile_p),
                p(&row.shortfall_p),
                p(&row.expectile_moment_p),
                optional(&row.fz0_score, words::number),
                Cell::number(words::number(row.quantile_score), row.quantile_score),
                p(&row.mcs_p),
                Cell::text(verdict(row)),
            ]
        })
        .collect()
}

fn reason_of(error: &impl std::fmt::Display) -> String {
    error.to_string()
}

fn verdict(row: &ForecastEvaluation) -> &'static str {
    match (row.holds, is_in_confidence_set(row)) {
        (true, Some(true)) => "holds, in the set",
        (true, Some(false)) => "holds, not in the set",
        (true, None) => "holds",
        (false, Some(true)) => "rejected, in the set",
        (false, _) => "rejected",
    }
}

/// The other rules' tests, folded away.
fn others(context: &Context<'_>, horizon: Horizon) -> Option<Block> {
    let shown: Vec<&str> = named(context, horizon).map(|of_rule| of_rule.rule.as_str()).collect();
    let title = format!("The other rules {}", ahead(horizon));
    let mut table = Table::new(title.clone(), &HEADINGS);
    let of_rules = context.result.forecasts.iter().filter(|of_rule| {
        let rule = context.result.rules.iter().position(|rule| rule.name == of_rule.rule);
        let is_drawn = rule.is_some_and(|rule| context.keys.style(rule).is_some());
        of_rule.horizon == horizon && is_drawn && !shown.contains(&of_rule.rule.as_str())
    });
    for of_rule in of_rules {
        match &of_rule.made {
            Ok(_) => table.rows.extend(rows(context, of_rule)),
            Err(reason) => {
                let mut row = vec![Cell::rule_named(context, &of_rule.rule)];
                row.resize_with(HEADINGS.len() - 1, || {
                    Cell::optional(None, words::number, Some(reason))
                });
                row.push(Cell::text("no forecasts"));
                table.rows.push(row);
            }
        }
    }
    (!table.rows.is_empty()).then_some(Block::Folded(title, table))
}

/// Realised returns against the value at risk of the model to trust, at the smallest tail.
fn chart(
    context: &Context<'_>,
    plan: &ForecastPlan,
    horizon: Horizon,
) -> Result<Option<Block>, ReportError> {
    let Some((of_rule, made)) =
        named(context, horizon).find_map(|of_rule| Some((of_rule, of_rule.made.as_ref().ok()?)))
    else {
        return Ok(None);
    };
    let standings = standings(made, plan);
    let alpha = smallest_alpha(plan);
    let chosen =
        standings.iter().find(|standing| standing.is_trusted()).or_else(|| standings.first());
    let Some((chosen, series)) = chosen.and_then(|chosen| {
        let mut all = made.rolling.series.iter();
        let series = all.find(|series| {
            series.model == chosen.model && series.alpha.to_bits() == alpha.to_bits()
        });
        Some((chosen, series?))
    }) else {
        return Ok(None);
    };
    let rule = context.result.rules.iter().position(|rule| rule.name == of_rule.rule);
    let style = rule.and_then(|rule| context.keys.style(rule)).unwrap_or_default();
    let first = made.rolling.first;
    let ends_ms: Vec<i64> = of_rule.ends[first..].iter().map(|end| end.0).collect();
    let title = format!(
        "{}: returns {} and the {} value at risk of {}",
        of_rule.rule,
        ahead(horizon),
        words::percent_tick(alpha),
        chosen.model.name()
    );
    let drawn = Exceedances {
        style,
        ends_ms: &ends_ms,
        returns: &of_rule.returns[first..],
        value_at_risk: &series.value_at_risk,
    };
    Ok(Some(Block::Figure {
        figure: exceedances::figure(&title, &drawn)?,
        title,
        caption: format!(
            "Spikes are the returns of {}, the line is the loss that was forecast to be exceeded in \
             {} of them. Markers are losses beyond it.",
            match horizon {
                Horizon::OneDay => "days",
                Horizon::EightHours => "eight-hour periods",
            },
            words::percent_tick(alpha)
        ),
        cursor: "",
    }))
}

fn models(plan: &ForecastPlan) -> Table {
    let mut table =
        Table::new("The models, by the names of forecasts.csv", &["Model", "What it is"]);
    for model in &plan.models {
        table.rows.push(vec![Cell::text(model.name()), Cell::text(model.describe())]);
    }
    table
}

/// Fewest violations that any evaluation of the winner or the baseline lets expect.
fn weakest(context: &Context<'_>) -> Option<f64> {
    Horizon::ALL
        .into_iter()
        .flat_map(|horizon| named(context, horizon))
        .filter_map(|of_rule| of_rule.made.as_ref().ok())
        .flat_map(|made| made.evaluations.iter().map(|row| row.expected_violations))
        .reduce(f64::min)
}

fn smallest_alpha(plan: &ForecastPlan) -> f64 {
    plan.alphas.iter().copied().fold(1.0, f64::min)
}

fn ahead(horizon: Horizon) -> &'static str {
    match horizon {
        Horizon::OneDay => "one day ahead",
        Horizon::EightHours => "eight hours ahead",
    }
}

fn sentence_case(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `a`, `a and b`, `a, b and c`.
fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
