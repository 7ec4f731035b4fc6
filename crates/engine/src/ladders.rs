//! What a venue asks of a position from bar to bar: brackets, or portfolio margin in their place.

use plimsoll_market::Market;
use plimsoll_venue::margin::{MarginRules, portfolio_ladders_between};
use plimsoll_venue::{Ladder, VenueError, VenueRules, initial_margin, underlying_of};

/// The ladders of one symbol by the bar from which each is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct DatedLadders(Vec<LadderInForce>);

/// A ladder and the bar from which it is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct LadderInForce {
    /// The first bar.
    pub from_bar: usize,
    /// The requirement by size.
    pub ladder: Ladder,
    /// Initial margin over maintenance margin under portfolio margin; `None` for brackets, where
    /// the account's leverage says it.
    pub initial_margin_factor: Option<f64>,
}

impl DatedLadders {
    /// The venue's brackets.
    pub(crate) fn of_brackets(
        market: &Market,
        rules: &VenueRules,
        symbol: &str,
        from_bar: usize,
    ) -> Result<Self, VenueError> {
        let (from, to) = (market.open_time(from_bar), market.open_time(market.n_bars));
        let dated = rules.ladders_between(symbol, from, to)?;
        let in_force = |(time, ladder): (_, &Ladder)| LadderInForce {
            from_bar: market.first_bar_from(time),
            ladder: ladder.clone(),
            initial_margin_factor: None,
        };
        Ok(Self(dated.into_iter().map(in_force).collect()))
    }

    /// The venue's portfolio margin of the symbol alone, with notes on figures.
    pub(crate) fn of_portfolio_margin(
        market: &Market,
        rules: &VenueRules,
        margin_rules: &MarginRules,
        symbol: &str,
        from_bar: usize,
    ) -> Result<(Self, Vec<String>), VenueError> {
        let (from, to) = (market.open_time(from_bar), market.open_time(market.n_bars));
        let dated = portfolio_ladders_between(margin_rules, rules, symbol, from, to)?;
        let mut notes: Vec<String> = Vec::new();
        let mut ladders = Vec::with_capacity(dated.len());
        for (time, found) in dated {
            notes.extend(found.notes);
            ladders.push(LadderInForce {
                from_bar: market.first_bar_from(time),
                ladder: found.ladder,
                initial_margin_factor: Some(found.initial_margin_factor),
            });
        }
        notes.sort_unstable();
        notes.dedup();
        Ok((Self(ladders), notes))
    }

    /// Index of the ladder in force at a bar, for [`Self::ladder`]. `hint` is the index at an
    /// earlier bar, or 0.
    pub fn index(&self, bar: usize, hint: usize) -> usize {
        let mut index = hint;
        while index + 1 < self.0.len() && self.0[index + 1].from_bar <= bar {
            index += 1;
        }
        index
    }

    /// A ladder by its index.
    pub fn ladder(&self, index: usize) -> &Ladder {
        &self.0[index].ladder
    }

    /// The first bar at which a ladder is no longer in force.
    pub fn end(&self, index: usize) -> usize {
        self.0.get(index + 1).map_or(usize::MAX, |next| next.from_bar)
    }

    /// The ladder in force at a bar, looked for from an earlier index, or 0, on.
    pub fn at(&self, bar: usize, hint: usize) -> &LadderInForce {
        &self.0[self.index(bar, hint)]
    }
}

impl LadderInForce {
    /// Initial margin of a position at a price; `leverage` is the account's.
    pub fn initial_margin(&self, quantity: f64, price: f64, leverage: f64) -> f64 {
        match self.initial_margin_factor {
            Some(factor) => factor * self.ladder.maintenance_margin(quantity, price),
            None => initial_margin(quantity * price, leverage),
        }
    }

    /// Greatest leverage of a small position: the account's, or what portfolio margin comes to.
    pub fn leverage(&self, leverage: f64) -> f64 {
        match self.initial_margin_factor {
            Some(_) => self.ladder.leverage_max(0.0),
            None => leverage,
        }
    }
}

/// Refuses two symbols on one underlying: netting between them is not replayed.
pub(crate) fn check_underlyings(market: &Market, venue: &str) -> Result<(), VenueError> {
    let symbols: Vec<&str> = market.symbols.iter().map(|columns| columns.symbol.as_str()).collect();
    for (idx, second) in symbols.iter().enumerate() {
        let underlying = underlying_of(second);
        if let Some(first) = symbols[..idx].iter().find(|first| underlying_of(first) == underlying)
        {
            return Err(VenueError::SharedUnderlying {
                venue: venue.to_owned(),
                underlying,
                first: (*first).to_owned(),
                second: (*second).to_owned(),
            });
        }
    }
    Ok(())
}
