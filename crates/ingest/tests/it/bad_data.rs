//! One file for each known corruption. A file without a row here fails the test.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use plimsoll_ingest::{Options, Policy, Rule, SourceFormat};
use plimsoll_market::Kind;

use crate::{Bench, failures};

const MEND: &str = "fetch the file again, or mend the row";
const AGAIN: &str = "fetch the file again";
const UNKNOWN: &str = "name the columns in a header and pass --source generic with --kind, --venue, --symbol and --interval";
const INTERVAL: &str =
    "pass the --interval that the rows have; times are the bars' open times in UTC";

/// File, what is said of it after its name, and the hint, which for [`RULES`] goes on.
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
    ("every_price_zero.csv", ":2: `open` 0 is not a positive number", Some(MEND)),
    (
        "error_answer.json",
        ": is no data but the answer of a server: -1121 Invalid symbol.",
        Some("ask the server again"),
    ),
    ("fractional_trades.csv", ":5: `trades` 7.5 is no count", Some(MEND)),
    ("funding_infinite.csv", ":3: `rate` inf is not a number", Some(MEND)),
    (
        "funding_estimates.csv",
        ":2: 3 of 4 rates are not stamped near a full hour, when rates settle: these look like estimates",
        Some(MEND),
    ),
    (
        "funding_interval_zero.csv",
        ":2: `interval_minutes` 0 is not a whole number of minutes up to a day",
        Some(MEND),
    ),
    ("funding_mark_negative.csv", ":3: `mark_price` -61000 is not a positive number", Some(MEND)),
    (
        "funding_repeated.csv",
        ":3: a second row of 2024-12-06T00:00:00Z has `rate` 0.0002, the first has 0.0001",
        Some("keep the row that is right"),
    ),
    (
        "funding_times_ten_thousand.csv",
        ":2: `rate` 1 is 100 % of the notional per interval, and 3 of 3 rates are above 5 %: these look like percentages, not fractions",
        Some("divide the rates by 100"),
    ),
    ("high_below_close.csv", ":6: `high` 110 is below `close` 110.5", Some(MEND)),
    ("high_below_low.csv", ":4: `high` 61250.1 is below `low` 61310", Some(MEND)),
    (
        "hours_named_5m.csv",
        ": its rows are 1h apart, though the interval is said to be 5m",
        Some(INTERVAL),
    ),
    ("infinite.csv", ":5: `high` inf is not a positive number", Some(MEND)),
    (
        "liquidation_kind.csv",
        ":3: `kind` is `margin call`; expected liquidation or adl",
        Some(MEND),
    ),
    ("liquidation_price_zero.csv", ":3: `price` 0 is not a positive number", Some(MEND)),
    ("liquidation_quantity_negative.csv", ":3: `quantity` -2 is negative or no number", Some(MEND)),
    (
        "liquidation_volume_negative.csv",
        ":3: `short_notional` -5 is negative or no number",
        Some(MEND),
    ),
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
    ("negative_quote_volume.csv", ":3: `quote_volume` -5 is negative or no number", Some(MEND)),
    ("negative_taker_volume.csv", ":3: `taker_buy_volume` -1 is negative", Some(MEND)),
    ("negative_volume.csv", ":7: `volume` -3 is negative or no number", Some(MEND)),
    (
        "no_header.csv",
        ": cannot tell what this is: no header that names the columns",
        Some(UNKNOWN),
    ),
    ("no_rows.csv", ": has no rows", None),
    ("not_a_number.csv", ":5: `high` NaN is not a positive number", Some(MEND)),
    ("not_arrow.feather", ": damaged or cut off: ", Some(AGAIN)),
    ("not_parquet.parquet", ": damaged or cut off: ", Some(AGAIN)),
    ("not_zstd.csv.zst", ": damaged or cut off: ", Some(AGAIN)),
    ("off_grid.csv", ":4: 2024-12-06T00:00:01Z is not the open time of a 1h bar", Some(INTERVAL)),
    (
        "one_row.csv",
        ": its interval is told neither by its name nor by its rows",
        Some("pass --interval"),
    ),
    ("open_interest_negative.csv", ":3: `open_interest` -5.5 is negative or no number", Some(MEND)),
    (
        "percent_funding.csv",
        ":3: `rate` 0.0731 is 7.31 % of the notional per interval, and 1 of 3 rates are above 5 %: these look like percentages, not fractions",
        Some("divide the rates by 100"),
    ),
    ("premium_not_a_number.csv", ":3: `low` -inf is not a number", Some(MEND)),
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
        Some(UNKNOWN),
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
    ("zero_bytes.csv", ": damaged or cut off: the file is empty", Some(AGAIN)),
    ("year_2500.csv", ":3: the time 16730000000000 ms is not between 1970 and 2200", Some(MEND)),
    ("zero_price.csv", ":2: `low` 0 is not a positive number", Some(MEND)),
];

/// Which of them break a rule that a setting could soften.
const RULES: &[(&str, Rule)] = &[
    ("closes_early.csv", Rule::ClosesEarly),
    ("every_price_zero.csv", Rule::PriceNotPositive),
    ("fractional_trades.csv", Rule::InvalidVolume),
    ("funding_estimates.csv", Rule::FundingEstimates),
    ("funding_mark_negative.csv", Rule::PriceNotPositive),
    ("funding_repeated.csv", Rule::RepeatedRowDiffers),
    ("funding_times_ten_thousand.csv", Rule::PercentRate),
    ("high_below_close.csv", Rule::OhlcOrder),
    ("high_below_low.csv", Rule::OhlcOrder),
    ("infinite.csv", Rule::PriceNotPositive),
    ("liquidation_price_zero.csv", Rule::PriceNotPositive),
    ("liquidation_quantity_negative.csv", Rule::InvalidVolume),
    ("liquidation_volume_negative.csv", Rule::InvalidVolume),
    ("low_above_open.csv", Rule::OhlcOrder),
    ("negative_price.csv", Rule::PriceNotPositive),
    ("negative_quote_volume.csv", Rule::InvalidVolume),
    ("negative_taker_volume.csv", Rule::InvalidVolume),
    ("negative_volume.csv", Rule::InvalidVolume),
    ("not_a_number.csv", Rule::PriceNotPositive),
    ("off_grid.csv", Rule::OffGrid),
    ("open_interest_negative.csv", Rule::InvalidVolume),
    ("percent_funding.csv", Rule::PercentRate),
    ("premium_not_a_number.csv", Rule::PriceNotPositive),
    ("repeated_row_differs.csv", Rule::RepeatedRowDiffers),
    ("unknown_side.csv", Rule::UnknownSide),
    ("zero_price.csv", Rule::PriceNotPositive),
];

/// Files that break no rule whose policy is to refuse: [`crate::rules`] has them.
pub(crate) const TAKEN_IN: &[&str] = &[
    "doubled_rows.csv",
    "feed_restart.csv",
    "filler_bars.csv",
    "forming_bar.csv",
    "late_settlement.csv",
    "off_settlement.csv",
    "outside_period.csv",
    "repeated_row.csv",
    "total_differs.csv",
    "unfilled_order.csv",
    "unsorted.csv",
    "zero_open_interest.csv",
];

pub(crate) fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_data")
}

pub(crate) fn options(file: &str) -> Options {
    let interval = match file {
        "hours_named_5m.csv" => Some("5m".parse().unwrap()),
        "off_grid.csv" | "every_price_zero.csv" => Some("1h".parse().unwrap()),
        _ => None,
    };
    let is_event = |file: &str| {
        ["liquidation", "unknown_side", "unfilled", "doubled", "outside"]
            .iter()
            .any(|word| file.starts_with(word))
    };
    Options {
        source: SourceFormat::Generic,
        venue: Some("binance-usdm".into()),
        symbol: Some("BTCUSDT".into()),
        interval,
        kind: match file {
            "missing_column.csv" => Some(Kind::Candles),
            file if file.starts_with("premium") => Some(Kind::PremiumIndexCandles),
            "liquidation_volume_negative.csv" => Some(Kind::LiquidationVolume),
            file if is_event(file) => Some(Kind::Liquidations),
            _ => None,
        },
        ..Options::default()
    }
}

#[test]
fn every_file_is_refused_with_place_value_and_rule() {
    for &(file, said, mend) in CASES {
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
        let rule = RULES.iter().find(|(name, _)| *name == file).map(|(_, rule)| *rule);
        assert_eq!(failures[0].problem.rule(), rule, "{file}");
        let hint = rule.map(|rule| {
            let about = rule.about();
            if about.allowed.contains(&Policy::Repair) {
                format!("; or --policy {rule}=repair: {}", about.repair)
            } else {
                format!("; or --policy {rule}=flag takes it as it is")
            }
        });
        let hint = mend.map(|mend| format!("{mend}{}", hint.unwrap_or_default()));
        assert_eq!(failures[0].hint(), hint, "{file}");
        assert!(bench.lake.series().unwrap().is_empty(), "{file} left something in the lake");
    }
}

#[test]
fn every_file_of_the_folder_is_a_case() {
    let refused = CASES.iter().map(|case| case.0);
    let cases: BTreeSet<String> =
        refused.chain(TAKEN_IN.iter().copied()).map(str::to_owned).collect();
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
    for (file, ..) in CASES {
        let bytes = fs::read(folder().join(file)).unwrap();
        bench.write(file, bytes);
    }
    let checksum = "wrong_checksum.csv.CHECKSUM";
    bench.write(checksum, fs::read(folder().join(checksum)).unwrap());
    let options = Options {
        source: SourceFormat::Generic,
        venue: Some("binance-usdm".into()),
        symbol: Some("BTCUSDT".into()),
        kind: Some(Kind::Candles),
        interval: Some("1h".parse().unwrap()),
        ..Options::default()
    };
    // Two files are good bars of one hour; one is skipped for its ending.
    let n_good = 2;
    let n_skipped = 1;
    let failures = failures(bench.ingest(bench.folder.path().join("archives"), &options));
    assert_eq!(failures.len(), CASES.len() - n_good - n_skipped);
    let (_, table) = bench.only();
    assert_eq!(
        table.len(),
        6,
        "the good files went in, one of them with the first row of the other"
    );
}
