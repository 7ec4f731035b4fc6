//! Takes folders of archives into a lake and says how long it took: the library without the
//! command line. `cargo run --release --example ingest_folder -- DATA ARCHIVES...`

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use plimsoll_ingest::{IngestError, NoProgress, Options, ingest};
use plimsoll_market::Lake;

fn main() -> Result<(), IngestError> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let data = arguments.next().unwrap_or_else(|| PathBuf::from("data"));
    let paths: Vec<PathBuf> = arguments.collect();
    let start = Instant::now();
    let summary = ingest(&paths, &Options::default(), &Lake::new(data), &NoProgress)?;
    let seconds = start.elapsed().as_secs_f64();
    let _ = writeln!(
        std::io::stdout(),
        "{} rows, {} files, {seconds:.3} s",
        summary.rows,
        summary.files
    );
    Ok(())
}
