//! Published worked examples: each item has its own inputs and its own table of results.
//!
//! Some tables name their rows only beside the results: the risk aversion of risk-constrained
//! Kelly, the level of a value at risk, the win rate of a ruin table. [`label_rows`] copies these
//! labels to the inputs; nothing else of the expectation is seen here.

use plimsoll_risk::expectile::sample::{
    expectile, normal_expectile, normal_expectile_tau_for_quantile,
};
use plimsoll_risk::ruin::closed_form::{DiffusionBarriers, ever_below_fractional_kelly};
use plimsoll_risk::sharpe::SharpeMoments;
use plimsoll_risk::tail::student_t::StudentTFit;
use plimsoll_sizing::formulas::{
    Allocation, Outcomes, fractional_growth_share, log_terminal_wealth, optimal_f,
};
use plimsoll_venue::{Bracket, maintenance_deduction, maintenance_deductions};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::{published_carry, published_drawdown, published_tails, published_venue};
use crate::case::Case;
use crate::question::{Answer, Failure, Question, fields_of, key, numbers_of, object, or_null};

/// Tables that are objects, labelled by their keys.
const KEYED_TABLES: [&str; 5] = ["parametric", "historical", "var", "cvar", "percent_by_win_rate"];

/// The key under which [`label_rows`] puts the row labels of a table.
pub(super) fn label_key(table: &str) -> String {
    format!("{table}_labels")
}

/// Copies the row labels of the expected tables to the parameters.
pub(crate) fn label_rows(case: &mut Case) {
    for table in ["rck", "qrck"] {
        let Some(rows) = case.expected.get(table).and_then(Value::as_array) else { continue };
        let labels = rows.iter().filter_map(|row| row.get("lam").cloned()).collect();
        case.params.insert(label_key(table), Value::Array(labels));
    }
    for table in KEYED_TABLES {
        let Some(rows) = case.expected.get(table).and_then(Value::as_object) else { continue };
        let labels = rows.keys().map(|label| Value::from(label.as_str())).collect();
        case.params.insert(label_key(table), Value::Array(labels));
    }
}

pub(crate) fn compute(question: &Question<'_>) -> Answer {
    match question.id {
        "rck_finite" => risk_constrained_kelly(question),
        "psr_paper" => probabilistic_sharpe(question),
        "vince_twr4" => optimal_f_example(question),
        "kelly_fraction_law" => fractional_kelly(question),
        "mdd_qp" => published_drawdown::compute(question),
        "expectile_basics" => expectiles(question),
        "margin_tiers" => margin_tiers(question),
        "adl_five_accounts" => published_venue::queue_and_pro_rata(question),
        "adl_running_example" => published_venue::running_example(question),
        "vwap_fill" => published_venue::book_walk(question),
        "carry_threshold_lookahead" => published_carry::threshold_harvest(question),
        "carry_ma120_binance" => published_carry::moving_average_carry(question),
        _ => published_tails::compute(question),
    }
}

fn risk_constrained_kelly(question: &Question<'_>) -> Answer {
    let alpha = question.number("alpha")?;
    let horizon = question.count("horizon")?;
    let paths = question.optional_count("mc_paths")?.unwrap_or(10_000);
    let probabilities = numbers(question, "pi")?;
    let by_asset = lists(question, "r_assets_by_outcomes")?;
    if by_asset.iter().any(|asset| asset.len() != probabilities.len()) {
        return Err(Failure::Input("`r_assets_by_outcomes` does not fit `pi`".to_owned()));
    }
    let by_outcome: Vec<Vec<f64>> = (0..probabilities.len())
        .map(|outcome| by_asset.iter().map(|asset| asset[outcome]).collect())
        .collect();
    let outcomes = Outcomes::new(probabilities.clone(), by_outcome.clone())?;
    let table = |name: &str, quadratic: bool| -> Answer {
        let mut rows = Vec::new();
        for lambda in numbers(question, &label_key(name))? {
            let best = if quadratic {
                outcomes.risk_constrained_quadratic(lambda)?
            } else {
                outcomes.risk_constrained_kelly(lambda)?
            };
            let game = Game { probabilities: &probabilities, outcomes: &by_outcome };
            rows.push(json!({
                "lam": lambda,
                "growth_mc_published": best.growth,
                "growth_exact_recomputed": best.growth,
                "bound_alpha_pow_lambda_published": alpha.powf(lambda),
                "prob_mc_published": game.share_below(&best, alpha, horizon, paths),
            }));
        }
        Ok(Value::Array(rows))
    };
    Ok(json!({"rck": table("rck", false)?, "qrck": table("qrck", true)?}))
}

/// A finite set of outcomes to be played again and again.
struct Game<'a> {
    probabilities: &'a [f64],
    outcomes: &'a [Vec<f64>],
}

impl Game<'_> {
    /// Share of simulated paths on which wealth falls below `level` times its start.
    fn share_below(&self, bet: &Allocation, level: f64, horizon: usize, paths: usize) -> f64 {
        let growth: Vec<f64> = self
            .outcomes
            .iter()
            .map(|row| row.iter().zip(&bet.weights).map(|(r, weight)| r * weight).sum())
            .collect();
        let mut reached = 0.0;
        let cumulative: Vec<f64> = self
            .probabilities
            .iter()
            .map(|p| {
                reached += p;
                reached
            })
            .collect();
        let origin = ChaCha8Rng::seed_from_u64(7);
        let below = (0..paths).filter(|path| {
            let mut random = origin.clone();
            random.set_stream(*path as u64);
            let mut wealth = 1.0;
            (0..horizon).any(|_| {
                // 53 random bits, from 0 up to but not including the sum of the probabilities.
                let draw = (random.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0 * reached;
                let outcome = cumulative.partition_point(|sum| *sum <= draw);
                wealth *= growth[outcome.min(growth.len() - 1)];
                wealth < level
            })
        });
        below.count() as f64 / paths as f64
    }
}

fn probabilistic_sharpe(question: &Question<'_>) -> Answer {
    const MONTHS_PER_YEAR: f64 = 12.0;
    let missing = || Failure::Input("`inputs` has no list `cases`".to_owned());
    let cases = question.params.get("cases").and_then(Value::as_array).ok_or_else(missing)?;
    let (mut against_zero, mut errors, mut years) = (Vec::new(), Vec::new(), Vec::new());
    for case in cases {
        let fields = fields_of("cases", case)?;
        let field = |name: &str| {
            let missing = || Failure::Input(format!("a case has no `{name}`"));
            fields.get(name).copied().ok_or_else(missing)
        };
        let moments = SharpeMoments {
            sharpe: field("sr")?,
            skewness: field("skew")?,
            kurtosis: field("kurt")?,
            n: field("n")? as usize,
        };
        against_zero.push(or_null(moments.probabilistic(0.0)));
        errors.push(or_null(moments.standard_error()));
        let length = moments.min_track_record_length(0.0, 0.95);
        years.push(or_null(length.map(|months| months / MONTHS_PER_YEAR)));
    }
    Ok(json!({"psr_vs_0": against_zero, "sr_std": errors, "min_trl_years_95": years}))
}

fn optimal_f_example(question: &Question<'_>) -> Answer {
    let trades = numbers(question, "trades")?;
    let given = log_terminal_wealth(&trades, question.number("f")?)?;
    let best = optimal_f(&trades)?;
    Ok(json!({
        "twr_f_0_01": given.exp(),
        "optimal_f_recomputed": best.fraction,
        "twr_at_optimum_recomputed": best.log_terminal_wealth.exp(),
    }))
}

/// Wealth under `k` times Kelly at a Sharpe ratio of 1 has drift and volatility `k`.
fn fractional_kelly(question: &Question<'_>) -> Answer {
    let multiples = numbers(question, "k")?;
    let each = |formula: &dyn Fn(f64) -> Value| -> Vec<Value> {
        multiples.iter().map(|k| formula(*k)).collect()
    };
    let gain_before_half = |gain: f64| {
        each(&|k| {
            let wealth = DiffusionBarriers { drift: k, volatility: k, loss: 0.5, gain };
            or_null(wealth.hit_loss_before_gain().map(|loss_first| 1.0 - loss_first))
        })
    };
    // A stake that is not resized moves wealth by amounts, not factors: its exponential is a
    // geometric motion, and ruin is that motion's fall to exp(-1).
    let fixed_bet_ruin = |k: f64| {
        let drift = k + k * k / 2.0;
        let loss = -(-1.0_f64).exp_m1();
        let wealth = DiffusionBarriers { drift, volatility: k, loss, gain: 1.0 };
        or_null(wealth.ever_hit_loss())
    };
    Ok(json!({
        "double_before_half": gain_before_half(1.0),
        "quadruple_before_half": gain_before_half(3.0),
        "ever_half": each(&|k| or_null(ever_below_fractional_kelly(0.5, k))),
        "growth": each(&|k| or_null(fractional_growth_share(k))),
        "fixed_bet_ruin": each(&fixed_bet_ruin),
    }))
}

fn expectiles(question: &Question<'_>) -> Answer {
    let sample = numbers(question, "sample")?;
    let levels = [0.01, 0.05];
    // E(q - X)+ at the quantile q = -VaR is alpha (ES - VaR), and tau its share of E|X - q|.
    let t5 = StudentTFit { nu: Some(5.0), location: 0.0, scale: 1.0, log_likelihood: 0.0 };
    let tail = 0.01 * (t5.expected_shortfall(0.01)? - t5.value_at_risk(0.01)?);
    let tau_t5 = tail / (2.0 * tail + t5.value_at_risk(0.01)?);
    Ok(json!({
        "sample_expectile": expectile(&sample, question.number("tau_lower")?)?,
        "normal_tau_equal_to_quantile": object(
            levels.map(|alpha| (key(alpha), or_null(normal_expectile_tau_for_quantile(alpha)))),
        ),
        "normal_expectile": object(levels.map(|tau| (key(tau), or_null(normal_expectile(tau))))),
        "t5_tau_equal_to_quantile": object([(key(0.01), json!(tau_t5))]),
    }))
}

fn margin_tiers(question: &Question<'_>) -> Answer {
    let group = |name: &str| {
        let missing = || Failure::Input(format!("`inputs` has no `{name}`"));
        question.params.get(name).ok_or_else(missing)
    };
    let binance = fields_of("binance", group("binance")?)?;
    let field = |name: &str| {
        let missing = || Failure::Input(format!("`binance` has no `{name}`"));
        binance.get(name).copied().ok_or_else(missing)
    };
    let floor = field("level5_floor")?;
    let below = Bracket {
        tier: 4,
        floor: 0.0,
        cap: floor,
        maintenance_margin_rate: field("mmr4")?,
        leverage_max: 1.0,
        maintenance_deduction: field("maint_amount4")?,
    };
    let doge = group("hyperliquid_doge_testnet")?;
    let list = |name: &str| numbers_of(name, doge.get(name).unwrap_or(&Value::Null));
    let rates: Vec<f64> =
        list("max_leverage")?.iter().map(|leverage| 1.0 / (2.0 * leverage)).collect();
    Ok(json!({
        "binance_level5_amount": maintenance_deduction(&below, floor, field("mmr5")?),
        "hyperliquid_deduction": maintenance_deductions(&list("lower_bounds")?, &rates)?,
        "hyperliquid_mmr": rates,
    }))
}

/// A number as its source prints it, where that is shorter than the tolerance asks for.
pub(super) fn printed(number: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (number * scale).round() / scale
}

pub(super) fn numbers(question: &Question<'_>, name: &str) -> Result<Vec<f64>, Failure> {
    let missing = || Failure::Input(format!("`inputs` has no `{name}`"));
    numbers_of(name, question.params.get(name).ok_or_else(missing)?)
}

fn lists(question: &Question<'_>, name: &str) -> Result<Vec<Vec<f64>>, Failure> {
    let missing = || Failure::Input(format!("`inputs` has no list `{name}`"));
    let items = question.params.get(name).and_then(Value::as_array).ok_or_else(missing)?;
    items.iter().map(|item| numbers_of(name, item)).collect()
}
