//! The largest position that an adverse move does not liquidate.
//!
//! With side `s`, notional `n` at the entry price `P` and `W` behind it, the position survives a
//! move to `u P` while `W - n |1 - u| > R(n u)`, with what is required `R` read off the venue's
//! ladder at the size it has there. `W` is a number under cross margin and grows with the notional
//! under isolated margin; both are the line `own + per_notional n`. Of a ladder of one bracket and
//! cross margin what follows is `x < 1 / (d + mmr (1 - s d))`.
//!
//! The account is looked at as it is: the other positions stand still, and the price paid is the
//! price given. Fees and slippage of getting in belong into the distance.

use plimsoll_venue::{Ladder, TierBasis};

use super::SizingError;
use super::check::{equity as above_zero, finite, not_negative, positive};

/// The money that stands behind a position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Behind {
    /// The equity of the whole account, less what its other positions are required to keep.
    Cross {
        /// Required margin of the other positions at their marks. Their unrealised profit is part
        /// of the account's equity already and is not added again.
        other_maintenance: f64,
    },
    /// The initial margin of the position alone.
    Isolated {
        /// Notional over the margin posted.
        leverage: f64,
    },
}

/// The largest notional over equity at which an adverse move by `distance` of the price does not
/// liquidate: up to it the liquidation price lies at the end of the move or beyond.
///
/// `side` is +1 for a long and -1 for a short; `equity` is that of the account, in the currency of
/// the ladder. A long's price does not fall below 0, so that its moves of 1 and more are alike.
///
/// Under isolated margin the distance to liquidation depends on the leverage told to the venue
/// and, through the brackets, on the size. The answer is the size whose bracket still keeps the
/// move inside: 0 where none does, and at most `leverage`, where all of the equity is posted. Of a
/// ladder that is not complete no size beyond its top cap is an answer.
///
/// # Errors
/// A number that is not finite or out of its range; `Ruined` without equity.
pub fn leverage_inside_liquidation(
    ladder: &Ladder,
    side: f64,
    price: f64,
    equity: f64,
    behind: Behind,
    distance: f64,
) -> Result<f64, SizingError> {
    let equity = above_zero(equity)?;
    let price = positive("price", price)?;
    if (side.abs() - 1.0).abs() > 0.0 || side.is_nan() {
        return Err(SizingError::OutOfRange { name: "side", value: side, rule: "1 or -1" });
    }
    let is_long = side > 0.0;
    let distance = positive("distance", distance)?.min(if is_long { 1.0 } else { f64::MAX });
    // The price at the end of the move over the price now.
    let end = 1.0 - side * distance;
    let (own, per_notional) = match behind {
        Behind::Cross { other_maintenance } => {
            (equity - not_negative("other_maintenance", other_maintenance)?, 0.0)
        }
        Behind::Isolated { leverage } => (0.0, 1.0 / positive("leverage", leverage)?),
    };
    let top = match behind {
        Behind::Cross { .. } => f64::INFINITY,
        Behind::Isolated { leverage } => leverage,
    };

    let goes_by_notional = ladder.basis() == TierBasis::Notional;
    // The smallest notional at the entry price that reaches into sizes above this on the way.
    let reaches = |size: f64| match (goes_by_notional, is_long) {
        (false, _) => size * price,
        (true, true) => size,
        (true, false) => size / end,
    };
    let mut largest = f64::INFINITY;
    for bracket in ladder.brackets() {
        let rate = bracket.maintenance_margin_rate + ladder.closing_fee_fraction();
        let behind_it = own + bracket.maintenance_deduction;
        let at_the_end = covered(behind_it, distance + end * rate - per_notional);
        // A long leaves a bracket on the way where it loses more: its lower edge counts then.
        let at_the_edge = if goes_by_notional && is_long {
            covered(behind_it + bracket.floor * (1.0 - rate), 1.0 - per_notional)
        } else {
            0.0
        };
        // Whatever never reaches the bracket is not bound by it.
        largest = largest.min(at_the_end.max(at_the_edge).max(reaches(bracket.floor)));
    }
    if !ladder.is_complete() {
        let known = ladder.brackets().last().map_or(0.0, |bracket| bracket.cap);
        largest = largest.min(reaches(known));
    }
    finite("leverage", (largest / equity).min(top))
}

/// The move to keep inside the liquidation price: the largest of `moves`, plus what getting in and
/// out costs. All are fractions of the price.
///
/// The cost of getting in leaves the equity behind the position, so that the move it survives is
/// shorter by about as much; with the whole round trip added it is not short of the move asked for
/// while the maintenance margin rate is below one half.
pub fn adverse_move(moves: &[f64], round_trip_cost_fraction: f64) -> Result<f64, SizingError> {
    let costs = not_negative("round_trip_cost_fraction", round_trip_cost_fraction)?;
    let mut largest = 0.0_f64;
    for &one in moves {
        largest = largest.max(positive("move", one)?);
    }
    finite("distance", positive("move", largest)? + costs)
}

/// The largest notional with `money >= need_per_notional * notional`.
fn covered(money: f64, need_per_notional: f64) -> f64 {
    if need_per_notional > 0.0 {
        money / need_per_notional
    } else if money >= 0.0 {
        f64::INFINITY
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use plimsoll_market::Side;
    use plimsoll_venue::{Bracket, BracketAt, LiquidationInputs, liquidation_price};
    use proptest::prelude::*;

    use super::*;

    const CROSS: Behind = Behind::Cross { other_maintenance: 0.0 };

    fn steps(rates: &[f64], cap: f64, deducts: bool) -> Vec<Bracket> {
        let (mut floor, mut deduction, mut previous) = (0.0, 0.0, 0.0);
        let mut brackets = Vec::new();
        for (i, &rate) in rates.iter().enumerate() {
            deduction += if deducts && i > 0 { floor * (rate - previous) } else { 0.0 };
            let last = i + 1 == rates.len();
            let next = if i == 0 { cap } else { floor * 5.0 };
            brackets.push(Bracket {
                tier: i as u32 + 1,
                floor,
                cap: if last { f64::INFINITY } else { next },
                maintenance_margin_rate: rate,
                leverage_max: (0.5 / rate).max(1.0),
                maintenance_deduction: deduction,
            });
            (floor, previous) = (next, rate);
        }
        brackets
    }

    #[test]
    fn one_bracket_by_hand() {
        let ladder = Ladder::flat(0.005, 100.0).unwrap();
        let of = |side, behind, distance| {
            leverage_inside_liquidation(&ladder, side, 50_000.0, 10_000.0, behind, distance)
        };
        // 1 / (0.1 + 0.005 * 0.9) and 1 / (0.1 + 0.005 * 1.1).
        assert!((of(1.0, CROSS, 0.1).unwrap() - 1.0 / 0.1045).abs() < 1e-12);
        assert!((of(-1.0, CROSS, 0.1).unwrap() - 1.0 / 0.1055).abs() < 1e-12);
        // 4,000 of the equity belong to others.
        let shared = Behind::Cross { other_maintenance: 4_000.0 };
        assert!((of(1.0, shared, 0.1).unwrap() - 0.6 / 0.1045).abs() < 1e-12);
        assert_eq!(of(1.0, Behind::Cross { other_maintenance: 1e4 }, 0.1), Ok(0.0));
        assert_eq!(of(1.0, Behind::Cross { other_maintenance: 2e4 }, 0.1), Ok(0.0));
        // At 5x a fifth is posted: 10 % lies inside, 20 % does not, whatever the size.
        assert_eq!(of(1.0, Behind::Isolated { leverage: 5.0 }, 0.1), Ok(5.0));
        assert_eq!(of(1.0, Behind::Isolated { leverage: 5.0 }, 0.2), Ok(0.0));
        // Without debt a long cannot be liquidated, however far the price falls.
        assert_eq!(of(1.0, CROSS, 1.0), Ok(1.0));
        assert_eq!(of(1.0, CROSS, 7.0), Ok(1.0));
        assert!((of(-1.0, CROSS, 7.0).unwrap() - 1.0 / 7.04).abs() < 1e-12);
    }

    #[test]
    fn brackets_by_hand() {
        // 1 % up to 50,000, 2 % above it, the deduction 500.
        let ladder = Ladder::new(steps(&[0.01, 0.02], 5e4, true)).unwrap();
        let at = |equity, behind, distance| {
            leverage_inside_liquidation(&ladder, 1.0, 100.0, equity, behind, distance).unwrap()
        };
        // Small: 4,000 / (0.1 + 0.9 * 0.01) = 36,697; large: (40,000 + 500) / (0.1 + 0.9 * 0.02).
        assert!((at(4e3, CROSS, 0.1) - 1.0 / 0.109).abs() < 1e-12);
        assert!((at(4e4, CROSS, 0.1) - 40_500.0 / 0.118 / 4e4).abs() < 1e-12);
        // At 9x isolated 1/9 - 0.1 - 0.9 * 0.02 is -0.00689, which 500 of deduction carry up to
        // a notional of 72,581.
        let isolated = Behind::Isolated { leverage: 9.0 };
        assert!((at(4e4, isolated, 0.1) - 500.0 / (0.118 - 1.0 / 9.0) / 4e4).abs() < 1e-9);
        // The same rates for the whole position: no further than the edge, 50,000 after the move
        // for what pays the higher rate beyond it.
        let whole = Ladder::whole_position(steps(&[0.01, 0.02], 5e4, false)).unwrap();
        let x = leverage_inside_liquidation(&whole, -1.0, 100.0, 4e4, isolated, 0.1).unwrap();
        assert!((x - 5e4 / 1.1 / 4e4).abs() < 1e-12, "{x}");
        // By quantity: 500 units at 100 are the edge.
        let quantity = Ladder::by_quantity(steps(&[0.01, 0.02], 500.0, false)).unwrap();
        let x = leverage_inside_liquidation(&quantity, -1.0, 100.0, 4e4, isolated, 0.1).unwrap();
        assert!((x - 5e4 / 4e4).abs() < 1e-12, "{x}");
        // What lies above the brackets that are known is no answer.
        let mut known = steps(&[0.01, 0.02], 5e4, true);
        known[1].cap = 1e5;
        let known = Ladder::new(known).unwrap().incomplete();
        let x = leverage_inside_liquidation(&known, 1.0, 100.0, 4e4, CROSS, 0.1).unwrap();
        assert_eq!(x, 1e5 / 4e4);
    }

    #[test]
    fn undefined_inputs_are_typed() {
        let ladder = Ladder::flat(0.005, 100.0).unwrap();
        for (side, price, equity, behind, distance, reason) in [
            (0.5, 1.0, 1.0, CROSS, 0.1, "out_of_range"),
            (f64::NAN, 1.0, 1.0, CROSS, 0.1, "out_of_range"),
            (1.0, 0.0, 1.0, CROSS, 0.1, "out_of_range"),
            (1.0, 1.0, 0.0, CROSS, 0.1, "ruined"),
            (1.0, 1.0, f64::NAN, CROSS, 0.1, "not_finite"),
            (1.0, 1.0, 1.0, CROSS, 0.0, "out_of_range"),
            (1.0, 1.0, 1.0, CROSS, f64::INFINITY, "not_finite"),
            (1.0, 1.0, 1.0, Behind::Cross { other_maintenance: -1.0 }, 0.1, "out_of_range"),
            (1.0, 1.0, 1.0, Behind::Isolated { leverage: 0.0 }, 0.1, "out_of_range"),
        ] {
            let found = leverage_inside_liquidation(&ladder, side, price, equity, behind, distance);
            assert_eq!(found.unwrap_err().reason(), reason, "{side} {price} {equity} {distance}");
        }
    }

    fn ladder() -> impl Strategy<Value = Ladder> {
        let rates = proptest::collection::vec(0.001_f64..0.03, 1..6);
        (rates, 10.0_f64..1e5, 0..3_u8, 0.0..0.002).prop_map(|(steps_up, cap, kind, fee)| {
            let mut rate = 0.002;
            let rates: Vec<f64> = (steps_up.iter())
                .map(|step| {
                    rate += step;
                    rate
                })
                .collect();
            let brackets = steps(&rates, cap, kind == 0);
            let ladder = match kind {
                0 => Ladder::new(brackets),
                1 => Ladder::whole_position(brackets),
                _ => Ladder::by_quantity(brackets),
            };
            ladder.unwrap().with_closing_fee(fee).unwrap()
        })
    }

    /// Whether the venue's own liquidation price lies short of the end of the move.
    fn is_liquidated_inside(
        ladder: &Ladder,
        side: Side,
        price: f64,
        balance: f64,
        notional: f64,
        distance: f64,
    ) -> bool {
        let inputs = LiquidationInputs::isolated(side, notional / price, price, balance);
        let found = liquidation_price(&inputs, ladder, BracketAt::Liquidation).unwrap();
        let end = price * (1.0 - side.sign() * distance);
        let Some(at) = found.price else {
            return side == Side::Short;
        };
        match side {
            Side::Long => at > end * (1.0 + 1e-12),
            Side::Short => at < end * (1.0 - 1e-12),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn the_venues_liquidation_price_lies_at_the_end_of_the_move(
            ladder in ladder(),
            is_long: bool,
            is_isolated: bool,
            price in 0.1..1e5_f64,
            equity_in_brackets in 0.01..100.0_f64,
            taken in 0.0..1.2_f64,
            leverage in 1.0..60.0_f64,
            distance in 0.001..0.9_f64,
        ) {
            let side = if is_long { Side::Long } else { Side::Short };
            let cap = ladder.brackets()[0].cap;
            let unit = match ladder.basis() {
                _ if cap.is_infinite() => 1e4,
                TierBasis::Notional => cap,
                TierBasis::Quantity => cap * price,
            };
            let equity = equity_in_brackets * unit;
            let other_maintenance = taken * equity;
            let behind = if is_isolated {
                Behind::Isolated { leverage }
            } else {
                Behind::Cross { other_maintenance }
            };
            let x = leverage_inside_liquidation(
                &ladder, side.sign(), price, equity, behind, distance,
            ).unwrap();
            prop_assert!(x >= 0.0);
            let is_inside = |x: f64| {
                let notional = x * equity;
                let balance =
                    if is_isolated { notional / leverage } else { equity - other_maintenance };
                is_liquidated_inside(&ladder, side, price, balance, notional, distance)
            };
            for share in [0.01, 0.5, 0.9, 1.0 - 1e-4] {
                prop_assert!(x <= 0.0 || !is_inside(share * x), "{share} of {x}");
            }
            // Where all of the equity is posted there is no more to post.
            if !(is_isolated && x >= leverage) {
                for more in [1.0 + 1e-4, 1.1, 3.0] {
                    prop_assert!(is_inside((more * x).max(1e-6)), "{more} of {x}");
                }
            }
        }
    }
}
