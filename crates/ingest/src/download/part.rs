//! A file on its way: hidden, continued after a break if the server still has the same one,
//! named only when it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// `.NAME.part` beside the file that it will be.
pub(super) struct Part {
    path: PathBuf,
    about_path: PathBuf,
    about: About,
    /// Bytes in it.
    pub(super) bytes: u64,
}

/// What a part is a part of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct About {
    /// The version that the server said it is.
    validator: Option<String>,
}

impl Part {
    /// The part of a file, as a run before left it, or an empty one.
    pub(super) fn open(file: &Path) -> io::Result<Self> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let path = file.with_file_name(format!(".{name}.part"));
        let about_path = file.with_file_name(format!(".{name}.part.about"));
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let about = fs::read(&about_path)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default();
        let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        Ok(Self { path, about_path, about, bytes })
    }

    /// What tells that the server's file is still the one that this is a part of.
    pub(super) fn validator(&self) -> Option<&str> {
        self.about.validator.as_deref().filter(|_| self.bytes > 0)
    }

    /// Empties it and notes which version comes now.
    pub(super) fn begin(&mut self, validator: Option<String>) -> io::Result<File> {
        let file = File::create(&self.path)?;
        self.bytes = 0;
        self.about = About { validator };
        fs::write(&self.about_path, serde_json::to_vec(&self.about)?)?;
        Ok(file)
    }

    /// Opens it for what is missing at its end.
    pub(super) fn go_on(&self) -> io::Result<File> {
        OpenOptions::new().append(true).open(&self.path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn sha256(&self) -> io::Result<String> {
        sha256(&self.path)
    }

    /// Takes it away.
    pub(super) fn discard(&mut self) {
        // What is not there need not be removed; what cannot be removed is begun again anyway.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(&self.about_path);
        self.about = About::default();
        self.bytes = 0;
    }

    /// Gives it its name, with everything on disk before.
    pub(super) fn finish(self, file: &Path) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        fs::rename(&self.path, file)?;
        let _ = fs::remove_file(&self.about_path);
        Ok(())
    }
}

/// Writes a small file so that it is there as a whole or not at all.
pub(super) fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut part = Part::open(file)?;
    let mut out = part.begin(None)?;
    if let Err(error) = out.write_all(bytes) {
        drop(out);
        part.discard();
        return Err(error);
    }
    part.finish(file)
}

/// SHA-256 of a file, in lower-case hexadecimal digits.
pub(super) fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        hasher.update(&buffer[..n]);
    }
    Ok(crate::archive::hex(&hasher.finalize()))
}
