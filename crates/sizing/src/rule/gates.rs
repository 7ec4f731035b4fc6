//! Gates that cut or refuse an entry or limit how long it is held, and the margin that volatility
//! shrinks: tables of a strategy file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Check;

/// One of the six questions asked before a trade, and the keys of a rule that answer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Its number, from 1.
    pub number: usize,
    /// Its name.
    pub name: &'static str,
    /// Keys of a `[sizing.NAME]` table, which are also the names of limits and multipliers.
    pub keys: &'static [&'static str],
}

/// The six gates before a trade, in order.
pub const GATES: [Gate; 6] = [
    Gate { number: 1, name: "liquidation_level", keys: &["liquidation_distance"] },
    Gate { number: 2, name: "size", keys: &["kelly", "atr", "risk_cap", "concentration"] },
    Gate { number: 3, name: "funding", keys: &["funding_cut"] },
    Gate { number: 4, name: "liquidation_cluster", keys: &["liquidation_cluster"] },
    Gate { number: 5, name: "oracle_health", keys: &["oracle_health"] },
    Gate { number: 6, name: "funding_budget", keys: &["funding_budget"] },
];

impl Gate {
    /// The gate of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        GATES.iter().find(|gate| gate.name == name)
    }

    /// The gate that a key of a rule belongs to.
    pub fn of_key(key: &str) -> Option<&'static Self> {
        GATES.iter().find(|gate| gate.keys.contains(&key))
    }
}

/// Default of [`FundingCutRule::periods`]: the extreme has to last three settlements.
pub const DEFAULT_FUNDING_PERIODS: usize = 3;

/// Smaller size while funding is extreme, or has just changed its sign. Where both apply the
/// smaller factor counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FundingCutRule {
    /// Size is cut where the rate per 8 hours is strictly above this. 0.0005 is 0.05 %.
    #[schemars(range(min = 0.0))]
    pub above_8h: f64,
    /// Size is cut where the rate per 8 hours is strictly below this, a number of at most 0.
    /// Without it, `above_8h` with its sign turned, so that |rate| is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 0.0))]
    pub below_8h: Option<f64>,
    /// What size is multiplied by, 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub multiply: f64,
    /// For how many published settlements in a row the rate must have been extreme.
    #[serde(default = "default_funding_periods")]
    #[schemars(range(min = 1))]
    pub periods: usize,
    /// Which trades are cut.
    #[serde(default)]
    pub side: FundingSide,
    /// What size is multiplied by while the sign of the rate has just changed, 0 to 1. Without
    /// it, a change of sign does nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub sign_change_multiply: Option<f64>,
    /// For how many settlements a change of sign counts; 3 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_change_periods: Option<usize>,
}

/// Which trades extreme funding cuts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FundingSide {
    /// All of them.
    #[default]
    Both,
    /// Those on the crowded side, which pays: longs while the rate is above its threshold, shorts
    /// while it is below.
    Crowded,
}

/// The position is closed when funding at the last published rate would have used up a share of
/// its margin: `budget x margin / (notional x |rate per 8 hours| x 3)` days after the entry, in
/// whole bars. A rate in favour of the position sets no limit; where not even one bar is left,
/// the trade is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FundingBudget {
    /// Share of the position's initial margin that funding may cost. 0.10 is 10 %.
    #[serde(default = "default_funding_budget")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub budget: f64,
    /// What the budget is a share of.
    #[serde(default)]
    pub of: FundingBudgetOf,
    /// The rate is the mean of so many published settlements.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub periods: usize,
}

/// What a funding budget is a share of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FundingBudgetOf {
    /// Of the position's initial margin: notional over the account's leverage, whatever the size.
    #[default]
    Margin,
    /// Of equity. Refused: the time would depend on the size, which the account decides only
    /// after the rule has been evaluated.
    #[schemars(skip)]
    Equity,
}

/// Smaller size, or none, after a cluster of liquidations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LiquidationCluster {
    /// Size is cut where the notional liquidated is strictly above this multiple of what
    /// `relative_to` names: 0.01 of open interest, or 5 times the trailing mean.
    #[schemars(range(min = 0.0))]
    pub above: f64,
    /// Over how many hours liquidations are added up, rounded up to whole bars.
    #[serde(default = "default_cluster_hours")]
    #[schemars(range(min = 1))]
    pub hours: usize,
    /// Whose liquidations count.
    #[serde(default)]
    pub side: LiquidatedSide,
    /// What the notional liquidated is held against.
    #[serde(default)]
    pub relative_to: LiquidationsRelativeTo,
    /// For `trailing_mean`: days of the mean, which end where the hours begin.
    /// 30 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trailing_days: Option<usize>,
    /// What size is multiplied by, 0 to 1; 0 refuses the trade.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub multiply: f64,
    /// Where the liquidations come from.
    #[serde(default)]
    pub source: LiquidationSource,
}

/// Whose liquidations count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LiquidatedSide {
    /// Those of longs and of shorts.
    #[default]
    Both,
    /// Those of positions on the trade's own side: longs for a long.
    Same,
}

/// What the notional liquidated is held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LiquidationsRelativeTo {
    /// The open interest at the decision.
    #[default]
    OpenInterest,
    /// What is liquidated in as many hours on average, over `trailing_days`.
    TrailingMean,
}

/// Where the liquidations of a cluster come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LiquidationSource {
    /// Liquidations that the venue reported.
    #[default]
    Recorded,
    /// Levels at which open positions would be liquidated. Refused: there is no such model yet.
    #[schemars(skip)]
    Modelled,
}

/// No trade, or a smaller one, while the prices that margin depends on are not to be trusted:
/// mark far from index, the venue's price far from other venues', or bars missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OracleHealth {
    /// Largest `|mark - index| / index`. 0.01 is 1 %.
    #[schemars(range(min = 0.0))]
    pub premium_max: f64,
    /// Largest distance of the venue's index (or mark, where it has no index) from the median of
    /// the reference venues, a share of that median. Needs `data.reference_venues`.
    #[schemars(range(min = 0.0))]
    pub venue_gap_max: f64,
    /// For how many bars a price that has been there may be missing.
    pub stale_bars: usize,
    /// What size is multiplied by, 0 to 1; 0 refuses the trade.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub multiply: f64,
}

impl Default for OracleHealth {
    fn default() -> Self {
        Self { premium_max: 0.01, venue_gap_max: 0.05, stale_bars: 1, multiply: 0.0 }
    }
}

/// A share of equity as margin that shrinks while the symbol's volatility is above its own
/// reference: `share x account leverage x min(1, reference volatility / current volatility)`,
/// both sample standard deviations of daily log returns that end with the last closed day. The
/// literature speaks of dynamic margin allocation without defining it; this form is chosen here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MarginAllocation {
    /// Share of equity posted as margin while volatility is at or under its reference.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub share: f64,
    /// Days of the current volatility.
    #[serde(default = "default_allocation_days")]
    pub days: usize,
    /// Days of the reference volatility, the current ones among them.
    #[serde(default = "default_reference_days")]
    pub reference_days: usize,
}

fn default_funding_periods() -> usize {
    DEFAULT_FUNDING_PERIODS
}

fn default_funding_budget() -> f64 {
    0.10
}

fn one() -> usize {
    1
}

fn default_cluster_hours() -> usize {
    24
}

/// Default of [`LiquidationCluster::trailing_days`].
const DEFAULT_TRAILING_DAYS: usize = 30;

fn default_allocation_days() -> usize {
    20
}

fn default_reference_days() -> usize {
    180
}

impl FundingCutRule {
    /// Cuts all trades where |rate| has been above a threshold for three settlements.
    pub fn new(above_8h: f64, multiply: f64) -> Self {
        Self {
            above_8h,
            below_8h: None,
            multiply,
            periods: DEFAULT_FUNDING_PERIODS,
            side: FundingSide::Both,
            sign_change_multiply: None,
            sign_change_periods: None,
        }
    }

    /// The threshold for crowded shorts.
    pub fn below_8h(&self) -> f64 {
        self.below_8h.unwrap_or(-self.above_8h)
    }

    /// Settlements for which a change of sign counts.
    pub fn sign_change_periods(&self) -> usize {
        self.sign_change_periods.unwrap_or(DEFAULT_FUNDING_PERIODS)
    }

    /// How many published rates the gate reads.
    pub fn rates_needed(&self) -> usize {
        match self.sign_change_multiply {
            Some(_) => self.periods.max(self.sign_change_periods().saturating_add(1)),
            None => self.periods,
        }
    }

    pub(super) fn check(&self, check: &mut Check) {
        check.not_negative("funding_cut.above_8h", self.above_8h);
        if let Some(below) = self.below_8h
            && !(below <= 0.0 && below.is_finite())
        {
            let hint = "write a rate of at most 0, such as -0.0003: shorts pay below 0";
            check.add("funding_cut.below_8h", format!("`below_8h` is {below}"), hint);
        }
        check.factor("funding_cut.multiply", self.multiply);
        check.count("funding_cut.periods", self.periods);
        if let Some(multiply) = self.sign_change_multiply {
            check.factor("funding_cut.sign_change_multiply", multiply);
        }
        if let Some(periods) = self.sign_change_periods {
            check.count("funding_cut.sign_change_periods", periods);
            if self.sign_change_multiply.is_none() {
                check.add(
                    "funding_cut.sign_change_periods",
                    "`sign_change_periods` has no effect".to_owned(),
                    "add sign_change_multiply, what size is multiplied by after a change of sign",
                );
            }
        }
    }
}

impl FundingBudget {
    pub(super) fn check(&self, check: &mut Check) {
        if !(self.budget > 0.0 && self.budget <= 1.0) {
            let hint = "write a share of the margin above 0 and at most 1; 0.1 is 10 %";
            check.add("funding_budget.budget", format!("`budget` is {}", self.budget), hint);
        }
        check.count("funding_budget.periods", self.periods);
        if self.of == FundingBudgetOf::Equity {
            check.add(
                "funding_budget.of",
                "`of` is \"equity\", a time that depends on the size".to_owned(),
                "write of = \"margin\": its share of the notional follows from the account's \
                 leverage, so that the time is known before the size is",
            );
        }
    }
}

impl LiquidationCluster {
    /// Days of the trailing mean.
    pub fn trailing_days(&self) -> usize {
        self.trailing_days.unwrap_or(DEFAULT_TRAILING_DAYS)
    }

    pub(super) fn check(&self, check: &mut Check) {
        check.above_zero("liquidation_cluster.above", self.above);
        check.count("liquidation_cluster.hours", self.hours);
        if let Some(days) = self.trailing_days {
            check.count("liquidation_cluster.trailing_days", days);
            if self.relative_to != LiquidationsRelativeTo::TrailingMean {
                check.add(
                    "liquidation_cluster.trailing_days",
                    "`trailing_days` has no effect: open interest is that at the decision"
                        .to_owned(),
                    "write relative_to = \"trailing_mean\", or leave it out",
                );
            }
        }
        check.factor("liquidation_cluster.multiply", self.multiply);
        if self.relative_to == LiquidationsRelativeTo::OpenInterest && self.above >= 1.0 {
            check.add(
                "liquidation_cluster.above",
                format!("`above` is {}, all open interest or more", self.above),
                "write a share of open interest such as 0.01, or relative_to = \"trailing_mean\"",
            );
        }
        if self.relative_to == LiquidationsRelativeTo::TrailingMean
            && self.trailing_days().saturating_mul(24) < self.hours
        {
            check.add(
                "liquidation_cluster.trailing_days",
                format!("{} days are shorter than {} hours", self.trailing_days(), self.hours),
                "the mean needs more time than the hours that are held against it",
            );
        }
        if self.source == LiquidationSource::Modelled {
            check.add(
                "liquidation_cluster.source",
                "`source` is \"modelled\", which is not there yet".to_owned(),
                "write source = \"recorded\": liquidations that the venue reported",
            );
        }
    }
}

impl OracleHealth {
    pub(super) fn check(&self, check: &mut Check) {
        check.above_zero("oracle_health.premium_max", self.premium_max);
        check.above_zero("oracle_health.venue_gap_max", self.venue_gap_max);
        check.factor("oracle_health.multiply", self.multiply);
    }
}

impl MarginAllocation {
    pub(super) fn check(&self, check: &mut Check) {
        check.share("margin_allocation.share", self.share);
        if self.days < 2 {
            let hint = "a standard deviation needs at least 2 days";
            check.add("margin_allocation.days", format!("`days` is {}", self.days), hint);
        }
        if self.reference_days <= self.days {
            check.add(
                "margin_allocation.reference_days",
                format!(
                    "`reference_days` is {}, not more than the {} `days`",
                    self.reference_days, self.days
                ),
                "the reference is the longer of the two, such as 180 days",
            );
        }
    }
}
