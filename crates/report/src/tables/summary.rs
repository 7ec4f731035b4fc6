//! `summary.csv`: a row per rule and account.

use plimsoll_study::result::{AccountResult, StudyResult};

use super::{optional, to_csv};
use crate::error::ReportError;
use crate::timeline::Timeline;

/// Columns that every summary has, in this order, whatever else a study measured.
pub const COLUMNS: [&str; 29] = [
    "rule",
    "symbol",
    "trades",
    "total_return",
    "cagr",
    "volatility_annual",
    "sharpe_annual",
    "sharpe_standard_error",
    "sortino_annual",
    "calmar",
    "max_drawdown",
    "cdar_0.95",
    "ulcer_index",
    "hist_var_0.01",
    "hist_es_0.01",
    "gpd_var_0.01",
    "gpd_es_0.01",
    "expectile_0.01",
    "ruin_probability",
    "ruin_probability_low",
    "ruin_probability_high",
    "liquidations",
    "funding_paid",
    "fees_paid",
    "slippage_paid",
    "turnover",
    "average_leverage",
    "max_leverage",
    "final_equity",
];

/// `summary.csv`: the columns of [`COLUMNS`] (`symbol` holds `portfolio` or a symbol), then every
/// other metric in the order in which the study first names it, then `ruined_at` (close of the
/// bar) and `notes` (`metric: why it is undefined or what to bear in mind; ...`).
///
/// # Errors
/// A row that CSV cannot hold.
pub fn csv(result: &StudyResult) -> Result<Vec<u8>, ReportError> {
    let mut names: Vec<&str> = COLUMNS[2..].to_vec();
    for metric in accounts(result).flat_map(|(_, account)| &account.metrics) {
        if !names.contains(&metric.name.as_str()) {
            names.push(&metric.name);
        }
    }
    let heading: Vec<&str> =
        COLUMNS[..2].iter().chain(&names).copied().chain(["ruined_at", "notes"]).collect();
    let timeline = Timeline::of(result);
    to_csv(
        &heading,
        accounts(result).map(|(rule, account)| {
            let ruined_at = account.outcome.ruined_at.map(|bar| timeline.close(bar).to_string());
            let mut row = vec![rule.to_owned(), account.scope.clone()];
            row.extend(names.iter().map(|name| optional(account.value(name))));
            row.extend([ruined_at.unwrap_or_default(), notes(account)]);
            row
        }),
    )
}

/// Every account with the name of its rule.
pub(crate) fn accounts(result: &StudyResult) -> impl Iterator<Item = (&str, &AccountResult)> {
    result
        .rules
        .iter()
        .flat_map(|rule| rule.accounts.iter().map(|account| (rule.name.as_str(), account)))
}

/// Everything that has to be said about an account's metrics.
fn notes(account: &AccountResult) -> String {
    let notes: Vec<String> = account
        .metrics
        .iter()
        .filter_map(|metric| Some(format!("{}: {}", metric.name, metric.reason.as_ref()?)))
        .collect();
    notes.join("; ")
}
