//! The table `[compare.forecasts]` of a strategy file. Doc comments of its keys are the descriptions
//! in the JSON Schema.

use std::borrow::Cow;
use std::sync::LazyLock;

use plimsoll_market::DAY_MS;
use plimsoll_risk::forecast::TailModel;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Walk-forward risk forecasts of each rule's equity.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ForecastTable {
    /// Whether forecasts are made.
    pub enabled: bool,
    /// The models, compared with one another.
    #[schemars(length(min = 1))]
    pub models: Vec<ForecastModel>,
    /// Days of history behind each fit, 50 to 10000. Many models want 250 or more.
    #[schemars(range(min = 50, max = 10_000))]
    pub window_days: usize,
    /// Days between fits, 1 to 3650. Between them the parameters stay, and volatility goes on with
    /// every return.
    #[schemars(range(min = 1, max = 3_650))]
    pub refit_days: usize,
    /// How far ahead: "1d", "8h", or both.
    #[schemars(length(min = 1))]
    pub horizons: Vec<Horizon>,
    /// Tail probabilities; without them, those of `compare.alpha`.
    pub alpha: Option<Vec<f64>>,
    /// Most rules that forecasts are made for: the baseline, the winner, then those that ended with
    /// most.
    #[schemars(range(min = 1, max = 10_000))]
    pub rules_max: usize,
}

/// Default of `compare.forecasts.window_days`.
pub const DEFAULT_WINDOW_DAYS: usize = 250;
/// Default of `compare.forecasts.refit_days`: four weeks.
pub const DEFAULT_REFIT_DAYS: usize = 28;
/// Default of `compare.forecasts.rules_max`.
pub const DEFAULT_RULES_MAX: usize = 24;

impl Default for ForecastTable {
    fn default() -> Self {
        Self {
            enabled: true,
            models: TailModel::DEFAULT.into_iter().map(ForecastModel).collect(),
            window_days: DEFAULT_WINDOW_DAYS,
            refit_days: DEFAULT_REFIT_DAYS,
            horizons: Horizon::ALL.to_vec(),
            alpha: None,
            rules_max: DEFAULT_RULES_MAX,
        }
    }
}

/// How far ahead a forecast looks: one period of this length.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Horizon {
    /// A UTC day.
    #[serde(rename = "1d")]
    OneDay,
    /// Eight hours, from 00:00, 08:00 and 16:00 UTC: the funding interval of most contracts.
    #[serde(rename = "8h")]
    EightHours,
}

impl Horizon {
    /// Both.
    pub const ALL: [Self; 2] = [Self::OneDay, Self::EightHours];

    /// As it is written in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::OneDay => "1d",
            Self::EightHours => "8h",
        }
    }

    /// Length in milliseconds.
    pub fn ms(self) -> i64 {
        DAY_MS / self.periods_per_day() as i64
    }

    /// Periods of this length in a day.
    pub fn periods_per_day(self) -> usize {
        match self {
            Self::OneDay => 1,
            Self::EightHours => 3,
        }
    }
}

/// A model by its name, as in tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForecastModel(pub TailModel);

static MODEL_NAMES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| TailModel::ALL.into_iter().map(TailModel::name).collect());

impl<'de> Deserialize<'de> for ForecastModel {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let name = String::deserialize(deserializer)?;
        TailModel::ALL
            .into_iter()
            .find(|model| model.name() == name)
            .map(Self)
            .ok_or_else(|| D::Error::unknown_variant(&name, &MODEL_NAMES))
    }
}

impl JsonSchema for ForecastModel {
    fn schema_name() -> Cow<'static, str> {
        "ForecastModel".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let described = TailModel::ALL
            .into_iter()
            .map(|model| json_schema!({ "const": model.name(), "description": model.describe() }))
            .collect::<Vec<_>>();
        json_schema!({ "description": "A model of the tail.", "oneOf": described })
    }
}

impl Serialize for ForecastModel {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}
