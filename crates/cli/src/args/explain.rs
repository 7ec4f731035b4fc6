//! Arguments of `plimsoll explain`.

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Debug)]
#[command(
    after_help = "A trade's number is that of the size-free trade, the same under every rule: the column `trade` of
trades.csv and decisions.parquet. Without --trade the trades are listed with their numbers, without
--rule the sizes of one trade stand side by side. Everything is read from the report's folder.

Examples:
  plimsoll explain reports/breakout
  plimsoll explain reports/breakout --trade 17
  plimsoll explain reports/breakout --trade 17 --rule min_of_all
  plimsoll explain reports/breakout --trade 17 --rule \"kelly[fraction=0.25]\" --json"
)]
pub(crate) struct ExplainArguments {
    /// Folder of a report.
    #[arg(value_name = "REPORT")]
    pub(crate) report: PathBuf,
    /// Number of the trade; without it the trades are listed.
    #[arg(long, value_name = "N", value_parser = trade_number, allow_negative_numbers = true)]
    pub(crate) trade: Option<i64>,
    /// Name of the rule; of a sweep with its values, as `kelly[fraction=0.25]`, or without them all
    /// of it.
    #[arg(long)]
    pub(crate) rule: Option<String>,
    /// Symbol that the trade has to be of; of a list, whose trades are shown.
    #[arg(long)]
    pub(crate) symbol: Option<String>,
}

fn trade_number(text: &str) -> Result<i64, String> {
    let number = text.parse().ok().filter(|&number: &i64| number >= 0);
    number.ok_or_else(|| "write a whole number of at least 0".to_owned())
}
