//! Laws that hold for every ladder in the tables and any position.

use std::sync::LazyLock;

use plimsoll_market::Side;
use plimsoll_venue::{
    Bracket, BracketAt, ContractKind, CrossPosition, HedgeInputs, Ladder, LiquidationInputs,
    NoLiquidationPrice, TierBasis, VenueRules, contract_bankruptcy_price,
    contract_liquidation_price, cross_liquidation_moves, hedge_liquidation_price_exact, joint,
    liquidatable_at_entry, liquidation_price, maintenance_deductions, round_quantity_down,
};
use proptest::prelude::*;

use crate::all_ladders;

/// Every ladder of the tables.
static LADDERS: LazyLock<Vec<Ladder>> = LazyLock::new(|| {
    let venues = VenueRules::venues().unwrap();
    venues.iter().flat_map(|venue| all_ladders(venue)).map(|(_, _, ladder)| ladder).collect()
});

/// The same with deductions that are not rounded, so that a continuous ladder is continuous to the
/// last digit. Nothing is unknown above their tops.
static EXACT: LazyLock<Vec<Ladder>> = LazyLock::new(|| LADDERS.iter().map(exact).collect());

/// The same by notional, the rate of each bracket holding for the whole position.
static WHOLE: LazyLock<Vec<Ladder>> = LazyLock::new(|| {
    let flatten = |ladder: &Ladder| {
        let brackets = ladder.brackets().iter();
        Ladder::whole_position(
            brackets.map(|b| Bracket { maintenance_deduction: 0.0, ..*b }).collect(),
        )
        .unwrap()
    };
    LADDERS.iter().map(flatten).collect()
});

fn exact(ladder: &Ladder) -> Ladder {
    let brackets = ladder.brackets();
    if ladder.basis() == TierBasis::Quantity {
        let same = Ladder::by_quantity(brackets.to_vec()).unwrap();
        return same.with_closing_fee(ladder.closing_fee_fraction()).unwrap();
    }
    let floors: Vec<f64> = brackets.iter().map(|b| b.floor).collect();
    let rates: Vec<f64> = brackets.iter().map(|b| b.maintenance_margin_rate).collect();
    let deductions = maintenance_deductions(&floors, &rates).unwrap();
    let rebuilt = brackets.iter().zip(deductions);
    Ladder::new(rebuilt.map(|(b, d)| Bracket { maintenance_deduction: d, ..*b }).collect()).unwrap()
}

/// A ladder and a position from dust to above its top cap, isolated or with others beside it.
fn positions(
    ladders: &'static LazyLock<Vec<Ladder>>,
) -> impl Strategy<Value = (&'static Ladder, LiquidationInputs)> {
    (
        0..ladders.len(),
        any::<bool>(),
        1.0..9.5_f64,
        -3.0..5.5_f64,
        -2.5..0.3_f64,
        prop_oneof![Just(0.0), 0.0..0.3_f64],
        prop_oneof![Just(0.0), -0.3..0.3_f64],
    )
        .prop_map(|(idx, is_long, log_notional, log_price, log_margin, other, pnl)| {
            let notional = 10_f64.powf(log_notional);
            let entry_price = 10_f64.powf(log_price);
            let margin = notional * 10_f64.powf(log_margin);
            let inputs = LiquidationInputs {
                side: if is_long { Side::Long } else { Side::Short },
                quantity: notional / entry_price,
                entry_price,
                wallet_balance: margin,
                other_maintenance_margin: other * margin,
                other_unrealised_pnl: pnl * margin,
            };
            (&ladders[idx], inputs)
        })
}

fn found(inputs: &LiquidationInputs, ladder: &Ladder) -> Result<f64, NoLiquidationPrice> {
    let found = liquidation_price(inputs, ladder, BracketAt::Liquidation).unwrap();
    assert_eq!(found.price.is_none(), found.reason.is_some());
    found.price.ok_or_else(|| found.reason.unwrap())
}

/// What rounding is measured by: the largest sum of money in the account.
fn scale(inputs: &LiquidationInputs, price: f64) -> f64 {
    inputs.quantity * price.max(inputs.entry_price) + inputs.wallet_balance.abs()
}

/// Prices strictly between two at which the position crosses the edge of a bracket.
fn edges_between(inputs: &LiquidationInputs, ladder: &Ladder, a: f64, b: f64) -> Vec<f64> {
    let (low, high) = (a.min(b), a.max(b));
    let caps = ladder.brackets().iter().map(|bracket| bracket.cap / inputs.quantity);
    caps.filter(|price| *price > low && *price < high).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Isolated and cross: at the price, equity is what is required, to 1e-9.
    #[test]
    fn equity_is_the_requirement_at_the_price((ladder, inputs) in positions(&EXACT)) {
        match found(&inputs, ladder) {
            Ok(price) => {
                let excess = inputs.excess_margin(price, ladder);
                prop_assert!(excess.abs() <= 1e-9 * scale(&inputs, price), "{} at {}", excess, price);
            }
            Err(reason) => {
                prop_assert_ne!(reason, NoLiquidationPrice::BeyondKnownBrackets);
                // A long that survives a price of zero, or a short without margin.
                prop_assert_eq!(inputs.side == Side::Long, inputs.margin_balance() > 0.0);
            }
        }
    }

    /// With published deductions the ladder may jump by their rounding, nothing else changes.
    #[test]
    fn so_it_is_with_published_deductions((ladder, inputs) in positions(&LADDERS)) {
        let found = liquidation_price(&inputs, ladder, BracketAt::Liquidation).unwrap();
        if let Some(price) = found.price {
            let size = ladder.size(inputs.quantity, price);
            let bracket = &ladder.brackets()[found.bracket_idx];
            prop_assert!(size >= bracket.floor * (1.0 - 1e-12));
            prop_assert!(found.exceeds_top || size <= bracket.cap * (1.0 + 1e-12));
            let jump = 6e-6 * bracket.maintenance_deduction;
            let allowed = 1e-9 * scale(&inputs, price) + jump;
            prop_assert!(inputs.excess_margin(price, ladder).abs() <= allowed);
            prop_assert!(ladder.is_complete() || !found.exceeds_top);
        }
    }

    /// By a scan of the edges: no price before it liquidates, and it does. Between two edges
    /// excess margin is a straight line, so that its ends decide.
    #[test]
    fn it_is_the_first_price_met_from_the_entry(
        (ladder, inputs) in prop_oneof![positions(&WHOLE), positions(&EXACT)],
    ) {
        let entry = inputs.entry_price;
        if liquidatable_at_entry(&inputs, ladder) {
            return Ok(());
        }
        let (end, is_found) = match found(&inputs, ladder) {
            Ok(price) => (price, true),
            Err(_) => (1e-9 * entry, false),
        };
        let allowed = 1e-9 * scale(&inputs, end);
        prop_assert!(inputs.side.sign() * (entry - end) >= -1e-12 * entry);
        for edge in edges_between(&inputs, ladder, entry, end) {
            for price in [edge * (1.0 - 1e-13), edge * (1.0 + 1e-13)] {
                prop_assert!(inputs.excess_margin(price, ladder) > -allowed, "already at {}", price);
            }
        }
        let towards_entry = end * (1.0 + inputs.side.sign() * 1e-9);
        prop_assert!(inputs.excess_margin(towards_entry, ladder) > -allowed);
        if is_found {
            // At an edge where the margin jumps, just beyond it.
            let beyond = end * (1.0 - inputs.side.sign() * 1e-13);
            prop_assert!(inputs.excess_margin(beyond, ladder) <= allowed);
        }
    }

    #[test]
    fn the_price_is_on_the_losing_side_unless_it_is_due(
        (ladder, inputs) in prop_oneof![positions(&LADDERS), positions(&WHOLE)],
    ) {
        if let Ok(price) = found(&inputs, ladder) {
            let distance = inputs.side.sign() * (inputs.entry_price - price);
            let slack = 1e-9 * inputs.entry_price;
            if liquidatable_at_entry(&inputs, ladder) {
                prop_assert!(distance <= slack);
            } else {
                prop_assert!(distance >= -slack);
            }
        }
    }

    #[test]
    fn more_margin_never_brings_it_nearer(
        (ladder, inputs) in prop_oneof![positions(&EXACT), positions(&WHOLE)],
        more in 0.0..2.0_f64,
    ) {
        let richer = LiquidationInputs {
            wallet_balance: inputs.wallet_balance * (1.0 + more),
            ..inputs
        };
        match (found(&inputs, ladder), found(&richer, ladder)) {
            (Ok(poor), Ok(rich)) => {
                let farther = inputs.side.sign() * (poor - rich);
                prop_assert!(farther >= -1e-12 * poor.abs());
            }
            // A short that no price leaves alive may come to live; a long cannot begin to end.
            (Err(_), Ok(_)) => prop_assert_eq!(inputs.side, Side::Short),
            // A long may outlive every price; a short that had a price keeps one.
            (Ok(_), Err(reason)) => {
                prop_assert_eq!(inputs.side, Side::Long);
                prop_assert_eq!(reason, NoLiquidationPrice::NoPriceLiquidates);
            }
            (Err(poor), Err(rich)) => prop_assert_eq!(poor, rich),
        }
    }

    /// Inverse contracts: equity in the coin, computed from `n (1 / E - 1 / P)`.
    #[test]
    fn inverse_positions_end_where_equity_is_the_requirement(
        (ladder, linear) in positions(&EXACT),
    ) {
        // A quantity in US dollars whose worth in the coin is the linear position's notional.
        let notional = linear.quantity * linear.entry_price;
        let inputs =
            LiquidationInputs { quantity: notional * linear.entry_price, ..linear };
        let kind = ContractKind::Inverse;
        let equity = |price: f64| {
            inputs.margin_balance()
                + kind.unrealised_pnl(inputs.side, inputs.quantity, inputs.entry_price, price)
        };
        let ending =
            contract_liquidation_price(kind, &inputs, ladder, BracketAt::Liquidation).unwrap();
        if let Some(price) = ending.price {
            let required = ladder.required_margin(inputs.quantity, kind.unit_value(price));
            let scale = notional.max(kind.value(inputs.quantity, price)) + inputs.wallet_balance;
            prop_assert!((equity(price) - required).abs() <= 1e-9 * scale);
        }
        if let Some(price) = contract_bankruptcy_price(kind, &inputs).unwrap() {
            let gross = equity(price) + inputs.other_maintenance_margin;
            let scale = notional.max(kind.value(inputs.quantity, price)) + inputs.wallet_balance;
            prop_assert!(gross.abs() <= 1e-9 * scale);
        }
    }

    /// Hedge mode: no price between both found liquidates, and both do.
    #[test]
    fn hedged_legs_live_between_two_prices(
        (idx, log_long, log_short) in (0..EXACT.len(), 1.0..9.0_f64, 1.0..9.0_f64),
        (log_price, log_margin) in (-3.0..5.5_f64, -2.5..0.3_f64),
        (long_entry, short_entry) in (0.7..1.3_f64, 0.7..1.3_f64),
    ) {
        let (ladder, mark_price) = (&EXACT[idx], 10_f64.powf(log_price));
        let (long, short) = (10_f64.powf(log_long), 10_f64.powf(log_short));
        let inputs = HedgeInputs {
            margin_balance: long.max(short) * 10_f64.powf(log_margin),
            mark_price,
            long_quantity: long / mark_price,
            long_entry_price: long_entry * mark_price,
            short_quantity: short / mark_price,
            short_entry_price: short_entry * mark_price,
        };
        let excess = |price: f64| {
            inputs.margin_balance
                + inputs.long_quantity * (price - inputs.long_entry_price)
                - inputs.short_quantity * (price - inputs.short_entry_price)
                - ladder.required_margin(inputs.long_quantity, price)
                - ladder.required_margin(inputs.short_quantity, price)
        };
        let found = hedge_liquidation_price_exact(&inputs, ladder).unwrap();
        prop_assert_eq!(found.is_liquidatable_now, excess(mark_price) <= 0.0);
        let tolerance = |price: f64| 1e-9 * (long + short) * (price / mark_price).max(2.0);
        if found.is_liquidatable_now {
            prop_assert_eq!((found.below, found.above), (Some(mark_price), Some(mark_price)));
            return Ok(());
        }
        for price in [found.below, found.above].into_iter().flatten() {
            prop_assert!(excess(price).abs() <= tolerance(price), "{} at {}", excess(price), price);
        }
        prop_assert!(found.below.is_none_or(|price| price <= mark_price));
        prop_assert!(found.above.is_none_or(|price| price >= mark_price));
        // The margin balance is a concave function of the price: alive at both ends is alive
        // everywhere between.
        let (low, high) = (found.below.unwrap_or(1e-9 * mark_price), found.above.unwrap_or(1e3 * mark_price));
        for step in 0..=8 {
            let price = low + (high - low) * f64::from(step) / 8.0;
            prop_assert!(excess(price) >= -tolerance(price));
        }
    }

    /// A cross account whose marks move together, by betas: equity is the requirement at both
    /// moves found, and above it at every edge before.
    #[test]
    fn joint_moves_end_where_equity_is_the_requirement(
        parts in prop::collection::vec(
            (0..EXACT.len(), any::<bool>(), 1.0..9.0_f64, -3.0..5.5_f64, 0.7..1.3_f64, -0.5..2.0_f64),
            1..5,
        ),
        log_margin in -2.5..0.3_f64,
        is_common in any::<bool>(),
    ) {
        let positions: Vec<CrossPosition<'_>> = parts
            .iter()
            .map(|&(idx, is_long, log_notional, log_price, entry, beta)| {
                let mark_price = 10_f64.powf(log_price);
                CrossPosition {
                    side: if is_long { Side::Long } else { Side::Short },
                    quantity: 10_f64.powf(log_notional) / mark_price,
                    entry_price: entry * mark_price,
                    mark_price,
                    beta: if is_common { 1.0 } else { beta },
                    ladder: &EXACT[idx],
                }
            })
            .collect();
        let gross: f64 = positions.iter().map(|p| p.quantity * p.mark_price).sum();
        let wallet = gross * 10_f64.powf(log_margin);
        let excess = |t: f64| joint::excess_margin(wallet, &positions, t);
        let found = cross_liquidation_moves(wallet, &positions).unwrap();
        prop_assert_eq!(found.is_liquidatable_now, excess(0.0) <= 0.0);
        if found.is_liquidatable_now {
            return Ok(());
        }
        for (found, sign) in [(found.down, -1.0), (found.up, 1.0)] {
            let Some(found) = found else { continue };
            let end = found.move_fraction;
            prop_assert!(sign * end >= 0.0);
            let tolerance = |t: f64| 1e-9 * (gross + wallet) * (1.0 + t.abs());
            prop_assert!(excess(end).abs() <= tolerance(end), "{} at {}", excess(end), end);
            for position in &positions {
                let notional = position.quantity * position.mark_price;
                for bracket in position.ladder.brackets() {
                    let t = (bracket.cap / notional - 1.0) / position.beta;
                    if t * sign > 0.0 && t * sign < end * sign {
                        prop_assert!(excess(t) >= -tolerance(t), "already at {}", t);
                    }
                }
            }
        }
    }

    #[test]
    fn maintenance_margin_rises_with_the_notional(
        idx in 0..LADDERS.len(), log_size in 0.0..9.5_f64, step in 1e-6..1.0_f64,
    ) {
        let ladder = &LADDERS[idx];
        let size = 10_f64.powf(log_size);
        let larger = size * (1.0 + step);
        let (low, high) = (ladder.maintenance_margin(size, 1.0), ladder.maintenance_margin(larger, 1.0));
        // A rounded deduction may take back half a unit of its sixth digit.
        let rounding = 6e-6 * ladder.bracket_at(larger).maintenance_deduction;
        prop_assert!(low > 0.0 && high > low - rounding);
        prop_assert!(high < larger, "maintenance is below the notional");
        prop_assert!(ladder.required_margin(size, 1.0) >= low);
    }

    /// The search halves; a plain walk finds the same bracket, and the margin is the same to the
    /// last bit.
    #[test]
    fn the_bracket_is_that_of_a_plain_walk(
        idx in 0..LADDERS.len(), edge in 0..100_usize, log_size in -1.0..9.5_f64, at_edge in any::<bool>(),
    ) {
        let ladder = &LADDERS[idx];
        let brackets = ladder.brackets();
        let cap = brackets[edge % brackets.len()].cap;
        let size = if at_edge && cap.is_finite() { cap } else { 10_f64.powf(log_size) };
        let walked = brackets.iter().position(|b| size <= b.cap).unwrap_or(brackets.len() - 1);
        prop_assert_eq!(ladder.bracket_idx(size), walked);
        let margin = brackets[walked].maintenance_margin(size);
        prop_assert_eq!(ladder.maintenance_margin(size, 1.0).to_bits(), margin.to_bits());
    }

    #[test]
    /// A lot's millionth at most is given, and less than a lot taken away.
    fn rounded_quantities_are_whole_lots_below(
        log_lots in -3.0..14.0_f64, exponent in 0..9_i32,
    ) {
        let step = 10_f64.powi(-exponent);
        let quantity = 10_f64.powf(log_lots) * step;
        let rounded = round_quantity_down(quantity, step);
        let noise = 4.0 * f64::EPSILON * quantity;
        prop_assert!(rounded - quantity <= 1.1e-6 * step + noise, "{} by {}: {}", quantity, step, rounded);
        prop_assert!(quantity - rounded < step + noise);
        prop_assert_eq!(round_quantity_down(rounded, step), rounded);
    }
}

/// No ladder of any date jumps at a cap by more than the rounding of its published deduction.
#[test]
fn maintenance_margin_is_continuous_at_every_cap() {
    for venue in VenueRules::venues().unwrap() {
        for (symbol, from, ladder) in all_ladders(&venue) {
            if ladder.basis() == TierBasis::Quantity {
                continue;
            }
            for pair in ladder.brackets().windows(2) {
                let cap = pair[0].cap;
                let below = pair[0].maintenance_margin(cap);
                let above = pair[1].maintenance_margin(cap);
                let allowed = 5.1e-6 * pair[1].maintenance_deduction;
                assert!((above - below).abs() <= allowed, "{symbol} {from} at {cap}");
            }
        }
    }
}
