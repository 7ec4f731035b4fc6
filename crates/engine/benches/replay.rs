//! Replays one rule, ledger included, over two years of one-minute bars of a simulated market:
//! bars per second on one core, with a hash of the outcome beside it, so that a faster replay is
//! known to be the same replay.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use plimsoll_engine::{
    Costs, Intrabar, MarginMode, Outcome, Prepared, Settings, Simultaneous, Span, TradeList,
    replay, size_free_trades,
};
use plimsoll_market::synthetic::{SimulatedSymbol, SimulatorConfig, simulate};
use plimsoll_market::{Market, SignalColumns, SymbolColumns};
use plimsoll_sizing::PlannedSize;
use plimsoll_sizing::formulas::Limit;
use plimsoll_venue::VenueRules;
use sha2::{Digest, Sha256};

/// Bars from one entry to the next.
const PERIOD: usize = 1_000;

fn main() {
    let is_trial = std::env::args().any(|argument| argument == "--test");
    let n_days = if is_trial { 10 } else { 731 };
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    let rules = VenueRules::load("binance-usdm", &[]).unwrap();
    for symbols in [
        vec![SimulatedSymbol::bitcoin()],
        vec![SimulatedSymbol::bitcoin(), SimulatedSymbol::ether()],
    ] {
        let n_symbols = symbols.len();
        let config = SimulatorConfig { n_days, symbols, ..SimulatorConfig::calm(7) };
        let market = simulate(&config).unwrap().market;
        let prepared = Prepared::new(&market, &rules, 0, None).unwrap();
        for (share, bars_held) in [("half", PERIOD / 2), ("always", PERIOD)] {
            let name = format!("{n_symbols}_symbols/{share}_in_the_market");
            let list = size_free_trades(&prepared, &signals(&market, bars_held), &SETTINGS);
            measure(&mut criterion, &name, &prepared, &list);
        }
    }
    criterion.final_summary();
}

const SETTINGS: Settings = Settings {
    equity: 100_000.0,
    margin: MarginMode::Cross,
    leverage: 10.0,
    costs: Costs { half_spread_bps: 0.5, impact_y: 1.0, stop_slippage: 0.25 },
    intrabar: Intrabar::Pessimistic,
    simultaneous: Simultaneous::FileOrder,
};

fn measure(criterion: &mut Criterion, name: &str, prepared: &Prepared<'_>, list: &TradeList) {
    let plan = PlannedSize::of_limits(vec![Limit { name: "notional_fraction", value: Ok(0.5) }]);
    let plans = vec![plan; list.trades.len()];
    let n_bars = prepared.market.n_bars;
    let span = Span { from_bar: 0, to_bar: n_bars };
    let run = || replay(prepared, &list.trades, &plans, &SETTINGS, span);
    let outcome = run();
    eprintln!(
        "{name}: {n_bars} bars, {} trades, {} ledger rows, sha256 {}",
        outcome.trades.len(),
        outcome.ledger.len(),
        hash(&outcome)
    );
    let mut group = criterion.benchmark_group("replay");
    group.throughput(Throughput::Elements(n_bars as u64));
    group.bench_function(name, |bencher| bencher.iter(|| black_box(run())));
    group.finish();
}

/// Long and short in turn, each trade held for so many bars or until it has lost 5 %.
fn signals(market: &Market, bars_held: usize) -> Vec<SignalColumns> {
    let signal = |columns: &SymbolColumns| SignalColumns {
        entry: (0..market.n_bars)
            .map(|bar| match (bar % PERIOD, (bar / PERIOD) % 2) {
                (0, 0) => 1,
                (0, _) => -1,
                _ => 0,
            })
            .collect(),
        stop_long: columns.close.iter().map(|close| 0.95 * close).collect(),
        stop_short: columns.close.iter().map(|close| 1.05 * close).collect(),
        bars_max: Some(bars_held),
        ..SignalColumns::default()
    };
    market.symbols.iter().map(signal).collect()
}

fn hash(outcome: &Outcome) -> String {
    let mut sha = Sha256::new();
    let amounts = outcome.ledger.iter().flat_map(|row| [row.amount, row.price, row.wallet]);
    let trades = outcome.trades.iter().flat_map(|trade| [trade.pnl, trade.exit_bar as f64]);
    let totals = [outcome.leverage_sum, outcome.leverage_max, outcome.traded_notional];
    for value in outcome.equity.iter().chain(&outcome.equity_low).copied() {
        sha.update(value.to_le_bytes());
    }
    for value in amounts.chain(trades).chain(totals) {
        sha.update(value.to_le_bytes());
    }
    sha.finalize().iter().take(8).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
