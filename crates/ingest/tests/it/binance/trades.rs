//! aggTrades and trades to bars.

use std::fmt::Write;

use plimsoll_ingest::{Options, Policies, Policy, Rule};
use plimsoll_market::{Column, Interval};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{ingest_one, ingest_one_as, messages};
use crate::formats::zipped;
use crate::{Bench, failures, time};

const AGG_HEADER: &str =
    "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n";

#[test]
fn aggregates_count_their_trades_with_and_without_a_header() {
    let start = time("2024-12-05");
    let rows = format!(
        "26129,96000.1,0.5,10,12,{},true\n26130,96001.0,0.3,13,13,{},false\n26131,96000.5,1,14,15,{},false\n",
        start,
        start,
        start + 61_000
    );
    for text in [AGG_HEADER.to_owned() + &rows, rows] {
        let file = "futures/um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-12-05.zip";
        let (series, table, summary) = ingest_one(file, zipped("x.csv", &text));
        assert_eq!(series.to_string(), "binance-usdm BTCUSDT candles 1m");
        // Nothing shows that the day went on to midnight without a trade.
        assert_eq!((table.len(), table.times()[0]), (2, start));
        assert_eq!(table.f64("open"), [96_000.1, 96_000.5]);
        assert_eq!(table.f64("close")[..2], [96_001.0, 96_000.5]);
        assert_eq!(table.f64("volume"), [0.8, 1.0]);
        assert_eq!(table.f64("quote_volume")[..2], [76_800.35, 96_000.5]);
        let Some(Column::I64OrNull(trades)) = table.column("trades") else { panic!() };
        assert_eq!(trades, &[Some(4), Some(2)]);
        let Some(Column::F64OrNull(taken)) = table.column("taker_buy_volume") else { panic!() };
        assert_eq!(taken[..2], [Some(0.3), Some(1.0)]);
        assert_eq!(summary.notes.len(), 1);
        assert!(messages(&summary)[0].contains("no trade for longer"), "{:?}", summary.notes);
        assert_eq!(summary.reports[0].format, Some("binance-agg-trades/1"));
    }
}

#[test]
fn spot_trades_have_another_field_capitals_and_microseconds() {
    let start = time("2025-01-02") * 1000;
    let agg = format!(
        "1,94000.01000000,0.00012000,1,1,{},True,True\n2,94000.02000000,0.5,2,2,{},False,True\n",
        start + 10_866,
        start + 10_900
    );
    let single = format!(
        "1,94000.01000000,0.00012000,11.28000120,{},True,True\n2,94000.02000000,0.5,47000.01,{},False,True\n",
        start + 10_866,
        start + 10_900
    );
    for (what, text) in [("aggTrades", agg), ("trades", single)] {
        let (series, table, summary) = ingest_one(&format!("BTCUSDT-{what}-2025-01-02.csv"), text);
        assert_eq!(series.to_string(), "binance-spot BTCUSDT candles 1m");
        // Both are of one millisecond, and stay in the file's order.
        assert_eq!((table.f64("open"), table.f64("close")), (&[94_000.01][..], &[94_000.02][..]));
        assert_eq!(table.f64("volume"), [0.500_12]);
        assert_eq!(table.f64("quote_volume"), [47_011.290_001_2]);
        assert_eq!(
            messages(&summary)[0],
            "venue binance-spot assumed; pass --venue if it is another"
        );
    }
}

#[test]
fn futures_trades_with_and_without_a_header() {
    let start = time("2024-12-05");
    let rows =
        format!("7,96000.1,0.5,48000.05,{start},true\n8,96001,0.5,48000.5,{},false\n", start + 1);
    for header in ["", "id,price,qty,quote_qty,time,is_buyer_maker\n"] {
        let (series, table, _) =
            ingest_one("um/trades/BTCUSDT-trades-2024-12-05.csv", header.to_owned() + &rows);
        assert_eq!(series.venue, "binance-usdm");
        assert_eq!(table.f64("quote_volume"), [96_000.55]);
        assert_eq!(table.column("trades"), Some(&Column::I64OrNull(vec![Some(2)])));
    }
}

#[test]
fn coin_margined_trades_count_contracts() {
    let start = time("2024-12-05");
    let trades = format!(
        "id,price,qty,base_qty,time,is_buyer_maker\n1,40000,10,0.025,{start},false\n2,50000,5,0.01,{start},true\n"
    );
    let aggregates =
        format!("{AGG_HEADER}1,40000,10,1,1,{start},false\n2,50000,5,2,2,{start},true\n");
    for (what, text) in [("trades", trades), ("aggTrades", aggregates)] {
        let (series, table, _) =
            ingest_one(&format!("cm/{what}/BTCUSD_PERP-{what}-2024-12-05.csv"), text);
        assert_eq!(series.venue, "binance-coinm");
        assert_eq!(table.f64("quote_volume"), [1500.0]);
        assert_eq!(table.f64("volume"), [0.035]);
        assert_eq!(table.column("taker_buy_volume"), Some(&Column::F64OrNull(vec![Some(0.025)])));
    }
}

/// More than one block of text, against sums in whole numbers; the same rows from new to old, and
/// as a file that may go on, give the same bars.
#[test]
fn a_long_file_has_the_bars_of_a_count_in_whole_numbers() {
    let start = time("2024-12-05");
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut rows = Vec::new();
    let mut now = start;
    let mut naive: Vec<(i64, [i128; 7])> = Vec::new();
    for id in 0_i64..110_000 {
        now += random.random_range(0..1500) * i64::from(random.random_bool(0.7));
        let tenths: i64 = random.random_range(950_000..970_000);
        let thousandths: i64 = random.random_range(1..900_000);
        let maker = random.random_bool(0.5);
        rows.push(format!(
            "{id},{}.{},{}.{:03},{id},{id},{now},{maker}\n",
            tenths / 10,
            tenths % 10,
            thousandths / 1000,
            thousandths % 1000
        ));
        let (price, quantity) = (i128::from(tenths), i128::from(thousandths));
        let taken = if maker { 0 } else { quantity };
        let open_time = now - now % 300_000;
        match naive.last_mut() {
            Some((time, bar)) if *time == open_time => {
                bar[1] = bar[1].max(price);
                bar[2] = bar[2].min(price);
                bar[3] = price;
                bar[4] += quantity;
                bar[5] += price * quantity;
                bar[6] += taken;
            }
            _ => {
                let bar = [price, price, price, price, quantity, price * quantity, taken];
                naive.push((open_time, bar));
            }
        }
    }
    assert!(now < start + 86_400_000);
    let text = AGG_HEADER.to_owned() + &rows.concat();
    assert!(text.len() > 4 << 20, "two blocks at least");
    let backwards =
        AGG_HEADER.to_owned() + &rows.iter().rev().map(String::as_str).collect::<String>();
    let options = Options { interval: "5m".parse().ok(), ..Options::default() };
    let decimal = |digits: i128, places: u32| -> f64 {
        let mut text = String::new();
        write!(text, "{digits}e-{places}").unwrap();
        text.parse().unwrap()
    };
    for text in [text, backwards] {
        let (_, table, _) = ingest_one_as("um/BTCUSDT-aggTrades-2024-12-05.csv", text, &options);
        assert_eq!(table.times(), naive.iter().map(|(time, _)| *time).collect::<Vec<_>>());
        let columns = [
            ("open", 0, 1),
            ("high", 1, 1),
            ("low", 2, 1),
            ("close", 3, 1),
            ("volume", 4, 3),
            ("quote_volume", 5, 4),
        ];
        for (name, index, places) in columns {
            let expected: Vec<f64> =
                naive.iter().map(|(_, bar)| decimal(bar[index], places)).collect();
            assert_eq!(table.f64(name), expected, "{name}");
        }
    }
}

#[test]
fn bars_that_a_day_cannot_hold_are_refused() {
    let bench = Bench::new();
    let path = bench.write(
        "um/BTCUSDT-trades-2024-12-05.csv",
        format!("7,1,1,1,{},true\n", time("2024-12-05")),
    );
    let options = Options { interval: "1w".parse().ok(), ..Options::default() };
    let refused = failures(bench.ingest(&path, &options));
    assert_eq!(
        refused[0].problem.to_string(),
        "1w bars from trades of 2024-12-05T00:00:00Z to 2024-12-06T00:00:00Z cannot be ingested"
    );
    let options = Options { interval: Some(Interval::DAY), ..Options::default() };
    bench.ingest(&path, &options).unwrap();
}

#[test]
fn withdrawn_trades_and_those_of_another_day_are_left_out() {
    let start = time("2024-12-05");
    let rows = format!(
        "1,0.00,0.0,-1,-1,{start},true\n2,96000,1,5,5,{start},true\n3,96000,1,6,6,{},true\n",
        start + 86_400_000
    );
    let file = "um/BTCUSDT-aggTrades-2024-12-05.csv";
    let (_, table, summary) = ingest_one(file, AGG_HEADER.to_owned() + &rows);
    assert_eq!((table.len(), table.f64("volume")[0]), (1, 1.0));
    let messages = messages(&summary).join("; ");
    assert!(messages.contains("no price and no quantity"), "{messages}");
    assert!(messages.contains("outside the period"), "{messages}");

    for (rule, line) in [(Rule::VoidTrade, 2), (Rule::OutsidePeriod, 4)] {
        let mut policies = Policies::default();
        policies.set(rule, Policy::Refuse).unwrap();
        let bench = Bench::new();
        let path = bench.write(file, AGG_HEADER.to_owned() + &rows);
        let refused = failures(bench.ingest(path, &Options { policies, ..Options::default() }));
        assert_eq!(refused[0].place, plimsoll_ingest::Place::Line(line), "{}", refused[0]);
    }
}

/// Ids 1 to 40, a trade a minute.
fn a_trade_a_minute(but: impl Fn(i64) -> bool, single: bool) -> String {
    let start = time("2024-12-05");
    let row = |id: i64| {
        let at = start + (id - 1) * 60_000;
        let of_aggregate = if single { String::from("1") } else { format!("{id},{id}") };
        format!("{id},9{id},1,{of_aggregate},{at},true\n")
    };
    (1..=40).filter(|&id| but(id)).map(row).collect()
}

#[test]
fn missing_ids_are_holes_and_repeated_ones_are_duplicates() {
    let start = time("2024-12-05");
    let all = a_trade_a_minute(|_| true, false);
    let quiet = a_trade_a_minute(|id| !(10..=30).contains(&id), false);
    // The same silence, though no trade is missing.
    let mut renumbered = String::new();
    for line in quiet.lines() {
        let (id, rest) = line.split_once(',').unwrap();
        let id: i64 = id.parse().unwrap();
        writeln!(renumbered, "{},{rest}", if id > 30 { id - 21 } else { id }).unwrap();
    }
    let file = "um/BTCUSDT-aggTrades-2024-12-05.csv";
    for (text, minutes, note) in [
        (all.clone(), (0..40).collect::<Vec<i64>>(), ""),
        (all.repeat(2), (0..40).collect(), "a row stands there more than once; kept once (40"),
        (
            quiet,
            (0..8).chain(31..40).collect(),
            "trades are missing by their ids; no bar is made that they may belong to (21",
        ),
        (renumbered, (0..40).collect(), "intervals without a trade"),
    ] {
        let (_, table, summary) = ingest_one(file, text);
        let found: Vec<i64> = table.times().iter().map(|time| (time - start) / 60_000).collect();
        assert_eq!(found, minutes, "{note}");
        assert!(table.f64("volume").iter().all(|&volume| volume <= 1.0));
        assert!(messages(&summary).join("; ").contains(note), "{:?}", summary.notes);
    }
    // Another trade of the same id is no repetition.
    let bench = Bench::new();
    let path = bench.write(file, all.clone() + &all.lines().next().unwrap().replace("91", "92"));
    let refused = failures(bench.ingest(path, &Options::default()));
    assert!(refused[0].to_string().contains("and not the same"), "{}", refused[0]);
    // Single trades of futures: the venue leaves some out, but not for minutes.
    for (missing, n_bars) in [(10..=10, 37), (10..=30, 17)] {
        let text = a_trade_a_minute(|id| !missing.contains(&id), true);
        let (_, table, _) = ingest_one("um/BTCUSDT-trades-2024-12-05.csv", text);
        assert_eq!(table.len(), n_bars, "{missing:?}");
    }
    let rows = format!("1,90,1,90,{start},true\n3,91,1,91,{},true\n", start + 50_000);
    let (_, table, summary) = ingest_one("um/BTCUSDT-trades-2024-12-05.csv", rows);
    assert_eq!(table.f64("volume"), [2.0]);
    assert!(messages(&summary).join("; ").contains("missing by their ids (1"), "noted");
    let text = a_trade_a_minute(|id| id != 10, false);
    let mut policies = Policies::default();
    policies.set(Rule::MissingTrades, Policy::Flag).unwrap();
    let options = Options { policies: policies.clone(), ..Options::default() };
    assert_eq!(ingest_one_as(file, &text, &options).1.len(), 40);
    policies.set(Rule::MissingTrades, Policy::Refuse).unwrap();
    let bench = Bench::new();
    let options = Options { policies, ..Options::default() };
    let refused = failures(bench.ingest(bench.write(file, text), &options));
    assert!(refused[0].to_string().contains("trade 10 is missing between"), "{}", refused[0]);
}

#[test]
fn bad_trades_are_refused_with_their_line() {
    let start = time("2024-12-05");
    for (row, message) in [
        (format!("2,0,1,5,5,{start},true"), "`price` 0 is not a positive number"),
        (format!("2,1,-1,5,5,{start},true"), "`quantity` -1 is not a positive number"),
        (format!("2,1,1,6,5,{start},true"), "`trades` 0 is not a positive number"),
        (format!("2,1,1,5,5,{start},maybe"), "`is_buyer_maker` is `maybe`; expected true or false"),
        (format!("2,1,1,5,5,{start}"), "6 fields where 7 are expected"),
    ] {
        let bench = Bench::new();
        let text = format!("{AGG_HEADER}1,96000,1,5,5,{start},true\n{row}\n");
        let path = bench.write("um/BTCUSDT-aggTrades-2024-12-05.csv", text);
        let refused = failures(bench.ingest(path, &Options::default()));
        assert_eq!(refused[0].problem.to_string(), message);
        assert_eq!(refused[0].place, plimsoll_ingest::Place::Line(3), "{row}");
    }
}

#[test]
fn bad_trades_are_dropped_where_that_is_the_policy() {
    let start = time("2024-12-05");
    let good = format!("1,96000,1,5,5,{start},true\n");
    let text = format!("{AGG_HEADER}{good}2,-1,1,6,6,{start},true\n3,96001,0,7,7,{start},true\n");
    let mut policies = Policies::default();
    policies.set(Rule::PriceNotPositive, Policy::Repair).unwrap();
    policies.set(Rule::InvalidVolume, Policy::Repair).unwrap();
    let options = Options { policies, ..Options::default() };
    let (_, table, summary) = ingest_one_as("um/BTCUSDT-aggTrades-2024-12-05.csv", text, &options);
    assert_eq!((table.f64("low"), table.f64("volume")), (&[96_000.0][..], &[1.0][..]));
    let messages = messages(&summary).join("; ");
    assert!(
        messages.contains("a price is not a positive number; the row is dropped"),
        "{messages}"
    );
    assert!(messages.contains("a volume or count is negative or no number"), "{messages}");
}

#[test]
fn a_file_without_order_is_sorted_or_refused() {
    let start = time("2024-12-05");
    let row =
        |second: i64| format!("{},9{second},1,5,5,{},true\n", second / 10, start + second * 1000);
    let text = AGG_HEADER.to_owned() + &row(60) + &row(70) + &row(50) + &row(80);
    let file = "um/BTCUSDT-aggTrades-2024-12-05.csv";
    let (_, table, summary) = ingest_one(file, &text);
    assert_eq!(table.f64("close"), [950.0, 980.0]);
    assert!(messages(&summary).iter().any(|m| m.contains("order of time")), "{:?}", summary.notes);

    let mut policies = Policies::default();
    policies.set(Rule::Unsorted, Policy::Refuse).unwrap();
    let bench = Bench::new();
    let path = bench.write(file, text);
    let refused = failures(bench.ingest(path, &Options { policies, ..Options::default() }));
    let message = "the trade of 2024-12-05T00:00:50Z stands behind a later one";
    assert_eq!(refused[0].problem.to_string(), message);
}

#[test]
fn an_unpacked_file_may_go_on() {
    let bench = Bench::new();
    let start = time("2024-12-05");
    let row = |seconds: i64| {
        format!("{},96000,1,5,5,{},true\n", (seconds + 20) / 50, start + seconds * 1000)
    };
    let file = "um/BTCUSDT-aggTrades-2024-12-05";
    let cut = bench.write(&format!("{file}.csv"), AGG_HEADER.to_owned() + &row(0) + &row(70));
    bench.ingest(cut, &Options::default()).unwrap();
    assert_eq!(bench.only().1.len(), 2);
    let whole = AGG_HEADER.to_owned() + &row(0) + &row(70) + &row(80);
    bench
        .ingest(bench.write(&format!("{file}.zip"), zipped("x.csv", &whole)), &Options::default())
        .unwrap();
    let (_, table) = bench.only();
    assert_eq!(table.f64("volume"), [1.0, 2.0]);
}

#[test]
fn trades_give_the_bars_that_the_exchange_made_of_them() {
    let bench = Bench::new();
    let start = time("2024-12-05");
    // Added up as floats, ten tenths are less than one, and the lake would see a conflict.
    let trades: String = (0..10).map(|id| trade_of_a_tenth(id, start + id)).collect();
    let bar = format!(
        "{start},96000.1,96000.1,96000.1,96000.1,1.000,{},96000.10000,10,0.500,48000.05000,0\n",
        start + 59_999
    );
    bench.write("um/klines/BTCUSDT-1m-2024-12-05.csv", bar);
    bench.write("um/trades/BTCUSDT-trades-2024-12-05.csv", trades);
    let summary = bench.ingest(bench.folder.path().join("archives"), &Options::default()).unwrap();
    let (_, table) = bench.only();
    assert_eq!((table.f64("volume"), table.f64("quote_volume")), (&[1.0][..], &[96_000.1][..]));
    assert_eq!(summary.merges[0].rows_added, 1);
}

fn trade_of_a_tenth(id: i64, time: i64) -> String {
    format!("{id},96000.1,0.100,9600.01,{time},{}\n", id % 2 == 0)
}
