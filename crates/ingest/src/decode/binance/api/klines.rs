//! Bars as the REST API returns them: arrays of twelve.
//!
//! The answer says neither symbol nor kind; the file's name has to, or the options. A close time is
//! that of the finished bar even while it forms, so the last bar may be forming.

use plimsoll_market::Kind;
use serde_json::Value;

use super::super::klines::{contracts_to_dollars, has_volume, kind};
use super::super::{File, contract_size};
use super::{first_record, records, time};
use crate::archive::Archive;
use crate::csv::Values;
use crate::decode::{Clues, Format, Parts, bars};
use crate::error::{Problem, RowProblem};
use crate::json;
use crate::options::{Options, SourceFormat};
use crate::raw::Raw;

pub(in super::super) const FORMAT: Format =
    Format { name: "binance-api-klines/1", source: SourceFormat::Binance, recognise, decode };

const FIELDS: usize = 12;

fn recognise(clues: &Clues) -> Option<Vec<String>> {
    let row = first_record(clues.json.as_ref()?, is_row)?;
    is_row(row).then(|| vec!["JSON arrays of 12, of which the 7th closes the bar".to_owned()])
}

/// Twelve values, of which the first and the seventh are the times of a bar.
fn is_row(value: &Value) -> bool {
    let Some(row) = value.as_array().filter(|row| row.len() == FIELDS) else { return false };
    let times = (row[0].as_i64(), row[6].as_i64());
    matches!(times, (Some(open), Some(close)) if open > 100_000_000_000 && close > open)
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let file = File::new(archive, options);
    let symbol = file.symbol()?;
    let coin_margined = file.is_coin_margined(&symbol);
    let mut raw = read(archive, coin_margined)?;
    let kind = match kind(&file.identity)?.or_else(|| kind_of(&archive.stem)) {
        Some(kind) => kind,
        None if has_volume(&raw) => Kind::Candles,
        None => return Err(Problem::Unknown { what: "kind" }.into()),
    };
    if coin_margined {
        contracts_to_dollars(&mut raw, "quote_volume", contract_size(&symbol));
    }
    let venue = file.venue(&symbol);
    let bars = bars::build(raw, kind, file.identity.interval(), &options.policies)?;
    let series = (kind, venue, symbol);
    Ok(file.one(bars.checked, FORMAT.name, series, Some(bars.interval)))
}

fn read(archive: &Archive, coin_margined: bool) -> Result<Raw, RowProblem> {
    let mut unit = None;
    let mut times = Vec::new();
    let mut close_times = Vec::new();
    // COIN-M has contracts where others have base units, and base units where others have the
    // quote currency.
    let (volume, quote_volume, taken) = if coin_margined { (7, 5, 10) } else { (5, 7, 9) };
    let columns = [
        ("open", 1),
        ("high", 2),
        ("low", 3),
        ("close", 4),
        ("volume", volume),
        ("quote_volume", quote_volume),
        ("trades", 8),
        ("taker_buy_volume", taken),
    ];
    let mut numbers = columns.map(|_| Vec::new());
    let n_rows = records(archive, is_row, |_, record| {
        let row = record.as_array().map(Vec::as_slice).unwrap_or_default();
        if row.len() != FIELDS {
            return Err(Problem::Fields { expected: FIELDS, found: row.len() });
        }
        times.push(time(&row[0], "open_time", &mut unit)?);
        close_times.push(time(&row[6], "close_time", &mut unit)?);
        for ((name, index), values) in columns.iter().zip(&mut numbers) {
            values.push(json::number(&row[*index], name)?);
        }
        Ok(())
    })?;
    let mut named =
        vec![("time", Values::Times(times)), ("close_time", Values::Times(close_times))];
    named.extend(columns.iter().zip(numbers).map(|(&(name, _), v)| (name, Values::Numbers(v))));
    Ok(Raw::from_columns(n_rows, named))
}

/// The kind that a file's name has a word for.
fn kind_of(stem: &str) -> Option<Kind> {
    let stem = stem.to_ascii_lowercase();
    let kinds = [
        ("premiumindex", Kind::PremiumIndexCandles),
        ("premium_index", Kind::PremiumIndexCandles),
        ("markprice", Kind::MarkCandles),
        ("mark_price", Kind::MarkCandles),
        ("indexprice", Kind::IndexCandles),
        ("index_price", Kind::IndexCandles),
    ];
    kinds.into_iter().find(|(word, _)| stem.contains(word)).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_kind() {
        for (stem, kind) in [
            ("klines_BTCUSDT_1h", None),
            ("binance-markPriceKlines-ETHUSDT-8h", Some(Kind::MarkCandles)),
            ("premiumIndexKlines_BTCUSD_PERP", Some(Kind::PremiumIndexCandles)),
            ("index_price_1h", Some(Kind::IndexCandles)),
        ] {
            assert_eq!(kind_of(stem), kind, "{stem}");
        }
    }
}
