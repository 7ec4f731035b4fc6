//! Does anything read later data than it may? The strategy is run on all data and again on data
//! whose later part is gone or different, and everything known by the cut has to be the same.
//!
//! At each of several cuts the later data are once removed and once changed (prices mirrored and
//! stretched about the last known close, other volumes, other funding); behind a decision they are
//! changed once more with the next bar missing, without volume or far away for some symbols, so that
//! orders find no fill. What is compared, bit for
//! bit: every feature and signal column up to the cut, the entries that had filled and the trades
//! that had ended, every rule's limits and multipliers at its decisions, and the decisions of the
//! replayed account with their equity and quantity. Half of the cuts are spread over the period,
//! half lie right behind a decision, where the smallest leak shows.
//!
//! It sees what the program computes. It does not see how the numbers in a strategy file were
//! chosen, how a signal file was made, or whether a record was revised after the fact.
//!
//! ```
//! use plimsoll_market::{Interval, Market, SymbolColumns, Timestamp};
//! use plimsoll_signal::FeatureColumn;
//! use plimsoll_study::lookahead::{LookaheadSettings, Walk, look};
//! use plimsoll_study::Unwatched;
//!
//! let close: Vec<f64> = (0..100).map(|bar| 100.0 + f64::from(bar % 7)).collect();
//! let market = Market {
//!     venue: "example".into(),
//!     interval: Interval::HOUR,
//!     start: Timestamp(0),
//!     n_bars: close.len(),
//!     symbols: vec![SymbolColumns { symbol: "BTCUSDT".into(), close, ..Default::default() }],
//! };
//! // A feature that is the close of the next bar.
//! let walk_of = |market: &Market| {
//!     let mut values = market.symbols[0].close.clone();
//!     values.rotate_left(1);
//!     let column = FeatureColumn { symbol_idx: 0, name: "tomorrow".into(), values };
//!     Ok(Walk { features: vec![column], ..Walk::default() })
//! };
//! let found = look(&market, 0, LookaheadSettings::default(), &walk_of, &Unwatched)?;
//! assert_eq!(found.changes[0].name, "tomorrow");
//! assert_eq!(found.changes[0].bars_ahead, 1);
//! # Ok::<(), plimsoll_study::StudyError>(())
//! ```
//!
//! - [`Walk`]: what one run leaves to be compared
//! - [`compare`](fn@compare): two runs up to a cut
//! - [`look`]: all cuts of a market
//! - [`lookahead`](fn@lookahead): a strategy on the lake

mod compare;
mod cuts;
mod findings;
mod later;
mod walk;

use plimsoll_market::{Interval, Market, Timestamp};
use serde::Serialize;

pub use compare::{Cut, Later, compare};
pub use cuts::CutPlace;
pub use findings::{Change, Compared, Findings, Subject};
pub use walk::{RuleWalk, Walk, Walker};

use crate::error::StudyError;
use crate::parse::Study;
use crate::run::{Places, Progress, load};

use cuts::cuts_of;
use later::{with_interrupted_future, with_other_future};

/// How hard to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookaheadSettings {
    /// Number of cuts spread over the period, and of cuts right behind decisions.
    pub cuts: usize,
}

/// Default of [`LookaheadSettings::cuts`].
pub const DEFAULT_CUTS: usize = 12;

impl Default for LookaheadSettings {
    fn default() -> Self {
        Self { cuts: DEFAULT_CUTS }
    }
}

/// What was compared and what changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lookahead {
    /// Venue of the data.
    pub venue: String,
    /// Symbols, in file order.
    pub symbols: Vec<String>,
    /// Bar length.
    pub interval: Interval,
    /// Open time of the period's first bar.
    pub from: Timestamp,
    /// Close time of its last.
    pub to: Timestamp,
    /// The cuts in time order.
    pub cuts: Vec<CutMade>,
    /// How many values were compared.
    pub compared: Compared,
    /// How many of them changed.
    pub changed: Compared,
    /// Everything that changed, one entry a name.
    pub changes: Vec<Change>,
    /// What the reader has to know besides.
    pub notes: Vec<String>,
}

/// A cut as it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CutMade {
    /// Data later than this are removed, then changed.
    pub time: Timestamp,
    /// Why it lies there.
    pub place: CutPlace,
}

impl Lookahead {
    /// Whether nothing changed.
    pub fn is_clean(&self) -> bool {
        self.changes.is_empty()
    }
}

/// Looks for later data in what a strategy does on the lake.
///
/// # Errors
/// As [`run`](fn@crate::run).
pub fn lookahead(
    study: &Study,
    places: &Places,
    settings: LookaheadSettings,
    progress: &dyn Progress,
) -> Result<Lookahead, StudyError> {
    progress.begin("loading", 1);
    let market = load(study, &places.data_dir)?;
    let walker = Walker::new(study, places)?;
    let from_bar = market.first_bar_from(study.data.from.0);
    if from_bar >= market.n_bars {
        return Err(StudyError::EmptyPeriod {
            from: study.data.from.0,
            to: study.data.to.0,
            interval: market.interval,
        });
    }
    progress.step();
    let walk_of = |market: &Market| walker.walk(market);
    let mut found = look(&market, from_bar, settings, &walk_of, progress)?;
    if let Some(file) = &study.signal.signal.file {
        found.notes.push(format!(
            "The signal comes from {file}: its rows are taken as given. Whether a row was made from \
             data up to its own time cannot be seen here."
        ));
    }
    Ok(found)
}

/// Runs `walk_of` on a market and on the same market with other later data, and compares.
///
/// The cuts lie behind `from_bar`; what is known before it is compared as well.
///
/// # Errors
/// Those of `walk_of` on the whole market and on the beginning of it. Where only the changed data
/// cannot be walked, a note says so.
pub fn look(
    market: &Market,
    from_bar: usize,
    settings: LookaheadSettings,
    walk_of: &dyn Fn(&Market) -> Result<Walk, StudyError>,
    progress: &dyn Progress,
) -> Result<Lookahead, StudyError> {
    progress.begin("all data", 1);
    let whole = walk_of(market)?;
    progress.step();
    let cuts = cuts_of(from_bar..market.n_bars, &whole, settings.cuts);
    let n_decided = cuts.iter().filter(|cut| cut.1 == CutPlace::AfterDecision).count();
    progress.begin("cutting", 2 * cuts.len() + n_decided);
    let mut findings = Findings::default();
    let mut notes = Vec::new();
    let mut turn = 0;
    for &(bar, place) in &cuts {
        let removed = walk_of(&market.truncated(bar))?;
        compare(&whole, &removed, Cut { bar, later: Later::Removed }, &mut findings);
        drop(removed);
        progress.step();
        let mut changed = vec![(Later::Changed, with_other_future(market, bar))];
        if place == CutPlace::AfterDecision {
            changed.push((Later::Interrupted, with_interrupted_future(market, bar, turn)));
            turn += 1;
        }
        for (later, market) in changed {
            match walk_of(&market) {
                Ok(walk) => compare(&whole, &walk, Cut { bar, later }, &mut findings),
                // A strategy may contradict itself on data that never were.
                Err(error) => notes.push(format!(
                    "With the data after {} {} the strategy does not run, so that this was not \
                     compared: {error}",
                    market.open_time(bar),
                    later.name(),
                )),
            }
            progress.step();
        }
    }
    if cuts.is_empty() {
        notes.push("The period is too short to be cut.".to_owned());
    } else if findings.compared.decisions == 0 {
        notes.push("No cut lies behind a decision, so that no size was compared.".to_owned());
    }
    Ok(Lookahead {
        venue: market.venue.clone(),
        symbols: market.symbols.iter().map(|symbol| symbol.symbol.clone()).collect(),
        interval: market.interval,
        from: market.open_time(from_bar),
        to: market.open_time(market.n_bars),
        cuts: cuts
            .iter()
            .map(|&(bar, place)| CutMade { time: market.open_time(bar), place })
            .collect(),
        compared: findings.compared,
        changed: findings.changed,
        changes: findings.changes(market),
        notes,
    })
}
