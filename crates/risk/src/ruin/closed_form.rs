//! Ruin probabilities in closed form or by exact recursion.
//!
//! They are the yardsticks of the simulated probabilities of [`crate::ruin::paths`], and quick
//! answers for stylised bets. Losses and gains are fractions of wealth.

use std::ops::Range;

use crate::check::{self, defined};
use crate::error::Result;

/// Probability that a gambler with `start` units, winning or losing one unit a game, is ruined
/// before reaching `target` units; `None` plays on for ever (Feller 1968, XIV.2).
///
/// # Errors
/// A probability outside [0, 1], or a negative or non-finite number of units.
pub fn gamblers_ruin(win_probability: f64, start: f64, target: Option<f64>) -> Result<f64> {
    check::require(
        (0.0..=1.0).contains(&win_probability),
        "win_probability",
        win_probability,
        "from 0 to 1",
    )?;
    check::require(start >= 0.0 && start.is_finite(), "start", start, "finite and at least 0")?;
    let target = target.unwrap_or(f64::INFINITY);
    check::require(target > 0.0, "target", target, "above 0")?;
    if start <= 0.0 {
        return Ok(1.0);
    }
    if start >= target {
        return Ok(0.0);
    }
    // ln(q / p); infinite for a certain win or loss, where the forms below still hold.
    let log_odds = (1.0 - win_probability).ln() - win_probability.ln();
    if log_odds.abs() <= 0.0 {
        return Ok(1.0 - start / target);
    }
    if log_odds > 0.0 {
        if log_odds.is_infinite() || target.is_infinite() {
            return Ok(1.0);
        }
        return Ok(((start - target) * log_odds).exp_m1() / (-target * log_odds).exp_m1());
    }
    if log_odds.is_infinite() {
        return Ok(0.0);
    }
    let for_ever = (start * log_odds).exp();
    if target.is_infinite() {
        return Ok(for_ever);
    }
    Ok(for_ever * ((target - start) * log_odds).exp_m1() / (target * log_odds).exp_m1())
}

/// A geometric Brownian motion between a loss and a gain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiffusionBarriers {
    /// Arithmetic drift per unit of time.
    pub drift: f64,
    /// Volatility per root unit of time, above 0.
    pub volatility: f64,
    /// Lower barrier as a fraction lost, between 0 and 1.
    pub loss: f64,
    /// Upper barrier as a fraction gained, above 0.
    pub gain: f64,
}

impl DiffusionBarriers {
    /// Probability that the loss is reached before the gain, monitored continuously; discrete
    /// monitoring reaches it less often.
    ///
    /// # Errors
    /// A field outside its range.
    pub fn hit_loss_before_gain(&self) -> Result<f64> {
        let (k, lower) = self.rate_and_lower_barrier()?;
        check::positive("gain", self.gain)?;
        let upper = self.gain.ln_1p();
        let probability = if k.abs() * (lower + upper) < 1e-12 {
            upper / (lower + upper)
        } else if k > 0.0 {
            (-k * lower).exp() * (-k * upper).exp_m1() / (-k * (lower + upper)).exp_m1()
        } else {
            (k * upper).exp_m1() / (k * (lower + upper)).exp_m1()
        };
        defined("hit_loss_before_gain", probability)
    }

    /// Probability that the loss is ever reached; `gain` is not looked at.
    ///
    /// # Errors
    /// A field outside its range.
    pub fn ever_hit_loss(&self) -> Result<f64> {
        let (k, lower) = self.rate_and_lower_barrier()?;
        Ok(if k > 0.0 { (-k * lower).exp() } else { 1.0 })
    }

    /// Twice the log drift over the variance, and the distance to the lower barrier in logs.
    fn rate_and_lower_barrier(&self) -> Result<(f64, f64)> {
        check::finite_parameter("drift", self.drift)?;
        check::positive("volatility", self.volatility)?;
        check::open_unit("loss", self.loss)?;
        let variance = self.volatility * self.volatility;
        let k = defined("hit_loss_before_gain", 2.0 * (self.drift - 0.5 * variance) / variance)?;
        Ok((k, -(-self.loss).ln_1p()))
    }
}

/// A repeated bet of a fixed fraction of wealth with two outcomes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BinaryBet {
    /// Probability of the gain, 0 to 1.
    pub win_probability: f64,
    /// Wealth gained by a win, as a fraction, at least 0.
    pub gain_fraction: f64,
    /// Wealth lost otherwise, as a fraction, 0 to 1.
    pub loss_fraction: f64,
}

impl BinaryBet {
    /// A bet of `fraction` of wealth at even money.
    pub fn even_money(win_probability: f64, fraction: f64) -> Self {
        Self { win_probability, gain_fraction: fraction, loss_fraction: fraction }
    }

    /// Exact probability that the drawdown from the running peak (the start included) reaches
    /// `drawdown` within `bets` bets.
    ///
    /// A recursion over the number of wins and losses since the last peak. A drawdown within a
    /// relative 1e-12 of the level counts as reached, as exact arithmetic would have it.
    ///
    /// # Errors
    /// A field or the drawdown outside its range.
    pub fn max_drawdown_probability(&self, drawdown: f64, bets: usize) -> Result<f64> {
        self.check()?;
        check::require(
            drawdown > 0.0 && drawdown <= 1.0,
            "drawdown",
            drawdown,
            "above 0 and at most 1",
        )?;
        if self.loss_fraction <= 0.0 {
            return Ok(0.0);
        }
        let bands = self.bands((1.0 - drawdown) * (1.0 + 1e-12), bets);
        // A win that gains nothing changes nothing.
        let wins_move = self.gain_fraction > 0.0;
        let (win, lose) = (self.win_probability, 1.0 - self.win_probability);
        let mut rows: Vec<Vec<f64>> = bands.iter().map(|band| vec![0.0; band.len()]).collect();
        let mut at_peak = 1.0;
        let mut hit = 0.0;
        for bet in 1..=bets {
            let mut next_peak = at_peak * win;
            // From many losses to few, so that a row is read before it is written.
            for losses in (1..=bet).rev() {
                let band = bands[losses].clone();
                let (fewer, more) = rows.split_at_mut(losses);
                let row = &mut more[0];
                if wins_move && !row.is_empty() {
                    // A win moves every state up; the topmost reaches the peak.
                    next_peak += win * row.pop().unwrap_or(0.0);
                    row.insert(0, 0.0);
                }
                for probability in row.iter_mut() {
                    *probability *= win;
                }
                let arrive = |wins: usize, probability: f64, row: &mut Vec<f64>| {
                    if band.contains(&wins) {
                        row[wins - band.start] += probability;
                        0.0
                    } else {
                        probability
                    }
                };
                if losses == 1 {
                    hit += arrive(0, at_peak * lose, row);
                } else {
                    let first = bands[losses - 1].start;
                    for (offset, probability) in fewer[losses - 1].iter().enumerate() {
                        hit += arrive(first + offset, probability * lose, row);
                    }
                }
            }
            at_peak = next_peak;
        }
        Ok(hit.min(1.0))
    }

    /// For each number of losses since the peak, the numbers of wins at which wealth lies
    /// between `floor` and the peak.
    fn bands(&self, floor: f64, bets: usize) -> Vec<Range<usize>> {
        let up = self.gain_fraction.ln_1p();
        let down = (-self.loss_fraction).ln_1p();
        let (mut first, mut end) = (0, 0);
        let band = |losses: usize| {
            let level = |wins: usize| (wins as f64 * up + losses as f64 * down).exp();
            while first <= bets && level(first) <= floor {
                first += 1;
            }
            while end <= bets && level(end) < 1.0 - 1e-12 {
                end += 1;
            }
            if up > 0.0 { first..end.max(first) } else { first.min(1)..1 }
        };
        // Without a loss wealth is at its peak, which is kept apart.
        std::iter::once(0..0).chain((1..=bets).map(band)).collect()
    }

    fn check(&self) -> Result<()> {
        check::require(
            (0.0..=1.0).contains(&self.win_probability),
            "win_probability",
            self.win_probability,
            "from 0 to 1",
        )?;
        check::require(
            self.gain_fraction >= 0.0 && self.gain_fraction.is_finite(),
            "gain_fraction",
            self.gain_fraction,
            "finite and at least 0",
        )?;
        check::require(
            (0.0..=1.0).contains(&self.loss_fraction),
            "loss_fraction",
            self.loss_fraction,
            "from 0 to 1",
        )
    }
}

/// Expected maximum drawdown of a Brownian motion without drift, in units of the process:
/// `sqrt(pi / 2) volatility sqrt(horizon)` (Magdon-Ismail et al. 2004).
///
/// # Errors
/// A negative or non-finite argument.
pub fn expected_max_drawdown_driftless(volatility: f64, horizon: f64) -> Result<f64> {
    for (name, value) in [("volatility", volatility), ("horizon", horizon)] {
        check::require(value >= 0.0 && value.is_finite(), name, value, "finite and at least 0")?;
    }
    let factor = std::f64::consts::FRAC_PI_2.sqrt();
    defined("expected_max_drawdown_bm", factor * volatility * horizon.sqrt())
}

/// Probability that wealth ever falls to the fraction `level` of its start when a fraction
/// `kelly_multiple` of the Kelly stake is held in a geometric Brownian motion:
/// `level^(2 / kelly_multiple - 1)` (Thorp 2006); 1 from twice Kelly on.
///
/// # Errors
/// `level` outside (0, 1), or a multiple not above 0.
pub fn ever_below_fractional_kelly(level: f64, kelly_multiple: f64) -> Result<f64> {
    check::open_unit("level", level)?;
    check::positive("kelly_multiple", kelly_multiple)?;
    Ok(level.powf((2.0 / kelly_multiple - 1.0).max(0.0)))
}
