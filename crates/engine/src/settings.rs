//! What a replay is told besides the market, the trades and the sizes.

use serde::{Deserialize, Serialize};

/// Which margin stands behind a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarginMode {
    /// The whole account stands behind every position.
    Cross,
    /// Each position has a margin of its own, `notional / leverage`, and can lose no more.
    Isolated,
    /// As cross, with the venue's portfolio margin in place of brackets and leverage: each symbol
    /// is its underlying's risk unit.
    Portfolio,
}

impl MarginMode {
    /// The word used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cross => "cross",
            Self::Isolated => "isolated",
            Self::Portfolio => "portfolio",
        }
    }
}

/// What is assumed of the order of prices inside a bar.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Intrabar {
    /// The adverse extreme comes first, for all positions at once, and stops slip towards it.
    #[default]
    Pessimistic,
    /// Take-profit comes before stop, stops fill without further slippage, and several positions
    /// under cross margin are tested together at closes only.
    Optimistic,
}

impl Intrabar {
    /// The word used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pessimistic => "pessimistic",
            Self::Optimistic => "optimistic",
        }
    }
}

/// How what the account has left (margin, heat, exposure) is shared among entries decided at the
/// same close. Entries alone are shared among: changes of what is held are decided before them, in
/// the order of the file. So are the orders at the open: where a move since the close leaves too
/// little free margin for all, they take it in the order of the file, and the rest is refused.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Simultaneous {
    /// Symbols take what they want in the order of the file.
    #[default]
    FileOrder,
    /// Where there is not enough for all, each gets the same share of what it wants alone. The
    /// distance to liquidation under cross and portfolio margin counts what the others want alone.
    ProRata,
}

/// Fees, spread and impact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// Half the bid-ask spread, in basis points of the price.
    pub half_spread_bps: f64,
    /// Factor of the square-root impact; 0 switches impact off.
    pub impact_y: f64,
    /// How far a triggered stop slips from its price to the bar's adverse extreme, 0 to 1.
    /// Applied under [`Intrabar::Pessimistic`] only. Assumed, not measured.
    pub stop_slippage: f64,
}

/// Default of [`Costs::stop_slippage`].
pub const DEFAULT_STOP_SLIPPAGE: f64 = 0.25;

impl Costs {
    /// Half spread as a fraction of the price.
    pub fn half_spread(&self) -> f64 {
        self.half_spread_bps * 1e-4
    }
}

/// The account and the assumptions of one replay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Equity at the start, quote currency.
    pub equity: f64,
    /// Cross, isolated or portfolio margin.
    pub margin: MarginMode,
    /// The leverage that the exchange is told; sizing is separate. Not used under portfolio margin,
    /// where it follows from the venue's figures.
    pub leverage: f64,
    /// Fees, spread and impact.
    pub costs: Costs,
    /// Order of prices inside a bar.
    pub intrabar: Intrabar,
    /// How entries at the same close share what the account has left.
    pub simultaneous: Simultaneous,
}

impl Settings {
    /// [`Costs::stop_slippage`] as it applies under the intrabar assumption.
    pub fn stop_slippage(&self) -> f64 {
        match self.intrabar {
            Intrabar::Pessimistic => self.costs.stop_slippage,
            Intrabar::Optimistic => 0.0,
        }
    }
}
