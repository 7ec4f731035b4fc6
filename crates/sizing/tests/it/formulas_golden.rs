//! The sizing formulas against values of other programs: `sizing.json` of the golden folder, read
//! where it lies. Each value is computed from a case's parameters before its expectation is read.

#![allow(clippy::cast_possible_truncation, clippy::similar_names)]

use std::path::{Path, PathBuf};

use plimsoll_sizing::formulas::*;
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/golden")
}

/// A column of a csv file of the golden folder.
fn column(name: &str, file: &str) -> Vec<f64> {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    let mut lines = text.lines();
    let at = lines.next().unwrap().split(',').position(|head| head == name).unwrap();
    lines.map(|line| line.split(',').nth(at).unwrap().parse().unwrap()).collect()
}

fn bars() -> [Vec<f64>; 3] {
    ["high", "low", "close"].map(|name| column(name, "series/ohlcv.csv"))
}

/// The value of a metric of this crate; `None` where the metric belongs elsewhere.
fn compute(metric: &str, input: &str, params: &Value) -> Option<Value> {
    let number = |name: &str| params[name].as_f64().unwrap();
    let bet = || BinaryBet::full_loss(number("p"), number("b"));
    let value = match metric {
        "kelly_binary" => {
            let full = bet().kelly_fraction().unwrap();
            json!({"f_raw": bet().kelly_fraction_raw().unwrap(), "f_clamped": full, "full": full,
                "growth_full": bet().growth(full).unwrap(), "quarter": full / 4.0,
                "growth_quarter": bet().growth(full / 4.0).unwrap(), "at_10x_notional": full * 2.5})
        }
        "kelly_partial_loss" => {
            let (p, win, loss) = (number("p"), number("win"), number("loss"));
            json!(BinaryBet { win_probability: p, win, loss }.kelly_fraction_raw().unwrap())
        }
        "kelly_continuous" => {
            let (mean, volatility) = (number("mu"), number("sigma"));
            let drift = Drift { mean, volatility, risk_free: number("rf") };
            let at = |c: f64| drift.growth_at(c).unwrap();
            json!({"f": drift.kelly_leverage().unwrap(), "growth_full": at(1.0), "growth_at_c":
                {"0.25": at(0.25), "0.5": at(0.5), "1.0": at(1.0), "2.0": at(2.0)}})
        }
        "kelly_empirical" | "max_leverage_without_liquidation" => {
            let (file, name) = input.split_once(':').unwrap();
            let r: Vec<f64> = column(name, file).iter().map(|r| r + number("shift")).collect();
            let worst = r.iter().copied().fold(f64::INFINITY, f64::min);
            if metric == "max_leverage_without_liquidation" {
                json!(max_leverage_without_liquidation(worst, 1.0, number("mmr")).unwrap())
            } else {
                let best = empirical_kelly(&r, EmpiricalKellySettings::default()).unwrap();
                json!({"f": best.leverage, "growth": best.growth, "f_max": best.leverage_bound})
            }
        }
        "rck" | "qrck" => {
            let assets: Vec<Vec<f64>> =
                (0..20).map(|k| column(&format!("r{k}"), "series/rck_outcomes.csv")).collect();
            let pi = column("pi", "series/rck_outcomes.csv");
            let rows = (0..pi.len()).map(|i| assets.iter().map(|a| a[i]).collect()).collect();
            let outcomes = Outcomes::new(pi, rows).unwrap();
            let lambda = number("lambda");
            let best = if metric == "rck" {
                outcomes.risk_constrained_kelly(lambda).unwrap()
            } else {
                outcomes.risk_constrained_quadratic(lambda).unwrap()
            };
            json!({"lambda": lambda, "growth": best.growth, "b": best.weights,
                "risk_lhs_E_w_minus_lambda": best.risk,
                "bound_alpha_pow_lambda": number("alpha").powf(lambda)})
        }
        "rck_binary" => {
            let lambda = risk_aversion(number("alpha"), number("beta")).unwrap();
            json!({"lambda": lambda, "f": risk_constrained_binary(&bet(), lambda).unwrap(),
                "kelly": bet().kelly_fraction().unwrap()})
        }
        "kelly_shrinkage" => {
            let n = params["n"].as_u64().unwrap() as usize;
            let found = shrinkage(number("mu"), number("sigma"), n).unwrap();
            json!({"t2": found.t_squared, "factor_baker_mchale_gauss": found.factor,
                "factor_plugin_unbiased": found.factor_debiased})
        }
        "kelly_shrinkage_baker_mchale" => json!({"f": bet().kelly_fraction().unwrap(),
            "k": shrinkage_binary(&bet(), number("sd_p")).unwrap()}),
        "optimal_f" => {
            let (file, name) = input.split_once(':').unwrap();
            let found = optimal_f(&column(name, file)).unwrap();
            json!({"f": found.fraction, "twr_log": found.log_terminal_wealth,
                "ghpr": found.geometric_mean, "worst_loss": found.worst_loss,
                "usd_per_unit": found.equity_per_unit})
        }
        "true_range" => {
            let [high, low, close] = bars();
            let ranges = true_range(&high, &low, &close).unwrap();
            json!({"first5_from_1": ranges[..5], "last": ranges.last()})
        }
        "atr" => {
            let [high, low, close] = bars();
            let n = params["n"].as_u64().unwrap() as usize;
            let atr = average_true_range(&high, &low, &close, n).unwrap();
            json!({"first_index": atr.first_bar, "first5": atr.values[..5], "last": atr.last(),
                "n_valid": atr.values.len()})
        }
        "atr_position_size" => {
            let [high, low, close] = bars();
            let n = params["n"].as_u64().unwrap() as usize;
            let size = AtrSize {
                risk_fraction: number("risk"),
                multiple: number("k"),
                average_true_range: average_true_range(&high, &low, &close, n)
                    .unwrap()
                    .last()
                    .unwrap(),
                price: *close.last().unwrap(),
            };
            let equity = number("equity");
            json!({"qty": size.quantity(equity).unwrap(), "notional": size.leverage().unwrap() * equity,
                "stop_long": size.stop_price(1.0).unwrap()})
        }
        "volatility_target" => {
            let [_, _, close] = bars();
            let log_returns: Vec<f64> = close.windows(2).map(|w| (w[1] / w[0]).ln()).collect();
            let sigma = ewma_volatility(&log_returns, number("lambda")).unwrap() * 365_f64.sqrt();
            json!({"sigma_annual_ewma": sigma,
                "leverage": volatility_target(number("target"), sigma, number("cap")).unwrap()})
        }
        "drawdown_controlled_exposure" => {
            let floor = drawdown_floor(number("floor_fraction"), number("peak")).unwrap();
            let exposure = cushion_exposure(number("multiplier"), floor, number("wealth"));
            json!({"exposure_fraction": exposure.unwrap(), "floor": floor})
        }
        "composite_min" => {
            let names = ["quarter_kelly", "atr", "hard_cap", "concentration"];
            let limits = names.map(|name| Limit { name, value: Ok(number(name)) });
            let chosen = composite(&limits);
            let after = |multiply| {
                let cut = FundingCut { multiply, ..FundingCut::default() };
                chosen.leverage * cut.multiplier(number("funding_8h")).unwrap()
            };
            json!({"base": chosen.leverage, "binding": limits[chosen.binding.unwrap()].name,
                "after_funding_seed_strict_gt": after(0.5), "after_funding_30pct": after(0.7)})
        }
        "portfolio_heat" => {
            let positions: Vec<OpenPosition> = params["positions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|position| OpenPosition {
                    notional: position["notional"].as_f64().unwrap(),
                    entry_price: position["entry"].as_f64().unwrap(),
                    stop_price: position["stop"].as_f64(),
                })
                .collect();
            json!({"heat": heat(&positions, number("equity")).unwrap()})
        }
        _ => return None,
    };
    Some(value)
}

/// Keys that are moments of a series, which `plimsoll-risk` computes.
const ELSEWHERE: [&str; 2] = ["f_gaussian", "sigma_20d"];

fn agrees(got: &Value, expected: &Value, tol: &Value) -> bool {
    match expected {
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| !ELSEWHERE.contains(&key.as_str()))
            .all(|(key, value)| agrees(&got[key], value, tol)),
        Value::Array(items) => {
            let got = got.as_array().unwrap();
            got.len() == items.len() && got.iter().zip(items).all(|(g, e)| agrees(g, e, tol))
        }
        Value::Number(number) => {
            let expected = number.as_f64().unwrap();
            let allowed = tol["abs"].as_f64().unwrap_or(0.0)
                + tol["rel"].as_f64().unwrap_or(0.0) * expected.abs();
            got.as_f64().is_some_and(|got| (got - expected).abs() <= allowed)
        }
        other => got == other,
    }
}

#[test]
fn golden_sizing_cases() {
    let Ok(text) = std::fs::read_to_string(folder().join("sizing.json")) else {
        eprintln!("skipped: no golden folder beside the repository");
        return;
    };
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut done = 0;
    for case in document["cases"].as_array().unwrap() {
        let (metric, input) = (case["metric"].as_str().unwrap(), case["input"].as_str());
        let Some(value) = compute(metric, input.unwrap_or(""), &case["params"]) else {
            continue;
        };
        let (expected, tol) = (&case["expected"], &case["tol"]);
        assert!(agrees(&value, expected, tol), "{}: {value} against {expected}", case["id"]);
        done += 1;
    }
    assert!(done >= 35, "only {done} cases were recognised");
}
