//! What a file is about, as far as options, columns, its name and its folders tell.

use std::cell::RefCell;

use plimsoll_market::{Interval, Kind, Series};

use crate::archive::Archive;
use crate::error::Problem;
use crate::options::Options;

/// Venues whose identifier is looked for among the folders.
const VENUES: [&str; 12] = [
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
    "deribit",
    "bitmex",
];

/// Quote currencies by which a word is known for a symbol.
const QUOTES: [&str; 6] = ["USDT", "USDC", "FDUSD", "BUSD", "USD", "BTC"];

/// Words of file names and folders for bars of another price than the last.
const BAR_KINDS: [(&str, Kind); 4] = [
    ("premiumindex", Kind::PremiumIndexCandles),
    ("premium", Kind::PremiumIndexCandles),
    ("mark", Kind::MarkCandles),
    ("index", Kind::IndexCandles),
];

/// Folders further out than these are about more than prices: a disk, a user, a project.
const NEAR_FOLDERS: usize = 3;

/// Clues of one file.
pub(super) struct Identity<'a> {
    pub(super) options: &'a Options,
    pub(super) folders: Vec<String>,
    stem: &'a str,
    assumptions: RefCell<Vec<String>>,
}

impl<'a> Identity<'a> {
    pub(super) fn new(archive: &'a Archive, options: &'a Options) -> Self {
        Self {
            options,
            folders: archive.folders(),
            stem: &archive.stem,
            assumptions: RefCell::default(),
        }
    }

    /// Notes something that the file does not say.
    pub(super) fn assume(&self, what: impl Into<String>) {
        self.assumptions.borrow_mut().push(what.into());
    }

    pub(super) fn assumptions(&self) -> Vec<String> {
        self.assumptions.borrow().clone()
    }

    /// Venue by option, else by a folder's name.
    pub(super) fn venue(&self) -> Option<String> {
        let folder = || self.folders.iter().rev().find_map(|folder| venue_of_folder(folder));
        self.options.venue.clone().or_else(|| folder().map(str::to_owned))
    }

    /// Venue by option or folder, else the one given, which is then noted.
    pub(super) fn venue_or(&self, default: &str) -> String {
        self.venue().unwrap_or_else(|| {
            self.assume(format!("venue {default} assumed; pass --venue if it is another"));
            default.to_owned()
        })
    }

    /// Symbol by option, else the first word of the file's name if that looks like one.
    pub(super) fn symbol(&self) -> Result<String, Problem> {
        let word = self.stem.split(['_', '-']).next().unwrap_or_default();
        let looks_like_one = word.len() > 4
            && !word.chars().any(char::is_lowercase)
            && QUOTES.iter().any(|quote| word.ends_with(quote));
        let by_name = looks_like_one.then(|| word.to_owned());
        self.options.symbol.clone().or(by_name).ok_or(Problem::Unknown { what: "symbol" })
    }

    /// Interval by option, else by a word of the file's name, else by the folder.
    pub(super) fn interval(&self) -> Option<Interval> {
        let mut words = self.stem.split(['_', '-']).skip(1);
        let by_name = || words.find_map(interval_word);
        let by_folder = || self.folders.last().and_then(|folder| interval_word(folder));
        self.options.interval.or_else(by_name).or_else(by_folder)
    }

    /// The words of the file's name and of its folder's, in lower case.
    pub(super) fn words(&self) -> Vec<String> {
        let folder = self.folders.last().map(String::as_str).unwrap_or_default();
        // A folder is one word: of several, each could be about other files in it.
        let words = self.stem.split(['_', '-', ' ']).chain([folder]);
        words.map(|word| word.replace(['_', '-'], "").to_ascii_lowercase()).collect()
    }

    /// Which other price than the last bars are of, if the name of the file or its folder says so.
    pub(super) fn bar_kind(&self) -> Option<Kind> {
        let words = self.words();
        let said: Vec<Kind> = words.iter().filter_map(|word| bar_kind_word(word)).collect();
        BAR_KINDS.iter().map(|&(_, kind)| kind).find(|kind| said.contains(kind))
    }

    /// Which price bars without a volume are of, by the first word of the name, or of one of the
    /// nearest folders from the innermost on, that is mark, index or premium.
    pub(super) fn price_kind(&self) -> Option<Kind> {
        let folders = self.folders.iter().rev().take(NEAR_FOLDERS).map(String::as_str);
        let names = std::iter::once(self.stem).chain(folders);
        let mut words = names.flat_map(|name| name.split(|c: char| !c.is_ascii_alphanumeric()));
        words.find_map(bar_kind_word)
    }

    /// The series, with an interval only where the kind has one.
    pub(super) fn series(
        kind: Kind,
        venue: String,
        symbol: String,
        interval: Option<Interval>,
    ) -> Series {
        Series { kind, venue, symbol, interval: interval.filter(|_| kind.has_interval()) }
    }
}

/// `mark`, `markPrice` and `markPriceKlines`; not `market` or `markus`.
fn bar_kind_word(word: &str) -> Option<Kind> {
    let word = word.to_ascii_lowercase();
    let bars = ["klines", "kline", "candles", "candle"];
    let word = bars.iter().find_map(|bars| word.strip_suffix(bars)).unwrap_or(&word);
    let word = word.strip_suffix("price").unwrap_or(word);
    BAR_KINDS.iter().find(|(name, _)| *name == word).map(|&(_, kind)| kind)
}

/// `binance-usdm`, and `hyperliquid-2025-10-10`.
pub(super) fn venue_of_folder(folder: &str) -> Option<&'static str> {
    VENUES.into_iter().find(|venue| {
        let rest = folder.strip_prefix(venue);
        rest.is_some_and(|rest| {
            let date = rest.strip_prefix(['-', '_']).unwrap_or(rest);
            rest.is_empty()
                || date.len() < rest.len() && date.starts_with(|c: char| c.is_ascii_digit())
        })
    })
}

/// `5m` is an interval; `10` and `2024Q4` are not.
pub(super) fn interval_word(word: &str) -> Option<Interval> {
    word.parse().ok()
}
