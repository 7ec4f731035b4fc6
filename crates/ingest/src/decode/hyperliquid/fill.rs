//! One fill: what nodes write of it, and the forced close that it may be.

use std::borrow::Cow;

use serde::Deserialize;

use crate::decimal;
use crate::error::Problem;

#[derive(Deserialize)]
pub(super) struct Block<'a> {
    #[serde(borrow)]
    pub(super) block_time: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) events: Vec<(Cow<'a, str>, Fill<'a>)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fill<'a> {
    #[serde(borrow)]
    pub(super) coin: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) px: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) sz: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) side: Cow<'a, str>,
    pub(super) time: i64,
    #[serde(borrow, default)]
    pub(super) start_position: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) dir: Cow<'a, str>,
    #[serde(default)]
    pub(super) crossed: bool,
    pub(super) tid: Option<u64>,
    pub(super) user: Option<String>,
    pub(super) liquidation: Option<Liquidation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Liquidation {
    pub(super) liquidated_user: Option<String>,
}

/// One forced close.
pub(super) struct Event {
    pub(super) coin: String,
    pub(super) time: i64,
    pub(super) side: &'static str,
    pub(super) price: f64,
    pub(super) quantity: f64,
    pub(super) kind: &'static str,
    pub(super) row: usize,
}

/// The forced close that a fill is. Order side, direction and position have to agree.
pub(super) fn event(fill: &Fill, kind: &'static str, row: usize) -> Result<Event, Problem> {
    let mut event = plain(fill, kind, row)?;
    // A direction that turns a position over closes what stands first: `Short > Long`.
    let words = fill.dir.split([' ', '>']);
    let named = words.filter_map(|word| match word {
        "Long" => Some("long"),
        "Short" => Some("short"),
        _ => None,
    });
    let named = named.take(1).next().filter(|_| !fill.dir.starts_with("Open"));
    let start = if fill.start_position.is_empty() {
        0.0
    } else {
        number(&fill.start_position, "startPosition")?
    };
    let held = (start.abs() > 0.0).then_some(if start > 0.0 { "long" } else { "short" });
    let opens = fill.dir.starts_with("Open");
    if opens || [named, held].into_iter().flatten().any(|other| other != event.side) {
        return Err(Problem::BadWord {
            column: "side",
            value: format!("{} with `{}` from a position of {start}", fill.side, fill.dir),
            expected: "A where a long position is closed, B where a short one is",
        });
    }
    if fill.dir.contains('>') && start.abs() > 0.0 {
        // The rest opened a position, which nobody forced.
        event.quantity = event.quantity.min(start.abs());
    }
    Ok(event)
}

/// A fill as it is: the side is that of a position which it would close.
pub(super) fn plain(fill: &Fill, kind: &'static str, row: usize) -> Result<Event, Problem> {
    let side = match &*fill.side {
        "A" => "long",
        "B" => "short",
        other => {
            let expected = "A for a sale or B for a purchase";
            return Err(Problem::BadWord { column: "side", value: other.to_owned(), expected });
        }
    };
    Ok(Event {
        coin: fill.coin.clone().into_owned(),
        time: fill.time,
        side,
        price: number(&fill.px, "px")?,
        quantity: number(&fill.sz, "sz")?,
        kind,
        row,
    })
}

fn number(text: &str, column: &'static str) -> Result<f64, Problem> {
    decimal::parse(text.as_bytes())
        .ok_or_else(|| Problem::NotANumber { column: column.to_owned(), value: text.to_owned() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn order_side_direction_and_position_agree() {
        for (side, dir, start, expected) in [
            ("A", "Close Long", "2.0", Some(("long", 1.5))),
            ("B", "Close Short", "-2.0", Some(("short", 1.5))),
            ("B", "Liquidated Isolated Short", "-1.5", Some(("short", 1.5))),
            ("A", "Liquidated Cross Long", "", Some(("long", 1.5))),
            ("B", "Auto-Deleveraging", "-28.53", Some(("short", 1.5))),
            ("A", "Auto-Deleveraging", "28.53", Some(("long", 1.5))),
            ("B", "Short > Long", "-1.0", Some(("short", 1.0))),
            ("A", "Long > Short", "0.5", Some(("long", 0.5))),
            ("A", "Close Short", "-2.0", None),
            ("B", "Close Long", "2.0", None),
            ("A", "Auto-Deleveraging", "-28.53", None),
            ("A", "Open Short", "-0.0213", None),
            ("buy", "Close Short", "-2.0", None),
        ] {
            let text = format!(
                r#"{{"coin":"BTC","px":"10","sz":"1.5","side":"{side}","time":1,"dir":"{dir}","startPosition":"{start}","tid":7}}"#
            );
            let fill: Fill = serde_json::from_str(&text).unwrap();
            let found = event(&fill, "liquidation", 0).ok().map(|e| (e.side, e.quantity));
            assert_eq!(found, expected, "{side} {dir} {start}");
        }
    }
}
