//! Content of the archive that may not be read as plain named columns.
//!
//! Its stamps, doubled rows and contracts mean something else than their names say, which only
//! the formats of this folder know.

use plimsoll_market::Kind;

use super::COINM;
use super::name::{self, What};
use crate::error::Problem;

/// Columns of liquidationSnapshot files that no other list of liquidations has.
const SNAPSHOT: [&str; 3] =
    ["accumulated_fill_quantity", "last_fill_quantity", "original_quantity"];

/// Columns of the archive's bars that bars of other makers do not have.
const KLINES: [&str; 4] = ["close_time", "count", "taker_buy_quote_volume", "ignore"];

/// Refuses columns or a name of the archive whose rows are not what they seem.
pub(in crate::decode) fn refuse_archive(names: &[String], stem: &str) -> Result<(), Problem> {
    let has = |name: &&str| names.iter().any(|n| n == name);
    let what = name::parse(stem).map(|name| name.what);
    let amounts = ["sum_open_interest", "sum_open_interest_value"];
    let reason = if has(&"create_time") && amounts.iter().any(has) || what == Some(What::Metrics) {
        "looks like metrics of Binance's archive, whose stamps are five minutes early from 2024-03-04 on"
    } else if SNAPSHOT.iter().any(has) || what == Some(What::LiquidationSnapshot) {
        "looks like a liquidationSnapshot of Binance's archive, which has every row twice"
    } else {
        return Ok(());
    };
    let mend = "keep the archive's own columns and leave --source out; rename the file if it is none of the archive's";
    Err(Problem::NotAsItStands { reason: reason.to_owned(), mend })
}

/// Refuses bars of COIN-M that look like the archive's, whose volumes are contracts.
pub(in crate::decode) fn refuse_contracts(
    names: &[String],
    stem: &str,
    (kind, venue, symbol): (Kind, &str, &str),
) -> Result<(), Problem> {
    let is_coin_margined = venue == COINM || name::is_coin_margined(symbol);
    let has = |name: &&str| names.iter().any(|n| n == name);
    let is_archive = name::parse(stem).is_some() || KLINES.iter().any(has);
    if kind != Kind::Candles || !is_coin_margined || !is_archive {
        return Ok(());
    }
    let reason = "looks like COIN-M bars of Binance's archive, whose `volume` counts contracts";
    let mend = "keep all the archive's columns and leave --source out; or drop those that only the archive has, with `volume` in base units";
    Err(Problem::NotAsItStands { reason: reason.to_owned(), mend })
}
