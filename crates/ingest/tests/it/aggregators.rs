//! Coinalyze, CoinGlass, CCXT and freqtrade's other formats.

use plimsoll_ingest::{LiquidationUnit, Options, Policy, Rule};
use plimsoll_market::{Column, Kind, Timestamp};

use crate::{Bench, failures, time};

const DAY: i64 = 1_733_270_400; // 2024-12-04, seconds
const HOUR_MS: i64 = 3_600_000;

fn at_binance() -> Options {
    Options { venue: Some("binance-usdm".into()), ..Options::default() }
}

fn in_unit(unit: LiquidationUnit) -> Options {
    Options { liquidation_unit: Some(unit), ..Options::default() }
}

fn some(values: &[f64]) -> Option<Column> {
    Some(Column::F64OrNull(values.iter().copied().map(Some).collect()))
}

#[test]
fn coinalyze_counts_in_what_the_request_asked_for() {
    let text = format!(
        r#"[{{"symbol":"BTCUSDT_PERP.A","history":[{{"t":{DAY},"l":12.5,"s":3.25}},{{"t":{},"l":1,"s":0}},{{"t":{},"l":2,"s":4}}]}}]"#,
        DAY + 3600,
        DAY + 3 * 3600
    );
    let bench = Bench::new();
    let path = bench.write("liquidations.json", &text);
    let refused = failures(bench.ingest(&path, &Options::default()));
    assert_eq!(
        refused[0].problem.to_string(),
        "its liquidation unit is told neither by its name nor by its rows"
    );
    assert_eq!(refused[0].hint().unwrap(), "pass --liquidation-unit");

    bench.ingest(&path, &in_unit(LiquidationUnit::Base)).unwrap();
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "binance-usdm BTCUSDT liquidation_volume 1h");
    let times = [DAY, DAY + 3600, DAY + 3 * 3600].map(|seconds| seconds * 1000);
    assert_eq!(table.times(), times);
    assert_eq!(table.column("long_quantity").cloned(), some(&[12.5, 1.0, 2.0]));
    assert_eq!(table.column("short_quantity").cloned(), some(&[3.25, 0.0, 4.0]));
    assert_eq!(table.column("long_notional"), Some(&Column::F64OrNull(vec![None; 3])));
    // The hour between the last two is missing, and that is no hour without liquidations.
    let gap = bench.lake.gaps(&series).unwrap();
    assert_eq!((gap.first, gap.count), (Some(Timestamp((DAY + 2 * 3600) * 1000)), 1));

    let bench = Bench::new();
    bench.ingest(bench.write("l.json", &text), &in_unit(LiquidationUnit::Usd)).unwrap();
    assert_eq!(bench.only().1.column("long_notional").cloned(), some(&[12.5, 1.0, 2.0]));
}

#[test]
fn coinalyze_markets_stand_or_fall_by_themselves() {
    let history = format!(r#"[{{"t":{DAY},"l":1,"s":2}},{{"t":{},"l":1,"s":2}}]"#, DAY + 86_400);
    let other = format!(r#"[{{"t":{DAY},"o":1,"h":2,"l":1,"c":2}}]"#);
    let text = format!(
        r#"[{{"symbol":"ETHUSD_PERP.A","history":{history}}},{{"symbol":"BTCUSDT_PERP.3","history":{history}}},{{"symbol":"BTCUSDT.6","history":{history}}},{{"symbol":"BTCUSDT_PERP.A","history":{other}}}]"#
    );
    let bench = Bench::new();
    let path = bench.write("l.json", &text);
    let refused = failures(bench.ingest(&path, &in_unit(LiquidationUnit::Base)));
    let messages: Vec<String> = refused
        .iter()
        .map(|f| format!("{}{}: {}", f.series.clone().unwrap(), f.place, f.problem))
        .collect();
    assert_eq!(
        messages,
        [
            "BTCUSDT_PERP.3 liquidation_volume: its venue is told neither by its name nor by its rows",
            "BTCUSDT_PERP.A liquidation_volume: row 7: a Coinalyze history of t, o, h, l, c, which is not of liquidations, cannot be ingested",
        ]
    );
    let series: Vec<String> =
        bench.lake.series().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        series,
        [
            "binance-coinm ETHUSD_PERP liquidation_volume 1d",
            "bybit-linear BTCUSDT liquidation_volume 1d"
        ]
    );
    // Coin-margined contracts are counted in dollars without conversion, too.
    let table = bench.all(&bench.lake.series().unwrap()[0]);
    assert_eq!(table.column("long_notional").cloned(), some(&[1.0, 1.0]));

    let text = format!(r#"{{"symbol":"BTCUSDT_PERP.3","history":{history}}}"#);
    let options = Options {
        venue: Some("okx-swap".into()),
        symbol: Some("BTC-USDT-SWAP".into()),
        ..in_unit(LiquidationUnit::Usd)
    };
    let bench = Bench::new();
    bench.ingest(bench.write("l.json", &text), &options).unwrap();
    assert_eq!(bench.only().0.to_string(), "okx-swap BTC-USDT-SWAP liquidation_volume 1d");
}

#[test]
fn coinglass_history_is_in_dollars() {
    let row = |hours: i64, names: [&str; 2]| {
        let time = DAY * 1000 + hours * HOUR_MS;
        format!(r#"{{"time":{time},"{}":"1.5","{}":0.5}}"#, names[0], names[1])
    };
    let document = |names: [&str; 2]| {
        let rows = [0, 4, 8].map(|hours| row(hours, names)).join(",");
        format!(r#"{{"code":"0","msg":"success","data":[{rows}]}}"#)
    };
    let summed = ["aggregated_long_liquidation_usd", "aggregated_short_liquidation_usd"];
    let bench = Bench::new();
    let options = Options { symbol: Some("BTC".into()), ..Options::default() };
    bench.ingest(bench.write("h.json", document(summed)), &options).unwrap();
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "aggregate BTC liquidation_volume 4h");
    assert_eq!(table.column("long_notional").cloned(), some(&[1.5; 3]));
    assert_eq!(table.column("short_notional").cloned(), some(&[0.5; 3]));

    let pair = ["long_liquidation_usd", "short_liquidation_usd"];
    let bench = Bench::new();
    let path = bench.write("BTCUSDT_4h.json", document(pair));
    let refused = failures(bench.ingest(&path, &Options::default()));
    assert_eq!(refused[0].hint().unwrap(), "pass --venue");
    bench.ingest(&path, &at_binance()).unwrap();
    assert_eq!(bench.only().0.to_string(), "binance-usdm BTCUSDT liquidation_volume 4h");
}

#[test]
fn answers_without_data_are_refused_with_what_they_say() {
    for (text, message) in [
        (
            r#"{"code":"40001","msg":"API key missing."}"#,
            "is no data but the answer of a server: 40001 API key missing.",
        ),
        (
            r#"{"code":"0","msg":"success","data":[]}"#,
            "is no data but the answer of a server: success, and no rows: the market is not known there under the name asked for",
        ),
        (
            r#"{"code":-1121,"msg":"Invalid symbol."}"#,
            "is no data but the answer of a server: -1121 Invalid symbol.",
        ),
        (r#"{"code":"0","data":[]}"#, "has no rows"),
        ("[]", "has no rows"),
    ] {
        let bench = Bench::new();
        let refused = failures(bench.ingest(bench.write("BTC.json", text), &Options::default()));
        assert_eq!(refused[0].problem.to_string(), message, "{text}");
    }
}

#[test]
fn coinglass_orders_account_for_no_time() {
    let order = |side: u8, hours: i64| {
        let time = DAY * 1000 + hours * HOUR_MS;
        format!(
            r#"{{"exchange_name":"BINANCE","symbol":"BTCUSDT","base_asset":"BTC","price":50000,"usd_value":100000,"side":{side},"time":{time}}}"#
        )
    };
    let text =
        format!(r#"{{"code":"0","msg":"success","data":[{},{}]}}"#, order(2, 1), order(1, 0));
    let bench = Bench::new();
    bench.ingest(bench.write("orders.json", &text), &Options::default()).unwrap();
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "binance-usdm BTCUSDT liquidations");
    let sides = ["short", "long"].map(str::to_owned).to_vec();
    assert_eq!(table.column("liquidated_side"), Some(&Column::Text(sides)));
    assert_eq!((table.f64("quantity"), table.f64("notional")), (&[2.0; 2][..], &[1e5; 2][..]));
    assert!(bench.lake.coverage(&series).unwrap().is_empty());

    let text = order(3, 0);
    let text = format!(r#"{{"code":"0","msg":"success","data":[{text}]}}"#);
    let bench = Bench::new();
    let refused = failures(bench.ingest(bench.write("o.json", text), &Options::default()));
    assert!(refused[0].problem.to_string().starts_with("`side` is `3`"), "{}", refused[0]);

    // A recorded stream: lines, of which some are no orders.
    let text = r#"{"event":"subscribe"}
{"channel":"liquidationOrders","data":[{"baseAsset":"BTC","exName":"OKX","price":56738.00,"side":2,"symbol":"BTC-USDT-SWAP","time":1725416318379,"volUsd":3858.184}]}
"#;
    let bench = Bench::new();
    let lines: Vec<&str> = text.lines().rev().collect();
    let summary =
        bench.ingest(bench.write("o.jsonl", lines.join("\n")), &Options::default()).unwrap();
    assert_eq!(bench.only().0.to_string(), "okx-swap BTC-USDT-SWAP liquidations");
    assert!(summary.notes.iter().any(|note| note.message.contains("2 for sell orders")));
}

#[test]
fn ccxt_bars_find_their_market_by_name_and_folder() {
    let start = DAY * 1000;
    let row = |hour: i64| format!("[{}, 100, 102.5, 99, 101, 2.5]", start + hour * HOUR_MS);
    let document = format!("[{}]", [0, 1, 2].map(row).join(","));
    let lines = [0, 1, 2].map(row).join("\n");
    for text in [&document, &lines] {
        let bench = Bench::new();
        let path = bench.write("bybit-linear/BTCUSDT_1h.json", text);
        bench.ingest(path, &Options::default()).unwrap();
        let (series, table) = bench.only();
        assert_eq!(series.to_string(), "bybit-linear BTCUSDT candles 1h");
        assert_eq!((table.f64("volume"), table.f64("high")), (&[2.5; 3][..], &[102.5; 3][..]));
    }
    let bench = Bench::new();
    let path = bench.write("BTCUSDT_1h.json", &document);
    let hint = failures(bench.ingest(&path, &Options::default()))[0].hint();
    assert_eq!(hint.unwrap(), "pass --venue");
    let options = Options { venue: Some("bybit-inverse".into()), ..Options::default() };
    let refused = failures(bench.ingest(&path, &options));
    assert!(refused[0].problem.to_string().contains("contracts"), "{}", refused[0]);
    let path = bench.write("bybit-linear/BTCUSDT_1h_mark.json", document.replace("2.5]", "null]"));
    bench.ingest(path, &Options::default()).unwrap();
    assert_eq!(bench.only().0.kind, Kind::MarkCandles);
    // A volume that is missing is no volume of 0.
    let path = bench.write("bybit-linear/BTCUSDT_1h.json", document.replace("2.5]", "null]"));
    let refused = failures(bench.ingest(path, &Options::default()));
    assert_eq!(refused[0].problem.to_string(), "`volume` NaN is negative or no number");
}

#[test]
fn ccxt_objects_are_split_by_pair() {
    let start = DAY * 1000;
    let rate = |pair: &str, hour: i64, rate: f64| {
        let time = start + hour * HOUR_MS;
        format!(
            r#"{{"info":{{}},"symbol":"{pair}","fundingRate":{rate},"timestamp":{time},"datetime":"x"}}"#
        )
    };
    let rows = [
        rate("BTC/USDT:USDT", 0, 0.0001),
        rate("ETH/USDT:USDT", 0, 0.0002),
        rate("BTC/USDT:USDT", 8, -0.0001),
    ];
    for text in [format!("[{}]", rows.join(",")), rows.join("\n")] {
        let bench = Bench::new();
        let path = bench.write("okx-swap/funding.json", text);
        bench.ingest(path, &Options::default()).unwrap();
        let series = bench.lake.series().unwrap();
        let names: Vec<String> = series.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["okx-swap BTC-USDT-SWAP funding", "okx-swap ETH-USDT-SWAP funding"]);
        assert_eq!(bench.all(&series[0]).f64("rate"), [0.0001, -0.0001]);
    }
    let interest = |venue: &str| {
        let text = format!(
            r#"[{{"symbol":"BTC/USDT:USDT","openInterestAmount":5,"openInterestValue":500000,"timestamp":{start},"datetime":"x","info":{{}}}}]"#
        );
        let bench = Bench::new();
        bench.ingest(bench.write(&format!("{venue}/oi.json"), text), &Options::default()).unwrap();
        let (_, table) = bench.only();
        (table.f64_or_nan("open_interest")[0], table.f64_or_nan("open_interest_value")[0])
    };
    assert_eq!(interest("binance-usdm"), (5.0, 500_000.0));
    let (contracts, value) = interest("okx-swap");
    assert!(contracts.is_nan(), "contracts are no base units");
    assert_eq!(value, 500_000.0);
}

#[test]
fn ccxt_liquidations_have_the_side_of_their_exchange() {
    let row = |side: &str| {
        format!(
            r#"[{{"info":{{}},"symbol":"BTC/USDT:USDT","contracts":2,"contractSize":1,"price":100,"baseValue":null,"quoteValue":200,"side":{side},"timestamp":{}}}]"#,
            DAY * 1000
        )
    };
    for (venue, side, liquidated) in [
        ("binance-usdm", "\"sell\"", "long"),
        ("bybit-linear", "\"sell\"", "short"),
        ("okx-swap", "\"long\"", "long"),
    ] {
        let bench = Bench::new();
        let path = bench.write(&format!("{venue}/l.json"), row(side));
        bench.ingest(path, &Options::default()).unwrap();
        let (series, table) = bench.only();
        let sides = vec![liquidated.to_owned()];
        assert_eq!(table.column("liquidated_side"), Some(&Column::Text(sides)), "{venue}");
        assert_eq!((table.f64("quantity"), table.f64("notional")), (&[2.0][..], &[200.0][..]));
        assert!(bench.lake.coverage(&series).unwrap().is_empty());
    }
    for (venue, side) in [("okx-swap", "\"sell\""), ("bybit-linear", "null")] {
        let bench = Bench::new();
        let path = bench.write(&format!("{venue}/l.json"), row(side));
        assert_eq!(failures(bench.ingest(&path, &Options::default())).len(), 1);
        let mut options = Options::default();
        options.policies.set(Rule::UnknownSide, Policy::Flag).unwrap();
        bench.ingest(&path, &options).unwrap();
        let unknown = Column::Text(vec!["unknown".to_owned()]);
        assert_eq!(bench.only().1.column("liquidated_side"), Some(&unknown));
    }
}

#[test]
fn freqtrade_also_writes_json() {
    let start = DAY * 1000;
    let row = |hour: i64, open: &str| format!("[{},{open},0,0,0,0]", start + hour * HOUR_MS);
    let bench = Bench::new();
    let rates = format!("[{},{}]", row(0, "0.0001"), row(8, "-0.00005"));
    bench.write("binance-usdm/BTC_USDT_USDT-8h-funding_rate.json", rates);
    let bars = format!("[[{start},-0.1,0.2,-0.3,0.1,0],[{},0.1,0.2,-0.3,0,null]]", start + HOUR_MS);
    bench.write("binance-usdm/BTC_USDT_USDT-1h-premiumIndex.json", bars);
    let folder = bench.folder.path().join("archives");
    bench.ingest(&folder, &Options::default()).unwrap();
    let series = bench.lake.series().unwrap();
    let premium = series.iter().find(|s| s.kind == Kind::PremiumIndexCandles).unwrap();
    assert_eq!(premium.to_string(), "binance-usdm BTCUSDT premium_index_candles 1h");
    assert_eq!(bench.all(premium).f64("low"), [-0.3, -0.3]);
    let funding = series.iter().find(|series| series.kind == Kind::Funding).unwrap();
    assert_eq!(funding.to_string(), "binance-usdm BTCUSDT funding");
    assert_eq!(bench.all(funding).f64("rate"), [0.0001, -0.00005]);
}

#[test]
fn trades_of_freqtrade_become_minutes() {
    let start = DAY * 1000;
    let mut text = "timestamp,id,type,side,price,amount,cost\n".to_owned();
    for (seconds, side, price, amount) in
        [(0, "buy", 100.0, 1.0), (30, "sell", 99.0, 2.0), (61, "buy", 101.0, 0.5)]
    {
        let time = start + seconds * 1000;
        text += &format!("{time},{seconds},,{side},{price},{amount},{}\n", price * amount);
    }
    let bench = Bench::new();
    let path = bench.write("binance-usdm/BTC_USDT_USDT-trades.csv", &text);
    bench.ingest(path, &Options::default()).unwrap();
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "binance-usdm BTCUSDT candles 1m");
    assert_eq!(table.times(), [start, start + 60_000]);
    assert_eq!((table.f64("low"), table.f64("volume")), (&[99.0, 101.0][..], &[3.0, 0.5][..]));
    let takers = Column::F64OrNull(vec![Some(1.0), Some(0.5)]);
    assert_eq!(table.column("taker_buy_volume"), Some(&takers));
    let path = bench.write("BTC_USDT-trades.csv", text.replace("sell", "ask"));
    let refused = failures(bench.ingest(path, &Options::default()));
    assert!(refused[0].to_string().contains("csv:3: `side` is `ask`"), "{}", refused[0]);
}

#[test]
fn named_columns_hold_values_in_dollars() {
    let bench = Bench::new();
    let text = "timestamp,venue,ticker,oi_usd\n2024-12-04,bybit,BTC,5e9\n2024-12-04,okx,BTC,4e9\n";
    bench.ingest(bench.write("oi.csv", text), &Options::default()).unwrap();
    let series = bench.lake.series().unwrap();
    let names: Vec<String> = series.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["bybit BTC open_interest", "okx BTC open_interest"]);
    let table = bench.all(&series[0]);
    assert!(table.f64_or_nan("open_interest")[0].is_nan());
    assert_eq!(table.f64_or_nan("open_interest_value"), [5e9]);

    let bench = Bench::new();
    let text = "timestamp,coin,side,size_usd,price\n2024-12-04,BTC,sell,1000,50000\n";
    bench.ingest(bench.write("hyperliquid/liquidations.csv", text), &Options::default()).unwrap();
    let (_, table) = bench.only();
    assert_eq!((table.f64("quantity"), table.f64("notional")), (&[0.02][..], &[1000.0][..]));
    assert_eq!(table.times(), [time("2024-12-04")]);

    let bench = Bench::new();
    let text = "date,coin,long_usd,short_usd,total_usd,liq_count\n2024-12-04,BTC,10,5,15,3\n2024-12-05,BTC,10,5,16,2\n2024-12-07,ETH,1,0,1,1\n";
    let path = bench.write("sums.csv", text);
    let summary = bench.ingest(&path, &Options::default()).unwrap();
    let series = bench.lake.series().unwrap();
    let names: Vec<String> = series.iter().map(ToString::to_string).collect();
    let expected = ["aggregate BTC liquidation_volume 1d", "aggregate ETH liquidation_volume 1d"];
    assert_eq!(names, expected, "one row of ETH has the interval of the file");
    let message = "a total is not the sum of its parts (1, first at 2024-12-05T00:00:00Z)";
    assert!(summary.notes.iter().any(|note| note.message == message), "{:?}", summary.notes);
    let flag = &bench.lake.receipts(&series[0]).unwrap()[0].sources[0].flags[0];
    assert_eq!(
        (flag.name.as_str(), flag.example.as_str()),
        ("total_differs", "the total 16 is not 10 + 5")
    );
    let mut strict = Options::default();
    strict.policies.set(Rule::TotalDiffers, Policy::Refuse).unwrap();
    let bench = Bench::new();
    let refused = failures(bench.ingest(bench.write("sums.csv", text), &strict));
    assert!(refused[0].to_string().contains("sums.csv:3: aggregate BTC"), "{}", refused[0]);
}

#[test]
fn json_rows_are_read_by_their_names() {
    let bench = Bench::new();
    let text = r#"{"rows": [{"time": 1733270400000, "coin": "BTC", "fundingRate": "0.0000125"},
        {"time": 1733274000000, "coin": "BTC", "fundingRate": "0.00001"}], "next": null}"#;
    bench.ingest(bench.write("hyperliquid-2024-12/f.json", text), &Options::default()).unwrap();
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "hyperliquid BTC funding");
    assert_eq!(table.f64("rate"), [0.0000125, 0.00001]);

    let bench = Bench::new();
    let lines = "{\"time\": 1, \"coin\": \"BTC\", \"fundingRate\": 1e-5}\n{\"time\": 2, \"coin\": \"BTC\"}\n";
    let path = bench.write("hyperliquid/f.jsonl", lines);
    let refused = failures(bench.ingest(path, &Options::default()));
    assert!(refused[0].to_string().contains("f.jsonl: row 2: `fundingRate`"), "{}", refused[0]);
}

#[test]
fn what_has_no_times_is_left_out_of_a_folder_and_refused_by_name() {
    let bench = Bench::new();
    let path = bench.write("sums/by_coin.csv", "coin,total,pnl\nBTC,1,2\n");
    bench.write("sums/analysis.json", r#"{"start": "2025-10-10", "counts": [{"second": 1}]}"#);
    let folder = bench.folder.path().join("archives/sums");
    let summary = bench.ingest(folder, &Options::default()).unwrap();
    let messages: Vec<&str> = summary.left_out.iter().map(|note| note.message.as_str()).collect();
    assert_eq!(
        messages,
        ["no column of times among second", "no column of times among coin, total, pnl"]
    );
    let refused = failures(bench.ingest(path, &Options::default()));
    assert_eq!(refused[0].hint().unwrap(), "leave the file out");
    // Bars without a column that is known for times are bars still, and the user is told.
    let path = bench
        .write("binance-usdm/BTCUSDT_1h.csv", "when,open,high,low,close,volume\n1,1,1,1,1,1\n");
    let refused = failures(bench.ingest(path, &Options::default()));
    assert!(refused[0].to_string().contains("no column for `time`"), "{}", refused[0]);
}

#[test]
fn a_venue_of_percentages_shows_beside_the_others() {
    let mut text = "timestamp,venue,coin,funding_rate\n".to_owned();
    for hour in 0..48_i64 {
        let time = DAY * 1000 + hour * HOUR_MS;
        // Four venues of hourly rates, one of which writes percentages, and one of 8 hours.
        let rate = 1e-5 * (1.0 + (hour % 5) as f64 / 5.0);
        for (venue, scale) in [("a", 1.0), ("b", 0.7), ("c", 1.4), ("percent", 100.0)] {
            text += &format!("{time},{venue},BTC,{}\n", rate * scale);
        }
        if hour % 2 == 0 {
            text += &format!("{},eight,BTC,{}\n", DAY * 1000 + hour * 4 * HOUR_MS, rate * 8.0);
        }
    }
    let bench = Bench::new();
    let path = bench.write("funding.csv", &text);
    let refused = failures(bench.ingest(&path, &Options::default()));
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].series.as_deref(), Some("percent BTC funding"));
    let message = refused[0].problem.to_string();
    assert!(message.contains("times those of BTC at a, b, c, eight"), "{message}");
    assert_eq!(bench.lake.series().unwrap().len(), 4);

    let mut options = Options::default();
    options.policies.set(Rule::PercentRate, Policy::Repair).unwrap();
    let bench = Bench::new();
    bench.ingest(bench.write("funding.csv", &text), &options).unwrap();
    let series = bench.lake.series().unwrap();
    let percent = series.iter().find(|series| series.venue == "percent").unwrap();
    let rate = bench.all(percent).f64("rate")[0];
    assert!((rate - 1e-5).abs() < 1e-18, "{rate}");
    let repair = &bench.lake.receipts(percent).unwrap()[0].sources[0].repairs[0];
    assert_eq!((repair.name.as_str(), repair.count), ("percent_rate", 48));
}
