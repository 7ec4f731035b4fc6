//! Files that are made to do harm are refused, by name and in bounded memory.

use std::fs::{self, File};
use std::io::{Cursor, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use plimsoll_ingest::{Limits, Options, fuzzing};
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use crate::{Bench, failures};

const BARS: &str =
    "timestamp,open,high,low,close,volume\n1733011200000,1,3,1,2,5\n1733014800000,1,3,1,2,5\n";
const NAME: &str = "BTCUSDT_1h.csv";

fn options() -> Options {
    Options { venue: Some("binance-usdm".into()), ..Options::default() }
}

fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn gzipped(content: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(content).unwrap();
    gzip.finish().unwrap()
}

fn refusal(name: &str, content: &[u8], options: &Options) -> String {
    let bench = Bench::new();
    let path = bench.write(name, content);
    let failures = failures(bench.ingest(&path, options));
    assert_eq!(failures.len(), 1);
    assert!(bench.lake.series().unwrap().is_empty(), "{name} left something in the lake");
    failures[0].problem.to_string()
}

fn rows(name: &str, content: &[u8]) -> usize {
    let bench = Bench::new();
    let path = bench.write(name, content);
    bench.ingest(&path, &options()).unwrap();
    bench.only().1.len()
}

#[test]
fn layers_are_unpacked_up_to_two() {
    let bars = BARS.as_bytes();
    let zstd = zstd::encode_all(bars, 1).unwrap();
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(bars).unwrap();
    let lz4 = lz4.finish().unwrap();
    let header_end = bars.iter().position(|&b| b == b'\n').unwrap() + 1;
    let two_members = [gzipped(&bars[..header_end]), gzipped(&bars[header_end..])].concat();
    let mut two_frames = lz4_flex::frame::FrameEncoder::new(Vec::new());
    two_frames.write_all(&bars[..header_end]).unwrap();
    let mut second = lz4_flex::frame::FrameEncoder::new(Vec::new());
    second.write_all(&bars[header_end..]).unwrap();
    let two_frames = [two_frames.finish().unwrap(), second.finish().unwrap()].concat();
    for (name, content) in [
        ("BTCUSDT_1h.csv", bars.to_vec()),
        ("BTCUSDT_1h.csv.zst", zstd.clone()),
        ("BTCUSDT_1h.csv.lz4", lz4),
        ("BTCUSDT_1h.csv.lz4", two_frames),
        ("BTCUSDT_1h.csv.gz", two_members),
        ("BTCUSDT_1h.csv.gz", gzipped(&gzipped(bars))),
        ("BTCUSDT_1h.zip", zipped(&[(NAME, bars)])),
        ("BTCUSDT_1h.zip", zipped(&[("inner.zip", &zipped(&[(NAME, bars)]))])),
        ("BTCUSDT_1h.zip", zipped(&[("BTCUSDT_1h.csv.gz", &gzipped(bars))])),
        ("BTCUSDT_1h.csv.gz", gzipped(&zipped(&[(NAME, bars)]))),
        // A client unpacked it and kept the name's ending, or packed it otherwise.
        ("BTCUSDT_1h.csv.gz", zstd),
    ] {
        assert_eq!(rows(name, &content), 2, "{name}");
    }
    let thrice = gzipped(&gzipped(&gzipped(bars)));
    let said = refusal("BTCUSDT_1h.csv.gz", &thrice, &options());
    assert_eq!(said, "an archive in 2 others cannot be ingested");
}

#[test]
fn hostile_files_are_refused_by_name() {
    let bars = BARS.as_bytes();
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(BARS.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let nul = BARS.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let line = format!("{BARS}{}\n", "1,".repeat(60_000));
    let field = format!("{BARS}1733018400000,{},3,1,2,5\n", "1".repeat(5_000));
    let deep = "[".repeat(100_000);
    let mut crc = zipped(&[(NAME, bars)]);
    // The checksum of the first local header and of the directory do not count; the text does.
    let at = crc.windows(3).position(|w| w == b"csv").unwrap() + 5;
    crc[at] ^= 1;
    let mut garbage = zipped(&[(NAME, bars)]);
    garbage.extend(b"more");
    let mut after_gzip = gzipped(bars);
    after_gzip.extend(b"more");
    let mut stored = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let method = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    stored.start_file(NAME, method).unwrap();
    stored.write_all(bars).unwrap();
    let mut stored = stored.finish().unwrap().into_inner();
    let at = stored.windows(4).position(|w| w == b"1733").unwrap();
    stored[at] = b'2';
    let mut encrypted = zipped(&[(NAME, bars)]);
    for signature in [&b"PK\x03\x04"[..], b"PK\x01\x02"] {
        let at = encrypted.windows(4).position(|w| w == signature).unwrap();
        let flags = if signature[2] == 3 { at + 6 } else { at + 8 };
        encrypted[flags] |= 1;
    }
    let many: Vec<(String, &[u8])> = (0..10_001).map(|i| (format!("{i}.txt"), &b""[..])).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(n, c)| (n.as_str(), *c)).collect();
    for (name, content, said) in [
        (
            "BTCUSDT_1h.zip",
            zipped(&[("../../etc/x.csv", bars)]),
            "its entry `../../etc/x.csv` points out of the archive",
        ),
        (
            "BTCUSDT_1h.zip",
            zipped(&[("/etc/x.csv", bars)]),
            "its entry `/etc/x.csv` points out of the archive",
        ),
        (
            "BTCUSDT_1h.zip",
            zipped(&[("C:\\x.csv", bars)]),
            "its entry `C:\\\\x.csv` points out of the archive",
        ),
        (
            "BTCUSDT_1h.zip",
            zipped(&many),
            "10001 entries of a zip archive, where at most 10000 are allowed",
        ),
        ("BTCUSDT_1h.zip", garbage, "damaged or cut off: bytes after the end of a zip archive"),
        (
            "BTCUSDT_1h.zip",
            stored,
            "damaged or cut off: a zip entry does not have its length or checksum",
        ),
        ("BTCUSDT_1h.zip", encrypted, "an encrypted zip entry cannot be ingested"),
        ("BTCUSDT_1h.zip", bars.to_vec(), "damaged or cut off: it does not begin as zip does"),
        (NAME, utf16, "is UTF-16 where UTF-8 is expected"),
        (NAME, nul, "is text with NUL bytes, perhaps UTF-16 where UTF-8 is expected"),
        (NAME, line.into_bytes(), "120000 bytes of a line, where at most 65536 are allowed"),
        (NAME, field.into_bytes(), "5000 bytes of a field, where at most 4096 are allowed"),
        ("x.json", deep.into_bytes(), "33 levels of JSON, where at most 32 are allowed"),
    ] {
        assert_eq!(refusal(name, &content, &options()), said, "{name}");
    }
    assert!(refusal("BTCUSDT_1h.zip", &crc, &options()).starts_with("damaged or cut off"));
    assert!(
        refusal("BTCUSDT_1h.csv.gz", &after_gzip, &options()).starts_with("damaged or cut off")
    );
    // Ten thousand digits are a number; a message does not print them all.
    let digits = format!("{BARS}1733018400000,x{},3,1,2,5\n", "1".repeat(3_000));
    assert!(refusal(NAME, digits.as_bytes(), &options()).len() < 400);
}

#[test]
fn limits_hold_while_unpacking_whatever_is_declared() {
    let text = format!("{BARS}{}", " \n".repeat(9 << 20));
    let bomb = gzipped(text.as_bytes());
    let tight = Options { limits: Limits { ratio: 20, ..Limits::default() }, ..options() };
    let said = refusal("BTCUSDT_1h.csv.gz", &bomb, &tight);
    assert!(said.ends_with("times its size when unpacked, where at most 20 are allowed"), "{said}");
    let zip_bomb = zipped(&[(NAME, text.as_bytes())]);
    let said = refusal("BTCUSDT_1h.zip", &zip_bomb, &tight);
    assert!(said.ends_with("times its size when unpacked, where at most 20 are allowed"), "{said}");
    let few = Limits { unpacked_bytes: 1 << 20, ..Limits::default() };
    let said = refusal("BTCUSDT_1h.csv.gz", &bomb, &Options { limits: few, ..options() });
    assert!(said.contains("bytes unpacked, where at most 1048576 are allowed"), "{said}");
    let small = Limits { file_bytes: 10, ..Limits::default() };
    let said = refusal(NAME, BARS.as_bytes(), &Options { limits: small, ..options() });
    assert_eq!(said, "85 bytes on disk, where at most 10 are allowed");
    let short = Limits { rows: 100, ..Limits::default() };
    let said = refusal(NAME, BARS.repeat(100).as_bytes(), &Options { limits: short, ..options() });
    assert_eq!(said, "301 lines, where at most 100 are allowed");

    // A header that lies about the size, small and large.
    for size in [7_u32, 40 << 20, u32::MAX - 1] {
        let mut lie = zipped(&[(NAME, BARS.as_bytes())]);
        for (signature, at) in [(&b"PK\x03\x04"[..], 22), (b"PK\x01\x02", 24)] {
            let start = lie.windows(4).position(|w| w == signature).unwrap();
            lie[start + at..start + at + 4].copy_from_slice(&size.to_le_bytes());
        }
        let said = refusal("BTCUSDT_1h.zip", &lie, &options());
        assert!(said.starts_with("damaged or cut off"), "{size}: {said}");
    }
}

#[test]
fn long_texts_are_read_in_blocks_to_the_same_rows() {
    // Fifty million bytes and more stay packed; half a minute of hourly bars is enough of rows.
    let filler = format!("{}\n", " ".repeat(4_000));
    let mut text = BARS.to_owned();
    for _ in 0..13_000 {
        text.push_str(&filler);
    }
    text.push_str("1733018400000,2,4,2,3,6\n");
    let loose = Limits { ratio: 1_000_000, ..Limits::default() };
    let bench = Bench::new();
    for (name, content) in
        [(NAME, text.clone().into_bytes()), ("BTCUSDT_1h.zip", zipped(&[(NAME, text.as_bytes())]))]
    {
        let path = bench.write(name, content);
        bench.ingest(&path, &Options { limits: loose, ..options() }).unwrap();
        assert_eq!(bench.only().1.len(), 3, "{name}");
        fs::remove_file(path).unwrap();
    }
    text.push_str("1733022000000,2,4,2,x,6\n");
    let path = bench.write(NAME, text);
    let failure = failures(bench.ingest(&path, &options())).remove(0);
    assert!(
        failure.to_string().ends_with(":13005: `close` is `x`, which is not a number"),
        "{failure}"
    );
}

#[cfg(unix)]
#[test]
fn pipes_and_loops_of_links_are_left_out() {
    use std::os::unix::fs::symlink;
    let bench = Bench::new();
    let good = bench.write("a/BTCUSDT_1h.csv", BARS);
    let folder = bench.folder.path().join("archives");
    symlink(&folder, folder.join("a/loop")).unwrap();
    symlink("nowhere", folder.join("a/dangling.csv")).unwrap();
    let socket = folder.join("pipe.csv");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let summary = bench.ingest(&folder, &options()).unwrap();
    let left_out: Vec<_> =
        summary.left_out.iter().map(|n| format!("{}: {}", n.file, n.message)).collect();
    assert_eq!(
        left_out,
        [
            "a/dangling.csv: it is a link to nothing, or may not be looked at",
            "a/loop: it is a link back to a folder that it is in",
            "pipe.csv: it is no regular file",
        ]
    );
    let failure = failures(bench.ingest(&socket, &options())).remove(0);
    assert_eq!(failure.problem.to_string(), "is a socket, no regular file");
    assert!(good.exists());
}

#[test]
fn column_files_that_lie_are_refused() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz_seeds");
    let feather =
        fs::read(seeds.join("freqtrade@1/binance-usdm/BTC_USDT_USDT-1h-futures.feather")).unwrap();
    let name = "BTC_USDT_USDT-1h-futures.feather";
    assert_eq!(rows(name, &feather), 6);
    // Every eight bytes in turn claim to be enormous: nothing is allocated for any of them.
    for at in (0..feather.len() - 8).step_by(8) {
        let mut lie = feather.clone();
        lie[at..at + 8].copy_from_slice(&(i64::MAX / 2).to_le_bytes());
        let _ = decoded("freqtrade/1", Path::new(name), lie);
    }
    let bench = Bench::new();
    bench.ingest(bench.write(NAME, BARS), &options()).unwrap();
    let series = bench.lake.series().unwrap().remove(0);
    let (_, month) = bench.lake.months(&series).unwrap().remove(0);
    let parquet = fs::read(&month).unwrap();
    let path = bench.write("binance-usdm/BTCUSDT_1h.parquet", &parquet);
    assert!(decoded("generic/1", &path, parquet.clone()));
    // The metadata at the end, byte by byte.
    for at in parquet.len().saturating_sub(2500)..parquet.len() {
        let mut lie = parquet.clone();
        lie[at] = if at % 2 == 0 { 0xff } else { 0x7f };
        fs::write(&path, &lie).unwrap();
        let _ = decoded("generic/1", &path, lie);
    }
}

/// Whether a file is read. A reader that panics is caught where files are, and so here.
fn decoded(format: &str, path: &Path, bytes: Vec<u8>) -> bool {
    let decode = || fuzzing::decode(format, path, bytes, Limits::default());
    catch_unwind(AssertUnwindSafe(decode)).is_ok_and(|decoded| decoded.is_ok())
}

/// Peak memory of this process in bytes, where the system tells it.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

#[test]
fn a_bomb_takes_no_more_memory_than_a_block() {
    const VARIABLE: &str = "PLIMSOLL_BOMB";
    // The child of this very test: only there is the peak the bomb's alone.
    if let Some(path) = std::env::var_os(VARIABLE) {
        let bench = Bench::new();
        let before = peak().unwrap();
        let loose = Limits { ratio: 1_000_000, ..Limits::default() };
        for limits in [Limits::default(), loose] {
            failures(bench.ingest(Path::new(&path), &Options { limits, ..options() }));
        }
        let grown = peak().unwrap() - before;
        assert!(grown < 120 << 20, "{grown} bytes");
        return;
    }
    if peak().is_none() {
        eprintln!("skipped: this system does not tell the peak of memory");
        return;
    }
    let bench = Bench::new();
    let path = bench.folder.path().join("BTCUSDT_1h.csv.zst");
    // A gigabyte of spaces without one line end.
    let spaces = vec![b' '; 1 << 20];
    let mut zstd = zstd::Encoder::new(File::create(&path).unwrap(), 1).unwrap();
    (0..1024).for_each(|_| zstd.write_all(&spaces).unwrap());
    zstd.finish().unwrap();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["hostile::a_bomb_takes_no_more_memory_than_a_block", "--exact"])
        .env(VARIABLE, &path)
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
}
