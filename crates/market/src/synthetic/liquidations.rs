//! Other traders' forced orders, fed by the moves of the mark price.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Poisson, StandardNormal};

use super::config::Grids;
use super::streams::stream;
use crate::market::PriceBar;
use crate::table::{Column, Kind, Table};
use crate::time::Timestamp;

/// Adverse moves up to this many standard deviations of a step liquidate nobody.
const THRESHOLD_SIGMAS: f64 = 3.5;

/// Share of the open interest liquidated for each unit of adverse move beyond the threshold.
const LIQUIDATED_PER_MOVE: f64 = 0.05;

/// How the share grows with the move itself: a move of 1 % doubles it.
const ACCELERATION: f64 = 100.0;

/// Mean notional of one forced order, share of the open interest.
const MEAN_EVENT_SHARE: f64 = 2.5e-6;

/// Spread of the log size of orders.
const SIZE_SIGMA: f64 = 1.2;

/// At most this share of a step's seconds carries an event: the venue publishes no more than one
/// a second and symbol.
const BUSIEST_SHARE: f64 = 0.8;

/// What a step offers to liquidate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exposure {
    pub(crate) open: Timestamp,
    pub(crate) step_ms: i64,
    pub(crate) mark: PriceBar,
    pub(crate) last: PriceBar,
    pub(crate) open_interest_value: f64,
}

/// What a step did liquidate.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Liquidated {
    pub(crate) long_notional: f64,
    pub(crate) short_notional: f64,
    pub(crate) quantity: f64,
}

/// Draws liquidations and keeps them as columns.
pub(crate) struct Liquidations {
    rng: ChaCha8Rng,
    grids: Grids,
    threshold: f64,
    seconds: Vec<u32>,
    time: Vec<i64>,
    side: Vec<String>,
    price: Vec<f64>,
    quantity: Vec<f64>,
    notional: Vec<f64>,
}

impl Liquidations {
    pub(crate) fn new(seed: u64, symbol: &str, grids: Grids, step_volatility: f64) -> Self {
        Self {
            rng: stream(seed, symbol, "liquidations"),
            grids,
            threshold: THRESHOLD_SIGMAS * step_volatility,
            seconds: Vec::new(),
            time: Vec::new(),
            side: Vec::new(),
            price: Vec::new(),
            quantity: Vec::new(),
            notional: Vec::new(),
        }
    }

    /// Liquidates longs by how far the mark fell below the step's open, shorts by how far it
    /// rose above.
    pub(crate) fn step(&mut self, exposure: &Exposure) -> Liquidated {
        let mark = exposure.mark;
        let longs = self.liquidated_share((mark.open - mark.low) / mark.open);
        let shorts = self.liquidated_share((mark.high - mark.open) / mark.open);
        let share = longs + shorts;
        if share <= 0.0 {
            return Liquidated::default();
        }
        self.draw_seconds(share / MEAN_EVENT_SHARE, exposure.step_ms / 1000);
        let n_events = self.seconds.len() as f64;
        let mean_share = (share / n_events.max(1.0)).max(MEAN_EVENT_SHARE);
        let mean_notional = mean_share * exposure.open_interest_value;

        let mut done = Liquidated::default();
        for second in std::mem::take(&mut self.seconds) {
            let is_long = self.rng.random::<f64>() * share < longs;
            let depth = 0.3 + 0.7 * self.rng.random::<f64>();
            let extreme = if is_long { exposure.last.low } else { exposure.last.high };
            let open = exposure.last.open;
            let price = self.grids.price.snap_positive(open + depth * (extreme - open));
            let size: f64 = self.rng.sample(StandardNormal);
            let size = (SIZE_SIGMA * size - 0.5 * SIZE_SIGMA * SIZE_SIGMA).exp();
            let quantity = self.grids.quantity.snap_positive(size * mean_notional / price);
            let notional = self.grids.value.snap(price * quantity);
            let millisecond = self.rng.random_range(0..1000);
            self.time.push(exposure.open.0 + i64::from(second) * 1000 + millisecond);
            self.side.push(if is_long { "long" } else { "short" }.to_owned());
            self.price.push(price);
            self.quantity.push(quantity);
            self.notional.push(notional);
            done.quantity += quantity;
            *(if is_long { &mut done.long_notional } else { &mut done.short_notional }) += notional;
        }
        done
    }

    /// The events as records.
    pub(crate) fn into_table(self) -> Table {
        let kind = vec!["liquidation".to_owned(); self.time.len()];
        let columns = vec![
            Column::Time(self.time),
            Column::Text(self.side),
            Column::F64(self.price),
            Column::F64(self.quantity),
            Column::F64(self.notional),
            Column::Text(kind),
        ];
        Table::new(Kind::Liquidations, columns)
    }

    /// Share of the open interest that an adverse move liquidates.
    fn liquidated_share(&self, adverse_move: f64) -> f64 {
        let excess = (adverse_move - self.threshold).max(0.0);
        LIQUIDATED_PER_MOVE * excess * (1.0 + ACCELERATION * excess)
    }

    /// Fills `seconds` with the sorted, distinct seconds of the step at which events happen.
    fn draw_seconds(&mut self, expected_events: f64, step_seconds: i64) {
        self.seconds.clear();
        let most = BUSIEST_SHARE * step_seconds as f64;
        let mean = expected_events.min(2.0 * most);
        // Only a mean that is not positive is refused, and then nothing happens.
        let n_events = Poisson::new(mean).map_or(0.0, |p| p.sample(&mut self.rng)).min(most);
        for _ in 0..n_events as usize {
            self.seconds.push(self.rng.random_range(0..step_seconds as u32));
        }
        self.seconds.sort_unstable();
        self.seconds.dedup();
    }
}
