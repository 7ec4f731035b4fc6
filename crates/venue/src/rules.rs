//! One venue's rules: the dated tables, looked up by symbol and date.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use plimsoll_market::{DAY_MS, Timestamp};
use sha2::{Digest, Sha256};

use crate::contract::underlying_of;
use crate::error::{TableKind, VenueError};
use crate::funding::FundingRule;
use crate::ladder::{Ladder, TierBasis};
use crate::process::LiquidationProcess;
use crate::profile::{VenueProfile, load_profiles};
use crate::tables::normalise_venue;
use crate::tables::{BY_A_THIRD_PARTY, DatedLadder, Fees, Instrument, Rows, Status, parse_table};
use crate::transfer::TransferRule;

/// The project's own tables, by file name.
const OWN_TABLES: &[(&str, &str)] = &[
    ("binance-usdm-brackets.csv", include_str!("../tables/binance-usdm-brackets.csv")),
    ("bybit-brackets.csv", include_str!("../tables/bybit-brackets.csv")),
    ("okx-brackets.csv", include_str!("../tables/okx-brackets.csv")),
    ("hyperliquid-brackets.csv", include_str!("../tables/hyperliquid-brackets.csv")),
    ("instruments.csv", include_str!("../tables/instruments.csv")),
    ("fees.csv", include_str!("../tables/fees.csv")),
    ("funding.csv", include_str!("../tables/funding.csv")),
    ("transfers.csv", include_str!("../tables/transfers.csv")),
];
const OWN_PROFILES: (&str, &str) = ("venues.toml", include_str!("../tables/venues.toml"));

/// A table of the user's own, with the columns of one of the project's.
///
/// Its rows are added; those for the same symbol and date take the place of the project's. The
/// ladder of a symbol and date is replaced as a whole. Whatever a row's status column says, its
/// status is [`Status::User`].
#[derive(Clone, Copy, Debug)]
pub struct UserTable<'a> {
    /// Name for messages, such as the file's.
    pub file: &'a str,
    /// The CSV text.
    pub text: &'a str,
}

/// The rules of one venue.
#[derive(Clone, Debug)]
pub struct VenueRules {
    profile: VenueProfile,
    ladders: BTreeMap<String, BTreeMap<Timestamp, DatedLadder>>,
    instruments: BTreeMap<String, BTreeMap<Timestamp, Instrument>>,
    fees: BTreeMap<Timestamp, Fees>,
    funding: BTreeMap<Timestamp, FundingRule>,
    transfers: BTreeMap<Timestamp, TransferRule>,
    version_hash: String,
}

impl VenueRules {
    /// Reads a venue's rules from the project's tables and the user's, later tables winning.
    /// `binance_usdm` is read as `binance-usdm`.
    ///
    /// # Errors
    /// [`VenueError::UnknownVenue`], or what is wrong with a table.
    pub fn load(venue: &str, user_tables: &[UserTable<'_>]) -> Result<Self, VenueError> {
        let mut profiles = load_profiles(OWN_PROFILES.0, OWN_PROFILES.1)?;
        let known: Vec<String> = profiles.keys().cloned().collect();
        let profile = profiles.remove(&normalise_venue(venue)).ok_or_else(|| {
            VenueError::UnknownVenue { venue: venue.to_owned(), known: known.clone() }
        })?;

        let mut hash = Sha256::new();
        hash_text(&mut hash, OWN_PROFILES.1);
        let mut rules = Self {
            profile,
            ladders: BTreeMap::new(),
            instruments: BTreeMap::new(),
            fees: BTreeMap::new(),
            funding: BTreeMap::new(),
            transfers: BTreeMap::new(),
            version_hash: String::new(),
        };
        let own = OWN_TABLES.iter().map(|&(file, text)| (UserTable { file, text }, false));
        let users = user_tables.iter().map(|&table| (table, true));
        for (UserTable { file, text }, is_users) in own.chain(users) {
            hash_text(&mut hash, text);
            rules.add(parse_table(file, text, &known, is_users)?);
        }
        rules.set_closing_fees()?;
        rules.version_hash = hexadecimal(hash);
        Ok(rules)
    }

    /// Names of the venues that have rules.
    ///
    /// # Errors
    /// As [`VenueRules::load`].
    pub fn venues() -> Result<Vec<String>, VenueError> {
        Ok(load_profiles(OWN_PROFILES.0, OWN_PROFILES.1)?.into_keys().collect())
    }

    /// What holds for the venue as a whole.
    pub fn profile(&self) -> &VenueProfile {
        &self.profile
    }

    /// The venue's identifier, such as `binance-usdm`.
    pub fn venue(&self) -> &str {
        &self.profile.id
    }

    /// How the venue liquidates.
    pub fn liquidation_process(&self) -> &LiquidationProcess {
        &self.profile.liquidation
    }

    /// The symbols that have brackets, sorted.
    pub fn symbols(&self) -> Vec<&str> {
        self.ladders.keys().map(String::as_str).collect()
    }

    /// SHA-256, in hexadecimal, of the project's tables and the user's, to go into a report.
    pub fn version_hash(&self) -> &str {
        &self.version_hash
    }

    /// The brackets of a symbol at a time.
    ///
    /// # Errors
    /// [`VenueError::UnknownSymbol`] and [`VenueError::BeforeTable`].
    pub fn ladder(&self, symbol: &str, at: Timestamp) -> Result<&Ladder, VenueError> {
        self.dated_ladder(symbol, at).map(|dated| &dated.ladder)
    }

    /// The brackets of a symbol at a time with their date, status and source.
    ///
    /// # Errors
    /// As [`VenueRules::ladder`].
    pub fn dated_ladder(&self, symbol: &str, at: Timestamp) -> Result<&DatedLadder, VenueError> {
        let by_date = self.of_symbol(&self.ladders, TableKind::Brackets, symbol)?;
        self.in_force(by_date, TableKind::Brackets, Some(symbol), at)
    }

    /// Every ladder in force within `[from, to)`, each with the instant from which it is: the
    /// first with `from`. Resolves the dates once, before a loop over bars.
    ///
    /// # Errors
    /// As [`VenueRules::ladder`], for `from`.
    pub fn ladders_between(
        &self,
        symbol: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Timestamp, &Ladder)>, VenueError> {
        let by_date = self.of_symbol(&self.ladders, TableKind::Brackets, symbol)?;
        let first = self.in_force(by_date, TableKind::Brackets, Some(symbol), from)?;
        let later = by_date
            .iter()
            .filter(|(date, _)| **date > from && **date < to)
            .map(|(date, dated)| (*date, &dated.ladder));
        Ok(std::iter::once((from, &first.ladder)).chain(later).collect())
    }

    /// The newest row of an instrument.
    ///
    /// # Errors
    /// [`VenueError::UnknownSymbol`].
    pub fn instrument(&self, symbol: &str) -> Result<&Instrument, VenueError> {
        self.instrument_at(symbol, Timestamp(i64::MAX))
    }

    /// An instrument's figures at a time.
    ///
    /// # Errors
    /// [`VenueError::UnknownSymbol`] and [`VenueError::BeforeTable`].
    pub fn instrument_at(&self, symbol: &str, at: Timestamp) -> Result<&Instrument, VenueError> {
        let by_date = self.of_symbol(&self.instruments, TableKind::Instruments, symbol)?;
        self.in_force(by_date, TableKind::Instruments, Some(symbol), at)
    }

    /// Trading fees at a time.
    ///
    /// # Errors
    /// [`VenueError::BeforeTable`].
    pub fn fees(&self, at: Timestamp) -> Result<&Fees, VenueError> {
        self.in_force(&self.fees, TableKind::Fees, None, at)
    }

    /// Every fee schedule in force within `[from, to)`, as [`VenueRules::ladders_between`].
    ///
    /// # Errors
    /// [`VenueError::BeforeTable`], for `from`.
    pub fn fees_between(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Timestamp, &Fees)>, VenueError> {
        let first = self.fees(from)?;
        let later =
            self.fees.iter().filter(|(d, _)| **d > from && **d < to).map(|(d, fees)| (*d, fees));
        Ok(std::iter::once((from, first)).chain(later).collect())
    }

    /// The funding rule at a time.
    ///
    /// # Errors
    /// [`VenueError::BeforeTable`].
    pub fn funding_rule(&self, at: Timestamp) -> Result<&FundingRule, VenueError> {
        self.in_force(&self.funding, TableKind::Funding, None, at)
    }

    /// What must stay at a time when margin is taken out.
    ///
    /// # Errors
    /// [`VenueError::BeforeTable`].
    pub fn transfer_rule(&self, at: Timestamp) -> Result<&TransferRule, VenueError> {
        self.in_force(&self.transfers, TableKind::Transfers, None, at)
    }

    /// The brackets that may have been in force at a time already, though the table shows them
    /// later: where it is made of snapshots, a change may lie [`bracket_lag_days`] before the
    /// snapshot that shows it, and longer where [snapshots are missing](VenueProfile::bracket_gaps).
    ///
    /// # Errors
    /// As [`VenueRules::ladder`].
    ///
    /// [`bracket_lag_days`]: VenueProfile::bracket_lag_days
    pub fn uncertain_successor(
        &self,
        symbol: &str,
        at: Timestamp,
    ) -> Result<Option<&DatedLadder>, VenueError> {
        let current = self.dated_ladder(symbol, at)?;
        let by_date = self.of_symbol(&self.ladders, TableKind::Brackets, symbol)?;
        Ok(by_date
            .values()
            .filter(|dated| dated.from > at && self.profile.changed_since(dated.from) <= at)
            .find(|dated| dated.status != Status::User && dated.ladder != current.ladder))
    }

    /// What a reader of a replay of these symbols over `[from, to)` has to know: the venue's
    /// caveats, figures of fees, funding rules, instruments and brackets that are assumed or by a
    /// third party's word, and brackets whose date is uncertain by the snapshots' spacing.
    ///
    /// # Errors
    /// As [`VenueRules::ladder`], [`VenueRules::instrument`] and [`VenueRules::fees`].
    pub fn notes(
        &self,
        symbols: &[&str],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<String>, VenueError> {
        let mut notes = self.profile.notes.clone();
        notes.extend(self.unseen_note(to));
        for (_, fees) in self.fees_between(from, to)? {
            if let Some(caveat) = caveat(fees.status) {
                let since = fees.from.date_string();
                notes.push(format!("Fees from {since} are {caveat}: {}.", fees.source));
            }
        }
        let first = self.funding.range(..=from).next_back();
        let later = self.funding.iter().filter(|(date, _)| **date > from && **date < to);
        notes.extend(first.into_iter().chain(later).filter_map(|(_, rule)| rule.note()));
        for symbol in symbols {
            let instrument = self.instrument(symbol)?;
            if !instrument.unverified.is_empty() {
                let columns = instrument.unverified.join(", ");
                notes.push(format!("{symbol}: unverified figures are used for {columns}."));
            }
            self.ladder_notes(symbol, from, to, &mut notes)?;
        }
        Ok(notes)
    }

    /// A sentence where brackets are asked for after they were last looked at.
    pub fn unseen_note(&self, at: Timestamp) -> Option<String> {
        self.profile.brackets_seen_until.filter(|seen| at > *seen).map(|seen| {
            format!(
                "Brackets were last looked at on {}: later changes are not in the table, and the last ones are used on.",
                seen.date_string()
            )
        })
    }

    fn ladder_notes(
        &self,
        symbol: &str,
        from: Timestamp,
        to: Timestamp,
        notes: &mut Vec<String>,
    ) -> Result<(), VenueError> {
        self.dated_ladder(symbol, from)?;
        let by_date = self.of_symbol(&self.ladders, TableKind::Brackets, symbol)?;
        let profile = &self.profile;
        let first = by_date.range(..=from).next_back();
        let is_met =
            |date: Timestamp| date > from && (date < to || profile.changed_since(date) < to);
        for (date, dated) in
            first.into_iter().chain(by_date.iter().filter(|(date, _)| is_met(**date)))
        {
            let day = date.date_string();
            if let Some(caveat) = caveat(dated.status).filter(|_| *date < to) {
                let source = &dated.source;
                notes.push(format!("{symbol}: brackets from {day} are {caveat}: {source}."));
            }
            if !dated.ladder.is_complete() && *date < to {
                let top = dated.ladder.brackets().last().map_or(0.0, |bracket| bracket.cap);
                let unit = match dated.ladder.basis() {
                    TierBasis::Notional => "of notional",
                    TierBasis::Quantity => "of quantity",
                };
                notes.push(format!(
                    "{symbol}: only the first brackets from {day} are known, up to {top} {unit}; nothing is known of larger positions, and none is opened."
                ));
            }
            let days = (date.0 - profile.changed_since(*date).0) / DAY_MS;
            if *date > from && days > 0 && dated.status != Status::User {
                notes.push(format!(
                    "{symbol}: brackets changed up to {days} days before {day}, from which on the new ones are used."
                ));
            }
        }
        Ok(())
    }

    fn add(&mut self, rows: Rows) {
        let is_ours = |venue: &String| *venue == self.profile.id;
        match rows {
            Rows::Brackets(ladders) => {
                for (_, symbol, dated) in ladders.into_iter().filter(|(v, ..)| is_ours(v)) {
                    self.ladders.entry(symbol).or_default().insert(dated.from, dated);
                }
            }
            Rows::Instruments(instruments) => {
                for (_, row) in instruments.into_iter().filter(|(v, _)| is_ours(v)) {
                    let by_date = self.instruments.entry(row.symbol.clone()).or_default();
                    by_date.insert(row.from, row);
                }
            }
            Rows::Fees(fees) => {
                let ours = fees.into_iter().filter(|(v, _)| is_ours(v));
                self.fees.extend(ours.map(|(_, row)| (row.from, row)));
            }
            Rows::Funding(funding) => {
                let ours = funding.into_iter().filter(|(v, _)| is_ours(v));
                self.funding.extend(ours.map(|(_, row)| (row.from, row)));
            }
            Rows::Transfers(transfers) => {
                let ours = transfers.into_iter().filter(|(v, _)| is_ours(v));
                self.transfers.extend(ours.map(|(_, row)| (row.from, row)));
            }
        }
    }

    /// Gives the ladders the fee of closing where it belongs to the requirement: the liquidation
    /// fee of the instrument in force when the ladder begins, or the taker fee where the symbol
    /// has no instrument.
    fn set_closing_fees(&mut self) -> Result<(), VenueError> {
        if !self.profile.requirement_includes_liquidation_fee {
            return Ok(());
        }
        for (symbol, by_date) in &mut self.ladders {
            let instruments = self.instruments.get(symbol);
            for (date, dated) in by_date {
                let instrument = instruments.and_then(|rows| in_force_or_first(rows, *date));
                let fee = match (instrument, in_force_or_first(&self.fees, *date)) {
                    (Some(row), _) => row.liquidation_fee_fraction,
                    (None, Some(row)) => row.taker_fee_fraction,
                    (None, None) => 0.0,
                };
                dated.ladder = dated.ladder.clone().with_closing_fee(fee)?;
            }
        }
        Ok(())
    }

    fn of_symbol<'a, T>(
        &self,
        by_symbol: &'a BTreeMap<String, BTreeMap<Timestamp, T>>,
        table: TableKind,
        symbol: &str,
    ) -> Result<&'a BTreeMap<Timestamp, T>, VenueError> {
        by_symbol.get(symbol).ok_or_else(|| VenueError::UnknownSymbol {
            table,
            venue: self.profile.id.clone(),
            symbol: symbol.to_owned(),
            suggestion: by_symbol
                .keys()
                .find(|known| underlying_of(known) == underlying_of(symbol))
                .cloned(),
            known: by_symbol.keys().cloned().collect(),
        })
    }

    fn in_force<'a, T>(
        &self,
        by_date: &'a BTreeMap<Timestamp, T>,
        table: TableKind,
        symbol: Option<&str>,
        at: Timestamp,
    ) -> Result<&'a T, VenueError> {
        if let Some((_, row)) = by_date.range(..=at).next_back() {
            return Ok(row);
        }
        let venue = self.profile.id.clone();
        Err(match by_date.keys().next() {
            Some(&first) => VenueError::BeforeTable {
                table,
                venue,
                symbol: symbol.map(str::to_owned),
                at,
                first,
            },
            None => VenueError::EmptyTable { table, venue },
        })
    }
}

/// What notes say of a status, if they say anything.
fn caveat(status: Status) -> Option<&'static str> {
    match status {
        Status::Unverified => Some("unverified"),
        Status::ThirdParty => Some(BY_A_THIRD_PARTY),
        Status::Official | Status::Capture | Status::User => None,
    }
}

/// The row in force at a time, or the first row where the table begins later.
fn in_force_or_first<T>(by_date: &BTreeMap<Timestamp, T>, at: Timestamp) -> Option<&T> {
    by_date.range(..=at).next_back().or_else(|| by_date.iter().next()).map(|(_, row)| row)
}

/// The length goes in as well, so that text cannot move from one table to the next unseen. The
/// file's name does not: it may hold a path.
pub(crate) fn hash_text(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}

/// The finished hash in hexadecimal.
pub(crate) fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
