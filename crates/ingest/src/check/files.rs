//! The files of a series: whether they can be read, hold what their receipts say and every time
//! once; and what the decoders flagged.

use std::collections::BTreeSet;
use std::path::Path;

use plimsoll_market::lake::{Month, in_order, key_times};
use plimsoll_market::{Kind, Lake, MarketError, Receipt, Series, Table, Timestamp};

use super::cases::{Cases, Report};
use super::gaps::step_of;
use crate::policy::Rule;

/// How many days a message names before it stops.
const DAYS_NAMED: usize = 5;

/// Hands over the months of a series one at a time, sorted and unique as a well-kept lake holds
/// them, and reports what had to be mended for that. Gives the receipts that could be read.
pub(super) fn walk(
    lake: &Lake,
    series: &Series,
    report: &mut Report<'_>,
    mut each: impl FnMut(Month, &Table) -> Result<(), MarketError>,
) -> Result<Vec<Receipt>, MarketError> {
    let mut receipts = Vec::new();
    let mut unreadable = Cases::default();
    let mut mismatch = Cases::default();
    let mut exchanged = Cases::default();
    let mut repeated = Repeated::new(series);
    for (month, path) in lake.months(series)? {
        let (start, end) = (month.start().0, month.end().0);
        let looks_exchanged = looks_exchanged(series.kind, &path);
        if looks_exchanged {
            exchanged.add(start, end - start, || show_exchanged(lake, series, month));
        }
        match Lake::read_as_it_stands(&path, series.kind) {
            Err(_) if looks_exchanged => {}
            Err(error) => {
                unreadable.add(start, end - start, || error.to_string());
            }
            Ok(file) => {
                if let Some(reason) = against_receipt(month, &file.rows, &file.receipt) {
                    mismatch.add(start, end - start, || format!("{month}: {reason}"));
                }
                receipts.extend(file.receipt.ok());
                repeated.month(&file.rows);
                each(month, &in_order(file.rows))?;
            }
        }
    }
    let message = "a month's file cannot be read";
    report.add(Rule::Unreadable, unreadable, message);
    let message =
        "files of candles and of prices without volume, such as marks, stand in each other's place";
    report.add(Rule::MarkSwapped, exchanged, message);
    let message = "the rows of a month are not those that its receipt tells of";
    report.add(Rule::ReceiptMismatch, mismatch, message);
    repeated.finish(report);
    Ok(receipts)
}

/// Whether a file of candles has the columns of a mark, or one of marks those of candles.
fn looks_exchanged(kind: Kind, path: &Path) -> bool {
    // What is no Parquet file at all is told when it is read.
    let Ok(names) = Lake::column_names(path) else { return false };
    let has = |name: &str| names.iter().any(|column| column == name);
    let has_prices = ["open_time", "open", "high", "low", "close"].into_iter().all(has);
    kind.has_prices() && has_prices && has("volume") != (kind == Kind::Candles)
}

/// The exchanged file of a month, and its counterpart if that is exchanged too.
fn show_exchanged(lake: &Lake, series: &Series, month: Month) -> String {
    let (holds, others) = match series.kind {
        Kind::Candles => ("no volume, as marks", &[Kind::MarkCandles, Kind::IndexCandles][..]),
        _ => ("volume, as candles", &[Kind::Candles][..]),
    };
    let counterpart = others.iter().find(|&&kind| {
        let months = lake.months(&Series { kind, ..series.clone() }).unwrap_or_default();
        let found = months.iter().find(|&&(of, _)| of == month);
        found.is_some_and(|(_, path)| looks_exchanged(kind, path))
    });
    let with = counterpart.map_or(String::new(), |kind| {
        format!("; the file of {kind} of that month is the one exchanged with it")
    });
    format!("{month}: the file of {} holds {holds} do{with}", series.kind)
}

/// A month's rows, sorted and unique; `None` where there is no file or it cannot be read, which
/// the walk of its own series reports.
pub(super) fn month_rows(
    lake: &Lake,
    series: &Series,
    wanted: Month,
) -> Result<Option<Table>, MarketError> {
    let months = lake.months(series)?;
    let Ok(at) = months.binary_search_by_key(&wanted, |&(month, _)| month) else {
        return Ok(None);
    };
    Ok(Lake::read_as_it_stands(&months[at].1, series.kind).ok().map(|file| in_order(file.rows)))
}

/// What a month's rows and its receipt disagree about, if anything.
fn against_receipt(
    month: Month,
    rows: &Table,
    receipt: &Result<Receipt, String>,
) -> Option<String> {
    let receipt = match receipt {
        Ok(receipt) => receipt,
        Err(reason) => return Some(reason.clone()),
    };
    let times = key_times(rows);
    let outside = times.iter().find(|&&time| Month::of(Timestamp(time)) != month);
    if let Some(&time) = outside {
        return Some(format!("a row of {} stands in it", Timestamp(time)));
    }
    if receipt.rows != rows.len() {
        return Some(format!("it has {} rows, its receipt says {}", rows.len(), receipt.rows));
    }
    let (first, last) = (times.iter().min(), times.iter().max());
    let said = (receipt.first, receipt.last);
    if said != (first.copied().map(Timestamp), last.copied().map(Timestamp)) {
        let show = |time: Option<i64>| time.map_or("none".to_owned(), |t| Timestamp(t).to_string());
        return Some(format!(
            "its rows go from {} to {}, its receipt says from {} to {}",
            show(first.copied()),
            show(last.copied()),
            show(said.0.map(|t| t.0)),
            show(said.1.map(|t| t.0)),
        ));
    }
    None
}

/// Times that stand more than once, or out of order.
struct Repeated {
    kind: Kind,
    step: i64,
    cases: Cases,
    days: BTreeSet<i64>,
    differing: usize,
    unsorted: Cases,
}

impl Repeated {
    fn new(series: &Series) -> Self {
        Self {
            kind: series.kind,
            step: step_of(series),
            cases: Cases::default(),
            days: BTreeSet::new(),
            differing: 0,
            unsorted: Cases::default(),
        }
    }

    fn month(&mut self, rows: &Table) {
        let times = key_times(rows);
        if times.is_sorted_by(|a, b| a < b) {
            return;
        }
        let repeated_before = self.cases.count;
        if self.kind.has_unique_time() {
            self.repetitions(rows);
        }
        // Rows that were put in once more lie out of order as a matter of course.
        if self.cases.count == repeated_before
            && let Some(pair) = times.windows(2).find(|pair| pair[0] > pair[1])
        {
            self.unsorted.add(pair[1], self.step, || {
                format!("{} stands behind {}", Timestamp(pair[1]), Timestamp(pair[0]))
            });
        }
    }

    fn repetitions(&mut self, rows: &Table) {
        let times = key_times(rows);
        let mut order: Vec<usize> = (0..times.len()).collect();
        order.sort_by_key(|&row| times[row]);
        let mut first_of_time = order.first().copied().unwrap_or_default();
        for &row in order.iter().skip(1) {
            let time = times[row];
            if times[first_of_time] != time {
                first_of_time = row;
                continue;
            }
            let difference = rows.first_difference(first_of_time, rows, row);
            self.differing += usize::from(difference.is_some());
            self.days.insert(Timestamp(time).day());
            self.cases.add(time, self.step, || {
                let values = difference.map_or("equal rows".to_owned(), |column| {
                    let values = &rows.columns()[column];
                    let name = self.kind.columns()[column].0;
                    format!("{name} {} and {}", values.text(first_of_time), values.text(row))
                });
                format!("{}: {values}", Timestamp(time))
            });
        }
    }

    fn finish(self, report: &mut Report<'_>) {
        let days: Vec<String> = self
            .days
            .iter()
            .take(DAYS_NAMED)
            .map(|day| Timestamp(day * plimsoll_market::DAY_MS).date_string())
            .collect();
        let more = match self.days.len().saturating_sub(DAYS_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more day(s)"),
        };
        let differing = match self.differing {
            0 => "all equal to the first".to_owned(),
            count => format!("{count} of them different from the first"),
        };
        let message =
            format!("rows stand more than once, on {}{more}; {differing}", days.join(", "));
        report.add(Rule::RepeatedTime, self.cases, message);
        let message = "months whose rows are not in order of time";
        report.add(Rule::BrokenBar, self.unsorted, message);
    }
}

/// Repeats what decoders flagged, unless the rows have told it already. An archive's flags stand
/// in the receipt of each of its months.
pub(super) fn flags(receipts: &[Receipt], report: &mut Report<'_>) {
    let mut seen = BTreeSet::new();
    for source in receipts.iter().flat_map(|receipt| &receipt.sources) {
        for flag in &source.flags {
            if report.has(&flag.name) || !seen.insert((&source.sha256, &flag.name)) {
                continue;
            }
            let cases = Cases {
                count: flag.count,
                first: flag.first.map(|time| time.0),
                example: flag.example.clone(),
                ..Cases::default()
            };
            let message = format!("{}: {} ({})", source.name, flag.message, flag.name);
            report.add(Rule::ArchiveFlag, cases, message);
        }
    }
}
