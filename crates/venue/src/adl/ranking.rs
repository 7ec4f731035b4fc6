//! The venues' queues: score, order, quantile, price, and how far down a position reaches.
//!
//! The facts of each venue stand in `tables/adl.toml` with status and source; [`AdlRule::load`]
//! reads them. Bybit and OKX publish no formula, and theirs is marked as unverified.
//!
//! Chosen here, because no page says it:
//! - An unpublished ranking by return and leverage is return on the entry value times effective
//!   leverage for a profit, and return over leverage for a loss, as BitMEX has it.
//! - Equal scores keep their order in the input. Rank 1 is the first to be closed.
//! - Hyperliquid's price ratio of a short is entry / mark.

use std::collections::BTreeMap;

use plimsoll_market::Side;
use serde::Deserialize;

use crate::error::{VenueError, check, check_finite, check_not_negative, check_positive};
use crate::tables::{Status, normalise_venue};

const TABLE: (&str, &str) = ("adl.toml", include_str!("../../tables/adl.toml"));

/// What is known of a venue's auto-deleveraging.
#[derive(Clone, Debug, PartialEq)]
pub struct AdlRule {
    /// Identifier, such as `binance-usdm`.
    pub venue: String,
    /// Name for people.
    pub title: String,
    /// Formula of the score.
    pub ranking: AdlRanking,
    /// Price at which positions are closed.
    pub price: AdlPrice,
    /// How well the formula is known.
    pub status: Status,
    /// Where it is from.
    pub source: String,
    /// Caveats for the reader of a result.
    pub notes: Vec<String>,
}

/// Formula of a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AdlRanking {
    /// [`binance_score`].
    Binance,
    /// [`bitmex_score`].
    Bitmex,
    /// [`hyperliquid_score`].
    Hyperliquid,
    /// [`leveraged_return_score`].
    LeveragedReturn,
}

/// Price at which positions of the queue are closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AdlPrice {
    /// Bankruptcy price of the liquidated position.
    Bankruptcy,
    /// Current mark price.
    Mark,
    /// Mark price before the one that set it off.
    PreviousMark,
}

impl AdlPrice {
    /// The price in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bankruptcy => "bankruptcy price",
            Self::Mark => "mark price",
            Self::PreviousMark => "previous mark price",
        }
    }
}

/// What a score may depend on; what is not known is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RankInputs {
    /// Direction of the position.
    pub side: Option<Side>,
    /// Average entry price.
    pub entry_price: Option<f64>,
    /// Mark price.
    pub mark_price: Option<f64>,
    /// Size at the mark price, above 0.
    pub notional: Option<f64>,
    /// Collateral: wallet without unrealised profit.
    pub collateral: Option<f64>,
    /// Unrealised profit.
    pub pnl: Option<f64>,
    /// Maintenance margin.
    pub maintenance_margin: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    title: String,
    ranking: AdlRanking,
    price: AdlPrice,
    status: StatusWord,
    source: String,
    notes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum StatusWord {
    Official,
    Unverified,
}

impl AdlRule {
    /// The rules of all venues, by identifier.
    ///
    /// # Errors
    /// [`VenueError::BadFile`] where the crate's own table is broken.
    pub fn all() -> Result<BTreeMap<String, Self>, VenueError> {
        let (file, text) = TABLE;
        let rows: BTreeMap<String, Row> = toml::from_str(text).map_err(|error| {
            VenueError::BadFile { file: file.to_owned(), reason: error.to_string() }
        })?;
        let rule = |(venue, row): (String, Row)| {
            let rule = Self {
                venue: venue.clone(),
                title: row.title,
                ranking: row.ranking,
                price: row.price,
                status: match row.status {
                    StatusWord::Official => Status::Official,
                    StatusWord::Unverified => Status::Unverified,
                },
                source: row.source,
                notes: row.notes,
            };
            (venue, rule)
        };
        Ok(rows.into_iter().map(rule).collect())
    }

    /// The rule of a venue.
    ///
    /// # Errors
    /// [`VenueError::UnknownVenue`], which names those that have one.
    pub fn load(venue: &str) -> Result<Self, VenueError> {
        let mut rules = Self::all()?;
        rules.remove(&normalise_venue(venue)).ok_or_else(|| VenueError::UnknownVenue {
            venue: venue.to_owned(),
            known: rules.into_keys().collect(),
        })
    }

    /// Score of a position, the highest is closed first; `None` where the account's value is not
    /// above zero, so that it is not in the queue.
    ///
    /// # Errors
    /// [`VenueError::MissingInput`] names what the formula needs; [`VenueError::BadInput`] what is
    /// out of its range.
    pub fn score(&self, inputs: &RankInputs) -> Result<Option<f64>, VenueError> {
        let need = |name, value: Option<f64>| {
            value.ok_or_else(|| VenueError::MissingInput { venue: self.venue.clone(), name })
        };
        let side = || {
            let venue = self.venue.clone();
            inputs.side.ok_or(VenueError::MissingInput { venue, name: "side" })
        };
        let collateral = need("collateral", inputs.collateral)?;
        let pnl = need("pnl", inputs.pnl)?;
        let equity = collateral + pnl;
        check_finite("equity", equity)?;
        match self.ranking {
            AdlRanking::Binance => {
                let maintenance = need("maintenance_margin", inputs.maintenance_margin)?;
                binance_score(pnl, collateral, maintenance).map(Some)
            }
            _ if equity <= 0.0 => Ok(None),
            AdlRanking::Bitmex => {
                let mark_value = side()?.sign() * need("notional", inputs.notional)?;
                bitmex_score(mark_value, mark_value - pnl, mark_value - equity).map(Some)
            }
            AdlRanking::Hyperliquid => hyperliquid_score(
                side()?,
                need("mark_price", inputs.mark_price)?,
                need("entry_price", inputs.entry_price)?,
                need("notional", inputs.notional)?,
                equity,
            )
            .map(Some),
            AdlRanking::LeveragedReturn => {
                let notional = need("notional", inputs.notional)?;
                let entry_value = notional - side()?.sign() * pnl;
                leveraged_return_score(pnl, entry_value, notional, equity).map(Some)
            }
        }
    }
}

/// Binance: `max(0, u) / max(1, WB) * MM / (WB + u)`, with unrealised profit `u`, wallet `WB` and
/// maintenance margin `MM`; the second factor is 0 where `WB + u` is not above 0.
///
/// # Errors
/// [`VenueError::BadInput`] for a number that is not finite or a maintenance margin below 0.
pub fn binance_score(
    unrealised_pnl: f64,
    wallet_balance: f64,
    maintenance_margin: f64,
) -> Result<f64, VenueError> {
    check_finite("pnl", unrealised_pnl)?;
    check_finite("wallet_balance", wallet_balance)?;
    check_not_negative("maintenance_margin", maintenance_margin)?;
    let margin_balance = wallet_balance + unrealised_pnl;
    if margin_balance <= 0.0 {
        return Ok(0.0);
    }
    let pnl_fraction = unrealised_pnl.max(0.0) / wallet_balance.max(1.0);
    Ok(pnl_fraction * maintenance_margin / margin_balance)
}

/// BitMEX: profit times, or loss over, effective leverage, with
/// `leverage = |mark value| / (mark value - bankrupt value)` and
/// `profit = (mark value - entry value) / |entry value|`. Values are signed, shorts below zero.
///
/// # Errors
/// [`VenueError::BadInput`] where a value of the position is 0 or not finite, or where the mark
/// value is not above the bankrupt one.
pub fn bitmex_score(
    mark_value: f64,
    average_entry_value: f64,
    bankrupt_value: f64,
) -> Result<f64, VenueError> {
    check("mark_value", mark_value, mark_value.abs() > 0.0 && mark_value.is_finite(), "not 0")?;
    let entry = average_entry_value;
    check("entry_value", entry, entry.abs() > 0.0 && entry.is_finite(), "not 0")?;
    let equity = mark_value - bankrupt_value;
    check_positive("mark_value - bankrupt_value", equity)?;
    Ok(by_leverage((mark_value - entry) / entry.abs(), mark_value.abs() / equity))
}

/// Hyperliquid: price ratio on the profit side times notional over account value.
///
/// # Errors
/// [`VenueError::BadInput`] for a number that is not above 0.
pub fn hyperliquid_score(
    side: Side,
    mark_price: f64,
    entry_price: f64,
    notional: f64,
    account_value: f64,
) -> Result<f64, VenueError> {
    check_positive("mark_price", mark_price)?;
    check_positive("entry_price", entry_price)?;
    check_positive("notional", notional)?;
    check_positive("account_value", account_value)?;
    let ratio = match side {
        Side::Long => mark_price / entry_price,
        Side::Short => entry_price / mark_price,
    };
    Ok(ratio * notional / account_value)
}

/// Return on the entry value, times (profit) or over (loss) effective leverage
/// `notional / equity`: the form assumed where a venue names a leveraged return and no formula.
///
/// # Errors
/// [`VenueError::BadInput`] for a value, notional or equity that is not above 0.
pub fn leveraged_return_score(
    unrealised_pnl: f64,
    entry_value: f64,
    notional: f64,
    equity: f64,
) -> Result<f64, VenueError> {
    check_finite("pnl", unrealised_pnl)?;
    check_positive("entry_value", entry_value)?;
    check_positive("notional", notional)?;
    check_positive("equity", equity)?;
    Ok(by_leverage(unrealised_pnl / entry_value, notional / equity))
}

fn by_leverage(return_fraction: f64, leverage: f64) -> f64 {
    if return_fraction > 0.0 { return_fraction * leverage } else { return_fraction / leverage }
}

/// Positions in order of their scores, the highest first; equal ones as they stand.
pub fn rank(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    // Adding 0 makes one zero of two.
    order.sort_by(|&a, &b| (scores[b] + 0.0).total_cmp(&(scores[a] + 0.0)));
    order
}

/// Place in the queue as a fraction, `rank / total`: the first of ten is at 0.1.
pub fn quantile(rank: usize, total: usize) -> Option<f64> {
    (1..=total).contains(&rank).then(|| rank as f64 / total as f64)
}

/// A position of the other side, in the order of the queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QueuedPosition {
    /// Whose.
    pub account: usize,
    /// Size, 0 or above.
    pub quantity: f64,
}

/// How much of a queued position is closed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClosedPosition {
    /// Whose.
    pub account: usize,
    /// Size closed, above 0.
    pub quantity: f64,
}

/// What closing down a queue does.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueClosing {
    /// What is closed, first in the queue first.
    pub closed: Vec<ClosedPosition>,
    /// Part of the bankrupt position that the queue is too short for.
    pub unfilled: f64,
}

/// Closes positions of the other side in the order of the queue until the bankrupt position is
/// filled, the last one in part.
///
/// # Errors
/// [`VenueError::BadInput`] or [`VenueError::BadAccount`] for a size that is not finite or below 0.
pub fn close_in_order(
    queue: &[QueuedPosition],
    bankrupt_quantity: f64,
) -> Result<QueueClosing, VenueError> {
    check_not_negative("bankrupt_quantity", bankrupt_quantity)?;
    let mut closed = Vec::new();
    let mut unfilled = bankrupt_quantity;
    for (position, queued) in queue.iter().enumerate() {
        let value = queued.quantity;
        if !(value >= 0.0 && value.is_finite()) {
            let rule = "a finite number, 0 or above";
            return Err(VenueError::BadAccount { position, name: "quantity", value, rule });
        }
        let quantity = value.min(unfilled);
        if quantity > 0.0 {
            closed.push(ClosedPosition { account: queued.account, quantity });
            unfilled -= quantity;
        }
    }
    Ok(QueueClosing { closed, unfilled })
}
