//! Candles, mark candles, index candles and the premium index.

use plimsoll_market::{Column as TableColumn, DAY_MS, Interval, Kind, Table, Timestamp};

use super::Checked;
use super::findings::{Case, Findings};
use super::rows::{Column, Kept, is_amount, is_positive, mends_columns, order, usual_spacing};
use crate::csv::Values;
use crate::error::{Problem, RowProblem};
use crate::policy::{Policies, Rule};
use crate::raw::Raw;

/// Checked bars and their interval.
pub(super) struct Bars {
    pub(super) checked: Checked,
    pub(super) interval: Interval,
}

/// Checks every bar: finite, positive, low <= open, close <= high, volume not negative, opening
/// on the grid of its interval. Rows are sorted, equal repetitions dropped. A premium index may
/// be zero or negative.
///
/// `interval` is what name or option say; without it the rows' own spacing counts. Where the
/// file has close times, a last bar that closes early was still forming and is dropped; where it
/// has none nothing can be known, and the last bar yields to a longer archive that differs.
pub(super) fn build(
    mut raw: Raw,
    kind: Kind,
    interval: Option<Interval>,
    policies: &Policies,
) -> Result<Bars, RowProblem> {
    if raw.n_rows == 0 {
        return Err(Problem::Empty.into());
    }
    let mut findings = Findings::new(policies);
    let mut kept = Kept::all(raw.n_rows);
    let times = raw.take_times()?;
    let close_times = match raw.columns.remove("close_time") {
        Some(Values::Times(times)) => Some(times),
        _ => None,
    };
    let prices = Prices::checked(&mut raw, kind, &mut kept, &times, &mut findings)?;
    let amounts = match kind {
        Kind::Candles => {
            Some(Amounts::checked(&mut raw, &prices, &mut kept, &times, &mut findings)?)
        }
        _ => None,
    };
    findings.check()?;
    let (interval, spacing) = interval_of(interval, &times, &kept)?;
    check_grid(&times, interval, spacing, &mut kept, &mut findings)?;
    let mut last_may_be_forming = true;
    if let Some(close_times) = close_times {
        let forming = check_closes(&times, &close_times, interval, &mut kept, &mut findings)?;
        // A last bar that was dropped leaves only whole ones.
        last_may_be_forming = forming != Some(Mended(true));
    }
    let mut derived = Vec::new();
    let mut columns = vec![TableColumn::Time(times)];
    columns.extend([prices.open, prices.high, prices.low, prices.close].map(TableColumn::F64));
    if let Some(amounts) = amounts {
        if amounts.quote_volume_is_derived {
            derived.push("quote_volume".to_owned());
        }
        columns.extend(amounts.into_columns());
    }
    let file_rows = kept.rows();
    let table = file_rows.apply(Table::new(kind, columns));
    let ordered = order(table, file_rows, &mut findings);
    findings.check()?;
    let mut checked = Checked::new(ordered.table);
    checked.file_rows = ordered.file_rows;
    checked.duplicates = ordered.duplicates;
    checked.derived = derived;
    checked.last_may_be_forming = last_may_be_forming;
    if kind == Kind::Candles {
        cut_filler(&mut checked, interval, &mut findings)?;
    }
    findings.finish(&mut checked)?;
    Ok(Bars { checked, interval })
}

struct Prices {
    open: Vec<f64>,
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
}

impl Prices {
    fn checked(
        raw: &mut Raw,
        kind: Kind,
        kept: &mut Kept,
        times: &[i64],
        findings: &mut Findings,
    ) -> Result<Self, RowProblem> {
        let mut prices = Self {
            open: raw.need_numbers("open")?,
            high: raw.need_numbers("high")?,
            low: raw.need_numbers("low")?,
            close: raw.need_numbers("close")?,
        };
        let (rule, holds): (_, fn(f64) -> bool) = match kind {
            Kind::PremiumIndexCandles => ("is not a number", f64::is_finite),
            _ => ("is not a positive number", is_positive),
        };
        let columns = [
            Column { name: "open", values: &prices.open, rule, holds },
            Column { name: "high", values: &prices.high, rule, holds },
            Column { name: "low", values: &prices.low, rule, holds },
            Column { name: "close", values: &prices.close, rule, holds },
        ];
        mends_columns(Rule::PriceNotPositive, &columns, kept, times, findings);
        let crossed = kept.breaking(|row| prices.contradiction(row).is_none());
        let problem = |row| prices.contradiction(row).unwrap_or(Problem::Empty);
        if findings.mends(Rule::OhlcOrder, &crossed, times, problem) {
            prices.widen(&crossed);
        }
        Ok(prices)
    }

    /// Two prices of a bar that contradict each other.
    fn contradiction(&self, row: usize) -> Option<Problem> {
        let (open, high, low, close) =
            (self.open[row], self.high[row], self.low[row], self.close[row]);
        let (column, value, relation, other, other_value) = if high < low {
            ("high", high, "below", "low", low)
        } else if high < open {
            ("high", high, "below", "open", open)
        } else if high < close {
            ("high", high, "below", "close", close)
        } else if low > open {
            ("low", low, "above", "open", open)
        } else if low > close {
            ("low", low, "above", "close", close)
        } else {
            return None;
        };
        Some(Problem::Contradiction { column, value, relation, other, other_value })
    }

    fn widen(&mut self, rows: &[usize]) {
        for &row in rows {
            let (open, close) = (self.open[row], self.close[row]);
            let (high, low) = (self.high[row], self.low[row]);
            self.high[row] = high.max(low).max(open).max(close);
            self.low[row] = low.min(high).min(open).min(close);
        }
    }
}

struct Amounts {
    volume: Vec<f64>,
    quote_volume: Vec<f64>,
    quote_volume_is_derived: bool,
    trades: Option<Vec<f64>>,
    taker_buy_volume: Option<Vec<f64>>,
}

impl Amounts {
    fn checked(
        raw: &mut Raw,
        prices: &Prices,
        kept: &mut Kept,
        times: &[i64],
        findings: &mut Findings,
    ) -> Result<Self, RowProblem> {
        let volume = raw.need_numbers("volume")?;
        let recorded = raw.take_numbers("quote_volume");
        let recorded = recorded.filter(|values| !values.iter().any(|value| value.is_nan()));
        let quote_volume_is_derived = recorded.is_none();
        let quote_volume = recorded.unwrap_or_else(|| {
            let rows = volume.iter().zip(&prices.high).zip(&prices.low).zip(&prices.close);
            rows.map(|(((volume, high), low), close)| volume * (high + low + close) / 3.0).collect()
        });
        let amounts = Self {
            volume,
            quote_volume,
            quote_volume_is_derived,
            trades: raw.take_numbers("trades"),
            taker_buy_volume: raw.take_numbers("taker_buy_volume"),
        };
        let (rule, holds): (_, fn(f64) -> bool) = ("is negative or no number", is_amount);
        let columns = [
            Column { name: "volume", values: &amounts.volume, rule, holds },
            Column { name: "quote_volume", values: &amounts.quote_volume, rule, holds },
            Column {
                name: "trades",
                values: amounts.trades.as_deref().unwrap_or_default(),
                rule: "is no count",
                holds: |value| value.is_nan() || is_amount(value) && value.fract().abs() <= 0.0,
            },
            Column {
                name: "taker_buy_volume",
                values: amounts.taker_buy_volume.as_deref().unwrap_or_default(),
                rule: "is negative",
                holds: |value| value.is_nan() || is_amount(value),
            },
        ];
        mends_columns(Rule::InvalidVolume, &columns, kept, times, findings);
        Ok(amounts)
    }

    fn into_columns(self) -> [TableColumn; 4] {
        let n_rows = self.volume.len();
        let present = |value: f64| (!value.is_nan()).then_some(value);
        let trades = self.trades.map_or(vec![None; n_rows], |values| {
            values.into_iter().map(|value| present(value).map(|count| count as i64)).collect()
        });
        let taker_buy_volume = self
            .taker_buy_volume
            .map_or(vec![None; n_rows], |values| values.into_iter().map(present).collect());
        [
            TableColumn::F64(self.volume),
            TableColumn::F64(self.quote_volume),
            TableColumn::I64OrNull(trades),
            TableColumn::F64OrNull(taker_buy_volume),
        ]
    }
}

/// The interval, and the usual spacing of the rows where that is an interval.
fn interval_of(
    told: Option<Interval>,
    times: &[i64],
    kept: &Kept,
) -> Result<(Interval, Option<Interval>), RowProblem> {
    let spacing = match &kept.rows() {
        rows if times.is_sorted() && rows.is_all() => usual_spacing(times),
        rows => {
            let mut times: Vec<i64> = rows.iter(times.len()).map(|row| times[row]).collect();
            times.sort_unstable();
            usual_spacing(&times)
        }
    };
    let spacing = spacing.and_then(Interval::from_ms);
    let interval = told.or(spacing).ok_or(Problem::Unknown { what: "interval" })?;
    Ok((interval, spacing))
}

fn check_grid(
    times: &[i64],
    interval: Interval,
    spacing: Option<Interval>,
    kept: &mut Kept,
    findings: &mut Findings,
) -> Result<(), RowProblem> {
    let off_grid = kept.breaking(|row| interval.is_on_grid(Timestamp(times[row])));
    let problem = |row: usize| Problem::OffGrid { time: Timestamp(times[row]), interval };
    let mends = findings.mends(Rule::OffGrid, &off_grid, times, problem);
    findings.check()?;
    // Bars of another length are no few that are off the grid.
    if let Some(spacing) = spacing.filter(|&spacing| spacing != interval && times.len() > 3) {
        return Err(Problem::OtherSpacing { spacing, interval }.into());
    }
    if mends {
        kept.drop(&off_grid);
    }
    Ok(())
}

/// Whether the forming bar was dropped.
#[derive(Clone, Copy, PartialEq)]
struct Mended(bool);

/// Bars that close before their interval ends: the last was still forming, another is broken.
/// Says what became of the last, if it was one of them.
fn check_closes(
    times: &[i64],
    close_times: &[i64],
    interval: Interval,
    kept: &mut Kept,
    findings: &mut Findings,
) -> Result<Option<Mended>, RowProblem> {
    let whole = |row: usize| close_times[row] >= times[row].saturating_add(interval.ms() - 1);
    let early = kept.breaking(whole);
    if early.is_empty() {
        return Ok(None);
    }
    let last = (0..times.len()).filter(|&row| kept.has(row)).map(|row| times[row]).max();
    let (forming, broken): (Vec<usize>, Vec<usize>) =
        early.into_iter().partition(|&row| Some(times[row]) == last);
    let problem = |row: usize| {
        let (time, close) = (Timestamp(times[row]), Timestamp(close_times[row]));
        Problem::ClosesEarly { time, close, interval }
    };
    if findings.mends(Rule::ClosesEarly, &broken, times, problem) {
        kept.drop(&broken);
    }
    let mends = findings.mends(Rule::FormingBar, &forming, times, problem);
    if mends {
        kept.drop(&forming);
    }
    findings.check()?;
    Ok((!forming.is_empty()).then_some(Mended(mends)))
}

/// Bars that some venues write for ever after a delisting: no volume, one price, to the end of
/// the file and for at least a day. A halt ends within the file or is shorter.
fn cut_filler(
    checked: &mut Checked,
    interval: Interval,
    findings: &mut Findings,
) -> Result<(), RowProblem> {
    let table = &checked.table;
    let times = table.times();
    let Some(&price) = table.f64("close").last() else { return Ok(()) };
    let is_filler = |row: usize| {
        let at_price = |name: &str| table.f64(name)[row] >= price && table.f64(name)[row] <= price;
        table.f64("volume")[row] <= 0.0
            && ["open", "high", "low", "close"].map(at_price) == [true; 4]
    };
    let n_filler = (0..times.len()).rev().take_while(|&row| is_filler(row)).count();
    let first = times.len() - n_filler;
    if n_filler < 2 || times[times.len() - 1] + interval.ms() - times[first] < DAY_MS {
        return Ok(());
    }
    let case =
        Case { count: n_filler, row: Some(checked.file_rows.of(first)), time: Some(times[first]) };
    let mends = findings.mends_case(Rule::FillerBars, case, || Problem::Broken {
        rule: Rule::FillerBars,
        what: format!(
            "from {} to the end no bar has volume or moves from {price}",
            Timestamp(times[first])
        ),
    });
    findings.check()?;
    if mends && first == 0 {
        let reason = format!("no bar has volume or moves from {price}, as after a delisting");
        return Err(Problem::NothingForTheLake { reason }.into());
    }
    if mends {
        let rows: Vec<usize> = (0..first).collect();
        checked.keep(&rows);
        // What goes on behind the last bar with volume shows that it was over.
        checked.last_may_be_forming = false;
    }
    Ok(())
}
