//! What a strategy's signal leaves behind: per bar, whether to enter or leave and where the
//! protective prices stand. Entries, exits and stops depend on the market alone.

/// The signal of one symbol, one value a bar, every value known at that bar's close.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SignalColumns {
    /// 1 where a long entry fires at this close (its rule turned from false to true), -1 where a
    /// short one does, 0 otherwise.
    pub entry: Vec<i8>,
    /// A held long is to be closed at the next open.
    pub exit_long: Vec<bool>,
    /// A held short is to be closed at the next open.
    pub exit_short: Vec<bool>,
    /// Initial stop price of a long entered on this close; `NaN`: undefined here.
    /// Empty: the strategy has no stop.
    pub stop_long: Vec<f64>,
    /// Initial stop price of a short entered on this close, as `stop_long`.
    pub stop_short: Vec<f64>,
    /// Price to which the stop of a held long may rise at this close; empty: no trailing stop.
    pub trailing_stop_long: Vec<f64>,
    /// Price to which the stop of a held short may fall at this close; empty: no trailing stop.
    pub trailing_stop_short: Vec<f64>,
    /// Take-profit price of a long entered on this close; empty: none.
    pub take_profit_long: Vec<f64>,
    /// Take-profit price of a short entered on this close; empty: none.
    pub take_profit_short: Vec<f64>,
    /// A trade is closed at the open after it has been held for so many bars.
    pub bars_max: Option<usize>,
}

impl SignalColumns {
    /// Number of bars.
    pub fn len(&self) -> usize {
        self.entry.len()
    }

    /// Whether there is no bar.
    pub fn is_empty(&self) -> bool {
        self.entry.is_empty()
    }

    /// Whether the strategy defines any stop.
    pub fn has_stop(&self) -> bool {
        !self.stop_long.is_empty() || !self.stop_short.is_empty()
    }
}
