//! Rows of the funding table.

use super::rows::Row;
use crate::error::VenueError;
use crate::funding::premium::{ImpactNotional, PremiumWeights};
use crate::funding::schedule::{IntervalRevert, IntervalSwitch};
use crate::funding::{FundingFormula, FundingPrice, FundingRule};

pub(super) const FUNDING_COLUMNS: &[&str] = &[
    "venue",
    "from",
    "interval_minutes",
    "interest_8h",
    "clamp_fraction",
    "formula",
    "rate_cap_fraction",
    "payment_price",
    "settle_tolerance_seconds",
    "status",
    "source",
];
/// What only the rate of a premium and the change of intervals need. Absent is not known.
pub(super) const FUNDING_OPTIONAL_COLUMNS: &[&str] = &[
    "premium_weights",
    "premium_sample_seconds",
    "impact_margin",
    "impact_notional",
    "hourly_after_cap",
    "hourly_revert_cycles",
    "hourly_revert_rate_fraction",
    "hourly_revert_minutes",
    "unverified",
];

/// The interval after a settlement at the cap or floor.
const HOURLY_MINUTES: u32 = 60;

pub(super) fn parse_funding(row: &Row<'_>) -> Result<FundingRule, VenueError> {
    let interval_minutes = row.count("interval_minutes")?;
    if interval_minutes == 0 {
        return Err(row.bad("interval_minutes", "1 or above"));
    }
    Ok(FundingRule {
        from: row.time("from")?,
        interval_minutes,
        interest_8h: row.number("interest_8h")?,
        clamp_fraction: row.not_negative("clamp_fraction")?,
        formula: match row.text("formula") {
            "unscaled" => FundingFormula::Unscaled,
            "per_interval" => FundingFormula::PerInterval,
            "interest_per_interval" => FundingFormula::InterestPerInterval,
            "premium_average" => FundingFormula::PremiumAverage,
            _ => {
                let rule =
                    "`unscaled`, `per_interval`, `interest_per_interval` or `premium_average`";
                return Err(row.bad("formula", rule));
            }
        },
        rate_cap_fraction: row.optional_positive("rate_cap_fraction")?,
        premium_weights: match row.text("premium_weights") {
            "" => None,
            "linear" => Some(PremiumWeights::Linear),
            "linear_hourly_equal" => Some(PremiumWeights::LinearHourlyEqual),
            "equal" => Some(PremiumWeights::Equal),
            _ => {
                let rule = "`linear`, `linear_hourly_equal`, `equal` or empty";
                return Err(row.bad("premium_weights", rule));
            }
        },
        premium_sample_seconds: row.optional_count("premium_sample_seconds")?,
        impact_notional: impact_notional(row)?,
        interval_switch: interval_switch(row)?,
        payment_price: match row.text("payment_price") {
            "mark" => FundingPrice::Mark,
            "oracle" => FundingPrice::Oracle,
            _ => return Err(row.bad("payment_price", "`mark` or `oracle`")),
        },
        settle_tolerance_seconds: row.count("settle_tolerance_seconds")?,
        status: row.status()?,
        unverified: row.columns("unverified", &[FUNDING_COLUMNS, FUNDING_OPTIONAL_COLUMNS])?,
        source: row.text("source").to_owned(),
    })
}

/// Either a margin, or `BTC=20000 other=6000`.
fn impact_notional(row: &Row<'_>) -> Result<Option<ImpactNotional>, VenueError> {
    let bad = || row.bad("impact_notional", "a list such as `BTC=20000 other=6000`");
    let margin = row.optional_positive("impact_margin")?;
    let text = row.text("impact_notional");
    if text.is_empty() {
        return Ok(margin.map(ImpactNotional::OfMargin));
    }
    if margin.is_some() {
        return Err(row.bad("impact_notional", "empty where `impact_margin` is given"));
    }
    let (mut named, mut rest) = (Vec::new(), None);
    for entry in text.split_whitespace() {
        let (symbol, notional) = entry.split_once('=').ok_or_else(bad)?;
        let notional = notional.parse::<f64>().ok().filter(|n| *n > 0.0 && n.is_finite());
        let notional = notional.ok_or_else(bad)?;
        if symbol == "other" {
            rest = Some(notional);
        } else {
            named.push((symbol.to_owned(), notional));
        }
    }
    Ok(Some(ImpactNotional::BySymbol { named, other: rest.ok_or_else(bad)? }))
}

/// `all`, `except` with symbols, or nothing; with the way back where it is known.
fn interval_switch(row: &Row<'_>) -> Result<Option<IntervalSwitch>, VenueError> {
    let revert = match (
        row.optional_count("hourly_revert_cycles")?,
        row.optional_positive("hourly_revert_rate_fraction")?,
        row.optional_count("hourly_revert_minutes")?,
    ) {
        (Some(cycles), Some(rate_max_fraction), Some(interval_minutes)) => {
            Some(IntervalRevert { cycles, rate_max_fraction, interval_minutes })
        }
        (None, None, None) => None,
        _ => {
            let rule = "given together with hourly_revert_rate_fraction and hourly_revert_minutes";
            return Err(row.bad("hourly_revert_cycles", rule));
        }
    };
    let mut words = row.text("hourly_after_cap").split_whitespace();
    let except: Vec<String> = match words.next() {
        None if revert.is_some() => {
            return Err(row.bad("hourly_after_cap", "given where hourly_revert_cycles is"));
        }
        None => return Ok(None),
        Some("all") => Vec::new(),
        Some("except") => words.by_ref().map(str::to_owned).collect(),
        Some(_) => return Err(row.bad("hourly_after_cap", "`all`, `except` with symbols or empty")),
    };
    if words.next().is_some() {
        return Err(row.bad("hourly_after_cap", "`all` alone"));
    }
    Ok(Some(IntervalSwitch { interval_minutes: HOURLY_MINUTES, revert, except }))
}
