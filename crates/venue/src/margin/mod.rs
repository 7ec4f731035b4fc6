//! The margin of a whole account: isolated, cross and portfolio.
//!
//! [`isolated_margin`] lets each leg stand on margin of its own, [`cross_margin`] puts the whole
//! account behind every leg, [`portfolio_margin`] asks what the legs of one underlying could lose
//! together. [`compare_margin_modes`] lays the three beside each other. The arithmetic of a leg is
//! that of [`Ladder`] and [`liquidation_price`](crate::liquidation_price); what a venue does
//! differently, and the figures of its portfolio margin, are dated rows of
//! `tables/portfolio-margin.toml`, read by [`MarginRules`].
//!
//! An account is kept in the quote currency or, for inverse contracts, in a coin. Every sum is in
//! that currency; an inverse leg of a quote account is valued at its mark.
//!
//! Chosen here, because no page says it:
//! - A leg without a stated isolated margin has the initial margin of its entry value.
//! - A coin counts as collateral only with a haircut of the caller's. What a coin adds is the spot
//!   held plus the profit of inverse legs, less the haircut where that is above zero; a loss
//!   counts in full.
//! - Distances to liquidation in cross margin move all legs of one underlying together, spot
//!   collateral included, and hold other underlyings still.
//! - Spot is bought and owned; borrowed coins are not modelled.
//!
//! What the portfolio formulas assume is at the head of [`portfolio`].
//!
//! ```
//! use plimsoll_market::Timestamp;
//! use plimsoll_market::Side;
//! use plimsoll_venue::margin::{
//!     Account, AccountCurrency, Leg, MarginRules, PortfolioInputs, compare_margin_modes,
//! };
//! use plimsoll_venue::{ContractKind, Ladder};
//!
//! let ladder = Ladder::flat(0.004, 100.0)?;
//! let legs = [
//!     Leg::spot("BTC", 1.0, 100_000.0, 100_000.0),
//!     Leg::perpetual(ContractKind::Linear, "BTC", "BTC-USDT-SWAP", Side::Short, 1.0, 100_000.0)
//!         .with_leverage(10.0, &ladder),
//! ];
//! let account = Account {
//!     currency: AccountCurrency::Quote,
//!     wallet_balance: 20_000.0,
//!     legs: &legs,
//!     collateral_haircuts: &[("BTC", 0.05)],
//!     taker_fee_fraction: 0.0005,
//! };
//! let rules = MarginRules::load("okx", &[])?;
//! let at = Timestamp::from_date(2025, 10, 10).expect("a date");
//! let modes = compare_margin_modes(&account, &rules, &PortfolioInputs::default(), at)?;
//! assert_eq!(modes.isolated.capital_required, 110_000.0);
//! assert_eq!(modes.cross.capital_required, 15_000.0);
//! assert!(modes.portfolio?.capital_required < 6_000.0);
//! # Ok::<(), plimsoll_venue::VenueError>(())
//! ```
//!
//! - [`account`]: isolated and cross
//! - [`distance`]: how far a price may move before liquidation
//! - [`portfolio`]: risk units, Bybit's and OKX's formulas
//! - [`ladder`]: portfolio margin of a single perpetual by its notional
//! - [`stress`]: scenarios and what they cost
//! - [`compare`]: the modes beside each other
//! - [`rules`]: the dated figures

pub mod account;
mod checks;
pub mod compare;
pub mod distance;
pub mod ladder;
pub mod portfolio;
pub mod rules;
pub mod stress;

pub use account::{
    AccountMargin, LegMargin, NoDistance, NoMarginRatio, cross_margin, isolated_margin,
};
pub use compare::{ModeComparison, ModeRequirement, compare_margin_modes};
pub use distance::{UnderlyingLiquidation, isolated_liquidation_price};
pub use ladder::{PortfolioLadder, portfolio_ladder, portfolio_ladders_between};
pub use portfolio::{
    Charge, PortfolioComponent, PortfolioInputs, PortfolioMargin, RiskUnit, portfolio_margin,
};
pub use rules::{Figure, MarginPrice, MarginRules, Valuation};
pub use stress::{Scenario, ScenarioKind};

use plimsoll_market::Side;

use crate::contract::ContractKind;
use crate::ladder::Ladder;

/// What a leg is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LegKind {
    /// A coin that is owned.
    Spot,
    /// A perpetual contract.
    Perpetual(ContractKind),
    /// A contract that expires.
    Future {
        /// How it is quoted and settled.
        contract: ContractKind,
        /// Time left, in years of 365 days.
        expiry_years: f64,
    },
}

impl LegKind {
    /// How the leg is quoted and settled; spot is as a linear contract.
    pub fn contract(self) -> ContractKind {
        match self {
            Self::Spot => ContractKind::Linear,
            Self::Perpetual(contract) | Self::Future { contract, .. } => contract,
        }
    }

    /// Whether the leg is a coin.
    pub fn is_spot(self) -> bool {
        self == Self::Spot
    }
}

/// One position of an account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg<'a> {
    /// The coin whose price the leg follows, such as `BTC`; what risk units go by.
    pub underlying: &'a str,
    /// Symbol in the venue's spelling; for messages.
    pub symbol: &'a str,
    /// What it is.
    pub kind: LegKind,
    /// Direction. Spot is long.
    pub side: Side,
    /// Base units, above 0; US dollars for an inverse contract.
    pub quantity: f64,
    /// Average entry price.
    pub entry_price: f64,
    /// Mark price; for spot, the price that the venue values it at.
    pub mark_price: f64,
    /// Leverage set at the venue, 1 or above; not used for spot.
    pub leverage: f64,
    /// Margin set aside for the leg, in the account's currency, used in isolated margin. `None` is
    /// the initial margin of its entry value.
    pub isolated_margin: Option<f64>,
    /// The symbol's brackets; `None` for spot, and where only portfolio margin is asked for.
    pub ladder: Option<&'a Ladder>,
}

impl<'a> Leg<'a> {
    /// A coin that is owned.
    pub fn spot(underlying: &'a str, quantity: f64, entry_price: f64, mark_price: f64) -> Self {
        Self {
            underlying,
            symbol: underlying,
            kind: LegKind::Spot,
            side: Side::Long,
            quantity,
            entry_price,
            mark_price,
            leverage: 1.0,
            isolated_margin: None,
            ladder: None,
        }
    }

    /// A perpetual at its entry price, with a leverage of 1 and no brackets.
    pub fn perpetual(
        contract: ContractKind,
        underlying: &'a str,
        symbol: &'a str,
        side: Side,
        quantity: f64,
        entry_price: f64,
    ) -> Self {
        Self {
            underlying,
            symbol,
            kind: LegKind::Perpetual(contract),
            side,
            quantity,
            entry_price,
            mark_price: entry_price,
            leverage: 1.0,
            isolated_margin: None,
            ladder: None,
        }
    }

    /// The same leg with a leverage and the brackets that limit it.
    #[must_use]
    pub fn with_leverage(self, leverage: f64, ladder: &'a Ladder) -> Self {
        Self { leverage, ladder: Some(ladder), ..self }
    }

    /// The same leg at another mark price.
    #[must_use]
    pub fn at_mark(self, mark_price: f64) -> Self {
        Self { mark_price, ..self }
    }

    /// Worth at the mark in US dollars (the quote currency), without sign.
    pub fn quote_notional(&self) -> f64 {
        match self.kind.contract() {
            ContractKind::Linear => self.quantity * self.mark_price,
            ContractKind::Inverse => self.quantity,
        }
    }
}

/// The currency in which an account is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountCurrency<'a> {
    /// The quote currency, taken as US dollars: USDT, USDC or a multi-currency account in USD.
    Quote,
    /// A coin: the margin of its inverse contracts.
    Coin(&'a str),
}

/// An account at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Account<'a> {
    /// The currency of all sums.
    pub currency: AccountCurrency<'a>,
    /// Cash, isolated margins included, without unrealised profit and without the worth of spot
    /// legs.
    pub wallet_balance: f64,
    /// Positions and coins. Both legs of a symbol in hedge mode are two legs.
    pub legs: &'a [Leg<'a>],
    /// By coin, the share of its worth that does not count as collateral, from 0 to 1. A coin
    /// that is not named is no collateral: no venue's figure is in the tables.
    pub collateral_haircuts: &'a [(&'a str, f64)],
    /// Taker fee, a fraction; used where the venue counts a liquidation fee as margin (OKX).
    pub taker_fee_fraction: f64,
}
