//! One file for each known corruption. A file without a row here fails the test.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use plimsoll_ingest::{Options, SourceFormat};
use plimsoll_market::Kind;

use crate::{Bench, failures};

const MEND: &str = "fetch the file again, or mend the row";
const AGAIN: &str = "fetch the file again";

/// File, what is said of it after its name, and the hint.
const CASES: &[(&str, &str, Option<&str>)] = &[
    ("bad_time.csv", ":3: `open_time` is `yesterday`, which is not a time", Some(MEND)),
    (
        "closes_early.csv",
        ":4: the bar of 2024-12-06T00:00:00Z closes at 2024-12-06T00:01:00Z, before its 1h are over",
        Some(MEND),
    ),
    ("cut_off.csv.gz", ": damaged or cut off: ", Some(AGAIN)),
    ("cut_off.zip", ": damaged or cut off: ", Some(AGAIN)),
    ("cut_off_row.csv", ":5: 3 fields where 6 are expected", Some(MEND)),
    ("damaged.zip", ": damaged or cut off: ", Some(AGAIN)),
    ("fractional_trades.csv", ":5: `trades` 7.5 is no count", Some(MEND)),
    (
        "funding_interval_zero.csv",
        ":2: `interval_minutes` 0 is not a whole number of minutes up to a day",
        Some(MEND),
    ),
    (
        "funding_repeated.csv",
        ":3: a second row of 2024-12-06T00:00:00Z has `rate` 0.0002, the first has 0.0001",
        Some("keep the row that is right"),
    ),
    ("high_below_close.csv", ":6: `high` 110 is below `close` 110.5", Some(MEND)),
    ("high_below_low.csv", ":4: `high` 61250.1 is below `low` 61310", Some(MEND)),
    (
        "hours_named_5m.csv",
        ": its rows are 1h apart, though the interval is said to be 5m",
        Some("pass the --interval that the rows have; times are the bars' open times in UTC"),
    ),
    ("infinite.csv", ":5: `high` inf is not a positive number", Some(MEND)),
    ("low_above_open.csv", ":3: `low` 100.5 is above `open` 100", Some(MEND)),
    (
        "missing_column.csv",
        ": no column for `low` among open_time, open, high, close, volume",
        Some("add the column to the header, or pass another --kind"),
    ),
    (
        "mixed_time_units.csv",
        ":5: `open_time` is 1733446800000000 in microseconds, while the rows before are in milliseconds",
        Some("bring all times to milliseconds"),
    ),
    ("negative_price.csv", ":5: `low` -90 is not a positive number", Some(MEND)),
    ("negative_volume.csv", ":7: `volume` -3 is negative or no number", Some(MEND)),
    (
        "no_header.csv",
        ": cannot tell what this is: no header that names the columns",
        Some(
            "name the columns in a header and pass --source generic with --kind, --venue, --symbol and --interval",
        ),
    ),
    ("no_rows.csv", ": has no rows", None),
    ("not_a_number.csv", ":5: `high` NaN is not a positive number", Some(MEND)),
    ("not_arrow.feather", ": damaged or cut off: ", Some(AGAIN)),
    ("not_parquet.parquet", ": damaged or cut off: ", Some(AGAIN)),
    ("not_zstd.csv.zst", ": damaged or cut off: ", Some(AGAIN)),
    (
        "off_grid.csv",
        ":4: 2024-12-06T00:00:01Z is not the open time of a 1h bar",
        Some("pass the --interval that the rows have; times are the bars' open times in UTC"),
    ),
    ("open_interest_negative.csv", ":3: `open_interest` -5.5 is negative or no number", Some(MEND)),
    (
        "percent_funding.csv",
        ":3: `rate` 0.0731 is 7.31 % of the notional per interval, and 1 of 3 rates are above 5 %: these look like percentages, not fractions",
        Some("divide the rates by 100"),
    ),
    (
        "repeated_row_differs.csv",
        ":8: a second row of 2024-12-06T00:00:00Z has `close` 104, the first has 103",
        Some("keep the row that is right"),
    ),
    ("too_many_fields.csv", ":3: 7 fields where 6 are expected", Some(MEND)),
    (
        "two_files.zip",
        ": holds 2 CSV files where one is expected",
        Some("unpack it and ingest the files one by one"),
    ),
    (
        "unknown_ending.dat",
        ": cannot tell what this is: its name ends in none of csv, json, jsonl, zip, gz, zst, lz4, feather, parquet",
        Some(
            "name the columns in a header and pass --source generic with --kind, --venue, --symbol and --interval",
        ),
    ),
    (
        "unknown_kind.csv",
        ": its kind is told neither by its name nor by its rows",
        Some("pass --kind"),
    ),
    (
        "unknown_side.csv",
        ":2: `side` is `HOLD`; expected BUY or SELL, the side of the order",
        Some(MEND),
    ),
    ("word_for_a_number.csv", ":3: `low` is `ninety`, which is not a number", Some(MEND)),
    (
        "wrong_checksum.csv",
        ": its SHA-256 is e3341c12e2c4fd43675b9bac39cd5ec8a3b8c8cffccfdc810d24e2bacb6eb90b, the checksum file says 0000000000000000000000000000000000000000000000000000000000000000",
        Some(AGAIN),
    ),
    (
        "zero_bytes.csv",
        ": cannot tell what this is: no header that names the columns",
        Some(
            "name the columns in a header and pass --source generic with --kind, --venue, --symbol and --interval",
        ),
    ),
    ("year_2500.csv", ":3: the time 16730000000000 ms is not between 1970 and 2200", Some(MEND)),
    ("zero_price.csv", ":2: `low` 0 is not a positive number", Some(MEND)),
];

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_data")
}

fn options(file: &str) -> Options {
    let interval = match file {
        "hours_named_5m.csv" => Some("5m".parse().unwrap()),
        "off_grid.csv" => Some("1h".parse().unwrap()),
        _ => None,
    };
    Options {
        source: SourceFormat::Generic,
        venue: Some("binance-usdm".into()),
        symbol: Some("BTCUSDT".into()),
        interval,
        kind: match file {
            "missing_column.csv" => Some(Kind::Candles),
            "unknown_side.csv" => Some(Kind::Liquidations),
            _ => None,
        },
        ..Options::default()
    }
}

#[test]
fn every_file_is_refused_with_place_value_and_rule() {
    for &(file, said, hint) in CASES {
        let bench = Bench::new();
        let path = folder().join(file);
        let failures = failures(bench.ingest(&path, &options(file)));
        assert_eq!(failures.len(), 1, "{file}");
        let text = failures[0].to_string();
        let after = text.strip_prefix(&path.display().to_string()).unwrap();
        // What a decompressor says is its own business.
        let matches = if said.ends_with(": ") {
            after.starts_with(said) && after.len() > said.len()
        } else {
            after == said
        };
        assert!(matches, "{file}{after}\n  expected {said}");
        assert_eq!(failures[0].hint().as_deref(), hint, "{file}");
        assert!(bench.lake.series().unwrap().is_empty(), "{file} left something in the lake");
    }
}

#[test]
fn every_file_of_the_folder_is_a_case() {
    let cases: BTreeSet<String> = CASES.iter().map(|case| case.0.to_owned()).collect();
    let files: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".CHECKSUM"))
        .collect();
    assert_eq!(files, cases);
}

#[test]
fn all_bad_files_of_a_folder_are_listed() {
    let bench = Bench::new();
    let options = Options {
        source: SourceFormat::Generic,
        venue: Some("binance-usdm".into()),
        symbol: Some("BTCUSDT".into()),
        kind: Some(Kind::Candles),
        interval: Some("1h".parse().unwrap()),
        ..Options::default()
    };
    // The one file that is good at one hour, and the one that is skipped for its ending.
    let n_good = CASES.iter().filter(|case| case.0 == "hours_named_5m.csv").count();
    let n_skipped = 1;
    let failures = failures(bench.ingest(folder(), &options));
    assert_eq!(failures.len(), CASES.len() - n_good - n_skipped);
    let (_, table) = bench.only();
    assert_eq!(table.len(), 6, "the good file went in");
}
