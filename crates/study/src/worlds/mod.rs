//! A laboratory in which the edge is known: many simulated worlds, each with its own true edge.
//!
//! A backtest cannot say how a sizing rule fares when its estimate is wrong, for the true edge is
//! never seen. Here it is drawn first. Three questions, each with its answer beside it:
//!
//! 1. **Known edge** ([`binary`], [`brownian`]): do full, half and quarter Kelly reach the growth
//!    and the probabilities of loss that the closed forms say? Each row has the expected value, the
//!    simulated one and their distance in standard errors.
//! 2. **Past the limit** ([`past_limit`]): what happens where one move of the distribution
//!    liquidates the account? Growth is then minus infinity, whatever the paths that survived made.
//! 3. **Estimated edge** ([`estimated`]): rules see a history of trades and nothing else. Which one
//!    grows best on the trades that follow, and how often does it ruin?
//!
//! Priors, windows and numbers of trades are constants of these modules. They were written down
//! before the first run and were not changed after it, so that no table here is the best of several
//! tries. Worlds and seed are arguments.
//!
//! ```no_run
//! use plimsoll_study::worlds::{BASELINE, WorldsSettings, default_rules, run};
//!
//! let settings = WorldsSettings { worlds: 500, seed: 7 };
//! let result = run(&settings, &default_rules(), BASELINE, &plimsoll_study::Unwatched)?;
//! for check in &result.known_edge {
//!     println!("{} {}: z = {:.1}", check.world, check.quantity, check.z);
//! }
//! # Ok::<(), plimsoll_study::StudyError>(())
//! ```

pub mod binary;
pub mod brownian;
pub mod estimated;
pub mod past_limit;
pub mod payoffs;
mod rules;
pub mod tally;

use plimsoll_risk::moments::Moments;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Serialize, Serializer};

use crate::error::StudyError;
use crate::parse::NamedRule;
use crate::run::Progress;

pub use estimated::EstimatedEdge;
pub use past_limit::PastLimit;
pub use payoffs::{Family, Payoffs};
pub use rules::{BASELINE, default_rules};
pub use tally::{Interval, MeanOf, RuleTally, Share};

/// Worlds, unless told otherwise.
pub const DEFAULT_WORLDS: usize = 500;
/// Seed, unless told otherwise.
pub const DEFAULT_SEED: u64 = 7;
/// Fewest worlds: an interval over fewer says nothing.
pub const WORLDS_MIN: usize = 20;
/// Shares of full Kelly whose closed forms are checked.
pub const KELLY_MULTIPLES: [f64; 3] = [1.0, 0.5, 0.25];

/// How many worlds, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WorldsSettings {
    /// Worlds of each family, and price paths of the Brownian market.
    pub worlds: usize,
    /// Seed of every draw.
    pub seed: u64,
}

impl Default for WorldsSettings {
    fn default() -> Self {
        Self { worlds: DEFAULT_WORLDS, seed: DEFAULT_SEED }
    }
}

/// Everything that the laboratory found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorldsResult {
    /// How many worlds, and which.
    pub settings: WorldsSettings,
    /// The rule that the others are compared with.
    pub baseline: String,
    /// Simulated figures beside their closed forms.
    pub known_edge: Vec<Check>,
    /// Leverages up to and past the one that a single move liquidates.
    pub past_limit: Vec<PastLimit>,
    /// A table for each family of worlds and length of history.
    pub estimated_edge: Vec<EstimatedEdge>,
}

/// Runs all three parts.
///
/// # Errors
/// `TooFewWorlds`, a baseline that is not among the rules, or venue tables that do not reach.
pub fn run(
    settings: &WorldsSettings,
    rules: &[NamedRule],
    baseline: &str,
    progress: &dyn Progress,
) -> Result<WorldsResult, StudyError> {
    if settings.worlds < WORLDS_MIN {
        return Err(StudyError::TooFewWorlds { worlds: settings.worlds, least: WORLDS_MIN });
    }
    let Some(baseline_idx) = rules.iter().position(|rule| rule.name == baseline) else {
        return Err(StudyError::UnknownBaseline { baseline: baseline.to_owned() });
    };
    progress.begin("binary bets", 1);
    let mut known_edge = binary::checks(settings.seed);
    progress.step();
    progress.begin("price paths", settings.worlds);
    known_edge.extend(brownian::checks(settings, progress)?);
    let past_limit = past_limit::ladder(settings);
    Ok(WorldsResult {
        settings: *settings,
        baseline: baseline.to_owned(),
        known_edge,
        past_limit,
        estimated_edge: estimated::tables(settings, rules, baseline_idx, progress),
    })
}

/// A simulated figure beside the one that a formula gives.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// What was simulated.
    pub world: &'static str,
    /// Share of full Kelly.
    pub kelly_multiple: f64,
    /// Which figure.
    pub quantity: String,
    /// From the formula.
    pub expected: f64,
    /// From the paths.
    pub simulated: f64,
    /// Monte Carlo error of the simulated figure.
    pub standard_error: f64,
    /// `(simulated - expected) / standard_error`.
    pub z: f64,
    /// Paths.
    pub paths: usize,
}

impl Check {
    /// The mean of a figure over paths.
    pub(crate) fn of_mean(
        world: &'static str,
        kelly_multiple: f64,
        quantity: &str,
        expected: f64,
        values: &[f64],
    ) -> Self {
        let moments = Moments::of(values).expect("every path has a finite figure");
        let sd = moments.standard_deviation_sample().expect("paths differ");
        let standard_error = sd / (values.len() as f64).sqrt();
        let simulated = moments.mean;
        let paths = values.len();
        let quantity = quantity.to_owned();
        let z = (simulated - expected) / standard_error;
        Self { world, kelly_multiple, quantity, expected, simulated, standard_error, z, paths }
    }

    /// The share of paths in which something happened.
    pub(crate) fn of_share(
        world: &'static str,
        kelly_multiple: f64,
        quantity: &str,
        expected: f64,
        hits: usize,
        paths: usize,
    ) -> Self {
        let simulated = hits as f64 / paths as f64;
        // The error that the formula itself implies: it is above 0 where no path was hit.
        let standard_error = (expected * (1.0 - expected) / paths as f64).sqrt();
        let z = standard_scores(simulated - expected, standard_error);
        let quantity = quantity.to_owned();
        Self { world, kelly_multiple, quantity, expected, simulated, standard_error, z, paths }
    }
}

/// A distance in standard errors; where there is no error, 0 for no distance.
fn standard_scores(distance: f64, standard_error: f64) -> f64 {
    if standard_error > 0.0 {
        distance / standard_error
    } else if distance.abs() <= 0.0 {
        0.0
    } else {
        f64::MAX.copysign(distance)
    }
}

/// Log growth per trade, which is minus infinity where everything can be lost.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Growth {
    /// One possible outcome leaves nothing: no mean of the other outcomes makes up for it.
    MinusInfinity,
    /// A number.
    Finite(f64),
}

impl Growth {
    /// The number, minus infinity included.
    pub fn value(self) -> f64 {
        match self {
            Self::MinusInfinity => f64::NEG_INFINITY,
            Self::Finite(value) => value,
        }
    }

    /// The mean: minus infinity if any is.
    pub(crate) fn mean(values: &[Self]) -> Self {
        let mut sum = 0.0;
        for value in values {
            match value {
                Self::MinusInfinity => return Self::MinusInfinity,
                Self::Finite(value) => sum += value,
            }
        }
        Self::Finite(if values.is_empty() { 0.0 } else { sum / values.len() as f64 })
    }
}

impl std::fmt::Display for Growth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::MinusInfinity => f.pad("minus infinity"),
            Self::Finite(value) => value.fmt(f),
        }
    }
}

impl Serialize for Growth {
    /// A number, or the words `minus infinity`, for which JSON has no number.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::MinusInfinity => serializer.serialize_str("minus infinity"),
            Self::Finite(value) => serializer.serialize_f64(*value),
        }
    }
}

/// What draws are for: each purpose has streams of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    Binary,
    Brownian,
    PastLimit,
    Estimated(Family),
}

/// The draws of one path or world. They depend on the seed and its index only.
pub(crate) fn random(seed: u64, stream: Stream, index: usize) -> ChaCha8Rng {
    let purpose: u64 = match stream {
        Stream::Binary => 0,
        Stream::Brownian => 1,
        Stream::PastLimit => 2,
        Stream::Estimated(Family::Binary) => 3,
        Stream::Estimated(Family::FatTailed) => 4,
    };
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream((purpose << 40) | index as u64);
    random
}
