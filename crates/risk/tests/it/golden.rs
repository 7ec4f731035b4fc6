//! Values computed by other programs (scipy, empyrical, Riskfolio-Lib, arch, R), read from the
//! golden folder beside the repository. Each value is computed before the expected one is read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use plimsoll_risk::drawdown::{Drawdowns, max_drawdown};
use plimsoll_risk::expectile::midas_weights::{LagGrid, midas_beta_weights};
use plimsoll_risk::expectile::regression::ExpectileRegression;
use plimsoll_risk::expectile::sample as ex;
use plimsoll_risk::moments::Moments;
use plimsoll_risk::performance as perf;
use plimsoll_risk::resample::block_length::politis_white;
use plimsoll_risk::resample::bootstrap::stationary_bootstrap_variance_of_mean;
use plimsoll_risk::ruin::closed_form as ruin;
use plimsoll_risk::sharpe as sh;
use plimsoll_risk::tail::extreme_value as evt;
use plimsoll_risk::tail::liquidity::{LiquidityAdjustedVar, LiquiditySettings};
use plimsoll_risk::tail::student_t::{StudentTFit, student_t_log_likelihood};
use plimsoll_risk::tail::value_at_risk as var;
use plimsoll_risk::trade_statistics as trades;
use plimsoll_risk::{Result, RiskError};
use serde_json::{Map, Value, json};

const TOPICS: [&str; 5] = [
    "performance.json",
    "var_es.json",
    "real_btc.json",
    "r_perf_var_garch.json",
    "ruin_bootstrap.json",
];

/// Metrics of those files that belong to other modules or crates.
const ELSEWHERE: [&str; 7] =
    ["garch", "quantile_regression", "std_innovation", "filtered_historical", "nig_", "vg_", "atr"];

#[test]
fn every_adopted_case_agrees() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/golden");
    if !folder.is_dir() {
        eprintln!("skipped: the golden folder is absent");
        return;
    }
    let mut files = Files { folder, columns: BTreeMap::new() };
    let (mut compared, mut failures) = (0, Vec::new());
    for topic in TOPICS {
        let text = std::fs::read_to_string(files.folder.join(topic)).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        for case in document["cases"].as_array().unwrap() {
            let metric = case["metric"].as_str().unwrap();
            let elsewhere = ELSEWHERE.iter().any(|prefix| metric.starts_with(prefix));
            if !case["adopt"].as_bool().unwrap() || elsewhere {
                continue;
            }
            compared += 1;
            let id = format!("{topic} {}", case["id"].as_str().unwrap());
            match compute(&mut files, case) {
                Err(error) => failures.push(format!("{id} {metric}: {error}")),
                Ok(got) => compare(&id, case, &got, &mut failures),
            }
        }
    }
    eprintln!("{compared} golden cases compared");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(compared > 250, "only {compared} cases were found");
}

struct Files {
    folder: PathBuf,
    columns: BTreeMap<String, Vec<f64>>,
}

impl Files {
    fn column(&mut self, file: &str, column: &str) -> Vec<f64> {
        let key = format!("{file}:{column}");
        if let Some(values) = self.columns.get(&key) {
            return values.clone();
        }
        let text = std::fs::read_to_string(self.folder.join(file)).unwrap();
        let mut lines = text.lines();
        let names = lines.next().unwrap().split(',');
        let position =
            names.map(|name| name.trim_matches('"')).position(|name| name == column).unwrap();
        let values: Vec<f64> =
            lines.map(|line| line.split(',').nth(position).unwrap().parse().unwrap()).collect();
        self.columns.insert(key, values.clone());
        values
    }
}

/// The value of a case, in the shape of what is expected.
fn compute(files: &mut Files, case: &Value) -> Result<Value> {
    let metric = case["metric"].as_str().unwrap();
    let input = case["input"].as_str();
    let series = match input.and_then(|input| input.split_once(':')) {
        Some((file, column)) => files.column(file, column),
        None => Vec::new(),
    };
    let parameter = |name: &str| case["params"][name].as_f64();
    if let Some(value) = tail_extension(files, case, &series) {
        return value;
    }
    if input == Some("series/trades.csv") {
        let pnl = files.column("series/trades.csv", "pnl_usd");
        let r_multiples = files.column("series/trades.csv", "r_multiple");
        return trade_metric(metric, &pnl, &r_multiples).map(Value::from);
    }
    if let Some(value) = whole_metric(metric, case, &series) {
        return value;
    }
    if let Some(value) = performance_metric(metric, &series, &parameter) {
        return value.map(Value::from);
    }
    let (stem, number) = metric.rsplit_once('_').unwrap();
    tail_metric(stem, number.parse().unwrap(), &series).map(Value::from)
}

fn trade_metric(metric: &str, pnl: &[f64], r_multiples: &[f64]) -> Result<f64> {
    match metric {
        "win_rate" => trades::win_rate(pnl),
        "profit_factor" => trades::profit_factor(pnl),
        "payoff_ratio" => trades::payoff_ratio(pnl),
        "expectancy_usd" => trades::expectancy(pnl),
        "expectancy_r" => trades::expectancy(r_multiples),
        "sqn" => trades::system_quality_number(r_multiples),
        "sqn_capped_100" => trades::system_quality_number_capped(r_multiples, 100),
        other => panic!("unknown trade metric {other}"),
    }
}

fn performance_metric(
    metric: &str,
    r: &[f64],
    parameter: &dyn Fn(&str) -> Option<f64>,
) -> Option<Result<f64>> {
    let p = 365.0;
    let drawdowns = || Drawdowns::of_returns(r);
    let moments = || Moments::of(r);
    Some(match metric {
        "total_return" => perf::total_return(r),
        "log_return_sum" => perf::log_return_sum(r),
        "cagr" => perf::cagr(r, p),
        "volatility_annual" => perf::volatility_annual(r, p),
        "sharpe_annual" => sh::sharpe_annual(r, 0.0, p),
        "sortino_annual" => perf::sortino_annual(r, 0.0, p),
        "sortino_annual_mar" => perf::sortino_annual(r, parameter("mar").unwrap(), p),
        "sortino_period" => perf::sortino(r, 0.0005),
        "downside_deviation" => perf::downside_deviation(r, 0.0005),
        "calmar" => perf::calmar(r, p),
        "sterling_10pct" => perf::sterling(r, p, 0.10),
        "omega_0" | "omega" => perf::omega(r, 0.0),
        "omega_thr" => perf::omega(r, parameter("threshold").unwrap()),
        "tail_ratio" => perf::tail_ratio(r),
        "profit_factor" => trades::profit_factor(r),
        "max_drawdown" => max_drawdown(r),
        "average_drawdown" => drawdowns().map(|d| d.average()),
        "ulcer_index" | "ulcer_index_riskfolio" => drawdowns().map(|d| d.ulcer_index()),
        "n_drawdown_episodes" => drawdowns().map(|d| d.episodes().len() as f64),
        "max_time_under_water" => drawdowns().map(|d| d.longest_under_water() as f64),
        "share_under_water" => drawdowns().map(|d| d.share_under_water()),
        "average_drawdown_episodes" => drawdowns().and_then(|d| d.average_of_episodes()),
        "skew_population" => moments().and_then(|m| m.skewness_population()),
        "kurtosis_population_raw" => moments().and_then(|m| m.kurtosis_population()),
        "skew_unbiased" => moments().and_then(|m| m.skewness_unbiased()),
        "kurtosis_excess_unbiased" => moments().and_then(|m| m.kurtosis_excess_unbiased()),
        "sharpe_var_mertens_T-1" => sh::SharpeMoments::of(r).and_then(|s| s.variance()),
        "psr_0_T-1" | "psr_0.02_T-1" => sh::SharpeMoments::of(r)
            .and_then(|s| s.probabilistic(parameter("sr_benchmark").unwrap())),
        "psr" | "sharpe_se" | "min_track_record_length_years" | "dsr" | "expected_max_sharpe" => {
            published_sharpe(metric, parameter)
        }
        _ => return None,
    })
}

fn published_sharpe(metric: &str, parameter: &dyn Fn(&str) -> Option<f64>) -> Result<f64> {
    let or = |name: &str, default: f64| parameter(name).unwrap_or(default);
    if metric == "expected_max_sharpe" {
        return sh::expected_max_sharpe(or("n_trials", 0.0), or("var_trials", 0.0));
    }
    if metric == "dsr" {
        let years = or("periods_per_year", 250.0);
        let moments = sh::SharpeMoments {
            sharpe: or("sr_annual", 2.5) / years.sqrt(),
            skewness: or("skew", -3.0),
            kurtosis: or("kurt", 10.0),
            n: or("T", 1250.0) as usize,
        };
        return moments.deflated(or("n_trials", 0.0), or("var_trials_annual", 0.5) / years);
    }
    let moments = sh::SharpeMoments {
        sharpe: or("sr", f64::NAN),
        skewness: or("skew", f64::NAN),
        kurtosis: or("kurt", f64::NAN),
        n: or("n", 0.0) as usize,
    };
    match metric {
        "psr" => moments.probabilistic(or("sr_benchmark", 0.0)),
        "sharpe_se" => moments.standard_error(),
        _ => Ok(moments.min_track_record_length(0.0, or("prob", 0.0))?
            / or("periods_per_year", f64::NAN)),
    }
}

fn tail_metric(stem: &str, alpha: f64, r: &[f64]) -> Result<f64> {
    match stem {
        "hist_var_type7" | "var_hist_type7" => var::historical_var(r, alpha),
        "hist_var_inverted_cdf" | "hist_var_riskfolio" => {
            var::historical_var_inverted_cdf(r, alpha)
        }
        "hist_es_ru" | "hist_es_ru_skfolio" => var::historical_es(r, alpha),
        "gauss_var" => var::gaussian_var(r, alpha),
        "gauss_es" => var::gaussian_es(r, alpha),
        "evar" => var::entropic_var(r, alpha),
        "cf_var" | "var_cornish_fisher" => Ok(var::cornish_fisher(r, alpha)?.value_at_risk),
        "t_var" => StudentTFit::of(r)?.value_at_risk(alpha),
        "t_es" => StudentTFit::of(r)?.expected_shortfall(alpha),
        "gpd_var" => evt::GpdFit::of_returns(r)?.value_at_risk(alpha),
        "gpd_es" => evt::GpdFit::of_returns(r)?.expected_shortfall(alpha),
        "expectile" => ex::expectile(r, alpha),
        "expectile_tau_for_quantile" => ex::expectile_tau_for_quantile(r, alpha),
        "expectile_es" => ex::expectile_es(r, alpha),
        "cdar" => Drawdowns::of_returns(r)?.conditional(alpha),
        "edar" => Drawdowns::of_returns(r)?.entropic(alpha),
        other => panic!("unknown tail metric {other}"),
    }
}

/// Metrics with several values, or with inputs of their own.
fn whole_metric(metric: &str, case: &Value, r: &[f64]) -> Option<Result<Value>> {
    let parameters = &case["params"];
    let number = |name: &str| parameters[name].as_f64().unwrap();
    let losses = || r.iter().map(|r| -r).collect::<Vec<f64>>();
    if let Some(stem) = metric.strip_suffix("_riskfolio").filter(|stem| stem.starts_with("cdar_")) {
        let beta = stem["cdar_".len()..].parse().unwrap();
        return Some(tail_metric("cdar", beta, r).map(Value::from));
    }
    for stem in ["hist_var_riskfolio", "hist_es_ru_skfolio"] {
        if let Some(alpha) = metric.strip_prefix(stem) {
            let alpha = alpha.trim_start_matches('_').parse().unwrap();
            return Some(tail_metric(stem, alpha, r).map(Value::from));
        }
    }
    Some(match metric {
        "episode_depths_top3" => Drawdowns::of_returns(r).map(|drawdowns| {
            let mut depths: Vec<f64> = drawdowns.episodes().iter().map(|e| -e.depth).collect();
            depths.sort_by(f64::total_cmp);
            depths.truncate(3);
            json!(depths)
        }),
        "cf_domain" => var::cornish_fisher_domain(r).map(|domain| {
            json!({"skew": domain.skewness, "excess_kurtosis": domain.excess_kurtosis,
                "discriminant": domain.discriminant, "valid": domain.valid})
        }),
        "t_mle" => StudentTFit::of(r).map(|fit| {
            json!({"nu": fit.nu, "loc": fit.location, "scale": fit.scale,
                "loglik": fit.log_likelihood})
        }),
        "t_loglik_fixed" => {
            student_t_log_likelihood(r, number("nu"), number("loc"), number("scale"))
                .map(Value::from)
        }
        "gpd_fit" => gpd_fit(case, r),
        "gpd_loglik_fixed" => {
            let losses = losses();
            evt::threshold_of_largest(&losses, number("k") as usize).and_then(|threshold| {
                let excesses = evt::excesses_above(&losses, threshold);
                evt::gpd_log_likelihood(&excesses, number("xi"), number("beta")).map(Value::from)
            })
        }
        "gpd_var_es" => evt::GpdFit::of_returns(r).map(|fit| {
            json!({"p": [0.99, 0.999],
                "quantile": [fit.value_at_risk(0.01).unwrap(), fit.value_at_risk(0.001).unwrap()],
                "sfall": [fit.expected_shortfall(0.01).unwrap(),
                    fit.expected_shortfall(0.001).unwrap()]})
        }),
        "hill_alpha" => evt::hill_tail_index(&losses(), number("k") as usize).map(Value::from),
        "expectile_normal" => ex::normal_expectile(number("tau")).map(Value::from),
        "expectile_t" => ex::student_t_expectile(number("tau"), number("nu")).map(Value::from),
        "expectile_tau_for_quantile_normal" => {
            let at = |alpha| ex::normal_expectile_tau_for_quantile(alpha).unwrap();
            Ok(json!({"0.01": at(0.01), "0.05": at(0.05)}))
        }
        "expectile_theory" => {
            let taus = [0.01, 0.05, 0.2];
            let all = |of: &dyn Fn(f64) -> f64| taus.map(of);
            Ok(json!({"tau": taus,
                "normal": all(&|tau| ex::normal_expectile(tau).unwrap()),
                "t4": all(&|tau| ex::student_t_expectile(tau, 4.0).unwrap()),
                "unif": all(&|tau| ex::uniform_expectile(tau).unwrap()),
                "exp": all(&|tau| ex::exponential_expectile(tau).unwrap())}))
        }
        _ => return ruin_metric(metric, parameters, r),
    })
}

/// Regressions, lag weights and the cost of leaving.
fn tail_extension(files: &mut Files, case: &Value, r: &[f64]) -> Option<Result<Value>> {
    let number = |name: &str| case["params"][name].as_f64().unwrap();
    Some(match case["metric"].as_str().unwrap() {
        "expectile_regression" => {
            let y: Vec<f64> = r.iter().map(|r| number("scale") * r).collect();
            let lag = &y[..y.len() - 1];
            let size: Vec<f64> = lag.iter().map(|y| y.abs()).collect();
            let ones = vec![1.0; lag.len()];
            ExpectileRegression::fit(&y[1..], &[&ones, &size, lag], number("tau"))
                .map(|fit| json!({"beta": fit.coefficients, "objective_mean": fit.objective}))
        }
        "midas_beta_weights" => {
            let grid = match case["params"]["grid"].as_str().unwrap() {
                "k/(K+1)" => LagGrid::Interior,
                _ => LagGrid::EndToEnd,
            };
            let lags = number("K") as usize;
            midas_beta_weights(number("theta1"), number("theta2"), lags, grid).map(|w| json!(w))
        }
        "lvar" => {
            let closes = files.column("series/ohlcv.csv", "close");
            let spreads = files.column("series/ohlcv.csv", "rel_spread");
            let settings = LiquiditySettings {
                alpha: number("alpha"),
                tail_correction: number("theta"),
                spread_deviations: number("a"),
            };
            LiquidityAdjustedVar::of(&closes, &spreads, &settings).map(|var| {
                json!({"price_var_rel": var.price_fraction,
                    "spread_add_rel": var.spread_fraction,
                    "lvar_rel": var.total_fraction, "lvar_abs": var.total_per_unit})
            })
        }
        _ => return None,
    })
}

fn ruin_metric(metric: &str, parameters: &Value, r: &[f64]) -> Option<Result<Value>> {
    let number = |name: &str| parameters[name].as_f64().unwrap();
    Some(match metric {
        "gamblers_ruin" => {
            let (p, start) = (number("p"), number("start"));
            Ok(json!({
                "two_barrier": ruin::gamblers_ruin(p, start, Some(number("target"))).unwrap(),
                "infinite_target": ruin::gamblers_ruin(p, start, None).unwrap()}))
        }
        "hit_loss_before_gain" => {
            let diffusion = ruin::DiffusionBarriers {
                drift: number("m"),
                volatility: number("s"),
                loss: number("loss"),
                gain: number("gain"),
            };
            Ok(json!({"p_loss_first": diffusion.hit_loss_before_gain().unwrap(),
                "p_ever_loss": diffusion.ever_hit_loss().unwrap()}))
        }
        "prob_max_drawdown_ge_d_by_T" => {
            ruin::BinaryBet::even_money(number("p"), number("fraction"))
                .max_drawdown_probability(number("d"), number("T") as usize)
                .map(|p| json!({"p_maxdd": p}))
        }
        "expected_max_drawdown_bm" => {
            ruin::expected_max_drawdown_driftless(1.0, 1.0).map(Value::from)
        }
        "wilson_interval" => {
            let (x, n) = (number("x") as u64, number("n") as u64);
            let level = number("level");
            Ok(json!({"wilson": plimsoll_risk::proportion::wilson_interval(x, n, level).unwrap(),
                "clopper_pearson": plimsoll_risk::proportion::clopper_pearson_interval(x, n, level).unwrap()}))
        }
        "politis_white_block" => {
            let values: Vec<f64> = match parameters["of"].as_str().unwrap() {
                "r" => r.to_vec(),
                "abs(r)" => r.iter().map(|r| r.abs()).collect(),
                "r^2" => r.iter().map(|r| r * r).collect(),
                other => panic!("unknown transform {other}"),
            };
            politis_white(&values).map(|length| json!(length))
        }
        "stationary_bootstrap_variance_of_mean" => {
            stationary_bootstrap_variance_of_mean(r, number("mean_block")).map(Value::from)
        }
        _ => return None,
    })
}

fn gpd_fit(case: &Value, r: &[f64]) -> Result<Value> {
    let is_loss = case["input"].as_str().unwrap().ends_with(":loss");
    let losses: Vec<f64> = r.iter().map(|r| if is_loss { *r } else { -r }).collect();
    let id = case["id"].as_str().unwrap();
    let fit = if let Some(u) = id.strip_prefix("danish/gpd_") {
        evt::GpdFit::above(&losses, u.parse().unwrap())?
    } else if let Some(u) = case["params"]["u"].as_f64() {
        evt::GpdFit::above(&losses, u)?
    } else {
        evt::GpdFit::of_returns(r)?
    };
    let at = |take: &dyn Fn(f64) -> Result<f64>| [0.01, 0.001].map(|alpha| take(alpha).unwrap());
    Ok(json!({
        "k": fit.n_exceed, "n_exceed": fit.n_exceed, "n": fit.n, "u": fit.threshold,
        "xi": fit.xi, "beta": fit.beta,
        "loglik": fit.log_likelihood, "nllh": -fit.log_likelihood,
        "se_xi": fit.xi_standard_error, "se_beta": fit.beta_standard_error,
        "p": [0.99, 0.999],
        "q": at(&|alpha| fit.value_at_risk(alpha)),
        "es": at(&|alpha| fit.expected_shortfall(alpha)),
    }))
}

/// Compares every key of the expected value, within the tolerance of the case.
fn compare(id: &str, case: &Value, got: &Value, failures: &mut Vec<String>) {
    let expected = &case["expected"];
    let tolerance = |name: &str| case["tol"][name].as_f64().unwrap_or(0.0);
    let (absolute, relative) = (tolerance("abs"), tolerance("rel"));
    if let Some(expected) = expected.as_object()
        && better_optimum(expected, got, case["metric"].as_str().unwrap())
    {
        return;
    }
    compare_value(id, expected, got, absolute, relative, failures);
}

/// A fit may be compared by its parameters only where it found the same optimum.
fn better_optimum(expected: &Map<String, Value>, got: &Value, metric: &str) -> bool {
    let found = expected.get("loglik").and_then(Value::as_f64);
    match (metric.ends_with("_mle"), found) {
        (true, Some(likelihood)) => got["loglik"].as_f64().unwrap() > likelihood + 0.05,
        _ => false,
    }
}

fn compare_value(
    id: &str,
    expected: &Value,
    got: &Value,
    absolute: f64,
    relative: f64,
    failures: &mut Vec<String>,
) {
    match expected {
        Value::Object(fields) => {
            for (name, expected) in fields {
                let id = format!("{id}.{name}");
                compare_value(&id, expected, &got[name], absolute, relative, failures);
            }
        }
        Value::Array(items) => {
            if got.as_array().map(Vec::len) != Some(items.len()) {
                failures.push(format!("{id}: got {got}, expected {expected}"));
                return;
            }
            for (index, expected) in items.iter().enumerate() {
                let id = format!("{id}[{index}]");
                compare_value(&id, expected, &got[index], absolute, relative, failures);
            }
        }
        Value::Number(_) => {
            let wanted = expected.as_f64().unwrap();
            let allowed = absolute + relative * wanted.abs();
            let good = got.as_f64().is_some_and(|got| (got - wanted).abs() <= allowed);
            if !good {
                failures.push(format!("{id}: got {got}, expected {wanted} +- {allowed}"));
            }
        }
        other => {
            if other != got {
                failures.push(format!("{id}: got {got}, expected {expected}"));
            }
        }
    }
}

/// Standard errors that R evir prints for its fits, to the accuracy of its optimiser.
#[test]
fn gpd_standard_errors_agree_with_evir() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/golden");
    if !folder.is_dir() {
        eprintln!("skipped: the golden folder is absent");
        return;
    }
    let mut files = Files { folder, columns: BTreeMap::new() };
    let danish = files.column("series/danish.csv", "loss");
    let fit = evt::GpdFit::above(&danish, 10.0).unwrap();
    crate::assert_close(fit.xi_standard_error.unwrap(), 0.136_209, 1e-3);
    crate::assert_close(fit.beta_standard_error.unwrap(), 1.113_101, 2e-3);
    let returns = files.column("series/ret_a.csv", "r");
    let fit = evt::GpdFit::of_returns(&returns).unwrap();
    crate::assert_close(fit.xi_standard_error.unwrap(), 0.093_848, 1e-3);
    // evir differentiates numerically with a step that is coarse at this scale.
    let ratio = fit.beta_standard_error.unwrap() / 0.002_043_319;
    assert!((ratio - 1.0).abs() < 0.05, "ratio {ratio}");
    assert!(matches!(fit.value_at_risk(0.2), Err(RiskError::OutOfRange { name: "alpha", .. })));
}
