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

    /// The market as it was known when its first `n_bars` bars had closed.
    ///
    /// Cuts every column, the settlements and their coverage (a settlement at the very close is
    /// known), and what became known later, such as a delisting. The flags describe the whole
    /// period and are left out. With `n_bars` beyond the end nothing is cut off.
    #[must_use]
    pub fn truncated(&self, n_bars: usize) -> Self {
        let n_bars = n_bars.min(self.n_bars);
        let end = self.open_time(n_bars);
        Self {
            venue: self.venue.clone(),
            interval: self.interval,
            start: self.start,
            n_bars,
            symbols: self.symbols.iter().map(|symbol| symbol.truncated(n_bars, end)).collect(),
        }
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

    /// The first `n_bars` bars and what was known at their end.
    fn truncated(&self, n_bars: usize, end: Timestamp) -> Self {
        let first = |column: &[f64]| column[..n_bars.min(column.len())].to_vec();
        let prices = |prices: &PriceColumns| PriceColumns {
            open: first(&prices.open),
            high: first(&prices.high),
            low: first(&prices.low),
            close: first(&prices.close),
        };
        // Coverage is exclusive at its end, and the instant of the cut is known.
        let covered = Timestamp(end.0 + 1);
        Self {
            symbol: self.symbol.clone(),
            open: first(&self.open),
            high: first(&self.high),
            low: first(&self.low),
            close: first(&self.close),
            volume: first(&self.volume),
            quote_volume: first(&self.quote_volume),
            taker_buy_volume: first(&self.taker_buy_volume),
            mark: self.mark.as_ref().map(prices),
            index: self.index.as_ref().map(prices),
            funding: self
                .funding
                .iter()
                .filter(|event| event.settlement_time <= end)
                .copied()
                .collect(),
            funding_coverage: self
                .funding_coverage
                .iter()
                .filter(|(from, _)| *from <= end)
                .map(|&(from, to)| (from, to.min(covered)))
                .collect(),
            liquidated_long_notional: first(&self.liquidated_long_notional),
            liquidated_short_notional: first(&self.liquidated_short_notional),
            open_interest: first(&self.open_interest),
            open_interest_value: first(&self.open_interest_value),
            reference_close: self
                .reference_close
                .iter()
                .map(|(venue, column)| (venue.clone(), first(column)))
                .collect(),
            listed_from: self.listed_from.filter(|&time| time <= end),
            delisted_at: self.delisted_at.filter(|&time| time <= end),
            flags: Vec::new(),
        }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Ten hourly bars of 1970-01-01 with a settlement every two hours.
    fn market() -> Market {
        let hour = |hour: i64| Timestamp(hour * Interval::HOUR.ms());
        let column = |shift: f64| (0..10).map(|bar| f64::from(bar) + shift).collect::<Vec<f64>>();
        let prices = |shift: f64| PriceColumns {
            open: column(shift),
            high: column(shift + 0.5),
            low: column(shift - 0.5),
            close: column(shift),
        };
        let PriceColumns { open, high, low, close } = prices(100.0);
        let event = |time| FundingEvent {
            settlement_time: hour(time),
            rate: 1e-4,
            interval_minutes: 120,
            mark_price: None,
        };
        Market {
            venue: "test".to_owned(),
            interval: Interval::HOUR,
            start: hour(0),
            n_bars: 10,
            symbols: vec![SymbolColumns {
                symbol: "BTCUSDT".to_owned(),
                open,
                high,
                low,
                close,
                volume: column(1.0),
                quote_volume: column(2.0),
                taker_buy_volume: column(3.0),
                mark: Some(prices(200.0)),
                index: Some(prices(300.0)),
                funding: [2, 4, 6, 8].map(event).to_vec(),
                funding_coverage: vec![(hour(0), hour(3)), (hour(4), hour(9)), (hour(9), hour(12))],
                liquidated_long_notional: column(4.0),
                liquidated_short_notional: column(5.0),
                open_interest: column(6.0),
                open_interest_value: column(7.0),
                reference_close: vec![("elsewhere".to_owned(), column(8.0))],
                listed_from: Some(hour(0)),
                delisted_at: Some(hour(9)),
                flags: vec![CoverageFlag {
                    name: "gap",
                    kind: Kind::Candles,
                    count: 1,
                    first: hour(8),
                    message: "a gap".to_owned(),
                }],
            }],
        }
    }

    #[test]
    fn a_cut_market_holds_what_was_known_at_the_cut() {
        let whole = market();
        let cut = whole.truncated(6);
        let (symbol, before) = (&cut.symbols[0], &whole.symbols[0]);
        assert_eq!((cut.n_bars, cut.start, cut.interval), (6, whole.start, whole.interval));
        assert_eq!(symbol.close, before.close[..6]);
        let bars = |prices: &PriceColumns| {
            [&prices.open, &prices.high, &prices.low, &prices.close].map(Vec::len)
        };
        assert_eq!(bars(symbol.mark.as_ref().unwrap()), [6; 4]);
        assert_eq!(bars(symbol.index.as_ref().unwrap()), [6; 4]);
        for column in [
            &symbol.open,
            &symbol.high,
            &symbol.low,
            &symbol.volume,
            &symbol.quote_volume,
            &symbol.taker_buy_volume,
            &symbol.liquidated_long_notional,
            &symbol.liquidated_short_notional,
            &symbol.open_interest,
            &symbol.open_interest_value,
            &symbol.reference_close[0].1,
        ] {
            assert_eq!(column.len(), 6);
        }
        // The settlement at the very close is known, and so is that it is covered.
        let end = whole.open_time(6);
        assert_eq!(symbol.funding, before.funding[..3]);
        assert_eq!(symbol.funding_coverage[0], before.funding_coverage[0]);
        assert_eq!(symbol.funding_coverage[1..], [(whole.open_time(4), Timestamp(end.0 + 1))]);
        // Nobody knew of the delisting.
        assert_eq!((symbol.listed_from, symbol.delisted_at), (Some(whole.start), None));
        assert_eq!(whole.truncated(9).symbols[0].delisted_at, Some(whole.open_time(9)));
        assert!(symbol.flags.is_empty());
    }

    #[test]
    fn a_cut_behind_the_end_cuts_nothing_off() {
        let whole = market();
        let cut = whole.truncated(11);
        assert_eq!(cut.n_bars, 10);
        assert_eq!(cut.symbols[0].close, whole.symbols[0].close);
        assert_eq!(cut.symbols[0].funding.len(), 4);
        assert_eq!(whole.truncated(0).symbols[0].close, []);
    }
}
