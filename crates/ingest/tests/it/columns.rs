//! Arrow and Parquet files that are small on disk and large once read.

use std::fs;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Float64Array, Int32Array, Int64Array, LargeStringArray, RecordBatch,
    StringArray,
};
use arrow::ipc::writer::FileWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::WriterProperties;
use plimsoll_ingest::{Options, Selection, ls_readable};

use crate::{Bench, failures};

fn bars(rows: usize, symbol: Option<ArrayRef>) -> RecordBatch {
    let times = (0..rows as i64).map(|row| 1_733_011_200_000 + row * 60_000);
    let ones = || Arc::new(Float64Array::from(vec![1.0; rows])) as ArrayRef;
    let mut columns = vec![("open_time", Arc::new(times.collect::<Int64Array>()) as ArrayRef)];
    for name in ["open", "high", "low", "close", "volume"] {
        columns.push((name, ones()));
    }
    columns.extend(symbol.map(|symbol| ("symbol", symbol)));
    RecordBatch::try_from_iter(columns).unwrap()
}

fn dictionary(rows: usize, word: &str) -> ArrayRef {
    let words = Arc::new(StringArray::from(vec![word]));
    Arc::new(DictionaryArray::new(Int32Array::from(vec![0; rows]), words))
}

fn feather(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

fn parquet(batch: &RecordBatch, compression: Compression) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_column_encoding("open_time".into(), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled("open_time".into(), false)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

fn options() -> Options {
    Options { venue: Some("binance-usdm".into()), ..Options::default() }
}

fn zstd() -> Compression {
    Compression::ZSTD(ZstdLevel::default())
}

fn refusal(name: &str, content: &[u8]) -> String {
    let bench = Bench::new();
    let path = bench.write(name, content);
    let failures = failures(bench.ingest(&path, &options()));
    assert_eq!(failures.len(), 1);
    assert!(bench.lake.series().unwrap().is_empty());
    failures[0].problem.to_string()
}

#[test]
fn a_long_word_of_a_dictionary_is_not_copied_for_every_row() {
    let batch = bars(60_000, Some(dictionary(60_000, &"A".repeat(32_000))));
    let expected = "32000 bytes of a field, where at most 4096 are allowed";
    for (name, bytes) in
        [("B_1m.feather", feather(&batch)), ("B_1m.parquet", parquet(&batch, zstd()))]
    {
        let found = refusal(name, &bytes);
        assert!(found.contains(expected), "{name}: {found}");
    }
    // Short enough each, and too long together.
    let batch = bars(60_000, Some(dictionary(60_000, &"A".repeat(4_000))));
    let found = refusal("B_1m.parquet", &parquet(&batch, zstd()));
    assert!(found.contains("times its size when unpacked"), "{found}");
}

#[test]
fn runs_of_equal_values_count_as_many_as_they_are() {
    let found = refusal("BTCUSDT_1m.parquet", &parquet(&bars(3_000_000, None), zstd()));
    assert!(found.contains("times its size when unpacked"), "{found}");
}

#[test]
fn symbols_are_read_from_columns_of_every_kind_of_text() {
    let word = "BTCUSDT";
    let columns: [ArrayRef; 3] = [
        Arc::new(StringArray::from(vec![word; 100])),
        Arc::new(LargeStringArray::from(vec![word; 100])),
        dictionary(100, word),
    ];
    for symbol in columns {
        let batch = bars(100, Some(symbol));
        for (name, bytes) in
            [("x_1m.feather", feather(&batch)), ("x_1m.parquet", parquet(&batch, zstd()))]
        {
            let bench = Bench::new();
            let path = bench.write(name, &bytes);
            bench.ingest(&path, &options()).unwrap();
            let (series, table) = bench.only();
            assert_eq!((series.symbol.as_str(), table.len()), (word, 100), "{name}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_checksum_is_no_endless_wait() {
    let bench = Bench::new();
    let path = bench.write("BTCUSDT_1m.feather", feather(&bars(100, None)));
    let pipe = path.with_file_name("BTCUSDT_1m.feather.CHECKSUM");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no mkfifo");
        return;
    }
    let failures = failures(bench.ingest(&path, &options()));
    assert!(failures[0].problem.to_string().contains("a .CHECKSUM that is a named pipe"));
    assert!(plimsoll_ingest::Settings::read(&pipe).is_err());
    fs::remove_file(pipe).unwrap();
}

#[test]
fn json_is_weighed_by_the_memory_that_it_would_take() {
    let objects = format!("[{}0]", r#"{"a":1},"#.repeat(2_000_000));
    let found = refusal("BTCUSDT_1m.json", objects.as_bytes());
    assert!(found.contains("bytes of memory"), "{found}");
    let lists = format!("[{}0]", "[1],".repeat(8_000_000));
    let found = refusal("BTCUSDT_1m.json", lists.as_bytes());
    assert!(found.contains("bytes of memory"), "{found}");
}

#[test]
fn a_damaged_month_hides_no_other_series() {
    let bench = Bench::new();
    for symbol in ["AUSDT", "BUSDT"] {
        let path = bench.write(&format!("{symbol}_1m.feather"), feather(&bars(100, None)));
        bench.ingest(&path, &options()).unwrap();
    }
    let series = bench.lake.series().unwrap();
    let (_, month) = bench.lake.months(&series[0]).unwrap().remove(0);
    fs::write(month, b"no Parquet").unwrap();
    let (found, unreadable) = ls_readable(&bench.lake, &Selection::default()).unwrap();
    assert_eq!(found.iter().map(|one| &one.series).collect::<Vec<_>>(), [&series[1]]);
    assert_eq!(unreadable.iter().map(|(one, _)| one).collect::<Vec<_>>(), [&series[0]]);
}
