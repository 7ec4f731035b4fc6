//! Portfolio margin against hand-computed values and OKX's worked example.

use plimsoll_market::{Side, Timestamp};
use plimsoll_venue::margin::{
    Account, AccountCurrency, Figure, Leg, LegKind, MarginRules, PortfolioComponent,
    PortfolioInputs, PortfolioMargin, RiskUnit, ScenarioKind, compare_margin_modes,
    portfolio_margin,
};
use plimsoll_venue::rules::UserTable;
use plimsoll_venue::{ContractKind, Ladder, VenueError};

use crate::{assert_close, time};

const TOLERANCE: f64 = 1e-12;

fn perpetual(coin: &str, side: Side, quantity: f64, price: f64) -> Leg<'_> {
    Leg::perpetual(ContractKind::Linear, coin, coin, side, quantity, price)
}

fn inverse(coin: &str, side: Side, dollars: f64, price: f64) -> Leg<'_> {
    Leg::perpetual(ContractKind::Inverse, coin, coin, side, dollars, price)
}

fn account<'a>(wallet_balance: f64, legs: &'a [Leg<'a>]) -> Account<'a> {
    Account {
        currency: AccountCurrency::Quote,
        wallet_balance,
        legs,
        collateral_haircuts: &[],
        taker_fee_fraction: 0.0,
    }
}

/// Bybit's missing figures, made up.
const BYBIT: PortfolioInputs = PortfolioInputs {
    spot_hedging: true,
    perpetual_contingency_fraction: Some(0.004),
    initial_margin_factor: Some(1.2),
    basis_tenor_years: Some(0.01),
    minimum_charge_fraction: None,
};

fn margin_at(
    venue: &str,
    inputs: &PortfolioInputs,
    legs: &[Leg<'_>],
    at: Timestamp,
) -> PortfolioMargin {
    let rules = MarginRules::load(venue, &[]).unwrap();
    portfolio_margin(&account(100_000.0, legs), &rules, inputs, at).unwrap()
}

fn okx(legs: &[Leg<'_>]) -> PortfolioMargin {
    margin_at("okx", &PortfolioInputs::default(), legs, time("2025-10-10"))
}

fn amount(unit: &RiskUnit, component: PortfolioComponent) -> f64 {
    unit.charges.iter().find(|charge| charge.component == component).unwrap().amount
}

/// One BTC long at 100,000: MR1 12 %, MR6 half of 24 %, MR7 0.45 %; IMR 1.3 times.
#[test]
fn okx_of_one_perpetual() {
    let legs = [perpetual("BTC", Side::Long, 1.0, 100_000.0)];
    let margin = okx(&legs);
    let unit = &margin.units[0];
    assert_close(amount(unit, PortfolioComponent::SpotShock), 12_000.0, TOLERANCE);
    assert_close(amount(unit, PortfolioComponent::ExtremeMove), 12_000.0, TOLERANCE);
    assert_close(amount(unit, PortfolioComponent::MinimumCharge), 450.0, TOLERANCE);
    assert_eq!(amount(unit, PortfolioComponent::BasisRisk), 0.0);
    assert_eq!(unit.binding, PortfolioComponent::SpotShock);
    assert_close(margin.maintenance_margin, 12_000.0, TOLERANCE);
    assert_close(margin.initial_margin, 15_600.0, TOLERANCE);
    assert_close(margin.free_collateral, 84_400.0, TOLERANCE);
    assert_close(margin.margin_ratio.unwrap(), 0.12, TOLERANCE);
    // The grid, from the deepest fall on, then the extreme pair.
    let moves: Vec<f64> = unit.scenarios.iter().map(|s| s.price_move_fraction).collect();
    assert_eq!(moves, [-0.12, -0.08, -0.04, 0.0, 0.04, 0.08, 0.12, -0.24, 0.24]);
    for scenario in &unit.scenarios {
        assert_close(scenario.loss, -100_000.0 * scenario.price_move_fraction, 1e-9);
    }
    assert_eq!(unit.binding_scenario_idx, 0);
    assert_eq!(unit.scenarios[0].to_string(), "shock -12 %");
    assert_eq!(unit.scenarios[8].to_string(), "extreme move +24 %");
    assert_eq!(unit.scenarios[8].kind, ScenarioKind::Extreme);
    // What is unverified is said: tenor, minimum charge, initial margin factor.
    for word in ["basis_tenor_years", "minimum_charge_fraction", "initial_margin_factor"] {
        assert!(margin.notes.iter().any(|n| n.contains(word)), "{word}: {:?}", margin.notes);
    }
}

/// The notices' figures by group and date.
#[test]
fn okx_figures_go_by_coin_and_date() {
    for (coin, date, shock, extreme) in [
        ("BTC", "2024-12-30T08:00:00Z", 0.15, 0.15),
        ("ETH", "2025-01-06T07:59:59Z", 0.15, 0.15),
        ("ETH", "2025-01-06T08:00:00Z", 0.12, 0.12),
        ("XRP", "2025-01-01", 0.20, 0.20),
        ("XRP", "2025-10-10", 0.18, 0.18),
        ("DOT", "2025-10-10", 0.18, 0.25),
        ("SOL", "2025-10-10", 0.25, 0.18),
        ("PEPE", "2025-01-01", 0.25, 0.20),
        ("KITE", "2025-10-10", 0.25, 0.25),
    ] {
        let legs = [perpetual(coin, Side::Short, 10.0, 10.0)];
        let margin = margin_at("okx", &PortfolioInputs::default(), &legs, time(date));
        let unit = &margin.units[0];
        assert_close(amount(unit, PortfolioComponent::SpotShock), 100.0 * shock, 1e-9);
        assert_close(amount(unit, PortfolioComponent::ExtremeMove), 100.0 * extreme, 1e-9);
    }
    let legs = [perpetual("BTC", Side::Long, 1.0, 1.0)];
    let rules = MarginRules::load("okx", &[]).unwrap();
    let early = portfolio_margin(
        &account(1.0, &legs),
        &rules,
        &PortfolioInputs::default(),
        time("2024-12-30T07:59:59Z"),
    );
    let message = early.unwrap_err().to_string();
    assert!(message.contains("okx for BTC begin at 2024-12-30T08:00:00Z"), "{message}");
    for (date, annual_move) in [("2025-01-01", 0.075), ("2025-01-02", 0.05)] {
        let (values, note) = rules.figure(Figure::BasisAnnualMove, "BTC", time(date)).unwrap();
        assert_eq!((values, note), (&[annual_move][..], None));
    }
}

/// OKX's notice of 2024-05-31: 10 BTC of spot against a perpetual of 10 BTC has MR1 = MR6 = 0,
/// MR4 = 8,053.32 and MR7 = 3,020.17, so that the requirement is MR4. The basis move was 10 % then;
/// index 67,111.0 and mark 67,114.9 are the prices that give both numbers.
#[test]
fn okx_prints_this_hedge() {
    let table = r#"
        [[figure]]
        venue = "okx"
        figure = "basis_annual_move"
        underlyings = ["BTC"]
        from = "2025-01-02"
        values = [0.10]
        status = "official"
        source = "notice of 2024-05-10"
    "#;
    let rules = MarginRules::load("okx", &[UserTable { file: "mine.toml", text: table }]).unwrap();
    let legs = [
        Leg::spot("BTC", 10.0, 60_000.0, 67_111.0),
        perpetual("BTC", Side::Short, 10.0, 65_000.0).at_mark(67_114.9),
    ];
    let account = account(50_000.0, &legs);
    let at = time("2025-01-02");
    let margin = portfolio_margin(&account, &rules, &PortfolioInputs::default(), at).unwrap();
    let unit = &margin.units[0];
    assert!((amount(unit, PortfolioComponent::BasisRisk) - 8_053.32).abs() <= 0.005);
    assert!((amount(unit, PortfolioComponent::MinimumCharge) - 3_020.17).abs() <= 0.005);
    // 10 coins differ by 3.9 dollars: 15 % of 39.
    assert_close(amount(unit, PortfolioComponent::SpotShock), 5.85, 1e-9);
    assert_eq!(unit.binding, PortfolioComponent::BasisRisk);
}

/// 100,000 dollars of each, by hand: MR4 = 100,000 x 5 % x 0.12 = 600, above MR7 = 450.
#[test]
fn a_hedged_pair_is_small_by_the_formulas_themselves() {
    let ladder = Ladder::flat(0.004, 125.0).unwrap();
    let legs = [
        Leg::spot("BTC", 1.0, 100_000.0, 100_000.0),
        perpetual("BTC", Side::Short, 1.0, 100_000.0).with_leverage(10.0, &ladder),
    ];
    let unit = &okx(&legs).units[0];
    assert_eq!(amount(unit, PortfolioComponent::SpotShock), 0.0);
    assert_eq!(amount(unit, PortfolioComponent::ExtremeMove), 0.0);
    assert_close(unit.maintenance_margin, 600.0, TOLERANCE);
    assert_close(unit.initial_margin, 780.0, TOLERANCE);
    assert_eq!(unit.scenarios[unit.binding_scenario_idx].price_move_fraction, 0.0);

    let at = time("2025-10-10");
    let haircut = Account { collateral_haircuts: &[("BTC", 0.05)], ..account(15_000.0, &legs) };
    let rules = MarginRules::load("okx", &[]).unwrap();
    let modes = compare_margin_modes(&haircut, &rules, &PortfolioInputs::default(), at).unwrap();
    // 100,000 + 10,000; 5,000 + 10,000; 5,000 + 780.
    assert_close(modes.isolated.capital_required, 110_000.0, TOLERANCE);
    assert_close(modes.cross.capital_required, 15_000.0, TOLERANCE);
    assert_close(modes.gross_notional, 200_000.0, TOLERANCE);
    let portfolio = modes.portfolio.unwrap();
    assert_close(portfolio.capital_required, 5_780.0, TOLERANCE);
    assert_close(portfolio.of_isolated.unwrap(), 5_780.0 / 110_000.0, TOLERANCE);
    assert_close(portfolio.of_gross_notional.unwrap(), 0.0289, TOLERANCE);
    assert_close(modes.cross.of_isolated.unwrap(), 15.0 / 110.0, TOLERANCE);

    // Bybit: contingency 0.4 % = 400, delta spread 100,000 x 45 % x 0.01 = 450, times 1.2.
    let margin = margin_at("bybit", &BYBIT, &legs, at);
    let unit = &margin.units[0];
    assert_eq!(amount(unit, PortfolioComponent::SpotShock), 0.0);
    assert_close(amount(unit, PortfolioComponent::PerpetualContingency), 400.0, TOLERANCE);
    assert_close(amount(unit, PortfolioComponent::BasisRisk), 450.0, TOLERANCE);
    assert_close(margin.initial_margin, 1_020.0, TOLERANCE);
    // Without spot hedging the short stands alone: 10 % and 400.
    let alone = PortfolioInputs { spot_hedging: false, ..BYBIT };
    assert_close(margin_at("bybit", &alone, &legs, at).maintenance_margin, 10_400.0, TOLERANCE);
    // At a venue without portfolio margin the other modes stand.
    let rules = MarginRules::load("hyperliquid", &[]).unwrap();
    let modes = compare_margin_modes(&haircut, &rules, &BYBIT, at).unwrap();
    assert!(matches!(modes.portfolio, Err(VenueError::NoPortfolioMargin { .. })));
    assert_close(modes.cross.capital_required, 110_000.0, TOLERANCE);
}

/// 15 % until 2025-01-10 08:00 UTC, then 10 %.
#[test]
fn bybit_narrowed_its_grid() {
    let legs =
        [perpetual("ETH", Side::Long, 10.0, 3_000.0), perpetual("ETH", Side::Short, 4.0, 3_000.0)];
    for (date, range) in [("2025-01-10T07:59:59Z", 0.15), ("2025-01-10T08:00:00Z", 0.10)] {
        let margin = margin_at("bybit", &BYBIT, &legs, time(date));
        let unit = &margin.units[0];
        // 6 coins net; contingency on 14.
        assert_close(amount(unit, PortfolioComponent::SpotShock), 18_000.0 * range, 1e-9);
        assert_close(amount(unit, PortfolioComponent::PerpetualContingency), 168.0, TOLERANCE);
        assert_eq!(unit.binding, PortfolioComponent::SpotShock);
    }
}

/// What no page states must be given.
#[test]
fn missing_figures_are_asked_for() {
    let legs = [perpetual("BTC", Side::Long, 1.0, 100.0)];
    let rules = MarginRules::load("bybit", &[]).unwrap();
    let at = time("2025-10-10");
    let figure = |inputs: &PortfolioInputs, legs: &[Leg<'_>]| match portfolio_margin(
        &account(1e5, legs),
        &rules,
        inputs,
        at,
    ) {
        Err(VenueError::MissingFigure { figure, .. }) => Some(figure),
        _ => None,
    };
    let none = PortfolioInputs::default();
    assert_eq!(figure(&none, &legs), Some("perpetual_contingency_fraction"));
    let inputs = PortfolioInputs { initial_margin_factor: None, ..BYBIT };
    assert_eq!(figure(&inputs, &legs), Some("initial_margin_factor"));
    let inputs = PortfolioInputs { basis_tenor_years: None, ..BYBIT };
    assert_eq!(figure(&inputs, &legs), Some("basis_tenor_years"));
    let solana = [perpetual("SOL", Side::Long, 1.0, 100.0)];
    assert_eq!(figure(&BYBIT, &solana), Some("spot_shock_moves"));
    assert_eq!(figure(&BYBIT, &legs), None);
    let notes = margin_at("bybit", &BYBIT, &legs, at).notes;
    assert!(notes.iter().any(|n| n.contains("`initial_margin_factor` is 1.2, as given")));
    let bad = PortfolioInputs { initial_margin_factor: Some(0.5), ..BYBIT };
    assert!(matches!(
        portfolio_margin(&account(1e5, &legs), &rules, &bad, at),
        Err(VenueError::BadInput { name: "initial_margin_factor", .. })
    ));
}

#[test]
fn venues_without_portfolio_margin_say_why() {
    let legs = [perpetual("BTC", Side::Long, 1.0, 100.0)];
    for (venue, reason) in
        [("binance-usdm", "not in the tables"), ("hyperliquid", "none in 2024 and 2025")]
    {
        let rules = MarginRules::load(venue, &[]).unwrap();
        let error = portfolio_margin(&account(1.0, &legs), &rules, &BYBIT, time("2025-10-10"));
        let error = error.unwrap_err();
        assert!(matches!(error, VenueError::NoPortfolioMargin { .. }));
        assert!(error.to_string().contains(reason), "{error}");
    }
    let rules = MarginRules::load("okx", &[]).unwrap();
    let legs = [inverse("BTC", Side::Long, 1.0, 100.0)];
    let coin = Account { currency: AccountCurrency::Coin("BTC"), ..account(1.0, &legs) };
    let error = portfolio_margin(&coin, &rules, &BYBIT, time("2025-10-10")).unwrap_err();
    assert!(error.to_string().contains("the account in BTC"), "{error}");
}

/// An inverse position gains `n (1/P - 1/P')` coins, each worth `P'`.
#[test]
fn inverse_and_linear_net_in_one_unit() {
    let short = inverse("BTC", Side::Short, 50_000.0, 40_000.0).at_mark(50_000.0);
    // Alone, at +12 %: 50,000 (1/50,000 - 1/56,000) = 6/56 coins, worth 6,000.
    let margin = okx(&[short]);
    assert_close(margin.units[0].scenarios[6].loss, 6_000.0, TOLERANCE);
    // Against the coin it is the dollars of: nothing; against a linear long of one coin: nothing.
    let spot = Leg::spot("BTC", 1.0, 50_000.0, 50_000.0);
    let long = perpetual("BTC", Side::Long, 1.0, 50_000.0);
    for legs in [[short, spot], [short, long]] {
        let margin = okx(&legs);
        for scenario in &margin.units[0].scenarios {
            assert!(scenario.loss.abs() <= 1e-9, "{scenario}: {}", scenario.loss);
        }
    }
    // Spot beyond the hedge takes no part: two coins are as one.
    let two = [short, Leg::spot("BTC", 2.0, 50_000.0, 50_000.0)];
    assert_close(okx(&two).maintenance_margin, okx(&[short, spot]).maintenance_margin, 1e-9);
    let alone = okx(&two[1..]);
    assert_eq!((alone.maintenance_margin, alone.is_liquidatable), (0.0, false));
}

/// One coin of spot hedges half of a short of two; the other half moves on.
#[test]
fn spot_hedges_as_far_as_it_goes() {
    let short = perpetual("BTC", Side::Short, 2.0, 100_000.0);
    let legs = [short, Leg::spot("BTC", 1.0, 100_000.0, 100_000.0)];
    for venue in ["okx", "bybit"] {
        let margin = margin_at(venue, &inputs_of(venue), &legs, time("2025-10-10"));
        let half = perpetual("BTC", Side::Short, 1.0, 100_000.0);
        let alone = margin_at(venue, &inputs_of(venue), &[half], time("2025-10-10"));
        let scenarios = margin.units[0].scenarios.iter().zip(&alone.units[0].scenarios);
        for (hedged, alone) in scenarios {
            assert_close(hedged.loss, alone.loss, 1e-9);
            assert_close(hedged.loss, 100_000.0 * hedged.price_move_fraction, 1e-9);
        }
    }
}

fn inputs_of(venue: &str) -> PortfolioInputs {
    if venue == "okx" { PortfolioInputs::default() } else { BYBIT }
}

/// OKX's spot always offsets; Bybit's where it is asked for.
#[test]
fn spot_hedging_is_a_choice_at_bybit_only() {
    let short = perpetual("BTC", Side::Short, 1.0, 100_000.0);
    let legs = [short, Leg::spot("BTC", 1.0, 100_000.0, 100_000.0)];
    for (venue, shock) in [("okx", 0.0), ("bybit", 10_000.0)] {
        let inputs = PortfolioInputs { spot_hedging: false, ..inputs_of(venue) };
        let margin = margin_at(venue, &inputs, &legs, time("2025-10-10"));
        let found = amount(&margin.units[0], PortfolioComponent::SpotShock);
        assert_close(found, shock, 1e-9);
    }
}

/// OKX's ratio counts the fee of closing all contracts, spot left out; Bybit's does not.
#[test]
fn the_fee_of_a_liquidation_counts_at_okx() {
    let short = perpetual("BTC", Side::Short, 1.0, 100_000.0);
    let legs = [short, Leg::spot("BTC", 1.0, 100_000.0, 100_000.0)];
    for (venue, fee) in [("okx", 50.0), ("bybit", 0.0)] {
        let rules = MarginRules::load(venue, &[]).unwrap();
        let account = Account { taker_fee_fraction: 0.0005, ..account(1_000.0, &legs) };
        let at = time("2025-10-10");
        let margin = portfolio_margin(&account, &rules, &inputs_of(venue), at).unwrap();
        assert_close(margin.liquidation_fee, fee, 1e-12);
        let expected = (margin.maintenance_margin + fee) / 1_000.0;
        assert_close(margin.margin_ratio.unwrap(), expected, 1e-12);
        assert_eq!(margin.is_liquidatable, expected >= 1.0);
    }
}

/// The tiers of OKX's minimum charge from 2025-01-15 on are a third party's.
#[test]
fn figures_of_third_parties_are_noted() {
    let rules = MarginRules::load("okx", &[]).unwrap();
    let (_, note) = rules.figure(Figure::MinimumChargeFloors, "BTC", time("2025-10-10")).unwrap();
    assert!(note.unwrap().contains("is a third party's word: "));
    let margin = okx(&[perpetual("BTC", Side::Long, 1.0, 100_000.0)]);
    assert!(margin.notes.iter().any(|n| n.contains("third party")), "{:?}", margin.notes);
}

/// Units are added up, and no unit offsets another.
#[test]
fn units_do_not_offset_each_other() {
    let btc = perpetual("BTC", Side::Long, 1.0, 100_000.0);
    let eth = perpetual("ETH", Side::Short, 25.0, 4_000.0);
    let both = okx(&[eth, btc]);
    assert_eq!(
        both.units.iter().map(|u| u.underlying.as_str()).collect::<Vec<_>>(),
        ["BTC", "ETH"]
    );
    assert_close(both.maintenance_margin, 24_000.0, TOLERANCE);
    assert_eq!(
        both.units[1].scenarios[both.units[1].binding_scenario_idx].price_move_fraction,
        0.12
    );
}

/// 50 M of a hedge: the raw charge 225,000 at the tiers in force.
#[test]
fn the_minimum_charge_goes_by_tier() {
    let legs = [
        perpetual("BTC", Side::Long, 250.0, 100_000.0),
        perpetual("BTC", Side::Short, 250.0, 100_000.0),
    ];
    // Before: 10,000 + 2 x 60,000 + 4 x 100,000 + 6 x 55,000 = 860,000. Since: 225,000.
    for (date, charge) in [("2025-01-15T07:59:59Z", 860_000.0), ("2025-01-15T08:00:00Z", 225_000.0)]
    {
        let margin = margin_at("okx", &PortfolioInputs::default(), &legs, time(date));
        let unit = &margin.units[0];
        assert_close(amount(unit, PortfolioComponent::MinimumCharge), charge, 1e-9);
        assert_eq!(unit.binding, PortfolioComponent::MinimumCharge);
        assert_close(margin.maintenance_margin, charge, 1e-9);
    }
    // Ten times as much: 250,000 + 2 x 250,000 + 4 x 500,000 + 6 x 1,000,000 + 8 x 250,000.
    let large = legs.map(|leg| Leg { quantity: 10.0 * leg.quantity, ..leg });
    assert_close(okx(&large).maintenance_margin, 10_750_000.0, 1e-9);
}

/// A calendar spread pays for the time between its maturities, at least the least time.
#[test]
fn basis_risk_goes_by_the_time_between_maturities() {
    let future = |years, side| Leg {
        kind: LegKind::Future { contract: ContractKind::Linear, expiry_years: years },
        ..perpetual("BTC", side, 1.0, 100_000.0)
    };
    let basis = |legs: &[Leg<'_>]| amount(&okx(legs).units[0], PortfolioComponent::BasisRisk);
    let perpetual = perpetual("BTC", Side::Long, 1.0, 100_000.0);
    // 100,000 x 5 % x 0.5; below 0.12 years, x 0.12; the same maturity nets.
    assert_close(basis(&[perpetual, future(0.5, Side::Short)]), 2_500.0, TOLERANCE);
    assert_close(basis(&[perpetual, future(0.02, Side::Short)]), 600.0, TOLERANCE);
    assert_eq!(basis(&[future(0.5, Side::Long), future(0.5, Side::Short)]), 0.0);
    // Two perpetuals against a near and a far one: the near first.
    let far = [perpetual, perpetual, future(0.75, Side::Short), future(0.25, Side::Short)];
    assert_close(basis(&far), 100_000.0 * 0.05 * (0.25 + 0.75), TOLERANCE);
}

#[test]
fn tables_of_ones_own_are_checked() {
    let load = |text: &str| MarginRules::load("okx", &[UserTable { file: "mine.toml", text }]);
    let row = |venue: &str, figure: &str, values: &str, status: &str| {
        format!(
            "[[figure]]\nvenue = \"{venue}\"\nfigure = \"{figure}\"\nunderlyings = [\"BTC\"]\nfrom = \"2024-01-01\"\nvalues = {values}\nstatus = \"{status}\"\nsource = \"mine\"\n"
        )
    };
    let rules = load(&row("okx", "spot_shock_moves", "[0.0, 0.5]", "unverified")).unwrap();
    // A user's row is the user's, whatever its status; it holds before the project's first.
    let found = rules.figure(Figure::SpotShockMoves, "BTC", time("2024-06-01")).unwrap();
    assert_eq!(found, (&[0.0, 0.5][..], None));
    for (text, part) in [
        (row("okx", "spot_shock_moves", "[0.5, 0.1]", "official"), "rising fractions"),
        (row("okx", "spot_shock_moves", "[1.0]", "official"), "below 1"),
        (row("okx", "initial_margin_factor", "[0.9]", "official"), "1 or above"),
        (row("okx", "extreme_weight", "[0.1, 0.2]", "official"), "one finite number"),
        (row("okx", "minimum_charge_floors", "[5]", "official"), "the first of them 0"),
        (row("okx", "extreme_weight", "[nan]", "official"), "one finite number"),
        (row("okx", "extreme_weight", "[0.5]", "sure"), "`status` is `sure`"),
        (row("mtgox", "extreme_weight", "[0.5]", "official"), "no margin rules for the venue"),
        (row("okx", "colour", "[0.5]", "official"), "unknown variant"),
        (row("okx", "extreme_weight", "[0.5]", "official").repeat(2), "given twice"),
        ("[venue.okx]\n".to_owned(), "missing field"),
    ] {
        let error = load(&text).unwrap_err();
        assert!(matches!(error, VenueError::BadFile { .. }), "{error}");
        assert!(error.to_string().contains(part), "{error} lacks {part}");
    }
    // As many multipliers as tiers.
    let shorter = row("okx", "minimum_charge_multipliers", "[1]", "official");
    let rules = load(&shorter.replace("2024-01-01", "2025-02-01"));
    let legs = [perpetual("BTC", Side::Long, 1.0, 100.0)];
    let result = portfolio_margin(
        &account(1.0, &legs),
        &rules.unwrap(),
        &PortfolioInputs::default(),
        time("2025-10-10"),
    );
    assert!(matches!(result, Err(VenueError::BadInput { .. })));
}
