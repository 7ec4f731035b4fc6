//! What a strategy file may say of Kelly and its kin.

use plimsoll_sizing::SizingRule;
use plimsoll_sizing::rule::{Before, KellyBasis, KellyShrinkage};
use serde_json::{Value, json};

fn rule(table: Value) -> SizingRule {
    serde_json::from_value(table).unwrap()
}

/// The paths of the problems of a rule.
fn problems(table: Value) -> Vec<String> {
    rule(table).problems().into_iter().map(|problem| problem.path).collect()
}

#[test]
fn tables_that_hold() {
    for table in [
        json!({"kelly": {"fraction": 0.25, "estimator": "trades", "trades": 100, "min_trades": 30}}),
        json!({"kelly": {"fraction": 0.25, "estimator": "trades", "bars": 2160, "min_trades": 30,
            "half_life": 500, "basis": "margin", "shrinkage": "bayesian_lower_bound",
            "bayesian": {"level": 0.1, "prior": [2, 2]}}}),
        json!({"kelly": {"fraction": 1, "estimator": "mean_variance", "half_life": 720,
            "min_bars": 240, "basis": "growth", "shrinkage": "t_statistic_debiased",
            "before": {"leverage": 0.5}}}),
        json!({"kelly": {"fraction": 0.5, "estimator": "log_growth", "half_life": 40,
            "min_trades": 20, "shrinkage": "bootstrap", "bootstrap": {"seed": 3},
            "liquidation": {"margin": "cross", "maintenance_margin_rate": 0.01}}}),
        json!({"kelly": {"fraction": 0.5, "estimator": "log_growth", "trades": 40,
            "liquidation": {"margin": "isolated", "posted": 0.2, "maintenance_margin_rate": 0.01,
            "stress": 2.0, "stress_trades": 0}}}),
        json!({"risk_constrained_kelly": {"drawdown": 0.3, "chance": 0.1, "trades": 100}}),
        json!({"risk_constrained_kelly": {"drawdown": 0.3, "chance": 0.1, "half_life": 50,
            "min_trades": 20, "form": "quadratic", "basis": "risk", "leverage_max": 3}}),
        json!({"joint_kelly": {"fraction": 0.25, "days": 180, "leverage_max": 5}}),
        json!({"joint_kelly": {"fraction": 0.25, "days": 180, "min_days": 60, "half_life": 90,
            "leverage_max": 5, "drawdown": 0.2, "chance": 0.05, "form": "quadratic"}}),
        json!({"optimal_f": {"fraction": 0.1, "trades": 60, "min_trades": 20}}),
    ] {
        assert_eq!(problems(table.clone()), Vec::<String>::new(), "{table}");
        // What is written is read again as the same.
        let rule = rule(table);
        let written = serde_json::to_value(&rule).unwrap();
        assert_eq!(serde_json::from_value::<SizingRule>(written).unwrap(), rule);
    }
}

#[test]
fn what_cannot_hold_is_named() {
    let kelly = |more: Value| {
        let mut table = json!({"fraction": 0.25, "estimator": "trades", "trades": 100});
        table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        problems(json!({ "kelly": table }))
    };
    for (more, path) in [
        (json!({"fraction": 0.0}), "kelly.fraction"),
        (json!({"trades": 1}), "kelly.trades"),
        (json!({"trades": null}), "kelly"),
        (json!({"trades": null, "half_life": 30.0}), "kelly"),
        (json!({"min_trades": 101}), "kelly.min_trades"),
        (json!({"bars": 0}), "kelly.bars"),
        (json!({"half_life": 0.0}), "kelly.half_life"),
        (json!({"min_bars": 10}), "kelly.min_bars"),
        (json!({"basis": "growth"}), "kelly.basis"),
        (json!({"estimator": "log_growth", "basis": "risk"}), "kelly.basis"),
        (json!({"before": {"leverage": 0.0}}), "kelly.before.leverage"),
        (json!({"bayesian": {}}), "kelly.bayesian"),
        (json!({"bootstrap": {}, "shrinkage": "t_statistic"}), "kelly.bootstrap"),
        (
            json!({"shrinkage": "bayesian_lower_bound", "bayesian": {"level": 1.0}}),
            "kelly.bayesian.level",
        ),
        (
            json!({"shrinkage": "bayesian_lower_bound", "bayesian": {"prior": [0.0, 1.0]}}),
            "kelly.bayesian.prior",
        ),
        (
            json!({"shrinkage": "bootstrap", "bootstrap": {"resamples": 0}}),
            "kelly.bootstrap.resamples",
        ),
        (json!({"estimator": "log_growth", "shrinkage": "baker_mchale"}), "kelly.shrinkage"),
        (
            json!({"estimator": "log_growth", "shrinkage": "bayesian_lower_bound"}),
            "kelly.shrinkage",
        ),
        (
            json!({"liquidation": {"margin": "cross", "maintenance_margin_rate": 0.01}}),
            "kelly.liquidation",
        ),
        (
            json!({"estimator": "log_growth", "liquidation":
                {"margin": "cross", "maintenance_margin_rate": 0.01, "posted": 0.2}}),
            "kelly.liquidation.posted",
        ),
        (
            json!({"estimator": "log_growth", "liquidation":
                {"margin": "cross", "maintenance_margin_rate": 0.01, "stress": 0.5}}),
            "kelly.liquidation.stress",
        ),
        (
            json!({"estimator": "log_growth", "shrinkage": "bootstrap", "liquidation":
                {"margin": "isolated", "maintenance_margin_rate": 0.01, "posted": 0.2}}),
            "kelly.shrinkage",
        ),
    ] {
        assert_eq!(kelly(more.clone()), [path], "{more}");
    }
    let bars = |more: Value| {
        let mut table = json!({"fraction": 0.25, "estimator": "mean_variance"});
        table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        problems(json!({ "kelly": table }))
    };
    assert_eq!(bars(json!({})), ["kelly"]);
    assert_eq!(bars(json!({"half_life": 10})), ["kelly"]);
    assert_eq!(bars(json!({"bars": 10, "min_bars": 11})), ["kelly.min_bars"]);
    assert_eq!(bars(json!({"bars": 10, "trades": 10})), ["kelly.trades"]);
    for (table, path) in [
        (
            json!({"risk_constrained_kelly": {"drawdown": 1.0, "chance": 0.1, "trades": 100}}),
            "risk_constrained_kelly.drawdown",
        ),
        (
            json!({"risk_constrained_kelly": {"drawdown": 0.2, "chance": 0.1, "trades": 100,
                "basis": "margin"}}),
            "risk_constrained_kelly.basis",
        ),
        (
            json!({"risk_constrained_kelly": {"drawdown": 0.2, "chance": 0.1}}),
            "risk_constrained_kelly",
        ),
        (
            json!({"joint_kelly": {"fraction": 0.2, "days": 100, "leverage_max": 0}}),
            "joint_kelly.leverage_max",
        ),
        (
            json!({"joint_kelly": {"fraction": 0.2, "days": 100, "leverage_max": 1,
                "drawdown": 0.2}}),
            "joint_kelly.drawdown",
        ),
        (json!({"optimal_f": {"fraction": 2.0, "trades": 100}}), "optimal_f.fraction"),
    ] {
        assert_eq!(problems(table), [path]);
    }
}

#[test]
fn defaults_say_what_older_files_meant() {
    let of = |estimator: &str| {
        let window = if estimator == "mean_variance" { "bars" } else { "trades" };
        let table = json!({"kelly": {"fraction": 0.25, "estimator": estimator, window: 100}});
        rule(table).kelly.unwrap()
    };
    let kelly = of("trades");
    assert_eq!(kelly.basis(), KellyBasis::Risk);
    assert_eq!((kelly.before, kelly.shrinkage), (Before::NoTrade, KellyShrinkage::None));
    assert_eq!(kelly.trade_window().need(), 100);
    assert_eq!(of("mean_variance").bar_window().need(), 100);
    assert_eq!(of("mean_variance").basis(), KellyBasis::Growth);
    assert_eq!(of("log_growth").basis(), KellyBasis::Growth);
    let needs_stop = |table: Value| rule(table).needs_stop();
    assert!(needs_stop(json!({"risk_constrained_kelly":
        {"drawdown": 0.3, "chance": 0.1, "trades": 50, "basis": "risk"}})));
    assert!(!needs_stop(json!({"risk_constrained_kelly":
        {"drawdown": 0.3, "chance": 0.1, "trades": 50}})));
}
