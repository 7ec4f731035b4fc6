//! Portfolio margin of a single perpetual as a ladder, against the formulas of whole accounts.

use plimsoll_market::Side;
use plimsoll_venue::margin::{
    Account, AccountCurrency, Leg, MarginRules, PortfolioInputs, PortfolioLadder, PortfolioMargin,
    portfolio_ladder, portfolio_ladders_between, portfolio_margin,
};
use plimsoll_venue::{ContractKind, UserTable, VenueError, underlying_of};
use proptest::prelude::*;

use crate::{assert_close, rules, time};

/// A perpetual alone in an account.
fn alone(rules: &MarginRules, underlying: &str, notional: f64, at: &str) -> PortfolioMargin {
    let side = if notional < 1e5 { Side::Long } else { Side::Short };
    let quantity = notional / 250.0;
    let leg = Leg::perpetual(ContractKind::Linear, underlying, underlying, side, quantity, 200.0)
        .at_mark(250.0);
    let account = Account {
        currency: AccountCurrency::Quote,
        wallet_balance: 1e9,
        legs: &[leg],
        collateral_haircuts: &[],
        taker_fee_fraction: 0.0005,
    };
    portfolio_margin(&account, rules, &PortfolioInputs::default(), time(at)).unwrap()
}

fn figure(venue: &str, name: &str, values: &[f64]) -> String {
    format!(
        "[[figure]]\nvenue = \"{venue}\"\nfigure = \"{name}\"\nunderlyings = [\"*\"]\n\
         from = \"2024-01-01\"\nvalues = {values:?}\nstatus = \"user\"\nsource = \"test\"\n"
    )
}

fn with_figures(venue: &str, figures: &[(&str, &[f64])]) -> MarginRules {
    let text: String = figures.iter().map(|(name, values)| figure(venue, name, values)).collect();
    MarginRules::load(venue, &[UserTable { file: "own.toml", text: &text }]).unwrap()
}

fn agrees(ladder: &PortfolioLadder, whole: &PortfolioMargin, notional: f64) {
    let required = whole.maintenance_margin + whole.liquidation_fee;
    let quantity = notional / 250.0;
    assert_close(
        ladder.ladder.maintenance_margin(quantity, 250.0) / whole.maintenance_margin,
        1.0,
        1e-12,
    );
    assert_close(ladder.ladder.required_margin(quantity, 250.0) / required, 1.0, 1e-12);
    assert_close(ladder.initial_margin(notional) / whole.initial_margin, 1.0, 1e-12);
    // The leverage of the bracket never grants more than the initial margin does.
    let leverage = ladder.ladder.leverage_max(notional);
    assert!(notional / leverage >= whole.initial_margin * (1.0 - 1e-12));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_tables_of_okx(exponent in 0.0_f64..9.0, coin in 0_usize..4, date in 0_usize..4) {
        let underlying = ["BTC", "XRP", "SOL", "ACE"][coin];
        let at = ["2024-12-31", "2025-01-03", "2025-01-10", "2025-10-10"][date];
        let rules = MarginRules::load("okx-swap", &[]).unwrap();
        let ladder = portfolio_ladder(&rules, underlying, 0.0005, time(at)).unwrap();
        let notional = 10_f64.powf(exponent);
        agrees(&ladder, &alone(&rules, underlying, notional, at), notional);
    }

    /// Minimum charges that overtake the shock in some tier, or from the first dollar on.
    #[test]
    fn minimum_charges_of_any_tiers(
        exponent in 0.0_f64..9.0,
        shock in 0.001_f64..0.3,
        fraction in 0.0005_f64..0.02,
        steps in prop::collection::vec((1e2_f64..1e6, 0.0_f64..4.0), 1..7),
        factor in 1.01_f64..2.0,
    ) {
        let (mut floors, mut multipliers) = (vec![0.0], vec![steps[0].1]);
        for (width, rise) in &steps[1..] {
            floors.push(floors[floors.len() - 1] + width);
            multipliers.push(multipliers[multipliers.len() - 1] + rise);
        }
        // Before the project's own rows begin.
        let at = "2024-06-01";
        let notional = 10_f64.powf(exponent);
        let rules = with_figures("okx", &[
            ("spot_shock_moves", &[0.0, shock]),
            ("extreme_moves", &[1.8 * shock]),
            ("extreme_weight", &[0.6]),
            ("minimum_charge_fraction", &[fraction]),
            ("minimum_charge_floors", &floors),
            ("minimum_charge_multipliers", &multipliers),
            ("initial_margin_factor", &[factor]),
            ("basis_annual_move", &[0.05]),
            ("basis_tenor_years", &[0.1]),
        ]);
        match portfolio_ladder(&rules, "ACE", 0.0005, time(at)) {
            Ok(ladder) => agrees(&ladder, &alone(&rules, "ACE", notional, at), notional),
            // A rate of 1 / factor or more leaves no leverage of 1.
            Err(error) => {
                let steepest = multipliers[multipliers.len() - 1] * fraction;
                prop_assert!(steepest * factor > 1.0, "{}", error);
            }
        }
    }

    #[test]
    fn bybit_with_figures_of_the_users(
        exponent in 0.0_f64..9.0,
        contingency in 0.0_f64..0.05,
        factor in 1.01_f64..2.0,
    ) {
        let rules = with_figures("bybit", &[
            ("perpetual_contingency_fraction", &[contingency]),
            ("initial_margin_factor", &[factor]),
            ("basis_tenor_years", &[0.01]),
        ]);
        let notional = 10_f64.powf(exponent);
        let ladder = portfolio_ladder(&rules, "BTC", 0.0005, time("2025-10-10")).unwrap();
        agrees(&ladder, &alone(&rules, "BTC", notional, "2025-10-10"), notional);
        assert_close(ladder.ladder.brackets()[0].maintenance_margin_rate, 0.1 + contingency, 1e-12);
    }
}

#[test]
fn bitcoin_at_okx_by_date() {
    // The largest shock is as much as half the extreme move: 15 %, from 2025-01-06 08:00 12 %. The
    // minimum charge, 0.45 % times at most 12, is less. The fee of closing is 0.05 %.
    let (margin, venue) = (MarginRules::load("okx-swap", &[]).unwrap(), rules("okx-swap"));
    let (from, to) = (time("2024-12-31"), time("2025-02-01"));
    let found = portfolio_ladders_between(&margin, &venue, "BTC-USDT-SWAP", from, to).unwrap();
    let dates: Vec<String> = found.iter().map(|(date, _)| date.to_string()).collect();
    // The floors of the minimum charge change on the 15th.
    let expected = ["2024-12-31T00:00:00Z", "2025-01-06T08:00:00Z", "2025-01-15T08:00:00Z"];
    assert_eq!(dates, expected);
    for ((_, found), rate) in found.iter().zip([0.15, 0.12, 0.12]) {
        let [bracket] = found.ladder.brackets() else { panic!("{found:?}") };
        assert_close(bracket.maintenance_margin_rate, rate, 1e-15);
        assert_close(bracket.leverage_max, 1.0 / (1.3 * rate), 1e-12);
        assert_close(found.ladder.required_margin(2.0, 100_000.0), 2e5 * (rate + 0.0005), 1e-12);
        assert!(found.notes.iter().any(|note| note.contains("initial_margin_factor")));
    }
    assert_eq!(found[0].0, from);
}

#[test]
fn what_cannot_be_known_is_refused() {
    let at = time("2025-10-10");
    let ladder = |rules: &MarginRules, at| portfolio_ladder(rules, "BTC", 0.0, at);
    for venue in ["binance-usdm", "hyperliquid"] {
        let rules = MarginRules::load(venue, &[]).unwrap();
        assert!(matches!(ladder(&rules, at), Err(VenueError::NoPortfolioMargin { .. })));
    }
    let bybit = MarginRules::load("bybit-linear", &[]).unwrap();
    assert!(matches!(ladder(&bybit, at), Err(VenueError::MissingFigure { .. })));
    let okx = MarginRules::load("okx-swap", &[]).unwrap();
    let early = ladder(&okx, time("2024-12-30"));
    assert!(matches!(early, Err(VenueError::BeforeMarginRules { .. })), "{early:?}");

    let at = time("2024-06-01");
    for (name, values, refused) in [
        ("initial_margin_factor", &[1.0][..], "initial_margin_factor"),
        ("minimum_charge_multipliers", &[2.0, 1.0][..], "minimum_charge_multipliers"),
        ("minimum_charge_multipliers", &[2.0][..], "minimum_charge_multipliers"),
    ] {
        let own = [
            ("spot_shock_moves", &[0.1][..]),
            ("extreme_moves", &[0.2]),
            ("extreme_weight", &[0.5]),
            ("minimum_charge_fraction", &[0.01]),
            ("minimum_charge_floors", &[0.0, 1e5]),
            ("minimum_charge_multipliers", &[1.0, 2.0]),
            ("initial_margin_factor", &[1.3]),
        ];
        let own = own.map(|row| if row.0 == name { (name, values) } else { row });
        match ladder(&with_figures("okx", &own), at) {
            Err(VenueError::BadInput { name, .. }) => assert_eq!(name, refused),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn symbols_name_their_underlying() {
    for symbol in
        ["BTC", "BTCUSDT", "BTC-USDT-SWAP", "btc/usdt", "BTC-USD-SWAP", "BTCUSD", "BTC-PERP"]
    {
        assert_eq!(underlying_of(symbol), "BTC", "{symbol}");
    }
    for symbol in
        ["BTC-USDT-251226", "BTCUSD_251226", "BTC-26DEC25", "btcusdt-5dec25", "BTC-USD-20251226"]
    {
        assert_eq!(underlying_of(symbol), "BTC", "{symbol}");
    }
    assert_eq!(underlying_of("251226"), "251226");
    assert_eq!(underlying_of("1000PEPEUSDT"), "1000PEPE");
    assert_eq!(underlying_of("USDC-USDT"), "USDC");
}
