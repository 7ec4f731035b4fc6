//! The strategy file as it is written. Doc comments here are the descriptions in the JSON Schema.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use plimsoll_engine::{Intrabar, MarginMode, Simultaneous};
use plimsoll_market::{Interval, ReferenceVenue, Timestamp};
use plimsoll_signal::{FeatureSpec, RuleSpec, StopSpec};
use plimsoll_sizing::SizingRule;
use schemars::JsonSchema;
use serde::Deserialize;

pub use crate::forecast_table::{ForecastModel, ForecastTable, Horizon};

/// A strategy file: when to trade, in what account, at what cost, and by which sizing rules.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Strategy {
    /// Name of the strategy and of the folder of its results: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// What is assumed of the order of prices inside a bar.
    #[schemars(default)]
    pub intrabar: Intrabar,
    /// Which data, and which period of them.
    pub data: DataTable,
    /// Named values at the close of each bar; a feature may use earlier ones.
    #[schemars(default)]
    pub features: IndexMap<String, FeatureSpec>,
    /// When to enter and when to leave.
    pub signal: RuleSpec,
    /// Where a position is protected; without it there is no stop.
    pub stop: Option<StopSpec>,
    /// The account.
    pub account: AccountTable,
    /// Fees, spread and impact. There are no hidden costs and no hidden defaults.
    pub costs: CostsTable,
    /// The sizing rules, a table each. A list where a number may stand is a sweep.
    pub sizing: IndexMap<String, SizingRule>,
    /// How the rules are compared.
    #[schemars(default)]
    pub compare: CompareTable,
}

/// Which data, and which period of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataTable {
    /// Venue, such as `binance-usdm` or `hyperliquid`.
    pub venue: String,
    /// Symbols in the venue's spelling. Their order breaks ties for free margin.
    #[schemars(length(min = 1))]
    pub symbols: Vec<String>,
    /// Bar length: 1m, 15m, 1h, 1d.
    #[schemars(with = "String")]
    pub bar: Interval,
    /// First day (or instant) of the period, UTC.
    #[schemars(with = "String")]
    pub from: TomlTime,
    /// End of the period, exclusive, UTC.
    #[schemars(with = "String")]
    pub to: TomlTime,
    /// How far back history is read to warm estimates up; without it, all that there is.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub warm_up_from: Option<TomlTime>,
    /// Other venues whose prices are read beside, for `oracle_health`: a venue and its symbols in
    /// the order of `symbols`, or an empty list where they are spelt the same there.
    #[serde(default)]
    pub reference_venues: BTreeMap<String, Vec<String>>,
    /// CSV files with rows of the user's own for the venue's tables (brackets, instruments, fees),
    /// and TOML files with figures of its portfolio margin, relative to this file.
    #[serde(default)]
    pub tables: Vec<String>,
    /// Words to show with every result where the data are not an exchange's own record.
    #[serde(default)]
    pub label: Option<String>,
}

impl DataTable {
    /// The reference venues, each with a symbol for every one of the study's.
    pub fn references(&self) -> Vec<ReferenceVenue> {
        let of = |(venue, symbols): (&String, &Vec<String>)| ReferenceVenue {
            venue: venue.clone(),
            symbols: if symbols.is_empty() { self.symbols.clone() } else { symbols.clone() },
        };
        self.reference_venues.iter().map(of).collect()
    }
}

/// A TOML date or date-time, taken as UTC where it has no offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TomlTime(pub Timestamp);

impl<'de> Deserialize<'de> for TomlTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let text = toml::value::Datetime::deserialize(deserializer)?.to_string();
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// The account.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountTable {
    /// Equity at the start, settlement currency. A list is a capacity study.
    #[schemars(extend("type" = ["number", "array"]))]
    pub equity: f64,
    /// Which margin stands behind a position.
    pub margin: MarginMode,
    /// The leverage that the exchange is told; sizing is separate. Not used under portfolio margin.
    #[schemars(range(min = 1.0))]
    pub leverage: f64,
    /// How entries at the same close share the free margin.
    #[serde(default)]
    pub simultaneous: Simultaneous,
}

/// Fees, spread and impact.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CostsTable {
    /// `"venue"` for the venue's taker fee on the day, or a fraction of the notional such as
    /// 0.0005.
    pub fees: Fees,
    /// Spread and impact.
    pub slippage: SlippageTable,
    /// How far a triggered stop slips from its price to the bar's adverse extreme, 0 to 1, under
    /// `pessimistic`. Assumed.
    #[serde(default = "default_stop_slippage")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub stop_slippage: f64,
}

fn default_stop_slippage() -> f64 {
    plimsoll_engine::settings::DEFAULT_STOP_SLIPPAGE
}

/// Taker fees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fees {
    /// The venue's on the day.
    Venue,
    /// A fraction of the notional.
    Taker(f64),
}

/// As it is written: the word, or the fraction.
impl JsonSchema for Fees {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Fees".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [
                { "type": "string", "const": "venue", "description": "The venue's on the day." },
                {
                    "type": "number",
                    "minimum": 0,
                    "exclusiveMaximum": 0.1,
                    "description": "A fraction of the notional.",
                },
            ],
        })
    }
}

impl<'de> Deserialize<'de> for Fees {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Fees;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("\"venue\" or a fraction of the notional such as 0.0005")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Fees, E> {
                if text == "venue" {
                    Ok(Fees::Venue)
                } else {
                    Err(E::invalid_value(serde::de::Unexpected::Str(text), &self))
                }
            }

            fn visit_f64<E: serde::de::Error>(self, fee: f64) -> Result<Fees, E> {
                if (0.0..0.1).contains(&fee) {
                    Ok(Fees::Taker(fee))
                } else {
                    Err(E::custom(format!(
                        "`fees` is {fee}, but a fee is a fraction of the notional from 0 to below \
                         0.1: 0.0005 is 5 basis points"
                    )))
                }
            }

            fn visit_i64<E: serde::de::Error>(self, fee: i64) -> Result<Fees, E> {
                self.visit_f64(fee as f64)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Spread and impact.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlippageTable {
    /// Half the bid-ask spread, in basis points of the price.
    #[schemars(range(min = 0.0))]
    pub half_spread_bps: f64,
    /// Square-root market impact; without it there is none.
    #[serde(default)]
    pub impact: Option<ImpactTable>,
}

/// Square-root market impact: `y` times daily volatility times the root of the order's share of
/// the daily value.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImpactTable {
    /// The factor, of order one.
    #[schemars(range(min = 0.0))]
    pub y: f64,
}

/// How the rules are compared.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompareTable {
    /// The rule that the others are compared with; without it, the first.
    #[serde(default)]
    pub baseline: Option<String>,
    /// Draws and seed of every bootstrap.
    #[serde(default)]
    pub bootstrap: BootstrapTable,
    /// What counts as ruin.
    #[serde(default)]
    pub ruin: RuinTable,
    /// Tail probabilities of value at risk, expected shortfall and expectile.
    #[serde(default = "default_alphas")]
    pub alpha: Vec<f64>,
    /// Days, UTC, for which the report says how large each rule would have been on their eve: the
    /// size of an entry at the last close before the day, in an account that holds nothing else,
    /// beside its median over the period's days (a sample of them beyond 120 days).
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub sizes_on: Vec<TomlTime>,
    /// Walk-forward forecasts of value at risk, expected shortfall and expectile by several models,
    /// tested and ranked.
    #[serde(default)]
    pub forecasts: ForecastTable,
}

/// Default of `compare.alpha`.
pub const DEFAULT_ALPHAS: [f64; 2] = [0.01, 0.05];

fn default_alphas() -> Vec<f64> {
    DEFAULT_ALPHAS.to_vec()
}

/// Draws and seed of every bootstrap.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BootstrapTable {
    /// Number of draws.
    #[serde(default = "default_draws")]
    #[schemars(range(min = 100, max = 1_000_000))]
    pub draws: usize,
    /// Seed: the same seed gives the same bytes.
    #[serde(default = "default_seed")]
    pub seed: u64,
}

/// Default of `compare.bootstrap.draws`.
pub const DEFAULT_DRAWS: usize = 5_000;
/// Default of `compare.bootstrap.seed`.
pub const DEFAULT_SEED: u64 = 7;

fn default_draws() -> usize {
    DEFAULT_DRAWS
}

fn default_seed() -> u64 {
    DEFAULT_SEED
}

impl Default for BootstrapTable {
    fn default() -> Self {
        Self { draws: DEFAULT_DRAWS, seed: DEFAULT_SEED }
    }
}

/// What counts as ruin.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuinTable {
    /// Drawdown from the running peak, a fraction.
    #[serde(default = "default_ruin_drawdown")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub drawdown: f64,
    /// Horizon in days.
    #[serde(default = "default_ruin_horizon_days")]
    #[schemars(range(min = 1, max = 36_500))]
    pub horizon_days: usize,
}

/// Default of `compare.ruin.drawdown`.
pub const DEFAULT_RUIN_DRAWDOWN: f64 = 0.5;
/// Default of `compare.ruin.horizon_days`.
pub const DEFAULT_RUIN_HORIZON_DAYS: usize = 365;

fn default_ruin_drawdown() -> f64 {
    DEFAULT_RUIN_DRAWDOWN
}

fn default_ruin_horizon_days() -> usize {
    DEFAULT_RUIN_HORIZON_DAYS
}

impl Default for RuinTable {
    fn default() -> Self {
        Self { drawdown: DEFAULT_RUIN_DRAWDOWN, horizon_days: DEFAULT_RUIN_HORIZON_DAYS }
    }
}
