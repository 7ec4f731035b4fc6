//! Past the liquidation limit: leverage so high that one move of the distribution takes all.
//!
//! The edge is known and large, and still the growth of such a leverage is minus infinity: ruin has
//! a probability in every trade, so that it comes sooner or later with certainty. A mean over the
//! paths that have not met it yet would be a number, and a wrong one.

use rayon::prelude::*;
use serde::Serialize;

use super::payoffs::wealth_factor;
use super::{Family, Growth, Payoffs, Stream, WorldsSettings, random, standard_scores};

/// Leverages of the ladder. The worst gap, 16 %, liquidates from 6.1 on, a gap of 10 % from 9.6 on
/// and one of 6 % from 15.5 on.
pub const LEVERAGES: [f64; 7] = [1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 16.0];
/// Mean R multiple of the world's trades.
pub const EXPECTANCY: f64 = 0.15;
/// Mean R multiple of its winners.
pub const PAYOFF: f64 = 1.5;
/// Trades of a path.
pub const TRADES: usize = 200;

/// One leverage held for ever in a world of fat tails.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PastLimit {
    /// Notional over equity.
    pub leverage: f64,
    /// True log growth per trade.
    pub growth_per_trade: Growth,
    /// True probability that one trade liquidates the account.
    pub ruin_per_trade: f64,
    /// Trades until ruin in the mean; `None` where no trade ruins.
    pub expected_trades_to_ruin: Option<f64>,
    /// True probability of ruin within so many trades.
    pub trades: usize,
    /// `1 - (1 - q)^trades`.
    pub ruin_probability: f64,
    /// Share of the simulated paths that were ruined.
    pub ruined_share: f64,
    /// Distance of the two in standard errors.
    pub z: f64,
    /// The same in words.
    pub verdict: String,
}

/// Each leverage of the ladder, on the same paths.
pub fn ladder(settings: &WorldsSettings) -> Vec<PastLimit> {
    let world = Payoffs::of(Family::FatTailed, EXPECTANCY, PAYOFF);
    let ruined: Vec<[bool; LEVERAGES.len()]> = (0..settings.worlds)
        .into_par_iter()
        .map(|path| {
            let mut random = random(settings.seed, Stream::PastLimit, path);
            let mut ruined = [false; LEVERAGES.len()];
            for _ in 0..TRADES {
                let r_multiple = world.draw_r_multiple(&mut random);
                for (ruined, leverage) in ruined.iter_mut().zip(LEVERAGES) {
                    *ruined |= wealth_factor(leverage, r_multiple).is_none();
                }
            }
            ruined
        })
        .collect();
    let row = |(index, leverage): (usize, f64)| {
        let hits = ruined.iter().filter(|path| path[index]).count();
        row(&world, leverage, hits, settings.worlds)
    };
    LEVERAGES.into_iter().enumerate().map(row).collect()
}

fn row(world: &Payoffs, leverage: f64, hits: usize, paths: usize) -> PastLimit {
    let growth = world.growth(leverage);
    let q = world.ruin_per_trade(leverage);
    let ruin_probability = -(TRADES as f64 * (-q).ln_1p()).exp_m1();
    let ruined_share = hits as f64 / paths as f64;
    let error = (ruin_probability * (1.0 - ruin_probability) / paths as f64).sqrt();
    let verdict = match growth {
        Growth::Finite(growth) if growth > 0.0 => "grows; no single move liquidates".to_owned(),
        Growth::Finite(_) => "shrinks, although no single move liquidates".to_owned(),
        Growth::MinusInfinity => format!(
            "growth is minus infinity: one trade in {:.0} takes everything, and ruin is certain in \
             the long run",
            1.0 / q
        ),
    };
    PastLimit {
        leverage,
        growth_per_trade: growth,
        ruin_per_trade: q,
        expected_trades_to_ruin: (q > 0.0).then(|| 1.0 / q),
        trades: TRADES,
        ruin_probability,
        ruined_share,
        z: standard_scores(ruined_share - ruin_probability, error),
        verdict,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use super::*;

    #[test]
    fn past_the_limit_growth_is_minus_infinity_and_ruin_as_likely_as_computed() {
        let rows = ladder(&WorldsSettings { worlds: 2_000, seed: 5 });
        for row in &rows {
            let is_past = row.leverage > 6.09;
            assert_eq!(row.growth_per_trade == Growth::MinusInfinity, is_past, "{row:?}");
            assert_eq!(row.expected_trades_to_ruin.is_some(), is_past);
            assert_eq!(row.ruin_per_trade > 0.0, is_past);
            assert_eq!(row.verdict.contains("minus infinity"), is_past);
            assert!(row.z.abs() < 4.0, "{row:?}");
        }
        // At 7 only the worst gap ruins: 4 % of the 5 % of losers that gap.
        let loser = 1.0 - (EXPECTANCY + 1.073) / (PAYOFF + 1.073);
        let at_seven = &rows[4];
        assert!((at_seven.ruin_per_trade - loser * 0.05 * 0.04).abs() < 1e-12, "{at_seven:?}");
        // At 10 the next one as well: three times as often.
        assert!((rows[5].ruin_per_trade / at_seven.ruin_per_trade - 3.0).abs() < 1e-9);
        assert!(
            (at_seven.expected_trades_to_ruin.unwrap() * at_seven.ruin_per_trade - 1.0).abs()
                < 1e-12
        );
    }

    #[test]
    fn minus_infinity_is_a_word_in_json() {
        let rows = ladder(&WorldsSettings { worlds: 20, seed: 5 });
        let text = serde_json::to_value(&rows).unwrap();
        assert_eq!(text[6]["growth_per_trade"], "minus infinity");
        assert!(text[0]["growth_per_trade"].is_f64());
        assert!(text[0]["expected_trades_to_ruin"].is_null());
    }
}
