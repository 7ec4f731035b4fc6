//! Fills of Hyperliquid's nodes: liquidations and auto-deleveraging among all others.

use plimsoll_ingest::{Options, Place, Policies, Policy, Rule};
use plimsoll_market::Timestamp;
use proptest::prelude::*;

use crate::hyperliquid::{HOUR_MS, lz4, messages, taken, texts};
use crate::{Bench, failures, time};

/// A fill as nodes write it.
#[derive(Clone, Copy)]
pub(crate) struct Fill<'a> {
    coin: &'a str,
    size: &'a str,
    side: &'a str,
    at: i64,
    start: &'a str,
    dir: &'a str,
    tid: u64,
    crossed: bool,
    /// Account and method.
    liquidated: Option<(&'a str, &'a str)>,
}

pub(crate) const PLAIN: Fill = Fill {
    coin: "BTC",
    size: "0.5",
    side: "A",
    at: 0,
    start: "2.0",
    dir: "Close Long",
    tid: 1,
    crossed: true,
    liquidated: None,
};

impl Fill<'_> {
    pub(crate) fn text(&self) -> String {
        let liquidation = self.liquidated.map_or(String::new(), |(user, method)| {
            format!(r#","liquidation":{{"liquidatedUser":"{user}","markPx":"99.0","method":"{method}"}}"#)
        });
        format!(
            r#"{{"coin":"{}","px":"100.0","sz":"{}","side":"{}","time":{},"startPosition":"{}","dir":"{}","closedPnl":"0.0","hash":"0x0","oid":5,"crossed":{},"fee":"0.0","tid":{}{liquidation},"feeToken":"USDC"}}"#,
            self.coin, self.size, self.side, self.at, self.start, self.dir, self.crossed, self.tid
        )
    }
}

pub(crate) fn block(time: &str, events: &[(&str, Fill)]) -> String {
    let events: Vec<String> =
        events.iter().map(|(user, fill)| format!(r#"["{user}",{}]"#, fill.text())).collect();
    format!(
        r#"{{"local_time":"{time}","block_time":"{time}","block_number":7,"events":[{}]}}"#,
        events.join(",")
    ) + "\n"
}

/// The forced trades of an hour, each as both accounts have it.
pub(crate) fn events(at: i64) -> Vec<(&'static str, Fill<'static>)> {
    let market = Some(("0xAAaa", "market"));
    let backstop = Some(("0xdddd", "backstop"));
    vec![
        // A long closed by the order book: the market maker's fill carries the object too.
        ("0xaaaa", Fill { at, liquidated: market, ..PLAIN }),
        (
            "0xbbbb",
            Fill {
                at,
                side: "B",
                start: "0.0",
                dir: "Open Long",
                crossed: false,
                liquidated: market,
                ..PLAIN
            },
        ),
        // The rest of it against one who turns a short into a long.
        ("0xaaaa", Fill { at, tid: 2, size: "1.5", start: "1.5", liquidated: market, ..PLAIN }),
        (
            "0xcccc",
            Fill {
                at,
                tid: 2,
                size: "1.5",
                side: "B",
                start: "-1.0",
                dir: "Short > Long",
                crossed: false,
                liquidated: market,
                ..PLAIN
            },
        ),
        // A short taken over by the backstop, and an account in profit closed against it.
        (
            "0xdddd",
            Fill {
                at,
                tid: 3,
                coin: "ETH",
                side: "B",
                start: "-0.5",
                dir: "Liquidated Isolated Short",
                liquidated: backstop,
                ..PLAIN
            },
        ),
        (
            "0xeeee",
            Fill {
                at,
                tid: 3,
                coin: "ETH",
                start: "3.0",
                dir: "Auto-Deleveraging",
                liquidated: backstop,
                ..PLAIN
            },
        ),
        // Nobody was forced here.
        ("0xaaaa", Fill { at, tid: 4, coin: "SOL", ..PLAIN }),
        (
            "0xbbbb",
            Fill { at, tid: 4, coin: "SOL", side: "B", start: "0.0", dir: "Open Long", ..PLAIN },
        ),
        ("0xaaaa", Fill { at, tid: 5, coin: "@107", dir: "Sell", ..PLAIN }),
        ("0xbbbb", Fill { at, tid: 5, coin: "@107", side: "B", dir: "Buy", ..PLAIN }),
    ]
}

#[test]
fn forced_fills_are_counted_once_and_of_the_account_that_was_forced() {
    let hour = time("2025-10-10T21:00:00Z");
    let at = time("2025-10-10T21:16:04.831Z");
    let every_minute: String =
        (0..60).map(|minute| block(&format!("2025-10-10T21:{minute:02}:00.5"), &[])).collect();
    let by_block = [
        block("2025-10-10T21:00:00.021156698", &[]),
        block("2025-10-10T21:16:04.831874687", &events(at)),
        every_minute,
        block("2025-10-10T21:59:59.950000001", &[]),
    ]
    .concat();
    let pairs: Vec<String> = events(at)
        .into_iter()
        .chain([("0xaaaa", Fill { at: hour + 5, tid: 6, ..PLAIN })])
        .chain([("0xaaaa", Fill { at: hour + HOUR_MS - 5, tid: 7, ..PLAIN })])
        .map(|(user, fill)| format!("[\"{user}\",{}]\n", fill.text()))
        .collect();
    for (name, text) in [
        ("node_fills_by_block/hourly/20251010/21.lz4", by_block),
        ("node_fills/hourly/20251010/21.lz4", pairs.concat()),
    ] {
        let bench = Bench::new();
        let summary = taken(&bench, bench.write(name, lz4(&text)));
        assert_eq!(summary.reports[0].format, Some("hyperliquid-fills/1"));
        let series = bench.lake.series().unwrap();
        let names: Vec<String> = series.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["BTC", "ETH", "SOL"].map(|c| format!("hyperliquid {c} liquidations")));

        let btc = bench.all(&series[0]);
        assert_eq!(btc.times(), [at, at]);
        assert_eq!(texts(&btc, "liquidated_side"), ["long", "long"]);
        assert_eq!(texts(&btc, "kind"), ["liquidation", "liquidation"]);
        assert_eq!(btc.f64("quantity"), [0.5, 1.5]);
        assert_eq!(btc.f64("notional"), [50.0, 150.0]);

        let eth = bench.all(&series[1]);
        let mut found: Vec<_> =
            texts(&eth, "kind").into_iter().zip(texts(&eth, "liquidated_side")).collect();
        found.sort();
        let expected = [("adl", "long"), ("liquidation", "short")];
        assert_eq!(found, expected.map(|(kind, side)| (kind.to_owned(), side.to_owned())));

        // A coin that was traded and not liquidated: the hour is known to be quiet.
        assert!(bench.all(&series[2]).is_empty());
        for series in &series {
            let covered = bench.lake.coverage(series).unwrap();
            assert_eq!(covered, [(Timestamp(hour), Timestamp(hour + HOUR_MS))], "{series}");
        }
        assert!(messages(&summary).contains("1 spot pairs and markets"), "{name}");
    }
}

#[test]
fn a_position_that_the_backstop_passes_on_is_counted_once() {
    let at = time("2025-10-10T21:16:04.831Z");
    let vault = "0x2E3D94f0562703b25c83308a05046ddaf9a8dd14";
    let taken_over = Some(("0xaaaa", "backstop"));
    let passed_on = Some((vault, "backstop"));
    let long = Fill { at, size: "2.0", dir: "Liquidated Cross Long", ..PLAIN };
    let text = block(
        "2025-10-10T21:16:04.831",
        &[
            // A trader is liquidated to the vault, the vault against an account in profit.
            ("0xaaaa", Fill { liquidated: taken_over, ..long }),
            (
                vault,
                Fill { side: "B", start: "0.0", dir: "Open Long", liquidated: taken_over, ..long },
            ),
            (vault, Fill { tid: 2, liquidated: passed_on, ..long }),
            (
                "0xeeee",
                Fill {
                    tid: 2,
                    side: "B",
                    start: "-3.0",
                    dir: "Auto-Deleveraging",
                    liquidated: passed_on,
                    ..long
                },
            ),
        ],
    );
    let bench = Bench::new();
    let path = bench.write("node_fills_by_block/hourly/20251010/21.lz4", lz4(text));
    let summary = taken(&bench, path);
    let (_, table) = bench.only();
    let mut found: Vec<_> =
        texts(&table, "kind").into_iter().zip(texts(&table, "liquidated_side")).collect();
    found.sort();
    let expected = [("adl", "short"), ("liquidation", "long")];
    assert_eq!(found, expected.map(|(kind, side)| (kind.to_owned(), side.to_owned())));
    assert_eq!(table.f64("notional"), [200.0, 200.0]);
    assert!(messages(&summary).contains("1 fills of the backstop's own vaults left out"));
}

#[test]
fn a_file_of_part_of_an_hour_accounts_for_that_part() {
    let at = time("2025-07-27T08:50:00Z");
    let fill = Fill { at, liquidated: Some(("0xaaaa", "market")), ..PLAIN };
    let fills = [("0xaaaa", fill)];
    let mut text = block("2025-07-27T08:41:00.5", &fills);
    for minute in 42..60 {
        text += &block(&format!("2025-07-27T08:{minute}:00"), &[]);
    }
    text += &block("2025-07-27T08:59:59.9", &fills);
    for (name, end) in [
        ("node_fills_by_block/hourly/20250727/8.lz4", "2025-07-27T09:00:00Z"),
        ("anywhere/blocks.lz4", "2025-07-27T08:59:59.901Z"),
    ] {
        let bench = Bench::new();
        taken(&bench, bench.write(name, lz4(&text)));
        let (series, table) = bench.only();
        assert_eq!(table.len(), 1);
        let from = Timestamp(time("2025-07-27T08:41:00.5Z"));
        assert_eq!(bench.lake.coverage(&series).unwrap(), [(from, Timestamp(time(end)))], "{name}");
    }
}

#[test]
fn silences_between_blocks_are_not_covered() {
    let at = time("2025-07-27T08:00:30Z");
    let fill = Fill { at, liquidated: Some(("0xaaaa", "market")), ..PLAIN };
    let text = [
        block("2025-07-27T08:00:01", &[("0xaaaa", fill)]),
        block("2025-07-27T08:01:01", &[]),
        block("2025-07-27T08:59:30", &[]),
    ]
    .concat();
    let bench = Bench::new();
    let path = bench.write("node_fills_by_block/hourly/20250727/8.lz4", lz4(&text));
    let summary = taken(&bench, path);
    let span = |from, to| (Timestamp(time(from)), Timestamp(time(to)));
    assert_eq!(
        bench.lake.coverage(&bench.only().0).unwrap(),
        [
            span("2025-07-27T08:00:00Z", "2025-07-27T08:01:01.001Z"),
            span("2025-07-27T08:59:30Z", "2025-07-27T09:00:00Z"),
        ]
    );
    assert!(messages(&summary).contains("that time is not covered"), "{}", messages(&summary));
}

#[test]
fn a_file_appended_to_itself_counts_each_fill_once() {
    let at = time("2025-07-27T08:50:00Z");
    let text = block("2025-07-27T08:50:00", &events(at));
    let [once, appended] = [text.clone(), text.repeat(2)].map(|text| {
        let bench = Bench::new();
        let path = bench.write("node_fills_by_block/hourly/20250727/8.lz4", lz4(&text));
        let summary = taken(&bench, path);
        let series = bench.lake.series().unwrap();
        let rows: Vec<usize> = series.iter().map(|series| bench.all(series).len()).collect();
        (rows, messages(&summary).contains("a row stands there more than once"))
    });
    assert_eq!(once.0, appended.0);
    assert!(!once.1 && appended.1);
}

#[test]
fn fills_without_accounts_are_told_by_both_sides_of_a_trade() {
    let market = Some(("0xaaaa", "market"));
    let lines = |fills: &[Fill]| fills.iter().map(|f| f.text() + "\n").collect::<String>();
    let open = |tid, side| Fill {
        tid,
        side,
        start: "0.0",
        dir: "Open Long",
        crossed: false,
        liquidated: market,
        ..PLAIN
    };
    // One side opens.
    let bench = Bench::new();
    let text = lines(&[open(1, "B"), Fill { liquidated: market, ..PLAIN }]);
    taken(&bench, bench.write("fills.jsonl", &text));
    let (series, table) = bench.only();
    assert_eq!(texts(&table, "liquidated_side"), ["long"]);
    assert!(bench.lake.coverage(&series).unwrap().is_empty(), "a selection covers no time");

    // Both close: the liquidated one is the taker.
    let bench = Bench::new();
    let short = Fill { side: "B", start: "-0.5", dir: "Close Short", liquidated: market, ..PLAIN };
    let maker = Fill { crossed: false, liquidated: market, ..PLAIN };
    let text = format!("[{},{}]", maker.text(), short.text());
    taken(&bench, bench.write("fills.json", text));
    assert_eq!(texts(&bench.only().1, "liquidated_side"), ["short"]);

    // Only one side, which could be either account's.
    let bench = Bench::new();
    let text = lines(&[PLAIN, Fill { tid: 9, liquidated: market, ..PLAIN }]);
    let refused = failures(bench.ingest(bench.write("fills.jsonl", text), &Options::default()));
    assert_eq!(refused[0].place, Place::Row(2));
    assert!(
        refused[0].problem.to_string().contains("the liquidation of trade 9"),
        "{}",
        refused[0]
    );
    assert!(bench.lake.series().unwrap().is_empty());
}

#[test]
fn a_fill_that_contradicts_itself_is_refused_with_its_line() {
    let bench = Bench::new();
    let at = time("2025-10-10T21:16:04Z");
    let wrong = Fill { at, side: "B", liquidated: Some(("0xaaaa", "market")), ..PLAIN };
    let text =
        block("2025-10-10T21:00:00.1", &[]) + &block("2025-10-10T21:16:04.1", &[("0xaaaa", wrong)]);
    let path = bench.write("node_fills_by_block/20251010/21.lz4", lz4(text));
    let refused = failures(bench.ingest(&path, &Options::default()));
    assert_eq!(refused[0].place, Place::Row(2));
    let said = refused[0].problem.to_string();
    assert!(said.contains("B with `Close Long` from a position of 2"), "{said}");
    assert!(bench.lake.series().unwrap().is_empty());

    // A setting keeps it, with what is known.
    let mut policies = Policies::default();
    policies.set(Rule::UnknownSide, Policy::Flag).unwrap();
    bench.ingest(path, &Options { policies, ..Options::default() }).unwrap();
    let (series, table) = bench.only();
    assert_eq!(texts(&table, "liquidated_side"), ["unknown"]);
    let flags = &bench.lake.receipts(&series).unwrap()[0].sources[0].flags;
    assert_eq!((flags[0].name.as_str(), flags[0].count), ("unknown_side", 1));
}

#[test]
fn a_line_that_is_cut_off_refuses_the_file() {
    let bench = Bench::new();
    let text = block("2025-10-10T21:00:00.1", &events(time("2025-10-10T21:00:00Z")));
    let cut = format!("{text}{}", &text[..text.len() / 2]);
    let refused = failures(bench.ingest(bench.write("21.lz4", lz4(cut)), &Options::default()));
    assert_eq!(refused[0].place, Place::Row(2));
    assert!(refused[0].problem.to_string().starts_with("damaged or cut off"), "{}", refused[0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    /// However forced trades are written, each is counted once, whichever account comes first.
    #[test]
    fn every_forced_trade_is_counted_once(
        trades in proptest::collection::vec((1..1000_u32, any::<bool>(), any::<bool>(), any::<bool>()), 1..30),
    ) {
        let at = time("2025-10-10T21:16:04Z");
        let mut lines = String::new();
        let mut expected: Vec<(f64, &str)> = Vec::new();
        for (index, &(size, is_long, is_forced, victim_first)) in trades.iter().enumerate() {
            let (size, tid) = (format!("{size}.0"), index as u64);
            let start = if is_long { size.clone() } else { format!("-{size}") };
            let (side, dir) = if is_long { ("A", "Close Long") } else { ("B", "Close Short") };
            let (other_side, other_dir) = if is_long { ("B", "Open Long") } else { ("A", "Open Short") };
            let liquidated = is_forced.then_some(("0xaaaa", "market"));
            let victim = Fill { size: &size, side, dir, start: &start, tid, at, liquidated, ..PLAIN };
            let other = Fill { size: &size, side: other_side, dir: other_dir, start: "0.0", tid, at, crossed: false, liquidated, ..PLAIN };
            let (victim, other) = (format!("[\"0xaaaa\",{}]\n", victim.text()), format!("[\"0xbbbb\",{}]\n", other.text()));
            lines += &if victim_first { victim + &other } else { other + &victim };
            if is_forced {
                expected.push((size.parse().unwrap(), if is_long { "long" } else { "short" }));
            }
        }
        let bench = Bench::new();
        bench.ingest(bench.write("node_fills/20251010/21.jsonl", lines), &Options::default()).unwrap();
        let (_, table) = bench.only();
        let sides = texts(&table, "liquidated_side");
        let mut found: Vec<(f64, &str)> =
            table.f64("quantity").iter().copied().zip(sides.iter().map(String::as_str)).collect();
        found.sort_by(|a, b| a.partial_cmp(b).unwrap());
        expected.sort_by(|a, b| a.partial_cmp(b).unwrap());
        prop_assert_eq!(found, expected);
    }
}
