//! The size-free trade: one entry, one full exit, decided by the market alone.

use serde::{Deserialize, Serialize};

/// Direction of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Gains when the price rises.
    Long,
    /// Gains when the price falls.
    Short,
}

impl Side {
    /// +1 for long, -1 for short.
    pub fn sign(self) -> f64 {
        match self {
            Self::Long => 1.0,
            Self::Short => -1.0,
        }
    }

    /// `long` or `short`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Long => "long",
            Self::Short => "short",
        }
    }
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Why a size-free trade ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradeExit {
    /// The exit rule, or the time limit, at the open of the exit bar.
    Signal,
    /// The stop, inside the exit bar.
    Stop,
    /// The take-profit price, inside the exit bar.
    TakeProfit,
    /// The data end: marked out at the close of the last bar.
    End,
}

/// One entry and one full exit of one symbol, without a size.
///
/// Bars are indices into the [`Market`](crate::Market) grid.
#[derive(Clone, Debug, PartialEq)]
pub struct SizeFreeTrade {
    /// Index of the symbol in the market.
    pub symbol_idx: usize,
    /// Direction.
    pub side: Side,
    /// The bar at whose close the entry was decided.
    pub decision_bar: usize,
    /// The bar at whose open the entry fills.
    pub entry_bar: usize,
    /// Stop price known at the decision, in quote currency; `None`: no stop.
    pub initial_stop_price: Option<f64>,
    /// Stop price in force on the exit bar (moved by trailing at closes), `None`: no stop.
    pub exit_stop_price: Option<f64>,
    /// Take-profit price; `None`: none.
    pub take_profit_price: Option<f64>,
    /// The bar in which the trade ends.
    pub exit_bar: usize,
    /// Why it ends.
    pub exit: TradeExit,
    /// The bar at whose close the exit rule, the time limit or a reversal decided to leave: known
    /// from that close on, when `exit_bar` is not, as the exit waits for a bar in which anything
    /// trades. `None` where a stop or a take-profit ended the trade, or the data ended undecided.
    pub exit_decision_bar: Option<usize>,
    /// Net return on notional at unit leverage: price move less fees, half spread and funding,
    /// no impact. A fraction of the entry notional.
    pub unit_return: f64,
    /// Net profit over initial stop risk; `None` without a stop.
    pub r_multiple: Option<f64>,
    /// Largest adverse move of the mark from the entry fill while the trade was held, as a
    /// fraction of the entry price, at least 0. Inside the exit bar a stop ends it, see the engine.
    pub adverse_excursion: f64,
}
