//! Prices of other venues on the same grid.

use super::{LoadRequest, ReferenceVenue, SymbolLoader, load_bars, prices, what_there_is};
use crate::error::MarketError;
use crate::lake::Lake;
use crate::market::{Market, SymbolColumns};
use crate::table::Kind;

/// Adds the reference prices of every symbol: the mark's close, or the last price where a venue
/// has no mark.
pub(super) fn load(
    lake: &Lake,
    request: &LoadRequest,
    market: &mut Market,
) -> Result<(), MarketError> {
    for reference in &request.references {
        let (have, need) = (reference.symbols.len(), request.symbols.len());
        if have != need {
            let venue = reference.venue.clone();
            return Err(MarketError::ReferenceSymbols { venue, have, need });
        }
        let at_venue = LoadRequest {
            venue: reference.venue.clone(),
            symbols: reference.symbols.clone(),
            references: Vec::new(),
            ..request.clone()
        };
        for index in 0..need {
            let symbol = &reference.symbols[index];
            let loader = SymbolLoader { lake, request: &at_venue, symbol, market };
            let close = loader.reference_close()?;
            let missing: Vec<usize> = loader.period().filter(|&bar| close[bar].is_nan()).collect();
            let columns = &mut market.symbols[index];
            columns.reference_close.push((reference.venue.clone(), close));
            if let Some(&first) = missing.first() {
                flag(market, index, reference, first, missing.len());
            }
        }
    }
    Ok(())
}

impl SymbolLoader<'_> {
    /// Closes of the mark, or of the trades where the mark is unknown.
    fn reference_close(&self) -> Result<Vec<f64>, MarketError> {
        let mut close = vec![f64::NAN; self.market.n_bars];
        for kind in [Kind::MarkCandles, Kind::Candles] {
            let Some(loaded) = load_bars(self.lake, self.request, self.symbol, kind)? else {
                continue;
            };
            self.check_prices(&loaded.table)?;
            let found = prices(&loaded.table, &self.rows_of_bars(&loaded.table)).close;
            for (value, found) in close.iter_mut().zip(found) {
                if value.is_nan() {
                    *value = found;
                }
            }
        }
        if self.period().all(|bar| close[bar].is_nan()) {
            return Err(MarketError::NoData {
                lake: self.lake.root().into(),
                kind: Kind::Candles,
                venue: self.request.venue.clone(),
                symbol: self.symbol.to_owned(),
                interval: Some(self.request.interval),
                from: self.request.from,
                to: self.request.to,
                have: what_there_is(self.lake, self.request, self.symbol)?,
            });
        }
        Ok(close)
    }
}

fn flag(
    market: &mut Market,
    symbol_idx: usize,
    reference: &ReferenceVenue,
    first: usize,
    count: usize,
) {
    let first = market.open_time(first);
    let columns: &mut SymbolColumns = &mut market.symbols[symbol_idx];
    let message = format!(
        "{}: {count} bars have no price of {} at {}, the first at {first}",
        columns.symbol, reference.symbols[symbol_idx], reference.venue
    );
    let (name, kind) = ("reference_missing", Kind::Candles);
    columns.flags.push(crate::market::CoverageFlag { name, kind, count, first, message });
}
