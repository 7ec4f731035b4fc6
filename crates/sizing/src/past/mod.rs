//! What is known at one bar's close, and nothing later.
//!
//! Every estimate behind a size reads a [`Past`]. It is made for one symbol and one bar, and none
//! of its methods takes a bar: what lies after that close cannot be asked for. The columns and the
//! list of trades behind it hold the whole history, but only this module reads them.

mod columns;
mod forecasts;
mod gates;
mod history;
mod joint;
mod liquidity;
mod volatility;

pub use columns::LimitInputs;
pub use history::History;
pub use joint::JointDay;

use plimsoll_market::{Side, SizeFreeTrade};

use crate::formulas::SizingError;
use crate::rule::{TailFigure, VolatilityTarget};

/// A symbol's and the strategy's past at the close of one bar.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    inputs: &'a LimitInputs<'a>,
    history: &'a History<'a>,
    symbol_idx: usize,
    bar: usize,
}

impl<'a> Past<'a> {
    /// The past as it was at the close of `bar`.
    pub fn new(
        inputs: &'a LimitInputs<'a>,
        history: &'a History<'a>,
        symbol_idx: usize,
        bar: usize,
    ) -> Self {
        Self { inputs, history, symbol_idx, bar }
    }

    /// The last `count` trades of any symbol that had ended, the latest last.
    pub fn trades(&self, count: usize) -> &'a [&'a SizeFreeTrade] {
        self.history.last_trades(self.bar, count)
    }

    /// The trades of any symbol that ended in the last `bars` bars, the latest last.
    pub fn trades_of_bars(&self, bars: usize) -> &'a [&'a SizeFreeTrade] {
        self.history.trades_of_bars(self.bar, bars)
    }

    /// How many bars ago a trade ended; 0 in the bar that has just closed, and for one that has not
    /// ended.
    pub fn bars_since(&self, trade: &SizeFreeTrade) -> usize {
        self.bar.saturating_sub(trade.exit_bar)
    }

    /// The strategy's unit-leverage returns of the symbol's last `count` bars, the latest last,
    /// each with its age in bars; without bars that are missing.
    pub fn unit_returns(&self, count: usize) -> impl Iterator<Item = (usize, f64)> {
        self.history.last_returns(self.symbol_idx, self.bar, count)
    }

    /// Average true range of the symbol, quote currency.
    ///
    /// # Errors
    /// `TooFewObservations` while the average warms up.
    pub fn average_true_range(&self, bars: usize) -> Result<f64, SizingError> {
        self.inputs
            .atr(self.symbol_idx, bars, self.bar)
            .ok_or(SizingError::TooFewObservations { have: 0, need: bars + 1 })
    }

    /// Annual volatility of the symbol, from the UTC days that had closed, or for
    /// [`Realised`](crate::rule::VolatilityEstimator::Realised) from the bars that had.
    ///
    /// # Errors
    /// `TooFewObservations` where days or bars are missing, `NoForecast` where a model failed.
    pub fn annual_volatility(&self, target: &VolatilityTarget) -> Result<f64, SizingError> {
        self.inputs.annual_volatility(self.symbol_idx, target, self.bar)
    }

    /// Loss of one unit of notional that is forecast for the UTC day in progress, made at its
    /// beginning from the days that had closed: positive, a fraction of the price, for a long or a
    /// short.
    ///
    /// # Errors
    /// `TooFewObservations` while the window is not full or after a missing day, `NoForecast`
    /// where the model failed, `OutOfRange` where it foresees no loss.
    pub fn tail_loss(&self, figure: TailFigure<'_>, side: Side) -> Result<f64, SizingError> {
        self.inputs.tail_loss(self.symbol_idx, figure, side, self.bar)
    }

    /// The last `periods` published funding rates per 8 hours, oldest first.
    ///
    /// # Errors
    /// `TooFewObservations` where the data do not cover them.
    pub fn funding_rates_8h(&self, periods: usize) -> Result<Vec<f64>, SizingError> {
        self.inputs
            .last_funding_rates_8h(self.symbol_idx, self.bar, periods)
            .ok_or(SizingError::TooFewObservations { have: 0, need: periods })
    }

    /// Mean value traded in a day over the last `days` times 24 hours, quote currency. Bars that
    /// are missing count as if nothing had been traded, so that a gap only makes a size smaller.
    ///
    /// # Errors
    /// `TooFewObservations` while the data are shorter.
    pub fn daily_traded_value(&self, days: usize) -> Result<f64, SizingError> {
        self.inputs
            .daily_traded_value(self.symbol_idx, self.bar, days)
            .map_err(|have| SizingError::TooFewObservations { have, need: days })
    }
}
