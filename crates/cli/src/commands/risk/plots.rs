//! The plots of the page, put into their sections.

use plimsoll_report::risk::{Axis, AxisUnit, Form, RiskFigure, RiskSection, RiskSeries};
use plimsoll_risk::assessment::Assessment;
use plimsoll_risk::assessment::plots::{ExceedancePlot, QuantilePlot, TailPlot};
use plimsoll_risk::forecast::Side;

use super::{Series, words};

/// Names of the styles, in the order of the constants below.
pub(super) const STYLES: [&str; 9] = [
    "observed",
    "Student-t",
    "generalised Pareto",
    "normal",
    "equality",
    "value at risk, lower tail",
    "value at risk, upper tail",
    "violation",
    "residuals of volatility",
];
/// The largest losses, as a share of all periods, that a plot of the tail shows.
const TAIL_SHARE: f64 = 0.25;
const OBSERVED: usize = 0;
const STUDENT_T: usize = 1;
const PARETO: usize = 2;
const NORMAL: usize = 3;
const EQUAL: usize = 4;
const LOWER: usize = 5;
const UPPER: usize = 6;
const VIOLATION: usize = 7;
const RESIDUALS: usize = 8;

/// The sections with their plots.
pub(super) fn with_plots(
    mut sections: Vec<RiskSection>,
    series: &Series<'_>,
    assessment: &Assessment,
) -> Vec<RiskSection> {
    for section in &mut sections {
        section.figures = match section.id {
            "tails" => {
                let mut figures = survival(series, assessment);
                figures.extend(quantiles(series, assessment));
                figures
            }
            "thresholds" => stability(assessment),
            "forecasts" => exceedances(series, assessment),
            _ => Vec::new(),
        };
    }
    sections
}

fn axis(name: &str, unit: AxisUnit, is_logarithmic: bool) -> Axis {
    Axis { name: name.to_owned(), unit, is_logarithmic }
}

fn dots(style: usize, points: Vec<(f64, f64)>) -> RiskSeries {
    RiskSeries { style, form: Form::Dots, points }
}

fn line(style: usize, points: Vec<(f64, f64)>) -> RiskSeries {
    RiskSeries { style, form: Form::Line, points }
}

fn survival(series: &Series<'_>, assessment: &Assessment) -> Vec<RiskFigure> {
    TailPlot::of(series.returns, assessment)
        .into_iter()
        .filter(|plot| !plot.observed.is_empty())
        .map(|plot| {
            let (title, whose) = match plot.side {
                Side::Lower => ("Losses of the holder", "falls"),
                Side::Upper => ("Losses of one who is short", "rises"),
            };
            // Small losses are no tail; the curves end where the eye has nothing to compare them with.
            let mut plot = plot;
            plot.observed.retain(|(_, share)| *share <= TAIL_SHARE);
            let largest = plot.observed.iter().map(|point| point.0).fold(0.0, f64::max) * 2.0;
            let smallest = plot.observed.iter().map(|point| point.0).fold(largest, f64::min);
            let in_sight = |points: Vec<(f64, f64)>| -> Vec<(f64, f64)> {
                points.into_iter().filter(|(x, _)| (smallest..=largest).contains(x)).collect()
            };
            RiskFigure {
                title: title.to_owned(),
                caption: format!(
                    "Share of periods with {whose} of at least so much. Both axes are logarithmic: \
                     a heavy tail is a straight line, a normal one drops away."
                ),
                x: axis("loss in one period", AxisUnit::Percent, true),
                y: axis("probability of a larger loss", AxisUnit::Percent, true),
                series: vec![
                    dots(OBSERVED, plot.observed),
                    line(NORMAL, in_sight(plot.normal)),
                    line(STUDENT_T, in_sight(plot.student_t)),
                    line(PARETO, in_sight(plot.gpd)),
                ],
            }
        })
        .collect()
}

fn quantiles(series: &Series<'_>, assessment: &Assessment) -> Vec<RiskFigure> {
    QuantilePlot::of(series.returns, assessment)
        .into_iter()
        .map(|plot| {
            let ends = plot.points.iter().map(|point| point.0);
            let (low, high) =
                ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
            let (name, style) = match plot.name {
                "normal" => ("normal distribution", NORMAL),
                "residuals" => ("innovations of the best volatility model", RESIDUALS),
                _ => ("fitted Student-t distribution", STUDENT_T),
            };
            let (unit, observed) = if style == RESIDUALS {
                (AxisUnit::Number, "standardised residual")
            } else {
                (AxisUnit::Percent, "return")
            };
            let mut shown = vec![dots(style, plot.points)];
            if low < high {
                shown.insert(0, line(EQUAL, vec![(low, low), (high, high)]));
            }
            RiskFigure {
                title: format!("Quantiles against the {name}"),
                caption: "Dots on the line mean that the distribution fits; an S means that the \
                          tails are heavier than its own."
                    .to_owned(),
                x: axis("quantile of the distribution", unit, false),
                y: axis(observed, unit, false),
                series: shown,
            }
        })
        .collect()
}

fn stability(assessment: &Assessment) -> Vec<RiskFigure> {
    let points = |side: Side| -> Vec<(f64, f64)> {
        let rows = assessment.thresholds.iter().filter(|row| row.side == side);
        rows.filter_map(|row| Some((row.share, row.fit.as_ref().ok()?.fit.xi))).collect()
    };
    let mut shown = Vec::new();
    for (side, style) in [(Side::Lower, LOWER), (Side::Upper, UPPER)] {
        let points = points(side);
        shown.push(line(style, points.clone()));
        shown.push(dots(style, points));
    }
    vec![RiskFigure {
        title: "Shape of the tail by threshold".to_owned(),
        caption: "The fitted shape (xi) for the largest share of losses. A flat stretch is where \
                  the fit can be believed; a line that drifts says that the tail has not begun."
            .to_owned(),
        x: axis("share of losses above the threshold", AxisUnit::Percent, false),
        y: axis("shape", AxisUnit::Number, false),
        series: shown,
    }]
}

fn exceedances(series: &Series<'_>, assessment: &Assessment) -> Vec<RiskFigure> {
    let plots = series.settings.alphas.iter();
    plots
        .filter_map(|&alpha| ExceedancePlot::of(series.returns, assessment, alpha))
        .map(|plot| {
            let at = |index: usize| (plot.first + index) as f64;
            let over_time = |values: &[f64]| -> Vec<(f64, f64)> {
                values.iter().enumerate().map(|(index, value)| (at(index), *value)).collect()
            };
            let mut shown = vec![dots(OBSERVED, over_time(&plot.returns))];
            let mut models = Vec::new();
            for (side, model, bound) in &plot.bounds {
                let style = if *side == Side::Lower { LOWER } else { UPPER };
                shown.push(line(style, over_time(bound)));
                models.push(format!("{} ({} tail)", model.name(), side.name()));
            }
            let violations = plot.violations.iter();
            let violations = violations.map(|&at| (at as f64, series.returns[at])).collect();
            shown.push(RiskSeries { style: VIOLATION, form: Form::Marks, points: violations });
            RiskFigure {
                title: format!("Returns beyond the value at risk of {}", words::percent(plot.alpha)),
                caption: format!(
                    "Forecasts of {}, the best of each tail, over the position of the return. Marks \
                     are violations; they should be few and far between, not in clusters.",
                    models.join(" and ")
                ),
                x: axis("position of the return", AxisUnit::Count, false),
                y: axis("return", AxisUnit::Percent, false),
                series: shown,
            }
        })
        .collect()
}
