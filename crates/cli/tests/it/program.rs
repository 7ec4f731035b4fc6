//! Runs the binary and looks at what it leaves.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a call of the binary printed and how it ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Fails with what was printed unless the call succeeded.
    pub(crate) fn good(self) -> Self {
        assert_eq!(self.code, 0, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The one JSON document on stdout.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("{error}\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr)
        })
    }
}

/// The binary, called in a folder, without a terminal and without colours.
pub(crate) fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.current_dir(folder).args(words).env_remove("COLUMNS");
    command
}

/// Calls the binary in a folder.
pub(crate) fn plimsoll(folder: &Path, words: &[&str]) -> Ran {
    plimsoll_with(folder, words, "")
}

/// Calls the binary in a folder with a text on stdin.
pub(crate) fn plimsoll_with(folder: &Path, words: &[&str], stdin: &str) -> Ran {
    let mut child = command(folder, words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A call that reads nothing may have ended already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A call that has to fail: nothing on stdout, the exit code and the words as a text.
pub(crate) fn refusal(folder: &Path, words: &[&str]) -> String {
    refusal_with(folder, words, "")
}

/// [`refusal`] with a text on stdin.
pub(crate) fn refusal_with(folder: &Path, words: &[&str], stdin: &str) -> String {
    let ran = plimsoll_with(folder, words, stdin);
    assert_ne!(ran.code, 0, "{words:?} went through:\n{}", ran.stdout);
    assert_eq!(ran.stdout, "", "{words:?}");
    assert!(ran.stderr.contains("error: "), "{words:?}: {}", ran.stderr);
    format!("$ plimsoll {}\n{}exit code {}", words.join(" "), ran.stderr, ran.code)
}

/// An empty folder of a test's own below the build's folder for temporary files.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Every file below a folder with its bytes, by its path from there. Hidden files are no content:
/// the lock, and the list by which archives are known again.
pub(crate) fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.file_name().unwrap().to_string_lossy().starts_with('.') {
                files.insert(
                    path.strip_prefix(folder).unwrap().to_owned(),
                    fs::read(&path).unwrap(),
                );
            }
        }
    }
    files
}

/// Names of the files of a tree whose bytes differ or that only one of them has.
pub(crate) fn differences(
    one: &BTreeMap<PathBuf, Vec<u8>>,
    other: &BTreeMap<PathBuf, Vec<u8>>,
) -> Vec<PathBuf> {
    let names = one.keys().chain(other.keys());
    let mut names: Vec<PathBuf> =
        names.filter(|name| one.get(*name) != other.get(*name)).cloned().collect();
    names.sort();
    names.dedup();
    names
}

/// Compares with a snapshot; the system's number of an error is not part of it.
#[macro_export]
macro_rules! assert_text {
    ($name:expr, $text:expr) => {
        insta::with_settings!({
            filters => vec![(r" \(os error \d+\)", ""), (r"plimsoll\.exe", "plimsoll")],
            omit_expression => true,
        }, { insta::assert_snapshot!($name, $text) })
    };
}
