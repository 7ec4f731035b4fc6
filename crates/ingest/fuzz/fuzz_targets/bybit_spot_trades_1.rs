#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use plimsoll_ingest::{Limits, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("BTCUSDT_2024-01-25.csv");
    let _ = fuzzing::decode("bybit-spot-trades/1", path, bytes.to_vec(), Limits::default());
});
