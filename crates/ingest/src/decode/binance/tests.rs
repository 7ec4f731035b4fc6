//! What is recognised as Binance's, and what is left to others.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::csv;
use crate::json::Json;

fn clues(stem: &str, text: &str) -> Clues {
    let bytes = text.as_bytes();
    let is_json = Json::is_json(bytes);
    let columns = if is_json { Vec::new() } else { csv::header(bytes).unwrap_or_default() };
    let headerless = !is_json && columns.is_empty();
    Clues {
        stem: stem.to_owned(),
        file_name: format!("{stem}.csv"),
        folders: Vec::new(),
        columns,
        first_row: if headerless { csv::first_row(bytes) } else { Vec::new() },
        json: is_json.then(|| Json::parse(bytes.to_vec()).unwrap().sample().unwrap()),
        is_feather: false,
    }
}

fn recognised(stem: &str, text: &str) -> Vec<&'static str> {
    let clues = clues(stem, text);
    let found = FORMATS.iter().filter_map(|format| {
        let evidence = (format.recognise)(&clues)?;
        assert!(!evidence.is_empty() && evidence.iter().all(|clause| !clause.is_empty()));
        Some(format.name)
    });
    found.collect()
}

const KLINE: &str = "1733011200000,1,2,0.5,1.5,9,1733011259999,12,7,4,6,0";

#[test]
fn every_shape_is_one_format() {
    let header = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore";
    let metrics = "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio";
    let snapshot = "time,side,order_type,time_in_force,original_quantity,price,average_price,order_status,last_fill_quantity,accumulated_fill_quantity";
    for (stem, text, format) in [
        ("BTCUSDT-1m-2024-12", KLINE, "binance-klines/1"),
        ("BTCUSDT-1m-2024-12", header, "binance-klines/1"),
        ("BTCUSDT-1m-2024-12", "open_time,open,high,low,close,volume", "binance-klines/1"),
        ("BTCUSDT-1mo-2024-12", KLINE, "binance-klines/1"),
        ("bars", header, "binance-klines/1"),
        ("bars", KLINE, "binance-klines/1"),
        ("BTCUSDT-fundingRate-2024-12", "1733011200000,8,0.0001", "binance-funding-rate/1"),
        ("f", "calc_time,funding_interval_hours,last_funding_rate", "binance-funding-rate/1"),
        ("BTCUSDT-metrics-2024-12-05", metrics, "binance-metrics/1"),
        ("m", metrics, "binance-metrics/1"),
        ("BTCUSDT-metrics-2024-12-05", "2024-12-05 00:00:00,BTCUSDT,1,2,,,,", "binance-metrics/1"),
        ("BTCUSD_PERP-liquidationSnapshot-2024-10-01", snapshot, "binance-liquidation-snapshot/1"),
        ("l", snapshot, "binance-liquidation-snapshot/1"),
        (
            "BTCUSDT-aggTrades-2024-12-05",
            "1,96000.1,0.5,10,12,1733356800000,true",
            "binance-agg-trades/1",
        ),
        (
            "BTCUSDT-aggTrades-2024-12-05",
            "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
            "binance-agg-trades/1",
        ),
        (
            "BTCUSDT-trades-2024-12-05",
            "1,96000.1,0.5,48000.05,1733356800000,true",
            "binance-trades/1",
        ),
        (
            "BTCUSDT-trades-2024-12-05",
            "1,96000.1,0.5,48000.05,1733356800000,True,True",
            "binance-trades/1",
        ),
        (
            "BTCUSD_PERP-trades-2024-12-05",
            "id,price,qty,base_qty,time,is_buyer_maker",
            "binance-trades/1",
        ),
        (
            "k",
            r#"[[1733011200000,"1","2","0.5","1.5","9",1733011259999,"12",7,"4","6","0"]]"#,
            "binance-api-klines/1",
        ),
        (
            "f",
            r#"[{"symbol":"BTCUSDT","fundingTime":1733011200000,"fundingRate":"0.0001","markPrice":"96000"}]"#,
            "binance-api-funding-rate/1",
        ),
        (
            "o",
            r#"[{"symbol":"BTCUSDT","sumOpenInterest":"1","sumOpenInterestValue":"96000","timestamp":1733011200000}]"#,
            "binance-api-open-interest/1",
        ),
        (
            "w",
            "{\"e\":\"forceOrder\",\"E\":1,\"o\":{}}\n{\"e\":\"forceOrder\",\"E\":2,\"o\":{}}",
            "binance-api-force-orders/1",
        ),
        (
            "w",
            r#"{"stream":"!forceOrder@arr","data":{"e":"forceOrder","E":1,"o":{}}}"#,
            "binance-api-force-orders/1",
        ),
    ] {
        assert_eq!(recognised(stem, text), [format], "{stem}: {text}");
    }
}

#[test]
fn what_others_write_is_left_to_them() {
    for (stem, text) in [
        // Klines by name, with other columns or another width.
        ("BTCUSDT-1m-2024-12", "timestamp,open,high,low,close,volume"),
        ("BTCUSDT-1m-2024-12", "1733011200000,1,2,0.5,1.5,9"),
        // Twelve fields that are no bar.
        ("x", "1,2,3,4,5,6,7,8,9,10,11,12"),
        ("x", "1733011200000,1,2,0.5,1.5,9,1733011259000,12,7,4,6,0"),
        (
            "BTCUSDT_5m",
            "open_time,open,high,low,close,volume,close_time,quote_volume,trades,taker_base_volume,taker_quote_volume",
        ),
        // Trades without the day that they are of, and Bybit's and tardis' trades.
        (
            "x",
            "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
        ),
        (
            "BTCUSDT2024-12-05",
            "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional",
        ),
        (
            "binance-futures_trades_2024-12-01_BTCUSDT",
            "exchange,symbol,timestamp,local_timestamp,id,side,price,amount",
        ),
        (
            "binance-futures_liquidations_2024-12-01_BTCUSDT",
            "exchange,symbol,timestamp,local_timestamp,id,side,price,amount",
        ),
        // Other venues' candles and funding.
        ("k", r#"[["1733011200000","1","2","0.5","1.5","9","12"]]"#),
        ("k", "[[1733011200000,1,2,0.5,1.5,9]]"),
        (
            "k",
            r#"{"code":"0","msg":"","data":[["1733011200000","1","2","0.5","1.5","9","12","13","1"]]}"#,
        ),
        (
            "f",
            r#"[{"instId":"BTC-USDT-SWAP","fundingRate":"0.0001","fundingTime":"1733011200000","symbol":"x"}]"#,
        ),
        (
            "f",
            r#"[{"info":{},"symbol":"BTC/USDT:USDT","fundingRate":0.0001,"fundingTime":1,"timestamp":1}]"#,
        ),
        (
            "f",
            r#"[{"coin":"BTC","fundingRate":"0.00001","premium":"0.0001","time":1733011200000}]"#,
        ),
        (
            "l",
            r#"{"topic":"allLiquidation.BTCUSDT","type":"snapshot","ts":1,"data":[{"T":1,"s":"BTCUSDT","S":"Sell","v":"1","p":"2"}]}"#,
        ),
        ("e", r#"{"code":-1121,"msg":"Invalid symbol."}"#),
        ("e", "[]"),
        ("open_interest", "timestamp,symbol,sum_open_interest,sum_open_interest_value"),
    ] {
        assert_eq!(recognised(stem, text), [""; 0], "{stem}: {text}");
    }
}
