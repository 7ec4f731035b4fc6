#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use plimsoll_ingest::{Limits, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("node_fills_by_block/hourly/20241201/0.jsonl");
    let _ = fuzzing::decode("hyperliquid-fills/1", path, bytes.to_vec(), Limits::default());
});
