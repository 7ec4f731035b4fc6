//! Other futures: the same market up to a cut, and a different one behind it.

use plimsoll_market::{Market, PriceColumns, SymbolColumns, Timestamp};

/// The market with everything behind its first `cut` bars changed, and nothing removed.
///
/// Log prices are mirrored about the last known close and doubled, so that rises become deeper
/// falls and nothing jumps at the cut itself. Volumes grow, takers and the sides of liquidated
/// positions change places, open interest halves, funding turns its sign. What is missing stays
/// missing.
pub(super) fn with_other_future(market: &Market, cut: usize) -> Market {
    let mut changed = market.clone();
    let end = market.open_time(cut);
    for symbol in &mut changed.symbols {
        change_symbol(symbol, cut, end);
    }
    changed
}

/// The market of [`with_other_future`] with the first bar behind the cut interrupted for every
/// second symbol, so that orders decided at the cut find no fill: the bar is missing, has no volume,
/// or opens at half or twice its price, past any stop. With each `turn` it is the other symbols, and
/// after two the other kinds.
pub(super) fn with_interrupted_future(market: &Market, cut: usize, turn: usize) -> Market {
    let mut changed = with_other_future(market, cut);
    for (symbol_idx, symbol) in changed.symbols.iter_mut().enumerate() {
        if (symbol_idx + turn).is_multiple_of(2) {
            interrupt(symbol, cut, symbol_idx + turn / 2);
        }
    }
    changed
}

fn interrupt(symbol: &mut SymbolColumns, bar: usize, kind: usize) {
    let volumes = [&mut symbol.volume, &mut symbol.quote_volume, &mut symbol.taker_buy_volume];
    let traded = match kind % 4 {
        0 => f64::NAN,
        1 => 0.0,
        2 => return jump(symbol, bar, 0.5),
        _ => return jump(symbol, bar, 2.0),
    };
    volumes.into_iter().filter_map(|column| column.get_mut(bar)).for_each(|value| *value = traded);
    if traded.is_nan() {
        let SymbolColumns { open, high, low, close, .. } = symbol;
        let mut prices = vec![open, high, low, close];
        if let Some(PriceColumns { open, high, low, close }) = &mut symbol.mark {
            prices.extend([open, high, low, close]);
        }
        prices.into_iter().filter_map(|column| column.get_mut(bar)).for_each(|v| *v = f64::NAN);
    }
}

/// Lets a bar open elsewhere.
fn jump(symbol: &mut SymbolColumns, bar: usize, factor: f64) {
    if let (Some(open), Some(high), Some(low)) =
        (symbol.open.get_mut(bar), symbol.high.get_mut(bar), symbol.low.get_mut(bar))
    {
        *open *= factor;
        // A bar that is missing stays so.
        *high = if *open > *high { *open } else { *high };
        *low = if *open < *low { *open } else { *low };
    }
}

fn change_symbol(symbol: &mut SymbolColumns, cut: usize, end: Timestamp) {
    let known = symbol.close.iter().take(cut).rev();
    let later = symbol.close.iter().skip(cut);
    let Some(centre) = known.chain(later).copied().find(|price| !price.is_nan()) else {
        return;
    };
    let mirrored = |price: f64| centre * (centre / price).powi(2);
    let each = |column: &mut [f64], change: &dyn Fn(f64) -> f64| {
        column.iter_mut().skip(cut).for_each(|value| *value = change(*value));
    };
    let prices = |open: &mut [f64], high: &mut [f64], low: &mut [f64], close: &mut [f64]| {
        each(open, &mirrored);
        each(close, &mirrored);
        each(high, &mirrored);
        each(low, &mirrored);
        swap(high, low, cut);
    };
    prices(&mut symbol.open, &mut symbol.high, &mut symbol.low, &mut symbol.close);
    for columns in [&mut symbol.mark, &mut symbol.index].into_iter().flatten() {
        let PriceColumns { open, high, low, close } = columns;
        prices(open, high, low, close);
    }
    for (_, column) in &mut symbol.reference_close {
        each(column, &mirrored);
    }
    for (taken, volume) in symbol.taker_buy_volume.iter_mut().zip(&symbol.volume).skip(cut) {
        *taken = 3.0 * (volume - *taken);
    }
    for column in [
        &mut symbol.volume,
        &mut symbol.quote_volume,
        &mut symbol.liquidated_long_notional,
        &mut symbol.liquidated_short_notional,
    ] {
        each(column, &|value| 3.0 * value);
    }
    swap(&mut symbol.liquidated_long_notional, &mut symbol.liquidated_short_notional, cut);
    for column in [&mut symbol.open_interest, &mut symbol.open_interest_value] {
        each(column, &|value| 0.5 * value);
    }
    for event in symbol.funding.iter_mut().filter(|event| event.settlement_time > end) {
        event.rate = other_rate(event.rate);
        event.mark_price = event.mark_price.map(mirrored);
    }
}

/// A funding rate of the other sign, 0.05 % further out: no rate stays what it was, the venue's
/// usual 0.01 % included.
fn other_rate(rate: f64) -> f64 {
    -rate - 0.0005_f64.copysign(rate)
}

/// Exchanges two columns from a bar on.
fn swap(one: &mut [f64], other: &mut [f64], from: usize) {
    for (one, other) in one.iter_mut().zip(other).skip(from) {
        std::mem::swap(one, other);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use plimsoll_market::synthetic::{SimulatorConfig, simulate};

    use super::*;

    #[test]
    fn the_first_bar_is_interrupted_for_one_symbol_after_another() {
        let market = simulate(&SimulatorConfig { n_days: 4, ..SimulatorConfig::demo(3) });
        let market = market.unwrap().market;
        assert_eq!(market.symbols.len(), 2);
        let cut = 40;
        let plain = with_other_future(&market, cut);
        let mut seen = Vec::new();
        for turn in 0..8 {
            let changed = with_interrupted_future(&market, cut, turn);
            let (one, other) = (turn % 2, 1 - turn % 2);
            let shown = |market: &Market| format!("{:?}", market.symbols[other]);
            assert_eq!(shown(&changed), shown(&plain));
            let (symbol, before) = (&changed.symbols[one], &plain.symbols[one]);
            let known = |market: &Market| format!("{:?}", market.truncated(cut));
            assert_eq!(known(&changed), known(&market));
            assert_eq!(symbol.close[cut + 1..], before.close[cut + 1..]);
            let kind = if !symbol.has_bar(cut) {
                assert!(symbol.volume[cut].is_nan() && symbol.open[cut].is_nan());
                "missing"
            } else if symbol.volume[cut] == 0.0 {
                assert_eq!(symbol.open[cut], before.open[cut]);
                "no volume"
            } else if symbol.open[cut] < before.open[cut] {
                assert_eq!(
                    (symbol.low[cut], symbol.high[cut]),
                    (symbol.open[cut], before.high[cut])
                );
                "low"
            } else {
                assert_eq!(
                    (symbol.low[cut], symbol.high[cut]),
                    (before.low[cut], symbol.open[cut])
                );
                "high"
            };
            seen.push((one, kind));
        }
        seen.sort_unstable();
        let kinds = ["high", "low", "missing", "no volume"];
        let all: Vec<_> = (0..2).flat_map(|one| kinds.map(|kind| (one, kind))).collect();
        assert_eq!(seen, all);
    }

    #[test]
    fn no_funding_rate_stays() {
        for rate in [0.0001, 0.0, 0.000_05, -0.0001, 0.0003, -0.0075, 0.0075] {
            let other = other_rate(rate);
            assert!(other != rate && other * rate <= 0.0, "{rate}: {other}");
        }
    }

    #[test]
    fn everything_behind_the_cut_differs_and_nothing_before_it() {
        let config = SimulatorConfig { n_days: 4, ..SimulatorConfig::demo(3) };
        let mut market = simulate(&config).unwrap().market;
        market.symbols[0].close[70] = f64::NAN;
        let cut = 40;
        let changed = with_other_future(&market, cut);
        let known = |market: &Market| {
            let cut = market.truncated(cut);
            // As text, in which missing values are alike.
            format!("{cut:?}")
        };
        assert_eq!(known(&changed), known(&market));
        assert_eq!(changed.n_bars, market.n_bars);
        for (symbol, before) in changed.symbols.iter().zip(&market.symbols) {
            for bar in cut..market.n_bars {
                if bar == 70 && before.close[bar].is_nan() {
                    assert!(symbol.close[bar].is_nan());
                    continue;
                }
                let (low, high) = (symbol.low[bar], symbol.high[bar]);
                assert!(low <= symbol.open[bar].min(symbol.close[bar]) && low > 0.0);
                assert!(high >= symbol.open[bar].max(symbol.close[bar]));
                assert_ne!(symbol.volume[bar], before.volume[bar]);
            }
            let differs = |one: &[f64], other: &[f64]| {
                let (one, other) = (&one[cut..], &other[cut..]);
                one.iter().zip(other).filter(|(a, b)| a != b).count() * 10 > 9 * one.len()
            };
            assert!(differs(&symbol.close, &before.close));
            assert!(differs(
                &symbol.mark.as_ref().unwrap().low,
                &before.mark.as_ref().unwrap().low
            ));
            assert!(differs(&symbol.open_interest, &before.open_interest));
            let later = |event: &&plimsoll_market::FundingEvent| {
                event.settlement_time > market.open_time(cut)
            };
            let rates = |symbol: &SymbolColumns| {
                symbol.funding.iter().filter(later).map(|event| event.rate).collect::<Vec<f64>>()
            };
            assert!(rates(symbol).iter().zip(rates(before)).all(|(a, b)| *a != b));
        }
    }
}
