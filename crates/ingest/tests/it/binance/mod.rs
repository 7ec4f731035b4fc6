//! Files of Binance: the archive's quirks, trades made into bars, and saved API answers.

mod api;
mod archive;
mod damage;
mod real;
mod trades;

use plimsoll_ingest::{Options, Summary};
use plimsoll_market::{Series, Table};

use crate::Bench;

/// Ingests one file and gives its only series.
fn ingest_one(name: &str, content: impl AsRef<[u8]>) -> (Series, Table, Summary) {
    ingest_one_as(name, content, &Options::default())
}

fn ingest_one_as(
    name: &str,
    content: impl AsRef<[u8]>,
    options: &Options,
) -> (Series, Table, Summary) {
    let bench = Bench::new();
    let path = bench.write(name, content);
    let summary = bench.ingest(path, options).unwrap();
    let (series, table) = bench.only();
    (series, table, summary)
}

fn messages(summary: &Summary) -> Vec<&str> {
    summary.notes.iter().map(|note| note.message.as_str()).collect()
}
