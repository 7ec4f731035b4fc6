//! The numbers that only some limits of `plimsoll calc size` need.

use clap::Args;
use plimsoll_market::Interval;

use super::calc::ModeArgument;
use super::{above_zero, finite, parse_interval, zero_or_above};

/// The account around the position. Nothing of it is assumed: a limit that needs a number asks for
/// it.
#[derive(Args, Debug)]
#[command(next_help_heading = "The account, for the limits that look at it")]
pub(crate) struct SizeAccountArguments {
    /// Share of equity lost if every other position is stopped out; 0 without any. For `heat`.
    #[arg(long, value_parser = zero_or_above, allow_negative_numbers = true)]
    pub(crate) heat: Option<f64>,
    /// Gross notional of every other position over equity; 0 without any. For `exposure`,
    /// `venue_share` and `drawdown_control`.
    #[arg(long, value_parser = zero_or_above, allow_negative_numbers = true)]
    pub(crate) exposure_now: Option<f64>,
    /// Equity at the start [default: the strategy's]. For `drawdown_control` and
    /// `sizing_base = "initial"`.
    #[arg(long, value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) initial_equity: Option<f64>,
    /// Highest equity so far. For `drawdown_control` with `floor_of = "peak"`.
    #[arg(long, value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) peak_equity: Option<f64>,
    /// What stands behind the position [default: the strategy's]. For `liquidation_distance`.
    #[arg(long)]
    pub(crate) mode: Option<ModeArgument>,
    /// Maintenance margin of every other position; 0 without any. For `liquidation_distance` under
    /// cross margin.
    #[arg(long, value_parser = zero_or_above, allow_negative_numbers = true)]
    pub(crate) other_maintenance: Option<f64>,
}

/// What only some limits read of the market.
#[derive(Args, Debug)]
#[command(next_help_heading = "The market, for the limits that look at it")]
pub(crate) struct SizeMarketArguments {
    /// Forecast loss of a day on the side of the position, a share of its notional. For
    /// `tail_target` and the tail of `liquidation_distance`.
    #[arg(long, value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) tail_loss: Option<f64>,
    /// Mean value traded in a day, in quote currency. For `liquidity`.
    #[arg(long, value_parser = zero_or_above, allow_negative_numbers = true)]
    pub(crate) daily_value: Option<f64>,
    /// Length of a bar, such as 1h [default: the strategy's]. For `funding_budget`.
    #[arg(long, value_parser = parse_interval)]
    pub(crate) bar: Option<Interval>,
    /// Notional liquidated over the rule's hours, as a multiple of what the rule holds it against
    /// (open interest, or its own mean). For `liquidation_cluster`.
    #[arg(long, value_parser = zero_or_above, allow_negative_numbers = true)]
    pub(crate) liquidation_ratio: Option<f64>,
    /// Mark price. For `oracle_health`, with --index or --reference-price.
    #[arg(long, value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) mark: Option<f64>,
    /// Index price. For `oracle_health`.
    #[arg(long, value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) index: Option<f64>,
    /// Median price of other venues. For `oracle_health`.
    #[arg(long, value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) reference_price: Option<f64>,
    /// Annual volatility up to which the whole margin is allotted. For `margin_allocation`.
    #[arg(long, value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) reference_volatility: Option<f64>,
    /// Number of trades, or of periods, behind the win rate or the mean. For a `kelly` with
    /// `shrinkage`.
    #[arg(long, value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) observations: Option<f64>,
    /// R multiples of closed trades. For `risk_constrained_kelly`, and for a `kelly` whose
    /// shrinkage resamples.
    #[arg(long, value_name = "R,R,...", value_delimiter = ',', value_parser = finite, allow_hyphen_values = true)]
    pub(crate) r_multiples: Vec<f64>,
    /// Largest adverse move of the mark during each closed trade, a share of its entry price. For a
    /// `kelly` with `liquidation`.
    #[arg(long, value_name = "D,D,...", value_delimiter = ',', value_parser = zero_or_above, allow_hyphen_values = true)]
    pub(crate) adverse_excursions: Vec<f64>,
}
