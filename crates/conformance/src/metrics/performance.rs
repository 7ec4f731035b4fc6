//! Returns, the Sharpe family, drawdowns and trades.

use plimsoll_risk::drawdown::{Drawdowns, Episode};
use plimsoll_risk::moments::Moments;
use plimsoll_risk::quantile::quantile;
use plimsoll_risk::sharpe::{SharpeMoments, expected_max_sharpe, sharpe_annual};
use plimsoll_risk::{performance, trade_statistics};
use serde_json::{Value, json};

use crate::question::{Answer, Failure, Question};

/// Crypto trades every day.
const PERIODS_PER_YEAR: f64 = 365.0;
/// Per period: the minimum acceptable return of the downside metrics that take one.
const MINIMUM_RETURN: f64 = 0.0005;

pub(crate) fn compute(question: &Question<'_>) -> Answer {
    let groups = [of_returns, of_drawdowns, of_moments, of_trades, of_parameters];
    for group in groups {
        match group(question) {
            Err(Failure::UnknownMetric) => {}
            answer => return answer,
        }
    }
    Err(Failure::UnknownMetric)
}

fn of_returns(question: &Question<'_>) -> Answer {
    let (name, number) = question.name_and_number();
    let returns = || question.returns();
    let year = question.number_or("periods_per_year", PERIODS_PER_YEAR)?;
    let minimum = |default: f64| question.number_or("mar", default);
    let value = match name.as_str() {
        "total_return" => performance::total_return(&returns()?)?,
        "log_return_sum" => performance::log_return_sum(&returns()?)?,
        "cagr" => performance::cagr(&returns()?, year)?,
        "volatility_annual" => performance::volatility_annual(&returns()?, year)?,
        "sharpe_annual" => sharpe_annual(&returns()?, question.number_or("rf", 0.0)?, year)?,
        "sortino_annual" => performance::sortino_annual(&returns()?, minimum(0.0)?, year)?,
        "sortino_annual_mar" => {
            performance::sortino_annual(&returns()?, minimum(MINIMUM_RETURN)?, year)?
        }
        "sortino_period" => performance::sortino(&returns()?, minimum(MINIMUM_RETURN)?)?,
        "downside_deviation" => {
            performance::downside_deviation(&returns()?, minimum(MINIMUM_RETURN)?)?
        }
        "calmar" => performance::calmar(&returns()?, year)?,
        "sterling_10pct" => performance::sterling(&returns()?, year, 0.10)?,
        "omega" | "omega_thr" => {
            let default = if name == "omega" { 0.0 } else { 0.001 };
            let threshold = question.number_or("threshold", number.unwrap_or(default))?;
            performance::omega(&returns()?, threshold)?
        }
        "tail_ratio" => match question.optional("q")? {
            Some(q) if (q - 0.95).abs() > 1e-12 => {
                let returns = returns()?;
                let (upper, lower) = (quantile(&returns, q)?, quantile(&returns, 1.0 - q)?);
                if lower.abs() <= 0.0 {
                    return Err(Failure::Undefined("the lower quantile is zero".to_owned()));
                }
                upper.abs() / lower.abs()
            }
            _ => performance::tail_ratio(&returns()?)?,
        },
        _ => return Err(Failure::UnknownMetric),
    };
    Ok(json!(value))
}

fn of_drawdowns(question: &Question<'_>) -> Answer {
    let (name, _) = question.name_and_number();
    let drawdowns = || Ok::<_, Failure>(Drawdowns::of_returns(&question.returns()?)?);
    let beta = || question.parameter(&["beta"]);
    let value = match name.as_str() {
        "max_drawdown" => json!(drawdowns()?.max()),
        "average_drawdown" => json!(drawdowns()?.average()),
        "ulcer_index" | "ulcer_index_riskfolio" => json!(drawdowns()?.ulcer_index()),
        "cdar" | "cdar_riskfolio" => json!(drawdowns()?.conditional(beta()?)?),
        "edar" => json!(drawdowns()?.entropic(beta()?)?),
        "n_drawdown_episodes" => json!(drawdowns()?.episodes().len()),
        "max_time_under_water" => json!(drawdowns()?.longest_under_water()),
        "share_under_water" => json!(drawdowns()?.share_under_water()),
        "average_drawdown_episodes" => json!(drawdowns()?.average_of_episodes()?),
        "average_length_episodes" => {
            // The reference counts the period of the peak as well.
            let lengths = lengths(&drawdowns()?.episodes());
            if lengths.is_empty() {
                return Err(Failure::Undefined("the sample has no drawdown".to_owned()));
            }
            json!(lengths.iter().map(|length| length + 1.0).sum::<f64>() / lengths.len() as f64)
        }
        "episode_depths_top3" => json!(deepest(&drawdowns()?.episodes(), 3)),
        _ => return Err(Failure::UnknownMetric),
    };
    Ok(value)
}

fn of_moments(question: &Question<'_>) -> Answer {
    let (name, _) = question.name_and_number();
    let moments = || Ok::<_, Failure>(Moments::of(&question.returns()?)?);
    let sharpe = || Ok::<_, Failure>(SharpeMoments::of(&question.returns()?)?);
    let value = match name.as_str() {
        "skew_population" => moments()?.skewness_population()?,
        "kurtosis_population_raw" => moments()?.kurtosis_population()?,
        "skew_unbiased" => moments()?.skewness_unbiased()?,
        "kurtosis_excess_unbiased" => moments()?.kurtosis_excess_unbiased()?,
        "sharpe_var_mertens_T-1" => sharpe()?.variance()?,
        "psr_T-1" => sharpe()?.probabilistic(question.parameter(&["sr_benchmark"])?)?,
        _ => return Err(Failure::UnknownMetric),
    };
    Ok(json!(value))
}

fn of_trades(question: &Question<'_>) -> Answer {
    let (name, number) = question.name_and_number();
    let profits = || question.series_or("pnl_usd");
    let r_multiples = || question.series_or("r_multiple");
    let value = match name.as_str() {
        "profit_factor" => trade_statistics::profit_factor(&profits()?)?,
        "win_rate" => trade_statistics::win_rate(&profits()?)?,
        "payoff_ratio" => trade_statistics::payoff_ratio(&profits()?)?,
        "expectancy_usd" => trade_statistics::expectancy(&profits()?)?,
        "expectancy_r" => trade_statistics::expectancy(&r_multiples()?)?,
        "sqn" => trade_statistics::system_quality_number(&r_multiples()?)?,
        "sqn_capped" => {
            let cap = number.unwrap_or(100.0) as usize;
            trade_statistics::system_quality_number_capped(&r_multiples()?, cap)?
        }
        _ => return Err(Failure::UnknownMetric),
    };
    Ok(json!(value))
}

/// Metrics whose inputs are all parameters.
fn of_parameters(question: &Question<'_>) -> Answer {
    let moments = |sharpe: f64, n: &str| {
        Ok::<_, Failure>(SharpeMoments {
            sharpe,
            skewness: question.number_or("skew", 0.0)?,
            kurtosis: question.number_or("kurt", 3.0)?,
            n: question.count(n)?,
        })
    };
    let value = match question.metric {
        "psr" => {
            let benchmark = question.number_or("sr_benchmark", 0.0)?;
            moments(question.number("sr")?, "n")?.probabilistic(benchmark)?
        }
        "sharpe_se" => moments(question.number("sr")?, "n")?.standard_error()?,
        "min_track_record_length_years" => {
            let benchmark = question.number_or("sr_benchmark", 0.0)?;
            let confidence = question.number_or("prob", 0.95)?;
            let moments = moments(question.number("sr")?, "n")?;
            let year = question.number_or("periods_per_year", PERIODS_PER_YEAR)?;
            moments.min_track_record_length(benchmark, confidence)? / year
        }
        "expected_max_sharpe" => {
            expected_max_sharpe(question.number("n_trials")?, question.number("var_trials")?)?
        }
        "dsr" => deflated_sharpe(question)?,
        _ => return Err(Failure::UnknownMetric),
    };
    Ok(json!(value))
}

/// The inputs are annual. Those that a case leaves out are of the worked example of Bailey &
/// Lopez de Prado (2014): a ratio of 2.5 over 1,250 days.
fn deflated_sharpe(question: &Question<'_>) -> Result<f64, Failure> {
    let year = question.number_or("periods_per_year", 250.0)?;
    let moments = SharpeMoments {
        sharpe: question.number_or("sr_annual", 2.5)? / year.sqrt(),
        skewness: question.number_or("skew", -3.0)?,
        kurtosis: question.number_or("kurt", 10.0)?,
        n: question.optional_count("T")?.unwrap_or(1250),
    };
    let variance = question.number_or("var_trials_annual", 0.5)? / year;
    Ok(moments.deflated(question.number("n_trials")?, variance)?)
}

fn lengths(episodes: &[Episode]) -> Vec<f64> {
    episodes.iter().map(|episode| episode.length as f64).collect()
}

/// The deepest episodes as negative numbers, deepest first.
fn deepest(episodes: &[Episode], count: usize) -> Vec<Value> {
    let mut depths: Vec<f64> = episodes.iter().map(|episode| episode.depth).collect();
    depths.sort_by(|a, b| b.total_cmp(a));
    depths.iter().take(count).map(|depth| json!(-depth)).collect()
}
