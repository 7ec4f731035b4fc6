//! Progress bars, on a terminal only.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use plimsoll_ingest::download::{FileResult, Status};

use crate::output::{Output, counted};

/// Bytes read during ingestion, with rate and remaining time.
pub(crate) struct IngestBar {
    bar: ProgressBar,
}

impl IngestBar {
    pub(crate) fn new(output: Output) -> Self {
        Self { bar: bar(output) }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl plimsoll_ingest::Progress for IngestBar {
    fn start(&self, total_bytes: u64, files: usize) {
        self.bar.set_length(total_bytes);
        self.bar.set_style(style(
            "{msg} [{bar:30}] {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left",
        ));
        self.bar.set_message(format!("ingesting {}", counted(files, "file")));
    }

    fn advance(&self, bytes: u64, _file: &str) {
        self.bar.inc(bytes);
    }

    /// Files that are refused: all of them are listed at the end, with their mends.
    fn message(&self, _text: &str) {}
}

/// Bytes that come during a download.
pub(crate) struct DownloadBar {
    bar: ProgressBar,
}

impl DownloadBar {
    pub(crate) fn new(output: Output) -> Self {
        let bar = bar(output);
        bar.set_style(style("{spinner} {msg}  {elapsed}"));
        bar.set_message("reading what the server has");
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl plimsoll_ingest::download::DownloadProgress for DownloadBar {
    fn start(&self, files: usize, bytes: Option<u64>) {
        self.bar.set_message(format!("downloading {}", counted(files, "file")));
        if let Some(bytes) = bytes {
            self.bar.set_length(bytes);
            self.bar.set_style(style(
                "{msg} [{bar:30}] {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left",
            ));
        } else {
            self.bar.set_style(style("{spinner} {msg}  {bytes}  {bytes_per_sec}  {elapsed}"));
        }
    }

    fn advance(&self, bytes: i64) {
        if bytes < 0 {
            self.bar.dec(bytes.unsigned_abs());
        } else {
            self.bar.inc(bytes.unsigned_abs());
        }
    }

    fn done(&self, file: &FileResult) {
        // What is there already need not come.
        if file.status == Status::There {
            self.bar.inc(file.bytes.unwrap_or(0));
        }
    }
}

/// Stages of a study.
pub(crate) struct StudyBar {
    bar: ProgressBar,
}

impl StudyBar {
    pub(crate) fn new(output: Output) -> Self {
        let bar = bar(output);
        bar.set_style(style("{msg:12} [{bar:30}] {pos}/{len}  {elapsed}"));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl plimsoll_study::Progress for StudyBar {
    fn begin(&self, stage: &'static str, steps: usize) {
        self.bar.set_length(steps as u64);
        self.bar.set_position(0);
        self.bar.set_message(stage);
    }

    fn step(&self) {
        self.bar.inc(1);
    }
}

/// Something under way whose length is not known.
pub(crate) fn spinner(output: Output, message: &'static str) -> ProgressBar {
    let spinner = bar(output);
    spinner.set_style(style("{spinner} {msg}  {elapsed}"));
    spinner.set_message(message);
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

fn bar(output: Output) -> ProgressBar {
    let is_shown = !output.quiet && std::io::stderr().is_terminal();
    let target = if is_shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    ProgressBar::with_draw_target(None, target)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}
