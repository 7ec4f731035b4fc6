//! Sizes from volatility: average true range, exponentially weighted and realised volatility,
//! volatility target, tail target, and exposure that shrinks with the cushion over a floor.

use super::SizingError;
use super::check::{all_finite, equity, finite, not_negative, open_unit, positive, share, within};

/// True range of bars 1, 2, ...: `max(high - low, |high - previous close|, |low - previous close|)`.
///
/// One element fewer than there are bars; element 0 belongs to bar 1. Wilder (1978).
///
/// # Errors
/// Columns of different length, a price that is not finite, a high below its low.
pub fn true_range(high: &[f64], low: &[f64], close: &[f64]) -> Result<Vec<f64>, SizingError> {
    let need = close.len();
    for (name, column) in [("high", high), ("low", low), ("close", close)] {
        if column.len() != need {
            return Err(SizingError::LengthMismatch { name, have: column.len(), need });
        }
        all_finite(name, column)?;
    }
    if let Some(index) = (0..need).find(|bar| high[*bar] < low[*bar]) {
        let (name, rule) = ("high", "at least the low of its bar");
        return Err(SizingError::BadElement { name, index, value: high[index], rule });
    }
    let range = |bar: usize| {
        let previous = close[bar - 1];
        let gap = (high[bar] - previous).abs().max((low[bar] - previous).abs());
        (high[bar] - low[bar]).max(gap)
    };
    Ok((1..need).map(range).collect())
}

/// The average true range of closed bars, in the unit of the price.
#[derive(Clone, Debug, PartialEq)]
pub struct AverageTrueRange {
    /// The first bar that has a value, counted from 0: equal to the length of the average.
    pub first_bar: usize,
    /// The values of bars `first_bar`, `first_bar + 1`, ...
    pub values: Vec<f64>,
}

impl AverageTrueRange {
    /// The value at the close of `bar`; `None` while it warms up.
    pub fn at(&self, bar: usize) -> Option<f64> {
        self.values.get(bar.checked_sub(self.first_bar)?).copied()
    }

    /// The value of the last bar.
    pub fn last(&self) -> Option<f64> {
        self.values.last().copied()
    }
}

/// Wilder's average true range over `bars` bars: the mean of the first `bars` true ranges, then
/// `((n-1) previous + TR) / n`. Wilder (1978); TA-Lib and R's TTR agree.
///
/// # Errors
/// As [`true_range`]; `bars` of 0; fewer than `bars + 1` bars.
pub fn average_true_range(
    high: &[f64],
    low: &[f64],
    close: &[f64],
    bars: usize,
) -> Result<AverageTrueRange, SizingError> {
    within("bars", bars as f64, bars > 0, "at least 1")?;
    let ranges = true_range(high, low, close)?;
    if ranges.len() < bars {
        return Err(SizingError::TooFewObservations { have: close.len(), need: bars + 1 });
    }
    let n = bars as f64;
    let mut average = ranges[..bars].iter().sum::<f64>() / n;
    let mut values = Vec::with_capacity(ranges.len() - bars + 1);
    values.push(average);
    for range in &ranges[bars..] {
        average = ((n - 1.0) * average + range) / n;
        values.push(average);
    }
    Ok(AverageTrueRange { first_bar: bars, values })
}

/// A position sized so that a move of `multiple` average true ranges costs `risk_fraction` of
/// equity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AtrSize {
    /// Share of equity lost at the stop, above 0 and at most 1.
    pub risk_fraction: f64,
    /// Distance of the stop in average true ranges, above 0.
    pub multiple: f64,
    /// Average true range, in quote currency per unit of base.
    pub average_true_range: f64,
    /// Price, in quote currency per unit of base.
    pub price: f64,
}

impl AtrSize {
    /// Notional over equity, `risk * price / (ATR k)`. Linear contracts only.
    pub fn leverage(&self) -> Result<f64, SizingError> {
        let distance = self.stop_distance()?;
        Ok(share("risk_fraction", self.risk_fraction)? * self.price / distance)
    }

    /// Quantity in base units at `equity` in quote currency, `equity * risk / (ATR k)`, before
    /// rounding to the lot.
    pub fn quantity(&self, equity_quote: f64) -> Result<f64, SizingError> {
        let distance = self.stop_distance()?;
        Ok(equity(equity_quote)? * share("risk_fraction", self.risk_fraction)? / distance)
    }

    /// The stop, `price - side * k ATR`; `side` is +1 for a long, -1 for a short.
    pub fn stop_price(&self, side: f64) -> Result<f64, SizingError> {
        finite("side", side)?;
        Ok(self.price - side.signum() * self.stop_distance()?)
    }

    /// `k ATR`, in quote currency per unit of base.
    fn stop_distance(&self) -> Result<f64, SizingError> {
        positive("price", self.price)?;
        atr_distance(self.multiple, self.average_true_range)
    }
}

/// A move of `multiple` average true ranges as a fraction of the price, `k ATR / price`.
pub fn atr_move(multiple: f64, average_true_range: f64, price: f64) -> Result<f64, SizingError> {
    Ok(atr_distance(multiple, average_true_range)? / positive("price", price)?)
}

/// `k ATR`, in quote currency per unit of base.
fn atr_distance(multiple: f64, average_true_range: f64) -> Result<f64, SizingError> {
    positive("multiple", multiple)?;
    if not_negative("average_true_range", average_true_range)? <= 0.0 {
        return Err(SizingError::ZeroVolatility { name: "average_true_range" });
    }
    positive("stop_distance", multiple * average_true_range)
}

/// Exponentially weighted volatility after the last return:
/// `v = decay * v + (1 - decay) * r^2`, begun at the first squared return, about a mean of 0.
///
/// Per period of the returns; multiply by the root of the periods in a year. `RiskMetrics`
/// (1996) has a decay of 0.94 for days.
pub fn ewma_volatility(returns: &[f64], decay: f64) -> Result<f64, SizingError> {
    all_finite("returns", returns)?;
    let decay = open_unit("decay", decay)?;
    let (first, rest) =
        returns.split_first().ok_or(SizingError::TooFewObservations { have: 0, need: 1 })?;
    let variance = rest.iter().fold(first * first, |v, r| decay * v + (1.0 - decay) * r * r);
    Ok(variance.sqrt())
}

/// Realised volatility per day of `returns` that span so many days: `sqrt(sum r^2 / days)`, about
/// a mean of 0. Andersen & Bollerslev (1998), of the bars inside each day.
pub fn realised_volatility(returns: &[f64], days: f64) -> Result<f64, SizingError> {
    all_finite("returns", returns)?;
    let days = positive("days", days)?;
    if returns.is_empty() {
        return Err(SizingError::TooFewObservations { have: 0, need: 1 });
    }
    let squares: f64 = returns.iter().map(|r| r * r).sum();
    Ok((squares / days).sqrt())
}

/// Notional over equity that brings a volatility to its target, `min(target / volatility, cap)`.
///
/// Target and volatility are per the same period, `cap` a leverage (infinity for none).
pub fn volatility_target(target: f64, volatility: f64, cap: f64) -> Result<f64, SizingError> {
    let target = positive("target", target)?;
    if cap.is_nan() || cap < 0.0 {
        return Err(SizingError::OutOfRange { name: "cap", value: cap, rule: "at least 0" });
    }
    if not_negative("volatility", volatility)? <= 0.0 {
        return Err(SizingError::ZeroVolatility { name: "volatility" });
    }
    finite("leverage", (target / volatility).min(cap))
}

/// Notional over equity at which a forecast tail loss of the symbol costs `budget` of equity:
/// `budget / tail_loss`, the largest `x` with `x * tail_loss <= budget`.
///
/// `tail_loss` is a value at risk, an expected shortfall or an expectile of one unit of notional
/// on the side of the trade, positive, over the period that the budget is for.
pub fn tail_target(budget: f64, tail_loss: f64) -> Result<f64, SizingError> {
    finite("leverage", share("budget", budget)? / positive("tail_loss", tail_loss)?)
}

/// Exposure over wealth from the cushion above a floor, `m max(0, 1 - floor / wealth)`.
///
/// Constant proportion portfolio insurance (Black & Jones 1987) with a fixed floor. A jump can
/// go through the floor; `m` times the worst move must stay under 1 to prevent it.
pub fn cushion_exposure(multiplier: f64, floor: f64, wealth: f64) -> Result<f64, SizingError> {
    let m = not_negative("multiplier", multiplier)?;
    let floor = not_negative("floor", floor)?;
    let cushion = 1.0 - floor / equity(wealth)?;
    Ok(if cushion > 0.0 { m * cushion } else { 0.0 })
}

/// The floor under a share of the highest wealth so far: with it [`cushion_exposure`] keeps
/// drawdown from the peak under `1 - floor_fraction`. Grossman & Zhou (1993).
pub fn drawdown_floor(floor_fraction: f64, peak: f64) -> Result<f64, SizingError> {
    let inside = (0.0..1.0).contains(&floor_fraction);
    within("floor_fraction", floor_fraction, inside, "at least 0 and below 1")?;
    Ok(floor_fraction * positive("peak", peak)?)
}
