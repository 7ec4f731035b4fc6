#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use plimsoll_ingest::{Limits, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("bybit-linear/liquidations_BTCUSDT_2024-12-01.jsonl");
    let _ = fuzzing::decode("bybit-liquidations-every-second/1", path, bytes.to_vec(), Limits::default());
});
