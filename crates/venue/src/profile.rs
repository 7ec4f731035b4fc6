//! What holds for a venue as a whole, read from `tables/venues.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::VenueError;
use crate::process::LiquidationProcess;

/// A venue's fixed properties.
#[derive(Clone, Debug, PartialEq)]
pub struct VenueProfile {
    /// Identifier, such as `binance-usdm`.
    pub id: String,
    /// Name for people.
    pub title: String,
    /// The currency of margin, fees and profit.
    pub settlement_currency: String,
    /// The margin modes that can be replayed.
    pub margin_modes: Vec<MarginMode>,
    /// The price that liquidation is tested with.
    pub liquidation_trigger_price: TriggerPrice,
    /// The price that stops are tested with unless an order says otherwise.
    pub stop_trigger_price: TriggerPrice,
    /// Brackets may have changed so many days before the table shows it.
    pub bracket_lag_days: u32,
    /// How the venue liquidates.
    pub liquidation: LiquidationProcess,
    /// Caveats for the reader of a report.
    pub notes: Vec<String>,
}

/// How margin is shared between positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MarginMode {
    /// Each position has margin of its own.
    Isolated,
    /// The whole account stands behind every position.
    Cross,
}

/// A price that triggers something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TriggerPrice {
    /// The venue's mark price.
    Mark,
    /// The last traded price.
    Last,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileRow {
    title: String,
    settlement_currency: String,
    margin_modes: Vec<MarginMode>,
    liquidation_trigger_price: TriggerPrice,
    stop_trigger_price: TriggerPrice,
    bracket_lag_days: u32,
    liquidation: ProcessRow,
    notes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "process", rename_all = "lowercase", deny_unknown_fields)]
enum ProcessRow {
    Binance,
    Hyperliquid {
        partial_threshold_notional: f64,
        partial_fraction: f64,
        cooldown_seconds: f64,
        /// Numerator and denominator: two thirds have no decimal form.
        backstop_equity_share: (f64, f64),
    },
}

/// Reads the profiles of all venues.
pub(crate) fn load_profiles(
    file: &str,
    text: &str,
) -> Result<BTreeMap<String, VenueProfile>, VenueError> {
    let rows: BTreeMap<String, ProfileRow> = toml::from_str(text).map_err(|error| {
        VenueError::BadFile { file: file.to_owned(), reason: error.to_string() }
    })?;
    Ok(rows.into_iter().map(|(id, row)| (id.clone(), row.into_profile(id))).collect())
}

impl ProfileRow {
    fn into_profile(self, id: String) -> VenueProfile {
        VenueProfile {
            id,
            title: self.title,
            settlement_currency: self.settlement_currency,
            margin_modes: self.margin_modes,
            liquidation_trigger_price: self.liquidation_trigger_price,
            stop_trigger_price: self.stop_trigger_price,
            bracket_lag_days: self.bracket_lag_days,
            liquidation: match self.liquidation {
                ProcessRow::Binance => LiquidationProcess::Binance,
                ProcessRow::Hyperliquid {
                    partial_threshold_notional,
                    partial_fraction,
                    cooldown_seconds,
                    backstop_equity_share: (part, whole),
                } => LiquidationProcess::Hyperliquid {
                    partial_threshold_notional,
                    partial_fraction,
                    cooldown_seconds,
                    backstop_equity_fraction: part / whole,
                },
            },
            notes: self.notes,
        }
    }
}
