#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use plimsoll_ingest::{Limits, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("v1/bybit/liquidations/2025/03/01/BTCUSDT.csv");
    let _ = fuzzing::decode("tardis-liquidations/1", path, bytes.to_vec(), Limits::default());
});
