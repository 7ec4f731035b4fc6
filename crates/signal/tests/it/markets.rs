//! Made-up markets: every column present or not, with gaps, from a seed.

use plimsoll_market::{FundingEvent, Interval, Market, PriceColumns, SymbolColumns, Timestamp};
use plimsoll_signal::SignalSpec;

/// Reads the tables of a strategy file.
pub(crate) fn spec(toml: &str) -> SignalSpec {
    toml::from_str(toml).unwrap_or_else(|error| panic!("{error}"))
}

/// An hourly market of one symbol that has closes only.
pub(crate) fn closes(close: &[f64]) -> Market {
    let symbol =
        SymbolColumns { symbol: "BTCUSDT".into(), close: close.to_vec(), ..Default::default() };
    market_of(vec![symbol], close.len())
}

/// An hourly market from 1970-01-01.
pub(crate) fn market_of(symbols: Vec<SymbolColumns>, n_bars: usize) -> Market {
    Market { venue: "test".into(), interval: Interval::HOUR, start: Timestamp(0), n_bars, symbols }
}

/// A random walk with all columns. One in `gap_every` bars is missing (0: none), and each optional
/// column misses as many values again.
pub(crate) fn random(seed: u64, n_bars: usize, start_hour: i64, gap_every: u64) -> Market {
    let mut random = Random(seed);
    let start = Timestamp(start_hour * Interval::HOUR.ms());
    let mut symbol = SymbolColumns {
        symbol: "BTCUSDT".into(),
        mark: Some(PriceColumns::default()),
        index: Some(PriceColumns::default()),
        ..Default::default()
    };
    let mut last = 100.0;
    for _ in 0..n_bars {
        let is_missing = random.one_in(gap_every);
        let [open, high, low, close] = random.bar(last);
        last = close;
        let value = |value: f64| if is_missing { f64::NAN } else { value };
        symbol.open.push(value(open));
        symbol.high.push(value(high));
        symbol.low.push(value(low));
        symbol.close.push(value(close));
        let volume = if random.one_in(9) { 0.0 } else { 10.0 * random.unit() };
        symbol.volume.push(value(volume));
        symbol.quote_volume.push(value(volume * close));
        symbol.taker_buy_volume.push(value(volume * random.unit()));
        for price in [&mut symbol.mark, &mut symbol.index].into_iter().flatten() {
            let is_missing = random.one_in(gap_every);
            let bar = random.bar(close).map(|price| if is_missing { f64::NAN } else { price });
            price.open.push(bar[0]);
            price.high.push(bar[1]);
            price.low.push(bar[2]);
            price.close.push(bar[3]);
        }
        for column in [
            &mut symbol.liquidated_long_notional,
            &mut symbol.liquidated_short_notional,
            &mut symbol.open_interest,
            &mut symbol.open_interest_value,
        ] {
            let value = if random.one_in(2) { 0.0 } else { 1e6 * random.unit() };
            column.push(if random.one_in(gap_every) { f64::NAN } else { value });
        }
    }
    let end = start.0 + n_bars as i64 * Interval::HOUR.ms();
    let period = 4 * Interval::HOUR.ms();
    let first = start.0.div_euclid(period) * period;
    for time in (first..end).step_by(period as usize) {
        symbol.funding.push(FundingEvent {
            settlement_time: Timestamp(time),
            rate: (random.unit() - 0.4) * 1e-3,
            interval_minutes: 240,
            mark_price: None,
        });
    }
    let hole = start.0 + (end - start.0) / 3;
    symbol.funding_coverage = if gap_every == 0 {
        vec![(Timestamp(first), Timestamp(end + period))]
    } else {
        vec![
            (Timestamp(first), Timestamp(hole)),
            (Timestamp(hole + 2 * period), Timestamp(end + period)),
        ]
    };
    Market { start, ..market_of(vec![symbol], n_bars) }
}

/// The `SplitMix64` generator.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// At least 0, below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Never if `n` is 0.
    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        n > 0 && self.next().is_multiple_of(n)
    }

    /// Open, high, low and close after `last`; now and then a price does not move at all.
    fn bar(&mut self, last: f64) -> [f64; 4] {
        let mut step = || if self.one_in(8) { 0.0 } else { 0.02 * (self.unit() - 0.5) };
        let open = last * (1.0 + 0.1 * step());
        let close = open * (1.0 + step());
        let high = open.max(close) * (1.0 + step().abs());
        let low = open.min(close) * (1.0 - step().abs());
        [open, high, low, close]
    }
}
