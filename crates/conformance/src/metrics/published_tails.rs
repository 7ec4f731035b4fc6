//! Published worked examples of tails, games and the comparison of two Sharpe ratios.

use plimsoll_risk::compare::sharpe_difference::sharpe_difference;
use plimsoll_risk::moments::Moments;
use plimsoll_risk::ruin::games::{CappedGame, fixed_stake_ruin};
use plimsoll_risk::sharpe::sharpe;
use plimsoll_risk::tail::discrete::DiscreteReturns;
use plimsoll_risk::tail::value_at_risk::lognormal_tail;
use serde_json::{Value, json};

use super::forecast_tests;
use super::published::{label_key, numbers};
use crate::question::{Answer, Failure, Question, object};

pub(crate) fn compute(question: &Question<'_>) -> Answer {
    match question.id {
        "btc_var_es" => bitcoin_tail(question),
        "var_cvar_discrete" => discrete_tail(question),
        "ruin_additive_10" => fixed_stake_table(question),
        "coinflip_cap" => capped_coin(question),
        "var_pof_bin" => forecast_tests::failures_of_bank(question),
        "lw_inputs" => sharpe_test(question),
        _ => Err(Failure::UnknownMetric),
    }
}

/// One million of a coin: normal log returns with an exponentially weighted variance, and the
/// order statistics of a window.
fn bitcoin_tail(question: &Question<'_>) -> Answer {
    const POSITION: f64 = 1e6;
    const ROWS_OF_FIRST_VARIANCE: usize = 21;
    let prices = question.column(first_word(text(question, "data")?), "spot")?;
    let returns: Vec<f64> = prices.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect();
    let lambda = question.number("lam")?;
    let first = returns.get(..ROWS_OF_FIRST_VARIANCE);
    let first = first.ok_or_else(|| Failure::Input("`data` has too few rows".to_owned()))?;
    let start = first.iter().map(|r| r * r).sum::<f64>() / ROWS_OF_FIRST_VARIANCE as f64;
    let variance = returns.iter().fold(start, |so_far, r| lambda * so_far + (1.0 - lambda) * r * r);
    let sigma = variance.sqrt();

    let mut parametric = Vec::new();
    for level in labels(question, "parametric")? {
        let tail = lognormal_tail(sigma, 1.0 - number_in(&level)?)?;
        let fields = json!({
            "long_var": POSITION * tail.long_var,
            "short_var": POSITION * tail.short_var,
            "long_es": POSITION * tail.long_es,
            "short_es": POSITION * tail.short_es,
        });
        parametric.push((level, fields));
    }
    let mut window = last_of(&returns, text(question, "historical_window")?)?.to_vec();
    window.sort_by(f64::total_cmp);
    let mut historical = Vec::new();
    for level in labels(question, "historical")? {
        historical.push((level.clone(), order_statistics(&window, number_in(&level)?, POSITION)));
    }
    let moments = Moments::of(&returns)?;
    let per_cent = |value: f64| json!(100.0 * value);
    let mean_square = returns.iter().map(|r| r * r).sum::<f64>() / returns.len() as f64;
    Ok(json!({
        "sigma_pct": 100.0 * sigma,
        "parametric": object(parametric),
        "historical": object(historical),
        "sample_stats_pct": {
            "rms": per_cent(mean_square.sqrt()),
            "sd": per_cent(moments.standard_deviation_sample()?),
            "min": per_cent(returns.iter().copied().fold(f64::INFINITY, f64::min)),
            "max": per_cent(returns.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        },
    }))
}

/// Ranks `ceil((1 - level) n)` and `ceil(level n)`, from 1, of `n` ascending log returns; the mean
/// beyond each includes it.
fn order_statistics(ascending: &[f64], level: f64, position: f64) -> Value {
    let n = ascending.len() as f64;
    let rank = |share: f64| ((share * n - 1e-9).ceil() as usize).clamp(1, ascending.len());
    let (rank_long, rank_short) = (rank(1.0 - level), rank(level));
    let loss_long = |r: &f64| -position * r.exp_m1();
    let loss_short = |r: &f64| position * r.exp_m1();
    let (worst_long, worst_short) = (&ascending[..rank_long], &ascending[rank_short - 1..]);
    let mean = |losses: Vec<f64>| losses.iter().sum::<f64>() / losses.len() as f64;
    json!({
        "rank_long": rank_long,
        "rank_short": rank_short,
        "long_var": loss_long(&ascending[rank_long - 1]),
        "short_var": loss_short(&ascending[rank_short - 1]),
        "long_es": mean(worst_long.iter().map(loss_long).collect()),
        "short_es": mean(worst_short.iter().map(loss_short).collect()),
    })
}

/// On the side of the returns, as the source prints it.
fn discrete_tail(question: &Question<'_>) -> Answer {
    let returns = DiscreteReturns::new(&numbers(question, "values")?, &numbers(question, "pmf")?)?;
    let table = |name: &str, measure: &dyn Fn(f64) -> plimsoll_risk::Result<f64>| -> Answer {
        let mut values = Vec::new();
        for label in labels(question, name)? {
            let value = -measure(number_in(&label)?)?;
            values.push((label, json!(value)));
        }
        Ok(object(values))
    };
    Ok(json!({
        "var": table("var", &|alpha| returns.value_at_risk(alpha))?,
        "cvar": table("cvar", &|alpha| returns.expected_shortfall(alpha))?,
    }))
}

/// In per cent, a row for each win rate and a column for each payoff.
fn fixed_stake_table(question: &Question<'_>) -> Answer {
    let units = question.number("units")?;
    let payoffs = numbers(question, "payoff")?;
    let mut rows = Vec::new();
    for label in labels(question, "percent_by_win_rate")? {
        let win_rate = number_in(&label)?;
        let mut row = Vec::new();
        for payoff in &payoffs {
            row.push(100.0 * fixed_stake_ruin(win_rate, *payoff, units)?);
        }
        rows.push((label, json!(row)));
    }
    Ok(json!({"percent_by_win_rate": object(rows)}))
}

/// The policies are words: "bet 500 cents", or "bet max(1, round(0.20*wealth)) cents".
fn capped_coin(question: &Question<'_>) -> Answer {
    const CENTS: f64 = 100.0;
    let game = CappedGame {
        win_probability: question.number("p")?,
        start: question.count("start_cents")? as u64,
        cap: question.count("cap_cents")? as u64,
        rounds: question.count("rounds")?,
    };
    let missing = || Failure::Input("`inputs` has no `policies`".to_owned());
    let policies = question.params.get("policies").and_then(Value::as_object);
    let mut outcomes = Vec::new();
    for (name, policy) in policies.ok_or_else(missing)? {
        let words = policy.as_str().unwrap_or_default();
        let outcome = if let Some((_, rest)) = words.split_once("round(") {
            let share = number_in(rest.split('*').next().unwrap_or_default())?;
            game.play(|wealth| ((share * wealth as f64).round() as u64).max(1))?
        } else {
            let stake = number_in(words.split_whitespace().nth(1).unwrap_or_default())?;
            game.play(|_| stake as u64)?
        };
        let fields = json!({
            "reach_cap": outcome.reach_cap,
            "mean_usd": outcome.mean_wealth / CENTS,
            "bust": outcome.bust,
        });
        outcomes.push((name.clone(), fields));
    }
    Ok(object(outcomes))
}

/// One table of two columns for each file, named by the end of the file's name.
fn sharpe_test(question: &Question<'_>) -> Answer {
    let missing = || Failure::Input("`inputs` has no list `data`".to_owned());
    let files = question.params.get("data").and_then(Value::as_array).ok_or_else(missing)?;
    let mut tests = Vec::new();
    for file in files.iter().filter_map(Value::as_str) {
        let columns = question.bare_columns(file)?;
        let [first, second] = columns.as_slice() else {
            return Err(Failure::Input(format!("{file} does not have two columns")));
        };
        // The ratios themselves have the usual divisor n - 1, those inside the test n.
        let ratios = [sharpe(first, 0.0)?, sharpe(second, 0.0)?];
        let test = sharpe_difference(first, second)?;
        let stem = file.trim_end_matches(".csv");
        let name = stem.rsplit('_').next().unwrap_or(stem).to_owned();
        let fields = json!({"sharpe": ratios, "jk_memmel_z": test.z, "jk_memmel_p": test.p_value});
        tests.push((name, fields));
    }
    Ok(object(tests))
}

pub(super) fn text<'a>(question: &'a Question<'_>, name: &str) -> Result<&'a str, Failure> {
    let missing = || Failure::Input(format!("`inputs` has no text `{name}`"));
    question.params.get(name).and_then(Value::as_str).ok_or_else(missing)
}

pub(super) fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

/// The last returns, their number being the first number in the words of the case.
fn last_of<'a>(returns: &'a [f64], words: &str) -> Result<&'a [f64], Failure> {
    let wrong = || Failure::Input(format!("{words:?} names no number of rows that there are"));
    let n = words.split_whitespace().find_map(|word| word.parse::<usize>().ok());
    let n = n.filter(|n| (1..=returns.len()).contains(n)).ok_or_else(wrong)?;
    Ok(&returns[returns.len() - n..])
}

/// The row labels that were put beside the inputs, as they are written.
fn labels(question: &Question<'_>, table: &str) -> Result<Vec<String>, Failure> {
    let name = label_key(table);
    let missing = || Failure::Input(format!("the table `{table}` has no labels"));
    let items = question.params.get(&name).and_then(Value::as_array).ok_or_else(missing)?;
    Ok(items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn number_in(word: &str) -> Result<f64, Failure> {
    let wrong = || Failure::Input(format!("{word:?} is not a number"));
    word.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or_else(wrong)
}
