//! `plimsoll risk`: columns found or asked for, values against statistics made by hand.

use std::fmt::Write;
use std::fs;
use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;

use crate::assert_text;
use crate::program::{folder, plimsoll, refusal};

const RETURNS: [f64; 4] = [0.1, -0.2, 0.05, 0.1];

#[test]
fn statistics_of_a_column_made_by_hand() {
    let place = folder("risk-by-hand");
    let mut csv = "day,r\n".to_owned();
    for (day, value) in RETURNS.iter().enumerate() {
        writeln!(csv, "day {day},{value}").unwrap();
    }
    fs::write(place.join("r.csv"), csv).unwrap();
    let batch = RecordBatch::try_from_iter([
        ("day", Arc::new(StringArray::from(vec!["a", "b", "c", "d"])) as ArrayRef),
        ("r", Arc::new(Float64Array::from(RETURNS.to_vec())) as ArrayRef),
    ])
    .unwrap();
    let file = File::create(place.join("r.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    let of = |file: &str| plimsoll(&place, &["risk", file, "--json", "--alpha", "0.25"]).good();
    let ran = of("r.csv");
    assert_eq!(ran.stderr, "");
    let document = ran.json();
    assert_eq!(document, of("r.parquet").json());
    let statistics = &document["statistics"];
    let is_near = |name: &str, expected: f64| {
        let value = statistics[name].as_f64().unwrap();
        assert!((value - expected).abs() < 1e-12, "{name}: {value}, by hand {expected}");
    };
    assert_eq!((&document["n"], &document["column"]), (&4.into(), &"r".into()));
    is_near("total_return", 1.1 * 0.8 * 1.05 * 1.1 - 1.0);
    // Losses are positive: the peak is after the first period, the trough after the second.
    is_near("max_drawdown", 0.2);
    is_near("cdar_0.95", 0.2);
    // Gains of 0.25 against losses of 0.20.
    is_near("profit_factor", 1.25);
    // Deviations 0.0875, -0.2125, 0.0375, 0.0875 from the mean 0.0125.
    is_near("volatility_annual", ((0.061_875_f64) / 3.0 * 365.0).sqrt());
    assert!(statistics["gpd_var_0.25"].is_null());
    assert!(document["reasons"]["gpd_var_0.25"].is_string(), "an undefined value has a reason");
    for (name, value) in statistics.as_object().unwrap() {
        assert!(value.is_f64() || value.is_i64() || value.is_null(), "{name}: {value}");
    }

    let text = plimsoll(&place, &["risk", "r.csv"]).good().stdout;
    assert!(text.starts_with("4 returns of column `r`, 365 periods a year; losses are positive\n"));
    let row = text.lines().find(|line| line.starts_with("max_drawdown")).unwrap();
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["max_drawdown", "0.2"]);
    assert!(text.lines().all(|line| line == line.trim_end()));
}

#[test]
fn what_is_wrong_with_a_column_is_named() {
    let place = folder("risk-errors");
    for (name, text) in [
        ("two.csv", "time,a,b\n2025-01-01,0.1,0.2\n2025-01-02,0.3,0.1\n"),
        ("nan.csv", "r\n0.01\n-0.02\nNaN\n"),
        ("word.csv", "r\n0.01\nhalt\n"),
        ("none.csv", "day\nmonday\n"),
        ("empty.csv", "r\n"),
        ("short.csv", "r,q\n1,2\n3\n"),
        ("nothing.csv", ""),
        ("twins.csv", "r,r\n0.1,0.2\n"),
        ("returns.txt", "r\n0.01\n"),
        ("windows.csv", "r\r\n0.01\r\nhalt\r\n"),
        ("gaps.csv", "r\r\n0.01\r\n0.02\r\n\r\n0.03\r\n\r\n"),
        ("ragged.csv", "r,q\r\n1,2\r\n\r\n3\r\n"),
        ("late.csv", "close,r\n100,\n101,0.01\n"),
    ] {
        fs::write(place.join(name), text).unwrap();
    }
    fs::write(place.join("bad.parquet"), "no parquet").unwrap();
    fs::write(place.join("prices.csv"), "close\n100\n0\n101\n").unwrap();
    fs::write(place.join("one_price.csv"), "close\n100\n").unwrap();
    fs::write(place.join("far_prices.csv"), "close\n1e-300\n1e300\n").unwrap();
    fs::create_dir(place.join("bare")).unwrap();
    for (name, words, code) in [
        ("column_unknown", &["risk", "two.csv", "--column", "c"][..], 2),
        ("column_ambiguous", &["risk", "two.csv"], 2),
        ("value_nan", &["risk", "nan.csv"], 1),
        ("value_word", &["risk", "word.csv"], 1),
        ("no_numbers", &["risk", "none.csv"], 1),
        ("no_rows", &["risk", "empty.csv"], 1),
        ("row_too_short", &["risk", "short.csv"], 1),
        ("bad_parquet", &["risk", "bad.parquet"], 1),
        ("file_empty", &["risk", "nothing.csv"], 1),
        ("column_twice", &["risk", "twins.csv", "--column", "r"], 1),
        ("not_a_table", &["risk", "returns.txt"], 2),
        ("column_twice_unnamed", &["risk", "twins.csv"], 1),
        ("line_of_windows", &["risk", "windows.csv"], 1),
        ("line_blank", &["risk", "gaps.csv"], 1),
        ("line_ragged", &["risk", "ragged.csv"], 1),
        ("horizon_huge", &["risk", "nan.csv", "--horizon", "4294967296"], 2),
        ("column_begins_empty", &["risk", "late.csv"], 2),
        ("file_missing", &["risk", "nowhere"], 2),
        ("price_zero", &["risk", "prices.csv", "--prices"], 1),
        ("price_alone", &["risk", "one_price.csv", "--prices"], 1),
        ("price_jump", &["risk", "far_prices.csv", "--prices"], 1),
        ("folder_bare", &["risk", "bare"], 2),
        ("html_folder", &["risk", "nan.csv", "--html", "bare"], 2),
        ("model_unknown", &["risk", "two.csv", "--column", "b", "--models", "garch"], 2),
    ] {
        let text = refusal(&place, words);
        assert!(text.ends_with(&format!("exit code {code}")), "{text}");
        // clap says what is possible in words of its own.
        assert!(
            text.contains("  hint: ") || ["model_unknown", "horizon_huge"].contains(&name),
            "{text}"
        );
        assert_text!(format!("risk_{name}"), text);
    }
    let chosen = plimsoll(&place, &["risk", "two.csv", "--column", "b", "--json"]).good();
    assert_eq!(chosen.json()["column"], "b");
}

/// A hundred and sixty returns of up to 5 % either way.
fn series() -> Vec<f64> {
    (0..160_u64).map(|t| ((t * t * 37 + t * 11) % 101) as f64 / 1000.0 - 0.05).collect()
}

fn csv(name: &str, values: &[f64]) -> String {
    values.iter().fold(format!("{name}\n"), |mut text, value| {
        writeln!(text, "{value}").unwrap();
        text
    })
}

#[test]
fn the_sections_as_they_are_printed() {
    let place = folder("risk-sections");
    fs::write(place.join("r.csv"), csv("r", &series())).unwrap();
    let words = [
        "risk",
        "r.csv",
        "--models",
        "historical,ewma_normal",
        "--forecast-window",
        "80",
        "--refit-every",
        "10",
    ];
    let ran = plimsoll(&place, &words).good();
    assert_eq!(ran.stderr, "");
    assert_text!("risk_sections", ran.stdout);
    let longest = ran.stdout.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(longest < 160, "{longest}");

    let half = plimsoll(&place, &["risk", "r.csv", "--alpha", "0.5", "--models", "historical"]);
    let half = half.good().stdout;
    assert!(half.contains("No forecast: --alpha has 0.5, which is no tail"), "{half}");

    let without = plimsoll(&place, &["risk", "r.csv", "--no-forecasts"]).good().stdout;
    assert!(!without.contains("Forecasts"), "{without}");
}

#[test]
fn json_has_a_reason_for_every_missing_figure() {
    let place = folder("risk-json");
    fs::write(place.join("r.csv"), csv("r", &series())).unwrap();
    let ran = |threads| {
        let words = ["risk", "r.csv", "--json", "--threads", threads, "--alpha", "0.05,0.01,0.05"];
        plimsoll(&place, &words).good()
    };
    let one = ran("1");
    assert_eq!(one.stdout, ran("3").stdout, "the same at any number of threads");
    let document = one.json();
    assert_eq!(document["alphas"], serde_json::json!([0.01, 0.05]));
    for key in [
        "column",
        "n",
        "periods_per_year",
        "ruined_at",
        "statistics",
        "reasons",
        "sharpe",
        "worst_drawdowns",
        "tails",
        "thresholds",
        "volatility",
        "expectiles",
        "care",
        "dependence",
        "ruin",
        "tail_intervals",
        "several_periods",
        "max_drawdown_to_come",
        "forecasts",
    ] {
        assert!(document.get(key).is_some(), "{key}");
    }
    for row in document["volatility"].as_array().unwrap() {
        assert!(row["fit"]["value"].is_null(), "160 returns are too few");
        assert!(row["fit"]["reason"].as_str().unwrap().contains("250"), "{row}");
    }
    assert!(document["several_periods"]["reason"].as_str().unwrap().contains("250"));
    for row in document["ruin"].as_array().unwrap() {
        for name in ["estimate", "passage", "brownian_probability", "ever_below_bound"] {
            assert!(row[name]["value"] != serde_json::Value::Null, "{name}: {row}");
        }
        assert!(row["tilted"]["reason"].is_string(), "plain draws are enough: {row}");
    }
    let rows = document["forecasts"]["evaluations"]["value"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["n"] == 60), "a window of 100");
}

#[test]
fn trials_deflate_the_sharpe_ratio() {
    let place = folder("risk-trials");
    fs::write(place.join("r.csv"), csv("r", &series())).unwrap();
    let of = |words: &[&str]| {
        let mut line = vec!["risk", "r.csv", "--json", "--no-forecasts"];
        line.extend(words);
        plimsoll(&place, &line).good().json()["sharpe"].clone()
    };
    let find = |rows: &serde_json::Value| {
        let rows = rows.as_array().unwrap();
        rows.iter().find(|row| row["name"] == "deflated_sharpe").map(|row| row["value"].clone())
    };
    assert_eq!(find(&of(&[])), None);
    let few = find(&of(&["--trials", "2", "--trials-variance", "0.001"])).unwrap();
    let many = find(&of(&["--trials", "500", "--trials-variance", "0.001"])).unwrap();
    assert!(few.as_f64().unwrap() > many.as_f64().unwrap(), "{few}, {many}");
    let alone = plimsoll(&place, &["risk", "r.csv", "--trials", "20"]);
    assert!(alone.stderr.contains("--trials-variance"), "{}", alone.stderr);
}

#[test]
fn prices_and_folders_are_read_as_returns() {
    let place = folder("risk-prices");
    let returns = series();
    let prices: Vec<f64> = std::iter::once(100.0)
        .chain(returns.iter().scan(100.0, |price, r| {
            *price *= 1.0 + r;
            Some(*price)
        }))
        .collect();
    fs::write(place.join("equity.csv"), csv("equity", &prices)).unwrap();
    fs::write(place.join("r.csv"), csv("r", &returns)).unwrap();
    // Two files of a folder, found at any depth and read in the order of their paths.
    for (name, part) in [("lake/2025-02/b", &prices[100..]), ("lake/2025-01/a", &prices[..100])] {
        let path = place.join(format!("{name}.parquet"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let column = Arc::new(Float64Array::from(part.to_vec())) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("equity", column)]).unwrap();
        let mut writer =
            ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }
    let of = |words: &[&str]| {
        let mut line = vec!["risk"];
        line.extend(words);
        line.extend(["--json", "--no-forecasts"]);
        plimsoll(&place, &line).good().json()
    };
    let expected = of(&["r.csv"]);
    for document in [of(&["equity.csv", "--prices"]), of(&["lake", "--prices"])] {
        assert_eq!((&document["n"], &document["column"]), (&160.into(), &"equity".into()));
        for name in ["total_return", "max_drawdown", "hist_es_0.05"] {
            let value =
                |document: &serde_json::Value| document["statistics"][name].as_f64().unwrap();
            assert!((value(&document) - value(&expected)).abs() < 1e-9, "{name}");
        }
    }
}

#[test]
fn the_page_is_written_with_its_plots() {
    let place = folder("risk-page");
    fs::write(place.join("r.csv"), csv("r", &series())).unwrap();
    let words = ["risk", "r.csv", "--html", "pages/risk.html", "--models", "historical"];
    let ran = plimsoll(&place, &words).good();
    assert_eq!(ran.stderr, "page: pages/risk.html\n");
    let page = fs::read_to_string(place.join("pages/risk.html")).unwrap();
    for part in [
        "Risk of r",
        "Losses of the holder",
        "Quantiles against the normal distribution",
        "Shape of the tail by threshold",
        "Periods until it is reached",
        "95 % intervals by profile likelihood",
        "Returns beyond the value at risk of 5 %",
        "n/a",
    ] {
        assert!(page.contains(part), "missing: {part}");
    }
    assert_eq!(fs::read_dir(place.join("pages")).unwrap().count(), 1);
    let quiet = plimsoll(&place, &["risk", "r.csv", "--html", "quiet.html", "--quiet"]).good();
    assert_eq!(quiet.stderr, "");
    assert!(place.join("quiet.html").is_file());
}

#[test]
fn a_series_of_zeros_has_a_page_and_no_negative_zero() {
    let place = folder("risk-zeros");
    fs::write(place.join("r.csv"), csv("r", &[0.0; 250])).unwrap();
    let words = ["risk", "r.csv", "--models", "historical", "--html", "zeros.html"];
    let text = plimsoll(&place, &words).good().stdout;
    assert!(!text.split_whitespace().any(|word| word == "-0"), "{text}");
    let json = plimsoll(&place, &["risk", "r.csv", "--no-forecasts", "--json"]).good().stdout;
    assert!(!json.contains("-0.0,") && !json.contains("-0.0\n"), "{json}");
    assert!(fs::read_to_string(place.join("zeros.html")).unwrap().contains("</html>"));
}
