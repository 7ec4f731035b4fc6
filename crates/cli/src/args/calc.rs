//! The flags of the calculators.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use plimsoll_market::Timestamp;

use super::size::{SizeAccountArguments, SizeMarketArguments};
use super::{
    above_zero, finite, parse_minutes, parse_time, share, zero_or_above, zero_to_below_one,
    zero_to_one,
};

#[derive(Args, Debug)]
#[command(
    after_help = "The last line on stdout is the answer as JSON; formula, inputs and answer in \
words stand on stderr, unless --quiet or --json.

Examples:
  plimsoll calc kelly --win-rate 0.55 --payoff 1.5
  plimsoll calc funding --notional 100000 --rate 0.0003 --budget-share 0.1 --margin 2000
  echo '{\"win_rate\": 0.55, \"payoff\": 1.5}' | plimsoll calc kelly --stdin"
)]
pub(crate) struct CalcArguments {
    #[command(subcommand)]
    pub(crate) command: CalcCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CalcCommand {
    /// Kelly's fraction of a bet with two outcomes.
    Kelly(KellyArguments),
    /// The mark price that liquidates a position, exact over all brackets.
    LiquidationPrice(LiquidationArguments),
    /// A sizing rule at one moment: every limit, the binding one, the quantity.
    Size(SizeArguments),
    /// What funding costs, and how long a budget lasts.
    Funding(FundingArguments),
    /// Share of equity lost if every stop is hit.
    Heat(HeatArguments),
    /// Gross notional over collateral, and each venue's share.
    Exposure(ExposureArguments),
    /// Isolated, cross and portfolio margin of the same legs.
    Margin(MarginArguments),
}

impl CalcCommand {
    /// The word on the command line.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Kelly(_) => "kelly",
            Self::LiquidationPrice(_) => "liquidation-price",
            Self::Size(_) => "size",
            Self::Funding(_) => "funding",
            Self::Heat(_) => "heat",
            Self::Exposure(_) => "exposure",
            Self::Margin(_) => "margin",
        }
    }

    /// Whether more flags come from stdin.
    pub(crate) fn stdin(&self) -> bool {
        match self {
            Self::Kelly(arguments) => arguments.stdin,
            Self::LiquidationPrice(arguments) => arguments.stdin,
            Self::Size(arguments) => arguments.stdin,
            Self::Funding(arguments) => arguments.stdin,
            Self::Heat(arguments) => arguments.book.stdin,
            Self::Exposure(arguments) => arguments.book.stdin,
            Self::Margin(arguments) => arguments.stdin,
        }
    }
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  plimsoll calc kelly --win-rate 0.55 --payoff 1.5 --fraction 0.25")]
pub(crate) struct KellyArguments {
    /// Probability of winning, 0 to 1.
    #[arg(long, required_unless_present = "stdin", value_parser = zero_to_one, allow_negative_numbers = true)]
    pub(crate) win_rate: Option<f64>,
    /// Mean gain of the winners per unit risked.
    #[arg(long, required_unless_present = "stdin", value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) payoff: Option<f64>,
    /// Mean loss of the losers per unit risked.
    #[arg(long, default_value_t = 1.0, value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) loss: f64,
    /// Share of full Kelly.
    #[arg(long, default_value_t = 0.25, value_parser = share, allow_negative_numbers = true)]
    pub(crate) fraction: f64,
    /// Distance to the stop as a fraction of the price, costs included: adds the leverage.
    #[arg(long, value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) stop_distance: Option<f64>,
    /// Read the flags as a JSON object from stdin: {"win_rate": 0.55, "payoff": 1.5}.
    #[arg(long)]
    pub(crate) stdin: bool,
}

/// Where a calculator looks figures up.
#[derive(Args, Clone, Debug)]
pub(crate) struct TableArguments {
    /// Venue, such as binance-usdm or hyperliquid.
    #[arg(long)]
    pub(crate) venue: Option<String>,
    /// Symbol in the venue's spelling.
    #[arg(long)]
    pub(crate) symbol: Option<String>,
    /// Date whose figures are in force.
    #[arg(long, value_parser = parse_time)]
    pub(crate) at: Option<Timestamp>,
    /// Table of your own, with the columns of one of the program's; its rows hold from their
    /// dates on and replace those of the same symbol and date.
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Vec<PathBuf>,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  plimsoll calc liquidation-price --venue binance-usdm --symbol BTCUSDT --at 2025-10-10 --side long --entry 100000 --quantity 1 --leverage 20
  plimsoll calc liquidation-price --side long --entry 100000 --quantity 1 --wallet 5000 --mmr 0.025
  plimsoll calc liquidation-price --contract inverse --side long --entry 8000 --quantity 100000 --leverage 10 --mmr 0.005")]
pub(crate) struct LiquidationArguments {
    #[command(flatten)]
    pub(crate) tables: TableArguments,
    /// Direction of the position.
    #[arg(long, required_unless_present = "stdin")]
    pub(crate) side: Option<SideArgument>,
    /// Entry price.
    #[arg(long, required_unless_present = "stdin", value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) entry: Option<f64>,
    /// Quantity in base units; of an inverse contract in US dollars.
    #[arg(long, required_unless_present = "stdin", value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) quantity: Option<f64>,
    /// Leverage told to the venue: the margin is entry x quantity / leverage.
    #[arg(long, conflicts_with = "wallet", value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) leverage: Option<f64>,
    /// Isolated margin, or the wallet of a cross account.
    #[arg(long, value_parser = finite, allow_negative_numbers = true)]
    pub(crate) wallet: Option<f64>,
    /// Margin mode.
    #[arg(long, default_value = "isolated")]
    pub(crate) mode: ModeArgument,
    /// Maintenance margin rate in place of the venue's brackets.
    #[arg(long, value_parser = zero_to_below_one, allow_negative_numbers = true)]
    pub(crate) mmr: Option<f64>,
    /// Maintenance deduction that goes with --mmr.
    #[arg(long, default_value_t = 0.0, value_parser = zero_or_above, allow_negative_numbers = true)]
    pub(crate) deduction: f64,
    /// Maintenance margin of the other cross positions.
    #[arg(long, default_value_t = 0.0, value_parser = zero_or_above, allow_negative_numbers = true)]
    pub(crate) other_maintenance: f64,
    /// Unrealised profit of the other cross positions.
    #[arg(long, default_value_t = 0.0, value_parser = finite, allow_negative_numbers = true)]
    pub(crate) other_upnl: f64,
    /// Whether the bracket is that of the notional at entry (as in worked examples) or at the
    /// liquidation price (exact).
    #[arg(long, default_value = "liquidation")]
    pub(crate) bracket_at: BracketAtArgument,
    /// How the contract is quoted and settled [default: as the venue's table says, else linear].
    #[arg(long)]
    pub(crate) contract: Option<ContractArgument>,
    /// Read the flags as a JSON object from stdin.
    #[arg(long)]
    pub(crate) stdin: bool,
}

#[derive(Args, Debug)]
#[command(
    after_help = "The rule is given by its keys, or is a rule of a strategy file, whose equity, leverage, fee, \
half spread and (single) symbol then hold unless a flag says otherwise. A number that the rule \
needs and that is missing is an error, never a limit left out.

Examples:
  plimsoll calc size --equity 10000 --price 60000 --stop 58500 --sizing 'risk_cap = 0.02'
  plimsoll calc size --equity 10000 --price 60000 --stop 58500 --side long --leverage 10 \\
    --win-rate 0.55 --payoff 1.5 --loss 1 --atr 900 --funding-8h 0.0006 \\
    --venue binance-usdm --symbol BTCUSDT --at 2025-10-10 \\
    --sizing 'kelly = { fraction = 0.25, estimator = \"trades\", trades = 100 }' \\
    --sizing 'atr = { risk_fraction = 0.01, bars = 14, multiple = 2 }' \\
    --sizing 'funding_cut = { above_8h = 0.0005, multiply = 0.5 }'
  plimsoll calc size --equity 10000 --price 60000 --stop 58500 --side long --leverage 10 \\
    --heat 0.04 --exposure-now 1.5 --mode cross --other-maintenance 60 \\
    --venue binance-usdm --symbol BTCUSDT --at 2025-10-10 \\
    --sizing 'risk_cap = 0.02' --sizing 'heat = 0.06' --sizing 'exposure = 3.0' \\
    --sizing 'liquidation_distance = { stop = true }'
  plimsoll calc size --strategy strategies/breakout.toml --rule hard_caps --price 60000 --stop 58500 --symbol BTCUSDT --at 2025-10-10"
)]
pub(crate) struct SizeArguments {
    /// Keys of a sizing table, as in a strategy file; repeated, the lines of one table.
    #[arg(long, value_name = "TOML", conflicts_with_all = ["strategy", "rule"])]
    pub(crate) sizing: Vec<String>,
    /// Strategy file that holds the rule.
    #[arg(long, value_name = "FILE")]
    pub(crate) strategy: Option<PathBuf>,
    /// Name of the rule; of a sweep with its values, as `kelly[fraction=0.25]`.
    #[arg(long, requires = "strategy")]
    pub(crate) rule: Option<String>,
    #[command(flatten)]
    pub(crate) tables: TableArguments,
    /// Equity of the account.
    #[arg(long, value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) equity: Option<f64>,
    /// Price that the decision is taken at.
    #[arg(long, value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) price: Option<f64>,
    /// Direction; with it a stop on the wrong side of the price is refused.
    #[arg(long)]
    pub(crate) side: Option<SideArgument>,
    /// Stop price.
    #[arg(long, conflicts_with = "stop_distance", value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) stop: Option<f64>,
    /// Distance to the stop as a fraction of the price, without costs.
    #[arg(long, value_parser = share, allow_negative_numbers = true)]
    pub(crate) stop_distance: Option<f64>,
    /// Costs of getting in and out, as a fraction of the notional [default: 0, or the strategy's].
    #[arg(long, value_parser = zero_to_below_one, allow_negative_numbers = true)]
    pub(crate) round_trip_cost: Option<f64>,
    /// Leverage told to the venue.
    #[arg(long, value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) leverage: Option<f64>,
    /// Free margin of the account [default: the equity].
    #[arg(long, value_parser = zero_or_above, allow_negative_numbers = true)]
    pub(crate) free_margin: Option<f64>,
    /// Average true range in quote currency, over the bars that the rule names.
    #[arg(long, value_parser = zero_or_above, allow_negative_numbers = true)]
    pub(crate) atr: Option<f64>,
    /// Annual volatility of the symbol; 0.4 is 40 %.
    #[arg(long, value_parser = zero_or_above, allow_negative_numbers = true)]
    pub(crate) volatility: Option<f64>,
    /// Share of winning trades.
    #[arg(long, value_parser = zero_to_one, allow_negative_numbers = true)]
    pub(crate) win_rate: Option<f64>,
    /// Mean gain of the winners: in R, or on notional for `basis = "margin"`.
    #[arg(long, value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) payoff: Option<f64>,
    /// Mean loss of the losers in the same unit, above 0.
    #[arg(long, value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) loss: Option<f64>,
    /// Mean return per period at unit leverage.
    #[arg(long, value_parser = finite, allow_negative_numbers = true)]
    pub(crate) mean: Option<f64>,
    /// Variance of that return over the same period.
    #[arg(long, value_parser = zero_or_above, allow_negative_numbers = true)]
    pub(crate) variance: Option<f64>,
    /// Returns of closed trades on their notional.
    #[arg(long, value_name = "R,R,...", value_delimiter = ',', value_parser = finite, allow_hyphen_values = true)]
    pub(crate) trade_returns: Vec<f64>,
    /// Last published funding rates per 8 hours, oldest first; one stands for as many as the rule
    /// asks for.
    #[arg(long = "funding-8h", value_name = "R,R,...", value_delimiter = ',', value_parser = finite, allow_hyphen_values = true)]
    pub(crate) funding_8h: Vec<f64>,
    /// Read the flags as a JSON object from stdin.
    #[arg(long)]
    pub(crate) stdin: bool,
    #[command(flatten)]
    pub(crate) account: SizeAccountArguments,
    #[command(flatten)]
    pub(crate) market: SizeMarketArguments,
}

#[derive(Args, Debug)]
#[command(
    after_help = "A positive rate is paid by longs to shorts. Without --side the position is the one that pays.

Examples:
  plimsoll calc funding --notional 100000 --rate 0.0003 --budget 200
  plimsoll calc funding --notional 100000 --rate 0.0003 --budget-share 0.1 --margin 2000
  plimsoll calc funding --notional 50000 --rate -0.00002 --interval-minutes 60 --side short"
)]
pub(crate) struct FundingArguments {
    /// Notional of the position at the price that funding is charged at.
    #[arg(long, required_unless_present = "stdin", value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) notional: Option<f64>,
    /// Rate of one interval, a fraction: 0.0003 is 0.03 %.
    #[arg(long, required_unless_present = "stdin", value_parser = finite, allow_negative_numbers = true)]
    pub(crate) rate: Option<f64>,
    /// Minutes between settlements.
    #[arg(long, value_name = "MINUTES", default_value_t = 480, value_parser = parse_minutes, allow_negative_numbers = true)]
    pub(crate) interval_minutes: u32,
    /// Direction of the position.
    #[arg(long)]
    pub(crate) side: Option<SideArgument>,
    /// Money that funding may cost.
    #[arg(long, conflicts_with = "budget_share", value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) budget: Option<f64>,
    /// Share of --margin that funding may cost; 0.1 is 10 %.
    #[arg(long, requires = "margin", value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) budget_share: Option<f64>,
    /// Margin of the position.
    #[arg(long, value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) margin: Option<f64>,
    /// Read the flags as a JSON object from stdin.
    #[arg(long)]
    pub(crate) stdin: bool,
}

/// A list of positions, from flags, a file or stdin.
#[derive(Args, Clone, Debug)]
pub(crate) struct BookArguments {
    /// A position: its symbol and side, then its numbers by name. May be repeated.
    #[arg(long, value_name = "SYMBOL,SIDE,NAME=VALUE,...")]
    pub(crate) position: Vec<String>,
    /// CSV file with these names as columns, or JSON file with a list of objects.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Read a JSON list of positions from stdin, or an object of flags with `positions`.
    #[arg(long)]
    pub(crate) stdin: bool,
}

#[derive(Args, Debug)]
#[command(
    after_help = "A position needs symbol, side, entry, a size and a stop. Its size is one of quantity (base \
units; US dollars of an inverse contract), notional, margin (with leverage), or size: notional, or margin with --size-is-margin. \
Without a stop the loss is taken up to the liquidation price: liquidation, or leverage with mmr, \
or leverage with the venue's brackets (venue and --at). contract = inverse where the venue's \
tables do not say so.

Examples:
  plimsoll calc heat --equity 10000 --position BTCUSDT,long,notional=20000,entry=50000,stop=48500 \\
    --position ETHUSDT,long,notional=8000,entry=3000,stop=2850
  plimsoll calc heat --equity 10000 --file positions.csv
  echo '[{\"symbol\": \"BTCUSDT\", \"side\": \"long\", \"quantity\": 0.4, \"entry\": 50000, \"stop\": 48500}]' | \\
    plimsoll calc heat --equity 10000 --stdin"
)]
pub(crate) struct HeatArguments {
    /// Equity of the account.
    #[arg(long, required_unless_present = "stdin", value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) equity: Option<f64>,
    #[command(flatten)]
    pub(crate) book: BookArguments,
    /// The sizes of the list are margins: each is multiplied by its position's leverage.
    #[arg(long)]
    pub(crate) size_is_margin: bool,
    /// Date whose brackets are in force, for positions without a stop.
    #[arg(long, value_parser = parse_time)]
    pub(crate) at: Option<Timestamp>,
    /// Table of your own, with the columns of one of the program's; its rows hold from their
    /// dates on and replace those of the same symbol and date.
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Vec<PathBuf>,
}

#[derive(Args, Debug)]
#[command(
    after_help = "A position needs symbol, side and a size: quantity (base units, with price or entry; US dollars \
where contract = inverse), notional, margin (with leverage), or size: notional, or margin with --size-is-margin. With venue and tier \
(cex1, dex1, tier2 or new) each venue's share is held against 40, 30, 15 or 5 %. Longs and shorts \
do not net.

Examples:
  plimsoll calc exposure --collateral 10000 --position BTCUSDT,long,notional=20000,venue=binance,tier=cex1 \\
    --position BTC,short,notional=8000,venue=hyperliquid,tier=dex1
  plimsoll calc exposure --collateral 10000 --file positions.csv --size-is-margin"
)]
pub(crate) struct ExposureArguments {
    /// Collateral behind the book.
    #[arg(long, required_unless_present = "stdin", value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) collateral: Option<f64>,
    #[command(flatten)]
    pub(crate) book: BookArguments,
    /// The sizes of the list are margins: each is multiplied by its position's leverage.
    #[arg(long)]
    pub(crate) size_is_margin: bool,
}

#[derive(Args, Debug)]
#[command(
    after_help = "A leg is its kind (spot, perp or future), symbol and side, then its numbers: quantity (base \
units; US dollars of an inverse contract) and price are needed; mark is the price unless given, \
leverage 1, margin (set aside for the leg in isolated margin) its initial margin. contract = \
inverse where it is settled in the coin, years to expiry of a future. Brackets come from the \
venue's tables, or mmr and leverage_max stand for them. Legs of one coin, which a symbol names as \
BTCUSDT or BTC-26DEC25 name BTC, hedge each other and in cross margin move together; underlying = \
BTC says so where the symbol does not. Spot is collateral only by --haircut.

Examples:
  plimsoll calc margin --venue okx --at 2025-10-10 --haircut BTC=0.05 \\
    --leg spot,BTC,long,quantity=1,price=100000 \\
    --leg perp,BTC-USDT-SWAP,short,quantity=1,price=100000,leverage=10
  plimsoll calc margin --venue binance-usdm --at 2025-10-10 --wallet 20000 --file legs.csv"
)]
pub(crate) struct MarginArguments {
    /// Venue, such as binance-usdm, bybit, okx or hyperliquid.
    #[arg(long, required_unless_present = "stdin")]
    pub(crate) venue: Option<String>,
    /// Date whose rules are in force.
    #[arg(long, required_unless_present = "stdin", value_parser = parse_time)]
    pub(crate) at: Option<Timestamp>,
    /// Cash of the account, isolated margins included, without unrealised profit and spot
    /// [default: the isolated initial margin].
    #[arg(long, value_parser = finite, allow_negative_numbers = true)]
    pub(crate) wallet: Option<f64>,
    /// A leg: kind, symbol and side, then its numbers by name. May be repeated.
    #[arg(long, value_name = "KIND,SYMBOL,SIDE,NAME=VALUE,...")]
    pub(crate) leg: Vec<String>,
    /// CSV file with these names as columns, or JSON file with a list of objects.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Coin that the account is kept in; without it, the quote currency.
    #[arg(long, value_name = "COIN")]
    pub(crate) currency: Option<String>,
    /// Share of a coin's worth that is no collateral, as BTC=0.05. May be repeated.
    #[arg(long, value_name = "COIN=SHARE", value_parser = parse_haircut)]
    pub(crate) haircut: Vec<(String, f64)>,
    /// Taker fee, where the venue counts it as margin [default: the venue's].
    #[arg(long, value_parser = zero_to_below_one, allow_negative_numbers = true)]
    pub(crate) taker_fee: Option<f64>,
    /// Bybit's portfolio margin: spot does not offset contracts.
    #[arg(long)]
    pub(crate) no_spot_hedging: bool,
    /// Bybit's portfolio margin: contingency of contracts, a fraction of their notional.
    #[arg(long, value_name = "FRACTION", value_parser = zero_to_below_one, allow_negative_numbers = true)]
    pub(crate) contingency: Option<f64>,
    /// Portfolio margin: initial over maintenance margin, 1 or above.
    #[arg(long, value_name = "FACTOR", value_parser = one_or_above, allow_negative_numbers = true)]
    pub(crate) initial_margin_factor: Option<f64>,
    /// Portfolio margin: least time between two maturities, in years.
    #[arg(long, value_name = "YEARS", value_parser = zero_or_above, allow_negative_numbers = true)]
    pub(crate) basis_tenor_years: Option<f64>,
    /// OKX's portfolio margin: minimum charge before tiers, a fraction of the notional.
    #[arg(long, value_name = "FRACTION", value_parser = zero_to_below_one, allow_negative_numbers = true)]
    pub(crate) minimum_charge: Option<f64>,
    /// Table of your own: CSV with the columns of one of the program's, or TOML with rows of
    /// portfolio margin; its rows hold from their dates on and replace those of the same date.
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Vec<PathBuf>,
    /// Read a JSON list of legs from stdin, or an object of flags with `legs`.
    #[arg(long)]
    pub(crate) stdin: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SideArgument {
    Long,
    Short,
}

impl From<SideArgument> for plimsoll_market::Side {
    fn from(side: SideArgument) -> Self {
        match side {
            SideArgument::Long => Self::Long,
            SideArgument::Short => Self::Short,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArgument {
    Isolated,
    Cross,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BracketAtArgument {
    Entry,
    Liquidation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ContractArgument {
    Linear,
    Inverse,
}

fn parse_haircut(text: &str) -> Result<(String, f64), String> {
    let rule = || "write a coin and a share from 0 to 1, as BTC=0.05".to_owned();
    let (coin, share) = text.split_once('=').ok_or_else(rule)?;
    let share = zero_to_one(share.trim()).map_err(|_| rule())?;
    let coin = coin.trim().to_uppercase();
    if coin.is_empty() { Err(rule()) } else { Ok((coin, share)) }
}

fn one_or_above(text: &str) -> Result<f64, String> {
    let value = above_zero(text)?;
    if value >= 1.0 { Ok(value) } else { Err(format!("{value} is not 1 or above")) }
}
