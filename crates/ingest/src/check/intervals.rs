//! Bars of a longer interval against the shorter ones that they are made of.

use plimsoll_market::lake::{Month, in_order};
use plimsoll_market::{Interval, Lake, MarketError, Series, Table, Timestamp};

use super::cases::{Cases, Report};
use super::files::month_rows;
use super::resample::{Whole, resample};
use crate::policy::Rule;

/// Prices may differ by so much of themselves: what is left when text becomes binary numbers.
const PRICE_TOLERANCE: f64 = 1e-9;

/// Volumes may differ by so much of themselves, and by half a last decimal of every shorter bar.
const VOLUME_TOLERANCE: f64 = 1e-6;

/// Shorter bars of one length, against a series of longer ones.
struct Against {
    shorter: Series,
    interval: Interval,
    prices: Disagreements,
    volumes: Disagreements,
    compared: usize,
}

/// Bars that differ, and how many of them may have been still forming.
#[derive(Default)]
struct Disagreements {
    cases: Cases,
    forming: usize,
}

/// Compares a series with every shorter one of the same prices, where those are whole.
pub(super) fn compare(
    lake: &Lake,
    all: &[Series],
    series: &Series,
    report: &mut Report<'_>,
) -> Result<(), MarketError> {
    let Some(longer) = series.interval.filter(|_| series.kind.has_prices()) else { return Ok(()) };
    let mut others: Vec<Against> = shorter_of(all, series, longer)
        .map(|(shorter, interval)| Against {
            shorter: shorter.clone(),
            interval,
            prices: Disagreements::default(),
            volumes: Disagreements::default(),
            compared: 0,
        })
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    for (month, path) in lake.months(series)? {
        let Ok(file) = Lake::read_as_it_stands(&path, series.kind) else { continue };
        let sources = file.receipt.iter().flat_map(|receipt| &receipt.sources);
        let forming: Vec<Timestamp> = sources.filter_map(|source| source.maybe_forming).collect();
        let rows = in_order(file.rows);
        for other in &mut others {
            let Some(shorter) = shorter_rows(lake, other, month, longer)? else { continue };
            other.month(&shorter, &rows, longer, &forming);
        }
    }
    for Against { interval, prices, volumes, compared, .. } in others {
        let message = |what: &str, forming: usize| {
            let forming = match forming {
                0 => String::new(),
                count => format!("; {count} of them the last of an archive, perhaps still forming"),
            };
            format!(
                "{what} are not what those of {interval} add up to, of {compared} bars compared{forming}"
            )
        };
        let text = message("bars", prices.forming);
        report.add(Rule::IntervalDisagreement, prices.cases, text);
        let text = message("volumes of bars with the right prices", volumes.forming);
        report.add(Rule::VolumeDisagreement, volumes.cases, text);
    }
    Ok(())
}

/// The series of the same prices whose bars are parts of bars of `longer`.
pub(super) fn shorter_of<'a>(
    all: &'a [Series],
    series: &Series,
    longer: Interval,
) -> impl Iterator<Item = (&'a Series, Interval)> {
    let Series { kind, venue, symbol, .. } = series.clone();
    all.iter()
        .filter(move |other| (other.kind, &other.venue, &other.symbol) == (kind, &venue, &symbol))
        .filter_map(|other| other.interval.map(|interval| (other, interval)))
        .filter(move |(_, interval)| *interval < longer && longer.ms() % interval.ms() == 0)
}

/// The shorter bars of the longer ones that open in a month; weeks reach into the next.
fn shorter_rows(
    lake: &Lake,
    other: &Against,
    month: Month,
    longer: Interval,
) -> Result<Option<Table>, MarketError> {
    let rows = month_rows(lake, &other.shorter, month)?;
    if longer <= Interval::DAY {
        return Ok(rows);
    }
    let next = month_rows(lake, &other.shorter, month.next())?;
    Ok(match (rows, next) {
        (Some(mut rows), Some(next)) => {
            rows.append(next);
            Some(rows)
        }
        (rows, next) => rows.or(next),
    })
}

impl Against {
    fn month(&mut self, shorter: &Table, rows: &Table, longer: Interval, forming: &[Timestamp]) {
        let times = rows.times();
        let has_volume = rows.column("volume").is_some();
        let volumes = if has_volume { rows.f64("volume") } else { &[] };
        for whole in resample(shorter, self.interval, longer) {
            let Ok(row) = times.binary_search(&whole.time) else { continue };
            self.compared += 1;
            let bar = Whole {
                time: times[row],
                open: rows.f64("open")[row],
                high: rows.f64("high")[row],
                low: rows.f64("low")[row],
                close: rows.f64("close")[row],
                volume: volumes.get(row).copied().unwrap_or_default(),
            };
            let parts = longer.ms() as f64 / self.interval.ms() as f64;
            if let Some((name, short, long)) = difference(&whole, &bar, parts) {
                let of_volume = name == "volume";
                let found = if of_volume { &mut self.volumes } else { &mut self.prices };
                found.forming += usize::from(forming.contains(&Timestamp(bar.time)));
                let interval = self.interval;
                found.cases.add(bar.time, longer.ms(), || {
                    let time = Timestamp(bar.time);
                    format!("{time}: {name} {long}, but {short} by those of {interval}")
                });
            }
        }
    }
}

/// The first value in which two bars differ by more than rounding explains, with both values.
fn difference(short: &Whole, long: &Whole, parts: f64) -> Option<(&'static str, f64, f64)> {
    let pairs = [
        ("open", short.open, long.open),
        ("high", short.high, long.high),
        ("low", short.low, long.low),
        ("close", short.close, long.close),
    ];
    let far = |a: f64, b: f64, bound: f64| (a - b).abs() > bound;
    let price = pairs.into_iter().find(|&(_, a, b)| far(a, b, PRICE_TOLERANCE * b.abs()));
    let decimal = last_decimal(long.volume);
    let bound = VOLUME_TOLERANCE * long.volume + 0.5 * decimal * parts;
    let volume = ("volume", short.volume, long.volume);
    price.or_else(|| Some(volume).filter(|&(_, a, b)| far(a, b, bound)))
}

/// The unit of a number's last decimal, at most 0.001: what rounding could have moved.
fn last_decimal(value: f64) -> f64 {
    let text = value.to_string();
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    10_f64.powi(-(decimals.clamp(3, 17) as i32))
}
