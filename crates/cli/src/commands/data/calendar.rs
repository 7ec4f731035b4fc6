//! The coverage of series as a calendar: a line a series, a character a month.

use std::collections::BTreeMap;

use plimsoll_ingest::{Coverage, MonthCoverage};

use crate::output::{counted, grouped};

const LEGEND: &str =
    "# whole month   1-9 tenths of it, rounded down   0 less   q known and quiet   . unknown";

/// Months of a year with the space that separates years.
const YEAR_WIDTH: usize = 13;

/// Draws as many years beside each other as the width has room for. Rows and missing ones are
/// those of the whole series; a series without a file in a block's years is not in the block.
pub(super) fn draw(series: &[Coverage], width: usize) -> String {
    let labels: Vec<String> = series.iter().map(|one| one.series.to_string()).collect();
    let label_width = labels.iter().map(String::len).max().unwrap_or(0).max("series".len());
    let rows: Vec<String> = series.iter().map(|one| grouped(&one.rows.to_string())).collect();
    let rows_width = rows.iter().map(String::len).max().unwrap_or(0).max("rows".len());
    let missing: Vec<String> =
        series.iter().map(|one| grouped(&one.gaps.missing.to_string())).collect();
    let missing_width = missing.iter().map(String::len).max().unwrap_or(0).max("missing".len());
    let marks: Vec<BTreeMap<(i32, u32), char>> = series.iter().map(marks).collect();
    let years: Vec<i32> = {
        let all = marks.iter().flat_map(|marks| marks.keys().map(|&(year, _)| year));
        match (all.clone().min(), all.max()) {
            (Some(first), Some(last)) => (first..=last).collect(),
            _ => Vec::new(),
        }
    };
    let before = label_width + 2 + rows_width + 2 + missing_width;
    let beside = (width.saturating_sub(before) / YEAR_WIDTH).max(1);
    let mut lines = Vec::new();
    for (block, years) in years.chunks(beside).enumerate() {
        if block > 0 {
            lines.push(String::new());
        }
        let head = years.iter().map(|year| format!(" {year:<12}")).collect::<Vec<_>>().concat();
        let numbers = format!("  {:>rows_width$}  {:>missing_width$}", "rows", "missing");
        lines.push(format!("{:label_width$}{numbers}{head}", "series").trim_end().to_owned());
        for (idx, label) in labels.iter().enumerate() {
            if !marks[idx].keys().any(|(year, _)| years.contains(year)) {
                continue;
            }
            let mark = |year, month| marks[idx].get(&(year, month)).copied().unwrap_or('.');
            let of_year =
                |&year: &i32| -> String { (1..=12).map(|month| mark(year, month)).collect() };
            let months = years.iter().map(of_year).collect::<Vec<_>>().join(" ");
            let numbers = format!("  {:>rows_width$}  {:>missing_width$}", rows[idx], missing[idx]);
            lines.push(format!("{label:label_width$}{numbers} {months}"));
        }
    }
    lines.push(String::new());
    lines.push(LEGEND.to_owned());
    let n_rows = series.iter().map(|one| one.rows).sum();
    lines.push(format!(
        "{} series, {}",
        grouped(&series.len().to_string()),
        counted(n_rows, "row")
    ));
    lines.join("\n")
}

fn marks(series: &Coverage) -> BTreeMap<(i32, u32), char> {
    let marks = series.months.iter().map(|one| ((one.month.year, one.month.month), mark(one)));
    marks.collect()
}

fn mark(month: &MonthCoverage) -> char {
    // A whole month of funding ends when its last settlement's interval does, and a count of
    // bars is exact: nothing is rounded up to whole.
    match month.covered_fraction {
        fraction if fraction >= 1.0 && month.rows == 0 => 'q',
        fraction if fraction >= 1.0 => '#',
        fraction => char::from_digit((fraction * 10.0).floor() as u32, 10).unwrap_or('.'),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use plimsoll_market::lake::{Gaps, Month};
    use plimsoll_market::{Kind, Series, Timestamp};

    use super::*;

    fn coverage(symbol: &str, months: &[(i32, u32, f64, usize)]) -> Coverage {
        let series = Series {
            kind: Kind::Funding,
            venue: "binance-usdm".to_owned(),
            symbol: symbol.to_owned(),
            interval: None,
        };
        let month =
            |&(year, month, covered_fraction, rows): &(i32, u32, f64, usize)| MonthCoverage {
                month: Month { year, month },
                rows,
                expected_rows: None,
                covered_fraction,
                gaps: Gaps::default(),
                first: None,
                last: None,
                bytes: 0,
                sources: Vec::new(),
            };
        Coverage {
            series,
            first: Timestamp::from_date(2024, 1, 1),
            last: None,
            rows: months.iter().map(|month| month.3).sum(),
            gaps: Gaps::default(),
            covered: Vec::new(),
            bytes: 0,
            sources: Vec::new(),
            months: months.iter().map(month).collect(),
        }
    }

    #[test]
    fn every_month_has_its_mark() {
        let series = [
            coverage(
                "BTCUSDT",
                &[(2024, 11, 0.5, 1200), (2024, 12, 1.0, 93), (2025, 1, 0.999, 92)],
            ),
            coverage("X", &[(2024, 12, 1.0, 0), (2025, 12, 0.01, 1)]),
        ];
        let wide = draw(&series, 120);
        let lines: Vec<&str> = wide.lines().collect();
        assert_eq!(lines[0], "series                         rows  missing 2024         2025");
        assert_eq!(
            lines[1],
            "binance-usdm BTCUSDT funding  1,385        0 ..........5# 9..........."
        );
        assert_eq!(
            lines[2],
            "binance-usdm X funding            1        0 ...........q ...........0"
        );
        let narrow = draw(&series, 60);
        assert!(narrow.lines().all(|line| line.len() <= 90), "{narrow}");
        assert_eq!(narrow.lines().filter(|line| line.starts_with("series")).count(), 2);
    }
}
