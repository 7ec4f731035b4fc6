//! Models of time: volatility and autoregressive expectiles, as tables.

use plimsoll_report::risk::{RiskCell, RiskSection, RiskTable};
use plimsoll_risk::assessment::{Assessment, CareSummary, NextTail, VolatilityFit};
use plimsoll_risk::forecast::Side;
use plimsoll_risk::garch::{Boundary, Innovation};

use super::cells::{figure, number, table};
use super::{Series, ahead, words};
use crate::output::counted;

/// One figure of a forecast.
type TakeFigure = fn(&NextTail) -> &Result<f64, plimsoll_risk::RiskError>;

/// Volatility models with parameters, criteria and the next period.
pub(super) fn volatility(series: &Series<'_>, assessment: &Assessment) -> RiskSection {
    let n = assessment.volatility.first().map_or(0, |row| row.n);
    let mut tables = vec![parameters(assessment), quality(assessment)];
    for side in Side::ALL {
        tables.push(next(series, assessment, side));
    }
    tables.push(ahead::several_periods(series, assessment));
    let lead = match assessment.best_volatility() {
        Ok((row, fit)) => format!(
            "Best by BIC: {}; it expects a standard deviation of {} in the next period. {}",
            row.name(),
            words::percent(fit.sigma_next),
            ahead::persistence(assessment)
        ),
        Err(_) if assessment.volatility.iter().all(|row| row.fit.is_err()) => String::new(),
        Err(error) => format!("None is best by BIC: {error}."),
    };
    RiskSection {
        id: "volatility",
        title: "Volatility",
        lead,
        texts: vec![format!(
            "GARCH(1,1) and GJR-GARCH by maximum likelihood on the last {}. Persistence is the share \
             of a shock that is left after a period; a fit that did not converge or ended at a limit \
             says so. None that did not converge, or has omega or a shape at its limit, is best by \
             BIC: its likelihood cannot be compared.",
            counted(n, "return")
        )],
        tables,
        ..RiskSection::default()
    }
}

fn of_fit(
    fit: &Result<VolatilityFit, plimsoll_risk::RiskError>,
    take: impl FnOnce(&VolatilityFit) -> RiskCell,
) -> RiskCell {
    match fit {
        Ok(fit) => take(fit),
        Err(error) => RiskCell::Undefined { reason: error.to_string() },
    }
}

fn parameters(assessment: &Assessment) -> RiskTable {
    let rows = assessment.volatility.iter().map(|row| {
        let value = |take: fn(&VolatilityFit) -> f64| {
            of_fit(&row.fit, |fit| number(take(fit), words::brief))
        };
        vec![
            RiskCell::text(row.name()),
            value(|fit| fit.parameters.mu),
            value(|fit| fit.parameters.omega),
            value(|fit| fit.parameters.alpha),
            value(|fit| fit.parameters.gamma),
            value(|fit| fit.parameters.beta),
            row.fit.as_ref().map_or_else(
                |_| RiskCell::text(""),
                |fit| RiskCell::text(shape(&fit.parameters.innovation)),
            ),
        ]
    });
    let headings = ["Model", "#mu", "#omega", "#alpha", "#gamma", "#beta", "Shape"];
    table("Parameters", &headings, rows.collect())
}

fn shape(innovation: &Innovation) -> String {
    match innovation {
        Innovation::Normal => String::new(),
        Innovation::StudentT { nu } => format!("nu {}", words::brief(*nu)),
        Innovation::SkewT { eta, lambda } => {
            format!("eta {}, lambda {}", words::brief(*eta), words::brief(*lambda))
        }
        Innovation::NormalInverseGaussian { alpha, beta } => {
            format!("alpha {}, beta {}", words::brief(*alpha), words::brief(*beta))
        }
        Innovation::VarianceGamma { theta, nu } => {
            format!("theta {}, nu {}", words::brief(*theta), words::brief(*nu))
        }
    }
}

fn quality(assessment: &Assessment) -> RiskTable {
    let rows = assessment.volatility.iter().map(|row| {
        let value = |take: fn(&VolatilityFit) -> f64| {
            of_fit(&row.fit, |fit| number(take(fit), words::short))
        };
        let state = row.fit.as_ref().map_or_else(
            |_| String::new(),
            |fit| {
                let mut state =
                    if fit.converged { "converged" } else { "not converged" }.to_owned();
                for boundary in &fit.boundaries {
                    state.push_str(", ");
                    state.push_str(at_limit(*boundary));
                }
                state
            },
        );
        vec![
            RiskCell::text(row.name()),
            value(|fit| fit.log_likelihood),
            value(|fit| fit.aic),
            value(|fit| fit.bic),
            of_fit(&row.fit, |fit| figure(&fit.persistence, words::brief, None)),
            of_fit(&row.fit, |fit| number(fit.sigma_next, words::brief)),
            RiskCell::text(state),
        ]
    });
    let headings = [
        "Model",
        "#Log-likelihood",
        "#AIC",
        "#BIC",
        "#Persistence",
        "#Next sd|Standard deviation expected in the next period",
        "Fit",
    ];
    table("Fits", &headings, rows.collect())
}

fn at_limit(boundary: Boundary) -> &'static str {
    match boundary {
        Boundary::Omega => "omega at its smallest",
        Boundary::Alpha => "alpha at 0",
        Boundary::NegativeResponse => "no response to losses",
        Boundary::Beta => "beta at 0",
        Boundary::Persistence => "persistence at 1",
        Boundary::FirstShape => "first shape at a limit",
        Boundary::SecondShape => "second shape at a limit",
    }
}

/// The next period by each model and by its residuals as they were.
fn next(series: &Series<'_>, assessment: &Assessment, side: Side) -> RiskTable {
    let mut headings = vec!["Model".to_owned()];
    for alpha in &series.settings.alphas {
        let level = words::percent(*alpha);
        headings.push(format!("#VaR {level}"));
        headings.push(format!("#ES {level}"));
        headings.push(format!("#FHS VaR {level}|By the residuals as they were"));
        headings.push(format!("#FHS ES {level}|By the residuals as they were"));
    }
    let rows = assessment.volatility.iter().map(|row| {
        let mut cells = vec![RiskCell::text(row.name())];
        for &alpha in &series.settings.alphas {
            let takes: [TakeFigure; 4] = [
                |tail| &tail.value_at_risk,
                |tail| &tail.expected_shortfall,
                |tail| &tail.filtered_value_at_risk,
                |tail| &tail.filtered_expected_shortfall,
            ];
            for take in takes {
                cells.push(of_fit(&row.fit, |fit| {
                    let mut tails = fit.next.iter();
                    let tail = tails
                        .find(|tail| tail.side == side && tail.alpha.total_cmp(&alpha).is_eq());
                    tail.map_or_else(
                        || RiskCell::text(""),
                        |tail| figure(take(tail), words::brief, None),
                    )
                }));
            }
        }
        cells
    });
    RiskTable {
        caption: format!("Next period, {} tail", side.name()),
        headings,
        rows: rows.collect(),
    }
}

/// Autoregressive expectiles of each side.
pub(super) fn care(series: &Series<'_>, assessment: &Assessment) -> Vec<RiskTable> {
    let mut tables = Vec::new();
    for side in Side::ALL {
        for &alpha in &series.settings.alphas {
            let rows = assessment
                .care
                .iter()
                .filter(|row| row.side == side && row.alpha.total_cmp(&alpha).is_eq());
            let cells: Vec<Vec<RiskCell>> = rows
                .map(|row| {
                    let value = |take: fn(&CareSummary) -> f64| match &row.fit {
                        Ok(fit) => number(take(fit), words::brief),
                        Err(error) => RiskCell::Undefined { reason: error.to_string() },
                    };
                    let (coefficients, state) = row.fit.as_ref().map_or_else(
                        |_| (String::new(), String::new()),
                        |fit| (coefficients(fit), state(fit)),
                    );
                    vec![
                        RiskCell::text(row.model),
                        value(|fit| fit.tau),
                        value(|fit| fit.coverage_fraction),
                        value(|fit| fit.loss_ratio),
                        value(|fit| fit.value_at_risk_next),
                        match &row.fit {
                            Ok(fit) => figure(&fit.expected_shortfall_next, words::brief, None),
                            Err(error) => RiskCell::Undefined { reason: error.to_string() },
                        },
                        RiskCell::text(coefficients),
                        RiskCell::text(state),
                    ]
                })
                .collect();
            let headings = [
                "Model",
                "#Level|Of the expectile, matched to the coverage",
                "#Below|Share of the returns below it",
                "#Loss|Relative to the best constant; 1 where the past says nothing",
                "#Next VaR",
                "#Next ES",
                "Coefficients",
                "Fit",
            ];
            let caption = format!(
                "Autoregressive expectiles, {} tail at {}, next period",
                side.name(),
                words::percent(alpha)
            );
            tables.push(table(&caption, &headings, cells));
        }
    }
    tables
}

fn coefficients(fit: &CareSummary) -> String {
    let pairs = fit.coefficient_names.iter().zip(&fit.coefficients);
    let words: Vec<String> =
        pairs.map(|(name, value)| format!("{name} {}", words::brief(*value))).collect();
    words.join(", ")
}

fn state(fit: &CareSummary) -> String {
    let mut state = if fit.converged { "converged" } else { "not converged" }.to_owned();
    if fit.at_boundary {
        state += ", limit of b1";
    }
    if fit.starts > 1 {
        let agreement = format!(", {} of {} starts agree", fit.starts_agreeing, fit.starts);
        state.push_str(&agreement);
    }
    state
}
