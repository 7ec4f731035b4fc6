#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use plimsoll_ingest::{Limits, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("binance-usdm/BTC_USDT_USDT-1h-futures.feather");
    let _ = fuzzing::decode("freqtrade/1", path, bytes.to_vec(), Limits::default());
});
