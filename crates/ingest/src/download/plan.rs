//! From what is wanted to the files that hold it. No network, no clock.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use plimsoll_market::{DAY_MS, Interval, Timestamp};

use super::dialect::Dialect;
use super::{DownloadError, binance, bybit, http, hyperliquid, okx, tardis};

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Request {
    /// Venue identifier, such as `binance-usdm`.
    pub venue: String,
    /// Who is asked.
    pub source: DownloadSource,
    /// Symbols in the venue's own spelling.
    pub symbols: Vec<String>,
    /// Kinds of files.
    pub kinds: Vec<DownloadKind>,
    /// Start of the period.
    pub from: Timestamp,
    /// End of the period, exclusive.
    pub to: Timestamp,
    /// Length of bars.
    pub interval: Interval,
    /// A server to ask instead of the venue's own, for everything.
    pub base_url: Option<String>,
    /// Whether tardis.dev can be shown a key.
    pub has_key: bool,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DownloadSource {
    /// The venue, if it has public archives, else tardis.dev.
    #[default]
    Auto,
    /// tardis.dev, which has recorded the venue.
    Tardis,
}

/// A kind of file that venues offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DownloadKind {
    /// Bars of the trade price.
    Candles,
    /// Bars of the mark price.
    MarkCandles,
    /// Bars of the index price.
    IndexCandles,
    /// Bars of the premium index.
    PremiumIndexCandles,
    /// Funding rates.
    Funding,
    /// Open interest.
    OpenInterest,
    /// Forced orders.
    Liquidations,
    /// Trades, which become bars.
    Trades,
    /// Trades of one order together, which become bars.
    AggregateTrades,
}

impl DownloadKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Candles,
        Self::MarkCandles,
        Self::IndexCandles,
        Self::PremiumIndexCandles,
        Self::Funding,
        Self::OpenInterest,
        Self::Liquidations,
        Self::Trades,
        Self::AggregateTrades,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Candles => "candles",
            Self::MarkCandles => "mark",
            Self::IndexCandles => "index",
            Self::PremiumIndexCandles => "premium",
            Self::Funding => "funding",
            Self::OpenInterest => "open_interest",
            Self::Liquidations => "liquidations",
            Self::Trades => "trades",
            Self::AggregateTrades => "agg_trades",
        }
    }
}

impl fmt::Display for DownloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for DownloadKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The lake's longer names are understood as well.
        let short = text.strip_suffix("_candles").filter(|short| !short.is_empty());
        let short = match short.unwrap_or(text) {
            "premium_index" => "premium",
            other => other,
        };
        Self::ALL.into_iter().find(|kind| kind.name() == short).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("`{text}` is not a kind of file; the kinds are {known}")
        })
    }
}

/// One file to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it holds.
    pub kind: DownloadKind,
    /// Other kinds that it holds and that are wanted, too.
    pub also: Vec<DownloadKind>,
    /// Whose.
    pub symbol: String,
    /// Start of its period.
    pub from: Timestamp,
    /// End of its period, exclusive.
    pub to: Timestamp,
    /// Its path below the folder of the venue, with `/` between folders.
    pub file: String,
    /// Its size in bytes, if the server's listing tells.
    pub bytes: Option<u64>,
    pub(super) origin: Origin,
    /// What to fetch where the server does not have it.
    pub(super) instead: Vec<Item>,
}

/// Where a file comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A file of the server; its path there.
    Archive { path: String, has_checksum: bool, with_key: bool },
    /// Answers of an interface, a line each.
    Pages { dialect: Dialect, step_ms: i64, questions: Vec<Question> },
    /// Known from the listing not to be there.
    Absent,
}

/// One question to an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) path: String,
    /// What is sent with it; without, it is only asked for.
    pub(super) body: Option<String>,
}

/// The servers that are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hosts {
    pub(super) archive: String,
    /// Where the bucket lists what it holds, if it does.
    pub(super) listing: Option<String>,
    pub(super) api: String,
    /// Pause between two questions to the interface, by the venue's own limits.
    pub(super) api_pause: Duration,
}

/// Every file of a request.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The files, by kind, symbol and time.
    pub items: Vec<Item>,
    /// What the user should know before.
    pub notes: Vec<String>,
    /// The folder of the files below `raw`.
    pub folder: PathBuf,
    pub(super) hosts: Hosts,
}

/// Venues with archives or interfaces of their own.
const OWN: [&str; 10] = [
    "binance-usdm",
    "binance-coinm",
    "binance-spot",
    "bybit-linear",
    "bybit-inverse",
    "bybit-spot",
    "okx-swap",
    "okx-futures",
    "okx-spot",
    "hyperliquid",
];

impl Plan {
    /// The files that hold what is wanted: monthly ones for whole months where the venue has
    /// them, daily ones for the rest, questions to an interface where there is no archive.
    ///
    /// # Errors
    /// What cannot be wanted, with the reason.
    pub fn new(request: &Request) -> Result<Self, DownloadError> {
        if request.from >= request.to {
            return Err(DownloadError::EmptyPeriod { from: request.from, to: request.to });
        }
        for symbol in &request.symbols {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.@".contains(c);
            if symbol.is_empty() || symbol.starts_with('.') || !symbol.chars().all(is_plain) {
                return Err(DownloadError::BadSymbol { symbol: symbol.clone() });
            }
        }
        let is_own = OWN.contains(&request.venue.as_str());
        let by_tardis = request.source == DownloadSource::Tardis || !is_own;
        let mut plan = if by_tardis {
            tardis::plan(request)?
        } else {
            match request.venue.split('-').next() {
                Some("binance") => binance::plan(request)?,
                Some("bybit") => bybit::plan(request)?,
                Some("okx") => okx::plan(request)?,
                _ => hyperliquid::plan(request)?,
            }
        };
        if let Some(base) = &request.base_url {
            let base = base.trim_end_matches('/');
            if base.contains(['?', '#']) {
                let reason = format!("`{base}` has a question in it; name the folder only");
                return Err(DownloadError::BadUrl { reason });
            }
            let url = http::parse(base).map_err(|reason| DownloadError::BadUrl { reason })?;
            let needs_key =
                |item: &Item| matches!(item.origin, Origin::Archive { with_key: true, .. });
            if http::is_open(&url) && plan.items.iter().any(needs_key) {
                let reason =
                    format!("the key is not sent to `{base}` in the open; name an https address");
                return Err(DownloadError::BadUrl { reason });
            }
            base.clone_into(&mut plan.hosts.archive);
            base.clone_into(&mut plan.hosts.api);
            plan.hosts.listing = plan.hosts.listing.map(|_| base.to_owned());
        }
        // Twice the same word on the command line is no reason to fetch twice, nor are several
        // kinds in one file.
        let mut kinds: BTreeMap<String, Vec<DownloadKind>> = BTreeMap::new();
        plan.items.retain(|item| {
            let found = kinds.entry(item.file.clone()).or_default();
            let is_first = found.is_empty();
            if !found.contains(&item.kind) {
                found.push(item.kind);
            }
            is_first
        });
        for item in &mut plan.items {
            item.also = kinds.remove(&item.file).unwrap_or_default().split_off(1);
        }
        Ok(plan)
    }
}

/// Which venues there are, for an error.
pub(super) fn unknown_venue(venue: &str) -> DownloadError {
    let known: Vec<&str> = OWN.into_iter().chain(tardis::ONLY).collect();
    DownloadError::UnknownVenue { venue: venue.to_owned(), known: known.join(", ") }
}

/// A refusal of a kind.
pub(super) fn not_offered(request: &Request, kind: DownloadKind, reason: &str) -> DownloadError {
    DownloadError::NotOffered { venue: request.venue.clone(), kind, reason: reason.to_owned() }
}

/// The venue's word for the interval.
pub(super) fn interval_word(
    request: &Request,
    words: &[(&'static str, &'static str)],
) -> Result<&'static str, DownloadError> {
    let wanted = request.interval.to_string();
    let found = words.iter().find(|(ours, _)| *ours == wanted).map(|(_, theirs)| *theirs);
    found.ok_or_else(|| DownloadError::BadInterval {
        venue: request.venue.clone(),
        interval: request.interval,
        known: words.iter().map(|(ours, _)| *ours).collect::<Vec<_>>().join(", "),
    })
}

/// A stretch of time that one file can be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

impl Period {
    /// The calendar months that a stretch touches.
    pub(super) fn months(self) -> Vec<Self> {
        let mut months = Vec::new();
        let mut from = self.from.month_start();
        while from < self.to {
            let to = from.next_month_start();
            months.push(Self { from, to });
            from = to;
        }
        months
    }

    /// The days that a stretch touches.
    pub(super) fn days(self) -> Vec<Self> {
        let (first, end) = (self.from.day(), (self.to.0 - 1).div_euclid(DAY_MS));
        (first..=end)
            .map(|day| Self { from: Timestamp(day * DAY_MS), to: Timestamp((day + 1) * DAY_MS) })
            .collect()
    }

    pub(super) fn within(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), to: self.to.min(other.to) }
    }

    /// Consecutive pieces of at most so many milliseconds.
    pub(super) fn pieces(self, ms: i64) -> Vec<Self> {
        let mut pieces = Vec::new();
        let mut from = self.from;
        while from < self.to {
            let to = Timestamp(from.0 + ms).min(self.to);
            pieces.push(Self { from, to });
            from = to;
        }
        pieces
    }

    /// So much later, or earlier.
    pub(super) fn later(self, ms: i64) -> Self {
        Self { from: Timestamp(self.from.0 + ms), to: Timestamp(self.to.0 + ms) }
    }

    pub(super) fn is_month(self) -> bool {
        self.from == self.from.month_start() && self.to == self.from.next_month_start()
    }

    /// `2024-12`
    pub(super) fn month(self) -> String {
        self.from.date_string()[..7].to_owned()
    }

    /// `2024-12-05`
    pub(super) fn day(self) -> String {
        self.from.date_string()
    }

    /// `202412` or `20241205`.
    pub(super) fn digits(text: &str) -> String {
        text.replace('-', "")
    }

    /// For the name of a file of answers: the month, or the first and the last instant.
    fn name(self) -> String {
        if self.is_month() {
            return self.month();
        }
        let word = |time: Timestamp| match time.0.rem_euclid(DAY_MS) {
            0 => time.date_string(),
            _ => time.to_string().replace([':', '.'], ""),
        };
        format!("{}_to_{}", word(self.from), word(self.to))
    }
}

/// The period of a request.
pub(super) fn period(request: &Request) -> Period {
    Period { from: request.from, to: request.to }
}

/// How a monthly file is replaced by daily ones.
pub(super) fn monthly_or_daily(
    period: Period,
    monthly: impl Fn(Period) -> Item,
    daily: impl Fn(Period) -> Item,
) -> Vec<Item> {
    let mut items = Vec::new();
    for month in period.months() {
        let days: Vec<Item> = month.within(period).days().into_iter().map(&daily).collect();
        // A month that is asked for but for parts of its first or last day is asked for whole.
        let is_whole = days.first().is_some_and(|day| day.from == month.from)
            && days.last().is_some_and(|day| day.to == month.to);
        if is_whole {
            items.push(Item { instead: days, ..monthly(month) });
        } else {
            items.extend(days);
        }
    }
    items
}

/// A file of answers for each month of a period: `<folder>/<stem>-<month>.jsonl`.
pub(super) struct Pages<'a> {
    pub(super) kind: DownloadKind,
    pub(super) symbol: &'a str,
    pub(super) folder: String,
    pub(super) stem: String,
    pub(super) dialect: Dialect,
    /// Time between two rows, at most.
    pub(super) step_ms: i64,
    /// So much time fits into one answer.
    pub(super) window_ms: i64,
}

impl Pages<'_> {
    pub(super) fn items(&self, period: Period, question: impl Fn(Period) -> Question) -> Vec<Item> {
        let months = period.months().into_iter().map(|month| month.within(period));
        let item = |month: Period| Item {
            kind: self.kind,
            also: Vec::new(),
            symbol: self.symbol.to_owned(),
            from: month.from,
            to: month.to,
            file: format!("{}/{}-{}.jsonl", self.folder, self.stem, month.name()),
            bytes: None,
            origin: Origin::Pages {
                dialect: self.dialect,
                step_ms: self.step_ms,
                questions: month.pieces(self.window_ms).into_iter().map(&question).collect(),
            },
            instead: Vec::new(),
        };
        months.map(item).collect()
    }
}

/// A file of a server, kept under the path that it has there.
pub(super) fn archive(
    kind: DownloadKind,
    symbol: &str,
    period: Period,
    path: String,
    has_checksum: bool,
) -> Item {
    Item {
        kind,
        also: Vec::new(),
        symbol: symbol.to_owned(),
        from: period.from,
        to: period.to,
        file: path.clone(),
        bytes: None,
        origin: Origin::Archive { path, has_checksum, with_key: false },
        instead: Vec::new(),
    }
}
