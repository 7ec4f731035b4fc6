//! What a venue does with margin, and the dated figures of its portfolio margin.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_market::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::error::VenueError;
use crate::rules::{UserTable, hash_text, hexadecimal};
use crate::tables::{Status, normalise_venue};

const OWN_TABLE: (&str, &str) =
    ("portfolio-margin.toml", include_str!("../../tables/portfolio-margin.toml"));

/// The margin rules of one venue.
#[derive(Clone, Debug, PartialEq)]
pub struct MarginRules {
    venue: String,
    policy: VenuePolicy,
    valuations: BTreeMap<Timestamp, ValuationRow>,
    /// By figure and underlying (`*` for all others), then by date.
    figures: BTreeMap<(Figure, String), BTreeMap<Timestamp, FigureRow>>,
    version_hash: String,
}

/// A dated figure of portfolio margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Figure {
    /// Moves of the price that all positions are repriced for, both ways; fractions below 1.
    SpotShockMoves,
    /// Moves of the extreme scenarios, both ways; fractions below 1.
    ExtremeMoves,
    /// Share of an extreme loss that is charged.
    ExtremeWeight,
    /// Move between maturities in a year, a fraction of the hedged notional.
    BasisAnnualMove,
    /// Least time between two maturities, spot and perpetual included, in years.
    BasisTenorYears,
    /// Minimum charge of a contract, a fraction of its notional.
    MinimumChargeFraction,
    /// Where each tier of the minimum charge begins, in US dollars; the first is 0.
    MinimumChargeFloors,
    /// What each tier of the minimum charge is multiplied by.
    MinimumChargeMultipliers,
    /// Contingency of perpetuals and futures, a fraction of their notional.
    PerpetualContingencyFraction,
    /// Initial margin over maintenance margin.
    InitialMarginFactor,
}

impl Figure {
    /// The word used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::SpotShockMoves => "spot_shock_moves",
            Self::ExtremeMoves => "extreme_moves",
            Self::ExtremeWeight => "extreme_weight",
            Self::BasisAnnualMove => "basis_annual_move",
            Self::BasisTenorYears => "basis_tenor_years",
            Self::MinimumChargeFraction => "minimum_charge_fraction",
            Self::MinimumChargeFloors => "minimum_charge_floors",
            Self::MinimumChargeMultipliers => "minimum_charge_multipliers",
            Self::PerpetualContingencyFraction => "perpetual_contingency_fraction",
            Self::InitialMarginFactor => "initial_margin_factor",
        }
    }

    /// Whether the values are of this figure, else the rule that they break.
    pub(crate) fn check(self, values: &[f64]) -> Result<(), &'static str> {
        let all = |holds: fn(f64) -> bool| values.iter().all(|&value| holds(value));
        let rising = values.windows(2).all(|pair| pair[0] < pair[1]);
        let starts_at_0 = values.first().is_some_and(|&first| first.abs() <= 0.0);
        let one = values.len() == 1;
        let (holds, rule) = match self {
            Self::SpotShockMoves | Self::ExtremeMoves => (
                !values.is_empty() && rising && all(|x| (0.0..1.0).contains(&x)),
                "rising fractions, 0 or above and below 1",
            ),
            Self::MinimumChargeFloors => (
                starts_at_0 && rising && all(f64::is_finite),
                "rising amounts, the first of them 0",
            ),
            Self::MinimumChargeMultipliers => (
                !values.is_empty() && all(|x| x >= 0.0 && x.is_finite()),
                "finite numbers, 0 or above",
            ),
            Self::InitialMarginFactor => {
                (one && all(|x| x >= 1.0 && x.is_finite()), "one finite number, 1 or above")
            }
            _ => (one && all(|x| x >= 0.0 && x.is_finite()), "one finite number, 0 or above"),
        };
        if holds { Ok(()) } else { Err(rule) }
    }
}

/// The price that a margin is taken at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MarginPrice {
    /// The leg's average entry price.
    Entry,
    /// Its mark price.
    Mark,
}

impl MarginPrice {
    pub(crate) fn of(self, entry_price: f64, mark_price: f64) -> f64 {
        match self {
            Self::Entry => entry_price,
            Self::Mark => mark_price,
        }
    }
}

/// Which prices a venue takes initial and maintenance margin at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Valuation {
    /// Initial margin of an isolated leg.
    pub isolated_initial: MarginPrice,
    /// Maintenance margin of an isolated leg.
    pub isolated_maintenance: MarginPrice,
    /// Initial margin of a cross leg.
    pub cross_initial: MarginPrice,
    /// Maintenance margin of a cross leg.
    pub cross_maintenance: MarginPrice,
}

/// What holds for a venue at every date.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, one column each")]
pub(crate) struct VenuePolicy {
    aliases: Vec<String>,
    pub title: String,
    /// Whether coins count as collateral.
    pub spot_collateral: bool,
    /// Whether the venue has inverse contracts and accounts kept in a coin.
    pub inverse_contracts: bool,
    /// Whether the fee of a liquidation counts as margin.
    pub fee_in_ratio: bool,
    /// Whether an equity that equals the margin is liquidated.
    pub liquidates_at_equality: bool,
    pub portfolio: PortfolioModel,
}

/// Which formulas of portfolio margin a venue has.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "model", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum PortfolioModel {
    None { reason: String },
    Bybit,
    Okx,
}

#[derive(Clone, Debug, PartialEq)]
struct ValuationRow {
    valuation: Valuation,
    status: Status,
    source: String,
}

#[derive(Clone, Debug, PartialEq)]
struct FigureRow {
    values: Vec<f64>,
    status: Status,
    source: String,
}

impl MarginRules {
    /// Reads a venue's margin rules from the project's table and the user's, TOML texts with rows
    /// of the same kinds; a later row for the same figure, underlying and date takes the place of
    /// an earlier one.
    ///
    /// # Errors
    /// [`VenueError::UnknownVenue`] or [`VenueError::BadFile`].
    pub fn load(venue: &str, user_tables: &[UserTable<'_>]) -> Result<Self, VenueError> {
        let own = parse(OWN_TABLE.0, OWN_TABLE.1)?;
        let known = own.venue.keys().cloned().collect::<Vec<_>>();
        let name = normalise_venue(venue);
        let Some((id, policy)) =
            own.venue.iter().find(|(id, policy)| **id == name || policy.aliases.contains(&name))
        else {
            return Err(VenueError::UnknownVenue { venue: venue.to_owned(), known });
        };
        let mut rules = Self {
            venue: id.clone(),
            policy: policy.clone(),
            valuations: BTreeMap::new(),
            figures: BTreeMap::new(),
            version_hash: String::new(),
        };
        let mut hash = Sha256::new();
        hash_text(&mut hash, OWN_TABLE.1);
        rules.add(OWN_TABLE.0, &own, &own, None)?;
        for table in user_tables {
            hash_text(&mut hash, table.text);
            rules.add(table.file, &parse(table.file, table.text)?, &own, Some(Status::User))?;
        }
        rules.version_hash = hexadecimal(hash);
        Ok(rules)
    }

    /// The venue's identifier.
    pub fn venue(&self) -> &str {
        &self.venue
    }

    /// Name for people.
    pub fn title(&self) -> &str {
        &self.policy.title
    }

    /// SHA-256, in hexadecimal, of the project's table and the user's, to go into a report.
    pub fn version_hash(&self) -> &str {
        &self.version_hash
    }

    /// Whether coins count as collateral at the venue.
    pub fn spot_is_collateral(&self) -> bool {
        self.policy.spot_collateral
    }

    /// Which prices margins are taken at.
    ///
    /// # Errors
    /// [`VenueError::BeforeMarginRules`].
    pub fn valuation(&self, at: Timestamp) -> Result<Valuation, VenueError> {
        if let Some((_, row)) = self.valuations.range(..=at).next_back() {
            return Ok(row.valuation);
        }
        match self.valuations.keys().next() {
            Some(&first) => Err(self.before(None, at, first)),
            None => Ok(Valuation {
                isolated_initial: MarginPrice::Mark,
                isolated_maintenance: MarginPrice::Mark,
                cross_initial: MarginPrice::Mark,
                cross_maintenance: MarginPrice::Mark,
            }),
        }
    }

    /// A sentence where the row that [`valuation`](Self::valuation) goes by is not the venue's own
    /// word.
    pub fn valuation_note(&self, at: Timestamp) -> Option<String> {
        let (from, row) = self.valuations.range(..=at).next_back()?;
        let standing = match row.status {
            Status::Official | Status::Capture => return None,
            Status::User => "the user's own",
            status => standing(status)?,
        };
        Some(format!(
            "{}: the prices that margins are taken at from {} are {standing}: {}.",
            self.policy.title,
            from.date_string(),
            row.source
        ))
    }

    /// The values of a figure at a time, with a note if they are unverified or a third party's. A row that names the
    /// underlying goes before one for all others.
    ///
    /// # Errors
    /// [`VenueError::MissingFigure`] where no row is for the underlying, and
    /// [`VenueError::BeforeMarginRules`].
    pub fn figure(
        &self,
        figure: Figure,
        underlying: &str,
        at: Timestamp,
    ) -> Result<(&[f64], Option<String>), VenueError> {
        let mut first: Option<Timestamp> = None;
        for name in [underlying, "*"] {
            let Some(by_date) = self.figures.get(&(figure, name.to_owned())) else { continue };
            if let Some((from, row)) = by_date.range(..=at).next_back() {
                let note = standing(row.status).map(|standing| {
                    format!(
                        "{} {underlying}: `{}` from {} is {standing}: {}.",
                        self.policy.title,
                        figure.name(),
                        from.date_string(),
                        row.source
                    )
                });
                return Ok((&row.values, note));
            }
            first = first.into_iter().chain(by_date.keys().next().copied()).min();
        }
        Err(match first {
            Some(first) => self.before(Some(underlying), at, first),
            None => VenueError::MissingFigure {
                venue: self.venue.clone(),
                figure: figure.name(),
                underlying: underlying.to_owned(),
            },
        })
    }

    /// The caller's value of a figure of one number, else the table's, noting which is used where
    /// it is not verified.
    pub(crate) fn scalar(
        &self,
        figure: Figure,
        given: Option<f64>,
        underlying: &str,
        at: Timestamp,
        notes: &mut BTreeSet<String>,
    ) -> Result<f64, VenueError> {
        if let Some(value) = given {
            if let Err(rule) = figure.check(&[value]) {
                return Err(VenueError::BadInput { name: figure.name(), value, rule });
            }
            notes.insert(format!(
                "{}: `{}` is {value}, as given by the caller.",
                self.policy.title,
                figure.name()
            ));
            return Ok(value);
        }
        let (values, note) = self.figure(figure, underlying, at)?;
        notes.extend(note);
        // A table's row of such a figure was checked to hold one number.
        Ok(values[0])
    }

    /// As [`MarginRules::figure`], putting the note away.
    pub(crate) fn values(
        &self,
        figure: Figure,
        underlying: &str,
        at: Timestamp,
        notes: &mut BTreeSet<String>,
    ) -> Result<&[f64], VenueError> {
        let (values, note) = self.figure(figure, underlying, at)?;
        notes.extend(note);
        Ok(values)
    }

    /// The instants at which one of these figures changes for an underlying.
    pub(crate) fn change_dates(&self, figures: &[Figure], underlying: &str) -> BTreeSet<Timestamp> {
        let names = [underlying, "*"];
        let keys = figures.iter().flat_map(|&figure| names.map(|name| (figure, name.to_owned())));
        keys.filter_map(|key| self.figures.get(&key))
            .flat_map(|by_date| by_date.keys().copied())
            .collect()
    }

    pub(crate) fn policy(&self) -> &VenuePolicy {
        &self.policy
    }

    fn before(&self, underlying: Option<&str>, at: Timestamp, first: Timestamp) -> VenueError {
        VenueError::BeforeMarginRules {
            venue: self.venue.clone(),
            underlying: underlying.map(str::to_owned),
            at,
            first,
        }
    }

    /// Adds the venue's rows of one file.
    fn add(
        &mut self,
        file: &str,
        rows: &File,
        own: &File,
        status: Option<Status>,
    ) -> Result<(), VenueError> {
        let bad = |reason: String| VenueError::BadFile { file: file.to_owned(), reason };
        if status.is_some() && !rows.venue.is_empty() {
            return Err(bad(
                "a table of your own has rows `valuation` and `figure` only".to_owned()
            ));
        }
        let id_of = |venue: &str| {
            let name = normalise_venue(venue);
            own.venue
                .iter()
                .find(|(id, policy)| **id == name || policy.aliases.contains(&name))
                .map(|(id, _)| id.clone())
                .ok_or_else(|| bad(format!("there are no margin rules for the venue `{venue}`")))
        };
        for row in &rows.valuation {
            if id_of(&row.venue)? == self.venue {
                let stated = row.status(&bad)?;
                let source = row.source.clone();
                let status = status.unwrap_or(stated);
                let valuation = row.valuation();
                self.valuations.insert(row.from, ValuationRow { valuation, status, source });
            }
        }
        let mut seen = BTreeSet::new();
        for row in &rows.figure {
            let venue = id_of(&row.venue)?;
            let place = format!("`{}` of {venue} from {}", row.figure.name(), row.from);
            row.figure.check(&row.values).map_err(|rule| {
                bad(format!("{place}: `values` is {:?}, but it must be {rule}", row.values))
            })?;
            let stated = parse_status(&row.status)
                .ok_or_else(|| bad(format!("{place}: {}", status_rule(&row.status))))?;
            for underlying in &row.underlyings {
                if !seen.insert((venue.clone(), row.figure, underlying.clone(), row.from)) {
                    return Err(bad(format!("{place} is given twice for `{underlying}`")));
                }
                if venue != self.venue {
                    continue;
                }
                let by_date = self.figures.entry((row.figure, underlying.clone())).or_default();
                by_date.insert(
                    row.from,
                    FigureRow {
                        values: row.values.clone(),
                        status: status.unwrap_or(stated),
                        source: row.source.clone(),
                    },
                );
            }
        }
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    venue: BTreeMap<String, VenuePolicy>,
    #[serde(default)]
    valuation: Vec<ValuationText>,
    #[serde(default)]
    figure: Vec<FigureText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ValuationText {
    venue: String,
    from: Timestamp,
    isolated_initial: MarginPrice,
    isolated_maintenance: MarginPrice,
    cross_initial: MarginPrice,
    cross_maintenance: MarginPrice,
    status: String,
    source: String,
}

impl ValuationText {
    fn status(&self, bad: &dyn Fn(String) -> VenueError) -> Result<Status, VenueError> {
        parse_status(&self.status).ok_or_else(|| {
            bad(format!(
                "valuation of {} from {}: {}",
                self.venue,
                self.from,
                status_rule(&self.status)
            ))
        })
    }

    fn valuation(&self) -> Valuation {
        Valuation {
            isolated_initial: self.isolated_initial,
            isolated_maintenance: self.isolated_maintenance,
            cross_initial: self.cross_initial,
            cross_maintenance: self.cross_maintenance,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FigureText {
    venue: String,
    figure: Figure,
    underlyings: Vec<String>,
    from: Timestamp,
    values: Vec<f64>,
    status: String,
    source: String,
}

fn parse(file: &str, text: &str) -> Result<File, VenueError> {
    toml::from_str(text)
        .map_err(|error| VenueError::BadFile { file: file.to_owned(), reason: error.to_string() })
}

fn parse_status(text: &str) -> Option<Status> {
    [Status::Official, Status::Capture, Status::ThirdParty, Status::Unverified, Status::User]
        .into_iter()
        .find(|status| status.name() == text)
}

/// How a figure stands that no page of the venue's states.
fn standing(status: Status) -> Option<&'static str> {
    match status {
        Status::Unverified => Some("unverified"),
        Status::ThirdParty => Some("a third party's word"),
        _ => None,
    }
}

fn status_rule(text: &str) -> String {
    format!(
        "`status` is `{text}`, but it must be official, capture, third_party, unverified or user"
    )
}
