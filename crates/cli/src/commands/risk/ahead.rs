//! What lies ahead and how sure it is: drawdowns to come, intervals of the tail, several periods.

use plimsoll_report::risk::{RiskCell, RiskTable};
use plimsoll_risk::RiskError;
use plimsoll_risk::assessment::{
    Assessment, DrawdownPassage, DrawdownProbability, MaxDrawdownToCome, TailInterval, TailQuantity,
};
use plimsoll_risk::forecast::Side;
use plimsoll_risk::garch::SimulatedTail;
use plimsoll_risk::ruin::tilting::TiltedEstimate;

use super::cells::{figure, table};
use super::{Series, words};
use crate::output::counted;

/// What the tables of drawdowns to come say, for those who see no headings explained.
pub(super) const RUIN_WORDS: &str = "A Brownian motion with the mean and volatility of the log \
returns is the yardstick: it knows neither fat tails nor clusters, but is watched at every moment. \
Ever below is an upper bound, for all time, of the probability that wealth falls to that much below \
its start: for independent periods (Busseti, Ryu and Boyd) and for the blocks of the bootstrap \
(Lundberg). Both take the mean return of this history for granted.";

/// Tables after that of the probabilities.
pub(super) fn drawdowns(assessment: &Assessment) -> Vec<RiskTable> {
    let rows = &assessment.ruin;
    let mut tables = vec![passages(rows)];
    tables.extend(rare(rows));
    tables.push(closed_forms(rows));
    tables.push(deepest(&assessment.max_drawdown_to_come));
    tables
}

fn level(row: &DrawdownProbability) -> RiskCell {
    RiskCell::text(words::percent(row.drawdown))
}

/// One figure of a result with many.
fn of<T>(result: &Result<T, RiskError>, take: impl FnOnce(&T) -> f64) -> RiskCell {
    figure(&result.as_ref().map(take).map_err(Clone::clone), words::short, None)
}

fn passages(rows: &[DrawdownProbability]) -> RiskTable {
    let cells = rows.iter().map(|row| {
        let of = |take: fn(&DrawdownPassage) -> f64| of(&row.passage, take);
        vec![
            level(row),
            of(|passage| passage.paths as f64),
            of(|passage| f64::from(passage.periods_5_percent)),
            of(|passage| f64::from(passage.periods_median)),
        ]
    });
    let headings = ["Drawdown", "#Paths", "#5 % of them", "#Half of them"];
    table("Periods until it is reached, of the paths that get there", &headings, cells.collect())
}

/// `None` where plain draws are enough for every drawdown.
fn rare(rows: &[DrawdownProbability]) -> Option<RiskTable> {
    let cells: Vec<Vec<RiskCell>> = rows
        .iter()
        .filter(|row| row.is_rare())
        .map(|row| {
            let of = |take: fn(&TiltedEstimate) -> f64| of(&row.tilted, take);
            vec![
                level(row),
                of(|tilted| tilted.probability),
                of(|tilted| tilted.low),
                of(|tilted| tilted.high),
                of(|tilted| tilted.effective_sample_size),
                of(|tilted| tilted.theta),
            ]
        })
        .collect();
    let headings = [
        "Drawdown",
        "#Probability",
        "#Draws from|95 % interval for the number of draws",
        "#To",
        "#Effective paths|Ruined paths that equal weights would need to know as much",
        "#Tilt|Exponent by which bad periods are drawn more often",
    ];
    let caption = "Too rare for plain draws: by exponential tilting of the blocks";
    (!cells.is_empty()).then(|| table(caption, &headings, cells))
}

fn closed_forms(rows: &[DrawdownProbability]) -> RiskTable {
    let cells = rows.iter().map(|row| {
        vec![
            level(row),
            figure(&row.brownian_probability, words::short, None),
            figure(&row.ever_below_bound, words::short, None),
            figure(&row.ever_below_bound_blocks, words::short, None),
        ]
    });
    let headings = [
        "Drawdown",
        "#Brownian|Probability within the horizon for a Brownian motion",
        "#Ever below, independent|Upper bound for wealth below its start, for all time",
        "#Ever below, blocks|The same for the blocks of the bootstrap",
    ];
    table("By formula", &headings, cells.collect())
}

fn deepest(deepest: &MaxDrawdownToCome) -> RiskTable {
    let row = |name: &str, value: &Result<f64, RiskError>| {
        vec![RiskCell::text(name), figure(value, words::short, None)]
    };
    let rows = vec![
        row("median of the paths", &deepest.median),
        row("95 % quantile of the paths", &deepest.quantile_95_percent),
        row("median of a Brownian motion", &deepest.brownian_median),
        row("mean of a Brownian motion, in logs", &deepest.brownian_expected_log),
    ];
    let caption = format!("The deepest within {}", counted(deepest.horizon_periods, "period"));
    table(&caption, &["", "#Drawdown"], rows)
}

/// Profile-likelihood intervals, a table a side.
pub(super) fn intervals(assessment: &Assessment) -> Vec<RiskTable> {
    let of_side = |side: Side| {
        let rows = assessment.tail_intervals.iter().filter(move |row| row.side == side);
        let cells = rows.map(|row| {
            vec![
                RiskCell::text(quantity(row)),
                figure(&row.estimate, words::short, None),
                figure(&row.low, words::short, None),
                figure(&row.high, words::short, None),
            ]
        });
        let caption = format!(
            "95 % intervals by profile likelihood, {} tail above the largest tenth of the losses",
            side.name()
        );
        table(&caption, &["Figure", "#Estimate", "#From", "#To"], cells.collect())
    };
    Side::ALL.into_iter().map(of_side).collect()
}

fn quantity(row: &TailInterval) -> String {
    let name = match row.quantity {
        TailQuantity::Xi => "xi",
        TailQuantity::ValueAtRisk => "VaR",
        TailQuantity::ExpectedShortfall => "ES",
    };
    row.alpha.map_or_else(|| name.to_owned(), |alpha| format!("{name} {}", words::percent(alpha)))
}

/// The tail of several periods together, a row a side.
pub(super) fn several_periods(series: &Series<'_>, assessment: &Assessment) -> RiskTable {
    let several = &assessment.several_periods;
    let mut headings = vec!["Tail".to_owned()];
    for alpha in &series.settings.alphas {
        headings.push(format!("#VaR {}|Value at risk", words::percent(*alpha)));
        headings.push(format!("#ES {}|Expected shortfall", words::percent(*alpha)));
    }
    let rows = Side::ALL.into_iter().map(|side| {
        let mut cells = vec![RiskCell::text(side.name())];
        for &alpha in &series.settings.alphas {
            let tail = several.as_ref().map_err(Clone::clone).and_then(|several| {
                let mut tails = several.tails.iter();
                let is_it = |alpha_of_row: f64| alpha_of_row.total_cmp(&alpha).is_eq();
                let row = tails.find(|row| row.side == side && is_it(row.alpha));
                row.map_or(Err(RiskError::TooFewObservations { n: 0, n_min: 1 }), |row| {
                    row.tail.clone()
                })
            });
            for take in [(|tail| tail.value_at_risk) as fn(&SimulatedTail) -> f64, |tail| {
                tail.expected_shortfall
            }] {
                cells.push(figure(
                    &tail.as_ref().map(take).map_err(Clone::clone),
                    words::brief,
                    None,
                ));
            }
        }
        cells
    });
    let caption = several.as_ref().map_or_else(
        |_| "Several periods together".to_owned(),
        |several| {
            format!(
                "{} together, {} of {} with its residuals as they were",
                counted(several.periods, "period"),
                counted(several.paths, "path"),
                several.model
            )
        },
    );
    RiskTable { caption, headings, rows: rows.collect() }
}

/// What becomes of a shock to the volatility; empty without a model.
pub(super) fn persistence(assessment: &Assessment) -> String {
    let Ok(several) = &assessment.several_periods else { return String::new() };
    match (&several.persistence, &several.half_life_periods) {
        (Ok(persistence), Ok(periods)) => format!(
            "Its persistence is {}: half of a shock to the variance is gone after {} periods.",
            words::brief(*persistence),
            words::brief(*periods)
        ),
        (Ok(persistence), Err(_)) if *persistence >= 1.0 => {
            "Its persistence is 1 or more: a shock to the variance stays, and tails of several \
             periods have no level to return to."
                .to_owned()
        }
        _ => "Nothing of a shock to the variance is left after a period.".to_owned(),
    }
}

/// Probability of a drawdown in words: by the better of both estimates, with the error of having
/// only this history where its draws can see it.
pub(super) fn outlook(row: &DrawdownProbability) -> Option<String> {
    let estimate = row.estimate.as_ref().ok()?;
    let tilted = row.tilted.as_ref().ok();
    let probability = tilted.map_or(estimate.probability, |tilted| tilted.probability);
    let (source, low, high) = match tilted {
        Some(tilted) if estimate.high <= 0.0 => {
            ("the number of draws puts", tilted.low, tilted.high)
        }
        _ => ("other histories of this length put", estimate.low, estimate.high),
    };
    Some(format!(
        "A drawdown of {} within {} has probability {}; {source} it between {} and {}.",
        words::percent(row.drawdown),
        counted(row.horizon_periods, "period"),
        words::percent(probability),
        words::percent(low),
        words::percent(high)
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use plimsoll_risk::assessment::AssessmentSettings;

    use super::*;

    /// Growth with a loss of 1 % every third day: a fall of 20 % is all but impossible.
    fn assessed() -> Assessment {
        let returns: Vec<f64> = (0..300).map(|t| if t % 3 == 1 { -0.01 } else { 0.008 }).collect();
        let settings = AssessmentSettings {
            drawdowns: vec![0.01, 0.06],
            horizon_periods: 60,
            draws: 200,
            outer_draws: 10,
            ..AssessmentSettings::default()
        };
        Assessment::of(&returns, &settings).unwrap()
    }

    #[test]
    fn what_is_rare_is_said_by_the_tilted_estimate() {
        let assessment = assessed();
        let [common, seldom] = &assessment.ruin[..] else { panic!("two drawdowns were asked for") };
        assert!(!common.is_rare() && seldom.is_rare(), "{assessment:?}");
        let tilted = seldom.tilted.as_ref().unwrap();
        let text = outlook(seldom).unwrap();
        assert!(text.contains(&words::percent(tilted.probability)), "{text}");
        assert!(text.contains("the number of draws puts"), "{text}");
        assert!(outlook(common).unwrap().contains("other histories"));
        let tables = drawdowns(&assessment);
        assert_eq!(tables.len(), 4);
        assert_eq!(tables[1].rows.len(), 1, "one of both is rare");
        assert_eq!(tables[1].rows[0][0], RiskCell::text("6 %"));
    }
}
