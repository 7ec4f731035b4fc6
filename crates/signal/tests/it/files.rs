//! Signal files: what is read and what is refused.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int8Array, Int64Array, StringArray, TimestampMicrosecondArray,
    TimestampMillisecondArray,
};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use plimsoll_market::Timestamp;
use plimsoll_signal::{SignalRow, read_signal_file};

const NOON_MS: i64 = 1_704_110_400_000;

fn expected() -> Vec<SignalRow> {
    let row = |time, symbol: &str, direction, stop| SignalRow {
        time: Timestamp(time),
        symbol: symbol.to_owned(),
        direction,
        stop,
    };
    vec![
        row(NOON_MS, "BTCUSDT", 1, Some(41_000.5)),
        row(NOON_MS + 3_600_000, "BTCUSDT", 0, None),
        row(NOON_MS + 3_600_000, "ETHUSDT", -1, Some(2_500.0)),
    ]
}

fn write(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn csv_files() {
    let folder = tempfile::tempdir().unwrap();
    for text in [
        "time,symbol,direction,stop\n2024-01-01T12:00:00Z,BTCUSDT,1,41000.5\n\
         2024-01-01T13:00:00Z,BTCUSDT,0,\n2024-01-01T13:00:00Z,ETHUSDT,-1,2500\n",
        // Other order, milliseconds, whole numbers written as floats, spaces, no last newline.
        "stop, direction, symbol, time\r\n41000.5, 1.0, BTCUSDT, 1704110400000\r\n\
         , 0, BTCUSDT, 2024-01-01 13:00:00\r\n2500, -1, ETHUSDT, 2024-01-01T14:00:00+01:00",
    ] {
        let path = write(folder.path(), "signals.csv", text);
        assert_eq!(read_signal_file(&path).unwrap(), expected(), "{text}");
    }
    let path = write(folder.path(), "no_stop.CSV", "time,symbol,direction\n2024-01-01,A,1\n");
    assert_eq!(read_signal_file(&path).unwrap()[0].stop, None);
}

#[test]
fn bad_csv_files_are_refused_with_line_value_and_rule() {
    let folder = tempfile::tempdir().unwrap();
    let head = "time,symbol,direction,stop\n2024-01-01,BTCUSDT,1,9\n";
    for (text, expect) in [
        (
            format!("{head}yesterday,BTCUSDT,1,9"),
            ":3: `time` is `yesterday`; write 2025-10-10T21:00:00Z or UTC milliseconds",
        ),
        (
            format!("{head}1704110400,BTCUSDT,1,9"),
            ":3: `time` is `1704110400`; write 2025-10-10T21:00:00Z or UTC milliseconds",
        ),
        (format!("{head}2024-01-02,,1,9"), ":3: `symbol` is ``; a symbol is never empty"),
        (
            format!("{head}2024-01-02,BTCUSDT,2,9"),
            ":3: `direction` is `2`; a direction is -1, 0 or 1",
        ),
        (
            format!("{head}2024-01-02,BTCUSDT,0.5,9"),
            ":3: `direction` is `0.5`; a direction is -1, 0 or 1",
        ),
        (
            format!("{head}2024-01-02,BTCUSDT,,9"),
            ":3: `direction` is ``; a direction is -1, 0 or 1",
        ),
        (
            format!("{head}2024-01-02,BTCUSDT,1,none"),
            ":3: `stop` is `none`; a stop is a price above 0, or empty",
        ),
        (
            format!("{head}2024-01-02,BTCUSDT,1,0"),
            ":3: `stop` is `0`; a stop is a price above 0, or empty",
        ),
        (
            format!("{head}2024-01-02,BTCUSDT,1,inf"),
            ":3: `stop` is `inf`; a stop is a price above 0, or empty",
        ),
        (
            format!("{head}2024-01-02,BTCUSDT,1"),
            ": CSV error: record 2 (line: 3, byte: 50): found record with 3 fields, but the previous record has 4 fields",
        ),
        ("time,symbol\n2024-01-01,A".to_owned(), ": column `direction` is missing"),
        (
            "time,symbol,direction,stops\n".to_owned(),
            ": unknown column `stops`; a signal file has time, symbol, direction, stop",
        ),
        ("time,symbol,direction,time\n".to_owned(), ": column `time` stands twice"),
        (String::new(), ": column `time` is missing"),
    ] {
        let path = write(folder.path(), "signals.csv", &text);
        let error = read_signal_file(&path).unwrap_err().to_string();
        assert_eq!(error, format!("{}{expect}", path.display()), "{text}");
    }
    let absent = read_signal_file(&folder.path().join("absent.csv")).unwrap_err().to_string();
    assert!(absent.contains("absent.csv: "), "{absent}");
    let path = write(folder.path(), "signals.txt", head);
    let error = read_signal_file(&path).unwrap_err().to_string();
    assert!(error.ends_with("the name of a signal file ends in .csv or .parquet"), "{error}");
}

fn parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn parquet_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("signals.parquet");
    let times = [NOON_MS, NOON_MS + 3_600_000, NOON_MS + 3_600_000];
    let symbol = || Arc::new(StringArray::from(vec!["BTCUSDT", "BTCUSDT", "ETHUSDT"])) as ArrayRef;
    let micros = times.map(|ms| ms * 1000).to_vec();
    let texts = vec!["2024-01-01T12:00:00Z", "2024-01-01 13:00:00", "2024-01-01T13:00:00Z"];
    let time_columns: [ArrayRef; 5] = [
        Arc::new(TimestampMillisecondArray::from(times.to_vec()).with_timezone("UTC")),
        Arc::new(TimestampMicrosecondArray::from(micros.clone())),
        Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("+02:00")),
        Arc::new(Int64Array::from(times.to_vec())),
        Arc::new(StringArray::from(texts)),
    ];
    let directions: [ArrayRef; 3] = [
        Arc::new(Int8Array::from(vec![1, 0, -1])),
        Arc::new(Int64Array::from(vec![1, 0, -1])),
        Arc::new(Float64Array::from(vec![1.0, -0.0, -1.0])),
    ];
    let stops: [ArrayRef; 2] = [
        Arc::new(Float64Array::from(vec![Some(41_000.5), None, Some(2_500.0)])),
        Arc::new(Float64Array::from(vec![41_000.5, f64::NAN, 2_500.0])),
    ];
    for time in &time_columns {
        for direction in &directions {
            for stop in &stops {
                let columns = vec![
                    ("symbol", symbol()),
                    ("time", time.clone()),
                    ("direction", direction.clone()),
                    ("stop", stop.clone()),
                ];
                parquet(&path, columns);
                let rows = read_signal_file(&path).unwrap();
                assert_eq!(rows, expected(), "{:?} {:?}", time.data_type(), direction.data_type());
            }
        }
    }
}

#[test]
fn parts_of_a_millisecond_round_up() {
    let folder = tempfile::tempdir().unwrap();
    let text = "time,symbol,direction\n2024-01-01T12:00:00.000,A,1\n\
                2024-01-01T12:00:00.0000000,A,0\n2024-01-01T12:00:00.000001Z,A,1\n\
                2024-01-01T12:00:00.0019+00:00,A,0\n";
    let ms = |path: &Path| -> Vec<i64> {
        read_signal_file(path).unwrap().iter().map(|row| row.time.0 - NOON_MS).collect()
    };
    let expect = [0, 0, 1, 2];
    assert_eq!(ms(&write(folder.path(), "a.csv", text)), expect);
    let path = folder.path().join("a.parquet");
    let micros = [0, 0, 1, 1900].map(|part| NOON_MS * 1000 + part).to_vec();
    parquet(
        &path,
        vec![
            ("time", Arc::new(TimestampMicrosecondArray::from(micros)) as ArrayRef),
            ("symbol", Arc::new(StringArray::from(vec!["A"; 4])) as ArrayRef),
            ("direction", Arc::new(Int64Array::from(vec![1, 0, 1, 0])) as ArrayRef),
        ],
    );
    assert_eq!(ms(&path), expect);
}

#[test]
fn bad_parquet_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("signals.parquet");
    let time = || {
        let times = vec![Some(NOON_MS), Some(NOON_MS + 1)];
        ("time", Arc::new(TimestampMillisecondArray::from(times)) as ArrayRef)
    };
    let symbol = || ("symbol", Arc::new(StringArray::from(vec!["A", "A"])) as ArrayRef);
    let direction = |second: Option<i64>| {
        ("direction", Arc::new(Int64Array::from(vec![Some(1), second])) as ArrayRef)
    };
    let no_time: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![Some(NOON_MS), None]));
    let no_symbol: ArrayRef = Arc::new(StringArray::from(vec![Some("A"), None]));
    for (columns, expect) in [
        (
            vec![time(), symbol(), direction(Some(3))],
            ":2: `direction` is `3`; a direction is -1, 0 or 1",
        ),
        (
            vec![time(), symbol(), direction(None)],
            ":2: `direction` is `NaN`; a direction is -1, 0 or 1",
        ),
        (
            vec![("time", no_time), symbol(), direction(Some(0))],
            ":2: `time` is `null`; write 2025-10-10T21:00:00Z or UTC milliseconds",
        ),
        (
            vec![time(), ("symbol", no_symbol), direction(Some(0))],
            ":2: `symbol` is ``; a symbol is never empty",
        ),
        (vec![time(), symbol()], ": column `direction` is missing"),
        (
            vec![time(), symbol(), direction(Some(0)), ("note", symbol().1)],
            ": unknown column `note`; a signal file has time, symbol, direction, stop",
        ),
        (
            vec![time(), symbol(), ("direction", symbol().1)],
            ": column `direction` of type Utf8 cannot be read: Cast error: Cannot cast string 'A' to \
             value of Float64 type",
        ),
    ] {
        parquet(&path, columns);
        let error = read_signal_file(&path).unwrap_err().to_string();
        assert_eq!(error, format!("{}{expect}", path.display()));
    }
    let path = write(folder.path(), "broken.parquet", "time,symbol\n");
    let error = read_signal_file(&path).unwrap_err().to_string();
    assert!(error.contains("broken.parquet: "), "{error}");
}
