//! Of every shape of JSON that libraries and aggregators write, which format takes it.
#![allow(clippy::unwrap_used)]

use super::{Clues, FORMATS};

/// File name, content, and the format that has it.
const SHAPES: &[(&str, &str, &str)] = &[
    (
        "liquidations.json",
        r#"[{"symbol":"BTCUSDT_PERP.A","history":[{"t":1733270400,"l":1,"s":2}]}]"#,
        "coinalyze-liquidations/1",
    ),
    (
        "liquidations.jsonl",
        r#"{"symbol":"BTCUSDT.6","history":[{"t":1733270400,"l":1,"s":2}]}"#,
        "coinalyze-liquidations/1",
    ),
    ("empty.json", r#"[{"symbol":"BTCUSDT_PERP.A","history":[]}]"#, "coinalyze-liquidations/1"),
    (
        "BTC.json",
        r#"{"code":"0","msg":"success","data":[{"time":1733270400000,"aggregated_long_liquidation_usd":1,"aggregated_short_liquidation_usd":2}]}"#,
        "coinglass-history/1",
    ),
    (
        "BTCUSDT.json",
        r#"{"code":"0","data":[{"time":1733270400000,"long_liquidation_usd":"1","short_liquidation_usd":"2"}]}"#,
        "coinglass-history/1",
    ),
    ("BTC.json", r#"{"code":"0","msg":"success","data":[]}"#, "coinglass-history/1"),
    (
        "orders.json",
        r#"{"code":"0","msg":"success","data":[{"exchange_name":"BINANCE","symbol":"BTCUSDT","base_asset":"BTC","price":1,"usd_value":2,"side":2,"time":1745216319263}]}"#,
        "coinglass-orders/1",
    ),
    (
        "stream.jsonl",
        r#"{"channel":"liquidationOrders","data":[{"baseAsset":"BTC","exName":"Binance","price":56738.00,"side":2,"symbol":"BTCUSDT","time":1725416318379,"volUsd":3858.184}]}"#,
        "coinglass-orders/1",
    ),
    ("BTCUSDT_1h.json", "[[1733270400000,1,2,0.5,1.5,10]]", "ccxt-ohlcv/1"),
    ("BTCUSDT_1h.jsonl", "[1733270400000,1,2,0.5,1.5,null]", "ccxt-ohlcv/1"),
    ("BTC_USDT_USDT-1h-futures.json", "[[1733270400000,1,2,0.5,1.5,10]]", "freqtrade/1"),
    (
        "funding.json",
        r#"[{"info":{},"symbol":"BTC/USDT:USDT","fundingRate":0.0001,"timestamp":1733270400000,"datetime":"x"}]"#,
        "ccxt-records/1",
    ),
    (
        "oi.jsonl",
        r#"{"symbol":"BTC/USDT:USDT","openInterestAmount":1,"openInterestValue":2,"timestamp":1733270400000}"#,
        "ccxt-records/1",
    ),
    (
        "liquidations.json",
        r#"[{"symbol":"BTC/USDT:USDT","contracts":1,"price":2,"timestamp":1733270400000}]"#,
        "ccxt-records/1",
    ),
    ("any.json", r#"[{"time":1733270400000,"coin":"BTC","rate":0.0001}]"#, "generic/1"),
    ("error.json", r#"{"error":"no such market"}"#, "generic/1"),
    ("settings.json", r#"{"name":"a","value":1}"#, "generic/1"),
];

/// Rows of exchanges that none of the formats here may take.
const OTHERS: &[(&str, &str)] = &[
    (
        "BTCUSDT-1h-2024-12.json",
        r#"[[1733270400000,"1","2","0.5","1.5","10",1733273999999,"1",1,"1","1","0"]]"#,
    ),
    (
        "kline.json",
        r#"{"retCode":0,"result":{"symbol":"BTCUSDT","category":"linear","list":[["1709891679000","1","2","0.5","1.5","1","3"]]}}"#,
    ),
    (
        "candles.json",
        r#"{"code":"0","msg":"","data":[["1704067200000","1","2","0.5","1.5","1","1","1","1"]]}"#,
    ),
    (
        "candles.json",
        r#"[{"t":1733270400000,"T":1733273999999,"s":"BTC","i":"1h","o":"1","c":"1","h":"1","l":"1","v":"1","n":1}]"#,
    ),
    (
        "funding.json",
        r#"[{"coin":"BTC","fundingRate":"0.0001","premium":"0.0001","time":1733270400000}]"#,
    ),
    (
        "funding.json",
        r#"[{"symbol":"BTCUSDT","fundingTime":1733270400000,"fundingRate":"0.0001","markPrice":"1"}]"#,
    ),
    (
        "funding.json",
        r#"{"code":"0","msg":"","data":[{"instId":"BTC-USDT-SWAP","fundingRate":"0.0001","realizedRate":"0.0001","fundingTime":"1704067200000"}]}"#,
    ),
    (
        "stream.jsonl",
        r#"{"topic":"allLiquidation.BTCUSDT","type":"snapshot","ts":1,"data":[{"T":1739502302929,"s":"BTCUSDT","S":"Sell","v":"0.003","p":"43511.70"}]}"#,
    ),
];

fn clues(file_name: &str, json: &str) -> Clues {
    Clues {
        stem: file_name.split('.').next().unwrap().to_owned(),
        file_name: file_name.to_owned(),
        folders: Vec::new(),
        columns: Vec::new(),
        first_row: Vec::new(),
        json: Some(serde_json::from_str(json).unwrap()),
        is_feather: false,
    }
}

fn taken_as(clues: &Clues) -> Option<&'static str> {
    let mut formats = FORMATS.iter().copied().flatten();
    formats.find(|format| (format.recognise)(clues).is_some()).map(|format| format.name)
}

#[test]
fn every_shape_has_its_format() {
    for &(name, json, format) in SHAPES {
        assert_eq!(taken_as(&clues(name, json)), Some(format), "{name} {json}");
    }
    let own = ["coinalyze", "coinglass", "ccxt", "freqtrade", "generic"];
    for &(name, json) in OTHERS {
        let format = taken_as(&clues(name, json)).unwrap();
        assert!(!own.iter().any(|own| format.starts_with(own)), "{name} {json}: {format}");
    }
}
