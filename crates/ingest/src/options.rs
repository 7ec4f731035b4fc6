//! What a run is told: where files come from, what they are about, what is done with them.

use std::fmt;
use std::str::FromStr;

use plimsoll_market::{Interval, Kind};

use crate::limits::Limits;
use crate::policy::Policies;

/// Which program or exchange wrote the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceFormat {
    /// Told by name and columns, file by file.
    #[default]
    Auto,
    /// Binance's public archive and API.
    Binance,
    /// Bybit's public archive, API and recorded streams.
    Bybit,
    /// OKX's public archive, API and recorded streams.
    Okx,
    /// Hyperliquid's archive, node files and API.
    Hyperliquid,
    /// tardis.dev's CSV files.
    Tardis,
    /// Coinalyze's liquidation history.
    Coinalyze,
    /// CoinGlass's liquidation history.
    Coinglass,
    /// freqtrade's data folder.
    Freqtrade,
    /// What CCXT's methods return.
    Ccxt,
    /// Named columns of any origin.
    Generic,
}

impl SourceFormat {
    /// Every format.
    pub const ALL: [Self; 11] = [
        Self::Auto,
        Self::Binance,
        Self::Bybit,
        Self::Okx,
        Self::Hyperliquid,
        Self::Tardis,
        Self::Coinalyze,
        Self::Coinglass,
        Self::Freqtrade,
        Self::Ccxt,
        Self::Generic,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Binance => "binance",
            Self::Bybit => "bybit",
            Self::Okx => "okx",
            Self::Hyperliquid => "hyperliquid",
            Self::Tardis => "tardis",
            Self::Coinalyze => "coinalyze",
            Self::Coinglass => "coinglass",
            Self::Freqtrade => "freqtrade",
            Self::Ccxt => "ccxt",
            Self::Generic => "generic",
        }
    }
}

impl fmt::Display for SourceFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for SourceFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| {
            format!(
                "`{text}` is not a source; the sources are {}",
                Self::ALL.map(Self::name).join(", ")
            )
        })
    }
}

/// Settings of a run. What is `None` is told by the files or asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which program or exchange wrote the files.
    pub source: SourceFormat,
    /// Venue identifier, such as `binance-usdm`.
    pub venue: Option<String>,
    /// Symbol in the venue's spelling.
    pub symbol: Option<String>,
    /// Kind of record.
    pub kind: Option<Kind>,
    /// Bar length.
    pub interval: Option<Interval>,
    /// What sums of liquidations are counted in, where neither names nor rows say so.
    pub liquidation_unit: Option<LiquidationUnit>,
    /// What one contract is worth, where sizes are counted in contracts and the file does not
    /// say: in base units, for coin-margined contracts in US dollars.
    pub contract_size: Option<f64>,
    /// What is done where a rule is broken.
    pub policies: Policies,
    /// How large a file and its parts may be.
    pub limits: Limits,
    /// Rows that differ from the lake's replace them, whatever the policy of
    /// [`Rule::LakeConflict`] is.
    pub replace: bool,
}

/// What sums of liquidations are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiquidationUnit {
    /// The base currency, or what the source counts in without conversion.
    Base,
    /// US dollars.
    Usd,
}

impl LiquidationUnit {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Base, Self::Usd];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Usd => "usd",
        }
    }
}

impl fmt::Display for LiquidationUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for LiquidationUnit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|unit| unit.name() == text);
        found.ok_or_else(|| format!("`{text}` is no unit of liquidations; write base or usd"))
    }
}
