//! Saved answers of the REST API and recorded streams.

use plimsoll_ingest::{Options, Place};
use plimsoll_market::{Column, Kind, Timestamp};

use super::{ingest_one, ingest_one_as, messages};
use crate::{Bench, failures, time};

fn kline(open_time: i64, volume: &str) -> String {
    let close_time = open_time + 59_999;
    format!(
        r#"[{open_time},"100.5","101","99.5","100",{volume},{close_time},"201",7,{volume},"150","0"]"#
    )
}

#[test]
fn klines_as_one_answer_or_one_a_line() {
    let start = time("2024-12-01");
    let rows: Vec<String> = (0..4).map(|i| kline(start + i * 60_000, "\"2\"")).collect();
    let pages = format!("[{}]\n[{}]\n", rows[..2].join(","), rows[2..].join(","));
    for (name, text) in [
        ("BTCUSDT-1m.json", format!("[{}]", rows.join(","))),
        ("klines_BTCUSDT_1m.json", format!("[\n{}\n]", rows.join(",\n"))),
        ("BTCUSDT_1m.jsonl", rows.join("\n")),
        ("BTCUSDT_1m.jsonl", pages),
    ] {
        let (series, table, summary) = ingest_one(name, text);
        assert_eq!(series.to_string(), "binance-usdm BTCUSDT candles 1m", "{name}");
        assert_eq!(table.times(), [0, 1, 2, 3].map(|i| start + i * 60_000));
        assert_eq!(table.f64("quote_volume"), [201.0; 4]);
        assert_eq!(table.column("trades"), Some(&Column::I64OrNull(vec![Some(7); 4])));
        assert_eq!(
            messages(&summary),
            ["venue binance-usdm assumed; pass --venue if it is another"]
        );
    }
}

#[test]
fn the_last_bar_of_an_answer_may_be_forming() {
    let bench = Bench::new();
    let start = time("2024-12-01");
    let first = bench.write(
        "um/BTCUSDT_1m.json",
        format!("[{},{}]", kline(start, "\"2\""), kline(start + 60_000, "\"1\"")),
    );
    bench.ingest(first, &Options::default()).unwrap();
    let rows: Vec<String> = (0..3).map(|i| kline(start + i * 60_000, "\"2\"")).collect();
    let second = bench.write("um/BTCUSDT_1m_later.json", format!("[{}]", rows.join(",")));
    bench.ingest(second, &Options::default()).unwrap();
    assert_eq!(bench.only().1.f64("volume"), [2.0; 3]);
}

#[test]
fn bars_of_other_prices_are_told_by_name_or_option() {
    let start = time("2024-12-01");
    let rows: Vec<String> = (0..2)
        .map(|i| {
            kline(start + i * 60_000, "\"0\"")
                .replace("100.5", "-0.001")
                .replace("99.5", "-0.002")
                .replace("101", "0.003")
                .replace("\"100\"", "\"0\"")
        })
        .collect();
    let text = format!("[{}]", rows.join(","));
    let (series, table, _) = ingest_one("um/premiumIndexKlines_ETHUSDT_1m.json", &text);
    assert_eq!(series.to_string(), "binance-usdm ETHUSDT premium_index_candles 1m");
    assert_eq!(table.f64("low"), [-0.002; 2]);

    let bench = Bench::new();
    let path = bench.write("um/ETHUSDT_1m.json", &text);
    assert_eq!(
        failures(bench.ingest(&path, &Options::default()))[0].hint().unwrap(),
        "pass --kind"
    );
    let options = Options { kind: Some(Kind::PremiumIndexCandles), ..Options::default() };
    bench.ingest(path, &options).unwrap();
    let path = bench.write("um/answer.json", text);
    assert_eq!(failures(bench.ingest(path, &options))[0].hint().unwrap(), "pass --symbol");
}

#[test]
fn coin_margined_answers_count_contracts() {
    let start = time("2024-12-01");
    let text = format!("[{},{}]", kline(start, "\"2\""), kline(start + 60_000, "\"2\""));
    let (series, table, _) = ingest_one("BTCUSD_PERP-1m.json", text);
    assert_eq!(series.to_string(), "binance-coinm BTCUSD_PERP candles 1m");
    assert_eq!(table.f64("volume"), [201.0; 2]);
    assert_eq!(table.f64("quote_volume"), [200.0; 2]);
    let taken = Column::F64OrNull(vec![Some(150.0); 2]);
    assert_eq!(table.column("taker_buy_volume"), Some(&taken));
}

#[test]
fn funding_of_several_symbols_with_and_without_mark_prices() {
    let eight = time("2024-12-01T08:00:00Z");
    let row = |symbol: &str, hour: i64, rate: &str, mark: &str| {
        let stamp = eight + hour * 3_600_000 + 3;
        format!(r#"{{"symbol":"{symbol}","fundingTime":{stamp},"fundingRate":"{rate}"{mark}}}"#)
    };
    let rows = [
        row("BTCUSDT", 0, "0.00010000", r#","markPrice":"""#),
        row("HYPEUSDT", 0, "-0.0002", ""),
        row("BTCUSDT", 8, "0.00005", r#","markPrice":"96500.1""#),
        row("HYPEUSDT", 4, "0.0003", ""),
        row("BTCUSD_PERP", 0, "0.0001", ""),
    ];
    let bench = Bench::new();
    bench
        .ingest(bench.write("funding.json", format!("[{}]", rows.join(","))), &Options::default())
        .unwrap();
    let series = bench.lake.series().unwrap();
    let names: Vec<String> = series.iter().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "binance-coinm BTCUSD_PERP funding",
            "binance-usdm BTCUSDT funding",
            "binance-usdm HYPEUSDT funding"
        ]
    );
    let bitcoin = bench.all(&series[1]);
    assert_eq!(bitcoin.f64("rate"), [0.0001, 0.000_05]);
    assert_eq!(bitcoin.column("mark_price"), Some(&Column::F64OrNull(vec![None, Some(96_500.1)])));
    assert_eq!(bitcoin.column("interval_minutes"), Some(&Column::I32(vec![480; 2])));
    assert_eq!(bench.all(&series[2]).column("interval_minutes"), Some(&Column::I32(vec![240; 2])));

    // A bad row refuses its own symbol, with its place.
    let bench = Bench::new();
    let text = rows.join("\n").replace("0.0003", "0.3");
    let refused = failures(bench.ingest(bench.write("funding.jsonl", text), &Options::default()));
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].series.as_deref(), Some("binance-usdm HYPEUSDT funding"));
    assert_eq!(refused[0].place, Place::Row(4));
    assert_eq!(bench.lake.series().unwrap().len(), 2);
}

#[test]
fn open_interest_stands_at_its_stamp() {
    let start = time("2026-03-01");
    let usdm = format!(
        r#"[{{"symbol":"BTCUSDT","sumOpenInterest":"80485.61500000","sumOpenInterestValue":"5419500000.5","CMCCirculatingSupply":"19000000","timestamp":{start}}},{{"symbol":"BTCUSDT","sumOpenInterest":"81714.711","sumOpenInterestValue":"5539800000","timestamp":"{}"}}]"#,
        start + 300_000
    );
    let (series, table, _) = ingest_one("oi.json", usdm);
    assert_eq!(series.to_string(), "binance-usdm BTCUSDT open_interest");
    assert_eq!(table.times(), [start, start + 300_000]);
    assert_eq!(table.f64_or_nan("open_interest_value"), [5_419_500_000.5, 5_539_800_000.0]);

    let row = |kind: &str| {
        format!(
            r#"{{"pair":"BTCUSD","contractType":"{kind}","sumOpenInterest":"20004","sumOpenInterestValue":"154.4","timestamp":{start}}}"#
        )
    };
    let (series, table, _) = ingest_one("oi.json", row("PERPETUAL"));
    assert_eq!(series.to_string(), "binance-coinm BTCUSD_PERP open_interest");
    assert_eq!(table.f64_or_nan("open_interest"), [154.4]);
    assert_eq!(table.f64_or_nan("open_interest_value"), [2_000_400.0]);
    let bench = Bench::new();
    let path = bench.write("oi.json", row("ALL"));
    assert_eq!(failures(bench.ingest(path, &Options::default())).len(), 1);
}

fn message(symbol: &str, side: &str, time: i64, filled: &str) -> String {
    format!(
        r#"{{"e":"forceOrder","E":{},"o":{{"s":"{symbol}","S":"{side}","o":"LIMIT","f":"IOC","q":"0.014","p":"9910","ap":"9900","X":"FILLED","l":"0.014","z":"{filled}","T":{time}}}}}"#,
        time + 5
    )
}

#[test]
fn recorded_forced_orders_are_a_lower_bound_and_cover_what_was_heard() {
    let start = time("2025-10-10T21:00:00Z");
    let lines = [
        message("BTCUSDT", "SELL", start, "0.014"),
        message("BTCUSDT", "SELL", start, "0.014"),
        format!(
            r#"{{"stream":"!forceOrder@arr","data":{}}}"#,
            message("ETHUSDT", "BUY", start + 3_600_000, "2")
        ),
        message("BTCUSDT", "BUY", start + 9_000_000, "0.5"),
        message("BTCUSDT", "BUY", start + 9_000_500, "0"),
        message("BTCUSD_PERP", "SELL", start + 9_001_000, "3"),
    ];
    let bench = Bench::new();
    let summary = bench
        .ingest(bench.write("liquidations.jsonl", lines.join("\n")), &Options::default())
        .unwrap();
    let series = bench.lake.series().unwrap();
    let names: Vec<String> = series.iter().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "binance-coinm BTCUSD_PERP liquidations",
            "binance-usdm BTCUSDT liquidations",
            "binance-usdm ETHUSDT liquidations"
        ]
    );
    let bitcoin = bench.all(&series[1]);
    assert_eq!(bitcoin.times(), [start, start + 9_000_000]);
    let sides = ["long", "short"].map(str::to_owned).to_vec();
    assert_eq!(bitcoin.column("liquidated_side"), Some(&Column::Text(sides)));
    assert_eq!(bitcoin.f64("price"), [9900.0; 2]);
    assert_eq!(bitcoin.f64("quantity"), [0.014, 0.5]);
    assert_eq!(bench.all(&series[0]).f64("notional"), [300.0]);
    // One recorder, so the symbols share what was heard; a silence of more than an hour is a hole.
    let heard = [
        (Timestamp(start), Timestamp(start + 3_600_001)),
        (Timestamp(start + 9_000_000), Timestamp(start + 9_001_001)),
    ];
    for series in &series {
        assert_eq!(bench.lake.coverage(series).unwrap(), heard, "{series}");
    }
    let messages = messages(&summary).join("; ");
    assert!(messages.contains("lower bound"), "{messages}");
    assert!(messages.contains("at most an hour apart"), "{messages}");
}

#[test]
fn answers_of_all_force_orders() {
    let start = time("2021-04-01");
    let text = format!(
        r#"[{{"symbol":"BTCUSDT","price":"9425.5","origQty":"1","executedQty":"1","averagePrice":"9496.5","status":"FILLED","timeInForce":"IOC","type":"LIMIT","side":"SELL","time":{start}}}]"#
    );
    let options = Options { venue: Some("binance-usdm".into()), ..Options::default() };
    let (series, table, _) = ingest_one_as("orders.json", text, &options);
    assert_eq!(series.to_string(), "binance-usdm BTCUSDT liquidations");
    assert_eq!((table.f64("price")[0], table.f64("notional")[0]), (9496.5, 9496.5));
}

#[test]
fn what_is_wrong_in_an_answer_is_said_with_its_place() {
    let start = time("2024-12-01");
    let good = kline(start, "\"2\"");
    for (text, message) in [
        (format!("[{good},[1,2]]"), "2 fields where 12 are expected"),
        (
            format!("[{good},{}]", kline(start + 60_000, "\"x\"")),
            "`volume` is `\"x\"`, which is not a number",
        ),
        (
            format!("[{good},{}]", kline(start + 60_000, "null")),
            "`volume` is `null`, which is not a number",
        ),
    ] {
        let bench = Bench::new();
        let refused =
            failures(bench.ingest(bench.write("um/BTCUSDT_1m.json", text), &Options::default()));
        assert_eq!(refused[0].problem.to_string(), message);
        assert_eq!(refused[0].place, Place::Row(2));
    }
}
