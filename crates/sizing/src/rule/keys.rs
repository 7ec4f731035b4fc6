//! A rule's limits by the keys of its table, so that they can be left out and filled in.

use super::SizingRule;

/// Lists the limits and gates of a rule once, and checks that no field is forgotten.
macro_rules! limits {
    ($($key:ident),+ $(,)?) => {
        impl SizingRule {
            /// Keys of the limits and gates that a rule may have, in the order in which they stand
            /// in a decision.
            pub const LIMITS: &'static [&'static str] = &[$(stringify!($key)),+];

            /// Keys that say how a rule is applied and limit nothing.
            pub const MANNERS: &'static [&'static str] = &["sizing_base", "resize"];

            /// Keys that only cut a size or end a position: without a limit beside them there is
            /// nothing to cut.
            pub const CUTS: &'static [&'static str] =
                &["funding_cut", "liquidation_cluster", "oracle_health", "funding_budget"];

            /// Keys of the limits that give a size when they stand alone.
            pub fn limits_alone() -> Vec<&'static str> {
                Self::LIMITS.iter().copied().filter(|key| !Self::CUTS.contains(key)).collect()
            }

            /// Keys of the limits and gates that the rule has.
            pub fn limit_keys(&self) -> Vec<&'static str> {
                // A field that is neither a limit nor a manner does not compile here.
                let Self { $($key),+, sizing_base: _, resize: _ } = self;
                [$((stringify!($key), $key.is_some())),+]
                    .into_iter()
                    .filter_map(|(key, is_present)| is_present.then_some(key))
                    .collect()
            }

            /// Leaves a limit out; whether it was there.
            pub fn leave_out(&mut self, key: &str) -> bool {
                match key {
                    $(stringify!($key) => self.$key.take().is_some(),)+
                    _ => false,
                }
            }

            /// Takes every limit that the rule does not have from another.
            pub fn fill_from(&mut self, other: &Self) {
                $(if self.$key.is_none() {
                    self.$key.clone_from(&other.$key);
                })+
                if self.resize.is_none() {
                    self.resize.clone_from(&other.resize);
                }
            }
        }
    };
}

limits!(
    kelly,
    risk_constrained_kelly,
    joint_kelly,
    optimal_f,
    atr,
    risk_cap,
    concentration,
    margin_allocation,
    volatility_target,
    tail_target,
    notional_fraction,
    risk_fraction,
    leverage_cap,
    notional,
    liquidation_distance,
    funding_cut,
    liquidation_cluster,
    oracle_health,
    funding_budget,
    drawdown_control,
    heat,
    exposure,
    venue_share,
    liquidity,
);

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> SizingRule {
        SizingRule { risk_cap: Some(0.02), leverage_cap: Some(3.0), ..SizingRule::default() }
    }

    #[test]
    fn limits_are_left_out_one_by_one() {
        let mut rule = rule();
        assert_eq!(rule.limit_keys(), ["risk_cap", "leverage_cap"]);
        assert!(rule.leave_out("risk_cap"));
        assert!(!rule.leave_out("risk_cap"));
        assert!(!rule.leave_out("risk_cup"));
        assert!(!rule.leave_out("sizing_base"));
        assert_eq!(rule.limit_keys(), ["leverage_cap"]);
    }

    #[test]
    fn what_a_rule_has_is_not_replaced() {
        let mut rule = rule();
        let other =
            SizingRule { risk_cap: Some(0.5), notional: Some(7.0), ..SizingRule::default() };
        rule.fill_from(&other);
        assert_eq!(rule.risk_cap, Some(0.02));
        assert_eq!(
            rule.limit_keys(),
            ["risk_cap", "leverage_cap", "notional"].into_iter().collect::<Vec<_>>()
        );
    }

    /// Every key that a file may hold is a limit or a manner, under the name it has in the file.
    #[test]
    fn keys_are_those_of_the_file() {
        let error = serde_json::from_str::<SizingRule>("{\"nothing\": 1}").map(|_| ());
        let message = error.expect_err("no such key").to_string();
        for key in SizingRule::LIMITS.iter().chain(SizingRule::MANNERS) {
            assert!(message.contains(&format!("`{key}`")), "{key}: {message}");
        }
    }
}
