//! Value at risk, expected shortfall, extreme values, expectiles and their regression.

use plimsoll_risk::expectile::midas_weights::{LagGrid, midas_beta_weights};
use plimsoll_risk::expectile::regression::ExpectileRegression;
use plimsoll_risk::expectile::sample::{
    expectile, expectile_es, expectile_tau_for_quantile, exponential_expectile, normal_expectile,
    normal_expectile_tau_for_quantile, student_t_expectile, uniform_expectile,
};
use plimsoll_risk::tail::extreme_value::{
    GpdFit, excesses_above, gpd_log_likelihood, hill_tail_index, threshold_of_largest,
};
use plimsoll_risk::tail::liquidity::{LiquidityAdjustedVar, LiquiditySettings};
use plimsoll_risk::tail::quantile_regression::QuantileRegression;
use plimsoll_risk::tail::student_t::{StudentTFit, student_t_log_likelihood};
use plimsoll_risk::tail::value_at_risk::{
    cornish_fisher, cornish_fisher_domain, entropic_var, gaussian_es, gaussian_var, historical_es,
    historical_var, historical_var_inverted_cdf,
};
use serde_json::{Value, json};

use crate::question::{Answer, Failure, Question, key, object, or_null};

/// Confidence levels of a fitted tail where a case names none.
const CONFIDENCE_LEVELS: [f64; 2] = [0.99, 0.999];

pub(crate) fn compute(question: &Question<'_>) -> Answer {
    for group in [of_distribution, of_extremes, of_expectiles, of_regressors] {
        match group(question) {
            Err(Failure::UnknownMetric) => {}
            answer => return answer,
        }
    }
    Err(Failure::UnknownMetric)
}

fn of_distribution(question: &Question<'_>) -> Answer {
    let (name, _) = question.name_and_number();
    let alpha = || question.parameter(&["alpha"]);
    let returns = || question.returns();
    let value = match name.as_str() {
        "hist_var_type7" | "var_hist_type7" => historical_var(&returns()?, alpha()?)?,
        "hist_var_inverted_cdf" | "hist_var_riskfolio" => {
            historical_var_inverted_cdf(&returns()?, alpha()?)?
        }
        "hist_es_ru" | "hist_es_ru_skfolio" => historical_es(&returns()?, alpha()?)?,
        "gauss_var" => gaussian_var(&returns()?, alpha()?)?,
        "gauss_es" => gaussian_es(&returns()?, alpha()?)?,
        "evar" => entropic_var(&returns()?, alpha()?)?,
        "cf_var" | "var_cornish_fisher" => cornish_fisher(&returns()?, alpha()?)?.value_at_risk,
        "cf_domain" => {
            let domain = cornish_fisher_domain(&returns()?)?;
            return Ok(json!({
                "skew": domain.skewness,
                "excess_kurtosis": domain.excess_kurtosis,
                "discriminant": domain.discriminant,
                "valid": domain.valid,
            }));
        }
        "t_mle" => {
            let fit = StudentTFit::of(&returns()?)?;
            return Ok(json!({
                "nu": fit.nu,
                "loc": fit.location,
                "scale": fit.scale,
                "loglik": fit.log_likelihood,
            }));
        }
        "t_loglik_fixed" => {
            let number = |name| question.number(name);
            student_t_log_likelihood(&returns()?, number("nu")?, number("loc")?, number("scale")?)?
        }
        "t_var" => StudentTFit::of(&returns()?)?.value_at_risk(alpha()?)?,
        "t_es" => StudentTFit::of(&returns()?)?.expected_shortfall(alpha()?)?,
        _ => return Err(Failure::UnknownMetric),
    };
    Ok(json!(value))
}

fn of_extremes(question: &Question<'_>) -> Answer {
    let (name, _) = question.name_and_number();
    let alpha = || question.parameter(&["alpha"]);
    let value = match name.as_str() {
        "gpd_fit" => {
            let levels = question.numbers_or("p", &CONFIDENCE_LEVELS)?;
            fields_of_fit(&gpd_fit(question)?, &levels)
        }
        "gpd_var_es" => {
            let levels = question.numbers_or("p", &CONFIDENCE_LEVELS)?;
            let fit = gpd_fit(question)?;
            let (quantile, shortfall) = tail_of(&fit, &levels);
            json!({"p": levels, "quantile": quantile, "sfall": shortfall})
        }
        "gpd_loglik_fixed" => {
            let losses = losses(question)?;
            let count = exceedances(question, &losses)?;
            let excesses = excesses_above(&losses, threshold_of_largest(&losses, count)?);
            json!(gpd_log_likelihood(&excesses, question.number("xi")?, question.number("beta")?)?)
        }
        "gpd_var" => json!(gpd_fit(question)?.value_at_risk(alpha()?)?),
        "gpd_es" => json!(gpd_fit(question)?.expected_shortfall(alpha()?)?),
        "hill_alpha" => {
            let losses = losses(question)?;
            json!(hill_tail_index(&losses, exceedances(question, &losses)?)?)
        }
        _ => return Err(Failure::UnknownMetric),
    };
    Ok(value)
}

fn of_expectiles(question: &Question<'_>) -> Answer {
    let (name, _) = question.name_and_number();
    let alpha = || question.parameter(&["alpha"]);
    let tau = || question.parameter(&["tau"]);
    let value = match name.as_str() {
        "expectile" => json!(expectile(&question.returns()?, tau()?)?),
        "expectile_tau_for_quantile" => {
            json!(expectile_tau_for_quantile(&question.returns()?, alpha()?)?)
        }
        "expectile_es" => json!(expectile_es(&question.returns()?, alpha()?)?),
        "expectile_normal" => json!(normal_expectile(tau()?)?),
        "expectile_t" => json!(student_t_expectile(tau()?, question.number("nu")?)?),
        "expectile_tau_for_quantile_normal" => {
            let alphas = question.numbers_or("alpha", &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1])?;
            let at =
                |alpha: &f64| (key(*alpha), or_null(normal_expectile_tau_for_quantile(*alpha)));
            object(alphas.iter().map(at))
        }
        "expectile_theory" => {
            let taus = question.numbers_or("tau", &[0.01, 0.05, 0.2])?;
            let each = |formula: &dyn Fn(f64) -> plimsoll_risk::Result<f64>| -> Vec<Value> {
                taus.iter().map(|tau| or_null(formula(*tau))).collect()
            };
            let exponential = each(&exponential_expectile);
            json!({
                "tau": taus,
                "normal": each(&normal_expectile),
                "t4": each(&|tau| student_t_expectile(tau, 4.0)),
                "unif": each(&uniform_expectile),
                "exp": exponential,
                "exp1": exponential,
            })
        }
        _ => return Err(Failure::UnknownMetric),
    };
    Ok(value)
}

fn of_regressors(question: &Question<'_>) -> Answer {
    let number = |name| question.number(name);
    match question.metric {
        "expectile_regression" => {
            let (y, size) = scaled_with_size_of_lag(question)?;
            let lag = &y[..size.len()];
            let ones = vec![1.0; lag.len()];
            let fit = ExpectileRegression::fit(&y[1..], &[&ones, &size, lag], number("tau")?)?;
            Ok(json!({
                "beta": fit.coefficients,
                "objective_mean": fit.objective,
                "std_err": fit.standard_errors(),
            }))
        }
        "quantile_regression" => {
            let (y, size) = scaled_with_size_of_lag(question)?;
            let lag = &y[..size.len()];
            let ones = vec![1.0; lag.len()];
            let tau = question.parameter(&["tau", "alpha"])?;
            let fit = QuantileRegression::fit(&y[1..], &[&ones, &size, lag], tau)?;
            Ok(json!({"beta": fit.coefficients, "rho": fit.objective}))
        }
        "midas_beta_weights" => {
            let words = question.params.get("grid").and_then(Value::as_str).unwrap_or("k/(K+1)");
            let grid = match words {
                "k/(K+1)" => LagGrid::Interior,
                words if words.starts_with("(k-1)/(K-1)") => LagGrid::EndToEnd,
                other => return Err(Failure::Input(format!("`grid` {other:?} is not known"))),
            };
            let lags = question.count("K")?;
            Ok(json!(midas_beta_weights(number("theta1")?, number("theta2")?, lags, grid)?))
        }
        "lvar" => {
            let settings = LiquiditySettings {
                alpha: number("alpha")?,
                tail_correction: question.number_or("theta", 1.0)?,
                spread_deviations: number("a")?,
            };
            let (closes, spreads) = (question.sibling("close")?, question.sibling("rel_spread")?);
            let var = LiquidityAdjustedVar::of(&closes, &spreads, &settings)?;
            Ok(json!({
                "price_var_rel": var.price_fraction,
                "spread_add_rel": var.spread_fraction,
                "lvar_rel": var.total_fraction,
                "lvar_abs": var.total_per_unit,
            }))
        }
        _ => Err(Failure::UnknownMetric),
    }
}

/// The scaled returns, and the size of all but the last.
fn scaled_with_size_of_lag(question: &Question<'_>) -> Result<(Vec<f64>, Vec<f64>), Failure> {
    let scale = question.number_or("scale", 1.0)?;
    let y: Vec<f64> = question.returns()?.iter().map(|r| scale * r).collect();
    let few = || Failure::Input("a lag needs two returns".to_owned());
    let lag = y.len().checked_sub(1).map(|last| &y[..last]).ok_or_else(few)?;
    let size = lag.iter().map(|y| y.abs()).collect();
    Ok((y, size))
}

/// The losses of the input: a column `loss` as it stands, returns with the sign turned.
fn losses(question: &Question<'_>) -> Result<Vec<f64>, Failure> {
    if question.input.ends_with(":loss") {
        return question.returns();
    }
    Ok(question.returns()?.iter().map(|r| -r).collect())
}

/// `k`, or a tenth of the losses.
fn exceedances(question: &Question<'_>, losses: &[f64]) -> Result<usize, Failure> {
    Ok(question.optional_count("k")?.unwrap_or(losses.len() / 10))
}

/// The tail above `u`, where the case or the end of its id (`danish/gpd_10`) gives it, else of the
/// `k` largest losses.
fn gpd_fit(question: &Question<'_>) -> Result<GpdFit, Failure> {
    let losses = losses(question)?;
    let in_id = || {
        let (head, tail) = question.id.rsplit_once('_')?;
        if head.ends_with("gpd") { tail.parse::<f64>().ok() } else { None }
    };
    let fit = match question.optional("u")?.or_else(in_id) {
        Some(threshold) => GpdFit::above(&losses, threshold)?,
        None => GpdFit::of_largest(&losses, exceedances(question, &losses)?)?,
    };
    Ok(fit)
}

fn fields_of_fit(fit: &GpdFit, levels: &[f64]) -> Value {
    let (quantile, shortfall) = tail_of(fit, levels);
    json!({
        "k": fit.n_exceed,
        "u": fit.threshold,
        "xi": fit.xi,
        "beta": fit.beta,
        "loglik": fit.log_likelihood,
        "nllh": -fit.log_likelihood,
        "se_xi": fit.xi_standard_error,
        "se_beta": fit.beta_standard_error,
        "n": fit.n,
        "n_exceed": fit.n_exceed,
        "p": levels,
        "q": quantile,
        "es": shortfall,
    })
}

/// Value at risk and expected shortfall at confidence levels.
fn tail_of(fit: &GpdFit, levels: &[f64]) -> (Vec<Value>, Vec<Value>) {
    let quantile = levels.iter().map(|level| or_null(fit.value_at_risk(1.0 - level)));
    let shortfall = levels.iter().map(|level| or_null(fit.expected_shortfall(1.0 - level)));
    (quantile.collect(), shortfall.collect())
}
