//! `data ls`, `show`, `export` and `why`.

use std::fmt::Write as _;
use std::fs;

use crate::assert_text;
use crate::program::{command, folder, plimsoll, refusal};
use crate::scene::{archive, archives, lake};

#[test]
fn the_calendar_shows_every_series_and_month() {
    let place = folder("calendar");
    let text = plimsoll(&place, &["data", "ls", "--data", lake()]).good().stdout;
    assert_text!("data_ls", text);
    let output =
        command(&place, &["data", "ls", "--data", lake()]).env("COLUMNS", "60").output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("2025"));

    let only = ["data", "ls", "--data", lake(), "--symbol", "ETHUSDT", "--kind", "funding"];
    let listed = plimsoll(&place, &[&only[..], &["--json"]].concat()).good().json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["months"].as_array().unwrap().len(), 3);
    assert_eq!(listed[0]["months"][1]["covered_fraction"], 1.0);
    let period = ["--from", "2025-09-30", "--to", "2025-10-01"];
    let listed = plimsoll(&place, &[&only[..], &period, &["--json"]].concat()).good().json();
    assert_eq!(listed[0]["months"][0]["month"], "2025-09");
    assert_eq!((&listed[0]["rows"], &listed[0]["missing"]), (&90.into(), &0.into()));

    let none = plimsoll(&place, &["data", "ls", "--data", lake(), "--venue", "okx-swap"]).good();
    assert_eq!(none.stdout, "");
    assert!(none.stderr.contains("no series is as asked for"), "{}", none.stderr);
}

#[test]
fn coverage_as_csv_has_a_row_a_series_and_month() {
    let place = folder("coverage-csv");
    let text = plimsoll(&place, &["data", "ls", "--csv", "--data", lake()]).good().stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1 + 8 * 3);
    let fields: Vec<&str> = lines[0].split(',').collect();
    assert_eq!(fields[..6], ["kind", "venue", "symbol", "interval", "month", "rows"]);
    let september = "candles,binance-usdm,BTCUSDT,1h,2025-09,720,720,1,0,0,\
                     2025-09-01T00:00:00Z,2025-09-30T23:00:00Z,";
    let row = lines.iter().find(|line| line.starts_with(september)).unwrap();
    assert!(row.ends_with("/BTCUSDT-1h-2025-09.zip"), "{row}");
    assert!(
        lines.iter().any(|line| line.starts_with("funding,binance-usdm,ETHUSDT,,2025-10,93,,1,"))
    );
    // Quiet output has nothing but results.
    assert_text!("ls_csv_and_json", refusal(&place, &["data", "ls", "--csv", "--json"]));
}

#[test]
fn a_month_that_is_not_whole_is_a_digit() {
    let place = folder("calendar-partial");
    let mut text = "open_time,open,high,low,close,volume\n".to_owned();
    for hour in 0..240 {
        writeln!(text, "{},1,2,0.5,1.5,10", 1_754_006_400_000_i64 + hour * 3_600_000).unwrap();
    }
    fs::write(place.join("XUSDT_1h.csv"), text).unwrap();
    plimsoll(&place, &["ingest", "XUSDT_1h.csv", "--venue", "binance-usdm"]).good();
    let text = plimsoll(&place, &["data", "ls"]).good().stdout;
    // Ten days of 31.
    assert!(text.contains("binance-usdm XUSDT candles 1h   240        0 .......3...."), "{text}");
}

#[test]
fn rows_and_receipts_are_shown() {
    let place = folder("show");
    let base = ["data", "show", "--data", lake(), "--symbol", "BTCUSDT", "--kind", "funding"];
    let run = |more: &[&str]| plimsoll(&place, &[&base[..], more].concat()).good();
    let text = run(&["--rows", "2"]).stdout;
    assert_eq!(text.lines().next(), Some("binance-usdm BTCUSDT funding: 276 rows in 3 months"));
    assert_eq!(text.lines().count(), 1 + 1 + 2);
    let last = run(&["--rows", "1", "--tail", "--json"]).json();
    assert_eq!(last[0]["rows"][0]["settlement_time"], "2025-10-31T16:00:00Z");
    let across = run(&["--rows", "100", "--tail", "--json", "--to", "2025-10-02"]).json();
    let rows = across[0]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 100);
    assert_eq!(rows[99]["settlement_time"], "2025-10-01T16:00:00Z");
    assert!(rows.is_sorted_by_key(|row| row["settlement_time"].as_str().unwrap().to_owned()));

    let text = run(&["--rows", "0", "--receipts", "--to", "2025-09-01"]).stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(
        lines[1].starts_with("  receipt of 2025-08: 93 rows, 2025-08-01T00:00:00Z to"),
        "{text}"
    );
    assert!(lines[2].contains("/BTCUSDT-fundingRate-2025-08.zip (binance-"), "{text}");

    let none = [&base[..4], &["--symbol", "SOLUSDT"]].concat();
    let text = refusal(&place, &none).replace(lake(), "LAKE");
    assert!(text.contains("`plimsoll data ls` lists what there is"), "{text}");
}

#[test]
fn what_is_exported_goes_in_again() {
    let place = folder("export");
    let to = |out: &str, more: &[&str]| {
        let words = ["data", "export", "--out", out];
        plimsoll(&place, &[&words[..], more].concat()).good()
    };
    for (form, more) in
        [("csv", &[][..]), ("ms", &["--time", "ms"]), ("parquet", &["--format", "parquet"])]
    {
        let out = format!("out-{form}");
        let written = to(&out, &[&["--data", lake(), "--json"], more].concat()).json();
        let written = written.as_array().unwrap().clone();
        assert_eq!(written.len(), 8);
        for one in written {
            let file = one["file"].as_str().unwrap();
            let kind = one["kind"].as_str().unwrap();
            let again = format!("again-{form}");
            plimsoll(&place, &["ingest", file, "--kind", kind, "--data", &again]).good();
        }
        let back = format!("back-{form}");
        to(&back, &[&["--data", &format!("again-{form}")], more].concat());
        let files = fs::read_dir(place.join(&out)).unwrap();
        for file in files {
            let name = file.unwrap().file_name();
            let [one, two] =
                [&out, &back].map(|out| fs::read(place.join(out).join(&name)).unwrap());
            assert!(one == two, "{}", name.display());
        }
    }
}

#[test]
fn exports_are_whole_and_write_over_nothing() {
    let place = folder("export-file");
    let one =
        ["--data", lake(), "--symbol", "BTCUSDT", "--kind", "candles", "--from", "2025-10-10"];
    let words = [&["data", "export", "--out", "btc.csv", "--to", "2025-10-11"], &one[..]].concat();
    plimsoll(&place, &words).good();
    let text = fs::read_to_string(place.join("btc.csv")).unwrap();
    assert_eq!(text.lines().count(), 25);
    assert!(text.starts_with("venue,symbol,open_time,open,high,low,close,volume,quote_volume,"));
    assert!(text.lines().nth(1).unwrap().starts_with("binance-usdm,BTCUSDT,2025-10-10T00:00:00Z,"));
    let text = refusal(&place, &words).replace(lake(), "LAKE");
    assert_text!("export_there_already", text);
    plimsoll(&place, &[&words[..], &["--force"]].concat()).good();

    let all = ["data", "export", "--data", lake(), "--symbol", "BTCUSDT", "--out", "btc2.csv"];
    assert_text!("export_several", refusal(&place, &all).replace(lake(), "LAKE"));
    let ran = plimsoll(&place, &[&["data", "export", "--out", "-"], &one[..]].concat()).good();
    assert_eq!(ran.stdout.lines().count(), 1 + 22 * 24);
    let json = [&["data", "export", "--out", "-", "--json"], &one[..]].concat();
    assert!(refusal(&place, &json).contains("--json wants one document"));
    let parquet = [&["data", "export", "--out", "-", "--format", "parquet"], &one[..]].concat();
    assert!(refusal(&place, &parquet).contains("Parquet cannot be written to standard output"));
    let names: Vec<_> = fs::read_dir(&place).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["btc.csv"]);
}

#[test]
fn a_file_says_what_it_is_taken_for() {
    let place = folder("why");
    let file = archive("markPriceKlines", "2025-09");
    let ran = plimsoll(archives(), &["data", "why", file.to_str().unwrap()]).good();
    let text = ran.stdout.replace(archives().to_str().unwrap(), "ARCHIVES");
    for part in [
        "ARCHIVES/futures/um/monthly/markPriceKlines/BTCUSDT/1h/BTCUSDT-1h-2025-09.zip\n",
        "  content    CSV text, columns open_time, open, high,",
        "  taken for  binance-",
        "  series     binance-usdm BTCUSDT mark_candles 1h\n",
        "             720 rows, 2025-09-01T00:00:00Z to 2025-09-30T23:00:00Z\n",
        "             kind mark_candles by a folder's name\n",
        "             symbol BTCUSDT by a folder's name\n",
        "  sha256     ",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let words = ["data", "why", file.to_str().unwrap(), "--kind", "index_candles", "--json"];
    let why = plimsoll(&place, &words).good().json();
    assert_eq!(why[0]["series"][0]["kind"], "index_candles");
    assert_eq!(why[0]["series"][0]["origins"]["kind"], "the option");

    fs::write(place.join("weird.csv"), "time,a,b\n1,2,3\n").unwrap();
    let ran = plimsoll(&place, &["data", "why", "weird.csv"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    assert_text!("why_unrecognised", ran.stdout);
    assert_text!("why_no_file", refusal(&place, &["data", "why", "nowhere.csv"]));
    assert!(!place.join("data").exists(), "why wrote into the lake");
}
