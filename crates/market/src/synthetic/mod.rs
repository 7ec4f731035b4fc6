//! A seeded market simulator, shared by tests, benches, examples and the demonstration.
//!
//! It makes perpetual-futures markets with the features that sizing rules are judged by:
//!
//! - volatility that clusters and rises after falls, with fat tails ([`VolatilityModel`]),
//! - calm nights, busy hours and quiet weekends ([`season`]),
//! - symbols that move together, more so in extremes ([`SimulatedSymbol::factor_loading`]),
//! - a drift that switches slowly, so that a breakout rule has a chance ([`TrendModel`]),
//! - an index apart from the last price, a mark by Binance's median rule between them, and
//!   funding by Binance's formula from the premium,
//! - liquidations fed by moves of the mark, and open interest that they close,
//! - a scripted cascade with a thin book ([`Cascade`]).
//!
//! Every number follows from [`SimulatorConfig`] alone: each purpose of each symbol has a ChaCha8
//! stream of its own, so that neither the number of threads nor another symbol nor a longer
//! period changes what is there. Prices lie on the tick grid, quantities on their step.
//!
//! The result is a [`Market`] to be used directly; [`write_binance_archives`] writes the same
//! market as files in the venue's own layout, to be read by the real ingestion.
//!
//! ```
//! use plimsoll_market::synthetic::{SimulatorConfig, simulate};
//!
//! let config = SimulatorConfig { n_days: 2, ..SimulatorConfig::calm(7) };
//! let simulated = simulate(&config)?;
//! let bitcoin = &simulated.market.symbols[0];
//! assert_eq!(bitcoin.close.len(), 2 * 1440);
//! assert_eq!(bitcoin.funding.len(), 6);
//! # Ok::<(), plimsoll_market::MarketError>(())
//! ```

use rayon::prelude::*;

use crate::error::MarketError;
use crate::market::Market;
use crate::table::Table;

mod archive;
mod bars;
mod cascade;
mod config;
mod funding;
mod grid;
mod index;
mod liquidations;
pub mod season;
mod streams;
mod symbol;

pub use archive::{ArchiveOptions, write_binance_archives};
pub use bars::BookColumns;
pub use cascade::Cascade;
pub use config::{PriceAnchor, SimulatedSymbol, SimulatorConfig, TrendModel, VolatilityModel};

/// Venue of every simulated market, so that this venue's rules apply to it.
pub const VENUE: &str = "binance-usdm";

/// A simulated market with the records that columns of bars cannot hold.
#[derive(Clone, Debug)]
pub struct SimulatedMarket {
    /// The settings that it was made from.
    pub config: SimulatorConfig,
    /// The columns, complete in every bar. Its venue is [`VENUE`]; that it is simulated is for
    /// the caller to say.
    pub market: Market,
    /// Forced orders one by one, a table of [`Kind::Liquidations`] a symbol. At most one a
    /// second, as the venue publishes them.
    ///
    /// [`Kind::Liquidations`]: crate::Kind::Liquidations
    pub liquidations: Vec<Table>,
    /// Snapshots every five minutes (every step, if that is longer) from the start to the end,
    /// both inclusive, a table of [`Kind::OpenInterest`] a symbol.
    ///
    /// [`Kind::OpenInterest`]: crate::Kind::OpenInterest
    pub open_interest: Vec<Table>,
    /// How thin the order book was in each bar, an entry a symbol.
    pub books: Vec<BookColumns>,
}

/// Simulates a market.
///
/// # Errors
/// [`MarketError::BrokenRule`] names the first setting out of its bounds.
pub fn simulate(config: &SimulatorConfig) -> Result<SimulatedMarket, MarketError> {
    config.check()?;
    let period_ms = config.end().0 - config.start.0;
    // An anchor may lie behind the end, and the way there is needed to know the drift.
    let anchors = config.symbols.iter().filter_map(|symbol| symbol.anchor).map(|anchor| anchor.at);
    let n_steps = config.steps_to(anchors.fold(config.end(), Ord::max));
    let n_bars = (period_ms / config.interval.ms()) as usize;
    let season = season::Season::new(config.step, config.season_strength);
    let common = streams::common_steps(config, n_steps);
    let results: Vec<symbol::SymbolResult> = config
        .symbols
        .par_iter()
        .map(|symbol| symbol::simulate_symbol(config, symbol, &common, &season, n_bars))
        .collect();

    let mut simulated = SimulatedMarket {
        config: config.clone(),
        market: Market {
            venue: VENUE.to_owned(),
            interval: config.interval,
            start: config.start,
            n_bars,
            symbols: Vec::new(),
        },
        liquidations: Vec::new(),
        open_interest: Vec::new(),
        books: Vec::new(),
    };
    for result in results {
        simulated.market.symbols.push(result.columns);
        simulated.liquidations.push(result.liquidations);
        simulated.open_interest.push(result.open_interest);
        simulated.books.push(result.book);
    }
    Ok(simulated)
}
