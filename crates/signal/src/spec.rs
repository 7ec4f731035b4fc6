//! The strategy file's `[features]`, `[signal]` and `[stop]` tables as they are written.
//!
//! The doc comments here become the descriptions of the JSON Schema. Values are checked by
//! [`SignalSpec::validate`], which reports every problem at once.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What decides entries, exits and stops: the three tables of a strategy file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignalSpec {
    /// Named values at the close of each bar, in file order: a feature may use earlier ones.
    #[serde(default)]
    pub features: IndexMap<String, FeatureSpec>,
    /// When to enter and when to leave.
    pub signal: RuleSpec,
    /// Where a position is protected; without it there is no stop.
    #[serde(default)]
    pub stop: Option<StopSpec>,
}

/// A feature: exactly one function key, with `bars`, `lag` and `interval` beside it.
///
/// A column is a bar column (`open`, `high`, `low`, `close`, `volume`, `quote_volume`,
/// `taker_buy_volume`, `mark_open` to `mark_close`, `index_open` to `index_close`,
/// `liquidated_long_notional`, `liquidated_short_notional`, `open_interest`,
/// `open_interest_value`) or an earlier feature. A feature is undefined until its window holds no
/// missing bar, and an undefined value makes no rule true.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureSpec {
    /// Largest value of the column in the last `bars` bars.
    pub rolling_max: Option<String>,
    /// Smallest value of the column in the last `bars` bars.
    pub rolling_min: Option<String>,
    /// Mean of the column over the last `bars` bars.
    pub rolling_mean: Option<String>,
    /// Standard deviation (divisor n - 1) of the column over the last `bars` bars.
    pub rolling_std: Option<String>,
    /// Sum of the column over the last `bars` bars.
    pub rolling_sum: Option<String>,
    /// Exponential moving average, alpha = 2 / (bars + 1), seeded with the mean of the first
    /// `bars` values; begins anew after a gap.
    pub ema: Option<String>,
    /// Average true range of the bar's high, low and close, in price units; begins anew after a
    /// gap.
    pub atr: Option<AtrSmoothing>,
    /// Relative strength index, 0 to 100, with Wilder's smoothing; begins anew after a gap.
    pub rsi: Option<String>,
    /// Simple return of the column over `bars` bars, a fraction; undefined from a value that is
    /// not positive.
    #[serde(rename = "return")]
    pub simple_return: Option<String>,
    /// Difference of the column over `bars` bars.
    pub change: Option<String>,
    /// Distance of the column from its mean over the last `bars` bars, in standard deviations
    /// (divisor n - 1); undefined where the column did not move.
    pub zscore: Option<String>,
    /// Settled funding rate brought to eight hours, a fraction; positive: longs pay.
    pub funding_rate_8h: Option<FundingValue>,
    /// Notional of liquidated positions of one side in the last `bars` bars (default 1).
    pub liquidated_notional: Option<LiquidatedSide>,
    /// Open interest at the close.
    pub open_interest: Option<OpenInterestUnit>,
    /// How far the mark price stands above another price at the close, a fraction.
    pub premium: Option<PremiumOver>,
    /// The column itself; of use with `lag` and `interval`.
    pub value: Option<String>,
    /// Length of the window in bars of `interval`.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub bars: Option<usize>,
    /// Number of settlements that `funding_rate_8h = "mean"` averages.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub periods: Option<usize>,
    /// The value of so many bars (of `interval`) ago; default 0.
    #[schemars(range(max = 1_000_000))]
    pub lag: Option<usize>,
    /// Evaluated on bars of this length, a multiple of the study's: `15m`, `4h`, `1d`, `1w`.
    /// The value is known from the close of such a bar and holds until the next one closes; it is
    /// undefined where a bar of the study's length is missing inside.
    pub interval: Option<String>,
}

/// How true ranges are averaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AtrSmoothing {
    /// Wilder (1978): the mean of the first `bars` true ranges, then
    /// `((bars - 1) * previous + true range) / bars`.
    Wilder,
}

/// Which value of the funding rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FundingValue {
    /// The rate of the last settlement at or before the close.
    Last,
    /// The mean rate of the last `periods` settlements at or before the close.
    Mean,
}

/// Side of the positions that an exchange liquidated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LiquidatedSide {
    /// Liquidated longs (forced sales).
    Long,
    /// Liquidated shorts (forced purchases).
    Short,
}

/// Unit of open interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpenInterestUnit {
    /// Quote currency.
    Value,
    /// Base units.
    Quantity,
}

/// The price that the mark is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PremiumOver {
    /// `mark_close / index_close - 1`.
    MarkIndex,
    /// `mark_close / close - 1`.
    MarkLast,
}

/// Entry and exit rules: SQL expressions that are true or false, over bar columns and features.
///
/// `AND`, `OR`, `NOT`, comparisons, `BETWEEN`, `IS NULL`, `+ - * / %`, `CASE WHEN`,
/// `COALESCE` and functions of one value such as `ABS`, `SQRT`, `LN`, `EXP`, `POW`. An entry fires
/// where its rule turns from false to true; undefined is false.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// A long is entered at the next open when this turns true.
    pub long: Option<String>,
    /// A short is entered at the next open when this turns true.
    pub short: Option<String>,
    /// A held long is closed at the next open when this is true.
    pub exit_long: Option<String>,
    /// A held short is closed at the next open when this is true.
    pub exit_short: Option<String>,
    /// Instead of rules: a `.parquet` or `.csv` file with the columns `time`, `symbol`,
    /// `direction` and, if wanted, `stop`.
    pub file: Option<String>,
}

/// Protective prices, known at the close at which the entry is decided.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StopSpec {
    /// Initial stop at so many average true ranges from the close.
    pub atr: Option<AtrDistance>,
    /// Initial stop at this fraction of the close from the close.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub fraction: Option<f64>,
    /// A stop that follows the closes and never moves back; alone it is the initial stop too.
    pub trailing: Option<TrailingSpec>,
    /// Price at which the gain is taken.
    pub take_profit: Option<TakeProfitSpec>,
    /// A trade is closed at the open after it has been held for so many bars.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub time_bars: Option<usize>,
}

/// A distance in average true ranges (Wilder).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AtrDistance {
    /// Number of true ranges averaged.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub bars: usize,
    /// How many average true ranges.
    pub multiple: f64,
    /// Bars of this length instead of the study's.
    pub interval: Option<String>,
}

/// Distance of the trailing stop from each close: exactly one key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrailingSpec {
    /// In average true ranges.
    pub atr: Option<AtrDistance>,
    /// As a fraction of the close.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub fraction: Option<f64>,
}

/// Distance of the take-profit price from the close of the decision: exactly one key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeProfitSpec {
    /// In average true ranges.
    pub atr: Option<AtrDistance>,
    /// As a fraction of the close.
    pub fraction: Option<f64>,
    /// As a multiple of the distance between the close and the stop in force at the entry.
    pub r_multiple: Option<f64>,
}
