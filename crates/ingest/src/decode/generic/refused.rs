//! Columns that say plainly that they are no rows of the kind asked for.

use plimsoll_market::Kind;

use crate::error::Problem;

/// Refuses lists that would be read as something that they are not.
pub(super) fn refuse(names: &[String], kind: Option<Kind>) -> Result<(), Problem> {
    let has = |wanted: &[&str]| names.iter().any(|name| wanted.contains(&name.as_str()));
    if kind == Some(Kind::Liquidations) && has(&["is_liquidation", "liquidation", "liquidated"]) {
        let reason =
            "a column says by row whether it is a liquidation, so that others are among them"
                .to_owned();
        let mend = "keep the rows that are liquidations, and drop the column";
        return Err(Problem::NotAsItStands { reason, mend });
    }
    if kind.is_none_or(Kind::has_prices) && !has(&["open", "o"]) && is_trades(&has) {
        let reason = "looks like single trades, which are read only under their venue's own name, since that says of which day they are"
            .to_owned();
        let mend = "give the file the name that its venue gave it, such as BTCUSDT-aggTrades-2024-12-01.csv; make bars of it first; or pass --kind liquidations if it is a list of those";
        return Err(Problem::NotAsItStands { reason, mend });
    }
    Ok(())
}

/// A price, a quantity, and the taker's side or a trade's number.
fn is_trades(has: &impl Fn(&[&str]) -> bool) -> bool {
    let ids = ["agg_trade_id", "trade_id", "trdmatchid", "tradeid", "id", "first_trade_id"];
    let makers = ["is_buyer_maker", "isbuyermaker", "side"];
    has(&["price"]) && has(&["quantity", "qty", "size", "amount"]) && (has(&ids) || has(&makers))
}
