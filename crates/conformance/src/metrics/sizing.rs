//! Sizing rules: Kelly and its kin, volatility rules, caps and the composite.

use plimsoll_risk::moments::Moments;
use plimsoll_sizing::formulas::{
    Allocation, AtrSize, AverageTrueRange, BinaryBet, Drift, EmpiricalKellySettings, FundingCut,
    Limit, OpenPosition, Outcomes, SizingError, average_true_range, composite, cushion_exposure,
    drawdown_floor, empirical_kelly, ewma_volatility, fractional_growth_share, heat,
    leverage_from_margin, max_leverage_without_liquidation, optimal_f, risk_aversion,
    risk_constrained_binary, shrinkage, shrinkage_binary, true_range, volatility_target,
};
use serde_json::{Value, json};

use crate::question::{Answer, Failure, Question, key, number_of, object, or_null};

const PERIODS_PER_YEAR: f64 = 365.0;
/// Shares of Kelly at which growth is given where a case names none.
const KELLY_SHARES: [f64; 16] =
    [0.1, 0.125, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1.0, 1.25, 1.5, 2.0];

pub(crate) fn compute(question: &Question<'_>) -> Answer {
    for group in [of_kelly, of_samples, of_bars, of_caps] {
        match group(question) {
            Err(Failure::UnknownMetric) => {}
            answer => return answer,
        }
    }
    Err(Failure::UnknownMetric)
}

fn of_kelly(question: &Question<'_>) -> Answer {
    let number = |name| question.number(name);
    let bet = || Ok::<_, Failure>(BinaryBet::full_loss(number("p")?, number("b")?));
    let value = match question.metric {
        "kelly_binary" => {
            let bet = bet()?;
            let full = bet.kelly_fraction()?;
            json!({
                "f_raw": bet.kelly_fraction_raw()?,
                "f_clamped": full,
                "full": full,
                "quarter": full / 4.0,
                "growth_full": or_null(bet.growth(full)),
                "growth_quarter": or_null(bet.growth(full / 4.0)),
                "at_10x_notional": leverage_from_margin(full / 4.0, 10.0)?,
            })
        }
        "kelly_partial_loss" => {
            let (win, loss) = (number("win")?, number("loss")?);
            json!(BinaryBet { win_probability: number("p")?, win, loss }.kelly_fraction_raw()?)
        }
        "kelly_continuous" => {
            let (mean, volatility) = (number("mu")?, number("sigma")?);
            let drift = Drift { mean, volatility, risk_free: question.number_or("rf", 0.0)? };
            let shares = question.numbers_or("c", &KELLY_SHARES)?;
            let at = |c: &f64| (key(*c), or_null(drift.growth_at(*c)));
            json!({
                "f": drift.kelly_leverage()?,
                "growth_full": drift.growth_at(1.0)?,
                "growth_at_c": object(shares.iter().map(at)),
            })
        }
        "fractional_kelly_growth_share" => {
            let shares = question.numbers_or("c", &KELLY_SHARES)?;
            object(shares.iter().map(|c| (key(*c), or_null(fractional_growth_share(*c)))))
        }
        "rck_binary" => {
            let (bet, lambda) = (bet()?, lambda(question)?);
            json!({
                "lambda": lambda,
                "f": risk_constrained_binary(&bet, lambda)?,
                "kelly": bet.kelly_fraction()?,
            })
        }
        "kelly_shrinkage" => {
            let found = shrinkage(number("mu")?, number("sigma")?, question.count("n")?)?;
            json!({
                "t2": found.t_squared,
                "factor_baker_mchale_gauss": found.factor,
                "factor_plugin_unbiased": found.factor_debiased,
            })
        }
        "kelly_shrinkage_baker_mchale" => {
            let bet = bet()?;
            json!({
                "f": bet.kelly_fraction()?,
                "k": shrinkage_binary(&bet, number("sd_p")?)?,
            })
        }
        _ => return Err(Failure::UnknownMetric),
    };
    Ok(value)
}

fn of_samples(question: &Question<'_>) -> Answer {
    let value = match question.metric {
        "kelly_empirical" => {
            let returns = shifted(question)?;
            let moments = Moments::of(&returns)?;
            let volatility = moments.standard_deviation_population();
            let gaussian = Drift { mean: moments.mean, risk_free: 0.0, volatility };
            let settings = EmpiricalKellySettings {
                cost: question.number_or("cost", 0.0)?,
                cap: question.optional("cap")?.unwrap_or(f64::INFINITY),
            };
            let best = match empirical_kelly(&returns, settings) {
                Err(SizingError::NoLossObserved) => None,
                found => Some(found?),
            };
            json!({
                "f": best.map(|best| best.leverage),
                "growth": best.map(|best| best.growth),
                "f_gaussian": or_null(gaussian.kelly_leverage()),
                "f_max": best.and_then(|best| best.leverage_bound),
            })
        }
        "max_leverage_without_liquidation" => {
            let worst = shifted(question)?.into_iter().fold(f64::INFINITY, f64::min);
            let rate = question.number("mmr")?;
            let bound = max_leverage_without_liquidation(worst, 1.0, rate)?;
            json!(bound)
        }
        "optimal_f" => {
            let found = optimal_f(&question.series_or("pnl_usd")?)?;
            json!({
                "f": found.fraction,
                "twr_log": found.log_terminal_wealth,
                "ghpr": found.geometric_mean,
                "worst_loss": found.worst_loss,
                "usd_per_unit": found.equity_per_unit,
            })
        }
        "rck" | "qrck" => {
            let (outcomes, lambda) = (outcomes(question)?, lambda(question)?);
            let best = if question.metric == "rck" {
                outcomes.risk_constrained_kelly(lambda)?
            } else {
                outcomes.risk_constrained_quadratic(lambda)?
            };
            allocation(&best, lambda, question.number_or("alpha", 0.7)?)
        }
        _ => return Err(Failure::UnknownMetric),
    };
    Ok(value)
}

fn of_bars(question: &Question<'_>) -> Answer {
    let value = match question.metric {
        "true_range" => {
            let [high, low, close] = bars(question)?;
            let ranges = true_range(&high, &low, &close)?;
            json!({"first5_from_1": first5(&ranges), "last": ranges.last()})
        }
        "atr" => {
            let average = wilder(question)?;
            json!({
                "first_index": average.first_bar,
                "first5": first5(&average.values),
                "last": average.last(),
                "n_valid": average.values.len(),
            })
        }
        "atr_position_size" => {
            let close = question.sibling("close")?;
            let (Some(average_true_range), Some(price)) =
                (wilder(question)?.last(), close.last().copied())
            else {
                return Err(Failure::Input("the series is empty".to_owned()));
            };
            let size = AtrSize {
                risk_fraction: question.number("risk")?,
                multiple: question.number("k")?,
                average_true_range,
                price,
            };
            let equity = question.number("equity")?;
            json!({
                "qty": size.quantity(equity)?,
                "notional": size.leverage()? * equity,
                "stop_long": size.stop_price(1.0)?,
                "stop_short": size.stop_price(-1.0)?,
            })
        }
        "volatility_target" => {
            let returns = log_returns(&question.sibling("close")?)?;
            let year = question.number_or("periods_per_year", PERIODS_PER_YEAR)?.sqrt();
            let decay = question.number_or("lambda", 0.94)?;
            let sigma = ewma_volatility(&returns, decay)? * year;
            let cap = question.optional("cap")?.unwrap_or(f64::INFINITY);
            let last = returns.len().saturating_sub(20);
            let recent = (returns.len() >= 20)
                .then(|| Moments::of(&returns[last..])?.standard_deviation_sample())
                .and_then(Result::ok);
            json!({
                "sigma_annual_ewma": sigma,
                "leverage": or_null(volatility_target(question.number("target")?, sigma, cap)),
                "sigma_20d": recent.map(|sigma| sigma * year),
            })
        }
        _ => return Err(Failure::UnknownMetric),
    };
    Ok(value)
}

fn of_caps(question: &Question<'_>) -> Answer {
    let number = |name| question.number(name);
    let value = match question.metric {
        "drawdown_controlled_exposure" => {
            let floor = drawdown_floor(number("floor_fraction")?, number("peak")?)?;
            let exposure = cushion_exposure(number("multiplier")?, floor, number("wealth")?)?;
            json!({"exposure_fraction": exposure, "floor": floor})
        }
        "composite_min" => smallest_limit(question)?,
        "portfolio_heat" => {
            json!({"heat": heat(&positions(question)?, number("equity")?)?})
        }
        _ => return Err(Failure::UnknownMetric),
    };
    Ok(value)
}

/// Every parameter is a limit, in the order of the case, but for those of the funding cut. A
/// limit of `null` is undefined, and so stops the trade.
fn smallest_limit(question: &Question<'_>) -> Answer {
    let mut limits = Vec::new();
    for (name, value) in question.params {
        if name.starts_with("funding") {
            continue;
        }
        let value = if value.is_null() { f64::NAN } else { number_of(name, value)? };
        limits.push(Limit { name, value: Ok(value) });
    }
    let chosen = composite(&limits);
    let rate = question.number_or("funding_8h", 0.0)?;
    let after = |multiply: f64| {
        let cut = FundingCut { multiply, ..FundingCut::default() };
        Ok::<_, Failure>(chosen.leverage * cut.multiplier(rate)?)
    };
    Ok(json!({
        "base": chosen.leverage,
        "binding": chosen.binding.map(|index| limits[index].name),
        "after_funding_seed_strict_gt": after(0.5)?,
        "after_funding_30pct": after(0.7)?,
    }))
}

/// The positions of a book; `margin` with `leverage` may stand for `notional`.
fn positions(question: &Question<'_>) -> Result<Vec<OpenPosition>, Failure> {
    let missing = || Failure::Input("`params` has no list `positions`".to_owned());
    let items = question.params.get("positions").and_then(Value::as_array).ok_or_else(missing)?;
    let position = |item: &Value| {
        let field = |name: &str| item.get(name).filter(|value| !value.is_null());
        let number = |name: &str| field(name).map(|value| number_of(name, value)).transpose();
        let needed = |name: &str| {
            let missing = || Failure::Input(format!("a position has no `{name}`"));
            number(name)?.ok_or_else(missing)
        };
        let notional = match number("notional")? {
            Some(notional) => notional,
            None => leverage_from_margin(needed("margin")?, needed("leverage")?)?,
        };
        Ok(OpenPosition {
            notional,
            entry_price: needed("entry")?,
            stop_price: match number("stop")? {
                Some(stop) => Some(stop),
                None => number("liquidation_price")?,
            },
        })
    };
    items.iter().map(position).collect()
}

/// `lambda`, or the aversion that `alpha` and `beta` mean.
fn lambda(question: &Question<'_>) -> Result<f64, Failure> {
    match question.optional("lambda")? {
        Some(lambda) => Ok(lambda),
        None => Ok(risk_aversion(question.number("alpha")?, question.number("beta")?)?),
    }
}

/// The column `pi` holds the probabilities, every other one an asset, the last of them cash.
fn outcomes(question: &Question<'_>) -> Result<Outcomes, Failure> {
    let (probabilities, assets): (Vec<_>, Vec<_>) =
        question.table()?.into_iter().partition(|(name, _)| name == "pi");
    let missing = || Failure::Input("the series has no column `pi`".to_owned());
    let (_, probabilities) = probabilities.into_iter().next().ok_or_else(missing)?;
    let row = |index: usize| assets.iter().map(|(_, column)| column[index]).collect();
    let rows = (0..probabilities.len()).map(row).collect();
    Ok(Outcomes::new(probabilities, rows)?)
}

fn allocation(best: &Allocation, lambda: f64, level: f64) -> Value {
    json!({
        "lambda": lambda,
        "growth": best.growth,
        "b": best.weights,
        "risk_lhs_E_w_minus_lambda": best.risk,
        "bound_alpha_pow_lambda": level.powf(lambda),
    })
}

fn shifted(question: &Question<'_>) -> Result<Vec<f64>, Failure> {
    let shift = question.number_or("shift", 0.0)?;
    Ok(question.returns()?.into_iter().map(|r| r + shift).collect())
}

fn bars(question: &Question<'_>) -> Result<[Vec<f64>; 3], Failure> {
    Ok([question.sibling("high")?, question.sibling("low")?, question.sibling("close")?])
}

fn wilder(question: &Question<'_>) -> Result<AverageTrueRange, Failure> {
    let [high, low, close] = bars(question)?;
    let length = question.optional_count("n")?.unwrap_or(14);
    Ok(average_true_range(&high, &low, &close, length)?)
}

fn log_returns(close: &[f64]) -> Result<Vec<f64>, Failure> {
    if close.iter().any(|price| *price <= 0.0) {
        return Err(Failure::Undefined("a price is not above 0".to_owned()));
    }
    Ok(close.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect())
}

fn first5(values: &[f64]) -> &[f64] {
    &values[..values.len().min(5)]
}
