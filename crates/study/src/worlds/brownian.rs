//! A geometric Brownian price of known drift and volatility, walked through the replay engine.
//!
//! One trade is long all the time, without costs and funding, at a fixed share of Merton's leverage
//! `(mu - r) / sigma^2` that is restored whenever it has drifted out of a narrow band. In continuous
//! time such wealth grows by `r + (c - c^2 / 2) SR^2` a year and ever falls to a share `z` of its
//! start with probability `z^(2/c - 1)` (Merton 1969, Thorp 2006).
//!
//! Wealth is looked at once a bar, so that it is found below a level less often: by the correction
//! of Broadie, Glasserman and Kou (1997) the level lies further away by `0.5826 sigma_w sqrt(dt)`,
//! `sigma_w = c SR` being the volatility of wealth. Two further differences are far inside the Monte
//! Carlo error and left alone: restoring the leverage once a day costs less than 0.002 of growth a
//! year, and what happens after the last of the ten years adds less than 0.001 to any probability.

use plimsoll_engine::{
    Costs, Intrabar, MarginMode, Outcome, Prepared, Resizing, Settings, Simultaneous, SizePlans,
    Span, replay,
};
use plimsoll_market::{Interval, Market, Side, SizeFreeTrade, SymbolColumns, Timestamp, TradeExit};
use plimsoll_risk::ruin::closed_form::ever_below_fractional_kelly;
use plimsoll_sizing::formulas::Drift;
use plimsoll_sizing::rule::Resize;
use plimsoll_sizing::{DecisionFacts, History, LimitInputs, PlannedSize, SizingRule, plan};
use plimsoll_venue::VenueRules;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

use super::{Check, KELLY_MULTIPLES, Stream, WorldsSettings, random};
use crate::error::StudyError;
use crate::run::Progress;

/// Annual drift and volatility: a Sharpe ratio of 1.5, Merton's leverage 2.5.
pub const DRIFT: Drift = Drift { mean: 0.9, risk_free: 0.0, volatility: 0.6 };
/// Years of a path. Each starts from a fresh account whose wealth is chained to the last, so that
/// no bracket of the venue is outgrown.
pub const YEARS: usize = 10;
/// Levels of wealth, a share of the start.
pub const LEVELS: [f64; 2] = [0.75, 0.5];
/// Share of the quantity by which the leverage may drift.
pub const BAND: f64 = 0.01;

/// Daily steps of a year.
const DAYS: usize = 365;
/// Equity at the start of each year, small against the brackets and large against the lots.
const EQUITY: f64 = 10_000.0;
/// `-zeta(1/2) / sqrt(2 pi)`.
const BARRIER_SHIFT: f64 = 0.582_597_157_939_010_7;
/// Whose rules apply; without fees and funding little of them is seen.
const VENUE: (&str, &str) = ("binance-usdm", "BTCUSDT");

/// Full, half and quarter Merton on the same price paths.
///
/// # Errors
/// Venue tables that cannot be read.
pub(crate) fn checks(
    settings: &WorldsSettings,
    progress: &dyn Progress,
) -> Result<Vec<Check>, StudyError> {
    let rules = VenueRules::load(VENUE.0, &[])?;
    let merton = DRIFT.kelly_leverage().expect("the stated drift is one");
    let paths = (0..settings.worlds)
        .into_par_iter()
        .map(|path| {
            let mut random = random(settings.seed, Stream::Brownian, path);
            let walked = walk(&rules, merton, &mut random);
            progress.step();
            walked
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut checks = Vec::new();
    for (index, &multiple) in KELLY_MULTIPLES.iter().enumerate() {
        let growth: Vec<f64> =
            paths.iter().map(|path| path[index].log_wealth / YEARS as f64).collect();
        let expected = DRIFT.growth_at(multiple).expect("the stated drift is one");
        checks.push(Check::of_mean(WORLD, multiple, "growth per year", expected, &growth));
        for level in LEVELS {
            let hits = paths.iter().filter(|path| path[index].lowest <= level.ln()).count();
            let expected = ever_below(level, multiple);
            let quantity = format!("P(wealth ever <= {level})");
            checks.push(Check::of_share(
                WORLD,
                multiple,
                &quantity,
                expected,
                hits,
                settings.worlds,
            ));
        }
    }
    Ok(checks)
}

const WORLD: &str = "Brownian price";

/// Probability that daily closes ever find wealth at or below a level.
pub fn ever_below(level: f64, kelly_multiple: f64) -> f64 {
    let volatility = kelly_multiple * (DRIFT.mean - DRIFT.risk_free) / DRIFT.volatility;
    let shift = BARRIER_SHIFT * volatility / (DAYS as f64).sqrt();
    ever_below_fractional_kelly(level * (-shift).exp(), kelly_multiple)
        .expect("the level is a share and the multiple above 0")
}

/// One path at one leverage, in logs of wealth over the start.
#[derive(Clone, Copy, Debug, Default)]
struct Walked {
    log_wealth: f64,
    lowest: f64,
}

/// One price path at each share of Merton's leverage.
fn walk(
    rules: &VenueRules,
    merton: f64,
    random: &mut ChaCha8Rng,
) -> Result<Vec<Walked>, StudyError> {
    let mut walked = vec![Walked::default(); KELLY_MULTIPLES.len()];
    for _ in 0..YEARS {
        let market = year(random);
        let prepared = Prepared::new(&market, rules, 0, Some(0.0))?;
        for (path, multiple) in walked.iter_mut().zip(KELLY_MULTIPLES) {
            let outcome = hold(&prepared, multiple * merton);
            for equity in &outcome.equity {
                let log_wealth = path.log_wealth + (equity / EQUITY).ln();
                path.lowest = path.lowest.min(log_wealth);
            }
            let last = outcome.equity[outcome.equity.len() - 1];
            path.log_wealth += (last / EQUITY).ln();
        }
    }
    Ok(walked)
}

/// A year of daily bars after one bar for the decision.
fn year(random: &mut ChaCha8Rng) -> Market {
    let dt = 1.0 / DAYS as f64;
    let step_mean = (DRIFT.mean - 0.5 * DRIFT.volatility * DRIFT.volatility) * dt;
    let step_sd = DRIFT.volatility * dt.sqrt();
    let mut close = vec![100.0];
    for _ in 0..DAYS {
        let noise: f64 = random.sample(StandardNormal);
        close.push(close[close.len() - 1] * (step_mean + step_sd * noise).exp());
    }
    let mut open = vec![close[0]];
    open.extend_from_slice(&close[..DAYS]);
    let pairs = || open.iter().zip(&close);
    Market {
        venue: VENUE.0.to_owned(),
        interval: Interval::DAY,
        start: Timestamp::from_date(2025, 1, 1).expect("a date"),
        n_bars: close.len(),
        symbols: vec![SymbolColumns {
            symbol: VENUE.1.to_owned(),
            high: pairs().map(|(a, b)| a.max(*b)).collect(),
            low: pairs().map(|(a, b)| a.min(*b)).collect(),
            volume: vec![1e9; close.len()],
            quote_volume: vec![1e11; close.len()],
            open: open.clone(),
            close: close.clone(),
            ..SymbolColumns::default()
        }],
    }
}

/// Long from the first close to the last at a leverage that is restored as it drifts.
fn hold(prepared: &Prepared<'_>, leverage: f64) -> Outcome {
    let n_bars = prepared.market.n_bars;
    let always_long = SizeFreeTrade {
        symbol_idx: 0,
        side: Side::Long,
        decision_bar: 0,
        entry_bar: 1,
        initial_stop_price: None,
        exit_stop_price: None,
        take_profit_price: None,
        exit_bar: n_bars - 1,
        exit: TradeExit::End,
        exit_decision_bar: None,
        unit_return: 0.0,
        r_multiple: None,
        adverse_excursion: 0.0,
    };
    let settings = Settings {
        equity: EQUITY,
        margin: MarginMode::Cross,
        leverage: 10.0,
        costs: Costs { half_spread_bps: 0.0, impact_y: 0.0, stop_slippage: 0.0 },
        intrabar: Intrabar::Pessimistic,
        simultaneous: Simultaneous::FileOrder,
    };
    let rule = SizingRule {
        notional_fraction: Some(leverage),
        resize: Some(Resize { band: BAND }),
        ..SizingRule::default()
    };
    let inputs = LimitInputs::new(prepared.market, std::slice::from_ref(&rule));
    let history = History::new(&[], &[]);
    let plan_at = |_: usize, bar: usize| -> PlannedSize {
        let facts = DecisionFacts {
            symbol_idx: 0,
            bar,
            side: Side::Long,
            price: prepared.market.symbols[0].close[bar],
            stop_price: None,
            round_trip_cost_fraction: 0.0,
            account_leverage: settings.leverage,
        };
        plan(&rule, &facts, &inputs, &history)
    };
    let at_entry = [plan_at(0, 0)];
    let sizes = SizePlans {
        at_entry: &at_entry,
        cancelled: &[],
        resizing: Some(Resizing { band: BAND, plan_at: &plan_at }),
    };
    let span = Span { from_bar: 0, to_bar: n_bars };
    replay(prepared, &[always_long], sizes, &settings, span)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use super::*;
    use crate::run::Unwatched;

    #[test]
    fn the_engine_reaches_the_closed_forms() {
        let checks = checks(&WorldsSettings { worlds: 60, seed: 2 }, &Unwatched).unwrap();
        assert_eq!(checks.len(), 9);
        for check in &checks {
            assert!(check.z.abs() < 3.5, "{check:?}");
        }
        // SR^2 = 2.25: full Kelly grows by a half of it, half Kelly by 3/8, quarter by 7/32.
        for (index, share) in [(0, 0.5), (3, 0.375), (6, 0.218_75)] {
            assert!((checks[index].expected - share * 2.25).abs() < 1e-12);
            // Tight enough to tell c - c^2 from c - c^2 / 2.
            let c = checks[index].kelly_multiple;
            let wrong = 2.25 * (c - c * c);
            assert!((checks[index].simulated - wrong).abs() > 4.0 * checks[index].standard_error);
        }
    }

    #[test]
    fn discrete_monitoring_moves_the_level() {
        // Full Kelly halves with probability 0.5 in continuous time; daily closes see it less often:
        // the volatility of wealth is 1.5 a year, so that the shift is 0.0457 in logs.
        assert!((ever_below(0.5, 1.0) - 0.5 * (-0.045_74_f64).exp()).abs() < 1e-5);
        assert!((ever_below(0.5, 0.5) - 0.125 * (-3.0 * 0.022_87_f64).exp()).abs() < 1e-5);
    }

    #[test]
    fn the_band_keeps_the_leverage() {
        let rules = VenueRules::load(VENUE.0, &[]).unwrap();
        let mut random = random(4, Stream::Brownian, 0);
        let market = year(&mut random);
        let prepared = Prepared::new(&market, &rules, 0, Some(0.0)).unwrap();
        let outcome = hold(&prepared, 2.5);
        let mean = outcome.leverage_sum / (market.n_bars - 1) as f64;
        assert!((mean - 2.5).abs() < 0.05, "{mean}");
        // Wealth by a recursion of one line, the leverage restored at every close.
        let close = &market.symbols[0].close;
        let wealth = close
            .windows(2)
            .fold(EQUITY, |wealth, pair| wealth * (1.0 + 2.5 * (pair[1] / pair[0] - 1.0)));
        let last = outcome.equity[outcome.equity.len() - 1];
        assert!((last / wealth).ln().abs() < 0.03, "{last} {wealth}");
    }
}
