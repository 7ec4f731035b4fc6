//! What can go wrong with exchange rules, with the place and the values.

use plimsoll_market::Timestamp;

/// An error of the rule tables or of a formula's inputs.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VenueError {
    /// No rules are known for the venue.
    #[error("no rules for the venue `{venue}`; the venues are {}", known.join(", "))]
    UnknownVenue {
        /// The name as given.
        venue: String,
        /// The venues that exist.
        known: Vec<String>,
    },
    /// A table has no rows for the symbol.
    #[error(
        "no {table} of `{symbol}` at {venue}{}; there are rows for {}; to use another symbol, add its rows to a table of your own with the same columns",
        suggestion.as_ref().map(|s| format!(" (did you mean `{s}`?)")).unwrap_or_default(),
        known.join(", ")
    )]
    UnknownSymbol {
        /// Which table: `brackets` or `instruments`.
        table: TableKind,
        /// The venue.
        venue: String,
        /// The symbol as given.
        symbol: String,
        /// The venue's own spelling of what was probably meant.
        suggestion: Option<String>,
        /// The symbols that have rows.
        known: Vec<String>,
    },
    /// The rules asked for are older than the table.
    #[error(
        "the {table} of {venue}{} begin at {first}, after {at}; start later, or add older rows to a table of your own",
        symbol.as_ref().map(|s| format!(" {s}")).unwrap_or_default()
    )]
    BeforeTable {
        /// Which table.
        table: TableKind,
        /// The venue.
        venue: String,
        /// The symbol, where the table is by symbol.
        symbol: Option<String>,
        /// The date asked for.
        at: Timestamp,
        /// The first date of the table.
        first: Timestamp,
    },
    /// A table has no rows for the venue at all.
    #[error("no {table} are known for {venue}; add rows to a table of your own")]
    EmptyTable {
        /// Which table.
        table: TableKind,
        /// The venue.
        venue: String,
    },
    /// A contract of a kind that cannot be replayed.
    #[error(
        "`{symbol}` at {venue} is an inverse contract; only linear contracts are replayed: take the one settled in USDT or USDC"
    )]
    InverseContract {
        /// The venue.
        venue: String,
        /// The symbol.
        symbol: String,
    },
    /// A cell of a table breaks a rule.
    #[error("{file}:{line}: `{column}` is `{value}`, but it must be {rule}")]
    BadCell {
        /// File name.
        file: String,
        /// Line, counted from 1.
        line: u64,
        /// Column name.
        column: String,
        /// The cell's text.
        value: String,
        /// The rule it breaks.
        rule: String,
    },
    /// A file is no table of the kinds known.
    #[error("{file}: {reason}")]
    BadFile {
        /// File name.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A bracket does not fit its ladder.
    #[error("bracket {tier}: `{column}` is {value}, but it must be {rule}")]
    BadBracket {
        /// Position in the ladder, counted from 0.
        bracket_idx: usize,
        /// Tier number as the venue counts.
        tier: u32,
        /// Column name, as in the table.
        column: &'static str,
        /// The value.
        value: f64,
        /// The rule it breaks.
        rule: String,
    },
    /// A policy of auto-deleveraging cannot take what is asked for.
    #[error(
        "{policy} can take {capacity} from these accounts, less than the budget of {budget}; lower the budget or the severity"
    )]
    AdlBudget {
        /// Name of the policy.
        policy: &'static str,
        /// What is asked for.
        budget: f64,
        /// What the policy can take at most.
        capacity: f64,
    },
    /// A figure of an account of an auto-deleveraging is out of its range.
    #[error("account at position {position}: `{name}` is {value}, but it must be {rule}")]
    BadAccount {
        /// Position among the accounts, counted from 0.
        position: usize,
        /// Name of the figure.
        name: &'static str,
        /// The value.
        value: f64,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// A venue's ranking needs a figure that is not known.
    #[error("the ranking of {venue} needs `{name}`")]
    MissingInput {
        /// Whose ranking.
        venue: String,
        /// Name of the figure.
        name: &'static str,
    },
    /// An input of a formula is out of its range.
    #[error("`{name}` is {value}, but it must be {rule}")]
    BadInput {
        /// Name of the input.
        name: &'static str,
        /// The value.
        value: f64,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// A leg of an account has a number out of its range.
    #[error("leg {} (`{symbol}`): `{name}` is {value}, but it must be {rule}", leg_idx + 1)]
    BadLeg {
        /// Position among the account's legs, counted from 0.
        leg_idx: usize,
        /// The leg's symbol.
        symbol: String,
        /// Name of the number.
        name: &'static str,
        /// The value.
        value: f64,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// A leg of an account is none that the account or the venue can hold.
    #[error("leg {} (`{symbol}`): {rule}", leg_idx + 1)]
    UnsupportedLeg {
        /// Position among the account's legs, counted from 0.
        leg_idx: usize,
        /// The leg's symbol.
        symbol: String,
        /// The rule it breaks.
        rule: String,
    },
    /// Portfolio margin was asked for where it cannot be computed.
    #[error("no portfolio margin at {venue}: {reason}")]
    NoPortfolioMargin {
        /// The venue's name.
        venue: String,
        /// Why.
        reason: String,
    },
    /// Two contracts on the same underlying in one replay under portfolio margin.
    #[error(
        "`{first}` and `{second}` at {venue} both follow {underlying}; netting between them under portfolio margin is not replayed: leave one of them out, or take cross margin"
    )]
    SharedUnderlying {
        /// The venue.
        venue: String,
        /// What both follow.
        underlying: String,
        /// The first symbol.
        first: String,
        /// The second symbol.
        second: String,
    },
    /// The margin rules asked for are older than the table.
    #[error(
        "the margin rules of {venue}{} begin at {first}, after {at}; start later, or add older rows to a table of your own",
        underlying.as_ref().map(|u| format!(" for {u}")).unwrap_or_default()
    )]
    BeforeMarginRules {
        /// The venue.
        venue: String,
        /// The underlying, where the rule is by underlying.
        underlying: Option<String>,
        /// The date asked for.
        at: Timestamp,
        /// The first date of the table.
        first: Timestamp,
    },
    /// A figure that no table has and the caller did not give.
    #[error(
        "no `{figure}` is known for {underlying} at {venue}; give it as an input, or as a row of a table of your own"
    )]
    MissingFigure {
        /// The venue.
        venue: String,
        /// The figure, by its name in tables.
        figure: &'static str,
        /// The underlying.
        underlying: String,
    },
    /// An element of a list is out of its range.
    #[error("`{list}`, element {index}: {name} is {value}, but it must be {rule}")]
    BadElement {
        /// Name of the list.
        list: &'static str,
        /// Position in the list, counted from 0.
        index: usize,
        /// What of the element.
        name: &'static str,
        /// The value.
        value: f64,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// A table leaves a figure out because no source gives it.
    #[error(
        "no source gives `{column}` of the funding rule from {since}; add a row with it to a table of your own"
    )]
    UnknownFigure {
        /// Column of the table.
        column: &'static str,
        /// First instant of the rule.
        since: Timestamp,
    },
}

/// The kinds of dated table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableKind {
    /// Maintenance-margin brackets, by symbol.
    Brackets,
    /// Order filters and liquidation fee, by symbol.
    Instruments,
    /// Maker and taker fees.
    Fees,
    /// Funding rules.
    Funding,
    /// What must stay when margin is taken out.
    Transfers,
}

impl std::fmt::Display for TableKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Brackets => "brackets",
            Self::Instruments => "instruments",
            Self::Fees => "fees",
            Self::Funding => "funding rules",
            Self::Transfers => "transfer rules",
        })
    }
}

/// Refuses a number that is not finite and above zero.
pub(crate) fn check_positive(name: &'static str, value: f64) -> Result<(), VenueError> {
    check(name, value, value > 0.0 && value.is_finite(), "a finite number above 0")
}

/// Refuses a number that is not finite.
pub(crate) fn check_finite(name: &'static str, value: f64) -> Result<(), VenueError> {
    check(name, value, value.is_finite(), "a finite number")
}

/// Refuses a number that is not finite and at least zero.
pub(crate) fn check_not_negative(name: &'static str, value: f64) -> Result<(), VenueError> {
    check(name, value, value >= 0.0 && value.is_finite(), "a finite number, 0 or above")
}

/// Refuses a value for which `holds` is false.
pub(crate) fn check(
    name: &'static str,
    value: f64,
    holds: bool,
    rule: &'static str,
) -> Result<(), VenueError> {
    if holds { Ok(()) } else { Err(VenueError::BadInput { name, value, rule }) }
}
