//! Laws of account margin over random books.

use plimsoll_market::Side;
use plimsoll_venue::margin::{
    Account, AccountCurrency, Leg, LegKind, MarginRules, PortfolioComponent, PortfolioInputs,
    PortfolioMargin, cross_margin, isolated_margin, portfolio_margin,
};
use plimsoll_venue::{Bracket, ContractKind, Ladder};
use proptest::prelude::*;

use crate::time;

const INPUTS: PortfolioInputs = PortfolioInputs {
    spot_hedging: true,
    perpetual_contingency_fraction: Some(0.004),
    initial_margin_factor: Some(1.2),
    basis_tenor_years: Some(0.01),
    minimum_charge_fraction: None,
};

/// Brackets by notional and by quantity, all of them and the first ones only.
fn ladders() -> &'static [Ladder; 4] {
    static LADDERS: std::sync::LazyLock<[Ladder; 4]> = std::sync::LazyLock::new(|| {
        let by_notional =
            crate::rules("binance-usdm").ladder("BTCUSDT", time("2025-10-10")).unwrap().clone();
        let tiers = [(0.0, 50.0, 0.004, 100.0), (50.0, 4e3, 0.01, 50.0), (4e3, 9e5, 0.2, 4.0)];
        let brackets = tiers.iter().zip(1..).map(|(&(floor, cap, rate, leverage_max), tier)| {
            let (maintenance_margin_rate, maintenance_deduction) = (rate, 0.0);
            Bracket {
                tier,
                floor,
                cap,
                maintenance_margin_rate,
                leverage_max,
                maintenance_deduction,
            }
        });
        let by_quantity = Ladder::by_quantity(brackets.collect()).unwrap();
        let first = Ladder::new(by_notional.brackets()[..2].to_vec()).unwrap().incomplete();
        [by_notional, by_quantity.clone(), first, by_quantity.incomplete()]
    });
    &LADDERS
}

/// The rules of a venue, read once.
fn margin_rules(venue: &str) -> &'static MarginRules {
    static RULES: std::sync::LazyLock<Vec<MarginRules>> = std::sync::LazyLock::new(|| {
        ["okx", "bybit", "binance-usdm", "hyperliquid"]
            .map(|venue| MarginRules::load(venue, &[]).unwrap())
            .to_vec()
    });
    RULES.iter().find(|rules| rules.venue() == venue).unwrap()
}

/// Marks of BTC and ETH.
fn marks(range: f64) -> impl Strategy<Value = [f64; 2]> {
    [-range..range, -range..range].prop_map(|logs| logs.map(|log| 10_f64.powf(log)))
}

/// A leg of one of two coins, from dust to millions of dollars.
fn leg(marks: [f64; 2], is_quote: bool) -> impl Strategy<Value = Leg<'static>> {
    let kinds = if is_quote { 0..4_u8 } else { 2..3_u8 };
    let ladder = 0..4_usize;
    (
        0..2_usize,
        (kinds, ladder),
        any::<bool>(),
        -2.0..6.5_f64,
        -0.3..0.3_f64,
        1.0..50.0_f64,
        0.0..2.0_f64,
    )
        .prop_map(
            move |(
                coin,
                (kind, ladder),
                is_long,
                log_notional,
                log_entry,
                leverage,
                expiry_years,
            )| {
                let coin = if is_quote { coin } else { 0 };
                let mark_price = marks[coin];
                let kind = match kind {
                    0 => LegKind::Spot,
                    1 => LegKind::Perpetual(ContractKind::Linear),
                    2 => LegKind::Perpetual(ContractKind::Inverse),
                    _ => LegKind::Future { contract: ContractKind::Linear, expiry_years },
                };
                let notional = 10_f64.powf(log_notional);
                let is_inverse = kind.contract() == ContractKind::Inverse;
                Leg {
                    underlying: ["BTC", "ETH"][coin],
                    symbol: "a symbol",
                    kind,
                    side: if is_long || kind.is_spot() { Side::Long } else { Side::Short },
                    quantity: if is_inverse { notional } else { notional / mark_price },
                    entry_price: mark_price * 10_f64.powf(log_entry),
                    mark_price,
                    leverage,
                    isolated_margin: None,
                    ladder: Some(&ladders()[ladder]),
                }
            },
        )
}

fn book(range: f64) -> impl Strategy<Value = Vec<Leg<'static>>> {
    marks(range).prop_flat_map(|marks| prop::collection::vec(leg(marks, true), 0..7))
}

fn account<'a>(wallet_balance: f64, legs: &'a [Leg<'a>]) -> Account<'a> {
    Account {
        currency: AccountCurrency::Quote,
        wallet_balance,
        legs,
        collateral_haircuts: &[("BTC", 0.05)],
        taker_fee_fraction: 0.0005,
    }
}

fn portfolio(venue: &str, legs: &[Leg<'_>]) -> PortfolioMargin {
    let inputs = if venue == "okx" { PortfolioInputs::default() } else { INPUTS };
    let at = time("2025-10-10");
    portfolio_margin(&account(1e6, legs), margin_rules(venue), &inputs, at).unwrap()
}

/// Sum over units of the stress losses that are charged: MR1 and MR6, or the maximum loss.
fn stress(margin: &PortfolioMargin, component: PortfolioComponent) -> f64 {
    margin
        .units
        .iter()
        .flat_map(|unit| &unit.charges)
        .filter(|charge| charge.component == component)
        .map(|charge| charge.amount)
        .sum()
}

fn size(legs: &[Leg<'_>]) -> f64 {
    legs.iter().map(Leg::quote_notional).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_portfolio_does_not_know_its_order(
        (legs, shuffled) in book(4.0).prop_flat_map(|legs| (Just(legs.clone()), Just(legs).prop_shuffle())),
    ) {
        for venue in ["okx", "bybit"] {
            let (one, other) = (portfolio(venue, &legs), portfolio(venue, &shuffled));
            prop_assert_eq!(one.maintenance_margin, other.maintenance_margin);
            prop_assert_eq!(&one.units, &other.units);
            prop_assert!(one.maintenance_margin >= 0.0);
            prop_assert!(one.initial_margin >= one.maintenance_margin);
            for unit in &one.units {
                prop_assert!(unit.maintenance_margin >= 0.0);
                let worst = unit.scenarios[unit.binding_scenario_idx].charge();
                for scenario in &unit.scenarios {
                    prop_assert!(scenario.loss.is_finite() && scenario.charge() <= worst);
                }
            }
        }
    }

    #[test]
    fn a_perfect_hedge_loses_nothing(
        [mark, _] in marks(4.0), quantity in 1e-3..1e4_f64, is_inverse in any::<bool>(), is_spot in any::<bool>(),
    ) {
        let linear = Leg::perpetual(ContractKind::Linear, "BTC", "a", Side::Long, quantity, mark);
        let long = if is_spot { Leg::spot("BTC", quantity, mark, mark) } else { linear };
        let short = if is_inverse {
            let dollars = quantity * mark;
            Leg::perpetual(ContractKind::Inverse, "BTC", "b", Side::Short, dollars, mark)
        } else {
            Leg { side: Side::Short, ..linear }
        };
        for venue in ["okx", "bybit"] {
            let margin = portfolio(venue, &[long, short]);
            let loss = stress(&margin, PortfolioComponent::SpotShock);
            if is_inverse {
                prop_assert!(loss <= 1e-12 * quantity * mark, "{}", loss);
            } else {
                prop_assert_eq!(loss, 0.0);
            }
        }
    }

    #[test]
    fn an_offsetting_pair_never_adds_stress(
        legs in book(4.0), quantity in 1e-3..1e4_f64, is_spot in any::<bool>(),
    ) {
        let mark = legs.iter().find(|leg| leg.underlying == "BTC").map_or(100.0, |leg| leg.mark_price);
        let short = Leg::perpetual(ContractKind::Linear, "BTC", "b", Side::Short, quantity, mark);
        let long = if is_spot {
            Leg::spot("BTC", quantity, mark, mark)
        } else {
            Leg { side: Side::Long, ..short }
        };
        let mut more = legs.clone();
        more.extend([long, short]);
        for venue in ["okx", "bybit"] {
            let (before, after) = (portfolio(venue, &legs), portfolio(venue, &more));
            for component in [PortfolioComponent::SpotShock, PortfolioComponent::ExtremeMove] {
                let allowed = stress(&before, component) + 1e-9 * size(&more);
                prop_assert!(stress(&after, component) <= allowed);
            }
        }
    }

    #[test]
    fn sums_are_those_of_the_legs(legs in book(4.0), wallet in 0.0..1e7_f64) {
        let at = time("2025-10-10");
        let account = account(wallet, &legs);
        for venue in ["okx", "bybit"] {
            let rules = margin_rules(venue);
            let cross = cross_margin(&account, rules, at).unwrap();
            let maintenance: f64 = cross.legs.iter().map(|leg| leg.maintenance_margin).sum();
            prop_assert_eq!(cross.maintenance_margin, maintenance);
            prop_assert!(cross.legs.iter().all(|leg| leg.maintenance_margin >= 0.0));
            if cross.equity > 0.0 {
                let required = cross.maintenance_margin + cross.liquidation_fee;
                let allowed = 1e-12 * required;
                prop_assert!((cross.margin_ratio.unwrap() * cross.equity - required).abs() <= allowed);
                prop_assert_eq!(cross.is_liquidatable, required >= cross.equity && cross.notional > 0.0);
            } else {
                prop_assert!(cross.margin_ratio.is_err());
            }

            let isolated = isolated_margin(&account, rules, at).unwrap();
            let free: f64 = isolated.legs.iter().map(|leg| leg.free_collateral.unwrap()).sum();
            let own: f64 = isolated.legs.iter().zip(&legs)
                .filter(|(_, leg)| !leg.kind.is_spot())
                .map(|(margin, _)| margin.equity.unwrap() - margin.unrealised_pnl)
                .sum();
            let scale = wallet + 10.0 * size(&legs);
            prop_assert!((isolated.free_collateral - (free + wallet - own)).abs() <= 1e-9 * scale);
        }
    }

    #[test]
    fn the_liquidation_price_is_where_the_account_is_at_its_limit(
        legs in marks(3.0).prop_flat_map(|marks| {
            let linear = leg(marks, true).prop_map(|leg| match leg.kind.contract() {
                ContractKind::Linear => leg,
                ContractKind::Inverse => Leg {
                    kind: LegKind::Perpetual(ContractKind::Linear),
                    quantity: leg.quantity / leg.mark_price,
                    ..leg
                },
            });
            prop::collection::vec(linear, 1..5)
        }),
        wallet in 0.0..1e6_f64,
        venue in prop::sample::select(vec!["okx", "bybit", "binance-usdm", "hyperliquid"]),
    ) {
        let at = time("2025-10-10");
        let rules = margin_rules(venue);
        let margin = cross_margin(&account(wallet, &legs), rules, at).unwrap();
        for found in &margin.underlyings {
            for move_fraction in [found.fall, found.rise] {
                let Ok(move_fraction) = move_fraction else { continue };
                // All legs of the underlying go, spot included; others stand still.
                let moved: Vec<Leg<'_>> = legs.iter().map(|leg| {
                    let moves = leg.underlying == found.underlying;
                    let share = if moves { 1.0 + move_fraction } else { 1.0 };
                    leg.at_mark(leg.mark_price * share)
                }).collect();
                if moved.iter().any(|leg| leg.mark_price <= 0.0) { continue; }
                let excess = |legs: &[Leg<'_>]| {
                    let there = cross_margin(&account(wallet, legs), rules, at).unwrap();
                    there.equity - there.maintenance_margin - there.liquidation_fee
                };
                let scale = wallet + size(&legs) + size(&moved);
                if move_fraction == 0.0 {
                    prop_assert!(excess(&legs) <= 1e-9 * scale);
                    continue;
                }
                prop_assert!(excess(&moved).abs() <= 1e-9 * scale, "{:?} {}", found, excess(&moved));
                // Half way there the account still stands.
                let half: Vec<Leg<'_>> = legs.iter().zip(&moved)
                    .map(|(from, to)| from.at_mark(f64::midpoint(from.mark_price, to.mark_price)))
                    .collect();
                prop_assert!(excess(&half) >= -1e-9 * scale);
            }
        }
    }

    #[test]
    fn results_are_finite_at_any_price(legs in book(9.0), wallet in 0.0..1e7_f64) {
        let at = time("2025-10-10");
        let account = account(wallet, &legs);
        for venue in ["okx", "bybit"] {
            let rules = margin_rules(venue);
            for margin in [cross_margin(&account, rules, at).unwrap(), isolated_margin(&account, rules, at).unwrap()] {
                let sums = [margin.notional, margin.unrealised_pnl, margin.spot_value, margin.coin_collateral,
                    margin.initial_margin, margin.maintenance_margin, margin.equity, margin.free_collateral];
                prop_assert!(sums.iter().all(|sum| sum.is_finite()), "{:?}", margin);
                prop_assert!(margin.margin_ratio.is_ok_and(f64::is_finite) || margin.margin_ratio.is_err());
                for leg in &margin.legs {
                    for number in [leg.notional, leg.unrealised_pnl, leg.initial_margin, leg.maintenance_margin] {
                        prop_assert!(number.is_finite());
                    }
                    for result in [leg.liquidation_price, leg.liquidation_distance_fraction] {
                        prop_assert!(result.map_or(true, f64::is_finite), "{:?}", leg);
                    }
                    prop_assert!(leg.margin_ratio.map_or(true, f64::is_finite));
                }
            }
            let margin = portfolio(venue, &legs);
            for number in [margin.initial_margin, margin.maintenance_margin, margin.equity, margin.free_collateral] {
                prop_assert!(number.is_finite());
            }
        }
    }

    #[test]
    fn coin_accounts_are_finite_too(
        legs in marks(9.0).prop_flat_map(|marks| prop::collection::vec(leg(marks, false), 1..5)),
        wallet in 0.0..10.0_f64,
    ) {
        let coin = Account { currency: AccountCurrency::Coin("BTC"), ..account(wallet, &legs) };
        for venue in ["okx", "bybit"] {
            let margin = cross_margin(&coin, margin_rules(venue), time("2025-10-10")).unwrap();
            prop_assert!(margin.equity.is_finite() && margin.maintenance_margin >= 0.0);
            let found = &margin.underlyings[0];
            for move_fraction in [found.fall, found.rise].into_iter().flatten() {
                let moved: Vec<Leg<'_>> =
                    legs.iter().map(|leg| leg.at_mark(leg.mark_price * (1.0 + move_fraction))).collect();
                if move_fraction == 0.0 || move_fraction < -0.999 { continue; }
                let there = Account { legs: &moved, ..coin };
                let there = cross_margin(&there, margin_rules(venue), time("2025-10-10")).unwrap();
                let excess = there.equity - there.maintenance_margin - there.liquidation_fee;
                let scale = wallet + margin.notional + there.notional
                    + legs.iter().map(|leg| leg.quantity / leg.entry_price).sum::<f64>();
                prop_assert!(excess.abs() <= 1e-9 * scale, "{:?} {}", found, excess);
            }
            for leg in &margin.legs {
                prop_assert!(leg.liquidation_price.map_or(true, |price| price.is_finite() && price > 0.0));
                prop_assert!(leg.liquidation_distance_fraction.map_or(true, f64::is_finite));
            }
        }
    }
}
