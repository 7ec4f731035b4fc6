//! Bars that Bybit exported for `MetaTrader` 4, 2020 to 2024.
//!
//! `kline_for_metatrader4/BTCUSDT/2024/BTCUSDT_15_2024-01-01_2024-01-31.csv.gz`, no header:
//!
//! ```csv
//! 2024.01.01 03:00,42283.5,42320,42280.1,42311.7,125.13
//! ```
//!
//! The clock is UTC+3 all the year round: Bybit's caption says so, and a public comparison of ten
//! months with Binance's minutes finds +180 minutes in each, November as in August. Times are
//! moved to UTC here, so that the file of January begins in December. Four-hour and longer bars
//! of that clock lie on no grid of UTC, and are refused as such.

use plimsoll_market::{Interval, Kind, Timestamp};

use super::{Category, period};
use crate::archive::Archive;
use crate::csv::{Values, Want};
use crate::decode::findings::Findings;
use crate::decode::identity::Identity;
use crate::decode::json_rows::in_file;
use crate::decode::recorded::is_packed;
use crate::decode::{Clues, Format, Parts, bars};
use crate::error::{Problem, RowProblem};
use crate::options::{Options, SourceFormat};
use crate::policy::Rule;
use crate::raw::Raw;

pub(super) const METATRADER: Format =
    Format { name: "bybit-metatrader/1", source: SourceFormat::Bybit, recognise, decode };

/// How far the exported clock runs ahead of UTC.
const CLOCK_AHEAD_MS: i64 = 3 * 3_600_000;

const COLUMNS: [(&str, Want); 6] = [
    ("time", Want::Word),
    ("open", Want::Number),
    ("high", Want::Number),
    ("low", Want::Number),
    ("close", Want::Number),
    ("volume", Want::Number),
];

fn recognise(clues: &Clues) -> Option<Vec<String>> {
    let (symbol, _) = parse_name(&clues.stem)?;
    let first = clues.first_row.first().filter(|_| clues.first_row.len() == COLUMNS.len())?;
    metatrader_time(first).ok()?;
    Some(vec![
        format!("no header, and times as MetaTrader writes them: {first}"),
        format!("named as Bybit's exports for MetaTrader: {symbol}, minutes, first and last day"),
    ])
}

/// `BTCUSDT_15_2024-01-01_2024-01-31`: symbol, minutes, first and last day.
fn parse_name(stem: &str) -> Option<(&str, Interval)> {
    let mut words = stem.split('_');
    let symbol = words.next().filter(|symbol| !symbol.is_empty())?;
    let minutes: i64 = words.next()?.parse().ok()?;
    period(words.next()?)?;
    period(words.next()?)?;
    let interval = minutes.checked_mul(60_000).and_then(Interval::from_ms)?;
    words.next().is_none().then_some((symbol, interval))
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    if archive.head().is_none() {
        let reason = "exports for MetaTrader are CSV".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    }
    let name = parse_name(&archive.stem);
    let columns = COLUMNS.map(|(name, want)| (name.to_owned(), want));
    let mut rows = archive.read_rows(false, &columns)?;
    let Values::Words(times) = std::mem::replace(&mut rows.columns[0], Values::Skipped) else {
        return Err(Problem::Empty.into());
    };
    let mut utc = Vec::with_capacity(times.len());
    for (row, time) in times.iter().enumerate() {
        let time = metatrader_time(time).map_err(|problem| RowProblem::at(row, problem))?;
        utc.push(time - CLOCK_AHEAD_MS);
    }
    let identity = Identity::new(archive, options);
    identity.assume("times are moved from UTC+3, the clock of Bybit's exports for MetaTrader");
    let symbol = match (&options.symbol, name) {
        (Some(symbol), _) => symbol.clone(),
        (None, Some((symbol, _))) => symbol.to_owned(),
        (None, None) => return Err(Problem::Unknown { what: "symbol" }.into()),
    };
    let interval = options.interval.or(name.map(|(_, interval)| interval));
    let by_venue = identity.venue().as_deref().and_then(Category::of_venue);
    let category = by_venue.unwrap_or_else(|| Category::of_contract(&symbol));
    let mut findings = Findings::new(&options.policies);
    let outside = outside_period(&archive.stem, &utc);
    let drops = findings.mends(Rule::OutsidePeriod, &outside, &utc, |row| Problem::Broken {
        rule: Rule::OutsidePeriod,
        what: format!("`{}` is no day that the file is named for", times[row]),
    });
    findings.check()?;
    let mut places: Vec<usize> = (0..rows.len).collect();
    if drops {
        places.retain(|row| outside.binary_search(row).is_err());
    }
    let mut named = vec![("time", Values::Times(places.iter().map(|&row| utc[row]).collect()))];
    for ((name, _), values) in COLUMNS.into_iter().zip(rows.columns).skip(1) {
        if let Values::Numbers(numbers) = values {
            let kept = places.iter().map(|&row| numbers[row]).collect();
            named.push((name, Values::Numbers(kept)));
        }
    }
    if category == Category::Inverse {
        dollars_to_base(&mut named);
    }
    let raw = Raw::from_columns(places.len(), named);
    let bars = bars::build(raw, Kind::Candles, interval, &options.policies)
        .map_err(|row| in_file(row, &places))?;
    let mut checked = bars.checked;
    // The exports are of months that were over.
    checked.last_may_be_forming &= name.is_none() || !is_packed(archive);
    if category == Category::Inverse {
        checked.derived.push("volume".to_owned());
    }
    findings.finish(&mut checked)?;
    let venue = identity.venue().unwrap_or_else(|| category.venue().to_owned());
    let series = Identity::series(Kind::Candles, venue, symbol, Some(bars.interval));
    Ok(vec![Ok(checked.into_decoded(archive, METATRADER.name, series, &identity))])
}

/// The rows outside the days of the name, by the export's own clock.
fn outside_period(stem: &str, utc: &[i64]) -> Vec<usize> {
    let mut days = stem.split('_').skip(2).filter_map(period);
    let (Some((from, _)), Some((_, to))) = (days.next(), days.next()) else { return Vec::new() };
    let by_clock = |row: usize| Timestamp(utc[row] + CLOCK_AHEAD_MS);
    (0..utc.len()).filter(|&row| by_clock(row) < from || by_clock(row) >= to).collect()
}

/// Volume of inverse contracts is in dollars; the base units are those at the bar's typical price.
fn dollars_to_base(columns: &mut Vec<(&'static str, Values)>) {
    let of = |name: &str| {
        columns.iter().find_map(|(column, values)| match values {
            Values::Numbers(numbers) if *column == name => Some(numbers.clone()),
            _ => None,
        })
    };
    let (Some(high), Some(low), Some(close), Some(dollars)) =
        (of("high"), of("low"), of("close"), of("volume"))
    else {
        return;
    };
    let prices = high.iter().zip(&low).zip(&close).map(|((h, l), c)| (h + l + c) / 3.0);
    let base = dollars.iter().zip(prices).map(|(dollars, price)| dollars / price).collect();
    columns.retain(|(column, _)| *column != "volume");
    columns.push(("volume", Values::Numbers(base)));
    columns.push(("quote_volume", Values::Numbers(dollars)));
}

/// `2024.01.01 03:00` as milliseconds since 1970 by its own clock.
fn metatrader_time(text: &str) -> Result<i64, Problem> {
    let bad = || Problem::NotATime { column: "time".to_owned(), value: text.to_owned() };
    let is_shaped = text.len() == 16
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'.',
            10 => byte == b' ',
            13 => byte == b':',
            _ => byte.is_ascii_digit(),
        });
    if !is_shaped {
        return Err(bad());
    }
    let (date, clock) = text.split_at(10);
    let iso = format!("{}T{}:00Z", date.replace('.', "-"), clock.trim());
    let time: Timestamp = iso.parse().map_err(|_| bad())?;
    Ok(time.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_as_metatrader_writes_them() {
        assert_eq!(metatrader_time("2024.01.01 03:00").unwrap(), 1_704_078_000_000);
        for bad in ["2024-01-01 03:00", "2024.01.01", "2024.13.01 00:00", "2024.01.01 25:00", "x"] {
            assert!(metatrader_time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_hold_symbol_and_minutes() {
        let (symbol, interval) = parse_name("BTCUSDT_15_2024-01-01_2024-01-31").unwrap();
        assert_eq!((symbol, interval.minutes()), ("BTCUSDT", 15));
        for other in
            ["BTCUSDT_2024-01-01", "BTCUSDT_15m_2024-01-01_2024-01-31", "BTCUSDT_5m", "a_b_c_d_e"]
        {
            assert!(parse_name(other).is_none(), "{other}");
        }
    }
}
