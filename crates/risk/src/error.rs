//! The one error type of this crate.

/// Why a statistic has no value.
///
/// Every fallible function of the crate returns this type. The first group of variants is bad
/// input (position, value, rule); the second is a well-formed sample for which the statistic
/// does not exist. Neither is ever expressed as NaN.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RiskError {
    /// An input value is NaN or infinite.
    #[error("value {value} at position {index} is not finite; remove it or fill the gap before")]
    NonFinite {
        /// 0-based position in the slice.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// The sample is shorter than the statistic needs.
    #[error("{}, at least {n_min} are needed", observations(*n))]
    TooFewObservations {
        /// Observations given.
        n: usize,
        /// Observations needed.
        n_min: usize,
    },
    /// A parameter lies outside its range.
    #[error("`{name}` is {value}, it must be {rule}")]
    OutOfRange {
        /// Name of the parameter.
        name: &'static str,
        /// The value given.
        value: f64,
        /// The range in words.
        rule: &'static str,
    },
    /// A name that stands for nothing.
    #[error("`{name}` is no {what}; known are {known}")]
    UnknownName {
        /// What is named.
        what: &'static str,
        /// The name given.
        name: String,
        /// The names known, comma separated.
        known: String,
    },
    /// Two slices that must have one length do not.
    #[error("`{name}` {index} has {length} values, {expected} are expected")]
    LengthMismatch {
        /// What was compared.
        name: &'static str,
        /// 0-based position of the offending slice.
        index: usize,
        /// Its length.
        length: usize,
        /// The length of the others.
        expected: usize,
    },
    /// A regressor holds a value that is NaN or infinite.
    #[error(
        "value {value} at position {index} of regressor {column} is not finite; remove the row or fill the gap before"
    )]
    NonFiniteRegressor {
        /// 0-based position of the regressor.
        column: usize,
        /// 0-based position in it.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// A value of one of several columns is NaN or infinite.
    #[error(
        "value {value} at position {index} of column {column} is not finite; remove the period from every column or fill the gap before"
    )]
    NonFiniteInColumn {
        /// 0-based position of the column.
        column: usize,
        /// 0-based position in it.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// The coefficients of a regression are not determined by the data.
    #[error(
        "regressor {column} is zero or (nearly) a linear combination of those before it; leave it out"
    )]
    SingularDesign {
        /// 0-based position of the regressor.
        column: usize,
    },
    /// A return of -100 % or worse: wealth is gone, its logarithm does not exist.
    #[error("ruined at position {index}: a return of -100 % or worse has no logarithm")]
    Ruined {
        /// 0-based position of the first such return.
        index: usize,
    },
    /// A ratio of gains to losses without a loss: infinite by definition.
    #[error("the sample has no losses, the ratio is infinite")]
    NoLosses,
    /// The statistic does not exist for this sample.
    #[error("`{metric}` is undefined: {reason}")]
    Undefined {
        /// Name of the statistic.
        metric: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// The sample holds fewer blocks than a block bootstrap can work with.
    #[error(
        "{} {} {blocks:.1} blocks of mean length {mean_block:.1}, at least {blocks_min} are needed; use a longer history",
        observations(*n), if *n == 1 { "is" } else { "are" }
    )]
    TooFewBlocks {
        /// Observations given.
        n: usize,
        /// Mean block length.
        mean_block: f64,
        /// `n / mean_block`.
        blocks: f64,
        /// Blocks needed.
        blocks_min: f64,
    },
    /// A forecast is NaN or infinite.
    #[error("`{name}` at position {index} is {value}; leave out the periods without a forecast")]
    NonFiniteForecast {
        /// Which forecast.
        name: &'static str,
        /// 0-based position in the slice.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// A pair of forecasts for which the joint score has no value.
    #[error(
        "at position {index} the shortfall is {shortfall} and the quantile {quantile}; the score needs shortfall <= quantile < 0"
    )]
    ForecastOrder {
        /// 0-based position of the pair.
        index: usize,
        /// Forecast of the quantile of returns.
        quantile: f64,
        /// Forecast of the mean return beyond it.
        shortfall: f64,
    },
    /// The statistic is undefined in too many bootstrap draws for an interval.
    #[error("`{metric}` is undefined in {undefined} of {draws} bootstrap draws")]
    TooManyUndefinedDraws {
        /// Name of the statistic.
        metric: &'static str,
        /// Draws without a value.
        undefined: usize,
        /// All draws.
        draws: usize,
    },
}

fn observations(n: usize) -> String {
    if n == 1 { "1 observation".to_owned() } else { format!("{n} observations") }
}

/// Short form used throughout the crate.
pub type Result<T> = std::result::Result<T, RiskError>;
