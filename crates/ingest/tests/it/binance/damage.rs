//! Whatever is done to a file, it is refused, or what goes in obeys the rules.

use plimsoll_ingest::{IngestError, Options, check};
use proptest::prelude::*;

use crate::Bench;

const SAMPLES: [(&str, &str); 10] = [
    (
        "um/premiumIndexKlines/BTCUSDT-1m-2024-12.csv",
        "1733011200000,-0.0004,0.0001,-0.0005,0,0,1733011259999,0,12,0,0,0\n1733011260000,0,0,-0.0005,0,0,1733011319999,0,12,0,0,0\n",
    ),
    (
        "cm/klines/BTCUSD_PERP-1h-2023-10.csv",
        "1698364800000,34161.6,34182.5,33977.4,34024.2,409,1698368399999,1.2,15,192,0.56,0\n1698368400000,34161.6,34182.5,33977.4,34024.2,409,1698371999999,1.2,15,192,0.56,0\n",
    ),
    (
        "um/BTCUSDT-fundingRate-2024-12.csv",
        "calc_time,funding_interval_hours,last_funding_rate\n1733011200008,8,0.0001\n1733040000000,8,-0.0002\n",
    ),
    (
        "um/BTCUSDT-metrics-2024-03-04.csv",
        "create_time,symbol,sum_open_interest,sum_open_interest_value,a,b,c,d\n2024-03-04 00:00:00,BTCUSDT,12,120,,,,\n2024-03-04 00:05:00,BTCUSDT,13,130,1,1,1,1\n",
    ),
    (
        "cm/ETHUSD_PERP-liquidationSnapshot-2024-10-01.csv",
        "time,side,order_type,time_in_force,original_quantity,price,average_price,order_status,last_fill_quantity,accumulated_fill_quantity\n1727740800926,BUY,LIMIT,IOC,7,2641.3,2631.6,FILLED,6,7\n1727740800926,BUY,LIMIT,IOC,7,2641.3,2631.6,FILLED,6,7\n",
    ),
    (
        "um/BTCUSDT-aggTrades-2024-12-05.csv",
        "1,96000.1,0.5,10,12,1733356800000,true\n2,96000.2,0.7,13,13,1733356861000,false\n",
    ),
    (
        "um/BTCUSDT_1m.json",
        r#"[[1733011200000,"1","2","0.5","1.5","9",1733011259999,"12",7,"4","6","0"],[1733011260000,"1","2","0.5","1.5","9",1733011319999,"12",7,"4","6","0"]]"#,
    ),
    (
        "funding.json",
        r#"[{"symbol":"BTCUSDT","fundingTime":1733011200003,"fundingRate":"0.0001","markPrice":"96000.5"},{"symbol":"BTCUSDT","fundingTime":1733040000000,"fundingRate":"-0.0001","markPrice":""}]"#,
    ),
    (
        "oi.json",
        r#"[{"symbol":"BTCUSDT","sumOpenInterest":"80485.6","sumOpenInterestValue":"5419500000.5","timestamp":1733011200000}]"#,
    ),
    (
        "liquidations.jsonl",
        "{\"e\":\"forceOrder\",\"E\":1733011200005,\"o\":{\"s\":\"BTCUSDT\",\"S\":\"SELL\",\"q\":\"0.014\",\"p\":\"9910\",\"ap\":\"9900\",\"X\":\"FILLED\",\"l\":\"0.014\",\"z\":\"0.014\",\"T\":1733011200000}}\n{\"e\":\"forceOrder\",\"E\":1733011200005,\"o\":{\"s\":\"BTCUSDT\",\"S\":\"BUY\",\"q\":\"1\",\"p\":\"9910\",\"ap\":\"0\",\"X\":\"NEW\",\"l\":\"0\",\"z\":\"0\",\"T\":1733011201000}}\n",
    ),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn damage_is_refused_or_harmless(
        sample in 0..SAMPLES.len(),
        damage in proptest::collection::vec(
            (any::<prop::sample::Index>(), any::<u8>(), 0..3_u8, 1..25_usize),
            0..4,
        ),
    ) {
        let (name, text) = SAMPLES[sample];
        let mut bytes = text.as_bytes().to_vec();
        for (index, byte, what, times) in damage {
            let at = index.index(bytes.len());
            let printable = b"0123456789.,-\ne\":{}[]Tn"[usize::from(byte) % 23];
            match what {
                0 => bytes[at] = printable,
                1 => bytes[at] = byte,
                // Long numbers, and fields that never end.
                _ => drop(bytes.splice(at..at, std::iter::repeat_n(printable, times))),
            }
        }
        let bench = Bench::new();
        let path = bench.write(name, bytes);
        match bench.ingest(path, &Options::default()) {
            Ok(_) | Err(IngestError::BadFiles { .. }) => {
                let findings = check(&bench.lake).unwrap();
                let rules = ["broken_bar", "unreadable"];
                let broken = findings.iter().find(|finding| rules.contains(&finding.rule));
                prop_assert!(broken.is_none(), "{:?}", broken);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}

#[test]
fn every_sample_is_good() {
    for (name, text) in SAMPLES {
        let bench = Bench::new();
        bench.ingest(bench.write(name, text), &Options::default()).unwrap();
    }
}
