//! Laws that hold for every ladder in the tables and any position.

use plimsoll_market::Side;
use plimsoll_venue::{
    BracketAt, Ladder, LiquidationInputs, liquidatable_at_entry, liquidation_price,
    round_quantity_down,
};
use proptest::prelude::*;

use crate::all_ladders;

fn ladders() -> &'static [Ladder] {
    static LADDERS: std::sync::LazyLock<Vec<Ladder>> = std::sync::LazyLock::new(|| {
        ["binance-usdm", "hyperliquid"]
            .into_iter()
            .flat_map(all_ladders)
            .map(|(_, _, ladder)| ladder)
            .collect()
    });
    &LADDERS
}

/// A ladder of the tables and a position from dust to above its top cap.
fn positions() -> impl Strategy<Value = (&'static Ladder, LiquidationInputs)> {
    (
        0..ladders().len(),
        any::<bool>(),
        1.0..9.5_f64,
        -3.0..5.5_f64,
        -2.5..0.3_f64,
        0.0..0.3_f64,
        -0.3..0.3_f64,
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
            (&ladders()[idx], inputs)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equity_is_the_maintenance_margin_at_the_price((ladder, inputs) in positions()) {
        let found = liquidation_price(&inputs, ladder, BracketAt::Liquidation).unwrap();
        if let Some(price) = found.price {
            let notional = inputs.quantity * price;
            let bracket = &ladder.brackets()[found.bracket_idx];
            prop_assert!(notional >= bracket.floor * (1.0 - 1e-12));
            prop_assert!(found.exceeds_top || notional <= bracket.cap * (1.0 + 1e-12));
            let entry_notional = inputs.quantity * inputs.entry_price;
            let scale = notional.max(entry_notional).max(inputs.wallet_balance.abs());
            // A price on the edge of a bracket whose deduction is rounded stands on a jump.
            let jump = 6e-6 * bracket.maintenance_deduction;
            let at_edge = (notional - bracket.cap).abs().min(
                (notional - bracket.floor).abs()) <= 1e-9 * notional;
            let allowed = 1e-9 * scale + if at_edge { jump } else { 0.0 };
            prop_assert!(inputs.excess_margin(price, ladder).abs() <= allowed);
        } else {
            // A long that survives a price of zero.
            prop_assert!(inputs.side == Side::Long || inputs.margin_balance() <= 0.0);
            prop_assert!(found.reason.is_some());
        }
    }

    #[test]
    fn the_price_is_on_the_losing_side((ladder, inputs) in positions()) {
        let found = liquidation_price(&inputs, ladder, BracketAt::Liquidation).unwrap();
        if let Some(price) = found.price {
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
    fn more_margin_never_brings_it_nearer((ladder, inputs) in positions(), more in 0.0..2.0_f64) {
        let richer = LiquidationInputs {
            wallet_balance: inputs.wallet_balance * (1.0 + more),
            ..inputs
        };
        let price = |i| liquidation_price(i, ladder, BracketAt::Liquidation).unwrap().price;
        match (price(&inputs), price(&richer)) {
            (Some(poor), Some(rich)) => {
                let farther = inputs.side.sign() * (poor - rich);
                prop_assert!(farther >= -1e-12 * poor.abs());
            }
            (None, Some(_)) => prop_assert_eq!(inputs.side, Side::Short),
            _ => {}
        }
    }

    #[test]
    fn maintenance_margin_rises_with_the_notional(
        idx in 0..ladders().len(), log_notional in 0.0..9.5_f64, step in 1e-6..1.0_f64,
    ) {
        let ladder = &ladders()[idx];
        let notional = 10_f64.powf(log_notional);
        let larger = notional * (1.0 + step);
        let (low, high) = (ladder.maintenance_margin(notional, 1.0), ladder.maintenance_margin(larger, 1.0));
        // A rounded deduction may take back half a unit of its sixth digit.
        let rounding = 6e-6 * ladder.bracket_at(larger).maintenance_deduction;
        prop_assert!(low > 0.0 && high > low - rounding);
        prop_assert!(high < larger, "maintenance is below the notional");
    }

    #[test]
    fn rounded_quantities_are_whole_lots_below(
        quantity in 0.0..1e6_f64, exponent in 0..6_i32,
    ) {
        let step = 10_f64.powi(-exponent);
        let rounded = round_quantity_down(quantity, step);
        prop_assert!(rounded <= quantity * (1.0 + 1e-9) && quantity - rounded < step * (1.0 + 1e-9));
        prop_assert_eq!(round_quantity_down(rounded, step), rounded);
    }
}

/// No ladder of any date jumps at a cap by more than the rounding of its published deduction.
#[test]
fn maintenance_margin_is_continuous_at_every_cap() {
    for venue in ["binance-usdm", "hyperliquid"] {
        for (symbol, from, ladder) in all_ladders(venue) {
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
