//! Presets of a sizing rule, and limits left out of one.
//!
//! A preset is the text of a table like any other: what it holds can be written out by hand with
//! the same result.

use plimsoll_sizing::SizingRule;
use plimsoll_sizing::rule::GATES;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// Keys of a `[sizing.NAME]` table besides those of the rule itself.
#[derive(Clone, Debug, JsonSchema)]
pub struct PresetKeys {
    /// A rule to start from; a key of the table's own replaces the preset's.
    pub preset: Option<Preset>,
    /// Limits to leave out, all at the same time, by key (`atr`) or by gate (`size`). `"each"`, by
    /// itself or in the list, makes a rule of what is left and one more for each of its limits
    /// (of `six_gates`: its gates) left out besides, so that the study says what each is worth.
    #[schemars(schema_with = "without_schema")]
    pub without: Vec<String>,
}

/// A rule to start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// The smallest of quarter Kelly from the last 100 trades, 1 % of equity for two average true
    /// ranges, 2 % of equity at the stop, and a quarter of equity as margin; halved while funding
    /// is beyond 0.05 % per 8 hours.
    MinOfAll,
    /// The six pre-trade gates: liquidation level, size, funding, liquidation clusters, oracle
    /// health, and the funding budget of the holding time.
    SixGates,
}

/// `"each"`, or a list of limits, gates and `"each"`.
fn without_schema(_: &mut SchemaGenerator) -> Schema {
    let mut names: Vec<&str> = SizingRule::LIMITS.to_vec();
    names.extend(
        GATES.iter().map(|gate| gate.name).filter(|name| !names.contains(name)).collect::<Vec<_>>(),
    );
    names.push("each");
    json_schema!({
        "anyOf": [
            { "type": "string", "const": "each" },
            { "type": "array", "items": { "type": "string", "enum": names }, "minItems": 1 },
        ],
    })
}

const MIN_OF_ALL: &str = r#"
kelly         = { fraction = 0.25, estimator = "trades", trades = 100, min_trades = 30 }
atr           = { risk_fraction = 0.01, bars = 14, multiple = 2.0 }
risk_cap      = 0.02
concentration = { share = 0.25, of = "margin" }
funding_cut   = { above_8h = 0.0005, multiply = 0.5 }
"#;

const SIX_GATES: &str = r#"
liquidation_distance = { atr = { bars = 14, multiple = 2.0 }, stop = true }
kelly                = { fraction = 0.25, estimator = "trades", trades = 100, min_trades = 30 }
atr                  = { risk_fraction = 0.01, bars = 14, multiple = 2.0 }
risk_cap             = 0.02
concentration        = { share = 0.25, of = "margin" }
funding_cut          = { above_8h = 0.0005, multiply = 0.5 }
liquidation_cluster  = { above = 0.01 }
oracle_health        = { premium_max = 0.01, venue_gap_max = 0.05, stale_bars = 1 }
funding_budget       = { budget = 0.10, of = "margin" }
"#;

impl Preset {
    /// The keys of the preset as they would be written in a table.
    pub fn text(self) -> &'static str {
        match self {
            Self::MinOfAll => MIN_OF_ALL,
            Self::SixGates => SIX_GATES,
        }
    }

    /// The preset's rule.
    ///
    /// # Panics
    /// Never: a test reads every preset.
    pub fn rule(self) -> SizingRule {
        toml::from_str(self.text()).expect("the text of a preset is a rule")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_rules_without_a_mistake() {
        for preset in [Preset::MinOfAll, Preset::SixGates] {
            let rule = preset.rule();
            assert_eq!(rule.problems(), [], "{preset:?}");
            assert!(rule.limit_keys().len() > 4, "{preset:?}");
        }
    }

    #[test]
    fn six_gates_has_every_limit_of_every_gate() {
        let rule = Preset::SixGates.rule();
        let of_gates: Vec<&str> = GATES.iter().flat_map(|gate| gate.keys).copied().collect();
        let keys = rule.limit_keys();
        assert!(of_gates.iter().all(|key| keys.contains(key)), "{of_gates:?} {keys:?}");
        assert_eq!(of_gates.len(), keys.len());
    }
}
