//! The tables: what they hold, how they are looked up, and what is said about a bad one.

use plimsoll_market::Timestamp;
use plimsoll_venue::{Status, UserTable, VenueError, VenueRules};

use crate::{rules, time};

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
