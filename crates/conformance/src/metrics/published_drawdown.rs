//! Published values of the maximum drawdown of a Brownian motion.

use plimsoll_risk::ruin::brownian_drawdown::BrownianMotion;
use serde_json::json;

use super::published::numbers;
use crate::question::{Answer, Failure, Question, key, object};

/// `Q_p(x)` with `E[MDD] = (2 sigma^2 / mu) Q_p(mu^2 T / (2 sigma^2))`, at every `x`, in a list and
/// by name, and what its limits are made of: `Q_p(x) / sqrt(2 x)` for small `x`,
/// `Q_p(x) - ln(x) / 4` for large ones.
pub(crate) fn compute(question: &Question<'_>) -> Answer {
    let points = numbers(question, "x")?;
    let mut values = Vec::new();
    for x in &points {
        values.push(q_p(*x)?);
    }
    let by_name = points.iter().zip(&values).map(|(x, value)| (key(*x), json!(value)));
    let (small, large) = (1e-14_f64, 1e10_f64);
    Ok(json!({
        "Qp_recomputed": object(by_name),
        "Qp_table": values,
        "mu0_sigma1_T1": expected_max_drawdown(0.0)?,
        "tails": {
            "small": q_p(small)? / (2.0 * small).sqrt(),
            "large": q_p(large)? - 0.25 * large.ln(),
        },
    }))
}

fn q_p(x: f64) -> Result<f64, Failure> {
    let drift = (2.0 * x).sqrt();
    Ok(0.5 * drift * expected_max_drawdown(drift)?)
}

fn expected_max_drawdown(drift: f64) -> Result<f64, Failure> {
    let motion = BrownianMotion { drift, volatility: 1.0, horizon: 1.0 };
    Ok(motion.expected_max_drawdown()?)
}
