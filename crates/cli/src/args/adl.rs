//! The command line of `plimsoll adl`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use plimsoll_venue::adl::{EndowmentRule, RiskWeight};

#[derive(Args, Debug)]
#[command(after_help = "FILE is a CSV, JSON or Parquet table, told apart by its columns.

Accounts, one a row after the shock: `equity` and `pnl`, or what gives them (`collateral`; `side`, `quantity`, `entry_price`, `mark_price`). Further: `account`, `notional`, `leverage`, `maintenance_margin`, `score` (highest first in the queue). Without a score or a venue the queue goes by leveraged return.

Waves, one a row: `wave`, `budget_needed_usd`, a column `budget_NAME_usd` for each policy, and, where known, `deficit_usd`, `max_loss_usd`, `max_pct_NAME`.

Examples:
  plimsoll adl accounts.csv
  plimsoll adl accounts.csv --venue hyperliquid --theta 0.5 --policy queue,pro_rata
  plimsoll adl waves.csv --out reports/october --json")]
pub(crate) struct AdlArguments {
    /// Table of accounts or of waves.
    pub(crate) file: PathBuf,
    /// Policies, by name; without it, all that the columns allow.
    #[arg(long = "policy", value_name = "P,Q", value_delimiter = ',')]
    pub(crate) policies: Vec<String>,
    /// Severity: share of the deficit that is taken [default: 1].
    #[arg(long, value_name = "T", value_parser = zero_to_one, allow_negative_numbers = true)]
    pub(crate) theta: Option<f64>,
    /// Amount that is taken, in place of a severity.
    #[arg(long, value_name = "B", conflicts_with = "theta", value_parser = zero_or_above, allow_negative_numbers = true)]
    pub(crate) budget: Option<f64>,
    /// Venue whose ranking orders the queue, such as hyperliquid.
    #[arg(long)]
    pub(crate) venue: Option<String>,
    /// What may be taken of an account above zero [default: pnl].
    #[arg(long)]
    pub(crate) endowment: Option<EndowmentArgument>,
    /// Capped and risk-weighted: largest share of an endowment [default: 1].
    #[arg(long, value_name = "H", value_parser = zero_to_one, allow_negative_numbers = true)]
    pub(crate) haircut_max: Option<f64>,
    /// Capped and risk-weighted: equity that has to remain [default: 0].
    #[arg(long, value_name = "E", value_parser = zero_or_above, allow_negative_numbers = true)]
    pub(crate) equity_min: Option<f64>,
    /// Risk-weighted: weight of a leverage, linear, power:K or above:L [default: power:2].
    #[arg(long, value_name = "G", value_parser = risk_weight)]
    pub(crate) weight: Option<RiskWeight>,
    /// Hybrid: share of the budget that the queue pays [default: 0.2].
    #[arg(long, value_name = "S", value_parser = zero_to_one, allow_negative_numbers = true)]
    pub(crate) queue_share: Option<f64>,
    /// Churn: how strongly accounts leave, 1 - exp(-C * seized / collateral)
    /// [default: 5].
    #[arg(long, value_name = "C", value_parser = zero_or_above, allow_negative_numbers = true)]
    pub(crate) churn: Option<f64>,
    /// Folder for the tables and the page.
    #[arg(long, value_name = "DIR", default_value = "reports/adl")]
    pub(crate) out: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EndowmentArgument {
    /// Unrealised profit.
    Pnl,
    /// All of its equity.
    Equity,
}

impl From<EndowmentArgument> for EndowmentRule {
    fn from(argument: EndowmentArgument) -> Self {
        match argument {
            EndowmentArgument::Pnl => Self::Pnl,
            EndowmentArgument::Equity => Self::Equity,
        }
    }
}

fn zero_to_one(text: &str) -> Result<f64, String> {
    number(text, "write a number from 0 to 1", |value| (0.0..=1.0).contains(&value))
}

fn zero_or_above(text: &str) -> Result<f64, String> {
    number(text, "write a number of at least 0", |value| value >= 0.0)
}

fn risk_weight(text: &str) -> Result<RiskWeight, String> {
    let rule = "write linear, power:K or above:L with a number of at least 0, such as power:2";
    let parameter = |text| number(text, rule, |value| value >= 0.0);
    match text.split_once(':') {
        None if text == "linear" => Ok(RiskWeight::Linear),
        Some(("power", exponent)) => parameter(exponent).map(RiskWeight::Power),
        Some(("above", threshold)) => parameter(threshold).map(RiskWeight::Above),
        _ => Err(rule.to_owned()),
    }
}

fn number(text: &str, rule: &str, holds: impl Fn(f64) -> bool) -> Result<f64, String> {
    let value = text.parse().ok().filter(|&value: &f64| value.is_finite() && holds(value));
    value.ok_or_else(|| rule.to_owned())
}
