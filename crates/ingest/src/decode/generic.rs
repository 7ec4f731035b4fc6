//! Anything with named columns: CSV (also gz, zst, lz4, zip), Parquet, Arrow, JSON lists of objects.
//!
//! Columns are found by the names that exchanges and libraries give them. Columns `symbol` (or
//! `coin`, `ticker`) and `venue` split a file into series. What an archive of known habits holds
//! is refused here where its own format does not take it: early stamps, doubled rows and contracts
//! would go in as something else.

mod forced_orders;
mod refused;

use std::collections::BTreeMap;

use plimsoll_market::{Interval, Kind};
use serde_json::Value;

use super::funding_size;
use super::identity::Identity;
use super::{
    Checked, Clues, Format, PartProblem, Parts, bars, binance, funding, liquidation_volume,
    open_interest,
};
use crate::archive::{Archive, Content};
use crate::csv::Values;
use crate::error::{Problem, RowProblem};
use crate::json::Json;
use crate::options::{Options, SourceFormat};
use crate::policy::Policies;
use crate::raw::{self, Raw};

pub(super) const FORMATS: &[Format] =
    &[Format { name: "generic/1", source: SourceFormat::Generic, recognise, decode }];

fn recognise(clues: &Clues) -> Option<Vec<String>> {
    if !clues.columns.is_empty() {
        return Some(vec![format!("columns {}", clues.columns.join(", "))]);
    }
    let json = clues.json.as_ref()?;
    let names = raw::object_names(json);
    if !names.is_empty() {
        return Some(vec![format!("JSON rows of {}", names.join(", "))]);
    }
    if error_message(json).is_some() {
        return Some(vec!["JSON with the error message of a server".to_owned()]);
    }
    if is_empty_list(json) {
        return Some(vec!["JSON with an empty list of rows".to_owned()]);
    }
    (!has_list(json)).then(|| vec!["a JSON document without a list of rows".to_owned()])
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let names = match &archive.content {
        Content::Json(json) => names_of_json(json)?,
        _ => raw::names(archive)?,
    };
    if names.is_empty() {
        let reason = "no header that names the columns".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    }
    let identity = Identity::new(archive, options);
    let kind = options.kind.or_else(|| kind_of(&names, &identity));
    binance::refuse_archive(&names, &archive.stem)?;
    refused::refuse(&names, kind)?;
    if kind.is_none() && !raw::has_time(&names) {
        let reason = format!("no column of times among {}", names.join(", "));
        return Err(Problem::NothingForTheLake { reason }.into());
    }
    let kind = kind.ok_or(Problem::Unknown { what: "kind" })?;
    let is_forecast = |name: &String| name == "nextfundingtime" || name == "next_funding_time";
    if kind == Kind::Funding && options.kind.is_none() && names.iter().any(is_forecast) {
        let reason =
            "rates beside a next_funding_time are forecasts (pass --kind funding if they are not)"
                .to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    }
    let mut groups = Raw::read(archive, kind, &[])?.split();
    let suspects = match kind {
        Kind::Funding => funding_size::suspects(&mut groups, &options.policies),
        _ => BTreeMap::new(),
    };
    let many = groups.len() > 1;
    let usual_interval = if many { usual_interval(&groups) } else { None };
    let mut decoded: Parts = Vec::new();
    for (index, (venue_word, symbol_word, raw)) in groups.into_iter().enumerate() {
        let excluded = |option: &Option<String>, word: &Option<String>| {
            many && option.is_some() && word.is_some() && option != word
        };
        if excluded(&options.venue, &venue_word) || excluded(&options.symbol, &symbol_word) {
            continue;
        }
        let identity = Identity::new(archive, options);
        let venue = options.venue.clone().or(venue_word).or_else(|| identity.venue());
        let venue = match (venue, kind) {
            (Some(venue), _) => venue,
            // Sums are published of single venues too, but then they say of which.
            (None, Kind::LiquidationVolume) => identity.venue_or("aggregate"),
            (None, _) => return Err(Problem::Unknown { what: "venue" }.into()),
        };
        let symbol = match options.symbol.clone().or(symbol_word) {
            Some(symbol) => symbol,
            None => identity.symbol()?,
        };
        binance::refuse_contracts(&names, &archive.stem, (kind, &venue, &symbol))?;
        let file_rows = raw.file_rows.clone();
        let refuse = |RowProblem { row, problem }: RowProblem| {
            let in_file = |row: usize| file_rows.as_ref().map_or(row, |rows| rows[row]);
            let row = RowProblem { row: row.map(in_file), problem };
            PartProblem { series: many.then(|| format!("{venue} {symbol} {kind}")), row }
        };
        let of = (kind, venue.as_str(), symbol.as_str());
        let (note, built) = match suspects.get(&index) {
            Some(Err(problem)) => {
                decoded.push(Err(refuse(problem.to_problem().into())));
                continue;
            }
            Some(Ok(note)) => (Some(note), build(raw, of, &identity, usual_interval)),
            None => (None, build(raw, of, &identity, usual_interval)),
        };
        decoded.push(match built {
            Ok((mut checked, interval)) => {
                funding_size::record(&mut checked, note);
                let series = Identity::series(kind, venue, symbol, interval);
                Ok(checked.into_decoded(archive, "generic/1", series, &identity))
            }
            Err(problem) => Err(refuse(problem)),
        });
    }
    if decoded.is_empty() {
        let reason = "no row of the venue and symbol asked for".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    }
    Ok(decoded)
}

fn build(
    raw: Raw,
    (kind, venue, symbol): (Kind, &str, &str),
    identity: &Identity,
    usual_interval: Option<Interval>,
) -> Result<(Checked, Option<Interval>), RowProblem> {
    let policies: &Policies = &identity.options.policies;
    match kind {
        Kind::Candles | Kind::MarkCandles | Kind::IndexCandles | Kind::PremiumIndexCandles => {
            let by_rows = usual_interval.filter(|_| raw.n_rows == 1);
            let bars = bars::build(raw, kind, identity.interval().or(by_rows), policies)?;
            Ok((bars.checked, Some(bars.interval)))
        }
        Kind::Funding => Ok((funding::build(raw, venue, policies)?, None)),
        Kind::OpenInterest => Ok((open_interest::build(raw, policies)?, None)),
        Kind::LiquidationVolume => {
            // Quiet bars can be missing, so that the rows of one series may all be far apart.
            let interval = identity.interval().or(usual_interval);
            let bars = liquidation_volume::build(raw, interval, policies)?;
            Ok((bars.checked, Some(bars.interval)))
        }
        Kind::Liquidations => Ok((forced_orders::build(raw, (venue, symbol), identity)?, None)),
    }
}

/// The kind of record that has such columns, if columns, file name and folder make it certain.
fn kind_of(names: &[String], identity: &Identity) -> Option<Kind> {
    let has = |kind, name| raw::has(names, kind, name);
    let is_named = |word: &str| identity.words().iter().any(|w| w.contains(word));
    let is_said = |word: &str| is_named(word) || names.iter().any(|n| n.contains(word));
    // A list of trades may have a column that tells liquidations from others.
    let liquidations = || is_named("liquidat") || names.iter().any(|n| n == "liquidated_side");
    let bars = |name| has(Kind::Candles, name);
    let volume = |name| has(Kind::LiquidationVolume, name);
    if bars("open") && bars("high") && bars("low") {
        identity.bar_kind().or(bars("volume").then_some(Kind::Candles))
    } else if bars("open") && bars("high") && bars("volume") {
        // The missing low is then named.
        Some(Kind::Candles)
    } else if has(Kind::Funding, "rate") {
        Some(Kind::Funding)
    } else if has(Kind::OpenInterest, "open_interest")
        || has(Kind::OpenInterest, "open_interest_value")
    {
        Some(Kind::OpenInterest)
    } else if is_said("liq") && volume("long_notional") && volume("short_notional")
        || is_said("liq") && volume("long_quantity") && volume("short_quantity")
    {
        Some(Kind::LiquidationVolume)
    } else if liquidations() && has(Kind::Liquidations, "price") {
        Some(Kind::Liquidations)
    } else {
        None
    }
}

/// The bar length that most neighbouring rows of a file's series are apart.
fn usual_interval(groups: &[(Option<String>, Option<String>, Raw)]) -> Option<Interval> {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for (_, _, raw) in groups {
        let Some(Values::Times(times)) = raw.columns.get("time") else { continue };
        let mut times = times.clone();
        times.sort_unstable();
        for pair in times.windows(2).filter(|pair| pair[1] > pair[0]) {
            *counts.entry(pair[1].saturating_sub(pair[0])).or_default() += 1;
        }
    }
    let most = counts.values().copied().max()?;
    let spacing = counts.into_iter().find(|&(_, count)| count == most)?.0;
    Interval::from_ms(spacing)
}

/// The names in the first row of a JSON file.
fn names_of_json(json: &Json) -> Result<Vec<String>, Problem> {
    let Some(sample) = json.sample() else { return Err(Problem::Empty) };
    let names = raw::object_names(&sample);
    if !names.is_empty() && (has_list(&sample) || matches!(json, Json::Lines(_))) {
        return Ok(names);
    }
    if let Some(message) = error_message(&sample) {
        return Err(Problem::ErrorDocument { message });
    }
    if is_empty_list(&sample) {
        return Err(Problem::Empty);
    }
    if has_list(&sample) {
        let reason = "JSON whose rows have no names".to_owned();
        return Err(Problem::NotRecognised { reason });
    }
    let reason = "a JSON document without a list of rows".to_owned();
    Err(Problem::NothingForTheLake { reason })
}

/// Whether a document is a list, or has one among its members.
fn has_list(json: &Value) -> bool {
    match json {
        Value::Array(_) => true,
        Value::Object(members) => members.values().any(Value::is_array),
        _ => false,
    }
}

/// Whether a document is a list of nothing, or has no other list among its members.
fn is_empty_list(json: &Value) -> bool {
    let is_empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
    match json {
        Value::Object(members) => {
            has_list(json) && members.values().filter(|value| value.is_array()).all(is_empty)
        }
        _ => is_empty(json),
    }
}

/// Code and message of a document in which a server says that it has no data.
pub(super) fn error_message(json: &Value) -> Option<String> {
    let members = json.as_object()?;
    let word = |names: &[&str]| {
        let value = names.iter().find_map(|name| members.get(*name))?;
        value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|code| code.to_string()))
    };
    let message = word(&["msg", "message", "retMsg", "error", "errmsg"])?;
    let code = word(&["code", "retCode", "status"]).unwrap_or_default();
    let is_fine = ["0", "200", "success", "ok"].contains(&code.to_ascii_lowercase().as_str());
    (!is_fine).then(|| format!("{code} {message}").trim().to_owned())
}
