//! Bybit's recorded streams of liquidations, each with the traps that are known of it.

use plimsoll_ingest::{Options, Place, Policy, Rule};
use plimsoll_market::Timestamp;

use crate::bybit::{MINUTE, START, has_note, options, strings};
use crate::{Bench, failures, time};

fn message(topic: &str, at: i64, side: &str, size: &str, price: &str) -> String {
    let symbol = topic.split('.').nth(1).unwrap();
    format!(
        r#"{{"topic":"{topic}","type":"snapshot","ts":{at},"data":[{{"T":{},"s":"{symbol}","S":"{side}","v":"{size}","p":"{price}"}}]}}"#,
        at - 275
    )
}

/// What the receipts say is covered.
fn covered(bench: &Bench, series: &plimsoll_market::Series) -> Vec<(Timestamp, Timestamp)> {
    let receipts = bench.lake.receipts(series).unwrap();
    receipts
        .iter()
        .flat_map(|receipt| receipt.sources.iter())
        .flat_map(|s| s.covered.clone())
        .collect()
}

#[test]
fn the_side_of_a_liquidation_is_the_position() {
    let bench = Bench::new();
    let start = 1_739_502_303_204;
    let topic = "allLiquidation.BTCUSDT";
    let text = [
        r#"{"success":true,"ret_msg":"","conn_id":"x","op":"subscribe"}"#.to_owned(),
        message(topic, start, "Buy", "0.5", "60000"),
        // The same message again is a recording of it twice; a later equal one is not.
        message(topic, start, "Buy", "0.5", "60000"),
        message(topic, start + 500, "Sell", "0.25", "61000"),
        // Wherever it stands.
        message(topic, start, "Buy", "0.5", "60000"),
        r#"{"topic":"tickers.BTCUSDT","ts":1739502304000,"data":{}}"#.to_owned(),
    ]
    .join("\n");
    let summary = bench.ingest(bench.write("bybit/liquidations.jsonl", text), &options()).unwrap();
    assert_eq!(summary.reports[0].format, Some("bybit-liquidation-stream/1"));
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "bybit-linear BTCUSDT liquidations");
    assert_eq!(strings(&table, "liquidated_side"), ["long", "short"]);
    assert_eq!(table.f64("notional"), [30_000.0, 15_250.0]);
    assert_eq!(table.times(), [start - 275, start + 225]);
    assert!(has_note(&summary.notes, "bankruptcy price"));
    assert!(has_note(&summary.notes, "a row stands there more than once; kept once (2"));
    assert!(!has_note(&summary.notes, "lower bound"), "the newer topic has every one");
    let expected = [(Timestamp(start), Timestamp(1_739_502_304_001))];
    assert_eq!(covered(&bench, &series), expected);
}

#[test]
fn who_needs_prices_of_fills_can_refuse_others() {
    let text = message("allLiquidation.BTCUSDT", START, "Buy", "1", "100");
    for rule in [Rule::BankruptcyPrice, Rule::RepeatedRow] {
        let bench = Bench::new();
        let mut options = options();
        options.policies.set(rule, Policy::Refuse).unwrap();
        let path = bench.write("l.jsonl", format!("{text}\n{text}\n"));
        assert_eq!(failures(bench.ingest(path, &options)).len(), 1, "{rule}");
        assert!(bench.lake.series().unwrap().is_empty());
    }
}

#[test]
fn the_older_topic_is_a_lower_bound() {
    let bench = Bench::new();
    let text = r#"{"topic":"liquidation.BTCUSD","type":"snapshot","ts":1703485237953,"data":{"updatedTime":1703485237953,"symbol":"BTCUSD","side":"Sell","size":"400","price":"40000"}}"#;
    let summary = bench.ingest(bench.write("l.jsonl", text), &options()).unwrap();
    assert!(has_note(&summary.notes, "lower bound"), "{:?}", summary.notes);
    let (series, table) = bench.only();
    assert_eq!(series.venue, "bybit-inverse");
    assert_eq!(strings(&table, "liquidated_side"), ["short"]);
    assert_eq!((table.f64("notional")[0], table.f64("quantity")[0]), (400.0, 0.01));
}

#[test]
fn silence_of_a_recording_is_not_covered() {
    let bench = Bench::new();
    let start = time("2025-03-01");
    let hour = 3_600_000;
    let topic = "allLiquidation.BTCUSDT";
    let times = [0, 20 * MINUTE, 2 * hour, 2 * hour + MINUTE];
    let text: Vec<String> =
        times.iter().map(|at| message(topic, start + at, "Buy", "1", "100")).collect();
    let summary = bench.ingest(bench.write("l.jsonl", text.join("\n")), &options()).unwrap();
    assert!(has_note(&summary.notes, "nothing was recorded for longer"), "{:?}", summary.notes);
    let (series, _) = bench.only();
    let from_to = |a: i64, b: i64| (Timestamp(start + a), Timestamp(start + b + 1));
    let expected = [from_to(0, 20 * MINUTE), from_to(2 * hour, 2 * hour + MINUTE)];
    assert_eq!(covered(&bench, &series), expected);
}

#[test]
fn symbols_of_one_stream_are_covered_by_their_own_liquidations() {
    let bench = Bench::new();
    let start = time("2025-03-01");
    let text = [
        message("allLiquidation.BTCUSDT", start, "Buy", "1", "100"),
        message("allLiquidation.ETHUSDT", start + MINUTE, "Sell", "1", "100"),
        message("allLiquidation.ETHUSDT", start + 3 * MINUTE, "Sell", "1", "100"),
        message("allLiquidation.BTCUSDT", start + 5 * MINUTE, "Buy", "1", "100"),
    ]
    .join("\n");
    let path = bench.write("l.jsonl", text);
    bench.ingest(&path, &options()).unwrap();
    let all = bench.lake.series().unwrap();
    assert_eq!(all.len(), 2);
    let of = |symbol: &str| all.iter().find(|s| s.symbol == symbol).unwrap();
    let expected = [(Timestamp(start + MINUTE - 275), Timestamp(start + 3 * MINUTE - 275 + 1))];
    assert_eq!(covered(&bench, of("ETHUSDT")), expected);

    let other = Bench::new();
    let one = Options { symbol: Some("ETHUSDT".into()), ..options() };
    let path = other.write("l.jsonl", std::fs::read(path).unwrap());
    other.ingest(path, &one).unwrap();
    assert_eq!(other.only().0.symbol, "ETHUSDT");
}

#[test]
fn the_recorder_of_every_second_shows_its_own_silences() {
    let bench = Bench::new();
    let start = time("2024-02-13");
    let event = |at: i64| {
        format!(
            r#"{{"updateTime":{at},"symbol":"BTCUSDT","side":"Buy","size":"0.003","price":"49407.90"}}"#
        )
    };
    let mut text = String::new();
    for second in 0..10 {
        let at = start + second * 1000;
        let events =
            if second == 4 { [event(at - 36), event(at - 36)].join(",") } else { String::new() };
        text += &format!("{{\"t\":{at},\"d\":[{events}]}}\n");
    }
    for second in 200..203 {
        text += &format!("{{\"t\":{},\"d\":[]}}\n", start + second * 1000);
    }
    let path = bench.write("liquidations_BTC_2024-02-13.jsonl", text);
    let summary = bench.ingest(path, &options()).unwrap();
    assert_eq!(summary.reports[0].format, Some("bybit-liquidations-every-second/1"));
    let (series, table) = bench.only();
    assert_eq!(table.len(), 2, "two equal liquidations of one second are two");
    assert_eq!(strings(&table, "liquidated_side"), ["long", "long"]);
    assert!(has_note(&summary.notes, "lower bound"));
    let expected = [
        (Timestamp(start), Timestamp(start + 9001)),
        (Timestamp(start + 200_000), Timestamp(start + 202_001)),
    ];
    assert_eq!(covered(&bench, &series), expected);
}

#[test]
fn known_losses_of_the_recorder_are_not_quiet() {
    let bench = Bench::new();
    // From its own list of issues: 1709512392001 to 1709512967001, lines without events.
    let (from, to) = (1_709_512_392_001, 1_709_512_967_001);
    let mut text = String::new();
    for at in (from - 5000..=to + 5000).step_by(1000) {
        text += &format!("{{\"t\":{at},\"d\":[]}}\n");
    }
    let path = bench.write("liquidations_SOL_2024-03-04.jsonl", text);
    let summary = bench.ingest(path, &options()).unwrap();
    assert!(has_note(&summary.notes, "SOLUSDT by the file's name"), "{:?}", summary.notes);
    assert!(has_note(&summary.notes, "nothing was recorded"), "{:?}", summary.notes);
    let series = bench.lake.series().unwrap().remove(0);
    let expected =
        [(Timestamp(from - 5000), Timestamp(from)), (Timestamp(to + 1), Timestamp(to + 5001))];
    assert_eq!(covered(&bench, &series), expected);
    assert_eq!(bench.all(&series).len(), 0, "quiet, and known to be");
}

#[test]
fn broken_messages_are_refused_with_their_line() {
    let topic = "allLiquidation.BTCUSDT";
    let good = message(topic, START, "Buy", "1", "100");
    for (broken, message) in [
        (good.replace("\"Buy\"", "\"Long\""), "`S` is `\"Long\"`; expected Buy or Sell"),
        (good.replace("\"v\":\"1\"", "\"v\":\"one\""), "`v` is `\"one\"`, which is not a number"),
        (good.replace("\"v\":\"1\",", ""), "no column for `v`"),
        (good.replace("\"ts\"", "\"time\""), "no column for `ts`"),
        (good.replace("\"topic\"", "\"subject\""), "no column for `topic`"),
        (good.replace('}', ""), "damaged or cut off"),
        (good.replace("\"p\":\"100\"", "\"p\":\"0\""), "`price` 0 is not a positive number"),
    ] {
        let bench = Bench::new();
        let path = bench.write("l.jsonl", format!("{good}\n{broken}\n"));
        let failure = &failures(bench.ingest(path, &options()))[0];
        assert_eq!(failure.place, Place::Row(2), "{failure}");
        assert!(failure.to_string().contains(message), "{failure}");
        assert!(bench.lake.series().unwrap().is_empty());
    }
}
