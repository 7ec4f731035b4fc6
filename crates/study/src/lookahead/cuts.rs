//! Where the data are cut.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Serialize;

use super::walk::Walk;

/// Why a cut lies where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CutPlace {
    /// Spread over the period.
    Spread,
    /// At the close of a bar at which an entry was decided.
    AfterDecision,
}

/// Fractional part of the golden ratio: its multiples modulo 1 never settle into a rhythm, so that
/// the spread cuts fall on every hour of the day.
const GOLDEN: f64 = 0.618_033_988_749_895;

/// Up to `n` cuts in equal stretches of a period and up to `n` behind decisions, as the number of
/// bars that are kept, in order.
pub(super) fn cuts_of(period: Range<usize>, walk: &Walk, n: usize) -> Vec<(usize, CutPlace)> {
    let mut cuts = BTreeMap::new();
    let stretch = period.len() as f64 / n as f64;
    for index in 0..n {
        let within = ((index + 1) as f64 * GOLDEN).fract();
        let bar = period.start + ((index as f64 + within) * stretch) as usize;
        if bar > period.start && bar < period.end {
            cuts.insert(bar, CutPlace::Spread);
        }
    }
    let mut decided: Vec<usize> = walk
        .trades
        .iter()
        .map(|trade| trade.decision_bar + 1)
        .filter(|bar| *bar > period.start && *bar < period.end)
        .collect();
    decided.sort_unstable();
    decided.dedup();
    for index in 0..n.min(decided.len()) {
        cuts.insert(
            decided[(2 * index + 1) * decided.len() / (2 * n.min(decided.len()))],
            CutPlace::AfterDecision,
        );
    }
    cuts.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_market::{Side, SizeFreeTrade, TradeExit};

    fn walk(decision_bars: &[usize]) -> Walk {
        let trade = |&decision_bar: &usize| SizeFreeTrade {
            symbol_idx: 0,
            side: Side::Long,
            decision_bar,
            entry_bar: decision_bar + 1,
            initial_stop_price: None,
            exit_stop_price: None,
            take_profit_price: None,
            exit_bar: decision_bar + 2,
            exit: TradeExit::Signal,
            exit_decision_bar: Some(decision_bar + 1),
            unit_return: 0.0,
            r_multiple: None,
            adverse_excursion: 0.0,
        };
        Walk { trades: decision_bars.iter().map(trade).collect(), ..Walk::default() }
    }

    fn places(cuts: &[(usize, CutPlace)], place: CutPlace) -> Vec<usize> {
        cuts.iter().filter(|cut| cut.1 == place).map(|cut| cut.0).collect()
    }

    #[test]
    fn cuts_are_spread_and_lie_behind_decisions() {
        let decisions: Vec<usize> = (0..100).map(|i| 40 * i + 3).collect();
        let cuts = cuts_of(1000..5000, &walk(&decisions), 8);
        let spread = places(&cuts, CutPlace::Spread);
        assert_eq!(spread.len(), 8);
        for (index, bar) in spread.iter().enumerate() {
            assert!((1000 + 500 * index..1500 + 500 * index).contains(bar), "{spread:?}");
        }
        let mut hours: Vec<usize> = spread.iter().map(|bar| bar % 24).collect();
        hours.sort_unstable();
        hours.dedup();
        assert!(hours.len() >= 6, "{hours:?}");
        let decided = places(&cuts, CutPlace::AfterDecision);
        assert_eq!(decided.len(), 8);
        assert!(decided.iter().all(|bar| *bar > 1000 && bar % 40 == 4), "{decided:?}");
        assert!(decided[0] < 1400 && decided[7] > 3600, "{decided:?}");
    }

    #[test]
    fn a_short_period_has_few_cuts() {
        assert_eq!(cuts_of(7..8, &walk(&[7]), 12), []);
        assert_eq!(cuts_of(7..7, &walk(&[]), 12), []);
        assert_eq!(cuts_of(0..100, &walk(&[]), 0), []);
        // One decision in the period, one before it, one at its last close.
        let cuts = cuts_of(10..20, &walk(&[3, 12, 19]), 5);
        assert_eq!(places(&cuts, CutPlace::AfterDecision), [13]);
        assert!(cuts.iter().all(|cut| cut.0 > 10 && cut.0 < 20), "{cuts:?}");
    }
}
