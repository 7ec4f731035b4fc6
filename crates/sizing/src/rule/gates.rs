//! Gates that cut or refuse an entry: tables of a strategy file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Check;

/// Default of [`FundingCutRule::periods`]: the extreme has to last three settlements.
pub const DEFAULT_FUNDING_PERIODS: usize = 3;

fn default_funding_periods() -> usize {
    DEFAULT_FUNDING_PERIODS
}

/// Smaller size while funding is extreme.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FundingCutRule {
    /// Size is cut where |rate| per 8 hours is strictly above this. 0.0005 is 0.05 %.
    pub above_8h: f64,
    /// What size is multiplied by, 0 to 1.
    pub multiply: f64,
    /// For how many published settlements in a row the rate must have been extreme.
    #[serde(default = "default_funding_periods")]
    pub periods: usize,
}

impl FundingCutRule {
    pub(super) fn check(&self, check: &mut Check) {
        check.not_negative("funding_cut.above_8h", self.above_8h);
        check.factor("funding_cut.multiply", self.multiply);
        check.count("funding_cut.periods", self.periods);
    }
}
