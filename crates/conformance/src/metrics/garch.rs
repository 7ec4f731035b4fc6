//! Conditional volatility: likelihoods at given parameters, fits, standardised innovations and
//! filtered historical simulation.

use plimsoll_risk::RiskError;
use plimsoll_risk::garch::{
    Exposure, GarchFit, GarchLikelihood, GarchParameters, GarchSpec, Innovation, InnovationFamily,
    VarianceStart, Volatility, filtered_historical_tail,
};
use serde_json::{Map, Value, json};

use crate::question::{Answer, Failure, Question, fields_of, key, numbers_of, object};

/// Steps of a volatility forecast.
const FORECAST_STEPS: usize = 5;
/// Tail probabilities of the quantiles of an innovation.
const QUANTILE_ALPHAS: [f64; 2] = [0.01, 0.025];
/// Tail probabilities of a simulation that names none.
const SIMULATION_ALPHAS: [f64; 6] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1];
/// The references take innovations as symmetric when they forecast a variance.
const SYMMETRIC_SHARE: Option<f64> = Some(0.5);

pub(crate) fn compute(question: &Question<'_>) -> Answer {
    match question.metric {
        "garch_loglik_fixed" => at_fixed_parameters(question),
        "garch_mle" => at_the_maximum(question),
        "std_innovation_quantile" => quantiles_of_shape(question),
        "filtered_historical_simulation" => simulation(question),
        "nig_standardised" => {
            let (alpha, beta) = (question.number("alpha")?, question.number("beta")?);
            standardised(question, Innovation::NormalInverseGaussian { alpha, beta })
        }
        "vg_standardised" => {
            let (theta, nu) = (question.number("theta")?, question.number("nu")?);
            standardised(question, Innovation::VarianceGamma { theta, nu })
        }
        _ => Err(Failure::UnknownMetric),
    }
}

fn at_fixed_parameters(question: &Question<'_>) -> Answer {
    let spec = spec(question)?;
    let returns = scaled(question)?;
    let given = question.params.get("params");
    let given = given.ok_or_else(|| Failure::Input("`params` has no `params`".to_owned()))?;
    let parameters = parameters_of(&spec, given)?;
    let at = GarchLikelihood::at(&returns, spec.volatility, spec.start, &parameters)?;
    let forecasts = parameters.variance_forecasts(
        spec.volatility,
        at.next_variance,
        FORECAST_STEPS,
        SYMMETRIC_SHARE,
    )?;
    Ok(json!({
        "loglik": at.log_likelihood,
        "h_first5": at.variances[..at.variances.len().min(5)],
        "h_last": at.variances.last(),
        "backcast": at.backcast,
        "forecast_h_1to5": forecasts,
    }))
}

fn at_the_maximum(question: &Question<'_>) -> Answer {
    let spec = spec(question)?;
    let fit = GarchFit::of(&scaled(question)?, spec)?;
    let forecast = fit.forecast();
    let errors = match fit.standard_errors() {
        Ok(errors) => object(errors.parameters.iter().flat_map(|parameter| {
            let names = names_of(parameter.name, spec.innovation);
            names.iter().map(|name| (*name, json!(parameter.robust))).collect::<Vec<_>>()
        })),
        Err(_) => Value::Null,
    };
    Ok(json!({
        "loglik": fit.log_likelihood,
        "params": fields_of_parameters(&fit.parameters()?),
        "std_err": errors,
        "h_last": fit.sigmas().last().map(|sigma| sigma * sigma),
        "forecast_h_1to5": fit.variance_forecasts(FORECAST_STEPS, SYMMETRIC_SHARE)?,
        "sigma_next": forecast.sigma,
        "q01": forecast.quantile(QUANTILE_ALPHAS[0])?,
        "q025": forecast.quantile(QUANTILE_ALPHAS[1])?,
    }))
}

fn simulation(question: &Question<'_>) -> Answer {
    let fit = GarchFit::of(&scaled(question)?, spec(question)?)?;
    let alphas = match question.params.get("alpha") {
        Some(alpha) => numbers_of("alpha", alpha)?,
        None => SIMULATION_ALPHAS.to_vec(),
    };
    let mut fields = Map::new();
    for alpha in alphas {
        let tail = filtered_historical_tail(&fit, alpha, Exposure::Long)?;
        fields.insert(format!("var_{}", key(alpha)), json!(tail.value_at_risk));
        fields.insert(format!("es_{}", key(alpha)), json!(tail.expected_shortfall));
    }
    Ok(Value::Object(fields))
}

fn quantiles_of_shape(question: &Question<'_>) -> Answer {
    let innovation = match question.numbers_or("shape", &[])?.as_slice() {
        [] => Innovation::Normal,
        [nu] => Innovation::StudentT { nu: *nu },
        [eta, lambda] => Innovation::SkewT { eta: *eta, lambda: *lambda },
        more => return Err(Failure::Input(format!("`shape` has {} values", more.len()))),
    };
    let quantiles: Result<Vec<f64>, RiskError> =
        QUANTILE_ALPHAS.iter().map(|alpha| innovation.quantile(*alpha)).collect();
    Ok(json!(quantiles?))
}

fn standardised(question: &Question<'_>, innovation: Innovation) -> Answer {
    let x = question.numbers_or("x", &[])?;
    let at = |f: &dyn Fn(f64) -> Result<f64, RiskError>, points: &[f64]| {
        points.iter().map(|x| f(*x)).collect::<Result<Vec<f64>, RiskError>>()
    };
    Ok(json!({
        "x": x,
        "pdf": at(&|x| innovation.density(x), &x)?,
        "cdf": at(&|x| innovation.cdf(x), &x)?,
        "ppf_.01_.025": at(&|alpha| innovation.quantile(alpha), &QUANTILE_ALPHAS)?,
        "skew": innovation.skewness()?,
        "excess_kurt": innovation.excess_kurtosis()?,
    }))
}

/// The returns in the unit of the case.
fn scaled(question: &Question<'_>) -> Result<Vec<f64>, Failure> {
    let scale = question.number_or("scale", 1.0)?;
    Ok(question.returns()?.iter().map(|r| r * scale).collect())
}

/// The model that the parameters name, or else the id.
fn spec(question: &Question<'_>) -> Result<GarchSpec, Failure> {
    let text = |name: &str| question.params.get(name).and_then(Value::as_str);
    let id = question.id.to_lowercase();
    let named = text("volatility").unwrap_or(&id).to_lowercase();
    let volatility = if named.contains("tgarch") {
        Volatility::Threshold
    } else if named.contains("gjr") {
        Volatility::Gjr
    } else if named.contains("garch") {
        Volatility::Symmetric
    } else {
        return Err(Failure::Input(format!("no volatility model is known as {named:?}")));
    };
    let innovation = family(text("innovation"), &id)?;
    let of_residuals = ["rugarch_", "fgarch_"].iter().any(|word| id.contains(word))
        || text("h1").is_some_and(|start| start.contains("mean squared residual"));
    let start =
        if of_residuals { VarianceStart::MeanSquaredResidual } else { VarianceStart::Backcast };
    Ok(GarchSpec { volatility, innovation, start })
}

fn family(named: Option<&str>, id: &str) -> Result<InnovationFamily, Failure> {
    let words: Vec<&str> = match named {
        Some(name) => vec![name],
        None => id.split(['/', '_']).collect(),
    };
    let known = words.iter().find_map(|word| match word.to_lowercase().as_str() {
        "normal" | "norm" => Some(InnovationFamily::Normal),
        "t" | "std" => Some(InnovationFamily::StudentT),
        "skewt" | "skew-t" | "skew-t hansen" => Some(InnovationFamily::SkewT),
        "nig" | "snig" => Some(InnovationFamily::NormalInverseGaussian),
        "vg" => Some(InnovationFamily::VarianceGamma),
        _ => None,
    });
    known.ok_or_else(|| Failure::Input(format!("no innovation is known among {words:?}")))
}

/// Parameters by any of the names that they go by.
fn parameters_of(spec: &GarchSpec, given: &Value) -> Result<GarchParameters, Failure> {
    let fields = fields_of("params", given)?;
    let optional = |names: &[&str]| names.iter().find_map(|name| fields.get(*name).copied());
    let number = |names: &[&str]| {
        optional(names).ok_or_else(|| Failure::Input(format!("`params` has no `{}`", names[0])))
    };
    let innovation = match spec.innovation {
        InnovationFamily::Normal => Innovation::Normal,
        InnovationFamily::StudentT => Innovation::StudentT { nu: number(&["nu", "shape"])? },
        InnovationFamily::SkewT => Innovation::SkewT {
            eta: number(&["eta", "nu", "shape"])?,
            lambda: number(&["lambda", "skew"])?,
        },
        InnovationFamily::NormalInverseGaussian => {
            let (rho, zeta) = (number(&["skew"])?, number(&["shape"])?);
            let alpha = zeta.sqrt() / (1.0 - rho * rho);
            Innovation::NormalInverseGaussian { alpha, beta: rho * alpha }
        }
        InnovationFamily::VarianceGamma => {
            Innovation::VarianceGamma { theta: number(&["theta"])?, nu: number(&["nu"])? }
        }
    };
    Ok(GarchParameters {
        mu: number(&["mu"])?,
        omega: number(&["omega"])?,
        alpha: number(&["alpha[1]", "alpha1", "alpha"])?,
        gamma: optional(&["gamma[1]", "gamma1", "gamma"]).unwrap_or(0.0),
        beta: number(&["beta[1]", "beta1", "beta"])?,
        innovation,
    })
}

/// Parameters under every name that they go by.
fn fields_of_parameters(parameters: &GarchParameters) -> Value {
    let mut fields: Vec<(&str, f64)> = vec![("mu", parameters.mu), ("omega", parameters.omega)];
    for (name, value) in
        [("alpha", parameters.alpha), ("gamma", parameters.gamma), ("beta", parameters.beta)]
    {
        fields.extend(recursion_names(name).iter().map(|name| (*name, value)));
    }
    match parameters.innovation {
        Innovation::Normal => {}
        Innovation::StudentT { nu } => fields.extend([("nu", nu), ("shape", nu)]),
        Innovation::SkewT { eta, lambda } => fields.extend([("eta", eta), ("lambda", lambda)]),
        Innovation::NormalInverseGaussian { alpha, beta } => {
            let rho = beta / alpha;
            let zeta = (alpha * (1.0 - rho * rho)).powi(2);
            fields.extend([("skew", rho), ("shape", zeta)]);
        }
        Innovation::VarianceGamma { theta, nu } => fields.extend([("theta", theta), ("nu", nu)]),
    }
    object(fields.into_iter().map(|(name, value)| (name, json!(value))))
}

fn names_of(name: &'static str, family: InnovationFamily) -> &'static [&'static str] {
    match (name, family) {
        ("mu", _) => &["mu"],
        ("omega", _) => &["omega"],
        ("nu", _) => &["nu", "shape"],
        ("eta", _) => &["eta"],
        ("lambda", _) => &["lambda"],
        ("theta", _) => &["theta"],
        // Errors of alpha and beta of a normal inverse Gaussian law are not those of rho and zeta.
        _ => recursion_names(name),
    }
}

fn recursion_names(name: &str) -> &'static [&'static str] {
    match name {
        "alpha" => &["alpha[1]", "alpha1"],
        "gamma" => &["gamma[1]", "gamma1"],
        "beta" => &["beta[1]", "beta1"],
        _ => &[],
    }
}
