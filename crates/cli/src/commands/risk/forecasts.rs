//! The forecasts that were tested, as tables.

use plimsoll_report::risk::{RiskCell, RiskSection, RiskTable};
use plimsoll_risk::assessment::{Assessment, ForecastAssessment};
use plimsoll_risk::forecast::{ForecastEvaluation, Side, TailModel};

use super::cells::{count, figure, number, table};
use super::{Series, words};
use crate::output::counted;

/// Tables of tests and scores for each side and tail probability.
pub(super) fn section(series: &Series<'_>, assessment: &Assessment) -> Option<RiskSection> {
    let assessed = assessment.forecasts.as_ref()?;
    let mut section = RiskSection { id: "forecasts", title: "Forecasts", ..RiskSection::default() };
    section.texts.push(format!(
        "One-period forecasts from the past alone: each model is fitted to the last {} and fitted \
         anew every {}. p-values are of the hypothesis that the forecast is right; a small one \
         speaks against it. A model holds where none of Kupiec, Christoffersen and dynamic quantile \
         (DQ) is below 0.05; of 730 right forecasts the three reject one series in thirteen at 1 %, \
         one in ten at 5 %. With few expected violations the test of the shortfall (ES) is slow to \
         reject, that of the expectile quick. Scores are losses, the lower the better; the model \
         confidence set (MCS) keeps what cannot be told from the best score, by FZ0 or, where a \
         model has none, by pinball. Best of a tail is the lowest of that score among the models \
         that hold, or among all where none does.",
        counted(assessed.window, "return"),
        counted(assessed.refit_every, "period")
    ));
    let rows = match &assessed.evaluations {
        Ok(rows) => rows,
        Err(error) => {
            section.notes.push(format!("No forecast: {error}."));
            return Some(section);
        }
    };
    section.lead = lead(rows);
    for one in &assessed.excluded {
        section.notes.push(format!("{} is left out: {}.", one.model, one.error));
    }
    for side in Side::ALL {
        for &alpha in &series.settings.alphas {
            let rows: Vec<&ForecastEvaluation> = rows
                .iter()
                .filter(|row| row.side == side && row.alpha.total_cmp(&alpha).is_eq())
                .collect();
            if let Some(first) = rows.first() {
                let caption = format!(
                    "{} tail at {}: {}, {} violations expected",
                    side_name(side),
                    words::percent(alpha),
                    counted(first.n, "forecast"),
                    words::brief(first.expected_violations)
                );
                section.tables.push(tests(&caption, &rows, assessed));
            }
        }
    }
    section.tables.push(refits(rows, assessed));
    Some(section)
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Lower => "Lower",
        Side::Upper => "Upper",
    }
}

fn tests(caption: &str, rows: &[&ForecastEvaluation], assessed: &ForecastAssessment) -> RiskTable {
    let best = rows.first().and_then(|row| assessed.best(row.side, row.alpha));
    let cells = rows.iter().map(|row| {
        let is_best = best.is_some_and(|best| best.model == row.model);
        let verdict = match (row.holds, is_best) {
            (true, true) => "holds, best",
            (true, false) => "holds",
            (false, true) => "rejected, best",
            (false, false) => "rejected",
        };
        vec![
            RiskCell::text(row.model.name()),
            count(row.violations),
            figure(&row.kupiec_p, words::p_value, None),
            figure(&row.christoffersen_p, words::p_value, None),
            figure(&row.dynamic_quantile_p, words::p_value, None),
            figure(&row.shortfall_p, words::p_value, None),
            figure(&row.expectile_moment_p, words::p_value, None),
            number(row.quantile_score, words::brief),
            figure(&row.fz0_score, words::brief, None),
            figure(&row.mcs_p, words::p_value, None),
            RiskCell::text(verdict),
        ]
    });
    let headings = [
        "Model",
        "#Viol.|Returns beyond the value at risk",
        "#Kupiec|Is their number right? p-value",
        "#Christ.|Number right and no runs of them? p-value of conditional coverage",
        "#DQ|Can they be foretold? p-value of the dynamic quantile test",
        "#ES|Are losses beyond as large as the expected shortfall says? p-value",
        "#Expectile|Is the expectile's moment zero? p-value",
        "#Pinball|Mean quantile score",
        "#FZ0|Mean joint score of value at risk and expected shortfall",
        "#MCS|p-value in the model confidence set",
        "Verdict",
    ];
    table(caption, &headings, cells.collect())
}

/// How the fits went, a row a model.
fn refits(rows: &[ForecastEvaluation], assessed: &ForecastAssessment) -> RiskTable {
    let mut models: Vec<TailModel> = rows.iter().map(|row| row.model).collect();
    models.dedup();
    models.sort_unstable();
    models.dedup();
    let cells = models.into_iter().filter_map(|model| {
        let row = rows.iter().find(|row| row.model == model)?;
        let fits = assessed.diagnostics(row)?;
        Some(vec![
            RiskCell::text(model.name()),
            count(fits.refits),
            count(fits.failed_refits),
            count(fits.unconverged),
            count(fits.at_boundary),
            RiskCell::text(model.describe()),
        ])
    });
    let headings = [
        "Model",
        "#Fits",
        "#Failed|The last good parameters were kept",
        "#Unconverged",
        "#At a limit|A parameter at the edge of its range",
        "What it is",
    ];
    table("The fits behind the forecasts", &headings, cells.collect())
}

fn lead(rows: &[ForecastEvaluation]) -> String {
    let mut models: Vec<TailModel> = rows.iter().map(|row| row.model).collect();
    models.sort_unstable();
    models.dedup();
    let hold: Vec<&str> = models
        .iter()
        .filter(|model| rows.iter().filter(|row| row.model == **model).all(|row| row.holds))
        .map(|model| model.name())
        .collect();
    match hold.as_slice() {
        [] => format!(
            "None of {} holds on both tails at every probability.",
            counted(models.len(), "model")
        ),
        names => format!(
            "Of {}, {} on both tails at every probability: {}.",
            counted(models.len(), "model"),
            if names.len() == 1 { "1 holds".to_owned() } else { format!("{} hold", names.len()) },
            names.join(", ")
        ),
    }
}
