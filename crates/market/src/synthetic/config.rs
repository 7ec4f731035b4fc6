//! What to simulate: the market, its symbols, the model's parameters, and their bounds.

use super::cascade::{Cascade, Stress};
use super::grid::Grid;
use crate::error::MarketError;
use crate::time::{DAY_MS, Interval, Timestamp};

/// Everything that a simulated market follows from. Equal settings give equal bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatorConfig {
    /// Seed of every stream of random numbers.
    pub seed: u64,
    /// Open time of the first bar; a multiple of `interval`.
    pub start: Timestamp,
    /// Length in days of 24 hours. More days leave the earlier ones unchanged.
    pub n_days: u32,
    /// Bar length of the market that is returned; a multiple of `step`.
    pub interval: Interval,
    /// Time step of the model: 1m, 5m, 15m, 30m or 1h. Bars longer than the step are aggregated
    /// from it, so with a step of one minute an hourly market is exactly the minute market seen
    /// hourly. A longer step is faster and follows the same model, on another path.
    pub step: Interval,
    /// The instruments, each independent of which others are there.
    pub symbols: Vec<SimulatedSymbol>,
    /// Clustering and tails of the volatility.
    pub volatility: VolatilityModel,
    /// Slowly switching drift.
    pub trend: TrendModel,
    /// How pronounced calm nights, busy hours and quiet weekends are: 0 none, 1 as in [`season`].
    ///
    /// [`season`]: super::season
    pub season_strength: f64,
    /// A scripted crash, if any.
    pub cascade: Option<Cascade>,
}

/// One simulated perpetual future, quoted in USDT.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedSymbol {
    /// Symbol in the venue's spelling.
    pub symbol: String,
    /// Index price at the start.
    pub initial_price: f64,
    /// Price step of the last price.
    pub tick: f64,
    /// Quantity step, base units.
    pub quantity_step: f64,
    /// Standard deviation of the log return of the index over 365 days.
    pub volatility_annual: f64,
    /// Expected log return of the index over 365 days, without the cascade.
    pub drift_annual: f64,
    /// A level that the index passes through, if any. Then the drift is the one that leads there,
    /// instead of `drift_annual`; the noise is the same with and without it.
    pub anchor: Option<PriceAnchor>,
    /// Correlation of the shocks with the common factor, in [-1, 1]. Two symbols correlate by
    /// the product of their loadings.
    pub factor_loading: f64,
    /// How many times the cascade's log move the symbol makes.
    pub cascade_beta: f64,
    /// Traded value of an average day, quote currency.
    pub daily_volume_notional: f64,
    /// Open interest at the start, quote currency.
    pub open_interest_notional: f64,
    /// Notional resting near the best price on one side of the book, in calm.
    pub depth_notional: f64,
    /// Half the bid-ask spread in calm, basis points of the price.
    pub half_spread_bps: f64,
    /// Standard deviation of the premium that follows the trend of the last days, basis points.
    pub premium_bps: f64,
    /// Hours between funding settlements: 1, 2, 4 or 8.
    pub funding_interval_hours: i32,
    /// Largest funding rate of one interval, either sign.
    pub funding_rate_cap: f64,
}

/// A price that a simulated index has at an instant, which may lie beyond the simulated period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriceAnchor {
    /// When; at least a day after the start.
    pub at: Timestamp,
    /// The index price at that time, to the nearest step of the model.
    pub price: f64,
}

/// GJR-GARCH(1,1) with Student-t shocks (Glosten, Jagannathan and Runkle, Journal of Finance
/// 48(5), 1993):
///
/// `variance' = omega + (arch + asymmetry * [shock < 0]) * shock^2 + garch * variance`.
///
/// `arch` and `asymmetry` are given for a step of one minute and scale with the square root of
/// the step, the persistence `arch + asymmetry / 2 + garch` scales exponentially: then the model
/// has the same diffusion limit at every step (Nelson, Journal of Econometrics 45, 1990).
/// `omega` follows from the symbol's volatility, `garch` from the persistence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VolatilityModel {
    /// Weight of a squared shock at a step of one minute.
    pub arch_per_minute: f64,
    /// Additional weight after a fall, at a step of one minute.
    pub asymmetry_per_minute: f64,
    /// Time in which the excess of the variance over its mean halves.
    pub half_life_hours: f64,
    /// Degrees of freedom of the shocks, above 4. One mixing variable a step is shared by all
    /// symbols (a multivariate t), so that extremes come together.
    pub degrees_of_freedom: f64,
}

/// A drift common to all symbols that switches between up, flat and down.
///
/// A regime lasts an exponential time and is followed by one of the other two with equal
/// probability, so that the drift is zero on average. While it lasts, a symbol drifts by
/// `sharpe_annual * volatility_annual * factor_loading` a year. Over a mean regime of 30 days a
/// Sharpe ratio of 2 moves the price by about 0.57 standard deviations: a slow breakout rule has
/// something to find, and is often enough wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrendModel {
    /// Mean length of a regime; 0 for no trends.
    pub mean_duration_days: f64,
    /// Drift over volatility, both annual, in a regime that trends.
    pub sharpe_annual: f64,
}

impl SimulatorConfig {
    /// Two years of hourly bars, 2024-01-01 to 2026-01-01, of two simulated instruments that
    /// carry the names `BTCUSDT` and `ETHUSDT` so that the venue's rules for these apply, with a
    /// cascade like the one of 10 October 2025 from price levels like those of that day.
    pub fn demo(seed: u64) -> Self {
        let cascade = Cascade::october_2025();
        let anchor = |price| Some(PriceAnchor { at: cascade.begin(), price });
        Self {
            start: Timestamp(1_704_067_200_000),
            n_days: 731,
            interval: Interval::HOUR,
            cascade: Some(cascade),
            symbols: vec![
                SimulatedSymbol { anchor: anchor(117_000.0), ..SimulatedSymbol::bitcoin() },
                SimulatedSymbol { anchor: anchor(4_100.0), ..SimulatedSymbol::ether() },
            ],
            ..Self::calm(seed)
        }
    }

    /// Thirty days of one-minute bars of one instrument from 2024-01-01, without a cascade: a
    /// small market to start from.
    pub fn calm(seed: u64) -> Self {
        Self {
            seed,
            start: Timestamp(1_704_067_200_000),
            n_days: 30,
            interval: Interval::MINUTE,
            step: Interval::MINUTE,
            symbols: vec![SimulatedSymbol::bitcoin()],
            volatility: VolatilityModel::default(),
            trend: TrendModel::default(),
            season_strength: 1.0,
            cascade: None,
        }
    }

    /// First instant after the simulated period.
    pub fn end(&self) -> Timestamp {
        Timestamp(self.start.0 + i64::from(self.n_days) * DAY_MS)
    }

    /// Open time of a step.
    pub(crate) fn step_open(&self, step: usize) -> Timestamp {
        Timestamp(self.start.0 + step as i64 * self.step.ms())
    }

    /// Steps from the start to the step boundary nearest to a time.
    pub(crate) fn steps_to(&self, time: Timestamp) -> usize {
        ((time.0 - self.start.0 + self.step.ms() / 2) / self.step.ms()) as usize
    }

    /// The cascade's script over the step that opens at a time.
    pub(crate) fn stress(&self, open: Timestamp, cascade_beta: f64) -> Stress {
        let close = Timestamp(open.0 + self.step.ms());
        self.cascade.map_or(Stress::NONE, |cascade| cascade.between(open, close, cascade_beta))
    }

    /// Whether every setting is in its bounds; the error names the first that is not.
    pub fn check(&self) -> Result<(), MarketError> {
        let rule = |symbol: &str, column, value, rule, holds: bool| {
            let (symbol, time) = (symbol.to_owned(), self.start);
            if holds {
                Ok(())
            } else {
                Err(MarketError::BrokenRule { symbol, time, column, value, rule })
            }
        };
        let market = |column, value, text, holds| rule("simulator", column, value, text, holds);

        let n_days = f64::from(self.n_days);
        market("n_days", n_days, "from 1 to 36500", (1..=36_500).contains(&self.n_days))?;
        let step = self.step.minutes();
        let is_step = self.step.ms() % 60_000 == 0 && matches!(step, 1 | 5 | 15 | 30 | 60);
        market("step", f64::from(step), "1, 5, 15, 30 or 60 minutes", is_step)?;
        let interval = self.interval.ms();
        let fits = interval % self.step.ms() == 0 && interval <= i64::from(self.n_days) * DAY_MS;
        let text = "a multiple of the step, not longer than the period";
        market("interval_minutes", interval as f64 / 60_000.0, text, fits)?;
        let on_grid = self.interval.is_on_grid(self.start) && self.step.is_on_grid(self.start);
        market("start", self.start.0 as f64, "the open time of a bar", on_grid)?;
        let strength = self.season_strength;
        market("season_strength", strength, "in [0, 1]", (0.0..=1.0).contains(&strength))?;
        market("symbols", self.symbols.len() as f64, "at least one", !self.symbols.is_empty())?;

        for (column, value, text, holds) in self.volatility.bounds(self.step) {
            market(column, value, text, holds)?;
        }
        for (column, value, text, holds) in self.trend.bounds() {
            market(column, value, text, holds)?;
        }
        for (column, value, text, holds) in self.cascade.iter().flat_map(Cascade::bounds) {
            market(column, value, text, holds)?;
        }
        for (position, symbol) in self.symbols.iter().enumerate() {
            let twice = self.symbols[..position].iter().any(|s| s.symbol == symbol.symbol);
            rule(&symbol.symbol, "symbols", position as f64, "each name once", !twice)?;
            for (column, value, text, holds) in symbol.bounds(self.start) {
                rule(&symbol.symbol, column, value, text, holds)?;
            }
        }
        Ok(())
    }
}

/// Setting, value, rule, and whether it holds.
pub(crate) type Bound = (&'static str, f64, &'static str, bool);

impl SimulatedSymbol {
    /// An instrument of the size of Binance's BTCUSDT at the start of 2024.
    pub fn bitcoin() -> Self {
        Self {
            symbol: "BTCUSDT".into(),
            initial_price: 42_300.0,
            tick: 0.1,
            quantity_step: 0.001,
            volatility_annual: 0.50,
            drift_annual: 0.30,
            anchor: None,
            factor_loading: 0.95,
            cascade_beta: 1.0,
            daily_volume_notional: 15e9,
            open_interest_notional: 5e9,
            depth_notional: 10e6,
            half_spread_bps: 0.05,
            premium_bps: 4.0,
            funding_interval_hours: 8,
            funding_rate_cap: 0.003,
        }
    }

    /// An instrument of the size of Binance's ETHUSDT at the start of 2024.
    pub fn ether() -> Self {
        Self {
            symbol: "ETHUSDT".into(),
            initial_price: 2_280.0,
            tick: 0.01,
            volatility_annual: 0.65,
            drift_annual: 0.10,
            factor_loading: 0.88,
            cascade_beta: 1.45,
            daily_volume_notional: 10e9,
            open_interest_notional: 3e9,
            depth_notional: 6e6,
            premium_bps: 5.0,
            ..Self::bitcoin()
        }
    }

    /// An instrument of the size of Binance's SOLUSDT at the start of 2024.
    pub fn solana() -> Self {
        Self {
            symbol: "SOLUSDT".into(),
            initial_price: 101.0,
            tick: 0.01,
            quantity_step: 0.01,
            volatility_annual: 0.85,
            drift_annual: 0.15,
            factor_loading: 0.80,
            cascade_beta: 1.9,
            daily_volume_notional: 3e9,
            open_interest_notional: 1e9,
            depth_notional: 2e6,
            half_spread_bps: 0.5,
            premium_bps: 6.0,
            funding_rate_cap: 0.00375,
            ..Self::bitcoin()
        }
    }

    pub(crate) fn grids(&self) -> Grids {
        let price = Grid::from_step(self.tick).expect("checked by SimulatorConfig::check");
        let quantity =
            Grid::from_step(self.quantity_step).expect("checked by SimulatorConfig::check");
        Grids {
            price,
            quantity,
            index: Grid::from_decimals((price.decimals + 3).max(8)),
            value: Grid::from_decimals(4),
        }
    }

    fn bounds(&self, start: Timestamp) -> [Bound; 18] {
        let positive = |name, value: f64| (name, value, "positive", value > 0.0 && value < 1e15);
        let finite = |name, value: f64| (name, value, "within +-1000", value.abs() <= 1000.0);
        let step = |name, value| {
            (
                name,
                value,
                "a positive decimal of at most 12 places",
                Grid::from_step(value).is_some(),
            )
        };
        let loading = self.factor_loading;
        let hours = self.funding_interval_hours;
        let anchor = self
            .anchor
            .unwrap_or(PriceAnchor { at: Timestamp(start.0 + DAY_MS), price: self.initial_price });
        let anchor_days = (anchor.at.0 - start.0) as f64 / DAY_MS as f64;
        [
            ("symbol", 0.0, "letters, digits, `_` or `-`", is_symbol(&self.symbol)),
            positive("initial_price", self.initial_price),
            step("tick", self.tick),
            ("tick", self.tick, "at most 1 % of the initial price", {
                self.tick <= 0.01 * self.initial_price
            }),
            step("quantity_step", self.quantity_step),
            ("volatility_annual", self.volatility_annual, "in (0, 10]", {
                self.volatility_annual > 0.0 && self.volatility_annual <= 10.0
            }),
            finite("drift_annual", self.drift_annual),
            positive("anchor.price", anchor.price),
            ("anchor.at", anchor_days, "from 1 to 36500 days after the start", {
                (1.0..=36_500.0).contains(&anchor_days)
            }),
            ("factor_loading", loading, "in [-1, 1]", loading.abs() <= 1.0),
            ("cascade_beta", self.cascade_beta, "in [0, 10]", {
                (0.0..=10.0).contains(&self.cascade_beta)
            }),
            positive("daily_volume_notional", self.daily_volume_notional),
            positive("open_interest_notional", self.open_interest_notional),
            positive("depth_notional", self.depth_notional),
            ("half_spread_bps", self.half_spread_bps, "in [0, 100]", {
                (0.0..=100.0).contains(&self.half_spread_bps)
            }),
            ("funding_interval_hours", f64::from(hours), "1, 2, 4 or 8", {
                matches!(hours, 1 | 2 | 4 | 8)
            }),
            ("premium_bps", self.premium_bps, "in [0, 100]", {
                (0.0..=100.0).contains(&self.premium_bps)
            }),
            positive("funding_rate_cap", self.funding_rate_cap),
        ]
    }
}

impl VolatilityModel {
    /// `(arch, asymmetry, garch)` at a time step.
    pub(crate) fn at_step(&self, step: Interval) -> (f64, f64, f64) {
        let minutes = f64::from(step.minutes());
        let persistence = 0.5_f64.powf(minutes / (60.0 * self.half_life_hours));
        let arch = self.arch_per_minute * minutes.sqrt();
        let asymmetry = self.asymmetry_per_minute * minutes.sqrt();
        (arch, asymmetry, persistence - arch - 0.5 * asymmetry)
    }

    fn bounds(&self, step: Interval) -> [Bound; 5] {
        let (arch, asymmetry, half_life) =
            (self.arch_per_minute, self.asymmetry_per_minute, self.half_life_hours);
        let garch = self.at_step(step).2;
        let freedom = self.degrees_of_freedom;
        [
            ("half_life_hours", half_life, "positive, at most 10000", {
                half_life > 0.0 && half_life <= 10_000.0
            }),
            ("arch_per_minute", arch, "in [0, 1]", (0.0..=1.0).contains(&arch)),
            ("asymmetry_per_minute", asymmetry, "in [0, 1]", (0.0..=1.0).contains(&asymmetry)),
            ("garch", garch, "not below 0: lower the shock weights or lengthen the half-life", {
                garch >= 0.0
            }),
            ("degrees_of_freedom", freedom, "above 4, at most 1000", {
                freedom > 4.0 && freedom <= 1000.0
            }),
        ]
    }
}

impl Default for VolatilityModel {
    /// Half-life of 12 hours, 5 degrees of freedom: tails as heavy as those of hourly bars of
    /// large coins, and a finite fourth moment at every step.
    fn default() -> Self {
        Self {
            arch_per_minute: 0.006,
            asymmetry_per_minute: 0.005,
            half_life_hours: 12.0,
            degrees_of_freedom: 5.0,
        }
    }
}

impl TrendModel {
    fn bounds(&self) -> [Bound; 2] {
        let days = self.mean_duration_days;
        [
            ("mean_duration_days", days, "0 (none), or from 0.1 to 10000", {
                days.abs() <= 0.0 || (0.1..=10_000.0).contains(&days)
            }),
            (
                "sharpe_annual",
                self.sharpe_annual,
                "within +-100",
                self.sharpe_annual.abs() <= 100.0,
            ),
        ]
    }
}

impl Default for TrendModel {
    fn default() -> Self {
        Self { mean_duration_days: 30.0, sharpe_annual: 2.0 }
    }
}

/// The grids that one symbol's published numbers lie on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grids {
    pub(crate) price: Grid,
    pub(crate) quantity: Grid,
    /// Mark and index price.
    pub(crate) index: Grid,
    /// Value in quote currency.
    pub(crate) value: Grid,
}

/// Symbols become file and folder names.
fn is_symbol(symbol: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    !symbol.is_empty() && symbol.len() <= 40 && symbol.bytes().all(allowed)
}
