#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use plimsoll_ingest::{Limits, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("forceOrder_BTCUSDT.jsonl");
    let _ = fuzzing::decode("binance-api-force-orders/1", path, bytes.to_vec(), Limits::default());
});
