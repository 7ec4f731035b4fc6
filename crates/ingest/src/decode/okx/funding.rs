//! Funding rates, of the public archive and of the API.
//!
//! Older archive, all swaps of a day, `allswaprate-swaprate-2024-05-01.zip`; also one instrument's
//! without its first column, `BTC-USDT-SWAP-swaprate-2023-01-15.zip`:
//!
//! ```csv
//! instrument_name/交易币对名,contract_type/合约类型,funding_rate/预测下一周期费率,real_funding_rate/本周期真实费率,funding_time/下一周期时间戳
//! ```
//!
//! The header is not UTF-8, and some files of 2021 have none. It says in Chinese what matters:
//! `funding_rate` is a forecast of the next period, `real_funding_rate` is what this period paid,
//! and `funding_time` is the stamp of the NEXT settlement. The rate of a row was therefore paid
//! one interval before its stamp. Rows are moved there (a study that does not would pay every
//! rate one settlement late); the interval is the spacing of the instrument's own rows. Two public
//! studies that read these files beside the newer ones do the same. A rate may be missing.
//!
//! Only a header that says so moves rows: the stamp's column has 下一 (“next”) behind its slash, in
//! GBK or UTF-8, or is called `next_funding_time`. A file of the archive's name and shape without
//! any header is taken for one of 2021, which is noted. A `funding_time` that does not say which
//! settlement it is of is refused: one that were moved by mistake would be known before its time.
//!
//! Newer archive, `BTC-USDT-SWAP-fundingrates-2025-01.zip` and `allswap-fundingrates-2025-12-01.zip`:
//!
//! ```csv
//! instrument_name,funding_rate,funding_time
//! BTC-USDT-SWAP,0.0002955843024083,1704038400000
//! ```
//!
//! Here the stamp is that of the settlement: the file of January begins with the one of 16:00 UTC
//! on 31 December, where OKX's month begins.
//!
//! API, `funding-rate-history`: `realizedRate` was paid, `fundingRate` was the forecast.

use std::collections::BTreeMap;

use plimsoll_market::Kind;
use plimsoll_market::lake::Note;
use serde_json::Value;

use super::{Market, is_envelope, is_protocol, refuse_error, shortened};
use crate::archive::{Archive, Content};
use crate::csv::{self, Values, Want};
use crate::decode::identity::Identity;
use crate::decode::json_rows::{
    Gathered, each, field, first_of, has_fields, in_file, time_ms, word,
};
use crate::decode::{Clues, Decoded, Format, PartProblem, Parts, funding, note};
use crate::error::{Problem, RowProblem};
use crate::json::number;
use crate::options::{Options, SourceFormat};
use crate::policy::{Policy, Rule};

pub(super) const ALL_SWAPS: Format = Format {
    name: "okx-swaprate/1",
    source: SourceFormat::Okx,
    recognise: recognise_next_stamps,
    decode: |archive, options| decode_archive(archive, options, Stamps::Next),
};
pub(super) const ONE_SWAP: Format = Format {
    name: "okx-fundingrates/1",
    source: SourceFormat::Okx,
    recognise: recognise_own_stamps,
    decode: |archive, options| decode_archive(archive, options, Stamps::Own),
};
pub(super) const HISTORY: Format = Format {
    name: "okx-funding-rate-history/1",
    source: SourceFormat::Okx,
    recognise: recognise_history,
    decode: decode_history,
};

/// What a row's stamp means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stamps {
    /// The settlement after the one that the rate was paid at.
    Next,
    /// The settlement that the rate was paid at.
    Own,
}

const NEXT_COLUMNS: [&str; 5] =
    ["instrument_name", "contract_type", "funding_rate", "real_funding_rate", "funding_time"];
const OWN_COLUMNS: [&str; 3] = ["instrument_name", "funding_rate", "funding_time"];

/// No swap settles less often.
const LONGEST_INTERVAL_MS: i64 = 8 * 3_600_000;

/// 下一, in GBK and in UTF-8.
const NEXT_WORDS: [&[u8]; 2] = [b"\xcf\xc2\xd2\xbb", "下一".as_bytes()];

/// Whether the stamp's column of a header says that it is the next settlement's.
fn says_next(text: &[u8]) -> bool {
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let mut fields = line.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    fields.any(|field| {
        let field = field.strip_prefix(b"\"").unwrap_or(field);
        let has = |word: &[u8]| field.windows(word.len()).any(|window| window == word);
        field.eq_ignore_ascii_case(b"next_funding_time")
            || field.starts_with(b"next_funding_time/")
            || field.starts_with(b"funding_time") && NEXT_WORDS.into_iter().any(has)
    })
}

/// Column names up to the slash; what follows it is Chinese.
fn base(name: &str) -> &str {
    name.split('/').next().unwrap_or_default().trim()
}

/// Our name of a column.
fn named(column: &str) -> String {
    match base(column) {
        "next_funding_time" => "funding_time".to_owned(),
        name => name.to_owned(),
    }
}

fn recognise_next_stamps(clues: &Clues) -> Option<Vec<String>> {
    let has = |wanted: &str| clues.columns.iter().any(|name| base(name) == wanted);
    let columns = ["contract_type", "funding_rate", "real_funding_rate"];
    if columns.into_iter().all(has) && (has("funding_time") || has("next_funding_time")) {
        return Some(vec!["columns of OKX's swaprate files: real_funding_rate".to_owned()]);
    }
    let is_row = clues.first_row.len() == NEXT_COLUMNS.len() && is_swap(&clues.first_row[0]);
    let is_named = clues.stem.contains("swaprate-");
    (is_row && is_named).then(|| {
        vec![
            "no header, five columns, the first an OKX swap".to_owned(),
            "named swaprate as in OKX's archive".to_owned(),
        ]
    })
}

fn recognise_own_stamps(clues: &Clues) -> Option<Vec<String>> {
    let columns: Vec<&str> = clues.columns.iter().map(|name| base(name)).collect();
    if columns == OWN_COLUMNS {
        return Some(vec![
            "columns of OKX's fundingrates files: instrument_name, funding_rate, funding_time"
                .to_owned(),
        ]);
    }
    let is_row = clues.first_row.len() == OWN_COLUMNS.len() && is_swap(&clues.first_row[0]);
    (is_row && clues.stem.contains("-fundingrates-")).then(|| {
        vec![
            "no header, three columns, the first an OKX swap".to_owned(),
            "named fundingrates as in OKX's archive".to_owned(),
        ]
    })
}

fn is_swap(instrument: &str) -> bool {
    Market::of(instrument) == Some(Market::Swap)
}

fn recognise_history(clues: &Clues) -> Option<Vec<String>> {
    let sample = first_of(clues.json.as_ref()?);
    let row = if is_envelope(sample) { sample["data"].as_array()?.first()? } else { sample };
    // The answer about the present has the next settlement too, and a forecast only.
    let is_history = has_fields(row, &["instId", "fundingRate", "fundingTime"])
        && row.get("nextFundingTime").is_none();
    is_history.then(|| {
        vec!["rows of OKX's funding-rate-history: instId, fundingRate, fundingTime".to_owned()]
    })
}

fn decode_archive(
    archive: &Archive,
    options: &Options,
    stamps: Stamps,
) -> Result<Parts, RowProblem> {
    let Some(text) = archive.head() else {
        let reason = "funding archives are CSV".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    };
    let header = csv::header(text);
    let has_header = header.is_some();
    let names: Vec<String> = match (header, stamps) {
        (Some(names), _) => names.iter().map(|name| named(name)).collect(),
        (None, Stamps::Next) => NEXT_COLUMNS.map(str::to_owned).to_vec(),
        (None, Stamps::Own) => OWN_COLUMNS.map(str::to_owned).to_vec(),
    };
    let position = |wanted: &'static str| names.iter().position(|name| name == wanted);
    let need = |wanted: &'static str| {
        let missing = || Problem::MissingColumn { column: wanted, have: names.join(", ") };
        position(wanted).ok_or_else(missing)
    };
    if stamps == Stamps::Next && has_header && !says_next(text) {
        let what = "`funding_time` beside `real_funding_rate` in a header that does not say whether it is the next settlement (name the column `next_funding_time` if it is)";
        return Err(Problem::Unsupported { what: what.to_owned() }.into());
    }
    let by_row = position("instrument_name");
    let rate = need(if stamps == Stamps::Next { "real_funding_rate" } else { "funding_rate" })?;
    let time = need("funding_time")?;
    let mut columns: Vec<_> = names.iter().map(|name| (name.clone(), Want::Skip)).collect();
    columns[rate].1 = Want::NumberOrEmpty;
    columns[time].1 = Want::Time;
    if let Some(by_row) = by_row {
        columns[by_row].1 = Want::Word;
    }
    let rows = archive.read_rows(has_header, &columns)?;
    let (Values::Times(times), Values::Numbers(rates)) = (&rows.columns[time], &rows.columns[rate])
    else {
        return Err(Problem::Empty.into());
    };
    let of_file = match by_row {
        Some(_) => None,
        None => Some(super::instrument(&Identity::new(archive, options), &archive.stem)?),
    };
    let refuses = options.policies.of(Rule::UnpaidRate) == Policy::Refuse;
    let mut found: BTreeMap<String, Gathered> = BTreeMap::new();
    for row in 0..rows.len {
        let name = match (by_row.map(|column| &rows.columns[column]), &of_file) {
            (Some(Values::Words(words)), _) => words[row].clone(),
            (_, Some(name)) => name.clone(),
            _ => return Err(Problem::Unknown { what: "symbol" }.into()),
        };
        if by_row.is_some() && options.symbol.as_ref().is_some_and(|wanted| *wanted != name) {
            continue;
        }
        if rates[row].is_nan() && refuses {
            let value = String::new();
            let problem = Problem::NotANumber { column: names[rate].clone(), value };
            return Err(RowProblem::at(row, problem));
        }
        let rows = found.entry(name).or_insert_with(|| Gathered::new(&["rate"], &[]));
        rows.push(row, times[row], &[rates[row]], &[]);
    }
    if found.is_empty() {
        return Err(Problem::Empty.into());
    }
    let format = match stamps {
        Stamps::Next => ALL_SWAPS.name,
        Stamps::Own => ONE_SWAP.name,
    };
    let many = found.len() > 1;
    let parts = found.into_iter().map(|(name, rows)| {
        let series = many.then(|| format!("okx {name} funding"));
        let identity = Identity::new(archive, options);
        if stamps == Stamps::Next && !has_header {
            identity.assume("no header says what the stamps are; they are taken for those of the next settlement, as other files of this archive say");
        }
        let part = into_part(archive, &identity, format, name, rows, stamps);
        part.map_err(|row| PartProblem { series, row })
    });
    Ok(parts.collect())
}

fn decode_history(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let Content::Json(json) = &archive.content else {
        let reason = "answers of OKX's API are JSON".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    };
    let is_lines = matches!(json, crate::json::Json::Lines(_));
    let mut found: BTreeMap<String, (Gathered, usize)> = BTreeMap::new();
    let mut add = |place: usize, row: &Value| {
        let instrument = word(row, "instId")
            .ok_or_else(|| Problem::MissingColumn { column: "instId", have: shortened(row) })?;
        if options.symbol.as_ref().is_some_and(|wanted| *wanted != instrument) {
            return Ok(());
        }
        let time = time_ms(field(row, "fundingTime")?, "fundingTime")?;
        let paid = word(row, "realizedRate");
        let rate = match paid {
            Some(_) => number(&row["realizedRate"], "realizedRate")?,
            None => number(field(row, "fundingRate")?, "fundingRate")?,
        };
        let (rows, n_forecasts) =
            found.entry(instrument).or_insert_with(|| (Gathered::new(&["rate"], &[]), 0));
        rows.push(place, time, &[rate], &[]);
        *n_forecasts += usize::from(paid.is_none());
        Ok(())
    };
    let mut n_rows = 0;
    each(json, |place, value| {
        if is_protocol(value) {
            return Ok(());
        }
        if !is_envelope(value) {
            return add(place, value);
        }
        refuse_error(value)?;
        let rows = field(value, "data")?.as_array().map(Vec::as_slice).unwrap_or_default();
        for row in rows {
            add(if is_lines { place } else { n_rows }, row)?;
            n_rows += 1;
        }
        Ok(())
    })?;
    if found.is_empty() {
        return Err(Problem::Empty.into());
    }
    let many = found.len() > 1;
    let parts = found.into_iter().map(|(name, (rows, n_forecasts))| {
        let series = many.then(|| format!("okx {name} funding"));
        let identity = Identity::new(archive, options);
        if n_forecasts > 0 {
            identity.assume(format!(
                "{n_forecasts} of {} rows have no realizedRate; fundingRate is taken for what was paid",
                rows.len()
            ));
        }
        let part = into_part(archive, &identity, HISTORY.name, name, rows, Stamps::Own);
        part.map_err(|row| PartProblem { series, row })
    });
    Ok(parts.collect())
}

fn into_part(
    archive: &Archive,
    identity: &Identity,
    format: &str,
    symbol: String,
    mut rows: Gathered,
    stamps: Stamps,
) -> Result<Decoded, RowProblem> {
    let options = identity.options;
    let market = Market::need(&symbol)?;
    rows.sort();
    if stamps == Stamps::Next {
        to_own_stamps(&mut rows, identity);
    }
    let unpaid = drop_unpaid(&mut rows);
    let venue = options.venue.clone().unwrap_or_else(|| market.venue().to_owned());
    let (raw, places) = rows.into_raw();
    let mut checked =
        funding::build(raw, &venue, &options.policies).map_err(|row| in_file(row, &places))?;
    checked.repairs.extend(unpaid);
    let series = Identity::series(Kind::Funding, venue, symbol, None);
    Ok(checked.into_decoded(archive, format, series, identity))
}

/// Drops rows without a rate, after their stamps have served to tell the intervals of others.
fn drop_unpaid(rows: &mut Gathered) -> Option<Note> {
    let is_paid = |&row: &usize| !rows.numbers[0].1[row].is_nan();
    let paid: Vec<usize> = (0..rows.len()).filter(is_paid).collect();
    let first = (0..rows.len()).find(|row| !is_paid(row)).map(|row| rows.times[row])?;
    let about = Rule::UnpaidRate.about();
    let message = format!("{}; {}", about.what, about.repair);
    let note = note(about.name, rows.len() - paid.len(), first, message);
    rows.keep(&paid);
    Some(note)
}

/// Moves sorted rows from the stamp of the next settlement to their own, one interval back.
fn to_own_stamps(rows: &mut Gathered, identity: &Identity) {
    if rows.times.len() < 2 {
        identity.assume("a single rate: its interval is taken for 8 hours, since its stamp is that of the next settlement");
    }
    identity.assume("rates are moved from the stamp of the next settlement to their own");
    let intervals = intervals(&rows.times);
    for (time, interval) in rows.times.iter_mut().zip(intervals) {
        *time -= interval;
    }
}

/// The interval that ended at each of sorted stamps: the distance to the stamp before. A distance
/// that is longer than one before it and than one after it is no interval but a row that is
/// missing, and so is one of more than eight hours; the interval before it still holds there. The
/// first row is given that of the second.
fn intervals(stamps: &[i64]) -> Vec<i64> {
    let spacings: Vec<i64> = stamps.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let positive = |spacings: &[i64]| spacings.iter().copied().filter(|&s| s > 0).min();
    let mut found = Vec::with_capacity(stamps.len());
    for (at, &spacing) in spacings.iter().enumerate() {
        let is_shorter = |least: Option<i64>| least.is_some_and(|least| least < spacing);
        let is_hole = spacing > LONGEST_INTERVAL_MS
            || is_shorter(positive(&spacings[..at])) && is_shorter(positive(&spacings[at + 1..]));
        let before = found.last().copied();
        let usual =
            || positive(&spacings).map_or(LONGEST_INTERVAL_MS, |s| s.min(LONGEST_INTERVAL_MS));
        let interval = if is_hole || spacing == 0 { before.unwrap_or_else(usual) } else { spacing };
        found.push(interval);
    }
    let first = found.first().copied().unwrap_or(LONGEST_INTERVAL_MS);
    found.insert(0, first);
    found.truncate(stamps.len());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_slash_is_no_name() {
        assert_eq!(base("real_funding_rate/\u{fffd}\u{fffd}"), "real_funding_rate");
        assert_eq!(base("funding_time "), "funding_time");
    }

    #[test]
    fn intervals_end_at_their_stamp() {
        for (stamps, expected) in [
            (&[0, 8, 16][..], &[8, 8, 8][..]),
            (&[0, 8, 12, 16], &[8, 8, 4, 4]),
            (&[0, 4, 8, 16], &[4, 4, 4, 8]),
            // The row of 8 is missing.
            (&[0, 4, 12, 16], &[4, 4, 4, 4]),
            (&[0, 16], &[8, 8]),
            (&[0, 8, 8, 16], &[8, 8, 8, 8]),
            (&[5], &[8]),
            (&[], &[]),
        ] {
            let hour = 3_600_000;
            let stamps: Vec<i64> = stamps.iter().map(|stamp| stamp * hour).collect();
            let expected: Vec<i64> = expected.iter().map(|interval| interval * hour).collect();
            assert_eq!(intervals(&stamps), expected, "{stamps:?}");
        }
    }
}
