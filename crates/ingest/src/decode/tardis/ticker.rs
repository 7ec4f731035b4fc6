//! `derivative_ticker`: a row wherever one of funding, open interest, last, index or mark price
//! changed, with the latest of the others.
//!
//! - **Mark and index price**: the updates of a minute make its bar, where no silence of more
//!   than 30 seconds touches the minute. Extremes between two updates are not seen.
//! - **Open interest**: the last one known at each full minute, by the time of arrival; counted
//!   as the exchange counts, and taken where the unit is known. Its value is at the mark price.
//! - **Funding**: `funding_timestamp` is the next settlement and `funding_rate` the rate as it
//!   stands (tardis-node: of Binance the fields `r` and `T` of the mark price stream, of Bybit
//!   `next_funding_time`). What was shown last before a settlement, at most five minutes before,
//!   is taken for what was settled. Exchanges that show no next settlement (Hyperliquid, Deribit)
//!   give none. Rows that still show a settlement that has passed are left out of it.

use std::collections::BTreeMap;

use plimsoll_market::{Interval, Kind};

use super::super::liquidations::Quantity;
use super::super::sampled::{MINUTE_MS, Ticks};
use super::super::several::Several;
use super::super::{Clues, Parts, funding, open_interest};
use super::{Instrument, Instruments, Unit, layout, series, unit};
use crate::archive::Archive;
use crate::csv::{Values, Want};
use crate::error::RowProblem;
use crate::options::Options;
use crate::raw::Raw;

pub(super) const NAME: &str = "tardis-derivative-ticker/1";

const COLUMNS: [&str; 10] = [
    "exchange",
    "symbol",
    "timestamp",
    "local_timestamp",
    "funding_timestamp",
    "funding_rate",
    "predicted_funding_rate",
    "open_interest",
    "index_price",
    "mark_price",
];

/// A rate shown longer before the settlement may not be the one that was settled.
const SHOWN_BEFORE_MS: i64 = 5 * MINUTE_MS;

pub(super) fn recognise(clues: &Clues) -> Option<Vec<String>> {
    clues.has_columns(&COLUMNS).then(|| {
        let mut evidence =
            vec!["columns local_timestamp, funding_timestamp, predicted_funding_rate".to_owned()];
        let folder = clues.is_in("derivative_ticker");
        evidence.extend(folder.then(|| "in a folder derivative_ticker".to_owned()));
        evidence
    })
}

/// What a row shows; absent numbers are NaN.
struct Row {
    time_ms: i64,
    arrival_ms: i64,
    funding_ms: Option<i64>,
    rate: f64,
    open_interest: f64,
    index: f64,
    mark: f64,
}

#[derive(Default)]
struct Gathered {
    mark: Ticks,
    index: Ticks,
    /// By settlement: when its rate was shown last, the rate, and the row.
    funding: BTreeMap<i64, (i64, f64, usize)>,
    shows_settlements: bool,
    /// By minute of arrival: open interest and mark price as of its last row.
    open_interest: BTreeMap<i64, (f64, f64, usize)>,
}

pub(super) fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let wanted = [
        ("exchange", Want::Word),
        ("symbol", Want::Word),
        ("timestamp", Want::Time),
        ("local_timestamp", Want::Time),
        ("funding_timestamp", Want::NumberOrEmpty),
        ("funding_rate", Want::NumberOrEmpty),
        ("open_interest", Want::NumberOrEmpty),
        ("index_price", Want::NumberOrEmpty),
        ("mark_price", Want::NumberOrEmpty),
    ];
    let layout = layout(archive, wanted)?;
    let [exchange, symbol, time, arrival, settlement, rate, open, index, mark] = layout.positions;
    let mut instruments: Instruments<Gathered> = Instruments::default();
    layout.archive.read_blocks(true, &layout.columns, |before, rows| {
        let columns = &rows.columns;
        let (
            Values::Words(exchanges),
            Values::Words(symbols),
            Values::Times(times),
            Values::Times(arrivals),
        ) = (&columns[exchange], &columns[symbol], &columns[time], &columns[arrival])
        else {
            return Ok(());
        };
        let number = |column: usize, row: usize| match &columns[column] {
            Values::Numbers(numbers) => numbers[row],
            _ => f64::NAN,
        };
        for row in 0..rows.len {
            let microseconds = number(settlement, row);
            let shown = Row {
                time_ms: times[row],
                arrival_ms: arrivals[row],
                funding_ms: settlement_ms(microseconds),
                rate: number(rate, row),
                open_interest: number(open, row),
                index: number(index, row),
                mark: number(mark, row),
            };
            instruments.of(&exchanges[row], &symbols[row]).push(&shown, before + row);
        }
        Ok(())
    })?;
    let mut several = Several::new(archive, options, NAME);
    for (instrument, gathered) in instruments.found {
        gathered.hand_over(&instrument, &mut several, options)?;
    }
    several.finish()
}

impl Gathered {
    fn push(&mut self, row: &Row, file_row: usize) {
        self.mark.push(row.time_ms, row.mark, file_row);
        self.index.push(row.time_ms, row.index, file_row);
        if let Some(settlement) = row.funding_ms {
            self.shows_settlements = true;
            if row.time_ms < settlement && row.rate.is_finite() {
                self.funding.insert(settlement, (row.time_ms, row.rate, file_row));
            }
        }
        if row.open_interest.is_finite() {
            let minute = row.arrival_ms.div_euclid(MINUTE_MS);
            self.open_interest.insert(minute, (row.open_interest, row.mark, file_row));
        }
    }

    fn hand_over(
        self,
        instrument: &Instrument,
        several: &mut Several,
        options: &Options,
    ) -> Result<(), RowProblem> {
        let mut assumptions = Vec::new();
        for (kind, ticks) in [(Kind::MarkCandles, self.mark), (Kind::IndexCandles, self.index)] {
            let mut series = series(kind, instrument, options)?;
            series.interval = Some(Interval::MINUTE);
            let (bars, partial) = ticks.finish();
            if partial > 0 {
                assumptions.push(format!("{kind}: {partial} minutes with long silences left out"));
            }
            if !bars.is_empty() {
                let rows = bars.file_rows.clone();
                several.push(series, bars.build(kind, &options.policies), &rows, &assumptions);
                assumptions.clear();
            }
        }
        if !self.shows_settlements {
            assumptions.push("no next settlement is shown, so that no funding is taken".to_owned());
        }
        let series = series(Kind::OpenInterest, instrument, options)?;
        match unit(&series.venue, &series.symbol, options) {
            Ok(unit) => {
                let (raw, rows) = open_interest_rows(&self.open_interest, unit);
                if raw.n_rows > 0 {
                    let built = open_interest::build(raw, &options.policies);
                    several.push(series, built, &rows, &assumptions);
                    assumptions.clear();
                }
            }
            Err(problem) => assumptions.push(format!("open interest left out: {problem}")),
        }
        Self::hand_over_funding(&self.funding, instrument, several, options, assumptions)
    }

    fn hand_over_funding(
        funding: &BTreeMap<i64, (i64, f64, usize)>,
        instrument: &Instrument,
        several: &mut Several,
        options: &Options,
        mut assumptions: Vec<String>,
    ) -> Result<(), RowProblem> {
        let certain = |settlement: i64, shown: i64| settlement - shown <= SHOWN_BEFORE_MS;
        let settled: Vec<(i64, f64, usize)> = funding
            .iter()
            .filter(|&(&settlement, &(shown, _, _))| certain(settlement, shown))
            .map(|(&settlement, &(_, rate, row))| (settlement, rate, row))
            .collect();
        let series = series(Kind::Funding, instrument, options)?;
        if settled.is_empty() {
            several.mention(assumptions);
            return Ok(());
        }
        assumptions.push(
            "funding is what was shown last before each settlement, assumed to be what was settled"
                .to_owned(),
        );
        let file_rows: Vec<usize> = settled.iter().map(|&(_, _, row)| row).collect();
        let raw = Raw::from_columns(
            settled.len(),
            vec![
                ("time", Values::Times(settled.iter().map(|&(time, _, _)| time).collect())),
                ("rate", Values::Numbers(settled.iter().map(|&(_, rate, _)| rate).collect())),
            ],
        );
        let built = funding::build(raw, &series.venue, &options.policies);
        several.push(series, built, &file_rows, &assumptions);
        Ok(())
    }
}

/// Whole milliseconds of a settlement, which is absent as often as not.
fn settlement_ms(microseconds: f64) -> Option<i64> {
    let is_time = microseconds > 0.0 && microseconds < 1e17;
    is_time.then(|| (microseconds / 1000.0).floor() as i64)
}

/// A row at the end of each minute, when what its last row shows was known.
fn open_interest_rows(minutes: &BTreeMap<i64, (f64, f64, usize)>, unit: Unit) -> (Raw, Vec<usize>) {
    let mut times = Vec::new();
    let mut coins = Vec::new();
    let mut values = Vec::new();
    let mut rows = Vec::new();
    for (&minute, &(counted, mark, row)) in minutes {
        // Without a mark price, coins and value cannot be told from each other.
        if !(mark.is_finite() && mark > 0.0) {
            continue;
        }
        let counted = counted * unit.scale;
        let value = match unit.quantity {
            Quantity::Base => counted * mark,
            Quantity::Contracts(size) => counted * size,
        };
        let base = match unit.quantity {
            Quantity::Base => counted,
            Quantity::Contracts(_) => value / mark,
        };
        times.push((minute + 1) * MINUTE_MS);
        coins.push(base);
        values.push(value);
        rows.push(row);
    }
    let columns = vec![
        ("time", Values::Times(times)),
        ("open_interest", Values::Numbers(coins)),
        ("open_interest_value", Values::Numbers(values)),
    ];
    (Raw::from_columns(rows.len(), columns), rows)
}
