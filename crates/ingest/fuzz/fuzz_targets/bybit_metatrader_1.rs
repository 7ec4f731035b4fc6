#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use plimsoll_ingest::{Limits, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("BTCUSDT_15_2024-01-01_2024-01-31.csv");
    let _ = fuzzing::decode("bybit-metatrader/1", path, bytes.to_vec(), Limits::default());
});
