//! The forecasts that were tested, as tables.

use plimsoll_report::risk::{RiskCell, RiskSection, RiskTable};
use plimsoll_risk::assessment::{Assessment, ForecastAssessment};
use plimsoll_risk::forecast::{ForecastEvaluation, Side, TailModel};
use plimsoll_risk::forecast_test::coverage::nonrejection_region;

use super::cells::{count, figure, number, table};
use super::{Series, words};
use crate::output::counted;

/// With fewer violations expected, the tests see only what is grossly wrong.
const EXPECTED_FEW: f64 = 5.0;
/// With fewer expected than this, a model that is not rejected has shown nothing.
const EXPECTED_MIN: f64 = 1.0;

/// Forecasts are of tail probabilities below this.
const ALPHA_END: f64 = 0.5;

/// Tables of tests and scores for each side and tail probability.
pub(super) fn section(series: &Series<'_>, assessment: &Assessment) -> Option<RiskSection> {
    let assessed = assessment.forecasts.as_ref()?;
    let mut section = RiskSection { id: "forecasts", title: "Forecasts", ..RiskSection::default() };
    if let Some(alpha) = series.settings.alphas.iter().find(|alpha| **alpha >= ALPHA_END) {
        section.notes.push(format!(
            "No forecast: --alpha has {alpha}, which is no tail; forecasts are of tail \
             probabilities below 0.5."
        ));
        return Some(section);
    }
    let rows = match &assessed.evaluations {
        Ok(rows) => rows,
        Err(error) => {
            section.notes.push(format!("No forecast: {error}."));
            return Some(section);
        }
    };
    section.texts.push(format!(
        "One-period forecasts from the past alone: each model is fitted to the last {} and fitted \
         anew every {}. p-values are of the hypothesis that the forecast is right; a small one \
         speaks against it. A model holds where none of Kupiec, Christoffersen and dynamic quantile \
         (DQ) is below 0.05; of 730 right forecasts the three reject one series in thirteen at \
         1 %, one in ten at 5 %. That a model holds is no proof: with few forecasts large errors \
         pass, with very many even small ones are rejected. With few expected violations the test \
         of the shortfall (ES) is slow to reject, that of the expectile quick. Scores are losses, \
         the lower the better; the model confidence set (MCS, at 90 %: a model whose p is below \
         0.10 is out) keeps what cannot be told from the best score, by FZ0 or, where a model has \
         none, by pinball. Best of a tail is the lowest of that score among the models that hold, \
         or among all where none does.",
        counted(assessed.window, "return"),
        counted(assessed.refit_every, "period")
    ));
    if assessed.refit_every > assessed.window {
        section.notes.push(format!(
            "The models are fitted anew every {} only, which is more than the {} that a fit sees: \
             most forecasts rest on parameters from an old market. Give a smaller --refit-every.",
            counted(assessed.refit_every, "period"),
            counted(assessed.window, "return")
        ));
    }
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
                section.tables.push(tests(&caption(first), &rows, assessed));
            }
        }
    }
    section.tables.push(refits(rows, assessed));
    Some(section)
}

/// What was forecast how often, and how many violations pass for right.
fn caption(row: &ForecastEvaluation) -> String {
    let mut caption = format!(
        "{} tail at {}: {}, {} violations expected",
        side_name(row.side),
        words::percent(row.alpha),
        counted(row.n, "forecast"),
        words::brief(row.expected_violations)
    );
    if let Ok((least, most)) = nonrejection_region(row.n, row.alpha, 0.95) {
        let kept = format!("; Kupiec keeps {least} to {most} violations");
        caption.push_str(&kept);
    }
    if row.expected_violations < EXPECTED_FEW {
        caption += "; with fewer than 5 expected the tests can hardly reject";
    }
    caption
}

/// Whether enough violations are expected for a test to say anything.
fn can_tell(row: &ForecastEvaluation) -> bool {
    row.expected_violations >= EXPECTED_MIN
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
        let verdict = match (row.holds, can_tell(row)) {
            (true, true) => "holds",
            (true, false) => "too few to tell",
            (false, _) => "rejected",
        };
        let verdict = if is_best { format!("{verdict}, best") } else { verdict.to_owned() };
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
        "#MCS|p-value in the model confidence set; below 0.10 the model is out",
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

/// Which models hold wherever violations enough to tell are expected.
fn lead(rows: &[ForecastEvaluation]) -> String {
    let mut models: Vec<TailModel> = rows.iter().map(|row| row.model).collect();
    models.sort_unstable();
    models.dedup();
    let hold: Vec<&str> = models
        .iter()
        .filter(|model| rows.iter().filter(|row| row.model == **model).all(|row| row.holds))
        .map(|model| model.name())
        .collect();
    let scope = match (rows.iter().all(can_tell), rows.iter().any(can_tell)) {
        (true, _) => "on both tails at every probability",
        (false, true) => {
            "on both tails at every probability, though at some fewer than one violation is \
             expected, too few to tell"
        }
        (false, false) if hold.is_empty() => "on both tails at every probability",
        (false, false) => {
            return "Fewer than one violation is expected in every tail: too few to tell which \
                    models hold."
                .to_owned();
        }
    };
    match hold.as_slice() {
        [] => format!(
            "None of {} holds on both tails at every probability.",
            counted(models.len(), "model")
        ),
        names => format!(
            "Of {}, {} {scope}: {}.",
            counted(models.len(), "model"),
            if names.len() == 1 { "1 holds".to_owned() } else { format!("{} hold", names.len()) },
            names.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use plimsoll_risk::assessment::AssessmentSettings;
    use plimsoll_risk::forecast::ForecastSettings;

    use super::*;

    fn assessed(n: usize, refit_every: usize) -> RiskSection {
        let returns: Vec<f64> =
            (0..n as u64).map(|t| ((t * t * 37 + t * 11) % 101) as f64 / 1000.0 - 0.05).collect();
        let settings = AssessmentSettings {
            alphas: vec![0.01],
            draws: 100,
            outer_draws: 2,
            horizon_periods: 10,
            forecasts: Some(ForecastSettings {
                models: vec![TailModel::EwmaNormal],
                alphas: vec![0.01],
                window: 100,
                refit_every,
                ..ForecastSettings::default()
            }),
            ..AssessmentSettings::default()
        };
        let assessment = Assessment::of(&returns, &settings).unwrap();
        let series = Series { column: "r", returns: &returns, settings: &settings };
        section(&series, &assessment).unwrap()
    }

    fn verdict(section: &RiskSection) -> &str {
        match section.tables[0].rows[0].last().unwrap() {
            RiskCell::Text(text) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_holds_where_no_violation_is_expected() {
        let few = assessed(160, 7);
        assert_eq!(verdict(&few), "too few to tell, best");
        assert!(few.lead.contains("too few to tell"), "{}", few.lead);
        assert!(few.tables[0].caption.contains("can hardly reject"), "{}", few.tables[0].caption);
        assert!(few.notes.is_empty(), "{:?}", few.notes);
        // Of 255 forecasts at 1 % Kupiec (1995, table 3) keeps fewer than 7 violations. None is
        // rejected: -2 * 255 * ln 0.99 = 5.13 is above 3.84.
        let more = assessed(355, 101);
        let caption = &more.tables[0].caption;
        assert!(caption.contains("255 forecasts, 2.55 violations expected"), "{caption}");
        assert!(caption.contains("Kupiec keeps 1 to 6 violations"), "{caption}");
        assert_eq!(verdict(&more), "rejected, best");
        assert!(more.notes[0].contains("--refit-every"), "{:?}", more.notes);
    }
}
