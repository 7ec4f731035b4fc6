//! Lists that others made from the chain, and an old sample of the venue's own.
//!
//! - The auto-deleveraging fills of 2025-10-10 with their accounts, or a selection of them
//!   (ConejoCapital's HyperReplay, HyperMultiAssetedADL): account, coin, time, price, size, and
//!   the position before it.
//! - Its sums by coin and its timing of the cascade, which have no single events, and
//! - `liquidations.csv` of 2023 (`hyperliquid-dex/historical_data`), which has neither coin nor
//!   price: nothing of these can stand in a series.

use std::collections::BTreeMap;

use plimsoll_market::Kind;

use super::super::liquidations::Quantity;
use super::super::several::Several;
use super::super::{Clues, Parts, liquidations};
use super::{is_perpetual, note_other_markets, series};
use crate::archive::Archive;
use crate::csv::{Rows, Values, Want};
use crate::error::{Problem, RowProblem};
use crate::options::Options;
use crate::raw::{self, Raw};

pub(super) const ADL_LIST: &str = "hyperliquid-adl-list/1";
pub(super) const NOTHING: &str = "hyperliquid-aggregates/1";

const ADL_COLUMNS: [&str; 6] = ["user", "coin", "time", "adl_price", "adl_size", "position_size"];

/// What is left out, by columns or keys, and why.
const AGGREGATES: [(&[&str], &str); 4] = [
    (
        &["time", "user", "liquidated_ntl_pos", "liquidated_account_value", "leverage_type"],
        "liquidated accounts with their values, but no coin, side or price: Hyperliquid's sample of 2023",
    ),
    (
        &["coin", "adl_notional", "num_users", "num_events"],
        "auto-deleveraging summed by coin, without times",
    ),
    (
        &["ticker", "net_volume", "net_notional_usd", "num_adl_events"],
        "auto-deleveraging summed by coin, without times",
    ),
    (
        &["event_start", "first_liquidation", "first_adl", "timeline"],
        "counts of forced fills over all coins, without sizes: an analysis of a cascade",
    ),
];

pub(super) fn recognise_nothing(clues: &Clues) -> Option<Vec<String>> {
    let (keys, _) = aggregate(clues)?;
    Some(vec![format!("{}", keys.join(", "))])
}

fn aggregate(clues: &Clues) -> Option<(&'static [&'static str], &'static str)> {
    let object = clues.json.as_ref().and_then(serde_json::Value::as_object);
    AGGREGATES.into_iter().find(|(keys, _)| match object {
        Some(object) => keys.iter().all(|&key| object.contains_key(key)),
        None => clues.has_columns(keys),
    })
}

pub(super) fn decode_nothing(archive: &Archive, _options: &Options) -> Result<Parts, RowProblem> {
    let problem = match aggregate(&Clues::of(archive)?) {
        Some((_, reason)) => Problem::NothingForTheLake { reason: reason.to_owned() },
        None => Problem::NotRecognised { reason: "no aggregate that is known".to_owned() },
    };
    Err(problem.into())
}

pub(super) fn recognise_adl_list(clues: &Clues) -> Option<Vec<String>> {
    clues.has_columns(&ADL_COLUMNS).then(|| {
        vec![
            "columns coin, adl_price, adl_size, position_size: fills of auto-deleveraging"
                .to_owned(),
        ]
    })
}

#[derive(Default)]
struct Coin {
    times: Vec<i64>,
    sides: Vec<String>,
    prices: Vec<f64>,
    quantities: Vec<f64>,
    rows: Vec<usize>,
}

pub(super) fn decode_adl_list(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    if archive.head().is_none() {
        let reason = "the list is CSV text".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    }
    let names = raw::names(archive)?;
    let position = |column: &'static str| {
        let found = names.iter().position(|name| name == column);
        found.ok_or_else(|| Problem::MissingColumn { column, have: names.join(", ") })
    };
    let (time, coin) = (position("time")?, position("coin")?);
    let (price, size) = (position("adl_price")?, position("adl_size")?);
    let held = position("position_size")?;
    let mut columns: Vec<_> = names.iter().map(|name| (name.clone(), Want::Skip)).collect();
    columns[time].1 = Want::Time;
    columns[coin].1 = Want::Word;
    for number in [price, size, held] {
        columns[number].1 = Want::Number;
    }
    let Rows { columns, .. } = archive.read_rows(true, &columns)?;
    let mut coins: BTreeMap<String, Coin> = BTreeMap::new();
    if let (
        Values::Times(times),
        Values::Words(words),
        Values::Numbers(prices),
        Values::Numbers(sizes),
        Values::Numbers(held),
    ) = (&columns[time], &columns[coin], &columns[price], &columns[size], &columns[held])
    {
        for row in 0..times.len() {
            let side = match held[row] {
                position if position > 0.0 => "long",
                position if position < 0.0 => "short",
                value => {
                    let rule = "is no position that could have been closed";
                    let problem = Problem::BadValue { column: "position_size", value, rule };
                    return Err(RowProblem::at(row, problem));
                }
            };
            let coin = coins.entry(words[row].clone()).or_default();
            coin.times.push(times[row]);
            coin.sides.push(side.to_owned());
            coin.prices.push(prices[row]);
            coin.quantities.push(sizes[row]);
            coin.rows.push(row);
        }
    }
    let mut several = Several::new(archive, options, ADL_LIST);
    several.assume("a list that others made, perhaps a selection: it accounts for no time");
    let n_other = coins.keys().filter(|coin| !is_perpetual(coin)).count();
    note_other_markets(&mut several, n_other);
    for (word, coin) in coins.into_iter().filter(|(word, _)| is_perpetual(word)) {
        let n = coin.times.len();
        let raw = Raw::from_columns(
            n,
            vec![
                ("time", Values::Times(coin.times)),
                ("liquidated_side", Values::Words(coin.sides)),
                ("price", Values::Numbers(coin.prices)),
                ("quantity", Values::Numbers(coin.quantities)),
                ("kind", Values::Words(vec!["adl".to_owned(); n])),
            ],
        );
        let built = liquidations::build(raw, Quantity::Base, &options.policies);
        several.push(series(Kind::Liquidations, &word, options), built, &coin.rows, &[]);
    }
    several.finish()
}
