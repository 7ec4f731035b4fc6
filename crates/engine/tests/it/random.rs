//! Random markets: walks with jumps, wicks, a mark apart from the last price, gaps, bars without
//! volume, wild funding; and random signals, accounts and rules. A seed says it all.

use plimsoll_engine::{Intrabar, MarginMode, Simultaneous};
use plimsoll_market::{FundingEvent, PriceColumns, Timestamp};
use plimsoll_sizing::formulas::Limit;
use plimsoll_sizing::{Multiplier, PlannedSize};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::scene::{Lot, Scene, rules};

/// Binary lots, so that scaling by a power of two is exact.
pub(crate) const STEP: f64 = 1.0 / 1024.0;

pub(crate) struct Random {
    rng: ChaCha8Rng,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    fn unit(&mut self) -> f64 {
        self.rng.random::<f64>()
    }

    /// Between two numbers.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.rng.random_range(0..choices.len())]
    }

    /// A market of one to three symbols of some venue with its signals and account.
    pub(crate) fn scene(&mut self) -> Scene {
        let venue = self.pick(&["binance-usdm", "bybit-linear", "okx-swap"]);
        self.scene_at(venue)
    }

    /// The same at one venue.
    pub(crate) fn scene_at(&mut self, venue: &str) -> Scene {
        let prices = [100_000.0, 4_000.0, 200.0];
        let all: Vec<(&str, f64)> = symbols(venue).iter().copied().zip(prices).collect();
        let n_symbols = self.pick(&[1, 2, 3]).min(all.len());
        let n_bars = 40 + self.rng.random_range(0..160);
        let mut scene = Scene::new(&all[..n_symbols], n_bars);
        scene.rules = lots(venue, STEP, self.pick(&[0.0005, 0.0125]));
        scene.taker_fee = self.pick(&[0.0, 0.0005]);
        let settings = &mut scene.settings;
        settings.margin = self.pick(&[MarginMode::Cross, MarginMode::Isolated]);
        if venue == "okx-swap" && self.chance(0.4) {
            settings.margin = MarginMode::Portfolio;
        }
        settings.leverage = self.pick(&[3.0, 20.0, 50.0]);
        settings.equity = self.pick(&[1e5, 1e5, 3e3, 5e7]);
        settings.intrabar = self.pick(&[Intrabar::Pessimistic, Intrabar::Optimistic]);
        settings.simultaneous = self.pick(&[Simultaneous::FileOrder, Simultaneous::ProRata]);
        settings.costs.half_spread_bps = self.pick(&[0.0, 2.0]);
        settings.costs.impact_y = self.pick(&[0.0, 0.0, 1.0]);
        let wildness = self.pick(&[0.002, 0.01, 0.03]);
        let has_stop = self.chance(0.6);
        let has_trailing = has_stop && self.chance(0.5);
        let has_profit = self.chance(0.4);
        for (symbol, &(_, price)) in all.iter().enumerate().take(n_symbols) {
            self.walk(&mut scene, symbol, price, wildness);
            self.signal(&mut scene, symbol, has_stop, has_trailing, has_profit);
        }
        scene
    }

    fn walk(&mut self, scene: &mut Scene, symbol: usize, price: f64, wildness: f64) {
        let is_without_mark = self.chance(0.1);
        let mut close = price;
        for bar in 0..scene.market.n_bars {
            let gap = if self.chance(0.03) { 6.0 * wildness } else { 0.1 * wildness };
            let open = close * (1.0 + self.between(-gap, gap));
            close = open * (1.0 + self.between(-1.0, 1.02) * wildness);
            let high = open.max(close) * (1.0 + self.unit() * wildness);
            let low = open.min(close) * (1.0 - self.unit() * wildness);
            scene.last(symbol, bar, [open, high, low, close]);
            let mut basis = || 1.0 + self.between(-0.2, 0.2) * wildness;
            let (mark_open, mark_close) = (open * basis(), close * basis());
            let mark_high = (high * basis()).max(mark_open).max(mark_close);
            let mark_low = (low * basis()).min(mark_open).min(mark_close);
            scene.mark(symbol, bar, [mark_open, mark_high, mark_low, mark_close]);
            let columns = &mut scene.market.symbols[symbol];
            columns.volume[bar] = if self.chance(0.04) { 0.0 } else { 10.0 };
            columns.quote_volume[bar] = columns.volume[bar] * close;
            if self.chance(0.03) && bar > 0 {
                scene.mark(symbol, bar, [f64::NAN; 4]);
                if self.chance(0.7) {
                    scene.remove(symbol, bar);
                }
            }
        }
        if is_without_mark {
            scene.market.symbols[symbol].mark = None;
        }
        for bar in (0..scene.market.n_bars).filter(|bar| bar % 8 == 0) {
            let rate = self.between(-1.0, 1.0) * self.pick(&[0.0005, 0.0005, 0.02]);
            let recorded = Some(price).filter(|_| self.chance(0.5));
            scene.funding(symbol, bar, rate, recorded);
        }
    }

    fn signal(
        &mut self,
        scene: &mut Scene,
        symbol: usize,
        has_stop: bool,
        has_trailing: bool,
        has_profit: bool,
    ) {
        let closes = scene.market.symbols[symbol].close.clone();
        let mut away = |sign: f64, low: f64, high: f64| -> Vec<f64> {
            closes.iter().map(|close| close * (1.0 + sign * self.between(low, high))).collect()
        };
        let signal = &mut scene.signals[symbol];
        if has_stop {
            signal.stop_long = away(-1.0, 0.001, 0.1);
            signal.stop_short = away(1.0, 0.001, 0.1);
        }
        if has_trailing {
            signal.trailing_stop_long = away(-1.0, 0.01, 0.05);
            signal.trailing_stop_short = away(1.0, 0.01, 0.05);
        }
        if has_profit {
            signal.take_profit_long = away(1.0, 0.005, 0.1);
            signal.take_profit_short = away(-1.0, 0.005, 0.1);
        }
        for bar in 0..closes.len() {
            signal.entry[bar] = if self.chance(0.15) { self.pick(&[-1, 1]) } else { 0 };
            signal.exit_long[bar] = self.chance(0.06);
            signal.exit_short[bar] = self.chance(0.06);
        }
        signal.bars_max = Some(25).filter(|_| self.chance(0.2));
    }

    /// A rule of a limit or two, drawn anew for each trade.
    pub(crate) fn plans(&mut self, n_trades: usize) -> Vec<PlannedSize> {
        let most = self.pick(&[1.0, 10.0, 60.0]);
        (0..n_trades)
            .map(|_| {
                let plan = PlannedSize::of_limits(vec![
                    Limit { name: "notional_fraction", value: Ok(self.between(0.0, most)) },
                    Limit { name: "leverage_cap", value: Ok(self.between(0.0, 2.0 * most)) },
                ]);
                let value = Ok(self.pick(&[1.0, 1.0, 0.5]));
                PlannedSize { multipliers: vec![Multiplier { name: "funding_cut", value }], ..plan }
            })
            .collect()
    }
}

/// Symbols that have brackets at the venue in October 2025.
fn symbols(venue: &str) -> &'static [&'static str] {
    match venue {
        "bybit-linear" => &["BTCUSDT", "ETHUSDT", "XRPUSDT"],
        "okx-swap" => &["BTC-USDT-SWAP", "ETH-USDT-SWAP"],
        _ => &["BTCUSDT", "ETHUSDT", "SOLUSDT"],
    }
}

pub(crate) fn lots(
    venue: &str,
    step: f64,
    liquidation_fee: f64,
) -> &'static plimsoll_venue::VenueRules {
    let lot = |&symbol| Lot { symbol, step, minimum_notional: 20.0, liquidation_fee };
    rules(venue, &symbols(venue).iter().map(lot).collect::<Vec<_>>())
}

/// The market up to a bar, as somebody saw it who lived then.
pub(crate) fn truncated(scene: &Scene, n_bars: usize) -> Scene {
    let mut market = scene.market.clone();
    market.n_bars = n_bars;
    let end: Timestamp = market.open_time(n_bars);
    for columns in &mut market.symbols {
        for column in [
            &mut columns.open,
            &mut columns.high,
            &mut columns.low,
            &mut columns.close,
            &mut columns.volume,
            &mut columns.quote_volume,
        ] {
            column.truncate(n_bars);
        }
        if let Some(mark) = &mut columns.mark {
            for column in [&mut mark.open, &mut mark.high, &mut mark.low, &mut mark.close] {
                column.truncate(n_bars);
            }
        }
        columns.funding.retain(|event| event.settlement_time < end);
    }
    let mut signals = scene.signals.clone();
    for signal in &mut signals {
        signal.entry.truncate(n_bars);
        signal.exit_long.truncate(n_bars);
        signal.exit_short.truncate(n_bars);
        for column in [
            &mut signal.stop_long,
            &mut signal.stop_short,
            &mut signal.trailing_stop_long,
            &mut signal.trailing_stop_short,
            &mut signal.take_profit_long,
            &mut signal.take_profit_short,
        ] {
            column.truncate(n_bars);
        }
    }
    Scene {
        market,
        signals,
        rules: scene.rules,
        settings: scene.settings,
        taker_fee: scene.taker_fee,
    }
}

/// The same market in other units: prices times `factor`, quantities divided by it.
pub(crate) fn scaled(scene: &Scene, factor: f64) -> Scene {
    let mut copy = truncated(scene, scene.market.n_bars);
    let scale = |column: &mut Vec<f64>| column.iter_mut().for_each(|price| *price *= factor);
    let scale_bars = |bars: &mut PriceColumns| {
        [&mut bars.open, &mut bars.high, &mut bars.low, &mut bars.close]
            .into_iter()
            .for_each(scale);
    };
    for columns in &mut copy.market.symbols {
        [&mut columns.open, &mut columns.high, &mut columns.low, &mut columns.close]
            .into_iter()
            .for_each(scale);
        columns.volume.iter_mut().for_each(|volume| *volume /= factor);
        columns.mark.as_mut().map(scale_bars);
        for event in &mut columns.funding {
            *event = FundingEvent { mark_price: event.mark_price.map(|p| p * factor), ..*event };
        }
    }
    for signal in &mut copy.signals {
        [
            &mut signal.stop_long,
            &mut signal.stop_short,
            &mut signal.trailing_stop_long,
            &mut signal.trailing_stop_short,
            &mut signal.take_profit_long,
            &mut signal.take_profit_short,
        ]
        .into_iter()
        .for_each(scale);
    }
    copy
}
