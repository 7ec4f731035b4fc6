//! What a study finds about the sizes themselves: how large a rule would have been on a given day,
//! what each of its limits is worth, and how often each gate cut or refused.

use plimsoll_market::{Side, Timestamp};
use plimsoll_sizing::SizeDecision;

/// The size that a rule would have given to an entry on the eve of a day: decided at the last close
/// before it, in an account that is flat and holds its equity of the start, before rounding to the
/// lot.
#[derive(Clone, Debug, PartialEq)]
pub struct SizeOn {
    /// The day's first instant, UTC.
    pub date: Timestamp,
    /// The rule.
    pub rule: String,
    /// The symbol.
    pub symbol: String,
    /// Direction of the entry that nobody made.
    pub side: Side,
    /// When the bar closed that the decision is taken at.
    pub time: Timestamp,
    /// That close; `None` where the symbol has no bar there.
    pub price: Option<f64>,
    /// The strategy's stop for an entry at that close; `None` where it has none.
    pub stop_price: Option<f64>,
    /// Every limit, the binding one, the multipliers and the leverage, or why there is no decision.
    pub decision: Result<SizeDecision, String>,
    /// Median of the rule's leverage for the same symbol and side over the compared period, an
    /// entry a day (or every so many days of a long period) decided in the same way; a size of 0
    /// counts as 0. `None` where no day has a bar.
    pub median_leverage: Option<f64>,
    /// Whether the leverage differs among the days of the median. A rule of fixed size has nothing
    /// to be compared with.
    pub moves: bool,
    /// Whether the rule is another with one limit left out.
    pub is_ablation: bool,
}

/// What one limit of a rule is worth: the rule with all its limits minus the rule without this one,
/// from the same draws of the same days as the comparison with the baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitWorth {
    /// `portfolio`, or a symbol.
    pub symbol: String,
    /// The rule with every limit.
    pub rule: String,
    /// The limit (a key of the rule's table) or the gate that is left out.
    pub limit: String,
    /// The rule without it.
    pub rule_without: String,
    /// `mean_log_growth` or `max_drawdown`.
    pub metric: &'static str,
    /// With the limit minus without it. More growth and less drawdown speak for the limit.
    pub difference: Option<f64>,
    /// Lower end of the 95 % interval.
    pub low: Option<f64>,
    /// Upper end of the 95 % interval.
    pub high: Option<f64>,
    /// Two-sided bootstrap p-value of no difference.
    pub p_value: Option<f64>,
    /// The same after Holm's adjustment over the rule's limits.
    pub p_value_adjusted: Option<f64>,
    /// Why something is undefined.
    pub reason: Option<String>,
}

/// How often one limit or gate of a rule acted, over the decisions of the whole account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateCount {
    /// The rule.
    pub rule: String,
    /// The limit's or multiplier's name, as in a decision.
    pub name: &'static str,
    /// The pre-trade gate that it belongs to, such as `size` or `funding`; empty if to none.
    pub gate: &'static str,
    /// Whether it is a factor after the smallest limit, as against a limit.
    pub is_multiplier: bool,
    /// Decisions at which it was asked.
    pub decisions: usize,
    /// Of a limit, decisions whose size it set; 0 of a gate. A rule's only limit sets all of them.
    pub set_the_size: usize,
    /// Of a gate, decisions that it made smaller without refusing them: a factor below 1; 0 of a
    /// limit.
    pub cut: usize,
    /// Decisions that it refused: a factor of 0, or a limit of 0 although defined.
    pub refused: usize,
    /// Decisions at which it was undefined, which refuses them too.
    pub undefined: usize,
    /// Positions that it ended: those of the gate `funding_budget` whose longest holding time was
    /// over. 0 of every other.
    pub closed: usize,
}

impl GateCount {
    /// Decisions in which it acted in any way; a position that it ended had been let in by it
    /// whole.
    pub fn acted(&self) -> usize {
        self.set_the_size + self.cut + self.refused + self.undefined + self.closed
    }
}
