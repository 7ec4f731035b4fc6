//! Original archives, where they are at hand, against the list that describes them.

use std::fs;
use std::path::PathBuf;

use plimsoll_ingest::{Options, Outcome};
use plimsoll_market::Timestamp;

use crate::{Bench, time};

/// File name, first and last time and number of rows, as the list has them under a heading.
fn listed(sources: &str, heading: &str) -> Vec<(String, Timestamp, Timestamp, usize)> {
    let section = sources.split("\n### ").find(|section| section.starts_with(heading));
    let rows = section.unwrap_or_default().lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let name = cells.first().filter(|name| name.contains("-1m-20"))?;
        let rows = cells.get(5)?.parse().ok()?;
        Some((name.to_string(), Timestamp(time(cells[3])), Timestamp(time(cells[4])), rows))
    });
    rows.collect()
}

#[test]
fn original_archives_hold_what_their_list_says() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/real");
    let Ok(sources) = fs::read_to_string(root.join("SOURCES.md")) else {
        eprintln!("skipped: the shared real data are not at hand");
        return;
    };
    for (folder, venue, assumed) in [
        ("binance-vision-spot/monthly-klines-1m", "binance-spot", true),
        ("binance-vision-um/monthly-klines-1m", "binance-usdm", true),
    ] {
        let listed = listed(&sources, folder);
        assert!(!listed.is_empty(), "{folder}");
        let bench = Bench::new();
        let summary = bench.ingest(root.join(folder), &Options::default()).unwrap();
        assert_eq!(summary.reports.len(), listed.len());
        for (name, first, last, rows) in listed {
            let report = summary.reports.iter().find(|report| report.file == name).unwrap();
            assert_eq!((report.format, report.outcome), (Some("binance-klines/1"), Outcome::Taken));
            let part = &report.parts[0];
            let symbol = name.split('-').next().unwrap();
            assert_eq!(part.series.to_string(), format!("{venue} {symbol} candles 1m"));
            assert_eq!(
                (part.rows, part.first, part.last),
                (rows, Some(first), Some(last)),
                "{name}"
            );
            // Their folders do not name the venue, which is said; nothing else is to be said.
            let notes = summary.notes.iter().filter(|note| note.file == name);
            let messages: Vec<_> = notes.map(|note| note.message.as_str()).collect();
            let said = format!("venue {venue} assumed; pass --venue if it is another");
            assert_eq!(messages == [said.as_str()], assumed, "{messages:?}");
        }
    }
}
