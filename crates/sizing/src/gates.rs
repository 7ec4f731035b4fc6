//! A rule's gates and its margin allocation at one moment.

use crate::chain::Multiplier;
use crate::formulas::{
    FundingCut, LiquidationCut, OracleCheck, SizingError, funding_holding_days, funding_paid_8h,
    funding_sign_multiplier, margin_allocation, whole_bars,
};
use crate::limits::Moment;
use crate::rule::{FundingBudget, FundingCutRule, FundingSide, MarginAllocation, SizingRule};

/// What the gates of a rule come to.
pub(crate) struct Gates {
    /// Factors applied after the smallest limit, in order.
    pub(crate) multipliers: Vec<Multiplier>,
    /// Longest time that the position is held; `None`: as long as the strategy says.
    pub(crate) holding_bars_max: Option<usize>,
}

impl Gates {
    /// Asks every gate that the rule has.
    pub(crate) fn at(rule: &SizingRule, moment: &impl Moment) -> Self {
        let mut multipliers = Vec::new();
        let mut add = |name, value| multipliers.push(Multiplier { name, value });
        if let Some(cut) = &rule.funding_cut {
            add("funding_cut", funding_factor(cut, moment));
        }
        if let Some(cluster) = &rule.liquidation_cluster {
            let cut = LiquidationCut { above: cluster.above, multiply: cluster.multiply };
            let factor = moment.liquidated(cluster).and_then(|found| cut.multiplier(found));
            add("liquidation_cluster", factor);
        }
        if let Some(health) = &rule.oracle_health {
            let check = OracleCheck {
                premium_max: health.premium_max,
                venue_gap_max: health.venue_gap_max,
                multiply: health.multiply,
            };
            let factor = moment.oracle_reading(health).and_then(|found| check.multiplier(&found));
            add("oracle_health", factor);
        }
        let mut holding_bars_max = None;
        if let Some(budget) = &rule.funding_budget {
            let bars = holding_bars(budget, moment);
            // Less than a bar is no position at all.
            let factor = bars.clone().map(|bars| if bars == Some(0) { 0.0 } else { 1.0 });
            add("funding_budget", factor);
            holding_bars_max = bars.ok().flatten();
        }
        Self { multipliers, holding_bars_max }
    }
}

/// The share of equity as margin that the symbol's volatility leaves, as leverage.
pub(crate) fn allocated_leverage(
    allocation: &MarginAllocation,
    moment: &impl Moment,
) -> Result<f64, SizingError> {
    let (volatility, reference) = moment.volatility_and_reference(allocation)?;
    margin_allocation(allocation.share, moment.account_leverage()?, volatility, reference)
}

fn funding_factor(rule: &FundingCutRule, moment: &impl Moment) -> Result<f64, SizingError> {
    let rates = moment.funding_rates_8h(rule.rates_needed())?;
    let cut =
        FundingCut { above_8h: rule.above_8h, below_8h: rule.below_8h(), multiply: rule.multiply };
    let extreme = match rule.side {
        FundingSide::Both => cut.multiplier_sustained(&rates, rule.periods)?,
        FundingSide::Crowded => {
            cut.multiplier_crowded(moment.side()?.sign(), &rates, rule.periods)?
        }
    };
    let Some(multiply) = rule.sign_change_multiply else {
        return Ok(extreme);
    };
    Ok(extreme.min(funding_sign_multiplier(multiply, &rates, rule.sign_change_periods())?))
}

/// Whole bars until funding has used up its budget; `None`: never at this rate.
fn holding_bars(
    budget: &FundingBudget,
    moment: &impl Moment,
) -> Result<Option<usize>, SizingError> {
    let rates = moment.funding_rates_8h(budget.periods)?;
    let paid = funding_paid_8h(moment.side()?.sign(), &rates, budget.periods)?;
    match funding_holding_days(budget.budget, moment.account_leverage()?, paid)? {
        Some(days) => whole_bars(days, moment.bars_per_day()?),
        None => Ok(None),
    }
}
