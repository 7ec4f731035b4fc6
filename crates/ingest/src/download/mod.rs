//! Public archives from venues: what exists, fetched whole or not at all.
//!
//! - A [`Request`] becomes a [`Plan`] without any network: a list of files with their paths on
//!   the server, which are also their paths on disk, below `raw/<venue>`.
//! - A file is first `.NAME.part`; it gets its name when its length and, where the venue offers
//!   one, its checksum are right. A part is continued where the server says that it is still the
//!   same file, else it is begun again.
//! - What the server does not have is a hole: unknown, which is not the same as quiet.
//! - A file that changed since it was downloaded is kept beside the old one, with the start of
//!   its hash in its name.
//!
//! Sources of the addresses: the venues' public documentation and the page of Binance's bucket,
//! which names the listing that it reads. Hyperliquid's buckets are paid by whoever asks, and are
//! therefore not read here.

mod binance;
mod bybit;
mod dialect;
mod fetch;
mod http;
mod hyperliquid;
mod journal;
mod listing;
mod okx;
mod pages;
mod part;
mod plan;
mod retry;
mod run;
mod tardis;

use std::path::PathBuf;
use std::time::Duration;

use plimsoll_market::{Interval, Timestamp};

pub use http::ApiKey;
pub use plan::{DownloadKind, DownloadSource, Item, Plan, Request};
pub use run::{FileResult, Report, Status, download};

/// Why a download could not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// Not a venue that anything is known to be downloaded from.
    #[error("`{venue}` is no venue with public archives; those are {known}")]
    UnknownVenue {
        /// As asked.
        venue: String,
        /// All that there are.
        known: String,
    },
    /// A venue does not offer a kind of file.
    #[error("{venue} offers no {kind}: {reason}")]
    NotOffered {
        /// The venue.
        venue: String,
        /// What was asked for.
        kind: DownloadKind,
        /// Why not, and what to do instead.
        reason: String,
    },
    /// A bar length that a venue does not have.
    #[error("{venue} offers no {interval} bars; it has {known}")]
    BadInterval {
        /// The venue.
        venue: String,
        /// As asked.
        interval: Interval,
        /// All that there are.
        known: String,
    },
    /// A symbol that could not stand in a path.
    #[error(
        "`{symbol}` is no symbol: letters, digits, `_`, `-`, `.` and `@` only, and not `.` first"
    )]
    BadSymbol {
        /// As asked.
        symbol: String,
    },
    /// A period without time in it.
    #[error("the period from {from} to {to} is empty; the end is exclusive")]
    EmptyPeriod {
        /// Start.
        from: Timestamp,
        /// End, exclusive.
        to: Timestamp,
    },
    /// An address that cannot be one.
    #[error("{reason}")]
    BadUrl {
        /// What is wrong.
        reason: String,
    },
    /// Another process downloads into the same folder.
    #[error("another download is writing to {}", folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// A file or folder of this machine.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl DownloadError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::UnknownVenue { .. } => "write one of these",
            Self::NotOffered { .. } => "leave the kind out, or do as the reason says",
            Self::BadInterval { .. } => "pass --interval with one of these",
            Self::BadSymbol { .. } => "write the symbol as the venue does, several with commas",
            Self::EmptyPeriod { .. } => "pass a later --to",
            Self::BadUrl { .. } => "write an address as https://archive.example/binance",
            Self::Locked { .. } => "wait until it is through",
            Self::Io { .. } => return None,
        };
        Some(text.to_owned())
    }
}

/// How patiently and how politely a download goes about it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Files fetched at the same time.
    pub jobs: usize,
    /// Tries in a row that may bring nothing before a file is given up.
    pub tries: usize,
    /// Upper bound of the wait before the second try; it doubles from try to try.
    pub backoff: Duration,
    /// The bound doubles no further than this.
    pub backoff_max: Duration,
    /// A server that asks to wait longer is given up.
    pub retry_after_max: Duration,
    /// For a connection to come about.
    pub connect_timeout: Duration,
    /// For an answer to begin.
    pub answer_timeout: Duration,
    /// Between two pieces of an answer.
    pub read_timeout: Duration,
    /// For one request as a whole.
    pub total_timeout: Duration,
    /// A longer file is refused.
    pub file_bytes_max: u64,
    /// Seed of the jitter.
    pub seed: u64,
    /// The time by the wall clock: of what is not over an hour before it, more may come, and it is
    /// asked for again. Without it every period counts as over.
    pub now: Option<Timestamp>,
    /// Factor on every wait: 1, or less where a test must be quick.
    pub time_scale: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            jobs: 4,
            tries: 6,
            backoff: Duration::from_millis(500),
            backoff_max: Duration::from_secs(30),
            retry_after_max: Duration::from_mins(5),
            connect_timeout: Duration::from_secs(15),
            answer_timeout: Duration::from_mins(1),
            read_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_hours(1),
            file_bytes_max: 16 << 30,
            seed: 1,
            now: None,
            time_scale: 1.0,
        }
    }
}

/// Told what a download is doing. Calls come from any thread.
pub trait DownloadProgress: Sync {
    /// So many files are to be looked at; their size as far as it is known.
    fn start(&self, files: usize, bytes: Option<u64>);
    /// So many bytes have come; a negative number where a file is begun again.
    fn advance(&self, bytes: i64);
    /// A file is done with.
    fn done(&self, file: &FileResult);
}

impl DownloadProgress for crate::NoProgress {
    fn start(&self, _files: usize, _bytes: Option<u64>) {}
    fn advance(&self, _bytes: i64) {}
    fn done(&self, _file: &FileResult) {}
}
