//! Writing that a crash cannot leave half done.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::error::ReportError;

/// Folder inside the report's own folder, so that every rename stays on one file system.
const STAGING: &str = ".partial";

/// Writes `files` (name and content) into `dir`: all of them under temporary names first, then
/// renamed in their order. The last one marks a complete set: its predecessor is removed before the
/// first rename. What an interrupted earlier call left under temporary names is replaced.
///
/// # Errors
/// Whatever the file system refuses, with the path.
pub fn publish(dir: &Path, files: &[(&'static str, Vec<u8>)]) -> Result<(), ReportError> {
    let staging = dir.join(STAGING);
    fs::create_dir_all(&staging).map_err(io("make the folder", &staging))?;
    let written = stage(&staging, files).and_then(|()| move_in(&staging, dir, files));
    // The folder may hold the rest of an interrupted call; whatever it is, it is temporary.
    let removed = fs::remove_dir_all(&staging).map_err(io("remove", &staging));
    written.and(removed)
}

/// Writes one file whole or not at all: under a temporary name beside it, then renamed. Its folder
/// is made if it does not exist.
///
/// # Errors
/// Whatever the file system refuses, with the path.
pub fn publish_file(path: &Path, content: &[u8]) -> Result<(), ReportError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(io("make the folder", folder))?;
    }
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or(path.as_os_str()));
    name.push(".partial");
    let staging = path.with_file_name(name);
    let written = write_whole(&staging, content)
        .and_then(|()| fs::rename(&staging, path).map_err(io("replace", path)));
    if written.is_err() {
        // What is left is temporary; the first error is the one to tell.
        let _ = fs::remove_file(&staging);
    }
    written
}

fn write_whole(path: &Path, content: &[u8]) -> Result<(), ReportError> {
    let mut file = File::create(path).map_err(io("write", path))?;
    file.write_all(content).map_err(io("write", path))?;
    file.sync_all().map_err(io("write", path))
}

fn stage(staging: &Path, files: &[(&'static str, Vec<u8>)]) -> Result<(), ReportError> {
    for (name, content) in files {
        write_whole(&staging.join(name), content)?;
    }
    Ok(())
}

fn move_in(
    staging: &Path,
    dir: &Path,
    files: &[(&'static str, Vec<u8>)],
) -> Result<(), ReportError> {
    // Without the last file the set is recognisably incomplete while the others are exchanged.
    if let Some((last, _)) = files.last() {
        let path = dir.join(last);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(io("replace", &path)(error));
            }
            _ => {}
        }
    }
    for (name, _) in files {
        let path = dir.join(name);
        fs::rename(staging.join(name), &path).map_err(io("replace", &path))?;
    }
    Ok(())
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ReportError {
    let path = path.to_owned();
    move |source| ReportError::Io { action, path, source }
}
