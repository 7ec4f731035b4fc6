#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use plimsoll_ingest::{Limits, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("a.json");
    let _ = fuzzing::decode("bybit-funding/1", path, bytes.to_vec(), Limits::default());
});
