//! tardis.dev's recordings: trades, tickers and liquidations.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use plimsoll_ingest::{Options, Place, Policies, Policy, Rule, Summary};
use plimsoll_market::{Column, Interval, Kind, Series, Timestamp};
use proptest::prelude::*;

use crate::{Bench, failures, time};

const TRADES: &str = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n";
const TICKER: &str = "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,predicted_funding_rate,open_interest,last_price,index_price,mark_price\n";
const DAY: &str = "2025-03-01";

fn gz(text: &str) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    gz.finish().unwrap()
}

/// A row of trades or liquidations, `at` in milliseconds after the day began.
fn row(exchange: &str, symbol: &str, at: i64, side: &str, price: f64, amount: f64) -> String {
    let timestamp = (time(DAY) + at) * 1000 + 145;
    let arrival = timestamp + 162_215;
    format!("{exchange},{symbol},{timestamp},{arrival},,{side},{price},{amount}\n")
}

fn messages(summary: &Summary) -> String {
    let messages: Vec<&str> = summary.notes.iter().map(|note| note.message.as_str()).collect();
    messages.join("\n")
}

fn of<'a>(series: &'a [Series], name: &str) -> &'a Series {
    series.iter().find(|s| s.to_string() == name).unwrap_or_else(|| panic!("{name}: {series:?}"))
}

#[test]
fn trades_of_a_day_become_bars() {
    let text = [
        TRADES.to_owned(),
        // Made a day earlier, and arrived after midnight.
        row("binance-futures", "BTCUSDT", -20, "buy", 90.0, 9.0),
        row("binance-futures", "BTCUSDT", 500, "buy", 100.0, 1.0),
        row("binance-futures", "BTCUSDT", 400, "sell", 99.0, 2.0),
        row("binance-futures", "BTCUSDT", 59_999, "sell", 101.0, 0.5),
        // A minute without trades.
        row("binance-futures", "BTCUSDT", 120_000, "buy", 102.0, 4.0),
    ]
    .concat();
    for name in [
        "v1/binance-futures/trades/2025/03/01/BTCUSDT.csv.gz",
        "binance-futures_trades_2025-03-01_BTCUSDT.csv.gz",
    ] {
        let bench = Bench::new();
        let summary = bench.ingest(bench.write(name, gz(&text)), &Options::default()).unwrap();
        assert_eq!(summary.reports[0].format, Some("tardis-trades/1"));
        let (series, table) = bench.only();
        assert_eq!(series.to_string(), "binance-usdm BTCUSDT candles 1m");
        let start = time(DAY);
        assert_eq!(table.times(), [start, start + 60_000, start + 120_000]);
        // By the exchange's clock, not by arrival.
        assert_eq!(table.f64("open"), [99.0, 101.0, 102.0]);
        assert_eq!(table.f64("high"), [101.0, 101.0, 102.0]);
        assert_eq!(table.f64("low"), [99.0, 101.0, 102.0]);
        assert_eq!(table.f64("close"), [101.0, 101.0, 102.0]);
        assert_eq!(table.f64("volume"), [3.5, 0.0, 4.0]);
        assert_eq!(table.f64("quote_volume"), [100.0 + 198.0 + 50.5, 0.0, 408.0]);
        let bought = vec![Some(1.0), Some(0.0), Some(4.0)];
        assert_eq!(table.column("taker_buy_volume"), Some(&Column::F64OrNull(bought)));
        let source = &bench.lake.receipts(&series).unwrap()[0].sources[0];
        assert_eq!(source.maybe_forming, Some(Timestamp(start + 120_000)));
        let notes: Vec<_> = source.repairs.iter().map(|n| (n.name.as_str(), n.count)).collect();
        assert!(notes.contains(&("outside_period", 1)) && notes.contains(&("quiet_bars", 1)));
    }
}

#[test]
fn contracts_of_a_told_size_are_taken() {
    let text = format!("{TRADES}{}", row("okex-swap", "BTC-USDT-SWAP", 0, "buy", 100.0, 3.0));
    let bench = Bench::new();
    let path = bench.write("okex-swap/trades/2025/03/01/BTC-USDT-SWAP.csv.gz", gz(&text));
    let refused = failures(bench.ingest(&path, &Options::default()));
    assert_eq!(refused[0].hint().unwrap(), "pass --contract-size", "{}", refused[0]);
    let told = Options { contract_size: Some(0.01), ..Options::default() };
    bench.ingest(&path, &told).unwrap();
    assert_eq!(bench.only().1.f64("volume"), [0.03]);
}

#[test]
fn bars_longer_than_the_day_and_repeated_trades() {
    let row = row("bybit", "BTCUSDT", 0, "buy", 10.0, 1.0).replace(",,buy", ",7,buy");
    let bench = Bench::new();
    let path = bench.write("bybit/trades/2025/03/01/BTCUSDT.csv", format!("{TRADES}{row}{row}"));
    let options = Options { interval: "3d".parse().ok(), ..Options::default() };
    let refused = failures(bench.ingest(&path, &options));
    assert!(refused[0].problem.to_string().starts_with("3d bars from trades of"), "{}", refused[0]);
    let summary = bench.ingest(&path, &Options::default()).unwrap();
    assert_eq!(bench.only().1.f64("volume"), [1.0]);
    assert!(messages(&summary).contains("kept once (1"), "{}", messages(&summary));
}

#[test]
fn trades_without_a_day_lose_the_bar_inside_which_they_begin() {
    let bench = Bench::new();
    let minutes = [30_000, 60_000, 120_000];
    let rows: String = minutes.map(|at| row("bybit", "ETHUSDT", at, "unknown", 10.0, 1.0)).concat();
    let path = bench.write("trades/part.csv", format!("{TRADES}{rows}"));
    let summary = bench.ingest(path, &Options::default()).unwrap();
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "bybit-linear ETHUSDT candles 1m");
    assert_eq!(table.times(), [time(DAY) + 60_000, time(DAY) + 120_000]);
    assert_eq!(table.column("taker_buy_volume"), Some(&Column::F64OrNull(vec![None; 2])));
    assert!(messages(&summary).contains("3 trades without the taker's side"));
    assert!(messages(&summary).contains("the first bar, inside which the file may begin"));
}

#[test]
fn files_of_many_symbols_are_split_and_contracts_are_converted() {
    let bench = Bench::new();
    let text = [
        TRADES.to_owned(),
        row("bitmex", "XBTUSD", 0, "sell", 8000.0, 2000.0),
        row("bitmex", "ETHUSD", 0, "sell", 200.0, 10.0),
        row("bitmex", "XBTUSD", 60_000, "buy", 8000.0, 4000.0),
    ]
    .concat();
    let path = bench.write("bitmex/trades/2025/03/01/PERPETUALS.csv.gz", gz(&text));
    let refused = failures(bench.ingest(path, &Options::default()));
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].series.as_deref(), Some("bitmex ETHUSD candles 1m"));
    let said = refused[0].problem.to_string();
    assert!(said.contains("contracts of a size that the file does not tell"), "{said}");
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "bitmex XBTUSD candles 1m");
    assert_eq!(table.f64("volume"), [0.25, 0.5]);
    assert_eq!(table.f64("quote_volume"), [2000.0, 4000.0]);
}

#[test]
fn a_bad_trade_is_refused_with_its_line() {
    for (bad, said) in [
        (row("bybit", "BTCUSDT", 1, "buy", -1.0, 1.0), "`price` -1 is not a positive number"),
        (row("bybit", "BTCUSDT", 1, "buy", 1.0, -1.0), "`amount` -1 is not a positive number"),
        (row("bybit", "BTCUSDT", 1, "Buy", 1.0, 1.0), "`side` is `Buy`"),
    ] {
        let bench = Bench::new();
        let good = row("bybit", "BTCUSDT", 0, "buy", 1.0, 1.0);
        let path = bench.write("trades/2025/03/01/BTCUSDT.csv", format!("{TRADES}{good}{bad}"));
        let refused = failures(bench.ingest(path, &Options::default()));
        assert_eq!(refused[0].place, Place::Line(3));
        assert!(refused[0].problem.to_string().contains(said), "{}", refused[0]);
    }
    let bench = Bench::new();
    let text = format!("{TRADES}{}", row("bybit", "BTCUSDT", -1, "buy", 1.0, 1.0));
    let mut policies = Policies::default();
    policies.set(Rule::OutsidePeriod, Policy::Refuse).unwrap();
    let path = bench.write("trades/2025/03/01/BTCUSDT.csv", text);
    let refused = failures(bench.ingest(path, &Options { policies, ..Options::default() }));
    assert!(refused[0].problem.to_string().contains("outside the file's period"), "{}", refused[0]);
}

#[test]
fn liquidations_carry_the_side_of_the_order() {
    let bench = Bench::new();
    for (exchange, symbol) in
        [("binance-futures", "BTCUSDT"), ("bybit", "BTCUSDT"), ("bybit", "BTCUSD")]
    {
        let text = [
            TRADES.to_owned(),
            row(exchange, symbol, 1000, "buy", 100.0, 2.0),
            row(exchange, symbol, 1000, "buy", 100.0, 2.0),
            row(exchange, symbol, 86_399_000, "sell", 50.0, 300.0),
        ]
        .concat();
        let name = format!("v1/{exchange}/liquidations/2025/03/01/{symbol}.csv.gz");
        let summary = bench.ingest(bench.write(&name, gz(&text)), &Options::default()).unwrap();
        assert_eq!(summary.reports[0].format, Some("tardis-liquidations/1"));
        let said = messages(&summary);
        assert!(said.contains("2025-03-01 assumed to have no holes"), "{said}");
        assert_eq!(said.contains("lower bounds"), exchange == "binance-futures");
        assert_eq!(said.contains("bankruptcy"), exchange == "bybit");
    }
    let series = bench.lake.series().unwrap();
    assert_eq!(series.len(), 3);
    let day = (Timestamp(time(DAY)), Timestamp(time("2025-03-02")));
    for series in &series {
        let table = bench.all(series);
        let sides = ["short", "short", "long"].map(str::to_owned).to_vec();
        assert_eq!(table.column("liquidated_side"), Some(&Column::Text(sides)), "{series}");
        assert_eq!(bench.lake.coverage(series).unwrap(), [day]);
    }
    let linear = bench.all(of(&series, "bybit-linear BTCUSDT liquidations"));
    assert_eq!(linear.f64("notional"), [200.0, 200.0, 15_000.0]);
    let inverse = bench.all(of(&series, "bybit-inverse BTCUSD liquidations"));
    assert_eq!(inverse.f64("notional"), [2.0, 2.0, 300.0]);
    assert_eq!(inverse.f64("quantity"), [0.02, 0.02, 6.0]);
}

#[test]
fn a_day_without_liquidations_is_known_to_be_quiet() {
    let bench = Bench::new();
    let path = bench.write("v1/bybit/liquidations/2025/03/01/BTCUSDT.csv.gz", gz(TRADES));
    bench.ingest(path, &Options::default()).unwrap();
    let (series, table) = bench.only();
    assert!(table.is_empty());
    let day = (Timestamp(time(DAY)), Timestamp(time("2025-03-02")));
    assert_eq!(bench.lake.coverage(&series).unwrap(), [day]);
}

#[test]
fn what_names_do_not_tell_is_asked_for() {
    let text = format!("{TRADES}{}", row("bybit", "BTCUSDT", 5, "buy", 100.0, 2.0));
    let bench = Bench::new();
    let path = bench.write("BTCUSDT.csv", &text);
    let refused = failures(bench.ingest(&path, &Options::default()));
    assert_eq!(refused[0].hint().unwrap(), "pass --kind");
    let options = Options { kind: Some(Kind::Liquidations), ..Options::default() };
    bench.ingest(&path, &options).unwrap();
    let (series, _) = bench.only();
    let row = Timestamp(time(DAY) + 5);
    assert_eq!(bench.lake.coverage(&series).unwrap(), [(row, Timestamp(row.0 + 1))]);

    let bench = Bench::new();
    let path = bench.write("trades/2025/03/01/X.csv", text.replace("bybit", "phemex"));
    let refused = failures(bench.ingest(&path, &Options::default()));
    assert!(refused[0].problem.to_string().contains("exchange `phemex` without --venue"));
}

/// A row of tickers, `at` in milliseconds after the day began; an empty text is an empty field.
fn tick(
    at: i64,
    settlement: Option<i64>,
    rate: &str,
    interest: &str,
    index: &str,
    mark: &str,
) -> String {
    let timestamp = (time(DAY) + at) * 1000;
    let settlement = settlement.map_or(String::new(), |at| ((time(DAY) + at) * 1000).to_string());
    format!(
        "binance-futures,BTCUSDT,{timestamp},{},{settlement},{rate},,{interest},99.5,{index},{mark}\n",
        timestamp + 2000
    )
}

#[test]
fn tickers_give_mark_index_open_interest_and_funding() {
    let eight = 8 * 3_600_000;
    let mut text = TICKER.to_owned();
    // From a minute before the settlement to two minutes after it, every 10 s.
    for second in (-60..120).step_by(10) {
        let at = eight + second * 1000;
        // The exchange shows the old settlement for a moment after it has passed.
        let settlement = if second <= 0 { eight } else { 2 * eight };
        let rate = if second < 0 { "0.0001" } else { "0.0009" };
        let mark = (100 + second / 10).to_string();
        let index = if second == -60 { "" } else { "100" };
        text += &tick(at, Some(settlement), rate, "5000", index, &mark);
    }
    let bench = Bench::new();
    let path =
        bench.write("binance-futures/derivative_ticker/2025/03/01/BTCUSDT.csv.gz", gz(&text));
    let summary = bench.ingest(path, &Options::default()).unwrap();
    assert_eq!(summary.reports[0].format, Some("tardis-derivative-ticker/1"));
    let series = bench.lake.series().unwrap();
    assert_eq!(series.len(), 4, "{series:?}");
    let start = time(DAY) + eight;

    let mark = bench.all(of(&series, "binance-usdm BTCUSDT mark_candles 1m"));
    assert_eq!(mark.times(), [start - 60_000, start, start + 60_000]);
    assert_eq!(mark.f64("open"), [94.0, 100.0, 106.0]);
    assert_eq!(mark.f64("close"), [99.0, 105.0, 111.0]);
    assert_eq!(mark.f64("high"), [99.0, 105.0, 111.0]);
    let index = bench.all(of(&series, "binance-usdm BTCUSDT index_candles 1m"));
    assert_eq!(index.times(), mark.times(), "10 s without an index price are no long silence");

    let interest = bench.all(of(&series, "binance-usdm BTCUSDT open_interest"));
    // What arrived until a full minute is known then.
    assert_eq!(interest.times(), [start, start + 60_000, start + 120_000]);
    assert_eq!(interest.f64_or_nan("open_interest"), [5000.0; 3]);
    assert_eq!(
        interest.f64_or_nan("open_interest_value"),
        [98.0 * 5000.0 + 5000.0, 525_000.0, 555_000.0]
    );

    let funding = bench.all(of(&series, "binance-usdm BTCUSDT funding"));
    assert_eq!(funding.column("settlement_time"), Some(&Column::Time(vec![start])));
    assert_eq!(funding.f64("rate"), [0.0001], "neither the stale row nor the one not yet due");
    let said = messages(&summary);
    assert!(said.contains("assumed to be what was settled"), "{said}");
    assert!(said.contains("bars are made of snapshots"), "{said}");
}

#[test]
fn a_rate_shown_long_before_its_settlement_is_not_taken_for_it() {
    let hour = 3_600_000;
    let text = [
        TICKER.to_owned(),
        tick(0, Some(8 * hour), "0.0001", "", "", ""),
        tick(8 * hour - 300_001, Some(8 * hour), "0.0002", "", "", ""),
        // The next is known to the last five minutes, though the file ends before it.
        tick(16 * hour - 300_000, Some(16 * hour), "0.0003", "", "", ""),
    ]
    .concat();
    let bench = Bench::new();
    bench.ingest(bench.write("t.csv", text), &Options::default()).unwrap();
    let (series, table) = bench.only();
    assert_eq!(series.kind, Kind::Funding);
    assert_eq!(table.times(), [time(DAY) + 16 * hour]);
}

#[test]
fn a_silence_leaves_the_minutes_that_it_touches_unknown() {
    let mut text = TICKER.to_owned();
    for second in (0..300).step_by(5).filter(|second| !(130..165).contains(second)) {
        text += &tick(second * 1000, None, "", "", "", "100");
    }
    let bench = Bench::new();
    let summary = bench.ingest(bench.write("t.csv", text), &Options::default()).unwrap();
    let (series, table) = bench.only();
    assert_eq!(series.interval, Some(Interval::MINUTE));
    let minutes: Vec<i64> = table.times().iter().map(|t| (t - time(DAY)) / 60_000).collect();
    assert_eq!(minutes, [0, 1, 3, 4]);
    let said = messages(&summary);
    assert!(said.contains("mark_candles: 1 minutes with long silences left out"), "{said}");
    assert!(said.contains("no funding is taken"), "{said}");
}

#[test]
fn open_interest_in_contracts_of_unknown_size_is_left_out_and_said() {
    let mut text = TICKER.to_owned();
    for second in (0..60).step_by(10) {
        text += &tick(second * 1000, None, "", "700", "", "100");
    }
    let text = text.replace("binance-futures,BTCUSDT", "okex-swap,BTC-USDT-SWAP");
    let bench = Bench::new();
    let summary = bench.ingest(bench.write("t.csv", text), &Options::default()).unwrap();
    assert_eq!(bench.only().0.to_string(), "okx-swap BTC-USDT-SWAP mark_candles 1m");
    assert!(messages(&summary).contains("open interest left out"), "{}", messages(&summary));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    /// Whatever is done to the bytes of a file, it is refused or what goes in obeys the rules.
    #[test]
    fn damage_is_refused_or_harmless(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        form in 0..3_usize,
    ) {
        let rows: String = (0..4).map(|i| row("bybit", "BTCUSDT", i * 30_000, "buy", 10.0, 1.0)).collect();
        let ticks: String = (0..8).map(|i| tick(i * 20_000, Some(180_000), "0.0001", "5", "9", "10")).collect();
        let (name, text) = match form {
            0 => ("trades/2025/03/01/BTCUSDT.csv", format!("{TRADES}{rows}")),
            1 => ("bybit/liquidations/2025/03/01/BTCUSDT.csv", format!("{TRADES}{rows}")),
            _ => ("derivative_ticker/2025/03/01/BTCUSDT.csv", format!("{TICKER}{ticks}")),
        };
        let mut bytes = text.into_bytes();
        for (index, byte) in &damage {
            let at = index.index(bytes.len());
            bytes[at] = b"0123456789.,-\ne\""[usize::from(*byte) % 16];
        }
        let bench = Bench::new();
        match bench.ingest(bench.write(name, bytes), &Options::default()) {
            Ok(_) => {
                let findings = plimsoll_ingest::check(&bench.lake).unwrap();
                prop_assert!(findings.iter().all(|f| f.rule != "broken_rule" && f.rule != "unreadable"));
            }
            Err(plimsoll_ingest::IngestError::BadFiles { failures, .. }) => {
                prop_assert!(!failures.is_empty());
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}
