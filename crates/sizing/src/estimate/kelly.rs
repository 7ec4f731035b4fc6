//! Full Kelly of a sample by the rule's estimator, shrunk for its own error.

use super::sample::{Payoff, Sample};
use crate::formulas::{
    Backing, BinaryBet, Drift, EmpiricalKellySettings, LiquidationTerms, Resamples, SizingError,
    bayesian_lower_bound, bootstrap_shrinkage, empirical_kelly_weighted, leverage_from_risk,
    optimal_f, risk_aversion, risk_constrained_quadratic_sample, risk_constrained_sample,
    shrinkage_binary, shrinkage_of,
};
use crate::limits::{Moment, stop_distance};
use crate::past::Past;
use crate::rule::{
    Before, Kelly, KellyBasis, KellyEstimator, KellyLiquidation, KellyMargin, KellyShrinkage,
    OptimalFRule, RiskConstrainedKelly, RiskForm,
};

/// What Kelly's formula is applied to.
#[derive(Clone, Debug, PartialEq)]
pub enum Edge {
    /// Payoffs of closed trades, or bar returns.
    Sample(Sample),
    /// Win rate, mean gain and mean loss, and from how many trades where that is known.
    Bet(BinaryBet, Option<f64>),
    /// Mean and volatility of a return, and from how many observations where that is known.
    Drift(Drift, Option<f64>),
}

impl Edge {
    /// The edge as it could be known at the past's close.
    ///
    /// # Errors
    /// `TooFewObservations` where the window holds fewer than it needs, `NoStop` where R multiples
    /// are asked for and a trade had no stop.
    pub fn at(kelly: &Kelly, past: &Past<'_>) -> Result<Self, SizingError> {
        let payoff = match kelly.basis() {
            KellyBasis::Risk => Payoff::RMultiple,
            KellyBasis::Margin | KellyBasis::Growth => Payoff::UnitReturn,
        };
        Ok(Self::Sample(match kelly.estimator {
            KellyEstimator::Trades | KellyEstimator::LogGrowth => {
                Sample::of_trades(&kelly.trade_window(), payoff, past)?
            }
            KellyEstimator::MeanVariance => Sample::of_bars(&kelly.bar_window(), past)?,
        }))
    }

    fn observations(&self) -> Result<f64, SizingError> {
        match self {
            Self::Sample(sample) => Ok(sample.effective_observations()),
            Self::Bet(_, given) | Self::Drift(_, given) => {
                given.ok_or(SizingError::NotGiven { name: "observations" })
            }
        }
    }

    fn sample(&self) -> Result<&Sample, SizingError> {
        match self {
            Self::Sample(sample) => Ok(sample),
            Self::Bet(..) | Self::Drift(..) => Err(SizingError::NotGiven { name: "trade_returns" }),
        }
    }
}

/// The rule's share of full Kelly, as leverage.
pub(crate) fn kelly_leverage(kelly: &Kelly, moment: &impl Moment) -> Result<f64, SizingError> {
    let edge = moment.edge(kelly)?;
    let is_risk = kelly.basis() == KellyBasis::Risk;
    let stop_distance = is_risk.then(|| stop_distance(moment, moment.stop()?)).transpose()?;
    let estimator = Estimator {
        kelly,
        terms: kelly.liquidation.as_ref().map(|l| liquidation_terms(l, moment)).transpose()?,
        account_leverage: moment.account_leverage().unwrap_or(f64::INFINITY),
        stop_distance,
    };
    let full = match (estimator.full(&edge), kelly.leverage_max) {
        // The rule may name the leverage that then stands for full Kelly, shrunk like any other.
        (Err(SizingError::NoLossObserved), Some(leverage)) => {
            return Ok(kelly.fraction * estimator.shrinkage(&edge, leverage)? * leverage);
        }
        (full, _) => full?,
    };
    let shrunk = if full > 0.0 { estimator.shrinkage(&edge, full)? * full } else { 0.0 };
    match stop_distance {
        Some(s) => leverage_from_risk(kelly.fraction * shrunk, s),
        None => Ok(kelly.fraction * shrunk),
    }
}

/// The rule's share of risk-constrained Kelly, as leverage.
pub(crate) fn risk_constrained_leverage(
    rule: &RiskConstrainedKelly,
    moment: &impl Moment,
) -> Result<f64, SizingError> {
    let is_risk = rule.basis == KellyBasis::Risk;
    let payoff = if is_risk { Payoff::RMultiple } else { Payoff::UnitReturn };
    let sample = moment.trade_sample(&rule.trade_window(), payoff)?;
    let stop_distance = is_risk.then(|| stop_distance(moment, moment.stop()?)).transpose()?;
    let lambda = risk_aversion(1.0 - rule.drawdown, rule.chance)?;
    let cap = rule.leverage_max.filter(|_| !is_risk).unwrap_or(f64::INFINITY);
    let full = match rule.form {
        RiskForm::Exact => risk_constrained_sample(sample.weighted(), lambda, cap),
        RiskForm::Quadratic => risk_constrained_quadratic_sample(sample.weighted(), lambda, cap),
    };
    let full = match (full, rule.leverage_max) {
        (Err(SizingError::NoLossObserved), Some(leverage)) => return Ok(rule.fraction * leverage),
        (full, _) => full?,
    };
    match stop_distance {
        Some(s) => leverage_from_risk(rule.fraction * full, s),
        None => Ok(rule.fraction * full),
    }
}

/// The rule's share of optimal f, as leverage.
pub(crate) fn optimal_f_leverage(
    rule: &OptimalFRule,
    moment: &impl Moment,
) -> Result<f64, SizingError> {
    let sample = moment.trade_sample(&rule.trade_window(), Payoff::UnitReturn)?;
    match (optimal_f(&sample.values), rule.leverage_max) {
        (Err(SizingError::NoLossObserved), Some(leverage)) => Ok(rule.fraction * leverage),
        (found, _) => {
            let found = found?;
            Ok(rule.fraction * found.fraction / found.worst_loss)
        }
    }
}

/// What holds where an estimate lacks observations.
pub(crate) fn or_before(
    value: Result<f64, SizingError>,
    before: Before,
) -> Result<f64, SizingError> {
    match (value, before) {
        (Err(SizingError::TooFewObservations { .. }), Before::Leverage(leverage)) => Ok(leverage),
        (value, _) => value,
    }
}

fn liquidation_terms(
    rule: &KellyLiquidation,
    moment: &impl Moment,
) -> Result<LiquidationTerms, SizingError> {
    let backing = match (rule.margin, rule.posted) {
        (KellyMargin::Cross, _) => Backing::Cross,
        (KellyMargin::Isolated, Some(share)) => Backing::Posted { share },
        (KellyMargin::Isolated, None) => Backing::Isolated { leverage: moment.account_leverage()? },
    };
    Ok(LiquidationTerms {
        backing,
        maintenance_margin_rate: rule.maintenance_margin_rate,
        fee: rule.fee,
        stress: rule.stress,
        stress_trades: rule.stress_trades,
    })
}

/// A rule's estimator with the terms that it needs of the moment.
struct Estimator<'a> {
    kelly: &'a Kelly,
    terms: Option<LiquidationTerms>,
    /// Infinite where it is not known.
    account_leverage: f64,
    /// Where full Kelly is a share of equity at risk.
    stop_distance: Option<f64>,
}

impl Estimator<'_> {
    /// Full Kelly: a share of equity at risk, or a leverage. At least 0.
    fn full(&self, edge: &Edge) -> Result<f64, SizingError> {
        match edge {
            Edge::Bet(..) => bet_of(edge)?.kelly_fraction(),
            Edge::Drift(drift, _) => self.of_drift(drift),
            Edge::Sample(sample) => self.of_sample(sample),
        }
    }

    fn of_sample(&self, sample: &Sample) -> Result<f64, SizingError> {
        match self.kelly.estimator {
            KellyEstimator::Trades => sample.bet()?.map_or(Ok(0.0), |bet| bet.kelly_fraction()),
            KellyEstimator::MeanVariance => self.of_drift(&sample.drift()?),
            KellyEstimator::LogGrowth => {
                let best = if let Some(terms) = &self.terms {
                    sample.liquidated(terms)?.best(self.cap_under(terms))?
                } else {
                    let settings = EmpiricalKellySettings { cost: 0.0, cap: self.cap() };
                    empirical_kelly_weighted(sample.weighted(), settings)?
                };
                Ok(best.leverage)
            }
        }
    }

    fn of_drift(&self, drift: &Drift) -> Result<f64, SizingError> {
        Ok(drift.kelly_leverage()?.max(0.0).min(self.cap()))
    }

    fn cap(&self) -> f64 {
        self.kelly.leverage_max.unwrap_or(f64::INFINITY)
    }

    /// Isolated margin carries no more than what is posted times its leverage.
    fn cap_under(&self, terms: &LiquidationTerms) -> f64 {
        self.cap().min(match terms.backing {
            Backing::Cross => f64::INFINITY,
            Backing::Isolated { leverage } => leverage,
            Backing::Posted { share } => share * self.account_leverage,
        })
    }

    /// The factor from 0 to 1 that the estimate `full`, which is above 0, is multiplied by.
    fn shrinkage(&self, edge: &Edge, full: f64) -> Result<f64, SizingError> {
        match self.kelly.shrinkage {
            KellyShrinkage::None => Ok(1.0),
            KellyShrinkage::BakerMchale => {
                let (bet, n) = (bet_of(edge)?, edge.observations()?);
                let p = bet.win_probability;
                shrinkage_binary(&bet, (p * (1.0 - p) / n).sqrt())
            }
            KellyShrinkage::TStatistic => Ok(shrinkage_of(t_squared(edge)?)?.factor),
            KellyShrinkage::TStatisticDebiased => {
                Ok(shrinkage_of(t_squared(edge)?)?.factor_debiased)
            }
            KellyShrinkage::BayesianLowerBound => {
                let bound = self.kelly.bayesian.unwrap_or_default();
                let (bet, n) = (bet_of(edge)?, edge.observations()?);
                let lower = bayesian_lower_bound(&bet, n, bound.prior, bound.level)?;
                // A prior can lie above what was seen; a shrinkage does not enlarge.
                Ok((lower.kelly_fraction()? / full).min(1.0))
            }
            KellyShrinkage::Bootstrap => self.bootstrap(edge.sample()?),
        }
    }

    /// The factor by resampling the sample. A resample without losses asks for what the rule does
    /// then: `leverage_max`, or no trade where it names none.
    fn bootstrap(&self, sample: &Sample) -> Result<f64, SizingError> {
        let settings = self.kelly.bootstrap.unwrap_or_default();
        let resamples = Resamples::new(&sample.weights, settings.seed)?;
        let mut estimates = Vec::with_capacity(settings.resamples);
        for index in 0..settings.resamples {
            let resample = sample.at(&resamples.draw(index as u64));
            estimates.push(match self.of_sample(&resample) {
                Ok(estimate) => estimate,
                Err(SizingError::NoLossObserved) => {
                    self.kelly.leverage_max.unwrap_or(0.0) * self.stop_distance.unwrap_or(1.0)
                }
                // Draws of one and the same payoff.
                Err(SizingError::ZeroVolatility { .. }) => 0.0,
                Err(error) => return Err(error),
            });
        }
        match self.kelly.estimator {
            KellyEstimator::Trades => {
                let Some(bet) = sample.bet()? else {
                    return Ok(0.0);
                };
                let (p, q) = (bet.win_probability, 1.0 - bet.win_probability);
                let slope = |f: f64| {
                    let gain = bet.win / (1.0 + bet.win * f);
                    let loss = bet.loss / (1.0 - bet.loss * f);
                    (p * gain - q * loss, -p * gain * gain - q * loss * loss)
                };
                bootstrap_shrinkage(&estimates, slope, Some(1.0 / bet.loss))
            }
            KellyEstimator::MeanVariance => {
                let drift = sample.drift()?;
                // Growth of continuous Kelly, x mu - x^2 sigma^2 / 2, in units of full Kelly.
                let full = drift.kelly_leverage()?;
                let scaled: Vec<f64> = estimates.iter().map(|estimate| estimate / full).collect();
                bootstrap_shrinkage(&scaled, |share| (1.0 - share, -1.0), None)
            }
            KellyEstimator::LogGrowth => {
                if let Some(terms) = &self.terms {
                    let truth = sample.liquidated(terms)?;
                    return bootstrap_shrinkage(&estimates, |x| truth.slope(x), truth.bound());
                }
                let truth = sample.weighted();
                let worst = truth.worst();
                let bound = (worst < 0.0).then(|| -1.0 / worst);
                bootstrap_shrinkage(&estimates, |x| truth.slope(1.0, x), bound)
            }
        }
    }
}

fn bet_of(edge: &Edge) -> Result<BinaryBet, SizingError> {
    match edge {
        // A mean loss of none is not known, whatever was given for it.
        Edge::Bet(bet, _) if bet.win_probability >= 1.0 => Err(SizingError::NoLossObserved),
        Edge::Bet(bet, _) => Ok(*bet),
        Edge::Sample(sample) => {
            let nothing = SizingError::NotGiven { name: "win_rate" };
            sample.bet()?.ok_or(nothing)
        }
        Edge::Drift(..) => Err(SizingError::NotGiven { name: "win_rate" }),
    }
}

/// Squared t statistic of the mean payoff.
fn t_squared(edge: &Edge) -> Result<f64, SizingError> {
    let drift = match edge {
        Edge::Sample(sample) => sample.drift()?,
        Edge::Drift(drift, _) => *drift,
        // Mean and variance of the bet's two outcomes.
        Edge::Bet(bet, _) => {
            let (p, q) = (bet.win_probability, 1.0 - bet.win_probability);
            let volatility = (p * q).sqrt() * (bet.win + bet.loss);
            Drift { mean: p * bet.win - q * bet.loss, risk_free: 0.0, volatility }
        }
    };
    if drift.volatility <= 0.0 {
        return Err(SizingError::ZeroVolatility { name: "payoffs" });
    }
    let ratio = drift.mean / drift.volatility;
    Ok(edge.observations()? * ratio * ratio)
}
