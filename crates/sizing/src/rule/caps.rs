//! Caps on one position and on the book: tables of a strategy file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Check;
use crate::formulas::{EXPOSURE_LEVELS, HEAT_LEVELS, VenueTier};

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

/// Decides the size again at each close while a position is held.
///
/// The new size follows from the limits at that close, as if the position were opened then. Where
/// it differs enough, an order for the difference fills at the next open, with its costs. A size of
/// 0, whatever its reason, closes the position, and it stays closed until the next entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// Share of the held quantity by which the new one has to differ before an order is sent; 0.1
    /// is usual, 0 changes the position at every close.
    pub band: f64,
}

/// A cap on what all open positions together lose if every stop is hit: a share of equity, or a
/// level by name.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a share of equity such as 0.06, or one of \"conservative\" (0.06), \
                 \"moderate\" (0.10), \"aggressive\" (0.15), \"absolute\" (0.20)"
)]
pub enum HeatCap {
    /// Share of equity, at most 0.20.
    Share(f64),
    /// One of the usual levels.
    Level(HeatLevel),
}

/// The levels of heat in [`HEAT_LEVELS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeatLevel {
    /// 6 % of equity.
    Conservative,
    /// 10 %.
    Moderate,
    /// 15 %.
    Aggressive,
    /// 20 %, which no rule may exceed.
    Absolute,
}

/// A cap on the gross notional of all open positions, longs and shorts added: a multiple of
/// equity, or a level by name.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a multiple of equity such as 3.0, or one of \"conservative\" (3), \"maximum\" (5)"
)]
pub enum ExposureCap {
    /// Multiple of equity.
    Multiple(f64),
    /// One of the usual levels.
    Level(ExposureLevel),
}

/// The levels of exposure in [`EXPOSURE_LEVELS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExposureLevel {
    /// 3 times the equity.
    Conservative,
    /// 5 times the equity.
    Maximum,
}

/// A cap on what the study's venue may hold of the exposure that is allowed over all venues. A
/// study has one venue, so that the cap is the product of share and exposure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VenueShare {
    /// Share of the exposure, or the venue's tier: `cex1` 0.40, `dex1` 0.30, `tier2` 0.15, `new`
    /// 0.05.
    pub share: VenueShareOf,
    /// Exposure that is allowed over all venues, a multiple of equity or a level by name; the
    /// rule's own `exposure` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<ExposureCap>,
}

/// A venue's share of the exposure: a number, or what its tier may hold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a share such as 0.40, or one of \"cex1\" (0.40), \"dex1\" (0.30), \
                 \"tier2\" (0.15), \"new\" (0.05)"
)]
pub enum VenueShareOf {
    /// Share of the exposure, 0 to 1.
    Share(f64),
    /// The venue's tier.
    Tier(VenueTier),
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

impl HeatCap {
    /// Share of equity.
    pub fn share(self) -> f64 {
        match self {
            Self::Share(share) => share,
            Self::Level(level) => HEAT_LEVELS[level as usize].limit,
        }
    }
}

impl ExposureCap {
    /// Multiple of equity.
    pub fn multiple(self) -> f64 {
        match self {
            Self::Multiple(multiple) => multiple,
            Self::Level(level) => EXPOSURE_LEVELS[level as usize].limit,
        }
    }
}

impl VenueShareOf {
    /// Share of the exposure.
    pub fn share(self) -> f64 {
        match self {
            Self::Share(share) => share,
            Self::Tier(tier) => tier.share_limit(),
        }
    }
}

impl Concentration {
    pub(super) fn check(&self, check: &mut Check) {
        check.share("concentration.share", self.share);
    }
}
