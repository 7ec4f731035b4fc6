//! The tables: what they hold, how they are looked up, and what is said about a bad one.

use plimsoll_market::{Side, Timestamp};
use plimsoll_venue::{
    Bracket, BracketAt, ContractKind, Ladder, LiquidationInputs, MarginMode, NoLiquidationPrice,
    Status, TierBasis, UserTable, VenueError, VenueRules, contract_liquidation_price,
    liquidation_price,
};

use crate::{assert_close, rules, time};

const HEADER: &str = "venue,symbol,from,tier,notional_floor,notional_cap,maintenance_margin_rate,leverage_max,maintenance_deduction,status,source\n";

fn load(rows: &str) -> Result<VenueRules, VenueError> {
    let text = format!("# mine\n{HEADER}{rows}");
    VenueRules::load("binance-usdm", &[UserTable { file: "mine.csv", text: &text }])
}

#[test]
fn brackets_are_looked_up_by_date() {
    let rules = rules("binance_usdm");
    assert_eq!(rules.venue(), "binance-usdm");
    assert_eq!(rules.symbols().len(), 13);
    for (date, tier_1_cap, leverage) in [
        ("2023-01-13", 50_000.0, 125.0),
        ("2025-06-18T23:59:59Z", 50_000.0, 125.0),
        ("2025-08-20T23:59:59Z", 300_000.0, 125.0),
        ("2025-08-21", 300_000.0, 150.0),
        ("2025-10-10", 300_000.0, 150.0),
    ] {
        let first = rules.ladder("BTCUSDT", time(date)).unwrap().brackets()[0];
        assert_eq!((first.cap, first.leverage_max), (tier_1_cap, leverage), "{date}");
    }
    let between = rules.ladders_between("BTCUSDT", time("2025-06-01"), time("2025-08-21")).unwrap();
    let dates: Vec<String> = between.iter().map(|(t, _)| t.date_string()).collect();
    assert_eq!(dates, ["2025-06-01", "2025-06-19"]);
    assert_eq!(between[0].1, rules.ladder("BTCUSDT", time("2025-06-18")).unwrap());
}

#[test]
fn hyperliquid_leverage_was_cut_and_tiered() {
    let rules = rules("hyperliquid");
    for (coin, date, leverages) in [
        ("BTC", "2025-03-11", &[50.0][..]),
        ("BTC", "2025-03-12", &[40.0]),
        ("BTC", "2025-06-02", &[40.0, 20.0]),
        ("ETH", "2025-03-11", &[50.0]),
        ("ETH", "2025-03-12", &[25.0]),
        ("ETH", "2025-10-10", &[25.0, 15.0]),
        ("SOL", "2025-10-10", &[20.0, 10.0]),
        ("kPEPE", "2025-10-10", &[10.0, 5.0]),
    ] {
        let ladder = rules.ladder(coin, time(date)).unwrap();
        let found: Vec<f64> = ladder.brackets().iter().map(|b| b.leverage_max).collect();
        assert_eq!(found, leverages, "{coin} {date}");
        for bracket in ladder.brackets() {
            assert_eq!(bracket.maintenance_margin_rate, 1.0 / (2.0 * bracket.leverage_max));
        }
    }
    // Hyperliquid docs, Margin tiers: 200M of BTC need 3.125M.
    let btc = rules.ladder("BTC", time("2025-10-10")).unwrap();
    assert_eq!(btc.maintenance_margin(200e6, 1.0), 3_125_000.0);
}

#[test]
fn every_symbol_with_brackets_has_an_instrument() {
    for venue in VenueRules::venues().unwrap() {
        let rules = rules(&venue);
        for symbol in rules.symbols() {
            let instrument = rules.instrument(symbol).unwrap();
            assert_eq!(instrument.symbol, symbol);
            assert!(instrument.quantity_step > 0.0);
        }
    }
}

#[test]
fn fees_change_by_date() {
    let hyperliquid = rules("hyperliquid");
    for (at, taker) in [("2025-05-05T02:59:59Z", 0.000_35), ("2025-05-05T03:00:00Z", 0.000_45)] {
        assert_eq!(hyperliquid.fees(time(at)).unwrap().taker_fee_fraction, taker);
    }
    let binance = rules("binance-usdm");
    let fees = binance.fees(time("2025-01-01")).unwrap();
    assert_eq!((fees.maker_fee_fraction, fees.taker_fee_fraction), (0.0002, 0.0005));
    let both = hyperliquid.fees_between(time("2025-05-01"), time("2025-06-01")).unwrap();
    assert_eq!(both.len(), 2);
}

#[test]
fn what_is_missing_is_named() {
    let binance = rules("binance-usdm");
    let hyperliquid = rules("hyperliquid");
    let now = time("2025-10-10");

    let message = binance.ladder("TRXUSDT", now).unwrap_err().to_string();
    assert!(message.starts_with(
        "no brackets of `TRXUSDT` at binance-usdm; there are rows for 1000PEPEUSDT, ADAUSDT,"
    ));
    assert!(message.ends_with("add its rows to a table of your own with the same columns"));

    for (rules, symbol, right) in [
        (&hyperliquid, "BTCUSDT", "BTC"),
        (&hyperliquid, "btc", "BTC"),
        (&hyperliquid, "KPEPE", "kPEPE"),
        (&binance, "BTC", "BTCUSDT"),
        (&binance, "BTC/USDT:USDT", "BTCUSDT"),
    ] {
        let error = rules.ladder(symbol, now).unwrap_err();
        let hint = format!("(did you mean `{right}`?)");
        assert!(error.to_string().contains(&hint), "{error}");
    }

    assert_eq!(
        binance.ladder("BTCUSDT", time("2022-06-01")).unwrap_err().to_string(),
        "the brackets of binance-usdm BTCUSDT begin at 2023-01-13T00:00:00Z, after 2022-06-01T00:00:00Z; start later, or add older rows to a table of your own"
    );
    assert!(matches!(
        binance.fees(Timestamp(0)).unwrap_err(),
        VenueError::BeforeTable { symbol: None, .. }
    ));
    assert_eq!(
        VenueRules::load("kraken", &[]).unwrap_err().to_string(),
        "no rules for the venue `kraken`; the venues are binance-usdm, bybit-inverse, bybit-linear, hyperliquid, okx-swap"
    );
}

#[test]
fn user_rows_add_and_replace() {
    let rows = "binance_usdm,TRXUSDT,2024-01-01,1,0,10000,0.01,50,0,user,my own\n\
                binance_usdm,TRXUSDT,2024-01-01,2,10000,,0.02,20,100,user,my own\n\
                binance-usdm,BTCUSDT,2025-08-21,1,0,,0.005,100,0,user,my own\n\
                hyperliquid,BTC,2025-08-21,1,0,,0.005,100,0,user,my own\n";
    let rules = load(rows).unwrap();
    let trx = rules.ladder("TRXUSDT", time("2025-01-01")).unwrap();
    assert_eq!(trx.maintenance_margin(20_000.0, 1.0), 300.0);
    let btc = rules.dated_ladder("BTCUSDT", time("2025-10-10")).unwrap();
    assert_eq!((btc.ladder.brackets().len(), btc.status), (1, Status::User));
    assert!(rules.ladder("BTC", time("2025-10-10")).is_err(), "another venue's row");

    assert_ne!(rules.version_hash(), crate::rules("binance-usdm").version_hash());
    assert_eq!(rules.version_hash(), load(rows).unwrap().version_hash());
    assert_eq!(rules.version_hash().len(), 64);

    let fees = "venue,from,tier,maker_fee_fraction,taker_fee_fraction,status,source\n\
                binance-usdm,2025-01-01,VIP 9,-0.00005,0.00017,user,my tier\n";
    let rules =
        VenueRules::load("binance-usdm", &[UserTable { file: "fees.csv", text: fees }]).unwrap();
    assert_eq!(rules.fees(time("2025-02-01")).unwrap().maker_fee_fraction, -0.000_05);
}

#[test]
fn bad_rows_are_named_by_line_and_rule() {
    let good = "binance-usdm,X,2024-01-01,1,0,10000,0.01,50,0,user,s\n";
    assert!(load(good).is_ok());
    for (second, message) in [
        (
            "binance-usdm,X,2024-01-01,2,9000,20000,0.02,20,100,user,s",
            "`notional_floor` is `9000`, but it must be 10000, the cap below it",
        ),
        (
            "binance-usdm,X,2024-01-01,2,10000,10000,0.02,20,100,user,s",
            "`notional_cap` is `10000`, but it must be above its floor 10000",
        ),
        (
            "binance-usdm,X,2024-01-01,2,10000,20000,0.01,20,100,user,s",
            "`maintenance_margin_rate` is `0.01`, but it must be above 0.01, the rate below it",
        ),
        (
            "binance-usdm,X,2024-01-01,2,10000,20000,0.02,60,100,user,s",
            "`maintenance_margin_rate` is `0.02`, but it must be below the initial margin rate, 1 / 60",
        ),
        (
            "binance-usdm,X,2024-01-01,2,10000,20000,0.015,60,50,user,s",
            "`leverage_max` is `60`, but it must be at most 50, the leverage below it",
        ),
        (
            "binance-usdm,X,2024-01-01,2,10000,20000,0.02,20,101,user,s",
            "`maintenance_deduction` is `101`, but it must be 100, where the margin of both brackets meets",
        ),
        (
            "binance-usdm,X,2024-01-01,3,10000,20000,0.02,20,100,user,s",
            "`tier` is `3`, but it must be 2, the next in order",
        ),
        (
            "binance-usdm,X,2024-01-01,2,10000,20000,2%,20,100,user,s",
            "`maintenance_margin_rate` is `2%`, but it must be a finite number",
        ),
        (
            "binance-usdm,X,2024-01-01,2,10000,20000,NaN,20,100,user,s",
            "`maintenance_margin_rate` is `NaN`, but it must be a finite number",
        ),
        (
            "binance-usdm,X,2024-01-01,2,10000,20000,,20,100,user,s",
            "`maintenance_margin_rate` is ``, but it must be given",
        ),
        (
            "binance-usdm,X,1 May,2,10000,20000,0.02,20,100,user,s",
            "`from` is `1 May`, but it must be a date or an instant in UTC, as 2025-10-10",
        ),
        (
            "binance,X,2024-01-01,2,10000,20000,0.02,20,100,user,s",
            "`venue` is `binance`, but it must be one of binance-usdm, bybit-inverse, bybit-linear, hyperliquid, okx-swap",
        ),
        (
            "binance-usdm,Y,2024-01-01,1,0,20000,0.02,20,0,guess,s",
            "`status` is `guess`, but it must be official, capture, third_party, unverified or user",
        ),
    ] {
        let error = load(&format!("{good}{second}\n")).unwrap_err();
        assert_eq!(error.to_string(), format!("mine.csv:4: {message}"));
    }
}

#[test]
fn files_of_another_shape_are_refused() {
    for (text, part) in [
        ("a,b\n1,2\n", "the header has none of the columns that tell a rule table"),
        ("venue,from,taker_fee_fraction\n", "a table of fees needs the column `tier`"),
        (
            "venue,from,tier,maker_fee_fraction,taker_fee_fraction,status,source,x\n",
            "a table of fees has no column `x`",
        ),
        (
            "venue,from,tier,maker_fee_fraction,taker_fee_fraction,status,source\n1,2\n",
            "found record with 2 fields",
        ),
        ("", "the header has none"),
    ] {
        let error =
            VenueRules::load("hyperliquid", &[UserTable { file: "x.csv", text }]).unwrap_err();
        assert!(matches!(&error, VenueError::BadFile { file, .. } if file == "x.csv"));
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn notes_name_what_is_assumed() {
    let (from, to) = (time("2025-08-01"), time("2025-12-01"));
    let notes = rules("binance-usdm").notes(&["BTCUSDT", "SOLUSDT"], from, to).unwrap();
    let has = |text: &str| notes.iter().any(|n| n.contains(text));
    assert!(has("weekly snapshots"));
    assert!(has("BTCUSDT: brackets changed up to 7 days before 2025-08-21"));
    assert!(has("SOLUSDT: unverified figures are used for tick_size, quantity_step"));
    assert!(!has("BTCUSDT: unverified"));

    let notes = rules("hyperliquid").notes(&["LINK"], time("2024-06-01"), to).unwrap();
    assert!(notes.iter().any(|n| n.starts_with("LINK: brackets from 2024-01-01 are unverified")));
    assert!(notes.iter().any(|n| n.starts_with("Fees from 2024-01-01 are unverified")));
}

#[test]
fn notes_name_third_parties_and_funding_rules() {
    let notes = |venue, symbol, from, to| {
        rules(venue).notes(&[symbol], time(from), time(to)).unwrap().join("\n")
    };
    let text = notes("binance-usdm", "BTCUSDT", "2025-08-01", "2025-10-01");
    for part in [
        "The funding rule from 2025-05-02 is by a third party's word",
        "The funding rule from 2025-09-01 is by a third party's word",
        "The funding rule from 2025-09-18 is by a third party's word",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("The funding rule from 2026") && !text.contains("Fees from"), "{text}");
    let text = notes("okx-swap", "ACE-USDT-SWAP", "2025-12-01", "2026-01-02");
    assert!(text.contains("ACE-USDT-SWAP: brackets from 2025-11-13 are by a third party's word"));
    assert!(text.contains("Fees from 2026-01-01 are unverified: carried on from 2025."), "{text}");
    let text = notes("hyperliquid", "BTC", "2025-10-01", "2025-11-01");
    assert!(text.contains("unverified figures are used for premium_weights, settle_tolerance_s"));
}

#[test]
fn fees_are_carried_on_without_certainty() {
    for venue in ["binance-usdm", "bybit-linear", "okx-swap"] {
        let rules = rules(venue);
        let (last, on) =
            (rules.fees(time("2025-12-31")).unwrap(), rules.fees(time("2026-01-01")).unwrap());
        assert_eq!((last.status, on.status), (Status::Official, Status::Unverified), "{venue}");
        assert_eq!(last.taker_fee_fraction, on.taker_fee_fraction);
        assert_eq!(last.maker_fee_fraction, on.maker_fee_fraction);
    }
}

#[test]
fn a_date_given_twice_is_refused() {
    let text = "venue,from,tier,maker_fee_fraction,taker_fee_fraction,status,source\n\
                hyperliquid,2025-01-01,a,0,0.0004,user,s\n\
                hyperliquid,2025-01-01T00:00:00Z,b,0,0.0005,user,s\n";
    let error = VenueRules::load("hyperliquid", &[UserTable { file: "x.csv", text }]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "x.csv:3: `from` is `2025-01-01T00:00:00Z`, but it must be given once in a file"
    );
}

#[test]
fn bybit_ladders_are_continuous_by_notional() {
    let rules = rules("bybit-linear");
    // 35 brackets captured on 2025-12-29; the last deductions are as published there.
    for (symbol, n_brackets, cap, deduction) in [
        ("BTCUSDT", 35, 1.2e9, 226_382_000.0),
        ("ETHUSDT", 35, 1e9, 138_018_220.0),
        ("XRPUSDT", 30, 36e6, 16_446_625.0),
    ] {
        let dated = rules.dated_ladder(symbol, time("2026-01-01")).unwrap();
        assert_eq!((dated.status, dated.ladder.is_complete()), (Status::Capture, true));
        let brackets = dated.ladder.brackets();
        assert_eq!(brackets.len(), n_brackets);
        let top = brackets[n_brackets - 1];
        assert_eq!((top.cap, top.maintenance_deduction), (cap, deduction), "{symbol}");
    }
    let btc = rules.dated_ladder("BTCUSDT", time("2025-10-10")).unwrap();
    assert_eq!(btc.status, Status::Unverified);
    assert_eq!(btc.ladder.maintenance_margin(2.6e6, 1.0), 2.6e6 * 0.0056 - 1200.0);

    // Before and from 2025-06-20 09:00.
    for (at, tier_1, leverage) in
        [("2025-06-20T08:59:59Z", 25_000.0, 25.0), ("2025-06-20T09:00:00Z", 5000.0, 20.0)]
    {
        let first = rules.ladder("HIPPOUSDT", time(at)).unwrap().brackets()[0];
        assert_eq!((first.cap, first.leverage_max), (tier_1, leverage), "{at}");
    }
    assert_eq!(rules.profile().margin_modes.last(), Some(&MarginMode::Portfolio));
    assert_eq!(rules.fees(time("2024-06-01")).unwrap().taker_fee_fraction, 0.000_55);
}

#[test]
fn okx_ladders_go_by_quantity_and_include_the_fee() {
    let rules = rules("okx-swap");
    let ladder = rules.ladder("BTC-USDT-SWAP", time("2025-10-10")).unwrap();
    assert_eq!((ladder.basis(), ladder.brackets().len()), (TierBasis::Quantity, 99));
    // 1,000 contracts of 0.01 BTC are in the first tier, one more is not.
    assert_eq!(ladder.bracket_at(10.0).tier, 1);
    assert_eq!(ladder.bracket_at(10.0001).tier, 2);
    assert_eq!(ladder.brackets()[98].cap, 19_400.0);
    assert_eq!(ladder.maintenance_margin(10.0, 100_000.0), 4000.0);
    assert_eq!(ladder.required_margin(10.0, 100_000.0), 4000.0 + 500.0);
    assert_eq!(rules.instrument("BTC-USDT-SWAP").unwrap().contract_value, 0.01);

    // (E - margin / Q) / (1 - (mmr + fee)), as freqtrade has it.
    let inputs = LiquidationInputs::isolated(Side::Long, 1.0, 100_000.0, 10_000.0);
    let found = liquidation_price(&inputs, ladder, BracketAt::Liquidation).unwrap();
    assert_close(found.price.unwrap(), 90_000.0 / (1.0 - 0.0045), 1e-12);

    // Tiers from the fourth on by the notice: each further 12,000 contracts, half a point more.
    let ace = rules.ladder("ACE-USDT-SWAP", time("2025-11-13")).unwrap().brackets();
    assert_eq!((ace[3].cap, ace[3].maintenance_margin_rate), (47_000.0, 0.045));
    assert_eq!((ace[86].cap, ace[86].leverage_max), (1_043_000.0, 2.0));

    // Elsewhere the requirement is the maintenance margin.
    let binance = crate::rules("binance-usdm");
    let ladder = binance.ladder("BTCUSDT", time("2025-10-10")).unwrap();
    assert_eq!(ladder.required_margin(7.0, 1e5), ladder.maintenance_margin(7.0, 1e5));
    assert_eq!(binance.instrument("BTCUSDT").unwrap().contract_kind, ContractKind::Linear);
}

#[test]
fn a_user_fee_and_instrument_change_the_requirement() {
    let instrument = "venue,symbol,from,contract_kind,contract_value,tick_size,price_significant_figures,price_decimals_max,quantity_step,minimum_quantity,minimum_notional,liquidation_fee_fraction,funding_interval_minutes,funding_cap_fraction,status,unverified,source\n\
        okx-swap,BTC-USDT-SWAP,2024-01-01,,0.01,0.1,,,0.0001,0.0001,0,0.002,480,,user,contract_value,mine\n";
    let brackets = "venue,symbol,from,tier,quantity_floor,quantity_cap,maintenance_margin_rate,leverage_max,status,source\n\
        okx-swap,XYZ-USDT-SWAP,2025-01-01,1,0,100,0.01,50,user,mine\n\
        okx-swap,XYZ-USDT-SWAP,2025-01-01,2,100,,0.02,25,user,mine\n";
    let tables = [("i.csv", instrument), ("b.csv", brackets)];
    let rules =
        VenueRules::load("okx-swap", &tables.map(|(file, text)| UserTable { file, text })).unwrap();
    let fee = |symbol| rules.ladder(symbol, time("2025-06-01")).unwrap().closing_fee_fraction();
    assert_eq!(fee("BTC-USDT-SWAP"), 0.002);
    // Without an instrument, the taker fee.
    assert_eq!(fee("XYZ-USDT-SWAP"), 0.0005);
    assert_eq!(
        rules.ladder("XYZ-USDT-SWAP", time("2024-06-01")).unwrap_err().to_string(),
        "the brackets of okx-swap XYZ-USDT-SWAP begin at 2025-01-01T00:00:00Z, after 2024-06-01T00:00:00Z; start later, or add older rows to a table of your own"
    );
}

#[test]
fn what_lies_above_incomplete_brackets_is_unknown() {
    let rules = rules("okx-swap");
    let ladder = rules.ladder("BTC-USD-SWAP", time("2025-06-01")).unwrap();
    assert!(!ladder.is_complete() && ladder.exceeds_top(2_000_100.0));
    assert_eq!(rules.instrument("BTC-USD-SWAP").unwrap().contract_kind, ContractKind::Inverse);
    let find = |dollars| {
        let inputs = LiquidationInputs::isolated(Side::Long, dollars, 100_000.0, dollars / 1e6);
        let at = BracketAt::Liquidation;
        contract_liquidation_price(ContractKind::Inverse, &inputs, ladder, at).unwrap()
    };
    assert!(find(2_000_000.0).price.is_some());
    let unknown = find(2_000_100.0);
    assert_eq!(unknown.price, None);
    assert_eq!(unknown.reason, Some(NoLiquidationPrice::BeyondKnownBrackets));

    let (from, to) = (time("2025-06-01"), time("2025-07-01"));
    let notes = rules.notes(&["BTC-USD-SWAP"], from, to).unwrap();
    let has = |text: &str| notes.iter().any(|note| note.contains(text));
    assert!(has("only the first brackets from 2024-01-01 are known, up to 2000000 of quantity"));
    assert!(has("BTC-USD-SWAP: brackets from 2024-01-01 are unverified"));

    // A long above them at entry is unknown, though it would end below their top.
    let known = Ladder::new(vec![Bracket {
        tier: 1,
        floor: 0.0,
        cap: 100.0,
        maintenance_margin_rate: 0.01,
        leverage_max: 50.0,
        maintenance_deduction: 0.0,
    }]);
    let known = known.unwrap().incomplete();
    let long = LiquidationInputs::isolated(Side::Long, 1.0, 101.0, 10.0);
    let found = liquidation_price(&long, &known, BracketAt::Liquidation).unwrap();
    assert_eq!(found.reason, Some(NoLiquidationPrice::BeyondKnownBrackets));
    assert_eq!((found.price, found.exceeds_top), (None, false));
    let inside = LiquidationInputs { entry_price: 100.0, ..long };
    let found = liquidation_price(&inside, &known, BracketAt::Liquidation).unwrap();
    assert_close(found.price.unwrap(), 90.0 / 0.99, 1e-12);

    // At Bybit the short grows out of the brackets known before it is liquidated.
    let bybit = crate::rules("bybit-linear");
    let ladder = bybit.ladder("SOLUSDT", time("2026-10-01")).unwrap();
    let short = LiquidationInputs::isolated(Side::Short, 240.0, 200.0, 10_000.0);
    let found = liquidation_price(&short, ladder, BracketAt::Liquidation).unwrap();
    assert_eq!(found.reason, Some(NoLiquidationPrice::BeyondKnownBrackets));
}

#[test]
fn a_change_may_lie_before_its_snapshot() {
    let binance = rules("binance-usdm");
    let at =
        |date| binance.uncertain_successor("BTCUSDT", time(date)).unwrap().map(|next| next.from);
    assert_eq!(at("2025-08-14"), Some(time("2025-08-21")));
    assert_eq!(at("2025-08-20T23:59:59Z"), Some(time("2025-08-21")));
    assert_eq!(at("2025-08-13T23:59:59Z"), None);
    assert_eq!(at("2025-08-21"), None);
    assert!(binance.uncertain_successor("TRXUSDT", time("2025-08-14")).is_err());
    // The table's own change at a date gives way to a user's row, which is certain.
    let rows = "binance-usdm,BTCUSDT,2025-08-21,1,0,,0.005,100,0,official,mine\n";
    let own = load(rows).unwrap();
    assert_eq!(own.uncertain_successor("BTCUSDT", time("2025-08-20")).unwrap(), None);
    assert_eq!(own.dated_ladder("BTCUSDT", time("2025-08-21")).unwrap().status, Status::User);
    let said = own.notes(&["BTCUSDT"], time("2025-08-01"), time("2025-09-01")).unwrap();
    assert!(!said.iter().any(|note| note.contains("brackets changed")), "{said:?}");

    // No snapshot is known from 2023-12-12 to 2024-02-03.
    assert_eq!(at("2023-12-12"), Some(time("2024-02-03")));
    assert_eq!(at("2023-12-11T23:59:59Z"), Some(time("2023-12-12")));
    let said = binance.notes(&["BTCUSDT"], time("2023-12-20"), time("2024-01-10")).unwrap();
    let change = "BTCUSDT: brackets changed up to 53 days before 2024-02-03";
    assert!(said.iter().any(|note| note.starts_with(change)), "{said:?}");
    // Announced to the day.
    let hyperliquid = rules("hyperliquid");
    assert_eq!(hyperliquid.uncertain_successor("BTC", time("2025-03-11")).unwrap(), None);
}

#[test]
fn margin_may_be_taken_out_down_to_the_rule() {
    let hyperliquid = rules("hyperliquid");
    let rule = |at| hyperliquid.transfer_rule(time(at)).unwrap();
    for (at, fraction, status) in [
        ("2025-03-14T23:59:59Z", 0.0, Status::Unverified),
        ("2025-03-15", 0.2, Status::Official),
        ("2026-04-26", 0.2, Status::Official),
        ("2026-04-27", 0.1, Status::Unverified),
    ] {
        assert_eq!((rule(at).position_value_fraction, rule(at).status), (fraction, status), "{at}");
    }

    assert!(rule("2025-10-10").source.contains("0.1 came at an unknown date before 2026-04-27"));

    // 2025-03-12, rounded: 160,234 ETH at 1,915 against 20.6M of equity, of which 17.09M were taken
    // out. The initial margin at 50x is 6.14M.
    let value = 160_234.0 * 1915.0;
    let (equity, initial_margin, taken) = (20.6e6, value / 50.0, 17.09e6);
    assert_close(
        rule("2025-03-15").margin_to_leave(initial_margin, value).unwrap(),
        61_369_622.0,
        1e-9,
    );
    assert_close(
        rule("2026-04-27").margin_to_leave(initial_margin, value).unwrap(),
        30_684_811.0,
        1e-9,
    );
    for (at, most) in
        [("2025-03-12", 20.6e6 - 6_136_962.2), ("2025-03-15", 0.0), ("2026-04-27", 0.0)]
    {
        let withdrawable = rule(at).withdrawable(equity, initial_margin, value).unwrap();
        assert_close(withdrawable, most, 1e-9);
        assert!(withdrawable < taken, "{at}");
    }
    // At 3x the initial margin is the larger.
    assert_eq!(rule("2025-03-15").withdrawable(500.0, 400.0, 1200.0).unwrap(), 100.0);
    assert!(rule("2025-03-15").withdrawable(500.0, -1.0, 1200.0).is_err());
    assert!(rule("2025-03-15").withdrawable(f64::NAN, 1.0, 1200.0).is_err());
    assert_eq!(
        rules("binance-usdm").transfer_rule(time("2025-01-01")).unwrap().position_value_fraction,
        0.0
    );

    let mine =
        "venue,from,position_value_fraction,status,source\nhyperliquid,2025-06-01,0.1,user,mine\n";
    let own = VenueRules::load("hyperliquid", &[UserTable { file: "t.csv", text: mine }]).unwrap();
    assert_eq!(own.transfer_rule(time("2025-07-01")).unwrap().position_value_fraction, 0.1);
    assert_eq!(
        own.transfer_rule(Timestamp(0)).unwrap_err().to_string(),
        "the transfer rules of hyperliquid begin at 2023-01-01T00:00:00Z, after 1970-01-01T00:00:00Z; start later, or add older rows to a table of your own"
    );
}

#[test]
fn new_columns_are_checked() {
    let with = |header: &str, row: &str| {
        let text = format!("{header}\n{row}\n");
        VenueRules::load("okx-swap", &[UserTable { file: "x.csv", text: &text }])
            .unwrap_err()
            .to_string()
    };
    let quantity = "venue,symbol,from,tier,quantity_floor,quantity_cap,maintenance_margin_rate,leverage_max,complete,status,source";
    assert_eq!(
        with(quantity, "okx-swap,X,2025-01-01,1,0,10,0.01,50,maybe,user,s"),
        "x.csv:2: `complete` is `maybe`, but it must be `yes` or `no`"
    );
    assert_eq!(
        with(
            quantity,
            "okx-swap,X,2025-01-01,1,0,10,0.01,50,no,user,s\nokx-swap,X,2025-01-01,2,10,20,0.02,25,yes,user,s"
        ),
        "x.csv:3: `complete` is `yes`, but it must be the same in all rows of a ladder"
    );
    assert_eq!(
        with(quantity, "okx-swap,X,2025-01-01,1,1,10,0.01,50,no,user,s"),
        "x.csv:2: `quantity_floor` is `1`, but it must be 0, the cap below it"
    );
    assert!(
        with("venue,symbol,quantity_floor,notional_floor", "okx-swap,X,0,0")
            .contains("a table of brackets needs the column `from`")
    );
    assert!(
        with("venue,from,position_value_fraction,status,source", "okx-swap,2025-01-01,1.5,user,s")
            .contains("`position_value_fraction` is `1.5`, but it must be 0 or above and below 1")
    );
}
