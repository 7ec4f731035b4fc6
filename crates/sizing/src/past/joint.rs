//! Several symbols at once: which are in play, and their days beside each other.

use plimsoll_market::DAY_MS;

use super::Past;

/// One complete UTC day of the strategy at unit leverage.
#[derive(Clone, Debug, PartialEq)]
pub struct JointDay {
    /// How many days ago it ended; 0 for the last complete one.
    pub age: usize,
    /// The day's return by symbol, in the order asked for: the sum of the bars' returns.
    pub returns: Vec<f64>,
}

impl Past<'_> {
    /// The symbol itself and every other one with a position at this close or an entry decided at
    /// it, in the market's order. One without a bar in the last complete UTC day is not in play:
    /// its data have ended, or it has not been traded for a day, and no day of it tells of the
    /// others.
    pub fn symbols_in_play(&self) -> Vec<usize> {
        let mut symbols = self.history.symbols_in_play(self.bar);
        if let Some(LastDay { start: Some(start), end, .. }) = self.last_day() {
            let has_bar =
                |&symbol: &usize| self.history.return_of_bars(symbol, start, end).is_some();
            symbols.retain(has_bar);
        }
        if let Err(place) = symbols.binary_search(&self.symbol_idx) {
            symbols.insert(place, self.symbol_idx);
        }
        symbols
    }

    /// The symbol that the past is seen from.
    pub fn symbol_idx(&self) -> usize {
        self.symbol_idx
    }

    /// The last `days` complete UTC days of the strategy in these symbols, the latest last. A day
    /// on which one of the symbols has no bar at all is left out.
    pub fn joint_days(&self, symbols: &[usize], days: usize) -> Vec<JointDay> {
        let first_open = self.inputs.market().open_time(0).0;
        let Some(LastDay { mut end, mut end_time, bars_per_day, .. }) = self.last_day() else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for age in 0..days {
            let Some(start) = end.checked_sub(bars_per_day) else {
                break;
            };
            if end_time - DAY_MS < first_open {
                break;
            }
            let of_day = |&symbol: &usize| self.history.return_of_bars(symbol, start, end);
            if let Some(returns) = symbols.iter().map(of_day).collect::<Option<Vec<f64>>>() {
                found.push(JointDay { age, returns });
            }
            (end, end_time) = (start, end_time - DAY_MS);
        }
        found.reverse();
        found
    }

    /// The last complete UTC day; `None` where even its end lies before the data.
    fn last_day(&self) -> Option<LastDay> {
        let market = self.inputs.market();
        let now = market.close_time(self.bar).0;
        let bar_ms = market.close_time(0).0 - market.open_time(0).0;
        let bars_per_day = (DAY_MS / bar_ms).max(1) as usize;
        let end_time = now - now.rem_euclid(DAY_MS);
        // The day may have ended some bars ago.
        let since = ((now - end_time) * bars_per_day as i64 / DAY_MS) as usize;
        let end = (self.bar + 1).checked_sub(since)?;
        Some(LastDay { start: end.checked_sub(bars_per_day), end, end_time, bars_per_day })
    }
}

/// Where the last complete UTC day lies.
struct LastDay {
    /// Its first bar; `None`: it began before the data.
    start: Option<usize>,
    /// The bar after its last.
    end: usize,
    /// When it ended, Unix milliseconds.
    end_time: i64,
    bars_per_day: usize,
}
