//! Kelly in closed form: the binary bet, the continuous limit, fractions of Kelly, and what
//! estimation error costs.

use plimsoll_risk::proportion::posterior_quantile;

use super::SizingError;
use super::check::{finite, not_negative, open_unit, positive, probability};

/// A bet with two outcomes: per unit risked it gains `win` with probability `win_probability`
/// and otherwise loses `loss`.
///
/// On trades, `win` is the mean R of the winners and `loss` the mean |R| of the losers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BinaryBet {
    /// Probability of winning, 0 to 1.
    pub win_probability: f64,
    /// Gain per unit risked, above 0.
    pub win: f64,
    /// Loss per unit risked, above 0; 1 where the whole stake is lost.
    pub loss: f64,
}

impl BinaryBet {
    /// The bet that loses its whole stake: `payoff` is the gain per unit staked.
    pub fn full_loss(win_probability: f64, payoff: f64) -> Self {
        Self { win_probability, win: payoff, loss: 1.0 }
    }

    /// The growth-optimal fraction of equity to put at risk, `p/a - (1-p)/b`.
    ///
    /// It is negative where the bet has no edge: no trade, never a reversal of the direction.
    /// [`kelly_fraction`](Self::kelly_fraction) has it clamped. Kelly (1956), with partial loss.
    pub fn kelly_fraction_raw(&self) -> Result<f64, SizingError> {
        self.check()?;
        let p = self.win_probability;
        Ok(p / self.loss - (1.0 - p) / self.win)
    }

    /// [`kelly_fraction_raw`](Self::kelly_fraction_raw), 0 where that is negative.
    pub fn kelly_fraction(&self) -> Result<f64, SizingError> {
        let raw = self.kelly_fraction_raw()?;
        Ok(if raw > 0.0 { raw } else { 0.0 })
    }

    /// Expected log growth per bet at a stake of `fraction` of equity,
    /// `p ln(1 + b f) + (1-p) ln(1 - a f)`.
    ///
    /// # Errors
    /// `OutOfRange` where the stake can lose everything: growth is then minus infinity.
    pub fn growth(&self, fraction: f64) -> Result<f64, SizingError> {
        self.check()?;
        let f = not_negative("fraction", fraction)?;
        let (p, q) = (self.win_probability, 1.0 - self.win_probability);
        let gain = if p > 0.0 { p * (self.win * f).ln_1p() } else { 0.0 };
        if q <= 0.0 {
            return Ok(gain);
        }
        if self.loss * f >= 1.0 {
            let rule = "below 1 / loss: at or above it one loss takes all equity";
            return Err(SizingError::OutOfRange { name: "fraction", value: f, rule });
        }
        Ok(gain + q * (-self.loss * f).ln_1p())
    }

    fn check(&self) -> Result<(), SizingError> {
        probability("win_probability", self.win_probability)?;
        positive("win", self.win)?;
        positive("loss", self.loss)?;
        Ok(())
    }
}

/// Drift and volatility of an asset per period, all three in the same unit of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// Arithmetic mean return per period.
    pub mean: f64,
    /// Riskless return per period.
    pub risk_free: f64,
    /// Standard deviation of the return per period, above 0.
    pub volatility: f64,
}

impl Drift {
    /// The growth-optimal leverage `(mu - r) / sigma^2` in continuous time; negative where the
    /// drift is. Merton (1969), Thorp (2006).
    pub fn kelly_leverage(&self) -> Result<f64, SizingError> {
        self.check()?;
        Ok((self.mean - self.risk_free) / (self.volatility * self.volatility))
    }

    /// Log growth per period at `share` times the Kelly leverage, `r + (c - c^2/2) SR^2`.
    pub fn growth_at(&self, share: f64) -> Result<f64, SizingError> {
        self.check()?;
        let c = finite("share", share)?;
        let sharpe = (self.mean - self.risk_free) / self.volatility;
        Ok(self.risk_free + (c - c * c / 2.0) * sharpe * sharpe)
    }

    fn check(&self) -> Result<(), SizingError> {
        finite("mean", self.mean)?;
        finite("risk_free", self.risk_free)?;
        if not_negative("volatility", self.volatility)? <= 0.0 {
            return Err(SizingError::ZeroVolatility { name: "volatility" });
        }
        Ok(())
    }
}

/// Share of the full-Kelly growth that `share` times Kelly keeps, `c (2 - c)`: 1 at Kelly,
/// 0 at twice Kelly, negative beyond. Thorp (2006). How often such wealth halves is
/// [`plimsoll_risk::ruin::closed_form::ever_below_fractional_kelly`].
pub fn fractional_growth_share(share: f64) -> Result<f64, SizingError> {
    let c = not_negative("share", share)?;
    Ok(c * (2.0 - c))
}

/// How far to shrink a Kelly leverage that was estimated from `observations` returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shrinkage {
    /// Squared t statistic of the mean, `n mu^2 / sigma^2`.
    pub t_squared: f64,
    /// `t^2 / (1 + t^2)`: the factor that minimises the expected loss of growth for Gaussian
    /// returns of known volatility. Baker & McHale (2013).
    pub factor: f64,
    /// `max(0, 1 - 1/t^2)`: the plug-in factor with the bias of `t^2` removed; 0 where the edge
    /// is within its noise.
    pub factor_debiased: f64,
}

/// [`Shrinkage`] of the leverage `mean / volatility^2` estimated from `observations` returns.
pub fn shrinkage(
    mean: f64,
    volatility: f64,
    observations: usize,
) -> Result<Shrinkage, SizingError> {
    let drift = Drift { mean, risk_free: 0.0, volatility };
    drift.check()?;
    if observations == 0 {
        return Err(SizingError::TooFewObservations { have: 0, need: 1 });
    }
    shrinkage_of(observations as f64 * mean * mean / (volatility * volatility))
}

/// [`Shrinkage`] by the squared t statistic of the mean that the leverage rests on.
pub fn shrinkage_of(t_squared: f64) -> Result<Shrinkage, SizingError> {
    let t_squared = not_negative("t_squared", t_squared)?;
    let factor_debiased = if t_squared > 1.0 { 1.0 - 1.0 / t_squared } else { 0.0 };
    Ok(Shrinkage { t_squared, factor: t_squared / (1.0 + t_squared), factor_debiased })
}

/// How far to shrink the Kelly fraction of a binary bet whose win probability carries the
/// standard error `probability_error`: `k = f^2 / (f^2 + ((a+b)/(ab))^2 sd_p^2)`.
///
/// For `loss` 1 the quadratic approximation of Baker & McHale (2013), Decision Analysis 10(3).
/// For partial losses by the same argument: growth falls off as the square of `k f_hat - f`, whose
/// mean `f^2 (k-1)^2 + k^2 var(f_hat)` is smallest at that k, and `f = p/a - (1-p)/b` has the
/// standard error `(1/a + 1/b) sd_p` where the sizes of gain and loss are taken as known. It
/// multiplies the fraction before any quarter or half does.
pub fn shrinkage_binary(bet: &BinaryBet, probability_error: f64) -> Result<f64, SizingError> {
    let f = bet.kelly_fraction()?;
    let spread = (bet.win + bet.loss) / (bet.win * bet.loss)
        * not_negative("probability_error", probability_error)?;
    if f <= 0.0 {
        return Ok(0.0);
    }
    // As a ratio, so that neither square overflows or vanishes.
    let relative = spread / f;
    Ok(1.0 / (1.0 + relative * relative))
}

/// The bet with its win probability replaced by a lower bound: the quantile at `level` of the
/// Beta posterior after `observations` trades, `Beta(prior_wins + n p, prior_losses + n (1-p))`.
///
/// `level` 0.5 is the posterior's median, 0.05 a bound that the true rate exceeds with 95 %.
pub fn bayesian_lower_bound(
    bet: &BinaryBet,
    observations: f64,
    prior: [f64; 2],
    level: f64,
) -> Result<BinaryBet, SizingError> {
    bet.check()?;
    let n = not_negative("observations", observations)?;
    let (wins, losses) = (positive("prior_wins", prior[0])?, positive("prior_losses", prior[1])?);
    let level = open_unit("level", level)?;
    let (p, q) = (bet.win_probability, 1.0 - bet.win_probability);
    let too_many = |_| {
        let rule = "few enough that, with the prior, there are at most 10^9 wins and losses";
        SizingError::OutOfRange { name: "observations", value: n, rule }
    };
    let win_probability =
        posterior_quantile(level, wins + n * p, losses + n * q).map_err(too_many)?;
    Ok(BinaryBet { win_probability, ..*bet })
}
