#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use plimsoll_ingest::{Limits, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("futures/um/klines/BTCUSDT_1h_klines.json");
    let _ = fuzzing::decode("binance-api-klines/1", path, bytes.to_vec(), Limits::default());
});
