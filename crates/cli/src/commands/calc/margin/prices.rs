//! The legs of `plimsoll calc margin`, and the prices at which each is liquidated.

use plimsoll_venue::margin::{AccountMargin, LegMargin, NoDistance, UnderlyingLiquidation};
use serde_json::{Value, json};

use super::super::answer::{Answer, figure, percent, times};
use super::legs::ListedLeg;

pub(super) fn show(
    answer: &mut Answer,
    listed: &[ListedLeg],
    isolated: &AccountMargin,
    cross: &AccountMargin,
) {
    let mut rows: Vec<Value> = Vec::with_capacity(listed.len());
    for ((leg, alone), joint) in listed.iter().zip(&isolated.legs).zip(&cross.legs) {
        let symbol = leg.record.required("symbol");
        let together = cross
            .underlyings
            .iter()
            .find(|u| u.underlying == leg.underlying && !leg.kind.is_spot());
        let below = together.and_then(|u| u.below(leg.mark_price).ok());
        let above = together.and_then(|u| u.above(leg.mark_price).ok());
        rows.push(json!({
            "symbol": symbol,
            "underlying": leg.underlying,
            "side": leg.side.name(),
            "notional": joint.notional,
            "unrealised_pnl": joint.unrealised_pnl,
            "initial_margin": joint.initial_margin,
            "maintenance_margin": joint.maintenance_margin,
            "leverage_max": joint.leverage_cap,
            "isolated_liquidation_price": alone.liquidation_price.ok(),
            "cross_liquidation_price": joint.liquidation_price.ok(),
            "cross_liquidation_price_below": below,
            "cross_liquidation_price_above": above,
            "reason": joint.liquidation_price.err().map(|reason| reason.to_string()),
        }));
        if leg.kind.is_spot() {
            continue;
        }
        leverage(answer, leg, joint);
        let alone = alone.liquidation_price.map_or_else(|_| "none".to_owned(), figure);
        let in_cross = match (below, above) {
            (Some(low), Some(high)) if low < high => {
                format!("at {} below, {} above", figure(low), figure(high))
            }
            (Some(_), Some(_)) => "at this mark".to_owned(),
            (Some(low), None) => format!("at {} below, none above", figure(low)),
            (None, Some(high)) => format!("none below, at {} above", figure(high)),
            (None, None) => match joint.liquidation_price {
                Err(NoDistance::NoFall | NoDistance::NoRise) | Ok(_) => "at no price".to_owned(),
                Err(reason) => format!("none: {reason}"),
            },
        };
        answer.result(
            format!("{symbol} {}", leg.side),
            format!("liquidated at {alone} isolated; in cross {in_cross}"),
        );
    }
    answer.set("legs", rows);
    underlyings(answer, listed, cross);
}

/// Says so where the venue would not grant the leverage or the size.
fn leverage(answer: &mut Answer, leg: &ListedLeg, margin: &LegMargin) {
    let (Some(cap), false) = (margin.leverage_cap, margin.leverage_is_allowed) else { return };
    let symbol = leg.record.required("symbol");
    let asked = times(leg.leverage);
    answer.warn(if leg.leverage > cap {
        format!(
            "the venue would refuse {symbol} at {asked}: it grants at most {} at this size",
            times(cap)
        )
    } else if leg.ladder.as_ref().is_some_and(|ladder| !ladder.is_complete()) {
        format!(
            "{symbol} is larger than the brackets that are known: whether the venue grants {asked} \
             is not, and the last rate is continued"
        )
    } else {
        format!("the venue would refuse {symbol}: the position is larger than the top bracket")
    });
}

/// What liquidates the cross account by underlying.
fn underlyings(answer: &mut Answer, listed: &[ListedLeg], cross: &AccountMargin) {
    let mut rows: Vec<Value> = Vec::with_capacity(cross.underlyings.len());
    for found in &cross.underlyings {
        let UnderlyingLiquidation { underlying, net_exposure, fall, rise } = found;
        let reasons: Vec<String> =
            [fall, rise].iter().filter_map(|found| found.err()).map(|r| r.to_string()).collect();
        let legs = listed.iter().filter(|leg| leg.underlying == *underlying).count();
        if legs > 1 {
            let told = |name: &str, found: &Result<f64, NoDistance>| match found {
                Ok(fraction) => format!("a {name} of {} liquidates", percent(fraction.abs())),
                Err(NoDistance::NoFall | NoDistance::NoRise) => format!("no {name} liquidates"),
                Err(reason) => format!("no answer for a {name}, since {reason}"),
            };
            answer.result(
                format!("{underlying} in cross"),
                format!(
                    "all legs of {underlying} moved together: {}, {}",
                    told("fall", fall),
                    told("rise", rise)
                ),
            );
        }
        rows.push(json!({
            "underlying": underlying,
            "net_exposure": net_exposure,
            "fall_fraction": fall.ok(),
            "rise_fraction": rise.ok(),
            "reasons": reasons,
        }));
    }
    answer.set("underlyings", rows);
}
