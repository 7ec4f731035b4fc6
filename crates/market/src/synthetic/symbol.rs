//! One symbol's path: the index first, then everything that is traded around it.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::bars::{Bars, BookColumns, StepRecord};
use super::cascade::Stress;
use super::config::{Grids, SimulatedSymbol, SimulatorConfig};
use super::funding::{FundingClock, premium_index};
use super::index::{IndexModel, IndexStep};
use super::liquidations::{Exposure, Liquidations};
use super::season::Season;
use super::streams::{CommonStep, stream};
use crate::market::{FundingEvent, PriceBar, SymbolColumns};
use crate::table::{Column, Kind, Table};
use crate::time::{DAY_MS, Interval, Timestamp};

/// Time in which the trend that the premium follows forgets half.
const PREMIUM_TREND_HALF_LIFE_MINUTES: f64 = 3.0 * 1440.0;

/// Time in which the premium's own noise forgets half, and its size beside the trend's.
const PREMIUM_NOISE_HALF_LIFE_MINUTES: f64 = 60.0;
const PREMIUM_NOISE_SHARE: f64 = 0.4;

/// Time in which the noise of the log volume forgets half, and its standard deviation.
const VOLUME_NOISE_HALF_LIFE_MINUTES: f64 = 30.0;
const VOLUME_NOISE: f64 = 0.35;

/// Time in which the log open interest comes half-way back, and its standard deviation.
const OPEN_INTEREST_HALF_LIFE_MINUTES: f64 = 20.0 * 1440.0;
const OPEN_INTEREST_NOISE: f64 = 0.15;

/// Open interest is published this often, or every step where steps are longer.
const OPEN_INTEREST_INTERVAL_MS: i64 = 300_000;

/// Part of a falling script move that happens between two bars instead of inside one.
const GAP_SHARE: f64 = 0.15;

/// Script falls smaller than this leave no gap.
const GAP_LOG_MOVE_MIN: f64 = 0.003;

/// Binance averages the basis in the mark price over 60 s, from 2025-09-18 08:01 UTC over 30 s.
const BASIS_AVERAGE_CHANGE: Timestamp = Timestamp(1_758_182_460_000);

/// Everything simulated for one symbol.
pub(crate) struct SymbolResult {
    pub(crate) columns: SymbolColumns,
    pub(crate) liquidations: Table,
    pub(crate) open_interest: Table,
    pub(crate) book: BookColumns,
}

/// Walks one symbol through all steps.
pub(crate) fn simulate_symbol(
    config: &SimulatorConfig,
    symbol: &SimulatedSymbol,
    common: &[CommonStep],
    season: &Season,
    n_bars: usize,
) -> SymbolResult {
    let steps_per_bar = (config.interval.ms() / config.step.ms()) as usize;
    let mut bars = Bars::new(symbol.grids(), steps_per_bar, n_bars);
    let index = IndexModel::anchored(config, symbol, common, season);
    let mut path = SymbolPath::new(config, symbol, index);
    for (i, common) in common[..config.steps_to(config.end())].iter().enumerate() {
        let open = config.step_open(i);
        bars.push(&path.step(open, common, season.at(open)));
    }

    let (mut columns, book) = bars.finish(n_bars);
    columns.symbol.clone_from(&symbol.symbol);
    columns.listed_from = Some(config.start);
    // A settlement at the very end belongs to the period after this one.
    path.funding.retain(|event| event.settlement_time < config.end());
    columns.funding = path.funding;
    columns.funding_coverage = vec![(config.start, config.end())];
    let open_interest = path.open_interest.into_table();
    SymbolResult { columns, liquidations: path.liquidations.into_table(), open_interest, book }
}

/// State of one symbol between steps.
struct SymbolPath<'a> {
    config: &'a SimulatorConfig,
    symbol: &'a SimulatedSymbol,
    grids: Grids,
    index: IndexModel,
    wicks: ChaCha8Rng,
    premium: PremiumModel,
    volume: VolumeModel,
    open_interest: OpenInterestModel,
    liquidations: Liquidations,
    funding_clock: FundingClock,
    funding: Vec<FundingEvent>,
    /// Published closes of the step before.
    last_close: f64,
    mark_close: f64,
    index_close: f64,
}

impl<'a> SymbolPath<'a> {
    fn new(config: &'a SimulatorConfig, symbol: &'a SimulatedSymbol, index: IndexModel) -> Self {
        let grids = symbol.grids();
        let index_close = grids.index.snap(symbol.initial_price);
        let (funding_clock, first) = FundingClock::new(symbol, config.start, index_close);
        let (seed, name) = (config.seed, symbol.symbol.as_str());
        Self {
            config,
            symbol,
            grids,
            wicks: stream(seed, name, "wicks"),
            premium: PremiumModel::new(config, symbol, index.step_volatility()),
            volume: VolumeModel::new(config, symbol),
            open_interest: OpenInterestModel::new(config, symbol),
            liquidations: Liquidations::new(seed, name, grids, index.step_volatility()),
            index,
            funding_clock,
            funding: first.into_iter().collect(),
            last_close: grids.price.snap_positive(symbol.initial_price),
            mark_close: index_close,
            index_close,
        }
    }

    fn step(&mut self, open: Timestamp, common: &CommonStep, season: (f64, f64)) -> StepRecord {
        let step_ms = self.config.step.ms();
        let close = Timestamp(open.0 + step_ms);
        let stress = self.config.stress(open, self.symbol.cascade_beta);

        let index = self.index.step(common, season.0, &stress);
        let (depth_notional, half_spread_bps) = self.book(season.0, &index, &stress);
        let last = self.last_bar(&index, half_spread_bps, &stress);
        let (index_bar, mark) = self.index_and_mark_bars(&index, last, close);
        let traded = self.volume.step(last, &index, season.1, &stress);

        let open_interest_value = self.open_interest.value;
        let exposure = Exposure { open, step_ms, mark, last, open_interest_value };
        let liquidated = self.liquidations.step(&exposure);
        self.open_interest.step(close, mark.close, liquidated.quantity, &stress);

        let premium = premium_index(last.close, index_bar.close, half_spread_bps);
        self.funding.extend(self.funding_clock.step(close, premium, mark.close));

        self.last_close = last.close;
        self.mark_close = mark.close;
        self.index_close = index_bar.close;
        StepRecord {
            last,
            mark,
            index: index_bar,
            volume: traded.volume,
            quote_volume: traded.quote_volume,
            taker_buy_volume: traded.taker_buy_volume,
            liquidated_long_notional: liquidated.long_notional,
            liquidated_short_notional: liquidated.short_notional,
            open_interest: self.open_interest.quantity,
            open_interest_value: self.open_interest.value,
            depth_notional,
            half_spread_bps,
        }
    }

    /// `(depth_notional, half_spread_bps)`: deeper in busy hours, thinner in high volatility and
    /// in a cascade; the spread is as much wider as the book is thinner.
    fn book(&self, season: f64, index: &IndexStep, stress: &Stress) -> (f64, f64) {
        let crowd = (season.sqrt() / index.variance_ratio.sqrt().sqrt()).clamp(0.5, 2.0);
        let depth = crowd * stress.depth;
        (self.symbol.depth_notional * depth, self.symbol.half_spread_bps / depth)
    }

    /// The traded bar: the index with its premium, widened by the bounce between bid and ask.
    fn last_bar(&mut self, index: &IndexStep, half_spread_bps: f64, stress: &Stress) -> PriceBar {
        let grid = self.grids.price;
        let before = self.premium.value;
        let after = self.premium.step(index.log_return, stress.premium_close);
        let gap = if stress.log_move < -GAP_LOG_MOVE_MIN {
            (GAP_SHARE * stress.log_move).exp()
        } else {
            1.0
        };
        let open = grid.snap_positive(self.last_close * gap);
        let close = grid.snap_positive(index.price.close * (1.0 + after));
        let mut wick = || 4e-4 * half_spread_bps * self.wicks.random::<f64>();
        let high = index.price.high * (1.0 + before.max(after) + wick());
        let low_premium =
            before.min(after).min(after - stress.premium_close + stress.premium_worst);
        let low = index.price.low * (1.0 + low_premium - wick());
        PriceBar {
            open,
            high: grid.snap_positive(high).max(open).max(close),
            low: grid.snap_positive(low).min(open).min(close),
            close,
        }
    }

    /// The published index bar, and the mark bar: the median of the index plus expected funding,
    /// the index plus the averaged basis, and the last price. Inside the bar the mark keeps the
    /// larger (smaller) of its basis at open and close above (below) the index.
    fn index_and_mark_bars(
        &self,
        index: &IndexStep,
        last: PriceBar,
        close: Timestamp,
    ) -> (PriceBar, PriceBar) {
        let grid = self.grids.index;
        let published = PriceBar {
            open: self.index_close,
            high: grid.snap(index.price.high),
            low: grid.snap_positive(index.price.low),
            close: grid.snap_positive(index.price.close),
        };
        let basis_before = self.last_close - self.index_close;
        let basis = last.close - published.close;
        let average_ms = if close >= BASIS_AVERAGE_CHANGE { 30_000.0 } else { 60_000.0 };
        // Mean of a basis that moves in a straight line over the step, over its last part.
        let weight_before = 0.5 * average_ms / self.config.step.ms() as f64;
        let average_basis = basis + weight_before * (basis_before - basis);
        let by_funding = published.close * (1.0 + self.funding_clock.expected_cost(close));
        let mark = median(by_funding, published.close + average_basis, last.close);

        let mark_open = self.mark_close;
        let mark_close = grid.snap_positive(mark);
        let premium_open = mark_open / published.open;
        let premium_close = mark_close / published.close;
        let high = grid.snap(published.high * premium_open.max(premium_close));
        let low = grid.snap_positive(published.low * premium_open.min(premium_close));
        let mark = PriceBar {
            open: mark_open,
            high: high.max(mark_open).max(mark_close),
            low: low.min(mark_open).min(mark_close),
            close: mark_close,
        };
        (published, mark)
    }
}

/// Premium of last over index: it follows the trend of the last days, with noise.
struct PremiumModel {
    rng: ChaCha8Rng,
    size: f64,
    step_volatility: f64,
    trend_decay: f64,
    trend: f64,
    noise_decay: f64,
    noise: f64,
    /// The premium at the last close, as a fraction of the index.
    value: f64,
}

impl PremiumModel {
    fn new(config: &SimulatorConfig, symbol: &SimulatedSymbol, step_volatility: f64) -> Self {
        Self {
            rng: stream(config.seed, &symbol.symbol, "premium"),
            size: symbol.premium_bps * 1e-4,
            step_volatility,
            trend_decay: decay(config.step, PREMIUM_TREND_HALF_LIFE_MINUTES),
            trend: 0.0,
            noise_decay: decay(config.step, PREMIUM_NOISE_HALF_LIFE_MINUTES),
            noise: 0.0,
            value: 0.0,
        }
    }

    fn step(&mut self, log_return: f64, scripted: f64) -> f64 {
        let standardised = log_return / self.step_volatility;
        self.trend = auto_regress(self.trend, self.trend_decay, standardised);
        let noise = self.rng.sample(StandardNormal);
        self.noise = auto_regress(self.noise, self.noise_decay, noise);
        let crowd = self.trend.clamp(-4.0, 4.0) + PREMIUM_NOISE_SHARE * self.noise;
        self.value = self.size * crowd + scripted;
        self.value
    }
}

/// What is traded in a step.
struct Traded {
    volume: f64,
    quote_volume: f64,
    taker_buy_volume: f64,
}

/// Volume: the season's, more with volatility and large moves, with persistent noise.
struct VolumeModel {
    rng: ChaCha8Rng,
    grids: Grids,
    notional_per_step: f64,
    noise_decay: f64,
    noise: f64,
}

impl VolumeModel {
    fn new(config: &SimulatorConfig, symbol: &SimulatedSymbol) -> Self {
        Self {
            rng: stream(config.seed, &symbol.symbol, "volume"),
            grids: symbol.grids(),
            notional_per_step: symbol.daily_volume_notional * config.step.ms() as f64
                / DAY_MS as f64,
            noise_decay: decay(config.step, VOLUME_NOISE_HALF_LIFE_MINUTES),
            noise: 0.0,
        }
    }

    fn step(&mut self, last: PriceBar, index: &IndexStep, season: f64, stress: &Stress) -> Traded {
        let noise = self.rng.sample(StandardNormal);
        self.noise = auto_regress(self.noise, self.noise_decay, noise);
        let surprise = 0.3 * (index.shock.abs().min(5.0) - 0.75);
        let level = (VOLUME_NOISE * self.noise + surprise).exp() / (1.0 + VOLUME_NOISE.powi(2));
        let notional = self.notional_per_step
            * season
            * stress.volume
            * index.variance_ratio.sqrt().sqrt()
            * level;
        let average_price = 0.25 * (last.open + last.high + last.low + last.close);
        let volume = self.grids.quantity.snap_positive(notional / average_price);

        let direction = index.shock / (1.0 + index.shock.abs());
        let buy_share = 0.5 + 0.2 * direction + 0.1 * (self.rng.random::<f64>() - 0.5);
        Traded {
            volume,
            quote_volume: self.grids.value.snap(volume * average_price),
            taker_buy_volume: self.grids.quantity.snap(volume * buy_share).min(volume),
        }
    }
}

/// Open interest: a level that is returned to slowly, less what a cascade closes.
struct OpenInterestModel {
    rng: ChaCha8Rng,
    grids: Grids,
    interval_ms: i64,
    level: f64,
    decay: f64,
    deviation: f64,
    /// Published quantity in base units and value in quote currency.
    quantity: f64,
    value: f64,
    times: Vec<i64>,
    quantities: Vec<f64>,
    values: Vec<f64>,
}

impl OpenInterestModel {
    fn new(config: &SimulatorConfig, symbol: &SimulatedSymbol) -> Self {
        let interval_ms = config.step.ms().max(OPEN_INTEREST_INTERVAL_MS);
        let interval = Interval::from_ms(interval_ms).unwrap_or(config.step);
        let mut model = Self {
            rng: stream(config.seed, &symbol.symbol, "open_interest"),
            grids: symbol.grids(),
            interval_ms,
            level: symbol.open_interest_notional / symbol.initial_price,
            decay: decay(interval, OPEN_INTEREST_HALF_LIFE_MINUTES),
            deviation: 0.0,
            quantity: 0.0,
            value: 0.0,
            times: Vec::new(),
            quantities: Vec::new(),
            values: Vec::new(),
        };
        model.publish(config.start, symbol.initial_price);
        model
    }

    fn step(&mut self, close: Timestamp, mark_price: f64, liquidated: f64, stress: &Stress) {
        self.deviation += stress.open_interest_log_move;
        if liquidated > 0.0 {
            self.deviation += (1.0 - (liquidated / self.quantity).min(0.5)).ln();
        }
        if close.0.rem_euclid(self.interval_ms) == 0 {
            let noise: f64 = self.rng.sample(StandardNormal);
            let noise = OPEN_INTEREST_NOISE * noise;
            self.deviation = auto_regress(self.deviation, self.decay, noise);
            self.publish(close, mark_price);
        }
    }

    fn publish(&mut self, time: Timestamp, mark_price: f64) {
        self.quantity = self.grids.quantity.snap_positive(self.level * self.deviation.exp());
        self.value = self.grids.value.snap_positive(self.quantity * mark_price);
        self.times.push(time.0);
        self.quantities.push(self.quantity);
        self.values.push(self.value);
    }

    fn into_table(self) -> Table {
        let present = |values: Vec<f64>| Column::F64OrNull(values.into_iter().map(Some).collect());
        let columns =
            vec![Column::Time(self.times), present(self.quantities), present(self.values)];
        Table::new(Kind::OpenInterest, columns)
    }
}

/// One step of a first-order autoregression whose stationary variance is that of the noise.
fn auto_regress(value: f64, decay: f64, noise: f64) -> f64 {
    decay * value + (1.0 - decay * decay).sqrt() * noise
}

/// What a step leaves of something that halves in so many minutes.
fn decay(step: Interval, half_life_minutes: f64) -> f64 {
    0.5_f64.powf(f64::from(step.minutes()) / half_life_minutes)
}

fn median(a: f64, b: f64, c: f64) -> f64 {
    a.max(b).min(a.min(b).max(c))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)]
    use super::*;

    #[test]
    fn median_is_the_middle_one() {
        for (a, b, c) in
            [(1.0, 2.0, 3.0), (1.0, 3.0, 2.0), (2.0, 1.0, 3.0), (3.0, 1.0, 2.0), (3.0, 2.0, 1.0)]
        {
            assert_eq!(median(a, b, c), 2.0);
        }
        assert_eq!(median(1.0, 1.0, 5.0), 1.0);
    }

    #[test]
    fn basis_average_changed_on_its_day() {
        assert_eq!(BASIS_AVERAGE_CHANGE.to_string(), "2025-09-18T08:01:00Z");
    }
}
