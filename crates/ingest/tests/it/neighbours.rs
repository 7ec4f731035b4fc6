//! Shapes that look alike are told apart: no format has another's files.

use plimsoll_ingest::{Options, SourceFormat};

use crate::Bench;

/// What a file is taken for, whether or not its rows are good.
fn format_of(name: &str, text: &str, source: SourceFormat) -> Option<&'static str> {
    let bench = Bench::new();
    let options = Options { source, ..Options::default() };
    let path = bench.write(name, text);
    let summary = match bench.ingest(path, &options) {
        Ok(summary) => summary,
        Err(plimsoll_ingest::IngestError::BadFiles { summary, .. }) => *summary,
        Err(error) => panic!("{error}"),
    };
    summary.reports[0].format
}

/// Files of Bybit and OKX, by name, text and format.
const OURS: &[(&str, &str, &str)] = &[
    (
        "BTCUSDT2026-07-24.csv",
        "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional,RPI\n1784851200.0547,BTCUSDT,Buy,0.038,65065.80,ZeroPlusTick,d,2.4e+11,0.038,2472.5004,0\n",
        "bybit-trades/1",
    ),
    (
        "BTCUSDT_2025-05-19.csv",
        "id,timestamp,price,volume,side,rpi\n1,1747612800074,106453.8,0.003718,sell,0\n",
        "bybit-spot-trades/1",
    ),
    (
        "BTCUSDT-2022-11.csv",
        "id,timestamp,price,volume,side\n1,1747612800074,106453.8,0.003718,sell\n",
        "bybit-spot-trades/1",
    ),
    (
        "BTCUSDT_15_2024-01-01_2024-01-31.csv",
        "2024.01.01 03:00,1,2,0.5,1,3\n",
        "bybit-metatrader/1",
    ),
    (
        "a.json",
        r#"{"retCode":0,"result":{"category":"linear","symbol":"BTCUSDT","list":[["1709891679000","1","1","1","1","1","1"]]}}"#,
        "bybit-kline/1",
    ),
    (
        "a.json",
        r#"{"retCode":0,"retMsg":"OK","result":{"category":"linear","symbol":"BTCUSDT","list":[]}}"#,
        "bybit-kline/1",
    ),
    (
        "a.json",
        r#"[{"retCode":0,"result":{"category":"linear","symbol":"BTCUSDT","list":[{"symbol":"BTCUSDT","fundingRate":"0.0001","fundingRateTimestamp":"1709884800000"}]}}]"#,
        "bybit-funding/1",
    ),
    (
        "a.jsonl",
        "{\"symbol\":\"BTCUSDT\",\"fundingRate\":\"0.0001\",\"fundingRateTimestamp\":\"1709884800000\"}\n{\"symbol\":\"BTCUSDT\",\"fundingRate\":\"0.0001\",\"fundingRateTimestamp\":\"1709913600000\"}\n",
        "bybit-funding/1",
    ),
    (
        "a.json",
        r#"{"retCode":0,"result":{"category":"linear","symbol":"BTCUSDT","list":[{"openInterest":"1","timestamp":"1709884800000"}]}}"#,
        "bybit-open-interest/1",
    ),
    (
        "a.jsonl",
        r#"{"topic":"allLiquidation.BTCUSDT","type":"snapshot","ts":1,"data":[]}"#,
        "bybit-liquidation-stream/1",
    ),
    (
        "a.jsonl",
        r#"{"topic":"liquidation.BTCUSDT","type":"snapshot","ts":1,"data":{}}"#,
        "bybit-liquidation-stream/1",
    ),
    (
        "liquidations_BTC_2024-02-13.jsonl",
        "{\"t\":1707782400000,\"d\":[]}\n{\"t\":1707782401000,\"d\":[]}\n",
        "bybit-liquidations-every-second/1",
    ),
    (
        "allswaprate-swaprate-2021-12-01.csv",
        "BTC-USDT-SWAP,SWAP,0.0001,0.0002,1638316800000\n",
        "okx-swaprate/1",
    ),
    (
        "BTC-USDT-SWAP-swaprate-2023-01-15.csv",
        "contract_type/x,funding_rate/x,real_funding_rate/x,funding_time/x\nSWAP,0.0001,0.0002,1673798400000\n",
        "okx-swaprate/1",
    ),
    (
        "BTC-USDT-SWAP-fundingrates-2024-01.csv",
        "instrument_name,funding_rate,funding_time\nBTC-USDT-SWAP,0.0002,1704038400000\n",
        "okx-fundingrates/1",
    ),
    (
        "a.json",
        r#"{"code":"0","data":[{"instId":"BTC-USDT-SWAP","fundingRate":"0.0001","realizedRate":"0.0001","fundingTime":"1704067200000"}]}"#,
        "okx-funding-rate-history/1",
    ),
    (
        "a.csv",
        "instrument_name,trade_id,side,price,size,created_time\nBTC-USDT-SWAP,1,buy,1,1,1705248000179\n",
        "okx-trades/1",
    ),
    (
        "a.csv",
        "instrument_name,open,high,low,close,vol,vol_ccy,vol_quote,open_time,confirm\nBTC-USDT-SWAP,1,1,1,1,1,1,1,1761148800000,1\n",
        "okx-candlesticks/1",
    ),
    (
        "BTC-USDT_1m.json",
        r#"{"code":"0","msg":"","data":[["1597026383085","1","1","1","1","1","1","1","1"]]}"#,
        "okx-candles/1",
    ),
    ("BTC-USDT_1m.json", r#"[["1597026383085","1","1","1","1","1","1","1","1"]]"#, "okx-candles/1"),
    (
        "a.jsonl",
        r#"{"arg":{"channel":"mark-price-candle1m","instId":"BTC-USDT-SWAP"},"data":[["1597026383085","1","1","1","1","1"]]}"#,
        "okx-candles/1",
    ),
    (
        "a.json",
        r#"{"code":"0","data":[{"instId":"BTC-USDT-SWAP","oi":"1","oiCcy":"1","ts":"1597026383085"}]}"#,
        "okx-open-interest/1",
    ),
    (
        "a.jsonl",
        r#"{"arg":{"channel":"liquidation-orders","instType":"SWAP"},"data":[]}"#,
        "okx-liquidation-orders/1",
    ),
    (
        "a.json",
        r#"{"code":"0","data":[{"details":[{"bkPx":"1","posSide":"long","side":"sell","sz":"1","ts":"1"}],"instId":"BTC-USDT-SWAP"}]}"#,
        "okx-liquidation-orders/1",
    ),
];

/// Files of others that come close.
const OTHERS: &[(&str, &str)] = &[
    // BitMEX has the columns of Bybit's trades.
    (
        "20181205.csv",
        "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional\n2018-12-05D00:00:25.948313000,XBTUSD,Sell,11,3900,ZeroMinusTick,1d,10494,11,0.00010494\n",
    ),
    ("BTCUSDT-1m-2024-01.csv", "1704067200000,1,1,1,1,1,1704067259999,1,1,1,1,0\n"),
    (
        "BTCUSDT-fundingRate-2024-01.csv",
        "calc_time,funding_interval_hours,last_funding_rate\n1704067200000,8,0.0001\n",
    ),
    (
        "BTCUSDT-trades-2024-01-02.csv",
        "id,price,qty,quote_qty,time,is_buyer_maker\n1,1,1,1,1704067200000,true\n",
    ),
    // Ticks of another origin, with the columns of Bybit's spot trades in another order.
    ("ticks.csv", "id,timestamp,price,volume,side\n1,1747612800074,106453.8,0.003718,sell\n"),
    ("BTCUSDT_5m.csv", "timestamp,open,high,low,close,volume\n1704067200000,1,1,1,1,1\n"),
    ("EURUSD_15.csv", "2024.01.01 03:00,1,2,0.5,1,3\n"),
    (
        "BTCUSDT.csv",
        "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\nbybit,BTCUSDT,1583020803145000,1583020803307160,,sell,8531.5,2152\n",
    ),
    // KuCoin's rows of seven are open, close, high, low; Bitget's are as Bybit's.
    ("BTCUSDT_1m.json", r#"[["1704067200000","1","1","1","1","1","1"]]"#),
    ("BTCUSDT_1m.json", r#"[["1704067200","1","1","1","1","1","1"]]"#),
    // CCXT.
    ("BTC_USDT_1m.json", "[[1704067200000,1,1,1,1,1]]"),
    ("BTC-USDT_1m.json", "[[1704067200000,1,1,1,1,1]]"),
    (
        "funding.json",
        r#"[{"info":{"fundingRateTimestamp":"1"},"symbol":"BTC/USDT:USDT","fundingRate":0.0001,"timestamp":1704067200000,"datetime":""}]"#,
    ),
    // Binance's API, where rows have twelve values.
    ("BTCUSDT.json", r#"[[1704067200000,"1","1","1","1","1",1704067259999,"1",1,"1","1","0"]]"#),
    (
        "BTCUSDT.json",
        r#"[{"symbol":"BTCUSDT","fundingTime":1704067200000,"fundingRate":"0.0001","markPrice":"1"}]"#,
    ),
    (
        "BTCUSDT.json",
        r#"[{"symbol":"BTCUSDT","sumOpenInterest":"1","sumOpenInterestValue":"1","timestamp":1704067200000}]"#,
    ),
    (
        "stream.jsonl",
        r#"{"e":"forceOrder","E":1568014460893,"o":{"s":"BTCUSDT","S":"SELL","q":"0.014","p":"9910","T":1568014460893}}"#,
    ),
    // Hyperliquid.
    (
        "BTC.json",
        r#"[{"t":1704067200000,"T":1704067259999,"s":"BTC","i":"1m","o":"1","c":"1","h":"1","l":"1","v":"1","n":1}]"#,
    ),
    ("BTC.json", r#"[{"coin":"BTC","fundingRate":"0.0001","premium":"0","time":1704067200000}]"#),
    // Coinalyze and CoinGlass.
    (
        "liquidations_BTC.json",
        r#"[{"symbol":"BTCUSDT_PERP.A","history":[{"t":1704067200,"l":1,"s":1}]}]"#,
    ),
    (
        "BTC.json",
        r#"{"code":"0","data":[{"time":1704067200000,"aggregated_long_liquidation_usd":1,"aggregated_short_liquidation_usd":1}]}"#,
    ),
    // Other streams of the recorder of every second.
    (
        "trades_BTC_2024-02-13.jsonl",
        r#"{"t":1707752085000,"d":[{"T":1707752083964,"s":"BTCUSDT","S":"Sell","v":"0.003","p":"49407.90","L":"ZeroMinusTick","i":"2c","BT":false}]}"#,
    ),
    (
        "tickers_BTC_2024-02-13.jsonl",
        r#"{"t":1707751741002,"d":{"symbol":"BTCUSDT","openInterest":"63082.064"}}"#,
    ),
    ("a.jsonl", r#"{"topic":"publicTrade.BTCUSDT","ts":1,"data":[]}"#),
    ("a.jsonl", r#"{"arg":{"channel":"trades","instId":"BTC-USDT-SWAP"},"data":[]}"#),
];

#[test]
fn every_shape_of_bybit_and_okx_is_told() {
    for (name, text, format) in OURS {
        let found = format_of(name, text, SourceFormat::Auto);
        assert_eq!(found, Some(*format), "{name}: {text}");
        let source =
            if format.starts_with("bybit") { SourceFormat::Bybit } else { SourceFormat::Okx };
        assert_eq!(format_of(name, text, source), Some(*format), "--source {source}");
    }
}

#[test]
fn files_of_others_are_left_to_others() {
    for (name, text) in OTHERS {
        let found = format_of(name, text, SourceFormat::Auto).unwrap_or_default();
        assert!(
            !found.starts_with("bybit") && !found.starts_with("okx"),
            "{found}: {name}: {text}"
        );
        for source in [SourceFormat::Bybit, SourceFormat::Okx] {
            assert_eq!(format_of(name, text, source), None, "--source {source}: {name}: {text}");
        }
    }
}

#[test]
fn no_damage_of_a_byte_is_met_with_a_panic() {
    let mut n_refused = 0;
    for (at_file, (name, text, _)) in OURS.iter().enumerate() {
        let damages = [b'"', b',', b'-', b'9', b'x', b'[', b'}', 0xff];
        for (at, damage) in (at_file..text.len()).step_by(11).zip(damages.iter().cycle()) {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = *damage;
            let bench = Bench::new();
            let path = bench.write(name, &bytes);
            n_refused += usize::from(bench.ingest(path, &Options::default()).is_err());
        }
    }
    assert!(n_refused > 100, "{n_refused}");
}
