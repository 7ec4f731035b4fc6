//! From a lake to columns: one grid, every gap known, unknown never zero.

use plimsoll_market::lake::Source;
use plimsoll_market::{
    Column, DAY_MS, Incoming, Interval, Kind, Lake, LoadRequest, MarketError, MergeOptions,
    ReferenceVenue, Series, Table, Timestamp, load_market,
};

const START: i64 = 1_704_067_200_000; // 2024-01-01
const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;

fn put(lake: &Lake, kind: Kind, interval: Option<Interval>, incoming: Incoming) {
    put_at(lake, "binance-usdm BTCUSDT", kind, interval, incoming);
}

fn put_at(lake: &Lake, place: &str, kind: Kind, interval: Option<Interval>, incoming: Incoming) {
    let (venue, symbol) = place.split_once(' ').unwrap();
    let (venue, symbol) = (venue.to_owned(), symbol.to_owned());
    let series = Series { kind, venue, symbol, interval };
    lake.writer().unwrap().merge(&series, vec![incoming], MergeOptions::default()).unwrap();
}

fn incoming(table: Table) -> Incoming {
    let source = Source {
        name: format!("{}-{}", table.kind(), table.len()),
        sha256: format!("{:064x}", table.len()),
        decoder: "test/1".to_owned(),
    };
    Incoming::new(source, table)
}

/// Bars with close 100, 101, ... at the given open times.
fn candles(times: &[i64]) -> Table {
    let n = times.len();
    let close: Vec<f64> = (0..n).map(|i| 100.0 + i as f64).collect();
    Table::new(
        Kind::Candles,
        vec![
            Column::Time(times.to_vec()),
            Column::F64(close.iter().map(|c| c - 0.5).collect()),
            Column::F64(close.iter().map(|c| c + 1.0).collect()),
            Column::F64(close.iter().map(|c| c - 1.0).collect()),
            Column::F64(close.clone()),
            Column::F64(vec![2.0; n]),
            Column::F64(close.iter().map(|c| 2.0 * c).collect()),
            Column::I64OrNull(vec![Some(3); n]),
            Column::F64OrNull(vec![None; n]),
        ],
    )
}

fn request(interval: Interval, hours: i64) -> LoadRequest {
    LoadRequest {
        venue: "binance-usdm".to_owned(),
        symbols: vec!["BTCUSDT".to_owned()],
        interval,
        from: Timestamp(START),
        to: Timestamp(START + hours * HOUR),
        warm_up_from: None,
        references: Vec::new(),
    }
}

fn flag_count(market: &plimsoll_market::Market, name: &str) -> Option<usize> {
    market.symbols[0].flags.iter().find(|flag| flag.name == name).map(|flag| flag.count)
}

#[test]
fn gaps_stay_gaps_and_are_flagged() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::new(folder.path());
    // Hours 0, 1, 3 of a period of 6.
    let times = [0, 1, 3].map(|hour| START + hour * HOUR);
    put(&lake, Kind::Candles, Some(Interval::HOUR), incoming(candles(&times)));
    let market = load_market(&lake, &request(Interval::HOUR, 6)).unwrap();
    let symbol = &market.symbols[0];
    assert_eq!((market.start, market.n_bars), (Timestamp(START), 4));
    assert_eq!(&symbol.close[..2], [100.0, 101.0]);
    assert!(symbol.close[2].is_nan() && !symbol.has_bar(2));
    assert_eq!(symbol.close[3], 102.0);
    assert!(symbol.taker_buy_volume.iter().all(|v| v.is_nan()));
    assert!(symbol.mark.is_none());
    assert_eq!(flag_count(&market, "gap"), Some(1));
    assert_eq!(flag_count(&market, "mark_missing"), Some(3));
    assert_eq!(flag_count(&market, "period_cut"), Some(2));
    assert_eq!(flag_count(&market, "funding_missing"), Some(4));
    let (price, is_mark) = symbol.mark_or_last(3);
    assert_eq!((price.low, price.high, is_mark), (101.0, 103.0, false));
}

#[test]
fn longer_bars_are_made_of_whole_ones_only() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::new(folder.path());
    // Two hours of minutes; minute 90 is missing, so the second hour is.
    let times: Vec<i64> =
        (0..120).filter(|minute| *minute != 90).map(|minute| START + minute * MINUTE).collect();
    put(&lake, Kind::Candles, Some(Interval::MINUTE), incoming(candles(&times)));
    let market = load_market(&lake, &request(Interval::HOUR, 2)).unwrap();
    let symbol = &market.symbols[0];
    assert_eq!(market.n_bars, 1);
    // Closes 100 to 159; lows and highs one beside them; 2 a minute.
    assert_eq!((symbol.open[0], symbol.close[0]), (99.5, 159.0));
    assert_eq!((symbol.low[0], symbol.high[0], symbol.volume[0]), (99.0, 160.0, 120.0));
    assert_eq!(flag_count(&market, "aggregated"), Some(1));
}

#[test]
fn liquidations_and_open_interest_are_unknown_outside_their_coverage() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::new(folder.path());
    let times: Vec<i64> = (0..48).map(|hour| START + hour * HOUR).collect();
    put(&lake, Kind::Candles, Some(Interval::HOUR), incoming(candles(&times)));
    let text = |words: [&str; 2]| Column::Text(words.map(str::to_owned).to_vec());
    let liquidations = Table::new(
        Kind::Liquidations,
        vec![
            Column::Time(vec![START + 10, START + 20]),
            text(["long", "short"]),
            Column::F64(vec![100.0, 100.0]),
            Column::F64(vec![1.0, 2.0]),
            Column::F64(vec![100.0, 200.0]),
            text(["liquidation", "liquidation"]),
        ],
    );
    // The archive accounts for the first day only.
    let covered = vec![(Timestamp(START), Timestamp(START + DAY_MS))];
    put(&lake, Kind::Liquidations, None, Incoming { covered, ..incoming(liquidations) });
    let interest = Table::new(
        Kind::OpenInterest,
        vec![
            Column::Time(vec![START + HOUR - 5 * MINUTE]),
            Column::F64OrNull(vec![Some(7.0)]),
            Column::F64OrNull(vec![Some(700.0)]),
        ],
    );
    put(&lake, Kind::OpenInterest, None, incoming(interest));
    let market = load_market(&lake, &request(Interval::HOUR, 48)).unwrap();
    let symbol = &market.symbols[0];
    assert_eq!(&symbol.liquidated_long_notional[..2], [100.0, 0.0]);
    assert_eq!(&symbol.liquidated_short_notional[..2], [200.0, 0.0]);
    assert_eq!(symbol.liquidated_long_notional[23], 0.0);
    assert!(symbol.liquidated_long_notional[24].is_nan());
    // Five minutes old at the first close, an hour and more at the second.
    assert_eq!(symbol.open_interest[0], 7.0);
    assert!(symbol.open_interest[1].is_nan());
}

/// Sums of liquidations at the given open times, notionals as given.
fn sums(rows: &[(i64, Option<f64>, Option<f64>)]) -> Table {
    let n = rows.len();
    Table::new(
        Kind::LiquidationVolume,
        vec![
            Column::Time(rows.iter().map(|row| row.0).collect()),
            Column::F64OrNull(vec![None; n]),
            Column::F64OrNull(vec![None; n]),
            Column::F64OrNull(rows.iter().map(|row| row.1).collect()),
            Column::F64OrNull(rows.iter().map(|row| row.2).collect()),
            Column::I64OrNull(vec![None; n]),
        ],
    )
}

#[test]
fn sums_of_liquidations_stand_in_where_single_ones_are_not_covered() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::new(folder.path());
    let times: Vec<i64> = (0..6).map(|hour| START + hour * HOUR).collect();
    put(&lake, Kind::Candles, Some(Interval::HOUR), incoming(candles(&times)));
    let text = |words: [&str; 2]| Column::Text(words.map(str::to_owned).to_vec());
    let single = Table::new(
        Kind::Liquidations,
        vec![
            Column::Time(vec![START + 10, START + HOUR]),
            text(["long", "unknown"]),
            Column::F64(vec![100.0, 100.0]),
            Column::F64(vec![1.0, 2.0]),
            Column::F64(vec![100.0, 200.0]),
            text(["liquidation", "liquidation"]),
        ],
    );
    let covered = vec![(Timestamp(START), Timestamp(START + 2 * HOUR))];
    put(&lake, Kind::Liquidations, None, Incoming { covered, ..incoming(single) });
    // Hours 0 to 3 by the hour, of which hour 3 has no shorts; 2 to 5 by the half hour, of which
    // half of hour 4 is missing; a day's sum divides no hour; and another venue's are another's.
    let hour = |hour: i64| START + hour * HOUR;
    let hourly = [(0, Some(7.0)), (1, Some(7.0)), (2, Some(7.0)), (3, None)];
    let hourly = hourly.map(|(at, short)| (hour(at), Some(1.0), short));
    let kind = Kind::LiquidationVolume;
    put(&lake, kind, Some(Interval::HOUR), incoming(sums(&hourly)));
    let halves =
        [4, 5, 6, 7, 8, 10, 11].map(|half| (START + half * HOUR / 2, Some(2.0), Some(3.0)));
    put(&lake, kind, Interval::from_ms(HOUR / 2), incoming(sums(&halves)));
    put(&lake, kind, Interval::from_ms(DAY_MS), incoming(sums(&[(START, Some(9.0), Some(9.0))])));
    let other = sums(&[(hour(4), Some(8.0), Some(8.0))]);
    put_at(&lake, "aggregate BTCUSDT", kind, Some(Interval::HOUR), incoming(other));

    let market = load_market(&lake, &request(Interval::HOUR, 6)).unwrap();
    let symbol = &market.symbols[0];
    let (long, short) = (&symbol.liquidated_long_notional, &symbol.liquidated_short_notional);
    assert_eq!((long[0], short[0]), (100.0, 0.0), "single orders win");
    assert!(long[1].is_nan() && short[1].is_nan(), "a side that is not told stays unknown");
    assert_eq!((long[2], short[2]), (1.0, 7.0));
    assert_eq!((long[3], short[3]), (4.0, 6.0), "two halves where the hour lacks a side");
    assert!(long[4].is_nan() && short[4].is_nan(), "half of the hour is missing");
    assert_eq!((long[5], short[5]), (4.0, 6.0));
    let flag = symbol.flags.iter().find(|flag| flag.name == "liquidations_summed").unwrap();
    assert_eq!((flag.kind, flag.count, flag.first), (kind, 3, Timestamp(hour(2))));
    let message = "BTCUSDT: liquidations of 3 bars are published sums, not single orders, the first at 2024-01-01T02:00:00Z";
    assert_eq!(flag.message, message);
}

#[test]
fn reference_venues_lie_on_the_same_grid() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::new(folder.path());
    let hours = |hours: &[i64]| hours.iter().map(|hour| START + hour * HOUR).collect::<Vec<_>>();
    let hour = Some(Interval::HOUR);
    put(&lake, Kind::Candles, hour, incoming(candles(&hours(&[0, 1, 2, 3]))));
    // The last price stands in where the mark is unknown; minutes become hours.
    let mark = Table::new(Kind::MarkCandles, candles(&hours(&[1, 2])).columns()[..5].to_vec());
    put_at(&lake, "okx BTC-USDT-SWAP", Kind::MarkCandles, hour, incoming(mark));
    put_at(&lake, "okx BTC-USDT-SWAP", Kind::Candles, hour, incoming(candles(&hours(&[0, 1, 2]))));
    let minutes: Vec<i64> = (60..180).map(|minute| START + minute * MINUTE).collect();
    let of_minutes = incoming(candles(&minutes));
    put_at(&lake, "bybit-linear BTCUSDT", Kind::Candles, Some(Interval::MINUTE), of_minutes);
    let reference = |venue: &str, symbol: &str| ReferenceVenue {
        venue: venue.to_owned(),
        symbols: vec![symbol.to_owned()],
    };
    let references = vec![reference("okx", "BTC-USDT-SWAP"), reference("bybit-linear", "BTCUSDT")];
    let asked = LoadRequest { references, ..request(Interval::HOUR, 4) };
    let market = load_market(&lake, &asked).unwrap();
    let of = |index: usize| {
        let (venue, close) = &market.symbols[0].reference_close[index];
        let shown: Vec<String> = close.iter().map(f64::to_string).collect();
        format!("{venue}: {}", shown.join(" "))
    };
    assert_eq!(of(0), "okx: 100 100 101 NaN");
    assert_eq!(of(1), "bybit-linear: NaN 159 219 NaN");
    let flags = market.symbols[0].flags.iter().filter(|flag| flag.name == "reference_missing");
    let messages: Vec<&str> = flags.map(|flag| flag.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "BTCUSDT: 1 bars have no price of BTC-USDT-SWAP at okx, the first at \
             2024-01-01T03:00:00Z",
            "BTCUSDT: 2 bars have no price of BTCUSDT at bybit-linear, the first at \
             2024-01-01T00:00:00Z",
        ]
    );
    // None of them in the period is an error that says so, as is a missing symbol.
    let asked = LoadRequest { references: vec![reference("okx", "BTCUSDT")], ..asked };
    let error = load_market(&lake, &asked).unwrap_err();
    assert!(error.to_string().starts_with("no candles of okx BTCUSDT at 1h"), "{error}");
    let none = ReferenceVenue { symbols: Vec::new(), ..reference("okx", "") };
    let asked = LoadRequest { references: vec![none], ..asked };
    let error = load_market(&lake, &asked).unwrap_err();
    assert!(error.to_string().contains("okx as a reference names 0 symbol(s) for 1"), "{error}");
}

#[test]
fn a_period_without_candles_is_an_error_that_says_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::new(folder.path());
    put(&lake, Kind::Candles, Some(Interval::HOUR), incoming(candles(&[START - HOUR])));
    let error = load_market(&lake, &request(Interval::HOUR, 2)).unwrap_err();
    assert!(matches!(error, MarketError::NoData { .. }), "{error}");
    assert!(error.to_string().contains("it holds 1h from 2023-12-31T23:00:00Z"), "{error}");
    let other = LoadRequest { symbols: vec!["ETHUSDT".to_owned()], ..request(Interval::HOUR, 2) };
    let error = load_market(&lake, &other).unwrap_err();
    assert!(error.to_string().contains("other candles: binance-usdm BTCUSDT"), "{error}");
}

#[test]
fn a_broken_price_is_refused_on_loading_too() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::new(folder.path());
    let mut columns = candles(&[START]).columns().to_vec();
    columns[3] = Column::F64(vec![100.5]); // low above the open of 99.5
    put(&lake, Kind::Candles, Some(Interval::HOUR), incoming(Table::new(Kind::Candles, columns)));
    let error = load_market(&lake, &request(Interval::HOUR, 1)).unwrap_err();
    assert!(matches!(error, MarketError::BrokenRule { column: "low", .. }), "{error}");
}
