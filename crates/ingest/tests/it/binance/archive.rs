//! The archive: klines of four kinds, funding, metrics, liquidations.

use plimsoll_ingest::{Options, Policies, Policy, Rule};
use plimsoll_market::{Column, Interval, Kind, Timestamp};

use super::{ingest_one, ingest_one_as, messages};
use crate::formats::{HEADER, kline, zipped};
use crate::{Bench, failures, time};

const METRICS: &str = "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio\n";
const SNAPSHOT: &str = "time,side,order_type,time_in_force,original_quantity,price,average_price,order_status,last_fill_quantity,accumulated_fill_quantity\n";

#[test]
fn premium_index_bars_may_be_negative_or_zero() {
    let start = time("2024-12-01");
    let row = |minute: i64, prices: &str| {
        let open = start + minute * 60_000;
        format!("{open},{prices},0,{},0,12,0,0,0\n", open + 59_999)
    };
    let text =
        HEADER.to_owned() + &row(0, "-0.0004,0.0001,-0.0005,0") + &row(1, "0,0,-0.00032,-0.00032");
    let file = "futures/um/monthly/premiumIndexKlines/BTCUSDT/1m/BTCUSDT-1m-2024-12";
    let (series, table, _) = ingest_one(&format!("{file}.zip"), zipped("x.csv", &text));
    assert_eq!(series.to_string(), "binance-usdm BTCUSDT premium_index_candles 1m");
    assert_eq!(table.f64("open"), [-0.0004, 0.0]);
    assert_eq!(table.f64("low"), [-0.0005, -0.000_32]);

    // The order of the four is a rule there too, and a price cannot be negative.
    for (folder, text) in [
        ("premiumIndexKlines", row(0, "-0.0004,-0.0006,-0.0005,-0.0005")),
        ("markPriceKlines", row(0, "-0.0004,0.0001,-0.0005,0")),
    ] {
        let bench = Bench::new();
        let path = bench.write(&format!("um/{folder}/BTCUSDT-1m-2024-12.csv"), text);
        assert_eq!(failures(bench.ingest(path, &Options::default())).len(), 1, "{folder}");
    }
}

#[test]
fn coin_margined_bars_have_their_volume_in_column_8() {
    let start = time("2023-10-27");
    let row = |hour: i64| {
        let open = start + hour * 3_600_000;
        format!(
            "{open},34161.6,34182.5,33977.4,34024.2,410,{},1.2,15,192,0.56,0\n",
            open + 3_599_999
        )
    };
    let text = row(0) + &row(1);
    for (name, text, size) in [
        ("cm/klines/BTCUSD_PERP-1h-2023-10.csv", text.clone(), 100.0),
        ("cm/klines/ETHUSD_PERP-1h-2023-10.csv", HEADER.to_owned() + &text, 10.0),
        // The symbol tells the venue where the folders do not.
        ("x/BTCUSD_231229-1h-2023-10.csv", text, 100.0),
    ] {
        let (series, table, summary) = ingest_one(name, text);
        assert_eq!((series.venue.as_str(), series.kind), ("binance-coinm", Kind::Candles));
        assert_eq!(table.f64("volume"), [1.2, 1.2], "{name}");
        assert_eq!(table.f64("quote_volume"), [410.0 * size; 2]);
        let taker = Column::F64OrNull(vec![Some(0.56); 2]);
        assert_eq!(table.column("taker_buy_volume"), Some(&taker));
        assert_eq!(summary.notes, []);
    }
}

#[test]
fn index_bars_of_a_coin_margined_pair() {
    let start = time("2024-12-01");
    let text: String = (0..3).map(|i| kline(start + i * 60_000, 1, 96_000.5, 0.0)).collect();
    let (series, table, _) =
        ingest_one("cm/indexPriceKlines/BTCUSD/1m/BTCUSD-1m-2024-12.csv", text);
    assert_eq!(series.to_string(), "binance-coinm BTCUSD index_candles 1m");
    assert_eq!(table.f64("close"), [96_000.5; 3]);
}

#[test]
fn bars_of_months_are_left_out_with_the_reason() {
    let bench = Bench::new();
    let text: String =
        (0..4).map(|i| kline(time("2024-12-01") + i * 60_000, 1, 1.5, 2.0)).collect();
    bench.write("um/klines/BTCUSDT-1m-2024-12.csv", text);
    let path =
        bench.write("um/klines/BTCUSDT-1mo-2024-12.csv", kline(time("2024-12-01"), 1, 1.0, 1.0));
    let reason = "bars of calendar months, which have no fixed length";
    let summary = bench.ingest(bench.folder.path().join("archives"), &Options::default()).unwrap();
    assert_eq!(summary.left_out.len(), 1);
    assert_eq!(summary.left_out[0].message, reason);
    let refused = failures(bench.ingest(path, &Options::default()));
    assert!(refused[0].problem.to_string().ends_with(reason), "{}", refused[0]);
}

#[test]
fn klines_cannot_be_another_kind_of_record() {
    let bench = Bench::new();
    let path = bench.write("um/BTCUSDT-1m-2024-12.csv", kline(time("2024-12-01"), 1, 1.0, 1.0));
    let options = Options { kind: Some(Kind::Funding), ..Options::default() };
    let refused = failures(bench.ingest(path, &options));
    assert_eq!(refused[0].problem.to_string(), "klines as funding cannot be ingested");
}

#[test]
fn a_renamed_archive_is_known_by_its_rows() {
    let start = time("2024-12-01");
    let text: String = (0..4).map(|i| kline(start + i * 60_000, 1, 100.0, 2.0)).collect();
    let options = Options { venue: Some("binance-usdm".into()), ..Options::default() };
    for (name, text) in [
        ("ETHUSDT_december.csv", text.clone()),
        ("ETHUSDT_december.csv", HEADER.to_owned() + &text),
    ] {
        let (series, table, summary) = ingest_one_as(name, text, &options);
        assert_eq!(series.to_string(), "binance-usdm ETHUSDT candles 1m");
        assert_eq!(table.times().len(), 4);
        assert_eq!(summary.reports[0].format, Some("binance-klines/1"));
    }
}

#[test]
fn rows_of_another_month_are_found() {
    let start = time("2024-12-31T23:58:00Z");
    let text: String = (0..4).map(|i| kline(start + i * 60_000, 1, 100.0, 2.0)).collect();
    let file = "um/klines/BTCUSDT-1m-2024-12.csv";
    let (_, table, summary) = ingest_one(file, &text);
    assert_eq!(table.len(), 4);
    let found = "rows lie outside the period that the file is named for";
    assert!(messages(&summary).iter().any(|m| m.starts_with(found)), "{:?}", summary.notes);

    let mut policies = Policies::default();
    policies.set(Rule::OutsidePeriod, Policy::Repair).unwrap();
    let (_, table, _) = ingest_one_as(file, &text, &Options { policies, ..Options::default() });
    assert_eq!(table.times(), [start, start + 60_000]);

    let mut policies = Policies::default();
    policies.set(Rule::OutsidePeriod, Policy::Refuse).unwrap();
    let bench = Bench::new();
    let path = bench.write(file, text);
    let refused = failures(bench.ingest(path, &Options { policies, ..Options::default() }));
    assert!(refused[0].problem.to_string().contains("2025-01-01T00:00:00Z"), "{}", refused[0]);
}

#[test]
fn funding_of_a_month_with_and_without_a_header() {
    let rows = format!(
        "{},8,0.00010000\n{},8,-0.00020000\n",
        time("2024-12-01") + 8,
        time("2024-12-31T16:00:00Z") + 3
    );
    let header = "calc_time,funding_interval_hours,last_funding_rate\n";
    for text in [rows.clone(), header.to_owned() + &rows] {
        let (series, table, summary) =
            ingest_one("um/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2024-12.csv", text);
        assert_eq!(series.to_string(), "binance-usdm BTCUSDT funding");
        assert_eq!(table.f64("rate"), [0.0001, -0.0002]);
        assert_eq!(table.column("interval_minutes"), Some(&Column::I32(vec![480, 480])));
        assert_eq!(summary.notes, []);
    }
}

#[test]
fn metrics_are_known_five_minutes_after_their_stamp_since_march_2024() {
    let bench = Bench::new();
    // The last row of the day before is stamped with the midnight that the next day's first is
    // stamped with too: the one is the snapshot of midnight, the other that of 00:05.
    let before = format!(
        "{METRICS}2024-03-03 23:55:00,BTCUSDT,11.0000000000000000,110,\"\",\"\",\"\",1\n\
         2024-03-04 00:00:00,BTCUSDT,11.5,115,1,1,1,1\n"
    );
    let after = format!(
        "{METRICS}2024-03-04 00:00:00,BTCUSDT,12,120,1,1,1,1\n\
         2024-03-04 00:05:00,BTCUSDT,13,130,1,1,1,1\n\
         2024-03-04 23:55:00,BTCUSDT,14,140,1,1,1,1\n"
    );
    let next = format!("{METRICS}2024-03-05 00:00:00,BTCUSDT,15,150,1,1,1,1\n");
    for (day, text) in [("03", before), ("04", after), ("05", next)] {
        bench.write(&format!("um/metrics/BTCUSDT-metrics-2024-03-{day}.csv"), text);
    }
    let summary = bench.ingest(bench.folder.path().join("archives"), &Options::default()).unwrap();
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "binance-usdm BTCUSDT open_interest");
    let expected = ["03T23:55", "04T00:00", "04T00:05", "04T00:10", "05T00:00", "05T00:05"]
        .map(|t| time(&format!("2024-03-{t}:00Z")));
    assert_eq!(table.times(), expected);
    assert_eq!(table.f64_or_nan("open_interest"), [11.0, 11.5, 12.0, 13.0, 14.0, 15.0]);
    let moved = "rows are stamped before what they describe was known";
    assert_eq!(messages(&summary).iter().filter(|m| m.starts_with(moved)).count(), 2);
    assert_eq!(summary.notes.len(), 2, "{:?}", summary.notes);
}

#[test]
fn shifting_metrics_is_a_policy() {
    let text = format!(
        "{METRICS}2024-03-04 00:00:00,BTCUSDT,12,120,1,1,1,1\n2024-03-04 00:05:00,BTCUSDT,12,120,1,1,1,1\n"
    );
    let file = "um/metrics/BTCUSDT-metrics-2024-03-04.csv";
    let mut policies = Policies::default();
    policies.set(Rule::EarlyStamp, Policy::Flag).unwrap();
    let options = Options { policies: policies.clone(), ..Options::default() };
    let (_, table, _) = ingest_one_as(file, &text, &options);
    assert_eq!(table.times()[0], time("2024-03-04"));

    policies.set(Rule::EarlyStamp, Policy::Refuse).unwrap();
    let bench = Bench::new();
    let path = bench.write(file, text);
    let refused = failures(bench.ingest(path, &Options { policies, ..Options::default() }));
    assert!(refused[0].problem.to_string().contains("known five minutes later"), "{}", refused[0]);
}

#[test]
fn metrics_written_twice_with_empty_ratios_and_failures_of_the_feed() {
    let row = |minute: u32, oi: &str| {
        format!("2021-01-05 00:{minute:02}:00,BTCUSDT,{oi},\"\",\"\",,0.9\n").repeat(2)
    };
    let text = METRICS.to_owned() + &row(0, "10.5,100") + &row(5, "0,0") + &row(10, "11,110");
    let (_, table, summary) =
        ingest_one("um/daily/metrics/BTCUSDT/BTCUSDT-metrics-2021-01-05.csv", text);
    assert_eq!(table.f64_or_nan("open_interest"), [10.5, 11.0]);
    assert_eq!(table.times(), ["00:00", "00:10"].map(|t| time(&format!("2021-01-05T{t}:00Z"))));
    let messages = messages(&summary).join("; ");
    assert!(messages.contains("open interest"), "{messages}");
}

#[test]
fn coin_margined_metrics_are_in_contracts() {
    // The header alone tells, and the column the symbol.
    let text = format!(
        "{METRICS}2023-06-25 00:00:00,BTCUSD_PERP,5578700.00000000,18265.00911826,\"\",\"\",\"\",0.00855776\n\
         2023-06-25 00:05:00,BTCUSD_PERP,5578700.00000000,18265.00911826,\"\",\"\",\"\",0.00855776\n"
    );
    let (series, table, _) = ingest_one("some.csv", &text);
    assert_eq!(series.to_string(), "binance-coinm BTCUSD_PERP open_interest");
    assert_eq!(table.f64_or_nan("open_interest")[0], 18_265.009_118_26);
    assert_eq!(table.f64_or_nan("open_interest_value")[0], 557_870_000.0);

    let bench = Bench::new();
    let path = bench.write("ETHUSD_PERP-metrics-2023-06-25.csv", text);
    let refused = failures(bench.ingest(path, &Options::default()));
    let message =
        "`symbol` is `BTCUSD_PERP`; expected the symbol of the file's name, or of --symbol";
    assert_eq!(refused[0].problem.to_string(), message);
}

#[test]
fn a_header_alone_is_a_quiet_day_for_liquidations_only() {
    let bench = Bench::new();
    let row = "1727827200926,BUY,LIMIT,IOC,7,2641.3,2631.6,FILLED,6,7\n";
    bench.write(
        "cm/liquidationSnapshot/ETHUSD_PERP-liquidationSnapshot-2024-10-01.zip",
        zipped("x.csv", SNAPSHOT),
    );
    bench.write(
        "cm/liquidationSnapshot/ETHUSD_PERP-liquidationSnapshot-2024-10-02.zip",
        zipped("x.csv", &format!("{SNAPSHOT}{row}{row}")),
    );
    let summary = bench.ingest(bench.folder.path().join("archives"), &Options::default()).unwrap();
    let (series, table) = bench.only();
    let day = |day: u32| Timestamp::from_date(2024, 10, day).unwrap();
    assert_eq!(bench.lake.coverage(&series).unwrap(), [(day(1), day(3))]);
    assert_eq!(table.f64("notional"), [70.0], "a contract of ETHUSD is 10 US dollars");
    let bound = "the venue tells at most one forced order a second, so that sums are a lower bound";
    assert!(messages(&summary).iter().any(|m| m.starts_with(bound)), "{:?}", summary.notes);

    let mut policies = Policies::default();
    policies.set(Rule::LowerBound, Policy::Refuse).unwrap();
    let path = bench.write(
        "cm/ETHUSD_PERP-liquidationSnapshot-2024-10-02.csv",
        format!("{SNAPSHOT}{row}{row}"),
    );
    let refused = failures(bench.ingest(path, &Options { policies, ..Options::default() }));
    assert_eq!(refused[0].problem.to_string(), bound);

    let path = bench.write("um/klines/BTCUSDT-1m-2024-10.csv", HEADER);
    assert_eq!(
        failures(bench.ingest(path, &Options::default()))[0].problem.to_string(),
        "has no rows"
    );
}

#[test]
fn usdm_liquidations_with_a_symbol_and_without_doubles() {
    let header = SNAPSHOT.replacen("time,", "symbol,time,", 1);
    // Two equal orders, and most rows once: this file is not doubled.
    let row = |time: i64, side: &str| {
        format!("BTCUSDT,{time},{side},LIMIT,IOC,0.014,9910,9900,FILLED,0.014,0.014\n")
    };
    let start = time("2021-05-19");
    let text = header
        + &row(start, "SELL")
        + &row(start, "SELL")
        + &row(start + 1000, "BUY")
        + &row(start + 2000, "SELL")
        + &row(start + 3000, "SELL");
    let (series, table, _) =
        ingest_one("um/liquidationSnapshot/BTCUSDT-liquidationSnapshot-2021-05-19.csv", text);
    assert_eq!(series.to_string(), "binance-usdm BTCUSDT liquidations");
    assert_eq!(table.f64("quantity"), [0.014; 5]);
    assert_eq!(table.f64("price"), [9900.0; 5], "the fill's, not the order's");
    let sides = ["long", "long", "short", "long", "long"].map(str::to_owned).to_vec();
    assert_eq!(table.column("liquidated_side"), Some(&Column::Text(sides)));
}

#[test]
fn daily_and_monthly_files_of_one_series_agree() {
    let bench = Bench::new();
    let start = time("2024-12-01");
    let rows: Vec<String> = (0..2880).map(|i| kline(start + i * 60_000, 1, 100.5, 2.0)).collect();
    let zip = |text: String| zipped("x.csv", &text);
    bench.write(
        "um/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-12.zip",
        zip(HEADER.to_owned() + &rows.concat()),
    );
    bench.write("um/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-12-02.zip", zip(rows[1440..].concat()));
    let summary = bench.ingest(bench.folder.path().join("archives"), &Options::default()).unwrap();
    let (series, table) = bench.only();
    assert_eq!((table.len(), series.interval), (2880, Some(Interval::MINUTE)));
    assert_eq!(summary.merges[0].rows_added, 2880);
    assert_eq!(summary.notes, []);
}

#[test]
fn quoted_fields_are_read() {
    let start = time("2024-12-01");
    let quoted = |line: String| {
        let fields: Vec<String> = line.trim().split(',').map(|f| format!("\"{f}\"")).collect();
        fields.join(",") + "\r\n"
    };
    let text = quoted(HEADER.to_owned())
        + &(0..3).map(|i| quoted(kline(start + i * 60_000, 1, 100.0, 2.0))).collect::<String>();
    let (_, table, _) = ingest_one("um/klines/BTCUSDT-1m-2024-12.csv", text);
    assert_eq!(table.f64("volume"), [2.0; 3]);
}
