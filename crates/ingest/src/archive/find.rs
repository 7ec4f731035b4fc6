//! Which files a run is to read.

use std::collections::BTreeSet;
use std::fs::{self, FileType, Metadata};
use std::path::{Path, PathBuf};

use super::{Input, has_data_ending};
use crate::error::IngestError;

/// Why the lake's own files are no sources.
const THE_LAKE: &str = "it is the lake that is written to";

/// The files at the given paths and, of the folders among them, what is left out and why.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) inputs: Vec<Input>,
    /// Name and reason.
    pub(crate) left_out: Vec<(String, &'static str)>,
}

/// Finds the files at the given paths. Folders are walked in order of name, links followed, but
/// never back into a folder that the walk is in, and never into the lake that is written to.
pub(crate) fn find(paths: &[PathBuf], lake: Option<&Path>) -> Result<Found, IngestError> {
    let mut found = Found::default();
    // A lake that is not there yet is in no folder.
    let lake = lake.and_then(|root| fs::canonicalize(root).ok());
    let lake = lake.as_deref();
    for path in paths {
        let metadata = fs::metadata(path).map_err(io(path))?;
        if metadata.is_dir() {
            let canonical = fs::canonicalize(path).map_err(io(path))?;
            if lake.is_some_and(|lake| canonical.starts_with(lake)) {
                let name = path.to_string_lossy().into_owned();
                found.left_out.push((name, THE_LAKE));
                continue;
            }
            walk(path, "", lake, &mut vec![canonical], &mut found)?;
        } else {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.inputs.push(Input {
                path: path.clone(),
                name,
                bytes: metadata.len(),
                is_named: true,
            });
        }
    }
    let mut seen = BTreeSet::new();
    found.inputs.retain(|input| seen.insert(input.path.clone()));
    Ok(found)
}

fn walk(
    folder: &Path,
    prefix: &str,
    lake: Option<&Path>,
    within: &mut Vec<PathBuf>,
    found: &mut Found,
) -> Result<(), IngestError> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(io(folder))? {
        entries.push(entry.map_err(io(folder))?.path());
    }
    entries.sort();
    for path in entries {
        let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if file_name.starts_with('.') {
            continue;
        }
        let name = format!("{prefix}{file_name}");
        let Ok(metadata) = fs::metadata(&path) else {
            found.left_out.push((name, "it is a link to nothing, or may not be looked at"));
            continue;
        };
        if metadata.is_dir() {
            let canonical = fs::canonicalize(&path).map_err(io(&path))?;
            if lake.is_some_and(|lake| canonical.starts_with(lake)) {
                found.left_out.push((name, THE_LAKE));
                continue;
            }
            if within.contains(&canonical) {
                found.left_out.push((name, "it is a link back to a folder that it is in"));
                continue;
            }
            within.push(canonical);
            walk(&path, &format!("{name}/"), lake, within, found)?;
            within.pop();
        } else if !metadata.is_file() {
            found.left_out.push((name, "it is no regular file"));
        } else if has_data_ending(&file_name) {
            found.inputs.push(Input { path, name, bytes: metadata.len(), is_named: false });
        } else if !file_name.ends_with(".CHECKSUM") {
            found.left_out.push((name, "it is no market data by its ending"));
        }
    }
    Ok(())
}

/// What a path is that is no regular file; `None` for one that is.
pub(super) fn irregular(metadata: &Metadata) -> Option<&'static str> {
    let file_type = metadata.file_type();
    if file_type.is_file() {
        None
    } else if file_type.is_dir() {
        Some("a folder")
    } else {
        Some(special(file_type))
    }
}

#[cfg(unix)]
fn special(file_type: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if file_type.is_fifo() {
        "a named pipe"
    } else if file_type.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn special(_: FileType) -> &'static str {
    "a special file"
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> IngestError + use<> {
    let path = path.to_owned();
    move |source| IngestError::Io { path, source }
}
