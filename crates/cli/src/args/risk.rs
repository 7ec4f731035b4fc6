//! Arguments of `plimsoll risk`.

use std::path::PathBuf;

use clap::Args;
use plimsoll_risk::forecast::TailModel;

use super::{above_zero, tail_probability, whole_number, zero_or_above};

#[derive(Args, Debug)]
#[command(after_help = "Losses are positive; alpha is the tail probability.

Models of the forecasts: historical, ewma_normal, student_t, garch_normal, gjr_skew_t, gjr_nig,
gjr_variance_gamma, filtered_historical, conditional_evt, expectile_kyh, care_symmetric,
care_asymmetric; `all` for all of them.

Examples:
  plimsoll risk returns.csv --column r
  plimsoll risk equity.csv --column equity --prices --html risk.html
  plimsoll risk hourly.parquet --column r --periods-per-year 8760 --alpha 0.01,0.05
  plimsoll risk daily.csv --column r --models all --forecast-window 500 --refit-every 1")]
pub(crate) struct RiskArguments {
    /// A CSV or Parquet file, or a folder of Parquet files read in the order of their paths.
    pub(crate) file: PathBuf,
    /// The column; without it, the only column of numbers.
    #[arg(long)]
    pub(crate) column: Option<String>,
    /// The column holds prices or equity; the returns are those between them.
    #[arg(long)]
    pub(crate) prices: bool,
    /// Periods in a year: 365 for days, 8760 for hours.
    #[arg(long, value_name = "P", default_value_t = 365.0, value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) periods_per_year: f64,
    /// Tail probabilities.
    #[arg(long, value_name = "A,B", value_delimiter = ',', default_values_t = [0.01, 0.05], value_parser = tail_probability, allow_negative_numbers = true)]
    pub(crate) alpha: Vec<f64>,
    /// Periods within which drawdowns are expected [default: a year, at most 10,000].
    #[arg(long, value_name = "N", value_parser = horizon)]
    pub(crate) horizon: Option<usize>,
    /// Models to forecast with, or all [default: six of different kinds].
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = models)]
    pub(crate) models: Vec<Models>,
    /// Returns that each forecasting model is fitted to [default: 500; half of a series below
    /// 1,000, but 250 where that leaves 100 to forecast].
    #[arg(long, value_name = "N", value_parser = whole_number)]
    pub(crate) forecast_window: Option<usize>,
    /// Periods from one fit of the forecasting models to the next [default: as many as give 50
    /// fits, at least 7].
    #[arg(long, value_name = "N", value_parser = whole_number)]
    pub(crate) refit_every: Option<usize>,
    /// No walk-forward forecasts, the slowest part.
    #[arg(long, conflicts_with_all = ["models", "forecast_window", "refit_every"])]
    pub(crate) no_forecasts: bool,
    /// Strategies tried before this one was chosen, for the deflated Sharpe ratio.
    #[arg(long, value_name = "N", value_parser = whole_number, requires = "trials_variance")]
    pub(crate) trials: Option<usize>,
    /// Variance of their Sharpe ratios per period, not annualised.
    #[arg(long, value_name = "V", value_parser = zero_or_above, requires = "trials", allow_negative_numbers = true)]
    pub(crate) trials_variance: Option<f64>,
    /// Writes one offline page with plots to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Seed of every random number.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// Number of threads; the result does not depend on it.
    #[arg(long, value_name = "N", value_parser = whole_number)]
    pub(crate) threads: Option<usize>,
}

/// One entry of the list of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Models {
    /// Every model.
    All,
    /// The one named.
    One(TailModel),
}

/// A century of hours is less.
const HORIZON_END: usize = 1_000_000;

fn horizon(text: &str) -> Result<usize, String> {
    let periods = whole_number(text)?;
    if periods > HORIZON_END {
        return Err("write a number of periods up to 1000000".to_owned());
    }
    Ok(periods)
}

fn models(text: &str) -> Result<Models, String> {
    match text.trim() {
        "all" => Ok(Models::All),
        name => name
            .parse()
            .map(Models::One)
            .map_err(|error: plimsoll_risk::RiskError| error.to_string()),
    }
}
