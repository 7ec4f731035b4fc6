//! Every decoder on damaged files: never a panic, never a row that breaks the lake's rules.
//!
//! `tests/fuzz_seeds` holds a good file for each format, in a folder of the format's name with `@`
//! for `/`. Seeded mutations of it are decoded; `PLIMSOLL_FUZZ_CASES` sets how many of each.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use plimsoll_ingest::{Limits, fuzzing};
use plimsoll_market::{Column, Kind, Table};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

struct SeedFile {
    format: String,
    path: PathBuf,
    bytes: Vec<u8>,
}

fn seeds() -> Vec<SeedFile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz_seeds");
    let mut seeds = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let folder = entry.unwrap().path();
        let format = folder.file_name().unwrap().to_str().unwrap().replace('@', "/");
        for (path, bytes) in crate::bytes(&folder) {
            seeds.push(SeedFile { format: format.clone(), path, bytes });
        }
    }
    seeds.sort_by(|a, b| a.path.cmp(&b.path));
    seeds
}

/// Formats whose good files are refused by nature: sums that the lake has no place for, and files
/// that do not say whether they are of trades or of liquidations.
const REFUSED: [(&str, &str); 2] = [
    ("hyperliquid-aggregates/1", "holds nothing for the lake"),
    ("tardis/1", "its kind is told neither by its name nor by its rows"),
];

#[test]
fn every_format_has_a_good_seed() {
    let seeds = seeds();
    let mut failures = Vec::new();
    for format in fuzzing::formats() {
        if !seeds.iter().any(|seed| seed.format == format) {
            failures.push(format!("{format} has no file in tests/fuzz_seeds"));
        }
        for seed in seeds.iter().filter(|seed| seed.format == format) {
            if let Err(problem) = is_good(seed) {
                failures.push(format!("{}: {problem}", seed.path.display()));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn is_good(seed: &SeedFile) -> Result<(), String> {
    let recognised = fuzzing::recognised(&seed.path, seed.bytes.clone());
    if recognised != Some(&seed.format) {
        return Err(format!("taken for {recognised:?}"));
    }
    let refused = REFUSED.iter().find(|(format, _)| *format == seed.format);
    match fuzzing::decode(&seed.format, &seed.path, seed.bytes.clone(), Limits::default()) {
        Err(problem) if refused.is_some_and(|(_, why)| problem.contains(why)) => Ok(()),
        Err(problem) => Err(problem),
        Ok(parts) if parts.iter().all(|(_, table)| table.is_empty()) => Err("no rows".to_owned()),
        Ok(parts) => {
            for (_, table) in &parts {
                check(table, &seed.path.to_string_lossy());
            }
            Ok(())
        }
    }
}

#[test]
fn damaged_files_are_refused_or_read_but_never_break_anything() {
    let cases: u64 =
        std::env::var("PLIMSOLL_FUZZ_CASES").map_or(150, |cases| cases.parse().unwrap());
    let limits = Limits { rows: 100_000, unpacked_bytes: 64 << 20, ..Limits::default() };
    let formats = fuzzing::formats();
    let seeds: Vec<SeedFile> =
        seeds().into_iter().filter(|seed| formats.contains(&seed.format.as_str())).collect();
    let mut accepted = 0;
    for (stream, seed) in seeds.iter().enumerate() {
        for case in 0..cases {
            let mut random = ChaCha8Rng::seed_from_u64(case);
            random.set_stream(stream as u64);
            let bytes = mutated(seed, &seeds, &mut random);
            let label = format!("{} case {case}", seed.path.display());
            let decoded = catch_unwind(AssertUnwindSafe(|| {
                fuzzing::decode(&seed.format, &seed.path, bytes.clone(), limits)
            }));
            let decoded = decoded
                .unwrap_or_else(|_| panic!("{label} panics:\n{}", String::from_utf8_lossy(&bytes)));
            if let Ok(parts) = decoded {
                accepted += 1;
                for (_, table) in &parts {
                    check(table, &label);
                }
            }
        }
    }
    assert!(accepted > 0, "a flipped digit is still a number");
}

/// What the lake asks of every row.
fn check(table: &Table, label: &str) {
    for (column, &(name, _)) in table.columns().iter().zip(table.kind().columns()) {
        match column {
            Column::Time(times) => {
                let good = times.iter().all(|time| (0..7_258_118_400_000).contains(time));
                assert!(good, "{label}: a time of `{name}` is out of range");
            }
            Column::F64(values) => {
                let positive = table.kind().has_prices() || name == "price" || name == "quantity";
                let positive = positive
                    && table.kind() != Kind::PremiumIndexCandles
                    && ["open", "high", "low", "close", "price", "quantity"].contains(&name);
                let good = |value: &f64| value.is_finite() && (!positive || *value > 0.0);
                assert!(values.iter().all(good), "{label}: a value of `{name}`");
            }
            Column::F64OrNull(values) => {
                assert!(values.iter().flatten().all(|value| value.is_finite()), "{label}: {name}");
            }
            Column::I32(values) => {
                assert!(values.iter().all(|&value| value > 0), "{label}: {name}");
            }
            Column::I64OrNull(values) => {
                assert!(values.iter().flatten().all(|&value| value >= 0), "{label}: {name}");
            }
            Column::Text(words) => {
                let short = |word: &String| !word.is_empty() && word.len() < 100;
                assert!(words.iter().all(short), "{label}: {name}");
            }
        }
    }
    if table.kind().has_prices() {
        let [open, high, low, close] = ["open", "high", "low", "close"].map(|c| table.f64(c));
        for row in 0..table.len() {
            let ordered =
                low[row] <= open[row].min(close[row]) && high[row] >= open[row].max(close[row]);
            assert!(ordered, "{label}: bar {row} contradicts itself");
        }
    }
    if table.kind().has_unique_time() && table.kind() != Kind::Funding {
        assert!(table.times().is_sorted_by(|a, b| a < b), "{label}: rows are not in order");
    }
}

/// One to four damages: flipped bits, cuts, pieces of other files, other numbers, fields twice.
fn mutated(seed: &SeedFile, seeds: &[SeedFile], random: &mut ChaCha8Rng) -> Vec<u8> {
    const NUMBERS: [&str; 14] = [
        "0",
        "-1",
        "1e308",
        "-1e-308",
        "nan",
        "inf",
        "9223372036854775807",
        "18446744073709551616",
        "1733443200000",
        "1733443200000000",
        "0.1",
        "",
        "\"",
        "null",
    ];
    let mut bytes = seed.bytes.clone();
    for _ in 0..random.random_range(1..5) {
        let length = bytes.len().max(1);
        let at = random.random_range(0..length).min(bytes.len());
        match random.random_range(0..7) {
            0 if !bytes.is_empty() => {
                let at = at.min(bytes.len() - 1);
                bytes[at] ^= 1 << random.random_range(0..8);
            }
            1 => bytes.truncate(at),
            2 => {
                let end = (at + random.random_range(1..64_usize)).min(bytes.len());
                bytes.drain(at..end);
            }
            3 => {
                let other = &seeds[random.random_range(0..seeds.len())].bytes;
                let start = random.random_range(0..other.len());
                let end = (start + random.random_range(1..200_usize)).min(other.len());
                bytes.splice(at..at, other[start..end].iter().copied());
            }
            4 => {
                let is_digit = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
                let start = at + bytes[at..].iter().position(is_digit).unwrap_or(0);
                let end = start + bytes[start..].iter().take_while(|byte| is_digit(byte)).count();
                let number = NUMBERS[random.random_range(0..NUMBERS.len())];
                bytes.splice(start..end, number.bytes());
            }
            5 => {
                let end = (at + random.random_range(1..40_usize)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                for _ in 0..random.random_range(1..20) {
                    bytes.splice(at..at, piece.iter().copied());
                }
            }
            _ => {
                let digits = "7".repeat(random.random_range(1..12_000));
                bytes.splice(at..at, digits.bytes());
            }
        }
    }
    bytes
}
