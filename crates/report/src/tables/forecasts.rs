//! `forecasts.csv`: which tail model held, and how well it scored.

use plimsoll_study::result::{
    ComparedBy, ForecastEvaluation, MadeForecasts, RefitDiagnostics, RiskError, RuleForecasts,
    StudyResult,
};

use super::{full_precision, optional, to_csv};
use crate::error::ReportError;

/// Columns of `forecasts.csv`, in this order.
pub const COLUMNS: [&str; 25] = [
    "rule",
    "horizon",
    "model",
    "side",
    "alpha",
    "n",
    "expected_violations",
    "violations",
    "kupiec_p",
    "christoffersen_p",
    "dynamic_quantile_p",
    "shortfall_p",
    "expectile_moment_p",
    "quantile_score",
    "fz0_score",
    "expectile_score",
    "mcs_p",
    "mcs_compared_by",
    "in_confidence_set",
    "holds",
    "refits",
    "failed_refits",
    "unconverged",
    "at_boundary",
    "reason",
];

/// A model belongs to the confidence set from this p-value on: the 90 % set.
pub const CONFIDENCE_SET_P_MIN: f64 = 0.10;

/// `forecasts.csv`: a row for each rule's whole account, horizon, model and tail probability.
///
/// | column | meaning |
/// |---|---|
/// | `horizon` | `1d`, `8h`: length of the periods, UTC |
/// | `side` | `lower`: losses of the account |
/// | `alpha` | tail probability of value at risk and expected shortfall, level of the expectile |
/// | `n` | forecasts, each made from the window before its period only |
/// | `expected_violations`, `violations` | `alpha n`, and losses beyond the value at risk |
/// | `kupiec_p` | unconditional coverage |
/// | `christoffersen_p` | conditional coverage: number and independence of violations; drawn where they are fewer than five |
/// | `dynamic_quantile_p` | Engle and Manganelli: violations that the past foretells |
/// | `shortfall_p` | McNeil and Frey: losses beyond it larger than the expected shortfall |
/// | `expectile_moment_p` | the moment that the expectile sets to zero |
/// | `quantile_score`, `fz0_score`, `expectile_score` | mean loss of the value at risk, of it with the expected shortfall (Fissler-Ziegel), of the expectile; lower is better |
/// | `mcs_p` | model confidence set among the models of this rule, horizon and alpha |
/// | `mcs_compared_by` | score that it compares: `fz0`, or `quantile` where a model has no joint score |
/// | `in_confidence_set` | whether `mcs_p` is at least 0.10 |
/// | `holds` | whether none of the first three tests rejects at 5 %; an undefined one does not |
/// | `refits`, `failed_refits`, `unconverged`, `at_boundary` | fits; those that failed, so that the last good parameters stayed; those that ended without convergence, or at the edge of what parameters may be |
/// | `reason` | why something is absent, or what to bear in mind |
///
/// # Errors
/// A row that CSV cannot hold.
pub fn csv(result: &StudyResult) -> Result<Vec<u8>, ReportError> {
    to_csv(&COLUMNS, result.forecasts.iter().flat_map(|of_rule| rows(result, of_rule)))
}

fn rows(result: &StudyResult, of_rule: &RuleForecasts) -> Vec<Vec<String>> {
    let head = || vec![of_rule.rule.clone(), of_rule.horizon.name().to_owned()];
    let made = match &of_rule.made {
        Ok(made) => made,
        Err(reason) => {
            let mut row = head();
            row.resize(COLUMNS.len() - 1, String::new());
            row.push(with_remark(reason.clone(), of_rule));
            return vec![row];
        }
    };
    let evaluated = made.evaluations.iter().map(|evaluation| {
        let mut row = head();
        row.extend(figures(made, evaluation));
        row.push(with_remark(undefined(evaluation).join("; "), of_rule));
        row
    });
    let alphas = result.forecast_plan.as_ref().map_or(&[][..], |plan| &plan.alphas);
    let excluded = made.rolling.excluded.iter().flat_map(|excluded| {
        alphas.iter().map(|&alpha| {
            let mut row = head();
            row.extend([excluded.model.name().to_owned(), String::new(), full_precision(alpha)]);
            row.resize(COLUMNS.len() - 1, String::new());
            row.push(with_remark(excluded.error.to_string(), of_rule));
            row
        })
    });
    evaluated.chain(excluded).collect()
}

/// What stands between the horizon and the reason.
fn figures(made: &MadeForecasts, evaluation: &ForecastEvaluation) -> Vec<String> {
    let defined = |value: &Result<f64, RiskError>| optional(value.as_ref().ok().copied());
    let fits = diagnostics(made, evaluation);
    let count = |of: fn(&RefitDiagnostics) -> usize| {
        fits.map_or_else(String::new, |fits| of(fits).to_string())
    };
    vec![
        evaluation.model.name().to_owned(),
        evaluation.side.name().to_owned(),
        full_precision(evaluation.alpha),
        evaluation.n.to_string(),
        full_precision(evaluation.expected_violations),
        evaluation.violations.to_string(),
        defined(&evaluation.kupiec_p),
        defined(&evaluation.christoffersen_p),
        defined(&evaluation.dynamic_quantile_p),
        defined(&evaluation.shortfall_p),
        defined(&evaluation.expectile_moment_p),
        full_precision(evaluation.quantile_score),
        defined(&evaluation.fz0_score),
        full_precision(evaluation.expectile_score),
        defined(&evaluation.mcs_p),
        match evaluation.mcs_compared_by {
            ComparedBy::Fz0 => "fz0".to_owned(),
            ComparedBy::Quantile => "quantile".to_owned(),
        },
        is_in_confidence_set(evaluation).map_or_else(String::new, |is_in| is_in.to_string()),
        evaluation.holds.to_string(),
        count(|fits| fits.refits),
        count(|fits| fits.failed_refits),
        count(|fits| fits.unconverged),
        count(|fits| fits.at_boundary),
    ]
}

/// Whether the confidence set holds the model; `None` where there is no set.
pub(crate) fn is_in_confidence_set(evaluation: &ForecastEvaluation) -> Option<bool> {
    Some(*evaluation.mcs_p.as_ref().ok()? >= CONFIDENCE_SET_P_MIN)
}

/// How the fits behind an evaluation went.
pub(crate) fn diagnostics<'a>(
    made: &'a MadeForecasts,
    evaluation: &ForecastEvaluation,
) -> Option<&'a RefitDiagnostics> {
    let is_same = |alpha: f64| alpha.to_bits() == evaluation.alpha.to_bits();
    made.rolling
        .series
        .iter()
        .find(|series| {
            series.model == evaluation.model
                && series.side == evaluation.side
                && is_same(series.alpha)
        })
        .map(|series| &series.diagnostics)
}

/// Every figure of an evaluation that is absent, with its reason.
pub(crate) fn undefined(evaluation: &ForecastEvaluation) -> Vec<String> {
    [
        ("kupiec_p", &evaluation.kupiec_p),
        ("christoffersen_p", &evaluation.christoffersen_p),
        ("dynamic_quantile_p", &evaluation.dynamic_quantile_p),
        ("shortfall_p", &evaluation.shortfall_p),
        ("expectile_moment_p", &evaluation.expectile_moment_p),
        ("fz0_score", &evaluation.fz0_score),
        ("mcs_p", &evaluation.mcs_p),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(format!("{name}: {}", value.as_ref().err()?)))
    .collect()
}

fn with_remark(reason: String, of_rule: &RuleForecasts) -> String {
    match (&of_rule.remark, reason.is_empty()) {
        (Some(remark), true) => remark.clone(),
        (Some(remark), false) => format!("{reason}; {remark}"),
        (None, _) => reason,
    }
}
