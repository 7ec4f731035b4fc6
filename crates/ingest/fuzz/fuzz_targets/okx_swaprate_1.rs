#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use plimsoll_ingest::{Limits, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("allswaprate-swaprate-2021-12-01.csv");
    let _ = fuzzing::decode("okx-swaprate/1", path, bytes.to_vec(), Limits::default());
});
