//! The index price: GJR-GARCH noise, drift, trend and script, with a path inside each step.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{OpenClosed01, StandardNormal};

use super::cascade::Stress;
use super::config::{SimulatedSymbol, SimulatorConfig};
use super::season::Season;
use super::streams::{CommonStep, stream};
use crate::market::PriceBar;
use crate::time::YEAR_MS;

/// The variance never exceeds this multiple of its mean, so that no seed runs away.
const VARIANCE_RATIO_MAX: f64 = 100.0;

/// One step of the index, before it is rounded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexStep {
    pub(crate) price: PriceBar,
    pub(crate) log_return: f64,
    /// The shock in units of its own standard deviation.
    pub(crate) shock: f64,
    /// Conditional variance over its mean, without season and script.
    pub(crate) variance_ratio: f64,
}

/// State of one symbol's index.
pub(crate) struct IndexModel {
    shocks: ChaCha8Rng,
    ranges: ChaCha8Rng,
    /// `(arch, asymmetry, garch)`.
    weights: (f64, f64, f64),
    omega: f64,
    mean_variance: f64,
    variance: f64,
    own_loading: f64,
    common_loading: f64,
    drift: f64,
    price: f64,
}

impl IndexModel {
    pub(crate) fn new(config: &SimulatorConfig, symbol: &SimulatedSymbol) -> Self {
        let years = config.step.ms() as f64 / YEAR_MS as f64;
        let mean_variance = symbol.volatility_annual.powi(2) * years;
        let weights = config.volatility.at_step(config.step);
        let persistence = weights.0 + 0.5 * weights.1 + weights.2;
        Self {
            shocks: stream(config.seed, &symbol.symbol, "shocks"),
            ranges: stream(config.seed, &symbol.symbol, "ranges"),
            weights,
            omega: mean_variance * (1.0 - persistence),
            mean_variance,
            variance: mean_variance,
            own_loading: (1.0 - symbol.factor_loading.powi(2)).max(0.0).sqrt(),
            common_loading: symbol.factor_loading,
            drift: symbol.drift_annual * years,
            price: symbol.initial_price,
        }
    }

    /// The model with the drift that leads to the symbol's anchor, if it has one. Drift adds to
    /// the log price and nothing depends on the price, so one walk without it tells the rest.
    pub(crate) fn anchored(
        config: &SimulatorConfig,
        symbol: &SimulatedSymbol,
        common: &[CommonStep],
        season: &Season,
    ) -> Self {
        let mut model = Self::new(config, symbol);
        if let Some(anchor) = symbol.anchor {
            let mut walk = Self { drift: 0.0, ..Self::new(config, symbol) };
            let n_steps = config.steps_to(anchor.at);
            for (i, common) in common[..n_steps].iter().enumerate() {
                let open = config.step_open(i);
                let stress = config.stress(open, symbol.cascade_beta);
                walk.step(common, season.at(open).0, &stress);
            }
            model.drift = (anchor.price / walk.price).ln() / n_steps as f64;
        }
        model
    }

    /// Standard deviation of the average step.
    pub(crate) fn step_volatility(&self) -> f64 {
        self.mean_variance.sqrt()
    }

    pub(crate) fn step(&mut self, common: &CommonStep, season: f64, stress: &Stress) -> IndexStep {
        let own: f64 = self.shocks.sample(StandardNormal);
        let shock = (self.common_loading * common.factor + self.own_loading * own) * common.mixing;
        let variance_ratio = self.variance / self.mean_variance;
        let deviation = self.variance.sqrt() * season * stress.volatility;
        let trend = self.common_loading * common.trend * self.step_volatility();
        let log_return = deviation * shock + trend + self.drift + stress.log_move;

        // The highest and the lowest point of a Brownian bridge from 0 to the return, each exact
        // in distribution; that both are drawn independently is an approximation.
        let spread = 2.0 * (deviation * common.mixing).powi(2);
        let mut reach = || {
            let uniform: f64 = self.ranges.sample(OpenClosed01);
            (log_return * log_return - spread * uniform.ln()).sqrt()
        };
        let highest = 0.5 * (log_return + reach());
        let lowest = (0.5 * (log_return - reach())).min(stress.log_worst);

        let (arch, asymmetry, garch) = self.weights;
        let weight = if shock < 0.0 { arch + asymmetry } else { arch };
        let next = self.omega + (weight * shock * shock + garch) * self.variance;
        self.variance = next.min(VARIANCE_RATIO_MAX * self.mean_variance);

        let open = self.price;
        self.price = open * log_return.exp();
        let price = PriceBar {
            open,
            high: (open * highest.exp()).max(open).max(self.price),
            low: (open * lowest.exp()).min(open).min(self.price),
            close: self.price,
        };
        IndexStep { price, log_return, shock, variance_ratio }
    }
}
