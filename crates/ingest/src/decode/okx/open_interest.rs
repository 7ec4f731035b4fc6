//! Open interest, by request and by stream.
//!
//! `open-interest` (a snapshot) and messages of the channel of that name:
//!
//! ```json
//! {"code":"0","data":[{"instId":"BTC-USDT-SWAP","instType":"SWAP","oi":"2660239.59","oiCcy":"26602.3959","oiUsd":"2433776053.9","ts":"1768889635328"}]}
//! ```
//!
//! `oi` is in contracts, `oiCcy` in base units, `oiUsd` in US dollars. History
//! (`rubik/stat/contracts/open-interest-history`) is rows of four without an instrument, time,
//! contracts, base units, dollars; four numbers are many things, so the file's name has to say
//! open interest. The history's stamps are taken for the moment of the count, which no
//! documentation says.

use std::collections::BTreeMap;

use plimsoll_market::Kind;
use serde_json::Value;

use super::{
    Market, channel, instrument, is_envelope, is_okx_path, is_protocol, refuse_error, shortened,
};
use crate::archive::{Archive, Content};
use crate::decode::identity::Identity;
use crate::decode::json_rows::{
    Gathered, each, field, first_of, has_fields, in_file, is_row_of, time_ms, word,
};
use crate::decode::{Clues, Decoded, Format, PartProblem, Parts, open_interest};
use crate::error::{Problem, RowProblem};
use crate::json::number;
use crate::options::{Options, SourceFormat};

pub(super) const OPEN_INTEREST: Format =
    Format { name: "okx-open-interest/1", source: SourceFormat::Okx, recognise, decode };

fn recognise(clues: &Clues) -> Option<Vec<String>> {
    let sample = first_of(clues.json.as_ref()?);
    if channel(sample) == Some("open-interest") {
        return Some(vec!["messages of OKX's channel open-interest".to_owned()]);
    }
    let row = if is_envelope(sample) { sample["data"].as_array()?.first()? } else { sample };
    if has_fields(row, &["instId", "oi", "oiCcy", "ts"]) {
        return Some(vec!["rows of OKX's open-interest: instId, oi, oiCcy, ts".to_owned()]);
    }
    let name: String =
        clues.file_name.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let says_so = name.contains("openinterest");
    (is_row_of(row, 4) && says_so && (is_envelope(sample) || is_okx_path(clues))).then(|| {
        vec![
            "rows of four: time, contracts, base units, dollars".to_owned(),
            "a name that says open interest".to_owned(),
        ]
    })
}

/// Rows of one instrument.
struct Counted {
    rows: Gathered,
    is_history: bool,
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let Content::Json(json) = &archive.content else {
        let reason = "answers of OKX's API are JSON".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    };
    let is_lines = matches!(json, crate::json::Json::Lines(_));
    let mut found: BTreeMap<Option<String>, Counted> = BTreeMap::new();
    each(json, |place, value| {
        if is_protocol(value) {
            return Ok(());
        }
        if !is_envelope(value) {
            return add(&mut found, options, place, value);
        }
        refuse_error(value)?;
        let rows = field(value, "data")?.as_array().map(Vec::as_slice).unwrap_or_default();
        for (row, counted) in rows.iter().enumerate() {
            add(&mut found, options, if is_lines { place } else { row }, counted)?;
        }
        Ok(())
    })?;
    if found.is_empty() {
        return Err(Problem::Empty.into());
    }
    let many = found.len() > 1;
    let parts = found.into_iter().map(|(name, counted)| {
        let series = name.as_ref().filter(|_| many).map(|name| format!("okx {name} open_interest"));
        let part = counted.into_part(archive, options, name);
        part.map_err(|row| PartProblem { series, row })
    });
    Ok(parts.collect())
}

fn add(
    found: &mut BTreeMap<Option<String>, Counted>,
    options: &Options,
    place: usize,
    row: &Value,
) -> Result<(), Problem> {
    let (name, time, base, dollars) = match row.as_array() {
        Some(fields) if is_row_of(row, 4) => {
            let dollars = number(&fields[3], "oiUsd")?;
            (None, time_ms(&fields[0], "ts")?, number(&fields[2], "oiCcy")?, dollars)
        }
        Some(_) => {
            return Err(Problem::BadWord {
                column: "row",
                value: shortened(row),
                expected: "a row of four values: time, contracts, base units, dollars",
            });
        }
        None => {
            let name = word(row, "instId")
                .ok_or_else(|| Problem::MissingColumn { column: "instId", have: shortened(row) })?;
            let dollars = match word(row, "oiUsd") {
                Some(_) => number(&row["oiUsd"], "oiUsd")?,
                None => f64::NAN,
            };
            let base = number(field(row, "oiCcy")?, "oiCcy")?;
            (Some(name), time_ms(field(row, "ts")?, "ts")?, base, dollars)
        }
    };
    if name.is_some() && options.symbol.is_some() && name != options.symbol {
        return Ok(());
    }
    let is_history = name.is_none();
    let counted = found.entry(name).or_insert_with(|| Counted {
        rows: Gathered::new(&["open_interest", "open_interest_value"], &[]),
        is_history,
    });
    counted.rows.push(place, time, &[base, dollars], &[]);
    Ok(())
}

impl Counted {
    fn into_part(
        mut self,
        archive: &Archive,
        options: &Options,
        name: Option<String>,
    ) -> Result<Decoded, RowProblem> {
        let identity = Identity::new(archive, options);
        let symbol = match name {
            Some(name) => name,
            None => instrument(&identity, &archive.stem)?,
        };
        let market = Market::need(&symbol)?;
        if self.is_history {
            identity.assume("the stamps of open interest are taken for the moment of the count");
        }
        self.rows.sort();
        let (raw, places) = self.rows.into_raw();
        let checked =
            open_interest::build(raw, &options.policies).map_err(|row| in_file(row, &places))?;
        let venue = options.venue.clone().unwrap_or_else(|| market.venue().to_owned());
        let series = Identity::series(Kind::OpenInterest, venue, symbol, None);
        Ok(checked.into_decoded(archive, OPEN_INTEREST.name, series, &identity))
    }
}
