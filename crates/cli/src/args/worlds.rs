//! The command line of `plimsoll worlds`.

use std::path::PathBuf;

use clap::Args;
use plimsoll_study::worlds::{DEFAULT_SEED, DEFAULT_WORLDS, WORLDS_MIN};

use super::whole_number;

#[derive(Args, Debug)]
#[command(after_help = "Three parts:

  known edge      full, half and quarter Kelly against the closed forms of growth and of ever
                  falling to a level, each with its distance in standard errors (z)
  past the limit  leverages that one move of the distribution liquidates: growth is minus infinity,
                  and ruin comes after so many trades
  estimated edge  each world draws its own true edge; rules see a history of 50 or 250 trades and
                  are judged on the 200 that follow

The prior of the worlds: the expected R multiple of a trade is normal with mean 0.06 and standard deviation 0.10, so that 27 % of the worlds have no edge; winners make 0.8 to 3 R on average, evenly in logs; the stop is 2 % away. In worlds of fat tails winners are exponential and a loser in twenty gaps through its stop, at worst by 8 R. Margin is cross, the maintenance margin 0.5 %, the most that is lent 20 times the equity. There are no costs. Prior and windows were written down before the first run, the list of rules was complete before the first full one; nothing was changed after it.

Growth is the log of wealth per trade. Intervals are of 95 % over worlds. Rules of a strategy file that need funding or other data than trades and daily bars take no trade, and say why.

Examples:
  plimsoll worlds
  plimsoll worlds strategies/breakout.toml --worlds 1000
  plimsoll worlds --seed 11 --out reports/worlds --json")]
pub(crate) struct WorldsArguments {
    /// Strategy file whose sizing rules are compared, in place of the built-in ones.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Worlds of each family, and price paths of the Brownian market.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_WORLDS, value_parser = worlds)]
    pub(crate) worlds: usize,
    /// Seed of every draw.
    #[arg(long, default_value_t = DEFAULT_SEED)]
    pub(crate) seed: u64,
    /// Folder for the tables as CSV.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Number of threads; the result does not depend on it.
    #[arg(long, value_name = "N", value_parser = whole_number)]
    pub(crate) threads: Option<usize>,
}

fn worlds(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|&number| number >= WORLDS_MIN);
    number.ok_or_else(|| format!("write a whole number of at least {WORLDS_MIN}"))
}
