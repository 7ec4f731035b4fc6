//! One stream of random numbers a purpose, and the shocks that all symbols share.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{ChiSquared, Distribution, Exp1, StandardNormal};

use super::config::{SimulatorConfig, TrendModel};
use crate::time::{DAY_MS, Interval, YEAR_MS};

/// The stream of one purpose of one symbol, or of the market where the symbol is empty.
///
/// The stream's number is a hash of both names, so that adding, removing or reordering symbols
/// leaves every other stream alone.
pub(crate) fn stream(seed: u64, symbol: &str, purpose: &str) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(fnv1a(symbol.bytes().chain([0]).chain(purpose.bytes())));
    rng
}

/// What every symbol sees in one step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CommonStep {
    /// The common factor, standard normal.
    pub(crate) factor: f64,
    /// Common scale that makes normal shocks Student-t ones of variance 1.
    pub(crate) mixing: f64,
    /// Drift of the regime over the volatility of the step.
    pub(crate) trend: f64,
}

/// The common steps of a whole simulation.
pub(crate) fn common_steps(config: &SimulatorConfig, n_steps: usize) -> Vec<CommonStep> {
    let freedom = config.volatility.degrees_of_freedom;
    let chi_squared = ChiSquared::new(freedom).expect("checked by SimulatorConfig::check");
    let mut factor = stream(config.seed, "", "factor");
    let mut mixing = stream(config.seed, "", "mixing");
    let mut trend = Trend::new(config.trend, config.step, stream(config.seed, "", "trend"));
    (0..n_steps)
        .map(|_| CommonStep {
            factor: factor.sample(StandardNormal),
            mixing: ((freedom - 2.0) / chi_squared.sample(&mut mixing)).sqrt(),
            trend: trend.next_step(),
        })
        .collect()
}

/// The switching drift of [`TrendModel`].
struct Trend {
    model: TrendModel,
    rng: ChaCha8Rng,
    /// Drift of an upward regime over the volatility of a step.
    drift_per_step: f64,
    step_days: f64,
    /// -1, 0 or 1.
    direction: i32,
    days_left: f64,
}

impl Trend {
    fn new(model: TrendModel, step: Interval, mut rng: ChaCha8Rng) -> Self {
        let drift_per_step = model.sharpe_annual * (step.ms() as f64 / YEAR_MS as f64).sqrt();
        let direction = rng.random_range(-1..=1);
        let days_left = model.mean_duration_days * rng.sample::<f64, _>(Exp1);
        let step_days = step.ms() as f64 / DAY_MS as f64;
        Self { model, rng, drift_per_step, step_days, direction, days_left }
    }

    fn next_step(&mut self) -> f64 {
        if self.model.mean_duration_days <= 0.0 {
            return 0.0;
        }
        while self.days_left <= 0.0 {
            let turn = if self.rng.random::<bool>() { 1 } else { 2 };
            self.direction = (self.direction + 1 + turn) % 3 - 1;
            self.days_left += self.model.mean_duration_days * self.rng.sample::<f64, _>(Exp1);
        }
        self.days_left -= self.step_days;
        f64::from(self.direction) * self.drift_per_step
    }
}

/// The 64-bit FNV-1a hash.
fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_the_published_one() {
        // Test vectors of the FNV reference pages.
        assert_eq!(fnv1a("".bytes()), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a("a".bytes()), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a("foobar".bytes()), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn regimes_visit_all_directions_evenly() {
        let model = TrendModel { mean_duration_days: 2.0, sharpe_annual: 1.0 };
        let mut trend = Trend::new(model, Interval::HOUR, stream(5, "", "trend"));
        let mut count = [0_i32; 3];
        let mut switches = 0;
        for _ in 0..24 * 20_000 {
            let before = trend.direction;
            trend.next_step();
            switches += i32::from(trend.direction != before);
            count[(trend.direction + 1) as usize] += 1;
        }
        // 20000 days in regimes of 2 days: about 10000 switches.
        assert!((9_500..10_500).contains(&switches), "{switches}");
        for n in count {
            assert!((n - 160_000).abs() < 8_000, "{count:?}");
        }
    }

    #[test]
    fn mixed_shocks_have_unit_variance_and_heavy_tails() {
        let steps = common_steps(&SimulatorConfig::calm(3), 400_000);
        let shocks: Vec<f64> = steps.iter().map(|s| s.factor * s.mixing).collect();
        let n = shocks.len() as f64;
        let variance = shocks.iter().map(|x| x * x).sum::<f64>() / n;
        let kurtosis = shocks.iter().map(|x| x.powi(4)).sum::<f64>() / n / variance.powi(2);
        assert!((variance - 1.0).abs() < 0.03, "{variance}");
        // Student-t with 5 degrees of freedom: 9, estimated slowly from below.
        assert!((5.5..14.0).contains(&kurtosis), "{kurtosis}");
    }
}
