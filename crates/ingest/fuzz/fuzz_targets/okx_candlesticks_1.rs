#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use plimsoll_ingest::{Limits, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("BTC-USDT-candlesticks-2024-12-01.csv");
    let _ = fuzzing::decode("okx-candlesticks/1", path, bytes.to_vec(), Limits::default());
});
