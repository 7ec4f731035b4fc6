#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use plimsoll_ingest::{Limits, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("futures/um/monthly/klines/BTCUSDT-1h-2024-12.csv");
    let _ = fuzzing::decode("binance-klines/1", path, bytes.to_vec(), Limits::default());
});
