//! Caps on one position and on the book: tables of a strategy file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Check;

/// A cap on one position's share of equity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Concentration {
    /// The share, 0.20 to 0.25 is usual.
    pub share: f64,
    /// Whether the share is of equity posted as margin (times the account's leverage) or of
    /// notional.
    #[serde(default)]
    pub of: ConcentrationBasis,
}

/// What a concentration share is a share of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConcentrationBasis {
    /// Of equity posted as initial margin.
    #[default]
    Margin,
    /// Of equity as notional.
    Notional,
}

/// What a rule's shares are shares of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SizingBase {
    /// Of the equity at the decision: gains and losses are compounded.
    #[default]
    Current,
    /// Of the equity at the start, whatever has been won or lost since.
    Initial,
}

impl SizingBase {
    /// Whether it is the default, which files leave out.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    pub(super) fn is_current(&self) -> bool {
        *self == Self::Current
    }
}

/// Decides the size again at each close while a position is held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// Share of the held quantity by which the new one has to differ before an order is sent.
    pub band: f64,
}

/// A cap on what all open positions together lose if every stop is hit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeatCap {
    /// Share of equity: 0.06, 0.10, 0.15 and 0.20 are the usual levels, 0.20 the absolute one.
    pub share: f64,
}

/// A cap on the gross notional of all open positions, longs and shorts added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExposureCap {
    /// Multiple of equity: 3 is conservative, 5 the most.
    pub multiple: f64,
}

/// A cap on what one venue may hold of the exposure that is allowed in all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VenueShare {
    /// Share of the exposure: 0.40 for a centralised venue of the first tier, 0.30 for a
    /// decentralised one, 0.15 for the second tier, 0.05 for a new one.
    pub share: f64,
    /// Exposure that is allowed over all venues, a multiple of equity.
    pub exposure_multiple: f64,
}

/// A cap on the order against the market's daily traded value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LiquidityCap {
    /// Largest share of the mean daily traded value.
    pub share_of_daily_value: f64,
    /// Days of the mean.
    #[serde(default = "default_liquidity_days")]
    pub days: usize,
}

/// Default of [`LiquidityCap::days`].
pub const DEFAULT_LIQUIDITY_DAYS: usize = 30;

fn default_liquidity_days() -> usize {
    DEFAULT_LIQUIDITY_DAYS
}

impl Concentration {
    pub(super) fn check(&self, check: &mut Check) {
        check.share("concentration.share", self.share);
    }
}
