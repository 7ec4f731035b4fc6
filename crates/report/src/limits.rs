//! What each limit and gate of a decision means, in the words of reports.

/// Where in a decision a limit acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// One of those whose smallest is the rule's wish.
    Wish,
    /// A gate: a factor from 0 to 1 on that wish.
    Multiplier,
    /// After the gates: the account, the book, the venue, the market's depth.
    Account,
}

/// What a limit means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitMeaning {
    /// Name in decisions.
    pub name: &'static str,
    /// Where it acts.
    pub stage: Stage,
    /// What it keeps, as the end of "the largest size ...", of a gate of "the size is cut ...".
    pub meaning: &'static str,
}

/// Every limit and gate, in the order in which they act.
pub const LIMITS: [LimitMeaning; 26] = [
    wish("kelly", "that is the rule's share of Kelly's, from the edge of the past"),
    wish(
        "risk_constrained_kelly",
        "up to Kelly's at which the chance of the named drawdown stays inside its bound",
    ),
    wish(
        "joint_kelly",
        "that is this symbol's part of Kelly's over all positions held at the same time",
    ),
    wish("optimal_f", "that is the rule's share of Vince's optimal f, from the past trades"),
    wish(
        "atr",
        "at which a move of so many average true ranges costs no more than the share named",
    ),
    wish("risk_cap", "that loses no more than this share of equity at the stop, costs included"),
    wish("concentration", "that one position may have of the equity"),
    wish(
        "margin_allocation",
        "whose margin is the share allotted, which shrinks as volatility rises above its own past",
    ),
    wish("volatility_target", "whose annual volatility stays at the target"),
    wish("tail_target", "whose forecast tail loss of a day stays inside the budget"),
    wish("notional_fraction", "that the rule fixes as a multiple of equity"),
    wish("risk_fraction", "that loses the fixed share of equity at the stop, costs included"),
    wish("leverage_cap", "that the rule allows as a multiple of equity"),
    wish("notional", "that the rule fixes in money"),
    wish(
        "liquidation_distance",
        "that the adverse move named does not carry to the liquidation price",
    ),
    gate("funding_cut", "while funding is extreme"),
    gate("liquidation_cluster", "after unusually large liquidations"),
    gate("oracle_health", "while the mark price cannot be trusted"),
    gate("funding_budget", "where funding would use up its budget at once"),
    account(
        "drawdown_control",
        "that the cushion above the floor of equity carries, less what is open already",
    ),
    account(
        "heat",
        "that keeps the loss from entry to stop of all positions together inside the limit",
    ),
    account("exposure", "that keeps the gross notional of all positions inside the limit"),
    account("venue_share", "that keeps the exposure at this venue inside its share"),
    account("venue_leverage", "that the venue's brackets allow at the account's leverage"),
    account("venue_margin", "that the free margin carries, fee and slippage included"),
    account("liquidity", "that stays inside the share of the market's daily traded value"),
];

/// What the limit or gate of that name means; `None` for a name that this version does not know.
pub fn meaning(name: &str) -> Option<&'static LimitMeaning> {
    LIMITS.iter().find(|limit| limit.name == name)
}

/// Position of a limit in the order in which they act; a name that is not known comes last.
pub fn position(name: &str) -> usize {
    LIMITS.iter().position(|limit| limit.name == name).unwrap_or(LIMITS.len())
}

/// A decision's reason in words.
pub fn reason(reason: &str) -> String {
    let known = match reason {
        "too_few_observations" => "too few observations yet",
        "no_edge" => "the past shows no edge",
        "no_stop" => "the trade has no stop",
        "not_given" => "a number that it needs is missing",
        "not_finite" => "a number that it needs is not finite",
        "out_of_range" => "a number that it needs is out of range",
        "zero_volatility" => "volatility is zero",
        "no_loss_observed" => "no trade of the past lost, so that growth has no maximum",
        "not_converged" => "the search did not converge",
        "ruined" => "there is no equity left",
        "no_free_margin" => "no margin is free",
        "leverage_not_offered" => "the venue does not offer that leverage",
        "below_min_notional" => "below the venue's smallest order",
        "zero_limit" => "the limit is zero",
        "no_limits" => "no limit applies",
        other => match meaning(other) {
            Some(limit) if limit.stage == Stage::Multiplier => return gate_reason(limit),
            _ => return other.replace('_', " "),
        },
    };
    known.to_owned()
}

fn gate_reason(limit: &LimitMeaning) -> String {
    format!("the gate {} is shut", limit.name.replace('_', " "))
}

const fn wish(name: &'static str, meaning: &'static str) -> LimitMeaning {
    LimitMeaning { name, stage: Stage::Wish, meaning }
}

const fn gate(name: &'static str, meaning: &'static str) -> LimitMeaning {
    LimitMeaning { name, stage: Stage::Multiplier, meaning }
}

const fn account(name: &'static str, meaning: &'static str) -> LimitMeaning {
    LimitMeaning { name, stage: Stage::Account, meaning }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_stages_follow_each_other() {
        for (index, limit) in LIMITS.iter().enumerate() {
            assert_eq!(position(limit.name), index);
            assert_eq!(meaning(limit.name), Some(limit));
        }
        let stages: Vec<Stage> = LIMITS.iter().map(|limit| limit.stage).collect();
        let mut runs = stages.clone();
        runs.dedup();
        assert_eq!(runs, [Stage::Wish, Stage::Multiplier, Stage::Account]);
        assert_eq!((meaning("other"), position("other")), (None, LIMITS.len()));
    }

    /// A limit that a rule may have and a report cannot name would be retold as if it meant nothing.
    #[test]
    fn every_limit_of_a_rule_has_a_meaning() {
        let unknown: Vec<&&str> = plimsoll_sizing::SizingRule::LIMITS
            .iter()
            .filter(|key| meaning(key).is_none())
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn reasons_read_as_words() {
        for (name, words) in [
            ("no_edge", "the past shows no edge"),
            ("funding_cut", "the gate funding cut is shut"),
            ("margin_at_fill", "margin at fill"),
        ] {
            assert_eq!(reason(name), words);
        }
    }
}
