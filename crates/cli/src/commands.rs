//! One module a command.

pub(crate) mod adl;
pub(crate) mod calc;
pub(crate) mod completions;
pub(crate) mod data;
pub(crate) mod demo;
pub(crate) mod download;
pub(crate) mod explain;
pub(crate) mod ingest;
pub(crate) mod lookahead;
pub(crate) mod risk;
pub(crate) mod schema;
pub(crate) mod settings;
pub(crate) mod study;
pub(crate) mod worlds;

use crate::error::CliError;

/// Sets the number of threads of the whole program.
pub(crate) fn use_threads(threads: Option<usize>) -> Result<(), CliError> {
    let Some(threads) = threads else {
        return Ok(());
    };
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().map_err(|error| {
        CliError::failed(format!("{threads} threads: {error}"), "try with fewer threads")
    })
}
