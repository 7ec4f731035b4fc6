//! Hyperliquid's files: API answers, the archive of contexts, lists that others derived.

use std::io::Write;
use std::path::PathBuf;

use plimsoll_ingest::{Options, Outcome, Place, Policy, Rule, Summary};
use plimsoll_market::{Column, Kind, Series, Table, Timestamp};
use proptest::prelude::*;

use crate::hyperliquid_fills::{block, events};
use crate::{Bench, failures, time};

pub(crate) const HOUR_MS: i64 = 3_600_000;

pub(crate) fn lz4(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn taken(bench: &Bench, path: PathBuf) -> Summary {
    bench.ingest(path, &Options::default()).unwrap()
}

fn of<'a>(series: &'a [Series], name: &str) -> &'a Series {
    series.iter().find(|s| s.to_string() == name).unwrap_or_else(|| panic!("{name}: {series:?}"))
}

pub(crate) fn texts(table: &Table, column: &str) -> Vec<String> {
    match table.column(column) {
        Some(Column::Text(texts)) => texts.clone(),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn messages(summary: &Summary) -> String {
    let messages: Vec<&str> = summary.notes.iter().map(|note| note.message.as_str()).collect();
    messages.join("\n")
}

fn candle(coin: &str, open_time: i64, close: &str) -> String {
    let close_time = open_time + 59_999;
    format!(
        r#"{{"t":{open_time},"T":{close_time},"s":"{coin}","i":"1m","o":"100.0","c":"{close}","h":"102.5","l":"99.0","v":"1.25","n":7}}"#
    )
}

#[test]
fn candles_of_the_api() {
    let bench = Bench::new();
    let start = time("2025-10-10");
    let rows: Vec<String> = (0..3).map(|i| candle("BTC", start + i * 60_000, "101.5")).collect();
    let summary = taken(&bench, bench.write("BTC.json", format!("[{}]", rows.join(","))));
    assert_eq!(summary.reports[0].format, Some("hyperliquid-candles/1"));
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "hyperliquid BTC candles 1m");
    assert_eq!(table.times(), [start, start + 60_000, start + 120_000]);
    assert_eq!((table.f64("close")[0], table.f64("volume")[0]), (101.5, 1.25));
    assert_eq!(table.column("trades"), Some(&Column::I64OrNull(vec![Some(7); 3])));
    let receipt = &bench.lake.receipts(&series).unwrap()[0];
    // Nothing in the answer tells whether the last bar was over.
    assert_eq!(receipt.sources[0].maybe_forming, Some(Timestamp(start + 120_000)));
    assert!(!receipt.derived.is_empty(), "the API has no quote volume");

    // A later answer completes it.
    let rows: Vec<String> = (2..5)
        .map(|i| candle("BTC", start + i * 60_000, if i == 2 { "102.0" } else { "101.5" }))
        .collect();
    let summary = taken(&bench, bench.write("later.json", format!("[{}]", rows.join(","))));
    assert_eq!(summary.merges[0].completed_bars, [Timestamp(start + 120_000)]);
    assert_eq!(bench.only().1.f64("close"), [101.5, 101.5, 102.0, 101.5, 101.5]);
}

#[test]
fn candles_of_several_coins_in_lines_and_a_full_answer() {
    let bench = Bench::new();
    let start = time("2025-10-10");
    let mut lines: Vec<String> =
        (0..5000).map(|i| candle("ETH", start + i * 60_000, "101.5")).collect();
    lines.insert(1, candle("BTC", start, "101.5"));
    lines.push(candle("@107", start, "101.5"));
    lines.push(candle("xyz:GOLD", start, "101.5"));
    let summary = taken(&bench, bench.write("candles.jsonl", lines.join("\n")));
    let series = bench.lake.series().unwrap();
    assert_eq!(series.len(), 2);
    assert_eq!(bench.all(of(&series, "hyperliquid ETH candles 1m")).len(), 5000);
    assert!(messages(&summary).contains("5000 bars, the most that an answer has"));
    assert!(messages(&summary).contains("2 spot pairs and markets of builders left out"));

    let bench = Bench::new();
    let wrong = candle("ETH", start + 60_000, "101.5").replace("\"102.5\"", "\"high\"");
    let text = format!("{}\n{wrong}\n", candle("ETH", start, "101.5"));
    let refused = failures(bench.ingest(bench.write("c.jsonl", text), &Options::default()));
    assert_eq!(refused[0].place, Place::Row(2));
    assert!(refused[0].problem.to_string().contains("`h` is `\"high\"`"), "{}", refused[0]);
    assert!(bench.lake.series().unwrap().is_empty());
}

#[test]
fn funding_is_hourly_and_late_stamps_belong_to_their_hour() {
    let bench = Bench::new();
    let hour = time("2025-07-19T09:00:00Z");
    let row = |time: i64, rate: &str| {
        format!(r#"{{"coin":"BTC","fundingRate":"{rate}","premium":"-0.0001","time":{time}}}"#)
    };
    let late = time("2025-07-19T10:14:47.645Z");
    let text = format!(
        "[{},{},{}]",
        row(hour + 3, "0.0000125"),
        row(late, "-0.00002"),
        row(hour + 2 * HOUR_MS + 121, "0.00001")
    );
    let summary = taken(&bench, bench.write("funding.json", text));
    assert_eq!(summary.reports[0].format, Some("hyperliquid-funding/1"));
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "hyperliquid BTC funding");
    let settlements = vec![hour, hour + HOUR_MS, hour + 2 * HOUR_MS];
    assert_eq!(table.column("settlement_time"), Some(&Column::Time(settlements)));
    assert_eq!(table.times()[1], late, "the raw stamp is kept");
    assert_eq!(table.column("interval_minutes"), Some(&Column::I32(vec![60; 3])));
    assert_eq!(table.f64("rate"), [0.000_012_5, -0.000_02, 0.000_01]);
}

#[test]
fn one_settlement_alone_is_hourly_and_a_full_answer_is_noted() {
    let bench = Bench::new();
    let row = |i: i64| {
        format!(
            r#"{{"coin":"SOL","fundingRate":"0.00001","premium":"0","time":{}}}"#,
            time("2025-01-01") + i * HOUR_MS
        )
    };
    taken(&bench, bench.write("one.json", format!("[{}]", row(0))));
    let (_, table) = bench.only();
    assert_eq!(table.column("interval_minutes"), Some(&Column::I32(vec![60])));
    let rows: Vec<String> = (0..500).map(row).collect();
    let summary = taken(&bench, bench.write("full.json", format!("[{}]", rows.join(","))));
    assert!(messages(&summary).contains("500 settlements, the most that an answer has"));
}

const CONTEXTS: &str = "time,coin,funding,open_interest,prev_day_px,day_ntl_vlm,premium,oracle_px,mark_px,mid_px,impact_bid_px,impact_ask_px\n";

#[test]
fn contexts_give_mark_index_premium_and_open_interest() {
    let bench = Bench::new();
    let row = |minute: &str, coin: &str, interest: &str, premium: &str, mark: &str| {
        format!(
            "2025-11-13T{minute}Z,{coin},-0.0003,{interest},0.15,133.7,{premium},0.126,{mark},,0.1253,\n"
        )
    };
    let text = [
        CONTEXTS.to_owned(),
        row("00:00:00", "POPCAT", "44122738", "-0.0019", "0.12543"),
        row("00:00:00", "OLD", "0.0", "", "0.0"),
        row("00:00:00", "xyz:TSLA", "5", "0", "100"),
        row("00:01:00", "POPCAT", "44122739", "null", "0.12540"),
        row("00:01:00", "OLD", "0.0", "", "0.0"),
        row("00:02:00", "POPCAT", "44122740", "-0.0018", "0.12550"),
        row("00:02:07", "POPCAT", "44122741", "-0.0017", "0.13000"),
        row("00:03:00", "POPCAT", "44122742", "0.0001", "0.12560"),
        // Minute 4 is missing.
        row("00:05:00", "POPCAT", "44122743", "0.0", "0.12570"),
    ]
    .concat();
    let summary = taken(&bench, bench.write("asset_ctxs/20251113.csv.lz4", lz4(text)));
    assert_eq!(summary.reports[0].format, Some("hyperliquid-asset-contexts/1"));
    let series = bench.lake.series().unwrap();
    assert_eq!(series.len(), 4, "{series:?}");
    let minute = |i: i64| time("2025-11-13") + i * 60_000;

    let mark = bench.all(of(&series, "hyperliquid POPCAT mark_candles 1m"));
    assert_eq!(mark.times(), [minute(0), minute(1), minute(2)]);
    assert_eq!(mark.f64("open"), [0.12543, 0.1254, 0.1255]);
    assert_eq!(mark.f64("high"), [0.12543, 0.1255, 0.1256]);
    assert_eq!(mark.f64("low"), [0.1254, 0.1254, 0.1255]);
    assert_eq!(mark.f64("close"), [0.1254, 0.1255, 0.1256]);
    let index = bench.all(of(&series, "hyperliquid POPCAT index_candles 1m"));
    assert_eq!((index.len(), index.f64("close")[0]), (3, 0.126));
    let premium = bench.all(of(&series, "hyperliquid POPCAT premium_index_candles 1m"));
    assert_eq!(premium.times(), [minute(2)], "an empty premium interrupts the bars");
    assert_eq!((premium.f64("low")[0], premium.f64("high")[0]), (-0.0018, 0.0001));

    let interest = bench.all(of(&series, "hyperliquid POPCAT open_interest"));
    assert_eq!(interest.len(), 6, "a snapshot between minutes is one of open interest");
    assert_eq!(interest.f64_or_nan("open_interest")[0], 44_122_738.0);
    assert_eq!(interest.f64_or_nan("open_interest_value")[0], 44_122_738.0 * 0.12543);

    let said = messages(&summary);
    assert!(said.contains("bars are made of snapshots"), "{said}");
    assert!(said.contains("running estimate of the hour and not taken"), "{said}");
    assert!(
        said.contains("1 rows between two minutes are in no bar (first at 2025-11-13T00:02:07Z)")
    );
    assert!(said.contains("1 spot pairs and markets of builders left out"), "{said}");
}

#[test]
fn contexts_can_be_narrowed_and_are_refused_out_of_order() {
    let row = |minute: u32| format!("2025-11-13T00:0{minute}:00Z,BTC,0,5,1,1,0,100,101,,,\n");
    let text = format!("{CONTEXTS}{}{}{}", row(0), row(1), row(2));
    let bench = Bench::new();
    let path = bench.write("20251113.csv.lz4", lz4(text));
    let options = Options { kind: Some(Kind::OpenInterest), ..Options::default() };
    bench.ingest(&path, &options).unwrap();
    assert_eq!(bench.only().0.to_string(), "hyperliquid BTC open_interest");
    let options = Options { symbol: Some("ETH".into()), ..Options::default() };
    let refused = failures(bench.ingest(&path, &options));
    assert!(refused[0].problem.to_string().contains("no row of the kind and symbol asked for"));

    let mut policies = plimsoll_ingest::Policies::default();
    policies.set(Rule::SampledPrices, Policy::Refuse).unwrap();
    let bench = Bench::new();
    let refused = failures(bench.ingest(&path, &Options { policies, ..Options::default() }));
    assert_eq!(refused.len(), 3, "mark, index and premium, but not open interest");

    let bench = Bench::new();
    let text = format!("{CONTEXTS}{}{}", row(1), row(0));
    let refused = failures(bench.ingest(bench.write("20251113.csv", text), &Options::default()));
    assert_eq!(refused[0].place, Place::Line(3));
    assert!(refused[0].problem.to_string().contains("a row of 2025-11-13T00:00:00Z behind one of"));
}

#[test]
fn neighbours_are_not_taken_for_hyperliquid() {
    let start = time("2025-10-10");
    // A bar of Binance's stream, what an account paid, orders of nodes, public trades.
    let binance =
        candle("BTCUSDT", start, "101.5").replace("\"n\":7", "\"n\":7,\"x\":true,\"q\":\"5\"");
    for text in [
        format!("[{binance}]"),
        r#"[{"coin":"BTC","fundingRate":"0.1","premium":"0","time":1,"szi":"1","usdc":"2"}]"#.into(),
        r#"{"block_time":"2025-10-10T21:00:00.1","events":[{"time":"x","user":"0x","status":"open"}]}"#.into(),
        r#"[{"coin":"BTC","side":"A","px":"1","sz":"1","hash":"0x","time":1,"tid":5}]"#.into(),
        r#"{"event_start":"x"}"#.into(),
    ] {
        let bench = Bench::new();
        let result = bench.ingest(bench.write("some.json", &text), &Options::default());
        let formats: Vec<_> = match result {
            Ok(summary) => summary.reports.iter().map(|r| r.format).collect(),
            Err(plimsoll_ingest::IngestError::BadFiles { summary, .. }) => {
                summary.reports.iter().map(|r| r.format).collect()
            }
            Err(other) => panic!("{other}"),
        };
        assert!(!formats[0].is_some_and(|name| name.starts_with("hyperliquid")), "{text}");
    }
}

#[test]
fn lists_of_auto_deleveraging_are_events_that_cover_nothing() {
    let bench = Bench::new();
    let text = "user,coin,time,adl_price,adl_size,adl_notional,position_size,timestamp\n\
        0xa,BTC,1760131026037,108416.0,0.5,54208.0,-0.5,2025-10-10 21:17:06.037\n\
        0xb,BTC,1760131026037,108416.0,0.5,54208.0,-0.5,2025-10-10 21:17:06.037\n\
        0xc,MNT,1760131016356,1.5867,32.6,51.7,40.1,2025-10-10 21:16:56.356\n";
    let summary = taken(&bench, bench.write("adl.csv", text));
    assert_eq!(summary.reports[0].format, Some("hyperliquid-adl-list/1"));
    let series = bench.lake.series().unwrap();
    let btc = bench.all(&series[0]);
    assert_eq!(btc.f64("notional"), [54_208.0; 2], "equal events of two accounts are two");
    assert_eq!(texts(&btc, "kind"), ["adl", "adl"]);
    assert_eq!(texts(&btc, "liquidated_side"), ["short", "short"]);
    assert_eq!(texts(&bench.all(&series[1]), "liquidated_side"), ["long"]);
    assert!(series.iter().all(|s| bench.lake.coverage(s).unwrap().is_empty()));
    assert!(messages(&summary).contains("it accounts for no time"));

    let flat = text.replace("-0.5,2025", "0,2025");
    let refused = failures(bench.ingest(bench.write("flat.csv", flat), &Options::default()));
    assert_eq!(refused[0].place, Place::Line(2));
}

#[test]
fn aggregates_are_left_out_with_their_reason() {
    for (name, text, reason) in [
        (
            "liquidations.csv",
            "time,user,liquidated_ntl_pos,liquidated_account_value,leverage_type\n2023-02-28T21:10:23Z,0x6,356.8,2.9,Cross\n",
            "no coin, side or price",
        ),
        (
            "by_coin.csv",
            "coin,adl_notional,closed_pnl,num_users,num_events\nBTC,1,2,3,4\n",
            "summed by coin, without times",
        ),
        (
            "net.csv",
            "ticker,net_volume,net_notional_usd,total_pnl,num_adl_events,avg_price\nBTC,1,2,3,4,5\n",
            "summed by coin, without times",
        ),
        (
            "timing.json",
            r#"{"event_start":"2025-10-10T21:15:03Z","first_liquidation":"x","first_adl":"y","timeline":[]}"#,
            "an analysis of a cascade",
        ),
    ] {
        let bench = Bench::new();
        let path = bench.write(name, text);
        let refused = failures(bench.ingest(&path, &Options::default()));
        assert!(refused[0].problem.to_string().contains(reason), "{}", refused[0]);
        // In a folder that is walked it is no failure.
        let summary = taken(&bench, path.parent().unwrap().to_owned());
        assert!(summary.left_out[0].message.contains(reason));
        assert_eq!(summary.reports[0].outcome, Outcome::LeftOut);
    }
}

/// A folder or file of the shared real data, if it is there.
fn real(name: &str) -> Option<PathBuf> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/real").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {name} is not at hand");
    None
}

#[test]
fn real_files_of_the_cascade_of_october_2025() {
    let Some(folder) = real("liquidations") else { return };
    let bench = Bench::new();
    let summary = bench.ingest(folder, &Options::default()).unwrap();
    let outcomes: Vec<_> = summary
        .reports
        .iter()
        .map(|report| {
            let name = report.file.rsplit('/').next().unwrap();
            (name, report.format.unwrap(), report.outcome)
        })
        .collect();
    let nothing = "hyperliquid-aggregates/1";
    let expected = [
        ("liquidations.csv", nothing, Outcome::LeftOut),
        ("adl_by_coin_REALTIME.csv", nothing, Outcome::LeftOut),
        ("adl_net_volume_full_12min.csv", nothing, Outcome::LeftOut),
        ("cascade_timing_results.json", nothing, Outcome::LeftOut),
        ("high_leverage_outliers_analysis.csv", "hyperliquid-adl-list/1", Outcome::Taken),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(summary.left_out.len(), 5, "the licence too: {:?}", summary.left_out);

    // Counted and summed from the file with another program.
    let series = bench.lake.series().unwrap();
    assert_eq!((series.len(), summary.rows), (62, 480));
    let tables: Vec<Table> = series.iter().map(|series| bench.all(series)).collect();
    let times = || tables.iter().flat_map(|table| table.times().iter().copied());
    assert_eq!(times().min(), Some(1_760_130_964_831));
    assert_eq!(times().max(), Some(1_760_131_336_308));
    let shorts = tables.iter().flat_map(|table| texts(table, "liquidated_side"));
    assert_eq!(shorts.filter(|side| side == "short").count(), 472);
    let notional: f64 = tables.iter().flat_map(|table| table.f64("notional").to_vec()).sum();
    assert!((notional - 12_132_175.173_893).abs() < 1e-3, "{notional}");
    let btc = bench.all(of(&series, "hyperliquid BTC liquidations"));
    assert_eq!(btc.len(), 167);
}

#[test]
fn real_candles_and_funding() {
    let Some(folder) = real("hyperliquid") else { return };
    let bench = Bench::new();
    bench.ingest(folder, &Options::default()).unwrap();
    let series = bench.lake.series().unwrap();
    let funding = bench.all(of(&series, "hyperliquid BTC funding"));
    let late = funding.times().iter().filter(|&&time| time % HOUR_MS > 60_000).count();
    assert_eq!(funding.times().len(), 1832);
    assert!(late > 0, "stamps minutes late are kept as they are");
    let Some(Column::Time(settlements)) = funding.column("settlement_time") else { panic!() };
    let at = funding.times().iter().position(|&t| t == time("2025-07-19T10:14:47.645Z")).unwrap();
    assert_eq!(settlements[at], time("2025-07-19T10:00:00Z"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    /// Whatever is done to the bytes of a file, it is refused or what goes in obeys the rules.
    #[test]
    fn damage_is_refused_or_harmless(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        form in 0..6_usize,
    ) {
        let at = time("2025-10-10T21:16:04Z");
        let bare: Vec<String> = events(at).iter().map(|(_, fill)| fill.text()).collect();
        let (name, text) = match form {
            0 => ("node_fills_by_block/20251010/21.json", block("2025-10-10T21:16:04.1", &events(at)).repeat(2)),
            1 => ("fills.json", format!("[{}]", bare.join(","))),
            2 => ("candles.json", format!("[{},{}]", candle("BTC", at - 4000, "101"), candle("BTC", at + 56_000, "101"))),
            3 => ("funding.json", r#"[{"coin":"BTC","fundingRate":"0.0001","premium":"0","time":1735689600003}]"#.to_owned()),
            4 => ("contexts.csv", format!("{CONTEXTS}2025-11-13T00:01:00Z,BTC,0,5,1,1,0,100,101,,,\n2025-11-13T00:02:00Z,BTC,0,5,1,1,,100,101,,,\n")),
            _ => ("adl.csv", "user,coin,time,adl_price,adl_size,position_size\n0xa,BTC,1760131026037,10.0,0.5,-0.5\n".to_owned()),
        };
        let mut bytes = text.into_bytes();
        for (index, byte) in &damage {
            let at = index.index(bytes.len());
            bytes[at] = b"0123456789.,-\n[]{}:e\"A"[usize::from(*byte) % 22];
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
