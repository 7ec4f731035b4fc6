//! Columns of one venue, ready to be walked: what every later stage reads.

use crate::table::Kind;
use crate::time::{Interval, Timestamp};

/// A venue's symbols on one common grid of bars.
///
/// Bar `i` opens at `start + i * interval`. In every column `NaN` means *unknown*: the data do
/// not cover that bar. Unknown is never zero.
#[derive(Clone, Debug)]
pub struct Market {
    /// Venue identifier, such as `binance-usdm`.
    pub venue: String,
    /// Bar length.
    pub interval: Interval,
    /// Open time of bar 0.
    pub start: Timestamp,
    /// Number of bars of the grid, present or not.
    pub n_bars: usize,
    /// One entry a symbol, in the order asked for.
    pub symbols: Vec<SymbolColumns>,
}

/// One symbol's columns, each of the market's `n_bars`.
#[derive(Clone, Debug, Default)]
pub struct SymbolColumns {
    /// Symbol in the venue's spelling.
    pub symbol: String,
    /// First traded price of the bar, quote currency; `NaN` where the bar is missing.
    pub open: Vec<f64>,
    /// Highest traded price.
    pub high: Vec<f64>,
    /// Lowest traded price.
    pub low: Vec<f64>,
    /// Last traded price.
    pub close: Vec<f64>,
    /// Traded quantity in base units.
    pub volume: Vec<f64>,
    /// Traded value in quote currency.
    pub quote_volume: Vec<f64>,
    /// Quantity bought by takers in base units.
    pub taker_buy_volume: Vec<f64>,
    /// Mark-price bars, if the lake holds any at this interval.
    pub mark: Option<PriceColumns>,
    /// Index-price bars, if the lake holds any at this interval.
    pub index: Option<PriceColumns>,
    /// Settled funding in time order.
    pub funding: Vec<FundingEvent>,
    /// Periods in which every settlement is known, as `[from, to)`; elsewhere funding is unknown.
    pub funding_coverage: Vec<(Timestamp, Timestamp)>,
    /// Notional of liquidated longs in the bar, as far as the feed reports it.
    pub liquidated_long_notional: Vec<f64>,
    /// Notional of liquidated shorts in the bar, as far as the feed reports it.
    pub liquidated_short_notional: Vec<f64>,
    /// Open interest in base units, last value known at the bar's close.
    pub open_interest: Vec<f64>,
    /// Open interest in quote currency, last value known at the bar's close.
    pub open_interest_value: Vec<f64>,
    /// Last price of the bar at other venues, by venue; empty where none were asked for.
    pub reference_close: Vec<(String, Vec<f64>)>,
    /// First instant at which the instrument traded, if known.
    pub listed_from: Option<Timestamp>,
    /// Instant at which it was delisted, if it was.
    pub delisted_at: Option<Timestamp>,
    /// What the reader of a result has to know about these columns.
    pub flags: Vec<CoverageFlag>,
}

/// Open, high, low and close of a price without volume.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PriceColumns {
    /// First price of the bar.
    pub open: Vec<f64>,
    /// Highest price of the bar.
    pub high: Vec<f64>,
    /// Lowest price of the bar.
    pub low: Vec<f64>,
    /// Last price of the bar.
    pub close: Vec<f64>,
}

/// One funding settlement. A positive rate is paid by longs to shorts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FundingEvent {
    /// The grid point at which positions were charged.
    pub settlement_time: Timestamp,
    /// Fraction of the notional per interval.
    pub rate: f64,
    /// Length of the interval that the rate is for.
    pub interval_minutes: i32,
    /// Mark price at the settlement, where the source records it.
    pub mark_price: Option<f64>,
}

impl FundingEvent {
    /// The rate brought to eight hours.
    pub fn rate_8h(&self) -> f64 {
        self.rate * 480.0 / f64::from(self.interval_minutes)
    }
}

/// Something about the data that a reader of a result must know.
#[derive(Clone, Debug, PartialEq)]
pub struct CoverageFlag {
    /// Short stable name: `gap`, `mark_missing`, `funding_missing`, `zero_volume`, ...
    pub name: &'static str,
    /// Kind of record it is about.
    pub kind: Kind,
    /// How many bars or settlements.
    pub count: usize,
    /// Time of the first of them.
    pub first: Timestamp,
    /// A sentence for the report.
    pub message: String,
}

impl Market {
    /// Open time of a bar.
    pub fn open_time(&self, bar: usize) -> Timestamp {
        Timestamp(self.start.0 + bar as i64 * self.interval.ms())
    }

    /// Instant at which a bar closes, which is the next bar's open time.
    pub fn close_time(&self, bar: usize) -> Timestamp {
        self.open_time(bar + 1)
    }

    /// The first bar that opens at or after `time`; may be `n_bars`.
    pub fn first_bar_from(&self, time: Timestamp) -> usize {
        let ms = self.interval.ms();
        let bar = (time.0 - self.start.0 + ms - 1).div_euclid(ms);
        usize::try_from(bar).unwrap_or(0).min(self.n_bars)
    }
}

impl SymbolColumns {
    /// Whether the bar exists in the data.
    pub fn has_bar(&self, bar: usize) -> bool {
        !self.close[bar].is_nan()
    }

    /// Mark low, high and close of a bar, or the last-price ones where no mark is known.
    /// The flag says whether they are mark prices.
    pub fn mark_or_last(&self, bar: usize) -> (PriceBar, bool) {
        if let Some(mark) = &self.mark
            && !mark.close[bar].is_nan()
        {
            let price = PriceBar {
                open: mark.open[bar],
                high: mark.high[bar],
                low: mark.low[bar],
                close: mark.close[bar],
            };
            return (price, true);
        }
        let price = PriceBar {
            open: self.open[bar],
            high: self.high[bar],
            low: self.low[bar],
            close: self.close[bar],
        };
        (price, false)
    }
}

/// One bar of a price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriceBar {
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
}
