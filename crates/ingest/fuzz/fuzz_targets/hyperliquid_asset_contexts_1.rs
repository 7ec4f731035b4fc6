#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use plimsoll_ingest::{Limits, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("asset_ctxs/20241201.csv");
    let _ = fuzzing::decode("hyperliquid-asset-contexts/1", path, bytes.to_vec(), Limits::default());
});
