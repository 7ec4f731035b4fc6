//! Why a sizing formula has no answer.

use plimsoll_risk::RiskError;

/// The reason a formula is undefined on its input.
///
/// A decision that meets one records a limit of 0 with [`reason`](Self::reason) beside it: the
/// study goes on, and the limit is never dropped from the minimum.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SizingError {
    /// An input is NaN or infinite.
    #[error("`{name}` is {value}, not a finite number")]
    NotFinite {
        /// The input.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// An input lies outside the range in which the formula holds.
    #[error("`{name}` is {value}; it must be {rule}")]
    OutOfRange {
        /// The input.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The range, as the end of the sentence "it must be ...".
        rule: &'static str,
    },
    /// One element of a series is not what the formula can use.
    #[error("`{name}`[{index}] is {value}; it must be {rule}")]
    BadElement {
        /// The series.
        name: &'static str,
        /// Position in it, counted from 0.
        index: usize,
        /// The element.
        value: f64,
        /// The rule, as the end of the sentence "it must be ...".
        rule: &'static str,
    },
    /// Two series that belong together differ in length.
    #[error("`{name}` has {have} values where {need} are needed")]
    LengthMismatch {
        /// The series of the wrong length.
        name: &'static str,
        /// Its length.
        have: usize,
        /// The length that fits.
        need: usize,
    },
    /// The volatility that would be divided by is zero.
    #[error("`{name}` is zero, so no size follows from it")]
    ZeroVolatility {
        /// Which volatility: a standard deviation, or an average true range.
        name: &'static str,
    },
    /// The rule needs a stop and the trade has none.
    #[error("the trade has no stop, so its risk per unit is unknown")]
    NoStop,
    /// A number that the rule needs was not given.
    #[error("`{name}` is not given")]
    NotGiven {
        /// The number.
        name: &'static str,
    },
    /// What the rule reads is not in the data at that time.
    #[error("{name} is not on record at that time")]
    NotRecorded {
        /// What is lacking.
        name: &'static str,
    },
    /// Fewer observations than the formula needs.
    #[error("{have} observations where at least {need} are needed")]
    TooFewObservations {
        /// How many there are.
        have: usize,
        /// How many are needed.
        need: usize,
    },
    /// A model of the next day gave no forecast.
    #[error("the model `{model}` gives no forecast: {error}")]
    NoForecast {
        /// The model.
        model: String,
        /// Why.
        error: RiskError,
    },
    /// No return of the sample loses, so growth has no maximum and no cap was given.
    #[error("no loss in the sample: growth rises without bound; give a cap")]
    NoLossObserved,
    /// There is no equity left to size with.
    #[error("equity is {equity}: the account is ruined")]
    Ruined {
        /// The equity.
        equity: f64,
    },
    /// A numerical search ended without the accuracy asked for.
    #[error("`{name}` did not converge in {iterations} steps")]
    NotConverged {
        /// The search.
        name: &'static str,
        /// Steps taken.
        iterations: usize,
    },
}

impl SizingError {
    /// A short name in snake case, for decision records and counts.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFinite { .. } => "not_finite",
            Self::OutOfRange { .. } => "out_of_range",
            Self::BadElement { .. } => "bad_element",
            Self::LengthMismatch { .. } => "length_mismatch",
            Self::ZeroVolatility { .. } => "zero_volatility",
            Self::NoStop => "no_stop",
            Self::NotGiven { .. } => "not_given",
            Self::NotRecorded { .. } => "not_recorded",
            Self::TooFewObservations { .. } => "too_few_observations",
            Self::NoForecast { .. } => "no_forecast",
            Self::NoLossObserved => "no_loss_observed",
            Self::Ruined { .. } => "ruined",
            Self::NotConverged { .. } => "not_converged",
        }
    }
}
