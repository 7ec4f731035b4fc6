//! Daily metrics files of the archive: open interest every five minutes, as text in UTC.
//!
//! What a stamp means changed on 2024-03-04: in older files a row of T is the snapshot of T, in
//! newer ones that of T + 5 minutes. Rows are put at the time at which they became known. A last
//! row of 2024-03-04 00:00 in the file of the day before is of the old kind, so the two midnight
//! rows of the change do not meet. COIN-M files are taken to have changed with the others: they
//! are missing from 2024-03-04 to 2024-06-08, and late is safe where early would look ahead.
//!
//! Files of 2020 and 2021 hold every row twice; ratios, which may be empty, are not read.

use plimsoll_market::{Kind, Timestamp};

use super::klines::contracts_to_dollars;
use super::name::What;
use super::{File, check_symbol, contract_size, csv_evidence, first_symbol};
use crate::archive::Archive;
use crate::csv::Values;
use crate::decode::findings::Findings;
use crate::decode::rows::keep_period;
use crate::decode::{Clues, Format, Parts, open_interest};
use crate::error::{Problem, RowProblem};
use crate::options::{Options, SourceFormat};
use crate::policy::Rule;
use crate::raw::Raw;

pub(super) const FORMAT: Format =
    Format { name: "binance-metrics/1", source: SourceFormat::Binance, recognise, decode };

const COLUMNS: [&str; 8] = [
    "create_time",
    "symbol",
    "sum_open_interest",
    "sum_open_interest_value",
    "count_toptrader_long_short_ratio",
    "sum_toptrader_long_short_ratio",
    "count_long_short_ratio",
    "sum_taker_long_short_vol_ratio",
];

/// 2024-03-04: from this day on, a row of T describes T + 5 minutes.
const SHIFT_FROM: i64 = 1_709_510_400_000;
const SHIFT_MS: i64 = 5 * 60_000;

fn recognise(clues: &Clues) -> Option<Vec<String>> {
    let is_metrics = |what: &What| *what == What::Metrics;
    let either = [COLUMNS[2], COLUMNS[3]];
    either
        .into_iter()
        .find_map(|amount| csv_evidence(clues, is_metrics, &[COLUMNS[0], amount], &[COLUMNS.len()]))
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let file = File::new(archive, options);
    let mut raw = Raw::read(archive, Kind::OpenInterest, &COLUMNS)?;
    let symbol = file.symbol_or(first_symbol(&raw))?;
    check_symbol(&raw, &symbol)?;
    let venue = file.venue(&symbol);
    let mut findings = Findings::new(&options.policies);
    shift(&mut raw, file.period(), &mut findings);
    findings.check()?;
    if file.is_coin_margined(&symbol) {
        // Open interest in contracts, its value in base units.
        contracts_to_dollars(&mut raw, "open_interest", contract_size(&symbol));
        let dollars = raw.columns.remove("open_interest");
        let base = raw.columns.remove("open_interest_value");
        raw.columns.extend(base.map(|base| ("open_interest", base)));
        raw.columns.extend(dollars.map(|dollars| ("open_interest_value", dollars)));
    }
    let mut checked = open_interest::build(raw, &options.policies)?;
    // The first row of a day may be the last of the day before, and all may be shifted.
    let known = |(from, to): (Timestamp, Timestamp)| (from, Timestamp(to.0 + SHIFT_MS + 1));
    keep_period(&mut checked, file.period().map(known), &options.policies)?;
    findings.finish(&mut checked)?;
    Ok(file.one(checked, FORMAT.name, (Kind::OpenInterest, venue, symbol), None))
}

/// Moves the rows that are stamped before they were known, if they are to be.
fn shift(raw: &mut Raw, period: Option<(Timestamp, Timestamp)>, findings: &mut Findings) {
    let Some(Values::Times(times)) = raw.columns.get_mut("time") else { return };
    let is_older = period.is_some_and(|(_, to)| to.0 <= SHIFT_FROM);
    let early: Vec<usize> =
        (0..times.len()).filter(|&row| times[row] >= SHIFT_FROM && !is_older).collect();
    let problem = |row: usize| Problem::Broken {
        rule: Rule::EarlyStamp,
        what: format!("the row of {} is known five minutes later", Timestamp(times[row])),
    };
    if findings.mends(Rule::EarlyStamp, &early, times, problem) {
        for row in early {
            times[row] += SHIFT_MS;
        }
    }
}
