//! What is missing from a lake, and what looks wrong in it.

use std::fmt;

use plimsoll_market::{Interval, Kind, Lake, MarketError, Series, Table, Timestamp};

/// A move within or between bars by more than this factor is pointed out.
const JUMP_FACTOR: f64 = 1.5;

/// Mark and last price further apart than this fraction are pointed out.
const MARK_DISTANCE_FRACTION: f64 = 0.05;

/// A funding rate above this fraction per interval is pointed out.
const FUNDING_RATE_FRACTION: f64 = 0.01;

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The lake cannot be used as it is.
    Error,
    /// Results may be wrong or have to leave something out.
    Warning,
    /// Worth knowing.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// Something about a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Short stable name of the rule: `gap`, `zero_volume`, `mark_missing`, ...
    pub rule: &'static str,
    /// The series.
    pub series: Series,
    /// How many bars, rows or settlements.
    pub count: usize,
    /// Time of the first of them.
    pub first: Option<Timestamp>,
    /// One sentence.
    pub message: String,
    /// How serious it is.
    pub severity: Severity,
}

/// Looks through a lake. Findings come series by series, in the order of [`Lake::series`].
///
/// | rule | severity | what |
/// |---|---|---|
/// | `unreadable` | error | a file cannot be read |
/// | `broken_rule` | error | a bar contradicts itself, which ingestion never lets in |
/// | `gap` | warning | bars or settlements are missing between others |
/// | `mark_missing`, `funding_missing` | warning | candles of a derivative without them |
/// | `mark_far` | warning | mark more than 5 % from the last price at a close |
/// | `jump` | note | high above 1.5 times low, or an open that far from the close before |
/// | `zero_volume` | note | bars without trades: a halt, or filler after a delisting |
/// | `extreme_funding` | note | a rate above 1 % per interval |
/// | `flag` | note | what the decoders flagged |
///
/// # Errors
/// Only if the lake's folders cannot be listed.
pub fn check(lake: &Lake) -> Result<Vec<Finding>, MarketError> {
    let all = lake.series()?;
    let mut findings = Vec::new();
    for series in &all {
        let mut report = Report { series, findings: Vec::new() };
        if let Err(error) = report.check(lake, &all) {
            report.add("unreadable", Severity::Error, 1, None, error.to_string());
        }
        findings.extend(report.findings);
    }
    Ok(findings)
}

/// The findings of one series.
struct Report<'a> {
    series: &'a Series,
    findings: Vec<Finding>,
}

impl Report<'_> {
    fn add(
        &mut self,
        rule: &'static str,
        severity: Severity,
        count: usize,
        first: Option<Timestamp>,
        message: impl Into<String>,
    ) {
        let message = message.into();
        let series = self.series.clone();
        self.findings.push(Finding { rule, series, count, first, message, severity });
    }

    /// Adds a finding about marked rows, if there are any.
    fn add_rows(
        &mut self,
        rule: &'static str,
        severity: Severity,
        times: &[i64],
        rows: &[usize],
        message: impl Into<String>,
    ) {
        if let Some(&first) = rows.first() {
            self.add(rule, severity, rows.len(), Some(Timestamp(times[first])), message);
        }
    }

    fn check(&mut self, lake: &Lake, all: &[Series]) -> Result<(), MarketError> {
        let table = read_all(lake, self.series)?;
        let gaps = lake.gaps(self.series)?;
        if gaps.count > 0 {
            let message = format!("{} gap(s), {} row(s) missing", gaps.count, gaps.missing);
            self.add("gap", Severity::Warning, gaps.missing, gaps.first, message);
        }
        if self.series.kind.has_interval() {
            self.check_bars(&table);
        }
        match self.series.kind {
            Kind::Candles => {
                self.check_volume(&table);
                if !self.series.venue.ends_with("-spot") {
                    self.check_mark(lake, &table, all)?;
                    self.check_funding_coverage(lake, &table)?;
                }
            }
            Kind::Funding => {
                let rates = table.f64("rate");
                let extreme: Vec<usize> =
                    (0..rates.len()).filter(|&r| rates[r].abs() > FUNDING_RATE_FRACTION).collect();
                let message = "funding above 1 % of the notional per interval";
                self.add_rows("extreme_funding", Severity::Note, table.times(), &extreme, message);
            }
            _ => {}
        }
        self.repeat_flags(lake)
    }

    fn check_bars(&mut self, table: &Table) {
        let Some(interval) = self.series.interval else { return };
        let times = table.times();
        let [open, high, low, close] = ["open", "high", "low", "close"].map(|name| table.f64(name));
        let broken: Vec<usize> = (0..times.len())
            .filter(|&row| {
                let ordered = low[row] > 0.0
                    && low[row] <= open[row].min(close[row])
                    && open[row].max(close[row]) <= high[row]
                    && high[row].is_finite();
                !ordered || !interval.is_on_grid(Timestamp(times[row]))
            })
            .collect();
        let message = "bars that are not low <= open, close <= high on their grid";
        self.add_rows("broken_rule", Severity::Error, times, &broken, message);
        let jumps: Vec<usize> = (0..times.len())
            .filter(|&row| {
                let follows = row > 0 && times[row] - times[row - 1] == interval.ms();
                let far = |a: f64, b: f64| a > JUMP_FACTOR * b || b > JUMP_FACTOR * a;
                far(high[row], low[row]) || follows && far(open[row], close[row - 1])
            })
            .collect();
        let message = "moves by more than half within a bar or between two";
        self.add_rows("jump", Severity::Note, times, &jumps, message);
    }

    fn check_volume(&mut self, table: &Table) {
        let volume = table.f64("volume");
        let zero: Vec<usize> = (0..volume.len()).filter(|&row| volume[row] <= 0.0).collect();
        let runs = zero.iter().zip(zero.iter().skip(1)).filter(|(a, b)| *b - *a > 1).count();
        let message = format!("bars without trades, in {} run(s)", runs + 1);
        self.add_rows("zero_volume", Severity::Note, table.times(), &zero, message);
    }

    /// Compares candles with the mark candles of the same length.
    fn check_mark(
        &mut self,
        lake: &Lake,
        table: &Table,
        all: &[Series],
    ) -> Result<(), MarketError> {
        let series = Series { kind: Kind::MarkCandles, ..self.series.clone() };
        let mark = read_all(lake, &series)?;
        let (times, mark_times) = (table.times(), mark.times());
        let (close, mark_close) = (table.f64("close"), mark.f64("close"));
        let mut missing = Vec::new();
        let mut far = Vec::new();
        let mut at = 0;
        for (row, &time) in times.iter().enumerate() {
            while at < mark_times.len() && mark_times[at] < time {
                at += 1;
            }
            if mark_times.get(at) == Some(&time) {
                let distance = (mark_close[at] / close[row] - 1.0).abs();
                if distance > MARK_DISTANCE_FRACTION {
                    far.push(row);
                }
            } else {
                missing.push(row);
            }
        }
        let others: Vec<String> = all
            .iter()
            .filter(|other| {
                other.kind == Kind::MarkCandles
                    && (&other.venue, &other.symbol) == (&series.venue, &series.symbol)
                    && other.interval != series.interval
            })
            .filter_map(|other| other.interval.map(|interval| interval.to_string()))
            .collect();
        let others = match others.as_slice() {
            [] => String::new(),
            others => format!("; there are some of {}", others.join(", ")),
        };
        let message = format!("candles without a mark candle of the same length{others}");
        self.add_rows("mark_missing", Severity::Warning, times, &missing, message);
        let message = "closes with the mark more than 5 % away";
        self.add_rows("mark_far", Severity::Warning, times, &far, message);
        Ok(())
    }

    fn check_funding_coverage(&mut self, lake: &Lake, table: &Table) -> Result<(), MarketError> {
        let series = Series { kind: Kind::Funding, interval: None, ..self.series.clone() };
        let covered = lake.coverage(&series)?;
        let interval = self.series.interval.map_or(0, Interval::ms);
        let outside: Vec<usize> = (0..table.len())
            .filter(|&row| {
                // A settlement at the very start of what is known is known too, so a bar may
                // reach up to it.
                let (open, close) = (table.times()[row], table.times()[row] + interval);
                let after = covered.partition_point(|&(from, _)| from.0 < close);
                after == 0 || covered[after - 1].1.0 <= open
            })
            .collect();
        let message = "candles at which funding is unknown";
        self.add_rows("funding_missing", Severity::Warning, table.times(), &outside, message);
        Ok(())
    }

    /// Repeats what decoders flagged; an archive's flags stand in each of its months.
    fn repeat_flags(&mut self, lake: &Lake) -> Result<(), MarketError> {
        let mut seen = Vec::new();
        for source in lake.receipts(self.series)?.iter().flat_map(|receipt| &receipt.sources) {
            for flag in &source.flags {
                let key = (source.sha256.clone(), flag.name.clone());
                if !seen.contains(&key) {
                    seen.push(key);
                    let message = format!("{}: {} ({})", source.name, flag.message, flag.name);
                    self.add("flag", Severity::Note, flag.count, flag.first, message);
                }
            }
        }
        Ok(())
    }
}

fn read_all(lake: &Lake, series: &Series) -> Result<Table, MarketError> {
    lake.read(series, Timestamp(i64::MIN), Timestamp(i64::MAX))
}
