#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use plimsoll_ingest::{Limits, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("binance-futures/derivative_ticker/2025/03/01/BTCUSDT.csv");
    let _ = fuzzing::decode("tardis-derivative-ticker/1", path, bytes.to_vec(), Limits::default());
});
