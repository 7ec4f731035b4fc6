//! `plimsoll risk`: every risk statistic of one series of returns.

mod ahead;
mod cells;
mod forecasts;
mod json;
mod models;
mod plots;
mod read;
mod sections;
mod text;
mod words;

use std::process::ExitCode;

use plimsoll_report::risk::{RiskReport, write_page};
use plimsoll_risk::RiskError;
use plimsoll_risk::assessment::{Assessment, AssessmentSettings, SharpeTrials};
use plimsoll_risk::forecast::{ForecastSettings, TailModel};

use super::use_threads;
use crate::args::{Models, RiskArguments};
use crate::error::CliError;
use crate::output::{Output, counted};
use crate::progress::spinner;
use read::Content;

pub(crate) use read::{Lines, csv_error};

/// A horizon of a year is cut at so many periods: a longer one is asked for by name.
const HORIZON_MAX: usize = 10_000;
/// Forecasting models are fitted to so many returns, unless the series is short.
const WINDOW: usize = 500;
/// A window that says anything about a tail.
const WINDOW_MIN: usize = 100;
/// The fewest returns that volatility models are fitted to.
const WINDOW_OF_VOLATILITY: usize = 250;
/// Forecasts that are worth a test.
const FORECASTS_MIN: usize = 100;
/// Without a word about it, models are fitted about so many times at most.
const FITS_MAX: usize = 50;
/// And not more often than this.
const REFIT_MIN: usize = 7;

pub(crate) fn run(arguments: &RiskArguments, output: Output) -> Result<ExitCode, CliError> {
    use_threads(arguments.threads)?;
    if let Some(page) = arguments.html.as_ref().filter(|page| page.is_dir()) {
        return Err(CliError::usage(
            format!("{} is a folder, no file for a page", page.display()),
            "name a file, such as risk.html",
        ));
    }
    let content = if arguments.prices { Content::Prices } else { Content::Returns };
    let (column, returns) = read::returns(&arguments.file, arguments.column.as_deref(), content)?;
    let settings = settings(arguments, returns.len());
    let progress = spinner(output, "statistics");
    let assessment = Assessment::of_observed(&returns, &settings, &mut |part| {
        progress.set_message(part);
    });
    progress.finish_and_clear();
    let assessment = assessment.map_err(|error| refused(arguments, &column, &error))?;

    let series = Series { column: &column, returns: &returns, settings: &settings };
    let sections = sections::all(&series, &assessment);
    if !output.json {
        output.text(&text::all(&series.heading(), &sections));
    }
    output.document(&json::document(&series, &assessment)?);
    if let Some(page) = &arguments.html {
        let stem = arguments.file.file_stem().unwrap_or(arguments.file.as_os_str());
        let report = RiskReport {
            name: format!("Risk of {}", stem.to_string_lossy()),
            facts: series.facts(),
            styles: plots::STYLES.map(str::to_owned).to_vec(),
            sections: plots::with_plots(sections, &series, &assessment),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        write_page(&report, page)?;
        output.message(&format!("page: {}", page.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// The series that everything is about.
struct Series<'a> {
    column: &'a str,
    returns: &'a [f64],
    settings: &'a AssessmentSettings,
}

impl Series<'_> {
    fn heading(&self) -> String {
        format!(
            "{} of column `{}`, {} periods a year; losses are positive",
            counted(self.returns.len(), "return"),
            self.column,
            self.settings.periods_per_year
        )
    }

    fn facts(&self) -> Vec<String> {
        let alphas: Vec<String> =
            self.settings.alphas.iter().map(|alpha| words::percent(*alpha)).collect();
        vec![
            counted(self.returns.len(), "return"),
            format!("column {}", self.column),
            format!("{} periods a year", self.settings.periods_per_year),
            format!("tails of {}", alphas.join(", ")),
            format!("seed {}", self.settings.seed),
        ]
    }
}

fn refused(arguments: &RiskArguments, column: &str, error: &RiskError) -> CliError {
    CliError::failed(
        format!("{}: column `{column}`: {error}", arguments.file.display()),
        "give simple returns per period, such as 0.01 for one per cent, each finite",
    )
}

/// What the command line asks for, with defaults that fit the length of the series.
fn settings(arguments: &RiskArguments, n: usize) -> AssessmentSettings {
    let mut alphas = arguments.alpha.clone();
    alphas.sort_by(f64::total_cmp);
    alphas.dedup();
    let year = arguments.periods_per_year.round().clamp(1.0, HORIZON_MAX as f64);
    AssessmentSettings {
        periods_per_year: arguments.periods_per_year,
        forecasts: (!arguments.no_forecasts).then(|| forecast_settings(arguments, &alphas, n)),
        alphas,
        horizon_periods: arguments.horizon.unwrap_or(year as usize),
        seed: arguments.seed,
        trials: arguments
            .trials
            .zip(arguments.trials_variance)
            .map(|(count, variance)| SharpeTrials { count: count as f64, variance }),
        ..AssessmentSettings::default()
    }
}

fn forecast_settings(arguments: &RiskArguments, alphas: &[f64], n: usize) -> ForecastSettings {
    let mut models: Vec<TailModel> = arguments
        .models
        .iter()
        .flat_map(|entry| match entry {
            Models::All => TailModel::ALL.to_vec(),
            Models::One(model) => vec![*model],
        })
        .collect();
    if models.is_empty() {
        models = TailModel::DEFAULT.to_vec();
    }
    models.sort_unstable();
    models.dedup();
    let window = arguments.forecast_window.unwrap_or_else(|| default_window(n));
    let forecasts = n.saturating_sub(window);
    let refit_every = arguments.refit_every.unwrap_or(forecasts.div_ceil(FITS_MAX).max(REFIT_MIN));
    ForecastSettings {
        models,
        window,
        refit_every,
        alphas: alphas.to_vec(),
        seed: arguments.seed,
        ..ForecastSettings::default()
    }
}

/// Half of a short series, or what volatility models need if enough is left to forecast.
fn default_window(n: usize) -> usize {
    let half = n / 2;
    let least =
        if n >= WINDOW_OF_VOLATILITY + FORECASTS_MIN { WINDOW_OF_VOLATILITY } else { WINDOW_MIN };
    half.clamp(least, WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_series_leaves_returns_to_forecast() {
        for (n, window) in [
            (3, 100),
            (160, 100),
            (300, 150),
            (349, 174),
            (350, 250),
            (499, 250),
            (600, 300),
            (1_000, 500),
            (9_999, 500),
        ] {
            assert_eq!(default_window(n), window, "{n}");
        }
    }
}
