//! The scripted cascade looks like the one of 10 October 2025.

use plimsoll_market::Kind;

use super::{cascade_days, time};

#[test]
fn cascade_has_the_proportions_of_october_2025() {
    for seed in 0..4 {
        let simulated = cascade_days(seed);
        let market = &simulated.market;
        let bar = |text: &str| market.first_bar_from(time(text));
        let (begin, at) = (bar("2025-10-10T20:50:00Z"), bar("2025-10-10T21:15:00Z"));
        let (low_end, day_end) = (bar("2025-10-10T21:25:00Z"), bar("2025-10-11T00:00:00Z"));
        let sum = |column: &[f64]| column[begin..day_end].iter().sum::<f64>();
        let lowest =
            |column: &[f64]| column[begin..low_end].iter().copied().fold(f64::MAX, f64::min);

        let falls: Vec<f64> = market
            .symbols
            .iter()
            .map(|symbol| 1.0 - lowest(&symbol.low) / symbol.open[begin])
            .collect();
        assert!((0.115..0.17).contains(&falls[0]), "seed {seed}: fell {}", falls[0]);
        assert!(falls[1] > 1.2 * falls[0], "seed {seed}: {falls:?}");

        for (symbol, book) in market.symbols.iter().zip(&simulated.books) {
            let mark = symbol.mark.as_ref().unwrap();
            assert!(lowest(&symbol.low) < lowest(&mark.low), "last overshoots the mark");
            assert!(symbol.open[at] < symbol.close[at - 1], "a gap opens");
            let rebound = symbol.close[day_end] / lowest(&symbol.low) - 1.0;
            assert!(rebound > 0.03, "seed {seed}: rebound {rebound}");

            let calm = &book.depth_notional[begin - 60..begin];
            let calm = calm.iter().sum::<f64>() / calm.len() as f64;
            let left = lowest(&book.depth_notional) / calm;
            assert!((0.02..=0.10).contains(&left), "seed {seed}: depth left {left}");
            let spread = book.half_spread_bps[at] / book.half_spread_bps[begin - 60];
            assert!(spread > 8.0, "seed {seed}: spread {spread}");
            assert!(symbol.volume[at] > 5.0 * symbol.volume[begin - 30]);

            let longs = sum(&symbol.liquidated_long_notional);
            let shorts = sum(&symbol.liquidated_short_notional);
            assert!(longs / (longs + shorts) > 0.75, "seed {seed}: {longs} of longs, {shorts}");
            let closed = 1.0 - symbol.open_interest[day_end] / symbol.open_interest[begin];
            assert!((0.2..0.45).contains(&closed), "seed {seed}: closed {closed}");

            let rate_at = |text: &str| {
                let wanted = time(text);
                let event = symbol.funding.iter().find(|event| event.settlement_time == wanted);
                event.expect("a settlement").rate
            };
            assert!(rate_at("2025-10-11") <= rate_at("2025-10-10T16:00:00Z"));
        }
    }
}

#[test]
fn liquidations_are_records_of_their_kind() {
    let simulated = cascade_days(1);
    for table in &simulated.liquidations {
        assert_eq!(table.kind(), Kind::Liquidations);
        assert!(table.times().is_sorted());
    }
    for table in &simulated.open_interest {
        assert_eq!(table.kind(), Kind::OpenInterest);
        assert!(table.times().windows(2).all(|pair| pair[1] - pair[0] == 300_000));
        assert_eq!(table.len(), 10 * 288 + 1);
    }
}
