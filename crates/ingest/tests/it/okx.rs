//! OKX's archive, API and recorded streams, each with the traps that are known of it.

use plimsoll_ingest::{FileNote, Options, Place, Policy, Rule};
use plimsoll_market::{Column, Kind, Series, Table, Timestamp};

use crate::{Bench, failures, time};

const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;

fn has_note(notes: &[FileNote], text: &str) -> bool {
    notes.iter().any(|note| note.message.contains(text))
}

fn strings(table: &Table, column: &str) -> Vec<String> {
    let column = table.column(column).unwrap();
    (0..table.len()).map(|row| column.text(row)).collect()
}

fn options() -> Options {
    Options::default()
}

fn symbols(bench: &Bench) -> Vec<String> {
    bench.lake.series().unwrap().iter().map(ToString::to_string).collect()
}

/// `instrument_name/交易币对名,contract_type/合约类型,funding_rate/预测下一周期费率,
/// real_funding_rate/本周期真实费率,funding_time/下一周期时间戳` in GBK.
const SWAPRATE_HEADER: &[u8] = b"instrument_name/\xbd\xbb\xd2\xd7\xb1\xd2\xb6\xd4\xc3\xfb,contract_type/\xba\xcf\xd4\xbc\xc0\xe0\xd0\xcd,funding_rate/\xd4\xa4\xb2\xe2\xcf\xc2\xd2\xbb\xd6\xdc\xc6\xda\xb7\xd1\xc2\xca,real_funding_rate/\xb1\xbe\xd6\xdc\xc6\xda\xd5\xe6\xca\xb5\xb7\xd1\xc2\xca,funding_time/\xcf\xc2\xd2\xbb\xd6\xdc\xc6\xda\xca\xb1\xbc\xe4\xb4\xc1\n";

#[test]
fn rates_of_the_older_archive_were_paid_before_their_stamp() {
    // The file of 15 January 2023: settlements of 16:00, 00:00 and 08:00 UTC, stamped with the
    // next; one swap every four hours; newest first; in GBK. And the same without a header.
    let day = time("2023-01-15");
    let mut rows = String::new();
    for (hour, rate) in [(16, "0.0004659"), (8, "-0.0008055"), (0, "0.0001")] {
        rows += &format!("BTC-USDT-SWAP,SWAP,0.0099,{rate},{}\n", day + hour * HOUR);
    }
    for hour in [16, 12, 8, 4, 0, -4] {
        rows += &format!("FTT-USDT-SWAP,SWAP,0.0099,0.000{},{}\n", hour + 4, day + hour * HOUR);
    }
    let with_header = [SWAPRATE_HEADER, rows.as_bytes()].concat();
    for text in [with_header.as_slice(), rows.as_bytes()] {
        let bench = Bench::new();
        let path = bench.write("swaprate/allswaprate-swaprate-2023-01-15.csv", text);
        let summary = bench.ingest(path, &options()).unwrap();
        assert_eq!(summary.reports[0].format, Some("okx-swaprate/1"));
        assert_eq!(
            symbols(&bench),
            ["okx-swap BTC-USDT-SWAP funding", "okx-swap FTT-USDT-SWAP funding"]
        );
        let series = bench.lake.series().unwrap();
        let table = bench.all(&series[0]);
        assert_eq!(table.times(), [day - 8 * HOUR, day, day + 8 * HOUR]);
        assert_eq!(table.f64("rate"), [0.0001, -0.000_805_5, 0.000_465_9], "what was paid");
        assert_eq!(table.column("interval_minutes"), Some(&Column::I32(vec![480; 3])));
        let table = bench.all(&series[1]);
        assert_eq!(table.times()[0], day - 8 * HOUR);
        assert_eq!(table.column("interval_minutes"), Some(&Column::I32(vec![240; 6])));
    }
}

#[test]
fn stamps_that_do_not_say_what_they_are_do_not_move() {
    let columns = "instrument_name,contract_type,funding_rate,real_funding_rate";
    let day = time("2023-01-15");
    let rows: String =
        [0, 8].map(|h| format!("BTC-USDT-SWAP,SWAP,0,0.0001,{}\n", day + h * HOUR)).concat();
    for (stamp, first) in [
        ("funding_time", None),
        ("funding_time/\u{65f6}\u{95f4}", None),
        ("next_funding_time", Some(day - 8 * HOUR)),
        ("funding_time/\u{4e0b}\u{4e00}\u{5468}\u{671f}", Some(day - 8 * HOUR)),
    ] {
        let bench = Bench::new();
        let text = format!("{columns},{stamp}\n{rows}");
        let found =
            bench.ingest(bench.write("allswaprate-swaprate-2023-01-15.csv", text), &options());
        if let Some(first) = first {
            found.unwrap();
            assert_eq!(bench.only().1.times()[0], first, "{stamp}");
        } else {
            let failure = &failures(found)[0];
            assert!(failure.to_string().contains("next_funding_time"), "{failure}");
        }
    }
}

#[test]
fn a_single_rate_of_the_older_archive_is_a_named_assumption() {
    let bench = Bench::new();
    let row = format!("BTC-USDT-SWAP,SWAP,0.0099,0.0001,{}\n", time("2023-01-15T08:00:00Z"));
    let text = [SWAPRATE_HEADER, row.as_bytes()].concat();
    let path = bench.write("allswaprate-swaprate-2023-01-15.csv", text);
    let summary = bench.ingest(path, &options()).unwrap();
    assert!(has_note(&summary.notes, "its interval is taken for 8 hours"), "{:?}", summary.notes);
    assert_eq!(bench.only().1.times(), [time("2023-01-15")]);
}

#[test]
fn a_settlement_without_a_rate_is_dropped_and_noted() {
    let day = time("2023-01-15");
    let mut rows = String::new();
    for (hour, rate) in [(0, "0.0001"), (8, ""), (16, "0.0003")] {
        rows += &format!("BTC-USDT-SWAP,SWAP,0.0099,{rate},{}\n", day + hour * HOUR);
    }
    let text = [SWAPRATE_HEADER, rows.as_bytes()].concat();
    let bench = Bench::new();
    let path = bench.write("allswaprate-swaprate-2023-01-15.csv", text);
    let summary = bench.ingest(&path, &options()).unwrap();
    assert!(
        has_note(&summary.notes, "a settlement has no rate that was paid"),
        "{:?}",
        summary.notes
    );
    assert_eq!(bench.only().1.times(), [day - 8 * HOUR, day + 8 * HOUR]);
    let mut refusing = options();
    refusing.policies.set(Rule::UnpaidRate, Policy::Refuse).unwrap();
    let failure = &failures(bench.ingest(&path, &refusing))[0];
    assert_eq!(failure.place, Place::Line(3), "{failure}");
}

#[test]
fn rates_of_the_newer_archive_stand_at_their_settlement() {
    for (name, text) in [
        ("BTC-USDT-SWAP-fundingrates-2024-01.csv", "instrument_name,funding_rate,funding_time\r\n"),
        ("BTC-USDT-SWAP-fundingrates-2024-01.csv", ""),
        ("allswap-fundingrates-2024-01-01.csv", "instrument_name,funding_rate,funding_time\n"),
    ] {
        let bench = Bench::new();
        let mut text = text.to_owned();
        for (at, rate) in
            [(1_704_038_400_000_i64, "0.0002955843024083"), (1_704_067_200_011, "0.0003")]
        {
            text += &format!("BTC-USDT-SWAP,{rate},{at}\r\n");
        }
        let summary = bench.ingest(bench.write(name, text), &options()).unwrap();
        assert_eq!(summary.reports[0].format, Some("okx-fundingrates/1"));
        let (series, table) = bench.only();
        assert_eq!(series.to_string(), "okx-swap BTC-USDT-SWAP funding");
        assert_eq!(table.f64("rate")[0], 0.000_295_584_302_408_3);
        let Some(Column::Time(settled)) = table.column("settlement_time") else { panic!() };
        assert_eq!(settled, &[time("2023-12-31T16:00:00Z"), time("2024-01-01")], "jitter");
    }
}

#[test]
fn both_archives_agree_on_one_settlement() {
    // The rate of 00:00 UTC: stamped 08:00 in the older archive, 00:00 in the newer.
    let bench = Bench::new();
    let midnight = time("2023-01-15");
    let rows = format!(
        "BTC-USDT-SWAP,SWAP,0,0.0001,{}\nBTC-USDT-SWAP,SWAP,0,0.0002,{}\n",
        midnight,
        midnight + 8 * HOUR
    );
    bench.write("allswaprate-swaprate-2023-01-15.csv", [SWAPRATE_HEADER, rows.as_bytes()].concat());
    bench.write(
        "BTC-USDT-SWAP-fundingrates-2023-01.csv",
        format!("instrument_name,funding_rate,funding_time\nBTC-USDT-SWAP,0.0002,{midnight}\nBTC-USDT-SWAP,0.0003,{}\n", midnight + 8 * HOUR),
    );
    bench.ingest(bench.folder.path().join("archives"), &options()).unwrap();
    let (_, table) = bench.only();
    assert_eq!(table.f64("rate"), [0.0001, 0.0002, 0.0003]);
    assert_eq!(table.times(), [midnight - 8 * HOUR, midnight, midnight + 8 * HOUR]);
}

#[test]
fn history_of_the_api_says_what_was_paid() {
    let bench = Bench::new();
    let row = |at: &str, realised: &str| {
        format!(
            r#"{{"instId":"BTC-USDT-SWAP","instType":"SWAP","method":"current_period","fundingRate":"0.0001515032","realizedRate":"{realised}","fundingTime":"{}"}}"#,
            time(at)
        )
    };
    let text = format!(
        r#"{{"code":"0","msg":"","data":[{},{}]}}"#,
        row("2024-01-01T08:00:00Z", "0.00015"),
        row("2024-01-01", "")
    );
    let summary = bench.ingest(bench.write("funding.json", text), &options()).unwrap();
    assert_eq!(summary.reports[0].format, Some("okx-funding-rate-history/1"));
    assert_eq!(bench.only().1.f64("rate"), [0.000_151_503_2, 0.000_15]);
    assert!(has_note(&summary.notes, "1 of 2 rows have no realizedRate"), "{:?}", summary.notes);
    // The answer about the present is a forecast.
    let bench = Bench::new();
    let text = r#"{"code":"0","data":[{"instId":"BTC-USDT-SWAP","fundingRate":"0.0001","fundingTime":"1704067200000","nextFundingTime":"1704096000000"}]}"#;
    let failure = &failures(bench.ingest(bench.write("funding.json", text), &options()))[0];
    assert!(failure.to_string().contains("cannot tell what this is"), "{failure}");
}

const TRADES: &str = "instrument_name,trade_id,side,price,size,created_time\n";

#[test]
fn swap_trades_count_contracts() {
    let bench = Bench::new();
    let start = time("2025-05-31T16:00:00Z");
    let mut text = TRADES.replace('\n', ",source\r\n");
    for (at, side, price, size) in
        [(0, "buy", "100", "30"), (30_000, "sell", "110", "20"), (60_000, "buy", "90", "10")]
    {
        text += &format!("BTC-USDT-SWAP,1566502282,{side},{price},{size},{},0\r\n", start + at);
    }
    let path = bench.write("BTC-USDT-SWAP-trades-2025-06-01.csv", &text);
    let summary = bench.ingest(&path, &options()).unwrap();
    assert_eq!(summary.reports[0].format, Some("okx-trades/1"));
    assert!(
        has_note(&summary.notes, "taken for 0.01 base units, as of 2026-09-17"),
        "{:?}",
        summary.notes
    );
    assert!(!has_note(&summary.notes, "outside the period"), "the day begins at 16:00 UTC");
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "okx-swap BTC-USDT-SWAP candles 1m");
    assert_eq!(table.times(), [start, start + MINUTE]);
    assert_eq!(table.f64("volume"), [0.5, 0.1]);
    assert_eq!(table.f64("close"), [110.0, 90.0]);
    assert_eq!(
        table.column("taker_buy_volume"),
        Some(&Column::F64OrNull(vec![Some(0.3), Some(0.1)]))
    );

    let other = Bench::new();
    let path = other.write("BTC-USDT-SWAP-trades-2025-06-01.csv", &text);
    let asked = Options { contract_size: Some(0.5), ..options() };
    let summary = other.ingest(path, &asked).unwrap();
    assert!(summary.notes.is_empty(), "{:?}", summary.notes);
    assert_eq!(other.only().1.f64("volume"), [25.0, 5.0]);
}

#[test]
fn the_day_of_trades_is_told_by_its_rows() {
    let rows = |hours: &[i64]| {
        let day = time("2025-06-01");
        let row = |&hour: &i64| format!("BTC-USDT-SWAP,{hour},buy,1,1,{}\n", day + hour * HOUR);
        TRADES.to_owned() + &hours.iter().map(row).collect::<String>()
    };
    for (hours, n_bars) in
        [(&[-8_i64, 0, 15][..], Some(3)), (&[0, 8, 23], Some(3)), (&[-8, 8, 23], None)]
    {
        let bench = Bench::new();
        let path = bench.write("BTC-USDT-SWAP-trades-2025-06-01.csv", rows(hours));
        if let Some(n_bars) = n_bars {
            let summary = bench.ingest(path, &options()).unwrap();
            assert_eq!(bench.only().1.len(), n_bars, "{hours:?}");
            assert!(!has_note(&summary.notes, "outside the period"), "{hours:?}");
        } else {
            let failure = &failures(bench.ingest(path, &options()))[0];
            assert!(failure.to_string().contains("1 of 3 trades outside the day"), "{failure}");
        }
    }
}

#[test]
fn contracts_of_unknown_size_are_asked_about() {
    let text = format!("{TRADES}DOGE-USDT-SWAP,1,buy,100,3,1748707200008\n");
    let bench = Bench::new();
    let path = bench.write("DOGE-USDT-SWAP-trades-2025-06-01.csv", &text);
    let failure = &failures(bench.ingest(&path, &options()))[0];
    assert_eq!(failure.hint().unwrap(), "pass --contract-size", "{failure}");
    let asked = Options { contract_size: Some(1000.0), ..options() };
    bench.ingest(&path, &asked).unwrap();
    assert_eq!(bench.only().1.f64("volume"), [3000.0]);
    for bad in [0.0, -1.0, f64::NAN] {
        let asked = Options { contract_size: Some(bad), ..options() };
        let failure = &failures(bench.ingest(&path, &asked))[0];
        assert!(failure.to_string().contains("is not a positive number"), "{failure}");
    }
    // Coin-margined contracts are so many dollars.
    let bench = Bench::new();
    let path =
        bench.write("BTC-USD-SWAP-trades-2025-06-01.csv", text.replace("DOGE-USDT", "BTC-USD"));
    let asked = Options { contract_size: Some(100.0), ..options() };
    bench.ingest(&path, &asked).unwrap();
    assert_eq!(bench.only().1.f64("volume"), [3.0]);
    assert_eq!(bench.only().1.f64("quote_volume"), [300.0]);
}

#[test]
fn older_trades_have_a_chinese_header_and_no_instrument() {
    let header: &[u8] = b"trade_id/\xbd\xbb\xd2\xd7id,side/\xbd\xbb\xd2\xd7\xb7\xbd\xcf\xf2,size/\xca\xfd\xc1\xbf,price/\xbc\xdb\xb8\xf1,created_time/\xb3\xc9\xbd\xbb\xca\xb1\xbc\xe4\n";
    let rows = b"719977054,buy,0.5,84760.0,1682434103856\n";
    let bench = Bench::new();
    let path = bench.write("BTC-USDT-trades-2023-04-25.csv", [header, rows].concat());
    let summary = bench.ingest(path, &options()).unwrap();
    assert_eq!(summary.notes.len(), 1, "{:?}", summary.notes);
    assert!(has_note(&summary.notes, "whether the day is one of UTC"), "{:?}", summary.notes);
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "okx-spot BTC-USDT candles 1m");
    assert_eq!(table.f64("volume"), [0.5], "spot is counted in coins");
    assert_eq!(table.times(), [time("2023-04-25T14:48:00Z")]);
}

#[test]
fn a_file_of_all_swaps_gives_those_that_can_be() {
    let bench = Bench::new();
    let text = format!(
        "{TRADES}BTC-USDT-SWAP,1,buy,100,3,1748707200008\nDOGE-USDT-SWAP,1,buy,100,3,1748707200008\nETH-USDT-SWAP,1,buy,0,3,1748707200008\n"
    );
    let path = bench.write("allswap-trades-2025-06-01.csv", &text);
    let found = failures(bench.ingest(&path, &options()));
    let messages: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 2, "{messages:?}");
    assert!(messages[0].contains("okx DOGE-USDT-SWAP candles: its contract-size"), "{messages:?}");
    assert!(messages[1].contains(":4: okx ETH-USDT-SWAP candles: `price` 0"), "{messages:?}");
    assert_eq!(symbols(&bench), ["okx-swap BTC-USDT-SWAP candles 1m"]);
    let one = Options { symbol: Some("BTC-USDT-SWAP".into()), ..options() };
    assert_eq!(bench.ingest(&path, &one).unwrap().merges[0].rows_known, 1);
}

const CANDLESTICKS: &str =
    "instrument_name,open,high,low,close,vol,vol_ccy,vol_quote,open_time,confirm\n";

#[test]
fn candlesticks_of_the_archive_in_base_units() {
    let start = time("2025-12-01");
    let row = |i: i64, name: &str, confirm: &str| {
        format!("{name},100,106,99,101,200,2,201,{},{confirm}\n", start + i * MINUTE)
    };
    for (name, venue, volume) in
        [("KITE-USDT-SWAP", "okx-swap", 2.0), ("KITE-USDT", "okx-spot", 200.0)]
    {
        let bench = Bench::new();
        let text = format!(
            "{CANDLESTICKS}{}{}{}",
            row(2, name, "0"),
            row(1, name, "1"),
            row(0, name, "1")
        );
        let path = bench.write(&format!("{name}-candlesticks-2025-12.csv"), text);
        let summary = bench.ingest(path, &options()).unwrap();
        assert_eq!(summary.reports[0].format, Some("okx-candlesticks/1"));
        assert!(has_note(&summary.notes, "the last bar was not over"), "{:?}", summary.notes);
        let (series, table) = bench.only();
        assert_eq!(series.to_string(), format!("{venue} {name} candles 1m"));
        assert_eq!(table.times(), [start, start + MINUTE]);
        assert_eq!(table.f64("volume"), [volume; 2], "contracts, coins, dollars: coins");
        assert_eq!(table.f64("quote_volume"), [201.0; 2]);
    }
    // A column that says of every bar of a month that it is not over says nothing.
    let bench = Bench::new();
    let text = format!("{CANDLESTICKS}{}{}", row(0, "KITE-USDT", "0"), row(1, "KITE-USDT", "0"));
    let summary = bench.ingest(bench.write("KITE-USDT-candlesticks-2025-12.csv", text), &options());
    assert!(has_note(&summary.unwrap().notes, "every bar says that it is not over"));
    assert_eq!(bench.only().1.len(), 2);
}

fn candle(at: i64, close: &str, confirm: &str) -> String {
    format!(r#"["{at}","100","106","99","{close}","200","2","201","{confirm}"]"#)
}

#[test]
fn candles_of_the_api_newest_first_with_a_forming_bar() {
    let start = time("2025-12-01");
    let rows = [
        candle(start + 2 * HOUR, "100.5", "0"),
        candle(start + HOUR, "101", "1"),
        candle(start, "102", "1"),
    ];
    let text = format!(r#"{{"code":"0","msg":"","data":[{}]}}"#, rows.join(","));
    for name in ["BTC-USDT-SWAP_1H.json", "okx/BTC-USDT-SWAP/candles.json"] {
        let bench = Bench::new();
        let summary = bench.ingest(bench.write(name, &text), &options()).unwrap();
        assert_eq!(summary.reports[0].format, Some("okx-candles/1"));
        let (series, table) = bench.only();
        assert_eq!(series.to_string(), "okx-swap BTC-USDT-SWAP candles 1h");
        assert_eq!(table.f64("close"), [102.0, 101.0]);
        assert_eq!(table.f64("volume"), [2.0; 2]);
        assert!(!has_note(&summary.notes, "order of time"), "newest first is as documented");
        let source = &bench.lake.receipts(&series).unwrap()[0].sources[0];
        assert_eq!(source.maybe_forming, None, "confirm says what was over");
    }
    let mut refusing = options();
    refusing.policies.set(Rule::FormingBar, Policy::Refuse).unwrap();
    let bench = Bench::new();
    let failure =
        &failures(bench.ingest(bench.write("BTC-USDT-SWAP_1H.json", &text), &refusing))[0];
    assert_eq!(failure.place, Place::Row(1), "{failure}");
    // Nothing in an answer says of which instrument it is.
    let bench = Bench::new();
    let failure = &failures(bench.ingest(bench.write("candles_1H.json", &text), &options()))[0];
    assert_eq!(failure.hint().unwrap(), "pass --symbol", "{failure}");
}

#[test]
fn a_recorded_channel_finishes_its_bars() {
    let bench = Bench::new();
    let start = time("2025-12-01");
    let message = |row: String| {
        format!(r#"{{"arg":{{"channel":"candle1m","instId":"ETH-USDT-SWAP"}},"data":[{row}]}}"#)
    };
    let text = [
        r#"{"event":"subscribe","arg":{"channel":"candle1m","instId":"ETH-USDT-SWAP"}}"#.to_owned(),
        message(candle(start, "100", "0")),
        message(candle(start, "103", "0")),
        message(candle(start, "104", "1")),
        message(candle(start + MINUTE, "105", "0")),
    ]
    .join("\n");
    let summary = bench.ingest(bench.write("stream.jsonl", text), &options()).unwrap();
    assert_eq!(summary.reports[0].format, Some("okx-candles/1"));
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "okx-swap ETH-USDT-SWAP candles 1m");
    assert_eq!(table.f64("close"), [104.0]);
}

#[test]
fn mark_and_index_candles_have_six_values() {
    let start = time("2025-12-01");
    let row = |at: i64| format!(r#"["{at}","100","106","99","101","1"]"#);
    let text = format!(r#"{{"code":"0","data":[{},{}]}}"#, row(start + MINUTE), row(start));
    for (name, series) in [
        ("mark-price-candles_BTC-USDT-SWAP_1m.json", "okx-swap BTC-USDT-SWAP mark_candles 1m"),
        ("index-candles/BTC-USDT.json", "okx-swap BTC-USDT index_candles 1m"),
    ] {
        let bench = Bench::new();
        bench.ingest(bench.write(name, &text), &options()).unwrap();
        assert_eq!(symbols(&bench), [series]);
    }
    let bench = Bench::new();
    let path = bench.write("market/BTC-USDT-SWAP_1m.json", &text);
    assert_eq!(failures(bench.ingest(&path, &options()))[0].hint().unwrap(), "pass --kind");
    let asked = Options { kind: Some(Kind::MarkCandles), ..options() };
    bench.ingest(&path, &asked).unwrap();
    // Days of the default calendar open at 16:00 UTC.
    let bench = Bench::new();
    let at = time("2025-12-01T16:00:00Z");
    let text = format!(r#"{{"code":"0","data":[{}]}}"#, candle(at, "101", "1"));
    let failure =
        &failures(bench.ingest(bench.write("BTC-USDT-SWAP_1D.json", text), &options()))[0];
    assert!(failure.to_string().contains("is not the open time of a 1d bar"), "{failure}");
    let text = format!(r#"{{"code":"0","data":[{}]}}"#, candle(start, "101", "1"));
    bench.ingest(bench.write("BTC-USDT-SWAP_1Dutc.json", text), &options()).unwrap();
    assert_eq!(symbols(&bench), ["okx-swap BTC-USDT-SWAP candles 1d"]);
}

#[test]
fn an_error_among_the_answers_is_a_page_that_is_missing() {
    let bench = Bench::new();
    let good = format!(r#"{{"code":"0","data":[{}]}}"#, candle(time("2025-12-01"), "101", "1"));
    let bad = r#"{"code":"50011","msg":"Rate limit reached","data":[]}"#;
    let path = bench.write("BTC-USDT-SWAP_1m.jsonl", format!("{good}\n{bad}\n"));
    let failure = &failures(bench.ingest(path, &options()))[0];
    assert_eq!(failure.place, Place::Row(2));
    assert!(failure.to_string().contains("error 50011: Rate limit reached"), "{failure}");
}

#[test]
fn open_interest_in_coins_and_dollars() {
    let bench = Bench::new();
    let text = r#"{"code":"0","msg":"","data":[
        {"instId":"BTC-USDT-SWAP","instType":"SWAP","oi":"2660239.59","oiCcy":"26602.3959","oiUsd":"2433776053.9","ts":"1768889635328"},
        {"instId":"ETH-USDT-SWAP","instType":"SWAP","oi":"100","oiCcy":"10","ts":"1768889635603"}]}"#;
    let summary = bench.ingest(bench.write("oi.json", text), &options()).unwrap();
    assert_eq!(summary.reports[0].format, Some("okx-open-interest/1"));
    let series = bench.lake.series().unwrap();
    assert_eq!(strings(&bench.all(&series[0]), "open_interest"), ["26602.3959"]);
    assert_eq!(strings(&bench.all(&series[0]), "open_interest_value"), ["2433776053.9"]);
    assert_eq!(strings(&bench.all(&series[1]), "open_interest_value"), ["null"]);

    let start = time("2025-12-01");
    let history = format!(
        r#"{{"code":"0","data":[["{}","300","3","270"],["{start}","200","2","180"]]}}"#,
        start + HOUR
    );
    let bench = Bench::new();
    let path = bench.write("open-interest-history_BTC-USDT-SWAP_1H.json", &history);
    let summary = bench.ingest(path, &options()).unwrap();
    assert!(has_note(&summary.notes, "taken for the moment of the count"));
    assert_eq!(strings(&bench.only().1, "open_interest"), ["2", "3"]);
    let bench = Bench::new();
    let path = bench.write("BTC-USDT-SWAP_1H.json", &history);
    assert!(failures(bench.ingest(path, &options()))[0].to_string().contains("cannot tell"));
}

fn order(position: &str, side: &str, contracts: &str, price: &str, at: i64) -> String {
    format!(
        r#"{{"bkLoss":"0","bkPx":"{price}","ccy":"","posSide":"{position}","side":"{side}","sz":"{contracts}","ts":"{at}"}}"#
    )
}

fn orders(instrument: &str, details: &[String]) -> String {
    format!(
        r#"{{"details":[{}],"instFamily":"","instId":"{instrument}","instType":"SWAP","uly":""}}"#,
        details.join(",")
    )
}

fn pushed(row: &str) -> String {
    format!(r#"{{"arg":{{"channel":"liquidation-orders","instType":"SWAP"}},"data":[{row}]}}"#)
}

fn answered(row: &str) -> String {
    format!(r#"{{"code":"0","msg":"","data":[{row}]}}"#)
}

fn covered(bench: &Bench, series: &Series) -> Vec<(Timestamp, Timestamp)> {
    let receipts = bench.lake.receipts(series).unwrap();
    receipts
        .iter()
        .flat_map(|receipt| receipt.sources.iter())
        .flat_map(|s| s.covered.clone())
        .collect()
}

#[test]
fn the_position_of_a_liquidation_by_its_side_or_in_net_mode_the_orders() {
    let start = time("2025-10-10T21:00:00Z");
    let row = orders(
        "BTC-USDT-SWAP",
        &[
            order("short", "buy", "100", "50", start + 3000),
            order("long", "sell", "200", "50", start + 2000),
            order("net", "sell", "300", "50", start + 1000),
            order("net", "buy", "400", "50", start),
        ],
    );
    for text in [
        answered(&row),
        pushed(&row),
        format!(
            "{{\"event\":\"subscribe\",\"arg\":{{\"channel\":\"liquidation-orders\"}}}}\n{}",
            pushed(&row)
        ),
    ] {
        let bench = Bench::new();
        let summary = bench.ingest(bench.write("l.jsonl", text), &options()).unwrap();
        assert_eq!(summary.reports[0].format, Some("okx-liquidation-orders/1"));
        let (series, table) = bench.only();
        assert_eq!(series.to_string(), "okx-swap BTC-USDT-SWAP liquidations");
        assert_eq!(strings(&table, "liquidated_side"), ["short", "long", "long", "short"]);
        assert_eq!(table.f64("quantity"), [4.0, 3.0, 2.0, 1.0], "contracts of 0.01");
        assert_eq!(table.f64("notional"), [200.0, 150.0, 100.0, 50.0]);
        for note in ["bankruptcy price", "lower bound", "0.01 base units"] {
            assert!(has_note(&summary.notes, note), "{note}: {:?}", summary.notes);
        }
        assert_eq!(covered(&bench, &series), [(Timestamp(start), Timestamp(start + 3001))]);
    }
}

#[test]
fn answers_overlap_and_messages_do_not() {
    let start = time("2025-10-10T21:00:00Z");
    let twice = order("long", "sell", "100", "50", start);
    let later = order("long", "sell", "100", "50", start + MINUTE);
    let first = orders("BTC-USDT-SWAP", &[twice.clone(), twice.clone()]);
    let second = orders("BTC-USDT-SWAP", &[later, twice.clone(), twice]);
    for (wrap, rows) in [(answered as fn(&str) -> String, 3), (pushed, 5)] {
        let text = format!("{}\n{}\n", wrap(&first), wrap(&second));
        // A file that was appended to itself has no more.
        let bench = Bench::new();
        bench.ingest(bench.write("l.jsonl", text.repeat(2)), &options()).unwrap();
        assert_eq!(bench.only().1.len(), rows);
        let bench = Bench::new();
        let summary = bench.ingest(bench.write("l.jsonl", text), &options()).unwrap();
        assert_eq!(bench.only().1.len(), rows);
        assert_eq!(
            has_note(&summary.notes, "a row stands there more than once; kept once (2"),
            rows == 3
        );
    }
}

#[test]
fn broken_liquidations_are_refused_with_their_line() {
    let start = time("2025-10-10T21:00:00Z");
    let good = pushed(&orders("BTC-USDT-SWAP", &[order("long", "sell", "100", "50", start)]));
    for (broken, message) in [
        (
            good.replace("\"sell\"", "\"buy\""),
            "`posSide, side` is `long, buy`; expected long or net with sell",
        ),
        (good.replace("\"long\"", "\"both\""), "`posSide, side` is `both, sell`"),
        (good.replace("\"100\"", "\"many\""), "`sz` is `\"many\"`, which is not a number"),
        (good.replace("bkPx", "px"), "no column for `bkPx`"),
        (good.replace("\"50\"", "\"-50\""), "`price` -50 is not a positive number"),
    ] {
        let bench = Bench::new();
        let path = bench.write("l.jsonl", format!("{good}\n{broken}\n"));
        let failure = &failures(bench.ingest(path, &options()))[0];
        assert_eq!(failure.place, Place::Row(2), "{failure}");
        assert!(failure.to_string().contains(message), "{failure}");
        assert!(bench.lake.series().unwrap().is_empty());
    }
    let bench = Bench::new();
    let text =
        pushed(&orders("BTC-USD-260308-58000-P", &[order("long", "sell", "100", "50", start)]));
    let failure = &failures(bench.ingest(bench.write("l.jsonl", text), &options()))[0];
    assert!(failure.to_string().contains("neither spot, swap nor future"), "{failure}");
}
