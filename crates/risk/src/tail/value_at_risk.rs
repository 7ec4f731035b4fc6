//! Value at risk and expected shortfall: historical, Gaussian, Cornish-Fisher and entropic.
//!
//! `alpha` is the tail probability (0.01 for "99 % VaR") and every result is a positive loss per
//! period, negative where even the tail gains. The Student-t and the extreme-value forms are in
//! [`crate::tail::student_t`] and [`crate::tail::extreme_value`].

use serde::Serialize;

use crate::check::{self, defined};
use crate::error::Result;
use crate::moments::Moments;
use crate::numeric::distribution::{normal_cdf, normal_density, normal_quantile};
use crate::numeric::entropic::entropic_bound;
use crate::quantile::{lower_tail_mean, quantile, quantile_inverted_cdf};

/// Historical value at risk: minus the type 7 quantile of the returns.
///
/// # Errors
/// A value that is not finite, an empty sample, or `alpha` outside (0, 1).
pub fn historical_var(returns: &[f64], alpha: f64) -> Result<f64> {
    check::open_unit("alpha", alpha)?;
    // Subtracted from zero, a quantile of zero is a loss of 0, not of -0.
    Ok(0.0 - quantile(returns, alpha)?)
}

/// Historical value at risk by the inverted distribution function: minus the order statistic
/// `ceil(alpha n)`, the convention of regulators.
///
/// # Errors
/// A value that is not finite, an empty sample, or `alpha` outside (0, 1).
pub fn historical_var_inverted_cdf(returns: &[f64], alpha: f64) -> Result<f64> {
    check::open_unit("alpha", alpha)?;
    Ok(0.0 - quantile_inverted_cdf(returns, alpha)?)
}

/// Historical expected shortfall (Acerbi & Tasche 2002; Rockafellar & Uryasev 2002): minus the
/// mean of the worst `alpha n` returns, a fractional last one counted in part. Coherent; with
/// `alpha n` below 1 it is the largest loss.
///
/// # Errors
/// A value that is not finite, an empty sample, or `alpha` outside (0, 1).
pub fn historical_es(returns: &[f64], alpha: f64) -> Result<f64> {
    check::open_unit("alpha", alpha)?;
    Ok(0.0 - lower_tail_mean(returns, alpha)?)
}

/// Gaussian value at risk `-(mean + sd z_alpha)`, sd with divisor n - 1.
///
/// # Errors
/// A value that is not finite, fewer than two, or `alpha` outside (0, 1).
pub fn gaussian_var(returns: &[f64], alpha: f64) -> Result<f64> {
    check::open_unit("alpha", alpha)?;
    check::series(returns, 2)?;
    let moments = Moments::of(returns)?;
    let deviation = moments.standard_deviation_sample()?;
    defined("gauss_var", -(moments.mean + deviation * normal_quantile(alpha)))
}

/// Gaussian expected shortfall `-mean + sd phi(z_alpha) / alpha`, sd with divisor n - 1.
///
/// # Errors
/// A value that is not finite, fewer than two, or `alpha` outside (0, 1).
pub fn gaussian_es(returns: &[f64], alpha: f64) -> Result<f64> {
    check::open_unit("alpha", alpha)?;
    check::series(returns, 2)?;
    let moments = Moments::of(returns)?;
    let deviation = moments.standard_deviation_sample()?;
    let hazard = normal_density(normal_quantile(alpha)) / alpha;
    defined("gauss_es", deviation * hazard - moments.mean)
}

/// Losses of a position whose log return is normal with mean 0, as fractions of its value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LognormalTail {
    /// Value at risk of a long position: `1 - exp(z_alpha sigma)`, below 1.
    pub long_var: f64,
    /// Expected shortfall of a long position, below 1.
    pub long_es: f64,
    /// Value at risk of a short position: `exp(-z_alpha sigma) - 1`, without bound.
    pub short_var: f64,
    /// Expected shortfall of a short position.
    pub short_es: f64,
}

/// The tail of both sides at the volatility `sigma` of log returns over the horizon.
///
/// A price falls by 100 % at most but rises without limit, so at one `alpha` a short loses more
/// than a long. `ES = 1 - exp(sigma^2 / 2) Phi(z_alpha - sigma) / alpha` of the long side, and
/// `exp(sigma^2 / 2) Phi(z_alpha + sigma) / alpha - 1` of the short one.
///
/// # Errors
/// `sigma` not finite and above 0, `alpha` outside (0, 1), or a result beyond a double.
pub fn lognormal_tail(sigma: f64, alpha: f64) -> Result<LognormalTail> {
    check::positive("sigma", sigma)?;
    check::open_unit("alpha", alpha)?;
    let z = normal_quantile(alpha);
    let growth = (0.5 * sigma * sigma).exp();
    let mean_factor = |quantile: f64| growth * normal_cdf(quantile) / alpha;
    Ok(LognormalTail {
        long_var: -(z * sigma).exp_m1(),
        long_es: defined("lognormal_tail", 1.0 - mean_factor(z - sigma))?,
        short_var: defined("lognormal_tail", (-z * sigma).exp_m1())?,
        short_es: defined("lognormal_tail", mean_factor(z + sigma) - 1.0)?,
    })
}

/// Entropic value at risk (Ahmadi-Javid 2012): `inf over z > 0 of z ln(mean exp(-r / z) /
/// alpha)`. The tightest Chernoff bound on value at risk and expected shortfall.
///
/// # Errors
/// A value that is not finite, an empty sample, or `alpha` outside (0, 1).
pub fn entropic_var(returns: &[f64], alpha: f64) -> Result<f64> {
    check::open_unit("alpha", alpha)?;
    check::series(returns, 1)?;
    let losses: Vec<f64> = returns.iter().map(|r| -r).collect();
    entropic_bound("evar", &losses, alpha)
}

/// Value at risk by the Cornish-Fisher expansion, with the domain it was computed in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CornishFisher {
    /// `-(mean + sd z_cf)`, divisor-n moments, a positive loss.
    pub value_at_risk: f64,
    /// Minus the mean of the expansion's quantiles below `alpha`, a positive loss:
    /// `-(1 / alpha) integral from 0 to alpha of q_cf(u) du`. Unlike the "modified" shortfall of
    /// Boudt, Peterson & Croux (2008) it rises as `alpha` falls wherever the expansion is valid.
    pub expected_shortfall: f64,
    /// Whether the expansion is a valid distribution here. Where it is not, a smaller `alpha`
    /// may give a smaller loss, and the number should not be used alone.
    pub domain: CornishFisherDomain,
}

/// Cornish-Fisher value at risk (Zangari 1996) with population moments.
///
/// # Errors
/// A value that is not finite, fewer than two, a constant series, or `alpha` outside (0, 1).
pub fn cornish_fisher(returns: &[f64], alpha: f64) -> Result<CornishFisher> {
    check::open_unit("alpha", alpha)?;
    check::series(returns, 2)?;
    let moments = Moments::of(returns)?;
    let domain = domain_of(&moments)?;
    let z = domain.quantile(normal_quantile(alpha));
    let value_at_risk = -(moments.mean + moments.standard_deviation_population() * z);
    let shortfall =
        -(moments.mean + moments.standard_deviation_population() * domain.tail_mean(alpha)?);
    Ok(CornishFisher {
        value_at_risk: defined("cf_var", value_at_risk)?,
        expected_shortfall: defined("cf_es", shortfall)?,
        domain,
    })
}

/// Shape of a sample against the domain of the Cornish-Fisher expansion.
///
/// # Errors
/// A value that is not finite, fewer than two, or a constant series.
pub fn cornish_fisher_domain(returns: &[f64]) -> Result<CornishFisherDomain> {
    check::series(returns, 2)?;
    domain_of(&Moments::of(returns)?)
}

/// Where the Cornish-Fisher expansion is monotone (Maillard 2012).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CornishFisherDomain {
    /// Skewness S.
    pub skewness: f64,
    /// Excess kurtosis K.
    pub excess_kurtosis: f64,
    /// `S^2 / 9 - 4 (K / 8 - S^2 / 6) (1 - K / 8 + 5 S^2 / 36)`.
    pub discriminant: f64,
    /// True where the discriminant is at most 0 and `K / 8 >= S^2 / 6`.
    pub valid: bool,
}

impl CornishFisherDomain {
    /// The domain at given shape parameters.
    pub fn new(skewness: f64, excess_kurtosis: f64) -> Self {
        let square = skewness * skewness;
        let curvature = excess_kurtosis / 8.0 - square / 6.0;
        let discriminant =
            square / 9.0 - 4.0 * curvature * (1.0 - excess_kurtosis / 8.0 + 5.0 * square / 36.0);
        Self {
            skewness,
            excess_kurtosis,
            discriminant,
            valid: discriminant <= 0.0 && curvature >= 0.0,
        }
    }

    /// The expansion: the quantile that replaces the normal quantile `z`.
    pub fn quantile(&self, z: f64) -> f64 {
        let (skewness, excess) = (self.skewness, self.excess_kurtosis);
        z + (z * z - 1.0) * skewness / 6.0 + (z.powi(3) - 3.0 * z) * excess / 24.0
            - (2.0 * z.powi(3) - 5.0 * z) * skewness * skewness / 36.0
    }

    /// Mean of [`CornishFisherDomain::quantile`] over the normal quantiles below tail probability
    /// `alpha`, in closed form by the partial moments of the normal distribution.
    ///
    /// # Errors
    /// `alpha` outside (0, 1).
    pub fn tail_mean(&self, alpha: f64) -> Result<f64> {
        check::open_unit("alpha", alpha)?;
        let z = normal_quantile(alpha);
        let hazard = normal_density(z) / alpha;
        let (skewness, excess) = (self.skewness, self.excess_kurtosis);
        let shape = 1.0 + z * skewness / 6.0 + (z * z - 1.0) * excess / 24.0
            - (2.0 * z * z - 1.0) * skewness * skewness / 36.0;
        defined("cf_tail_mean", -hazard * shape)
    }
}

fn domain_of(moments: &Moments) -> Result<CornishFisherDomain> {
    Ok(CornishFisherDomain::new(
        moments.skewness_population()?,
        moments.kurtosis_population()? - 3.0,
    ))
}
