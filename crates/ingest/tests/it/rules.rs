//! Every rule of archives under every policy: what the lake then holds and what the receipt says.

use plimsoll_ingest::{Options, Policy, Rule};
use plimsoll_market::lake::Note;
use plimsoll_market::{Kind, Table};

use crate::bad_data::{folder, options};
use crate::{Bench, failures, time};

use Policy::{Flag, Refuse, Repair};

/// Rule, file, what is said of the first case (`:line: ` first, where the file is refused), how
/// many cases there are, and by policy the values that the lake then holds.
struct Case {
    rule: Rule,
    file: &'static str,
    line: &'static str,
    said: &'static str,
    count: usize,
    flag: Option<&'static [f64]>,
    repair: Option<&'static [f64]>,
}

/// Lows of the six bars that most files are made of.
const LOWS: [f64; 6] = [90.25, 91.25, 92.25, 93.25, 94.25, 95.25];

const CASES: &[Case] = &[
    Case {
        rule: Rule::Unsorted,
        file: "unsorted.csv",
        line: ":4: ",
        said: "the row of 2024-12-05T23:00:00Z stands behind that of 2024-12-06T00:00:00Z",
        count: 1,
        flag: None,
        repair: Some(&[90.25, 91.25, 92.25, 93.25]),
    },
    Case {
        rule: Rule::RepeatedRow,
        file: "repeated_row.csv",
        line: ":4: ",
        said: "the row of 2024-12-05T23:00:00Z stands there a second time",
        count: 1,
        flag: None,
        repair: Some(&[90.25, 91.25, 92.25, 93.25]),
    },
    Case {
        rule: Rule::RepeatedRowDiffers,
        file: "repeated_row_differs.csv",
        line: ":8: ",
        said: "a second row of 2024-12-06T00:00:00Z has `close` 104, the first has 103",
        count: 1,
        flag: None,
        repair: Some(&LOWS),
    },
    Case {
        rule: Rule::RepeatedRowDiffers,
        file: "funding_repeated.csv",
        line: ":3: ",
        said: "a second row of 2024-12-06T00:00:00Z has `rate` 0.0002, the first has 0.0001",
        count: 1,
        flag: None,
        repair: Some(&[0.0001, 0.0001]),
    },
    Case {
        rule: Rule::PriceNotPositive,
        file: "zero_price.csv",
        line: ":2: ",
        said: "`low` 0 is not a positive number",
        count: 1,
        flag: None,
        repair: Some(&[91.25, 92.25, 93.25, 94.25, 95.25]),
    },
    Case {
        rule: Rule::PriceNotPositive,
        file: "infinite.csv",
        line: ":5: ",
        said: "`high` inf is not a positive number",
        count: 1,
        flag: None,
        repair: Some(&[90.25, 91.25, 92.25, 94.25, 95.25]),
    },
    Case {
        rule: Rule::PriceNotPositive,
        file: "premium_not_a_number.csv",
        line: ":3: ",
        said: "`low` -inf is not a number",
        count: 1,
        flag: None,
        repair: Some(&[-0.0003, -0.0001, -0.0001]),
    },
    Case {
        rule: Rule::PriceNotPositive,
        file: "liquidation_price_zero.csv",
        line: ":3: ",
        said: "`price` 0 is not a positive number",
        count: 1,
        flag: None,
        repair: Some(&[100.0, 101.0]),
    },
    Case {
        rule: Rule::PriceNotPositive,
        file: "funding_mark_negative.csv",
        line: ":3: ",
        said: "`mark_price` -61000 is not a positive number",
        count: 1,
        flag: None,
        repair: Some(&[0.0001, 0.0003]),
    },
    Case {
        rule: Rule::OhlcOrder,
        file: "high_below_low.csv",
        line: ":4: ",
        said: "`high` 61250.1 is below `low` 61310",
        count: 1,
        flag: None,
        repair: Some(&[90.25, 91.25, 61_250.1, 93.25, 94.25, 95.25]),
    },
    Case {
        rule: Rule::OhlcOrder,
        file: "low_above_open.csv",
        line: ":3: ",
        said: "`low` 100.5 is above `open` 100",
        count: 1,
        flag: None,
        repair: Some(&[90.25, 100.0, 92.25, 93.25, 94.25, 95.25]),
    },
    Case {
        rule: Rule::InvalidVolume,
        file: "negative_volume.csv",
        line: ":7: ",
        said: "`volume` -3 is negative or no number",
        count: 1,
        flag: None,
        repair: Some(&[90.25, 91.25, 92.25, 93.25, 94.25]),
    },
    Case {
        rule: Rule::InvalidVolume,
        file: "negative_quote_volume.csv",
        line: ":3: ",
        said: "`quote_volume` -5 is negative or no number",
        count: 1,
        flag: None,
        repair: Some(&[90.25, 92.25, 93.25]),
    },
    Case {
        rule: Rule::InvalidVolume,
        file: "fractional_trades.csv",
        line: ":5: ",
        said: "`trades` 7.5 is no count",
        count: 1,
        flag: None,
        repair: Some(&[90.25, 91.25, 92.25]),
    },
    Case {
        rule: Rule::InvalidVolume,
        file: "liquidation_quantity_negative.csv",
        line: ":3: ",
        said: "`quantity` -2 is negative or no number",
        count: 1,
        flag: None,
        repair: Some(&[100.0, 101.0]),
    },
    Case {
        rule: Rule::InvalidVolume,
        file: "open_interest_negative.csv",
        line: ":3: ",
        said: "`open_interest` -5.5 is negative or no number",
        count: 1,
        flag: None,
        repair: Some(&[5.5]),
    },
    Case {
        rule: Rule::OffGrid,
        file: "off_grid.csv",
        line: ":4: ",
        said: "2024-12-06T00:00:01Z is not the open time of a 1h bar",
        count: 1,
        flag: None,
        repair: Some(&[90.25, 91.25, 93.25, 94.25, 95.25]),
    },
    Case {
        rule: Rule::ClosesEarly,
        file: "closes_early.csv",
        line: ":4: ",
        said: "the bar of 2024-12-06T00:00:00Z closes at 2024-12-06T00:01:00Z, before its 1h are over",
        count: 1,
        flag: None,
        repair: Some(&[90.25, 91.25, 93.25, 94.25, 95.25]),
    },
    Case {
        rule: Rule::FormingBar,
        file: "forming_bar.csv",
        line: ":5: ",
        said: "the bar of 2024-12-06T01:00:00Z closes at 2024-12-06T01:01:00Z, before its 1h are over",
        count: 1,
        flag: Some(&[90.25, 91.25, 92.25, 93.25]),
        repair: Some(&[90.25, 91.25, 92.25]),
    },
    Case {
        rule: Rule::FillerBars,
        file: "filler_bars.csv",
        line: ":4: ",
        said: "from 2024-12-06T00:00:00Z to the end no bar has volume or moves from 102",
        count: 25,
        flag: Some(&{
            let mut lows = [102.0; 27];
            lows[0] = 90.25;
            lows[1] = 91.25;
            lows
        }),
        repair: Some(&[90.25, 91.25]),
    },
    Case {
        rule: Rule::PercentRate,
        file: "percent_funding.csv",
        line: ":3: ",
        said: "`rate` 0.0731 is 7.31 % of the notional per interval, and 1 of 3 rates are above 5 %: these look like percentages, not fractions",
        count: 1,
        flag: Some(&[0.0105, 0.0731, 0.0104]),
        // Three rows are mended where one is too high: see below.
        repair: None,
    },
    Case {
        rule: Rule::LateSettlement,
        file: "late_settlement.csv",
        line: ":3: ",
        said: "2024-12-05T23:14:47.645Z is 887 s behind the settlement of 2024-12-05T23:00:00Z",
        count: 1,
        flag: Some(&[0.00001, 0.00002, 0.00003]),
        repair: None,
    },
    Case {
        rule: Rule::OffSettlement,
        file: "off_settlement.csv",
        line: ":3: ",
        said: "2024-12-06T06:00:40Z is not near a full hour, when rates settle",
        count: 1,
        flag: Some(&[0.0001, 0.0002, 0.0003]),
        repair: None,
    },
    Case {
        rule: Rule::FundingEstimates,
        file: "funding_estimates.csv",
        line: ":2: ",
        said: "3 of 4 rates are not stamped near a full hour, when rates settle: these look like estimates",
        count: 3,
        flag: Some(&[0.0001, 0.0002, 0.0003, 0.0004]),
        repair: None,
    },
    Case {
        rule: Rule::DoubledRows,
        file: "doubled_rows.csv",
        line: ":3: ",
        said: "this row stands there before, as nearly all rows do",
        count: 2,
        flag: Some(&[30_631.6, 30_631.6, 62_472.0, 62_472.0, 62_472.0]),
        repair: Some(&[30_631.6, 62_472.0, 62_472.0]),
    },
    Case {
        rule: Rule::OddRowCount,
        file: "doubled_rows.csv",
        line: ":4: ",
        said: "this row stands there an odd number of times",
        count: 1,
        flag: Some(&[30_631.6, 62_472.0, 62_472.0]),
        repair: None,
    },
    Case {
        rule: Rule::UnfilledOrder,
        file: "unfilled_order.csv",
        line: ":3: ",
        said: "the order's filled quantity is 0",
        count: 1,
        flag: None,
        repair: Some(&[100.0, 101.0]),
    },
    Case {
        rule: Rule::UnknownSide,
        file: "unknown_side.csv",
        line: ":2: ",
        said: "`side` is `HOLD`; expected BUY or SELL, the side of the order",
        count: 1,
        flag: Some(&[100.0]),
        repair: None,
    },
    Case {
        rule: Rule::TotalDiffers,
        file: "total_differs.csv",
        line: ":3: ",
        said: "the total 16 is not 10 + 5",
        count: 1,
        flag: Some(&[10.0, 10.0, 7.0]),
        repair: None,
    },
    Case {
        rule: Rule::ZeroOpenInterest,
        file: "zero_open_interest.csv",
        line: ":3: ",
        said: "`open_interest` is 0",
        count: 1,
        flag: Some(&[5.5, 0.0, 5.75, 5.5]),
        repair: Some(&[5.5, 5.75, 5.5]),
    },
    Case {
        rule: Rule::FeedRestart,
        file: "feed_restart.csv",
        line: ":14: ",
        said: "open interest 400 is less than half of what is usual before and after it",
        count: 4,
        flag: Some(&RAMP),
        repair: Some(&WITHOUT_RAMP),
    },
    Case {
        rule: Rule::OutsidePeriod,
        file: "outside_period.csv",
        line: ":4: ",
        said: "the row of 2024-10-02T00:00:00Z is outside the file's period from 2024-10-01T00:00:00Z to 2024-10-02T00:00:00Z",
        count: 1,
        flag: Some(&[30_631.6, 62_472.0]),
        repair: Some(&[30_631.6]),
    },
];

/// Twelve snapshots, the four of the restart, twelve more.
const RAMP: [f64; 28] = {
    let mut values = [0.0; 28];
    let mut row = 0;
    while row < 12 {
        values[row] = 80_000.0 + 10.0 * row as f64;
        values[row + 16] = 80_200.0 - 7.0 * row as f64;
        row += 1;
    }
    values[12] = 400.0;
    values[13] = 9_000.0;
    values[14] = 21_000.0;
    values[15] = 33_000.0;
    values
};

const WITHOUT_RAMP: [f64; 24] = {
    let mut values = [0.0; 24];
    let mut row = 0;
    while row < 12 {
        values[row] = RAMP[row];
        values[row + 12] = RAMP[row + 16];
        row += 1;
    }
    values
};

/// The run of a case: files of which the name says something are written under that name.
fn run(
    bench: &Bench,
    file: &str,
    rule: Rule,
    policy: Policy,
) -> Result<plimsoll_ingest::Summary, plimsoll_ingest::IngestError> {
    let (path, mut options) = match file {
        "doubled_rows.csv" | "outside_period.csv" => {
            let name = "futures/cm/BTCUSD_PERP-liquidationSnapshot-2024-10-01.csv";
            (bench.write(name, std::fs::read(folder().join(file)).unwrap()), Options::default())
        }
        "late_settlement.csv" => {
            let options = Options { venue: Some("hyperliquid".into()), ..options(file) };
            (folder().join(file), options)
        }
        _ => (folder().join(file), options(file)),
    };
    options.policies.set(rule, policy).unwrap();
    bench.ingest(path, &options)
}

/// What a table of a kind is told apart by.
fn values(table: &Table) -> Vec<f64> {
    match table.kind() {
        Kind::Funding => table.f64("rate").to_vec(),
        Kind::Liquidations => table.f64("price").to_vec(),
        Kind::OpenInterest => table.f64_or_nan("open_interest"),
        Kind::LiquidationVolume => table.f64_or_nan("long_notional"),
        _ => table.f64("low").to_vec(),
    }
}

fn of_rule(notes: &[Note], rule: Rule) -> Vec<(usize, String)> {
    let notes = notes.iter().filter(|note| note.name == rule.name());
    notes.map(|note| (note.count, note.example.clone())).collect()
}

#[test]
fn every_policy_of_every_rule_does_what_it_says() {
    for case in CASES {
        let Case { rule, file, line, said, count, .. } = *case;
        let bench = Bench::new();
        let refused = failures(run(&bench, file, rule, Refuse));
        let text = refused[0].to_string();
        assert!(text.ends_with(&format!("{line}{said}")), "{rule} of {file}: {text}");
        assert!(bench.lake.series().unwrap().is_empty(), "{rule} of {file}");
        for (policy, expected) in [(Flag, case.flag), (Repair, case.repair)] {
            let Some(expected) = expected else { continue };
            let bench = Bench::new();
            let summary = run(&bench, file, rule, policy)
                .unwrap_or_else(|error| panic!("{rule} = {policy} of {file}: {error}"));
            let (series, table) = bench.only();
            assert_eq!(values(&table), expected, "{rule} = {policy} of {file}");
            let source = &bench.lake.receipts(&series).unwrap()[0].sources[0];
            let note = vec![(count, said.to_owned())];
            let (flags, repairs) = match policy {
                Repair => (Vec::new(), note),
                _ => (note, Vec::new()),
            };
            assert_eq!(of_rule(&source.flags, rule), flags, "{rule} = {policy} of {file}");
            assert_eq!(of_rule(&source.repairs, rule), repairs, "{rule} = {policy} of {file}");
            let what = rule.about().what;
            assert!(summary.notes.iter().any(|note| note.message.starts_with(what)));
        }
    }
}

#[test]
fn every_rule_of_archives_has_a_case_for_every_policy() {
    // Some belong to single formats, which have their own tests; a conflict takes two files.
    let elsewhere = [
        Rule::QuietBars,
        Rule::MissingTrades,
        Rule::TradeSilence,
        Rule::SampledPrices,
        Rule::EarlyStamp,
        Rule::VoidTrade,
        Rule::LowerBound,
        Rule::UnpaidRate,
        Rule::BankruptcyPrice,
        Rule::RecorderSilence,
        Rule::LakeConflict,
    ];
    for &rule in Rule::ALL.iter().take_while(|&&rule| rule != Rule::Unreadable) {
        if elsewhere.contains(&rule) {
            continue;
        }
        let cases: Vec<&Case> = CASES.iter().filter(|case| case.rule == rule).collect();
        assert!(!cases.is_empty(), "{rule} has no case");
        for policy in rule.about().allowed {
            let has = cases.iter().any(|case| match policy {
                Refuse => true,
                Flag => case.flag.is_some(),
                Repair => case.repair.is_some() || rule == Rule::PercentRate,
            });
            assert!(has, "{rule} has no case for {policy}");
        }
    }
}

#[test]
fn percentages_are_mended_in_every_row_or_not_at_all() {
    let bench = Bench::new();
    run(&bench, "percent_funding.csv", Rule::PercentRate, Repair).unwrap();
    let (series, table) = bench.only();
    assert_eq!(table.f64("rate"), [0.0105 / 100.0, 0.0731 / 100.0, 0.0104 / 100.0]);
    let source = &bench.lake.receipts(&series).unwrap()[0].sources[0];
    assert_eq!(of_rule(&source.repairs, Rule::PercentRate)[0].0, 3);
    // Rates above 500 % are no percentages either.
    let bench = Bench::new();
    let run = run(&bench, "funding_times_ten_thousand.csv", Rule::PercentRate, Repair);
    let text = failures(run)[0].to_string();
    assert!(text.contains(":4: `rate` 15 is 1500 %"), "{text}");
    assert!(bench.lake.series().unwrap().is_empty());
}

#[test]
fn a_side_that_is_unknown_stays_so() {
    let bench = Bench::new();
    run(&bench, "unknown_side.csv", Rule::UnknownSide, Flag).unwrap();
    let (_, table) = bench.only();
    let sides = plimsoll_market::Column::Text(vec!["unknown".to_owned()]);
    assert_eq!(table.column("liquidated_side"), Some(&sides));
}

#[test]
fn a_mend_that_leaves_nothing_is_a_refusal() {
    let bench = Bench::new();
    let run = run(&bench, "every_price_zero.csv", Rule::PriceNotPositive, Repair);
    let text = failures(run)[0].to_string();
    assert!(text.ends_with(":2: `open` 0 is not a positive number"), "{text}");
    assert!(bench.lake.series().unwrap().is_empty());
}

#[test]
fn filler_that_is_all_of_a_file_is_left_out() {
    let bench = Bench::new();
    let start = time("2025-06-01");
    let row = |i: i64| format!("{},102,102,102,102,0\n", start + i * 3_600_000);
    let rows = (0..48).map(row).collect::<Vec<_>>().concat();
    bench.write("FTMUSDT_1h.csv", format!("open_time,open,high,low,close,volume\n{rows}"));
    let mut options = options("");
    options.policies.set(Rule::FillerBars, Repair).unwrap();
    let summary = bench.ingest(bench.folder.path().join("archives"), &options).unwrap();
    assert_eq!(
        summary.left_out[0].message,
        "no bar has volume or moves from 102, as after a delisting"
    );
    assert!(bench.lake.series().unwrap().is_empty());
}

#[test]
fn a_halt_is_no_filler_and_a_fall_is_no_restart() {
    let bench = Bench::new();
    let start = time("2024-10-28");
    // Twenty hours without trades up to the end of the file.
    let bar = |i: i64| match i {
        0..=3 => format!("{},100,110,90,102,5\n", start + i * 3_600_000),
        _ => format!("{},102,102,102,102,0\n", start + i * 3_600_000),
    };
    let rows = (0..24).map(bar).collect::<Vec<_>>().concat();
    let text = format!("open_time,open,high,low,close,volume\n{rows}");
    bench.ingest(bench.write("BTCUSDT_1h.csv", text), &options("")).unwrap();
    let row = |i: i64| {
        let value = if i < 300 { 80_000 } else { 30_000 };
        format!("{},BTCUSDT,{value},{value}\n", start + i * 300_000)
    };
    let rows = (0..600).map(row).collect::<Vec<_>>().concat();
    let text = format!("timestamp,symbol,sum_open_interest,sum_open_interest_value\n{rows}");
    bench.ingest(bench.write("BTCUSDT_oi.csv", text), &options("")).unwrap();
    for series in bench.lake.series().unwrap() {
        let sources = bench.lake.receipts(&series).unwrap().remove(0).sources;
        assert!(sources[0].flags.is_empty(), "{series}: {:?}", sources[0].flags);
    }
}

/// Two versions of three hours; in the second the middle one differs.
fn two_versions(bench: &Bench, policy: Policy) -> plimsoll_ingest::Summary {
    let bars = |close: f64| {
        let start = time("2024-12-01");
        let row = |i: i64, close: f64| format!("{},100,200,50,{close},2\n", start + i * 3_600_000);
        let header = "open_time,open,high,low,close,volume\n";
        format!("{header}{}{}{}", row(0, 100.0), row(1, close), row(2, 102.0))
            + &if close > 105.0 { row(3, 103.0) } else { String::new() }
    };
    bench.ingest(bench.write("a/BTCUSDT_1h.csv", bars(101.0)), &options("")).unwrap();
    let mut second = options("");
    second.policies.set(Rule::LakeConflict, policy).unwrap();
    bench.ingest(bench.write("b/BTCUSDT_1h.csv", bars(109.0)), &second).unwrap()
}

#[test]
fn a_conflict_with_the_lake_is_flagged_or_replaced_and_recorded() {
    let example = "`close` is 109 here, 101 in the lake";
    let bench = Bench::new();
    let summary = two_versions(&bench, Flag);
    let merge = &summary.merges[0];
    assert_eq!((merge.rows_kept, merge.rows_added, merge.rows_replaced), (1, 1, 0));
    let (series, table) = bench.only();
    assert_eq!(table.f64("close"), [100.0, 101.0, 102.0, 103.0]);
    let sources = bench.lake.receipts(&series).unwrap().remove(0).sources;
    assert_eq!(sources.len(), 2, "both have rows in the lake");
    let source = sources.iter().find(|source| source.rows == 4).unwrap();
    assert_eq!(of_rule(&source.flags, Rule::LakeConflict), [(1, example.to_owned())]);
    let before = crate::bytes(bench.lake.root());
    two_versions(&bench, Flag);
    assert_eq!(crate::bytes(bench.lake.root()), before, "the same again changes nothing");

    let bench = Bench::new();
    let summary = two_versions(&bench, Repair);
    let merge = &summary.merges[0];
    assert_eq!((merge.rows_kept, merge.rows_added, merge.rows_replaced), (0, 1, 1));
    let (series, table) = bench.only();
    assert_eq!(table.f64("close"), [100.0, 109.0, 102.0, 103.0]);
    let source = &bench.lake.receipts(&series).unwrap()[0].sources[0];
    assert_eq!(of_rule(&source.repairs, Rule::LakeConflict), [(1, example.to_owned())]);
    let before = crate::bytes(bench.lake.root());
    let mut again = options("");
    again.policies.set(Rule::LakeConflict, Repair).unwrap();
    bench.ingest(bench.folder.path().join("archives/b/BTCUSDT_1h.csv"), &again).unwrap();
    assert_eq!(crate::bytes(bench.lake.root()), before, "the same again changes nothing");
}
