//! Many models against a benchmark and against each other, on losses that are negative returns.

use plimsoll_risk::compare::Resampling;
use plimsoll_risk::compare::model_confidence_set::{McsStatistic, ModelConfidenceSet};
use plimsoll_risk::compare::superior_predictive_ability::{
    SpaStatistic, SuperiorPredictiveAbility,
};
use serde_json::{Value, json};

use crate::question::{Answer, Failure, Question, object};

/// Draws for a Monte Carlo error well below the tolerance of the cases.
const DRAWS: u64 = 100_000;
const SEED: u64 = 1;
/// Level whose confidence set is named.
const ALPHA: f64 = 0.10;

pub(crate) fn compute(question: &Question<'_>) -> Answer {
    match question.metric {
        "hansen_spa" => superior_predictive_ability(question),
        "model_confidence_set" => model_confidence_set(question),
        _ => Err(Failure::UnknownMetric),
    }
}

fn superior_predictive_ability(question: &Question<'_>) -> Answer {
    let (names, losses) = losses(question)?;
    let benchmark = match text(question, "benchmark")? {
        None => 0,
        Some(name) => {
            let missing = || Failure::Input(format!("no column is named `{name}`"));
            names.iter().position(|column| column == name).ok_or_else(missing)?
        }
    };
    let studentise = question.params.get("studentize").and_then(Value::as_bool).unwrap_or(true);
    let statistic = if studentise { SpaStatistic::Studentised } else { SpaStatistic::Raw };
    let models: Vec<&[f64]> = (0..losses.len())
        .filter(|&column| column != benchmark)
        .map(|column| &losses[column][..])
        .collect();
    let resampling = resampling(question)?;
    let test = SuperiorPredictiveAbility::of(&losses[benchmark], &models, statistic, &resampling)?;
    Ok(json!({
        "lower": test.p_lower,
        "consistent": test.p_consistent,
        "upper": test.p_upper,
    }))
}

fn model_confidence_set(question: &Question<'_>) -> Answer {
    let (names, losses) = losses(question)?;
    let statistic = match text(question, "statistic")?.unwrap_or("T_R") {
        "T_R" | "R" => McsStatistic::Range,
        "T_max" | "max" => McsStatistic::Max,
        other => {
            return Err(Failure::Input(format!("`statistic` is {other:?}, not T_R or T_max")));
        }
    };
    let columns: Vec<&[f64]> = losses.iter().map(Vec::as_slice).collect();
    let set = ModelConfidenceSet::of(&columns, statistic, &resampling(question)?)?;
    let included: Vec<&str> =
        set.included(ALPHA).into_iter().map(|model| names[model].as_str()).collect();
    let p_values = names.iter().zip(&set.p_values).map(|(name, p)| (name.as_str(), json!(p)));
    Ok(json!({"pvalues": object(p_values), "included_at_0.10": included}))
}

/// Every column of the input as losses, with its name.
fn losses(question: &Question<'_>) -> Result<(Vec<String>, Vec<Vec<f64>>), Failure> {
    let negative = |column: Vec<f64>| column.into_iter().map(|r| -r).collect();
    Ok(question.table()?.into_iter().map(|(name, column)| (name, negative(column))).unzip())
}

fn resampling(question: &Question<'_>) -> Result<Resampling, Failure> {
    Ok(Resampling { mean_block: question.number("block")?, draws: DRAWS, seed: SEED })
}

/// A text that the case may leave out.
fn text<'a>(question: &Question<'a>, name: &str) -> Result<Option<&'a str>, Failure> {
    match question.params.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Failure::Input(format!("`{name}` is {other}, not a text"))),
    }
}
