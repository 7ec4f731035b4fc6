//! The sections of an assessment as words and tables; terminal and page show the same.

use plimsoll_report::risk::{RiskCell, RiskSection, RiskTable};
use plimsoll_risk::assessment::{Assessment, TailMeasure};
use plimsoll_risk::forecast::Side;
use plimsoll_risk::summary::Statistic;
use plimsoll_risk::tail::threshold::ThresholdFit;

use super::cells::{count, figure, number, statistics, table};
use super::{Series, ahead, forecasts, models, words};
use crate::output::counted;

/// Statistics of earning, by name; the rest of the list belongs to other sections.
const DRAWDOWNS: [&str; 9] = [
    "max_drawdown",
    "average_drawdown",
    "ulcer_index",
    "cdar_0.95",
    "edar_0.95",
    "n_drawdown_episodes",
    "average_drawdown_episodes",
    "max_time_under_water",
    "share_under_water",
];
/// Statistics of the tails' shape.
const SHAPE: [&str; 4] = ["skew_population", "kurtosis_population_raw", "gpd_xi", "hill_alpha"];

/// All sections in their order.
pub(super) fn all(series: &Series<'_>, assessment: &Assessment) -> Vec<RiskSection> {
    let mut sections = vec![
        summary(series, assessment),
        performance(assessment),
        drawdowns(assessment),
        tails(series, assessment),
        thresholds(assessment),
        models::volatility(series, assessment),
        expectiles(series, assessment),
        dependence(assessment),
        ruin(series, assessment),
    ];
    sections.extend(forecasts::section(series, assessment));
    sections
}

/// The answers in sentences, each only where its figures exist.
fn summary(series: &Series<'_>, assessment: &Assessment) -> RiskSection {
    let value = |name: &str| assessment.statistics.value(name);
    let mut texts = Vec::new();
    if let (Some(total), Some(volatility)) = (value("total_return"), value("volatility_annual")) {
        let mut text = format!(
            "Total return {}, volatility {} a year",
            words::percent(total),
            words::percent(volatility)
        );
        if let (Some(sharpe), Some(error)) =
            (value("sharpe_annual"), value("sharpe_standard_error"))
        {
            let ratio = format!(
                ", Sharpe ratio {} with standard error {}",
                words::brief(sharpe),
                words::brief(error)
            );
            text.push_str(&ratio);
        }
        texts.push(text + ".");
    }
    if let (Some(depth), Some(length)) = (value("max_drawdown"), value("max_time_under_water")) {
        texts.push(format!(
            "Deepest drawdown {}, longest stay below a peak {}.",
            words::percent(depth),
            counted(length as usize, "period")
        ));
    }
    if let Some(&alpha) = series.settings.alphas.first() {
        let find = |method: &str| {
            let is_it = |row: &&TailMeasure| {
                row.side == Side::Lower
                    && row.method == method
                    && row.alpha.total_cmp(&alpha).is_eq()
            };
            assessment.tails.iter().find(is_it)?.value_at_risk.clone().ok()
        };
        let named = [("gpd", "extreme value theory"), ("gaussian", "a normal distribution")];
        let others: Vec<String> = named
            .into_iter()
            .filter_map(|(method, name)| {
                Some(format!("{} by {name}", words::percent(find(method)?)))
            })
            .collect();
        if let Some(historical) = find("historical") {
            let mut text = format!(
                "With probability {} a period loses more than {} by its own history",
                words::percent(alpha),
                words::percent(historical)
            );
            if !others.is_empty() {
                let others = format!(" ({})", others.join(", "));
                text.push_str(&others);
            }
            texts.push(text + ".");
        }
    }
    texts.extend(assessment.ruin.last().and_then(ahead::outlook));
    let mut notes = Vec::new();
    if let Some(at) = assessment.statistics.ruined_at {
        notes.push(format!(
            "Ruin: return {at} (counted from 0) is -100 % or worse. Wealth stays at 0 from there on."
        ));
    }
    RiskSection { id: "summary", title: "Summary", texts, notes, ..RiskSection::default() }
}

fn performance(assessment: &Assessment) -> RiskSection {
    let rows = &assessment.statistics.statistics;
    let is_here = |row: &&Statistic| {
        let name = row.name.as_str();
        !DRAWDOWNS.contains(&name)
            && !SHAPE.contains(&name)
            && !name.starts_with("block_length")
            && !is_of_tail(name)
    };
    let rows = rows.iter().filter(is_here).chain(&assessment.sharpe);
    RiskSection {
        id: "performance",
        title: "Performance",
        tables: vec![statistics("", rows)],
        ..RiskSection::default()
    }
}

/// Whether a statistic is of one tail probability: it stands in a grid of its own.
fn is_of_tail(name: &str) -> bool {
    ["hist_", "gauss_", "cf_", "evar_", "t_var_", "t_es_", "gpd_", "expectile_"]
        .iter()
        .any(|begin| name.starts_with(begin))
}

fn drawdowns(assessment: &Assessment) -> RiskSection {
    let rows = &assessment.statistics.statistics;
    let rows = rows.iter().filter(|row| DRAWDOWNS.contains(&row.name.as_str()));
    let mut tables = vec![statistics("", rows)];
    if !assessment.worst_drawdowns.is_empty() {
        let episodes = assessment.worst_drawdowns.iter().map(|episode| {
            vec![
                number(episode.depth, words::short),
                count(episode.start),
                count(episode.trough),
                episode.recovered.map_or_else(|| RiskCell::text("not yet"), count),
                count(episode.length),
            ]
        });
        let headings = [
            "#Depth",
            "#From|Position of the return, counted from 0",
            "#Trough|Position of the return",
            "#Recovered|Position of the first return back at the peak",
            "#Periods|Periods below the peak",
        ];
        let caption = "The deepest, by positions of returns counted from 0";
        tables.push(table(caption, &headings, episodes.collect()));
    }
    RiskSection { id: "drawdowns", title: "Drawdowns", tables, ..RiskSection::default() }
}

fn side_words(side: Side) -> &'static str {
    match side {
        Side::Lower => "Lower tail: losses of the holder",
        Side::Upper => "Upper tail: losses of one who is short",
    }
}

fn tails(series: &Series<'_>, assessment: &Assessment) -> RiskSection {
    let alphas = &series.settings.alphas;
    let mut headings = vec!["Method".to_owned()];
    for alpha in alphas {
        headings.push(format!("#VaR {}|Value at risk", words::percent(*alpha)));
        headings.push(format!("#ES {}|Expected shortfall", words::percent(*alpha)));
    }
    let mut tables = Vec::new();
    for side in Side::ALL {
        let of_side: Vec<&TailMeasure> =
            assessment.tails.iter().filter(|row| row.side == side).collect();
        let methods = of_side.len() / alphas.len().max(1);
        let rows = of_side.iter().take(methods).map(|first| {
            let mut row = vec![RiskCell::text(first.method)];
            for measure in of_side.iter().filter(|row| row.method == first.method) {
                row.push(figure(&measure.value_at_risk, words::short, measure.note));
                row.push(figure(&measure.expected_shortfall, words::short, measure.note));
            }
            row
        });
        tables.push(RiskTable {
            caption: side_words(side).to_owned(),
            headings: headings.clone(),
            rows: rows.collect(),
        });
    }
    let rows = &assessment.statistics.statistics;
    let shape = rows.iter().filter(|row| SHAPE.contains(&row.name.as_str()));
    tables.push(statistics("Shape", shape));
    RiskSection {
        id: "tails",
        title: "Tails",
        texts: vec![
            "Value at risk (VaR) is the loss of one period that is exceeded with the given \
             probability, expected shortfall (ES) the mean loss beyond it."
                .to_owned(),
        ],
        tables,
        ..RiskSection::default()
    }
}

fn thresholds(assessment: &Assessment) -> RiskSection {
    let mut tables = Vec::new();
    for side in Side::ALL {
        let of_side = || assessment.thresholds.iter().filter(|row| row.side == side);
        let level = of_side()
            .next()
            .map_or_else(String::new, |row| format!(" {}", words::percent(row.alpha)));
        let rows = of_side().map(|row| {
            let of_fit = |take: fn(&ThresholdFit) -> Option<f64>| match &row.fit {
                Ok(fit) => take(fit).map_or_else(
                    || RiskCell::Undefined { reason: "not determined by this fit".to_owned() },
                    |value| number(value, words::short),
                ),
                Err(error) => RiskCell::Undefined { reason: error.to_string() },
            };
            vec![
                RiskCell::text(words::percent(row.share)),
                of_fit(|row| Some(row.fit.threshold)),
                of_fit(|row| Some(row.fit.n_exceed as f64)),
                of_fit(|row| Some(row.fit.xi)),
                of_fit(|row| row.fit.xi_standard_error),
                of_fit(|row| Some(row.modified_scale)),
                of_fit(|row| row.modified_scale_standard_error),
                of_fit(|row| row.value_at_risk),
                of_fit(|row| row.expected_shortfall),
            ]
        });
        let headings: Vec<String> = [
            "Above".to_owned(),
            "#Threshold".to_owned(),
            "#Losses|Losses above the threshold".to_owned(),
            "#xi|Shape: 1 over the tail index".to_owned(),
            "#+-|Standard error of the shape".to_owned(),
            "#Scale*|Scale less shape times threshold: equal above every valid threshold"
                .to_owned(),
            "#+- |Standard error of the modified scale".to_owned(),
            format!("#VaR{level}"),
            format!("#ES{level}"),
        ]
        .into();
        let caption = side_words(side).to_owned();
        tables.push(RiskTable { caption, headings, rows: rows.collect() });
    }
    tables.extend(ahead::intervals(assessment));
    RiskSection {
        id: "thresholds",
        title: "Extreme values",
        texts: vec![
            "Generalised Pareto fits to the losses above a threshold. Where shape (xi) and modified \
             scale (scale*) stay put from one threshold to the next, the fit can be believed."
                .to_owned(),
        ],
        tables,
        ..RiskSection::default()
    }
}

fn expectiles(series: &Series<'_>, assessment: &Assessment) -> RiskSection {
    let mut tables = Vec::new();
    for side in Side::ALL {
        let rows = assessment.expectiles.iter().filter(|row| row.side == side).map(|row| {
            vec![
                RiskCell::text(words::percent(row.alpha)),
                figure(&row.expectile_value_at_risk, words::short, None),
                figure(&row.tau_of_quantile, words::short, None),
                figure(&row.expected_shortfall, words::short, None),
            ]
        });
        let headings = [
            "Alpha",
            "#Expectile|Of level alpha, as a positive loss",
            "#Level|Level whose expectile is the value at risk at alpha",
            "#ES|Expected shortfall at alpha from that expectile",
        ];
        tables.push(table(side_words(side), &headings, rows.collect()));
    }
    tables.extend(models::care(series, assessment));
    RiskSection {
        id: "expectiles",
        title: "Expectiles",
        texts: vec![
            "The expectile is the loss at which expected gains beyond it are (1 - alpha) / alpha \
             times expected losses beyond it; it is coherent and can be tested."
                .to_owned(),
        ],
        tables,
        ..RiskSection::default()
    }
}

fn dependence(assessment: &Assessment) -> RiskSection {
    let dependence = &assessment.dependence;
    let lags = dependence.autocorrelations.iter().map(|row| {
        vec![
            RiskCell::text(format!("lag {}", row.lag)),
            figure(&row.returns, words::brief, None),
            figure(&row.absolute, words::brief, None),
        ]
    });
    let tests = dependence.tests.iter().map(|row| {
        vec![
            RiskCell::text(format!("Ljung-Box p, {} lags", row.lags)),
            figure(&row.returns_p, words::p_value, None),
            figure(&row.absolute_p, words::p_value, None),
        ]
    });
    let blocks = vec![
        RiskCell::text("bootstrap block, periods"),
        figure(&dependence.block_length, words::brief, None),
        figure(&dependence.block_length_absolute, words::brief, None),
    ];
    let rows = lags.chain(tests).chain([blocks]).collect();
    RiskSection {
        id: "dependence",
        title: "Dependence",
        texts: vec![
            "Autocorrelation of returns and of their sizes. Large ones of the sizes mean that \
             volatility clusters; that alone makes the p-value of the returns too small."
                .to_owned(),
        ],
        tables: vec![table("", &["", "#Returns", "#Sizes"], rows)],
        ..RiskSection::default()
    }
}

fn ruin(series: &Series<'_>, assessment: &Assessment) -> RiskSection {
    let rows = assessment.ruin.iter().map(|row| {
        let of = |take: fn(&plimsoll_risk::ruin::paths::RuinEstimate) -> f64| match &row.estimate {
            Ok(estimate) => number(take(estimate), words::short),
            Err(error) => RiskCell::Undefined { reason: error.to_string() },
        };
        vec![
            RiskCell::text(words::percent(row.drawdown)),
            of(|estimate| estimate.probability),
            of(|estimate| estimate.monte_carlo_low),
            of(|estimate| estimate.monte_carlo_high),
            of(|estimate| estimate.low),
            of(|estimate| estimate.high),
            of(|estimate| estimate.mean_block),
        ]
    });
    let headings = [
        "Drawdown",
        "#Probability",
        "#Draws from|95 % interval for the number of draws",
        "#To",
        "#Histories from|95 % interval over resampled histories: the error of the data",
        "#To ",
        "#Block|Mean block of the bootstrap in periods",
    ];
    let mut tables = vec![table("", &headings, rows.collect())];
    tables.extend(ahead::drawdowns(assessment));
    RiskSection {
        id: "ruin",
        title: "Drawdowns to come",
        texts: vec![
            format!(
                "Probability of a drawdown from the peak within {}, from {} of resampled blocks. The \
             first interval is the error of the draws, the second that of having only this history.",
                counted(series.settings.horizon_periods, "period"),
                counted(series.settings.draws as usize, "path")
            ),
            ahead::RUIN_WORDS.to_owned(),
        ],
        tables,
        ..RiskSection::default()
    }
}
