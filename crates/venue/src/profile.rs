//! What holds for a venue as a whole, read from `tables/venues.toml`.

use std::collections::BTreeMap;

use plimsoll_market::{DAY_MS, Timestamp};
use serde::Deserialize;

use crate::error::VenueError;
use crate::insurance::FundTrigger;
use crate::process::LiquidationProcess;

const HOUR_MS: i64 = DAY_MS / 24;

/// A venue's fixed properties.
#[derive(Clone, Debug, PartialEq)]
pub struct VenueProfile {
    /// Identifier, such as `binance-usdm`.
    pub id: String,
    /// Name for people.
    pub title: String,
    /// The currency of margin, fees and profit.
    pub settlement_currency: String,
    /// The margin modes that the venue has.
    pub margin_modes: Vec<MarginMode>,
    /// The price that liquidation is tested with.
    pub liquidation_trigger_price: TriggerPrice,
    /// The price that stops are tested with unless an order says otherwise.
    pub stop_trigger_price: TriggerPrice,
    /// Brackets may have changed so many days before the table shows it.
    pub bracket_lag_days: u32,
    /// Pairs of dates between which snapshots of the brackets are missing: a change that the table
    /// shows after the first, up to the second, may have come at any time since the first.
    pub bracket_gaps: Vec<(Timestamp, Timestamp)>,
    /// When the brackets were last looked at, where they are a history: changes after it are not in
    /// the table.
    pub brackets_seen_until: Option<Timestamp>,
    /// Whether liquidation comes at maintenance margin plus the liquidation fee.
    pub requirement_includes_liquidation_fee: bool,
    /// How the venue liquidates.
    pub liquidation: LiquidationProcess,
    /// When the state of its insurance fund starts auto-deleveraging.
    pub fund_trigger: FundTrigger,
    /// Caveats for the reader of a report.
    pub notes: Vec<String>,
}

impl VenueProfile {
    /// The earliest instant at which brackets that the table shows from `shown` on may have come
    /// into force.
    pub fn changed_since(&self, shown: Timestamp) -> Timestamp {
        let lag_ms = i64::from(self.bracket_lag_days) * DAY_MS;
        let by_lag = Timestamp(shown.0.saturating_sub(lag_ms));
        let gaps = self.bracket_gaps.iter().filter(|(from, to)| shown > *from && shown <= *to);
        gaps.map(|(from, _)| *from).fold(by_lag, Timestamp::min)
    }
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
    /// As cross, but what is required follows from the loss of the whole book under stress.
    Portfolio,
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
    #[serde(default)]
    bracket_gaps: Vec<(String, String)>,
    brackets_seen_until: Option<String>,
    #[serde(default)]
    requirement_includes_liquidation_fee: bool,
    liquidation: ProcessRow,
    #[serde(default)]
    fund_trigger: FundTriggerRow,
    notes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "process", rename_all = "lowercase", deny_unknown_fields)]
enum ProcessRow {
    Binance,
    Bybit {
        tiers_per_step: u32,
        takeover_tier_max: u32,
    },
    Okx {
        tiers_per_step: u32,
        takeover_tier_max: u32,
    },
    Hyperliquid {
        partial_threshold_notional: f64,
        partial_fraction: f64,
        cooldown_seconds: f64,
        /// Numerator and denominator: two thirds have no decimal form.
        backstop_equity_share: (f64, f64),
    },
}

#[derive(Deserialize, Default)]
#[serde(tag = "trigger", rename_all = "snake_case", deny_unknown_fields)]
enum FundTriggerRow {
    #[default]
    Depleted,
    SymbolDrawdown {
        pnl_ratio: f64,
        stop_ratio: f64,
        balance_threshold: f64,
        window_hours: u32,
    },
    PoolDrawdown {
        drawdown_fraction: f64,
        window_hours: u32,
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
    let mut profiles = BTreeMap::new();
    for (id, row) in rows {
        let bad = |reason: String| VenueError::BadFile { file: file.to_owned(), reason };
        let time = |key: &str, text: &str| {
            text.parse::<Timestamp>().map_err(|error| bad(format!("{id}: `{key}`: {error}")))
        };
        let seen = row.brackets_seen_until.as_deref();
        let seen = seen.map(|text| time("brackets_seen_until", text)).transpose()?;
        let mut gaps = Vec::with_capacity(row.bracket_gaps.len());
        for (from, to) in &row.bracket_gaps {
            let gap = (time("bracket_gaps", from)?, time("bracket_gaps", to)?);
            if gap.0 >= gap.1 {
                return Err(bad(format!("{id}: `bracket_gaps`: {from} is not before {to}")));
            }
            gaps.push(gap);
        }
        profiles.insert(id.clone(), row.into_profile(id, gaps, seen));
    }
    Ok(profiles)
}

impl ProfileRow {
    fn into_profile(
        self,
        id: String,
        bracket_gaps: Vec<(Timestamp, Timestamp)>,
        brackets_seen_until: Option<Timestamp>,
    ) -> VenueProfile {
        VenueProfile {
            id,
            title: self.title,
            settlement_currency: self.settlement_currency,
            margin_modes: self.margin_modes,
            liquidation_trigger_price: self.liquidation_trigger_price,
            stop_trigger_price: self.stop_trigger_price,
            bracket_lag_days: self.bracket_lag_days,
            bracket_gaps,
            brackets_seen_until,
            requirement_includes_liquidation_fee: self.requirement_includes_liquidation_fee,
            liquidation: self.liquidation.into_process(),
            fund_trigger: self.fund_trigger.into_trigger(),
            notes: self.notes,
        }
    }
}

impl ProcessRow {
    fn into_process(self) -> LiquidationProcess {
        match self {
            Self::Binance => LiquidationProcess::Binance,
            Self::Bybit { tiers_per_step, takeover_tier_max } => {
                LiquidationProcess::Bybit { tiers_per_step, takeover_tier_max }
            }
            Self::Okx { tiers_per_step, takeover_tier_max } => {
                LiquidationProcess::Okx { tiers_per_step, takeover_tier_max }
            }
            Self::Hyperliquid {
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
        }
    }
}

impl FundTriggerRow {
    fn into_trigger(self) -> FundTrigger {
        let window_ms = |hours: u32| i64::from(hours) * HOUR_MS;
        match self {
            Self::Depleted => FundTrigger::Depleted,
            Self::SymbolDrawdown { pnl_ratio, stop_ratio, balance_threshold, window_hours } => {
                FundTrigger::SymbolDrawdown {
                    pnl_ratio,
                    stop_ratio,
                    balance_threshold,
                    window_ms: window_ms(window_hours),
                }
            }
            Self::PoolDrawdown { drawdown_fraction, window_hours } => {
                FundTrigger::PoolDrawdown { drawdown_fraction, window_ms: window_ms(window_hours) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const TABLE: &str = r#"
        [bybit-like]
        title = "Bybit"
        settlement_currency = "USDT"
        margin_modes = ["isolated"]
        liquidation_trigger_price = "mark"
        stop_trigger_price = "last"
        bracket_lag_days = 0
        liquidation = { process = "bybit", tiers_per_step = 1, takeover_tier_max = 1 }
        fund_trigger = { trigger = "symbol_drawdown", pnl_ratio = -0.3, stop_ratio = -0.25, balance_threshold = 1, window_hours = 8 }
        notes = []

        [okx-like]
        title = "OKX"
        settlement_currency = "USDT"
        margin_modes = ["isolated"]
        liquidation_trigger_price = "mark"
        stop_trigger_price = "last"
        bracket_lag_days = 0
        liquidation = { process = "okx", tiers_per_step = 2, takeover_tier_max = 2 }
        fund_trigger = { trigger = "pool_drawdown", drawdown_fraction = 0.3, window_hours = 8 }
        notes = []
    "#;

    #[test]
    fn processes_and_triggers_are_read() {
        let profiles = load_profiles("venues.toml", TABLE).unwrap();
        let (bybit, okx) = (&profiles["bybit-like"], &profiles["okx-like"]);
        let window_ms = 8 * HOUR_MS;
        assert_eq!(
            (bybit.liquidation, bybit.fund_trigger),
            (
                LiquidationProcess::Bybit { tiers_per_step: 1, takeover_tier_max: 1 },
                FundTrigger::SymbolDrawdown {
                    pnl_ratio: -0.3,
                    stop_ratio: -0.25,
                    balance_threshold: 1.0,
                    window_ms
                }
            )
        );
        assert_eq!(
            (okx.liquidation, okx.fund_trigger),
            (
                LiquidationProcess::Okx { tiers_per_step: 2, takeover_tier_max: 2 },
                FundTrigger::PoolDrawdown { drawdown_fraction: 0.3, window_ms }
            )
        );
    }

    #[test]
    fn without_a_row_the_fund_has_to_be_empty() {
        let own = include_str!("../tables/venues.toml");
        let profiles = load_profiles("venues.toml", own).unwrap();
        assert_eq!(profiles["binance-usdm"].fund_trigger, FundTrigger::Depleted);
    }
}
