//! Ruin in closed form, intervals of a frequency, and the bootstrap's block length.

use plimsoll_risk::proportion::{clopper_pearson_interval, wilson_interval};
use plimsoll_risk::resample::block_length::politis_white;
use plimsoll_risk::resample::bootstrap::stationary_bootstrap_variance_of_mean;
use plimsoll_risk::ruin::brownian_drawdown::BrownianMotion;
use plimsoll_risk::ruin::closed_form::{
    BinaryBet, DiffusionBarriers, ever_below_fractional_kelly, gamblers_ruin,
};
use serde_json::{Value, json};

use crate::question::{Answer, Failure, Question, or_null};

pub(crate) fn compute(question: &Question<'_>) -> Answer {
    let number = |name| question.number(name);
    let value = match question.metric {
        "gamblers_ruin" => {
            let (p, start) = (number("p")?, number("start")?);
            let two_barrier = match question.optional("target")? {
                Some(target) => json!(gamblers_ruin(p, start, Some(target))?),
                None => Value::Null,
            };
            json!({
                "two_barrier": two_barrier,
                "infinite_target": gamblers_ruin(p, start, None)?,
            })
        }
        "hit_loss_before_gain" => {
            let barriers = DiffusionBarriers {
                drift: number("m")?,
                volatility: number("s")?,
                loss: number("loss")?,
                gain: question.optional("gain")?.unwrap_or(f64::INFINITY),
            };
            json!({
                "p_loss_first": or_null(barriers.hit_loss_before_gain()),
                "p_ever_loss": barriers.ever_hit_loss()?,
            })
        }
        "prob_max_drawdown_ge_d_by_T" => {
            let bet = BinaryBet::even_money(number("p")?, number("fraction")?);
            json!({"p_maxdd": bet.max_drawdown_probability(number("d")?, question.count("T")?)?})
        }
        "expected_max_drawdown_bm" => {
            let (sigma, horizon) =
                (question.number_or("sigma", 1.0)?, question.number_or("T", 1.0)?);
            let drift = question.number_or("mu", 0.0)?;
            let motion = BrownianMotion { drift, volatility: sigma, horizon };
            json!(motion.expected_max_drawdown()?)
        }
        "prob_ever_below_fractional_kelly" => {
            json!(ever_below_fractional_kelly(number("x")?, number("c")?)?)
        }
        "wilson_interval" => {
            let (x, n) = (question.count("x")? as u64, question.count("n")? as u64);
            let level = question.number_or("level", 0.95)?;
            let (low, high) = wilson_interval(x, n, level)?;
            let (exact_low, exact_high) = clopper_pearson_interval(x, n, level)?;
            json!({"wilson": [low, high], "clopper_pearson": [exact_low, exact_high]})
        }
        "politis_white_block" => {
            let length = politis_white(&transformed(question)?)?;
            json!({"stationary": length.stationary, "circular": length.circular})
        }
        "stationary_bootstrap_variance_of_mean" => {
            let block = number("mean_block")?;
            json!(stationary_bootstrap_variance_of_mean(&question.returns()?, block)?)
        }
        _ => return Err(Failure::UnknownMetric),
    };
    Ok(value)
}

/// The returns, their sizes or their squares, as `of` or the end of the id says.
fn transformed(question: &Question<'_>) -> Result<Vec<f64>, Failure> {
    let of = match question.params.get("of").and_then(Value::as_str) {
        Some(of) => of,
        None => question.id.rsplit('_').next().unwrap_or_default(),
    };
    let apply: fn(f64) -> f64 = match of {
        "abs" | "abs(r)" | "|r|" => f64::abs,
        "sq" | "r^2" | "r**2" => |r| r * r,
        "r" => |r| r,
        other => {
            return Err(Failure::Input(format!("`of` is {other:?}, not r, abs(r) or r^2")));
        }
    };
    Ok(question.returns()?.into_iter().map(apply).collect())
}
