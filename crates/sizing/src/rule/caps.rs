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
    #[schemars(range(min = 0.0, max = 1.0))]
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
///
/// The new size follows from the limits at that close, as if the position were opened then, but for
/// the risk to the stop (`risk_fraction`, `risk_cap`, `heat`, Kelly on risk): a unit risks what
/// lies between the open at which the position was entered and its initial stop, so that a price
/// near the stop makes nothing larger. `liquidation_distance` takes the way to the stop from the
/// price now. Where the size differs enough, an order for the difference fills at the next open,
/// with its costs. A size of 0, whatever its reason, closes the position, and it stays closed until
/// the next entry. The longest holding time is fixed at the entry, and `gates.csv` counts entries
/// alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// Share of the held quantity by which the new one has to differ before an order is sent; 0.1
    /// is usual, 0 changes the position at every close.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub band: f64,
}

/// A cap on what all open positions together lose if every stop is hit: a share of equity, or a
/// level by name.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a share of equity such as 0.06, or one of \"conservative\" (0.06), \
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
    expecting = "expected a multiple of equity such as 3.0, or one of \"conservative\" (3), \
                 \"maximum\" (5)"
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
    expecting = "expected a share such as 0.40, or one of \"cex1\" (0.40), \"dex1\" (0.30), \
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
    #[schemars(range(min = 0.0, max = 1.0))]
    pub share_of_daily_value: f64,
    /// Days of the mean.
    #[serde(default = "default_liquidity_days")]
    #[schemars(range(min = 1))]
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

impl HeatCap {
    pub(super) fn check(self, check: &mut Check) {
        let share = self.share();
        let [.., absolute] = HEAT_LEVELS;
        if share.is_nan() || share <= 0.0 || absolute.is_exceeded_by(share) {
            check.add(
                "heat",
                format!("`heat` is {share}"),
                "write a share of equity above 0 and at most 0.20, the absolute limit, or a level: \
                 \"conservative\" (0.06), \"moderate\" (0.10), \"aggressive\" (0.15), \"absolute\"",
            );
        }
    }
}

impl ExposureCap {
    pub(super) fn check(self, path: &str, check: &mut Check) {
        let multiple = self.multiple();
        if !(multiple > 0.0 && multiple.is_finite()) {
            check.add(
                path,
                format!("`exposure` is {multiple}"),
                "write a multiple of equity above 0, or a level: \"conservative\" (3), \
                 \"maximum\" (5)",
            );
        }
    }
}

impl VenueShare {
    pub(super) fn check(&self, of_rule: Option<ExposureCap>, check: &mut Check) {
        let share = self.share.share();
        if !(share > 0.0 && share <= 1.0) {
            check.add(
                "venue_share.share",
                format!("`share` is {share}"),
                "write a share of the exposure above 0 and at most 1, or the venue's tier: \
                 \"cex1\" (0.40), \"dex1\" (0.30), \"tier2\" (0.15), \"new\" (0.05)",
            );
        }
        match self.exposure {
            Some(exposure) => exposure.check("venue_share.exposure", check),
            None if of_rule.is_none() => check.add(
                "venue_share",
                "the exposure that the share is a share of is not given".to_owned(),
                "add `exposure = 3.0`, what is allowed over all venues, to `venue_share` or to the \
                 rule",
            ),
            None => {}
        }
    }
}

impl LiquidityCap {
    pub(super) fn check(&self, check: &mut Check) {
        let share = self.share_of_daily_value;
        if !(share > 0.0 && share <= 1.0) {
            check.add(
                "liquidity.share_of_daily_value",
                format!("`share_of_daily_value` is {share}"),
                "write a share above 0 and at most 1; 0.01 is one per cent of what is traded in a \
                 day",
            );
        }
        check.count("liquidity.days", self.days);
    }
}

impl Resize {
    pub(super) fn check(&self, check: &mut Check) {
        if !(0.0..1.0).contains(&self.band) {
            check.add(
                "resize.band",
                format!("`band` is {}", self.band),
                "write a number from 0 to below 1; 0.1 leaves the position alone until the new size \
                 is a tenth larger or smaller",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_the_levels_of_the_tables() {
        let of_name = |name: &str| format!("\"{name}\"");
        for level in HEAT_LEVELS {
            let read: HeatCap = serde_json::from_str(&of_name(level.name)).expect(level.name);
            assert!((read.share() - level.limit).abs() < 1e-15, "{}", level.name);
        }
        for level in EXPOSURE_LEVELS {
            let read: ExposureCap = serde_json::from_str(&of_name(level.name)).expect(level.name);
            assert!((read.multiple() - level.limit).abs() < 1e-15, "{}", level.name);
        }
        for tier in VenueTier::ALL {
            let read: VenueShareOf = serde_json::from_str(&of_name(tier.name())).expect("a tier");
            assert!((read.share() - tier.share_limit()).abs() < 1e-15, "{}", tier.name());
        }
        let number: HeatCap = serde_json::from_str("0.07").expect("a number");
        assert!((number.share() - 0.07).abs() < 1e-15);
        let multiple: ExposureCap = serde_json::from_str("3").expect("a whole number");
        assert!((multiple.multiple() - 3.0).abs() < 1e-15);
        let error = serde_json::from_str::<HeatCap>("\"bold\"").expect_err("no such level");
        assert!(error.to_string().contains("conservative"), "{error}");
    }

    #[test]
    fn what_cannot_hold_is_named() {
        use crate::rule::SizingRule;
        let share = |share, exposure| VenueShare { share: VenueShareOf::Share(share), exposure };
        let fine = SizingRule {
            heat: Some(HeatCap::Share(0.2)),
            exposure: Some(ExposureCap::Multiple(3.0)),
            venue_share: Some(share(0.4, None)),
            liquidity: Some(LiquidityCap { share_of_daily_value: 0.01, days: 30 }),
            resize: Some(Resize { band: 0.0 }),
            ..SizingRule::default()
        };
        assert_eq!(fine.problems(), []);
        let alone = SizingRule {
            resize: Some(Resize { band: 0.1 }),
            sizing_base: SizingBase::Initial,
            ..SizingRule::default()
        };
        assert_eq!(alone.problems()[0].message, "the rule has no limit");
        let wrong = SizingRule {
            heat: Some(HeatCap::Share(0.21)),
            exposure: None,
            venue_share: Some(share(1.5, None)),
            liquidity: Some(LiquidityCap { share_of_daily_value: 0.0, days: 0 }),
            resize: Some(Resize { band: 1.0 }),
            ..SizingRule::default()
        };
        let problems = wrong.problems();
        let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "heat",
                "venue_share.share",
                "venue_share",
                "liquidity.share_of_daily_value",
                "liquidity.days",
                "resize.band"
            ]
        );
        for bad in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
            let rule = SizingRule {
                heat: Some(HeatCap::Share(bad)),
                exposure: Some(ExposureCap::Multiple(bad)),
                ..SizingRule::default()
            };
            assert_eq!(rule.problems().len(), 2, "{bad}");
        }
    }
}
