//! The market made ready for walking: mark columns with their fall-back, funding by bar, the
//! venue's rules by bar, and what market impact needs. Computed once, shared by every rule.

use plimsoll_market::{Market, PriceBar, SymbolColumns, Timestamp};
use plimsoll_venue::margin::MarginRules;
use plimsoll_venue::{
    ContractKind, FundingPrice, Instrument, VenueError, VenueRules, meets_min_notional,
    meets_min_quantity, round_quantity_down,
};

use crate::ladders::{DatedLadders, check_underlyings};
use crate::settings::{MarginMode, Settings};

/// A market with the venue's rules resolved to its bars.
#[derive(Debug)]
pub struct Prepared<'a> {
    /// The columns.
    pub market: &'a Market,
    /// The venue's rules.
    pub rules: &'a VenueRules,
    /// One entry a symbol of the market.
    pub symbols: Vec<PreparedSymbol<'a>>,
    from_bar: usize,
    portfolio_notes: Vec<String>,
}

/// One symbol's columns as the loops read them.
#[derive(Debug)]
pub struct PreparedSymbol<'a> {
    /// Lot filters and liquidation fee.
    pub instrument: &'a Instrument,
    /// The mark by bar: the last price where the mark is unknown, the last known close where both
    /// are, `NaN` before anything is known.
    pub mark: Vec<PriceBar>,
    /// Whether something else stands in for the mark.
    pub mark_is_last: Vec<bool>,
    /// Funding by the bar at whose open it is charged.
    pub funding: Vec<FundingCharge>,
    /// One past the last bar that exists (before a delisting).
    pub end_bar: usize,
    /// Whether the contract was delisted within the market's period, so that a position held to
    /// its last bar is settled at the mark.
    pub is_delisted: bool,
    brackets: DatedLadders,
    portfolio: Option<DatedLadders>,
    taker_fees: Vec<(usize, f64)>,
    /// Running sums over bars of squared log returns, of traded value, and of bars counted.
    squared_returns: Vec<f64>,
    traded_value: Vec<f64>,
    bars_counted: Vec<u32>,
    bars_per_day: f64,
    impact_bars: usize,
}

/// One settlement as the account sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FundingCharge {
    /// The bar at whose open it is charged: the first that opens at or after the settlement.
    pub bar: usize,
    /// Fraction of the notional; positive: longs pay.
    pub rate: f64,
    /// Price that the notional is reckoned at.
    pub price: f64,
    /// Whether the source recorded that price; otherwise it is the close of the bar that ends there.
    pub price_is_recorded: bool,
}

/// Days of history behind the daily volatility and value that impact is reckoned from.
pub const IMPACT_DAYS: usize = 30;

impl<'a> Prepared<'a> {
    /// Resolves the venue's rules for every bar from `from_bar` on. `taker_fee` replaces the
    /// venue's fees. Bars before `from_bar` only warm estimates up: where the fee table begins
    /// later than they do, its first fee stands for them.
    ///
    /// # Errors
    /// A symbol without brackets or filters, an inverse contract, or `from_bar` before the tables begin.
    pub fn new(
        market: &'a Market,
        rules: &'a VenueRules,
        from_bar: usize,
        taker_fee: Option<f64>,
    ) -> Result<Self, VenueError> {
        let taker_fees = taker_fees(market, rules, from_bar, taker_fee)?;
        let symbols = market
            .symbols
            .iter()
            .map(|columns| PreparedSymbol::new(market, columns, rules, from_bar, &taker_fees))
            .collect::<Result<_, _>>()?;
        Ok(Self { market, rules, symbols, from_bar, portfolio_notes: Vec::new() })
    }

    /// Resolves the venue's portfolio margin as well, for replays under it.
    ///
    /// # Errors
    /// A venue without portfolio margin, figures that are missing or begin later than the bars
    /// from which rules are resolved, or two symbols on one underlying.
    pub fn with_portfolio_margin(mut self, margin_rules: &MarginRules) -> Result<Self, VenueError> {
        check_underlyings(self.market, self.rules.venue())?;
        for (symbol, columns) in self.symbols.iter_mut().zip(&self.market.symbols) {
            let (ladders, notes) = DatedLadders::of_portfolio_margin(
                self.market,
                self.rules,
                margin_rules,
                &columns.symbol,
                self.from_bar,
            )?;
            symbol.portfolio = Some(ladders);
            self.portfolio_notes.extend(notes);
        }
        Ok(self)
    }

    /// Figures of portfolio margin that are unverified, in words.
    pub fn portfolio_notes(&self) -> &[String] {
        &self.portfolio_notes
    }
}

impl<'a> PreparedSymbol<'a> {
    fn new(
        market: &Market,
        columns: &SymbolColumns,
        rules: &'a VenueRules,
        from_bar: usize,
        taker_fees: &[(usize, f64)],
    ) -> Result<Self, VenueError> {
        let n_bars = market.n_bars;
        let mut mark: Vec<PriceBar> = Vec::with_capacity(n_bars);
        let mut mark_is_last = Vec::with_capacity(n_bars);
        for bar in 0..n_bars {
            let (mut price, is_mark) = columns.mark_or_last(bar);
            if price.close.is_nan()
                && let Some(previous) = mark.last()
            {
                let close = previous.close;
                price = PriceBar { open: close, high: close, low: close, close };
            }
            mark.push(price);
            mark_is_last.push(!is_mark);
        }
        let from = market.open_time(from_bar);
        let to = market.open_time(n_bars);
        let by_bar = |time: Timestamp| market.first_bar_from(time);
        let brackets = DatedLadders::of_brackets(market, rules, &columns.symbol, from_bar)?;
        let traded_until = columns.delisted_at.map_or(n_bars, by_bar);
        let end_bar =
            (0..traded_until).rev().find(|&bar| columns.has_bar(bar)).map_or(0, |bar| bar + 1);
        let bars_per_day = plimsoll_market::DAY_MS as f64 / market.interval.ms() as f64;
        let instrument = rules.instrument_at(&columns.symbol, from)?;
        if instrument.contract_kind == ContractKind::Inverse {
            return Err(VenueError::InverseContract {
                venue: rules.venue().to_owned(),
                symbol: columns.symbol.clone(),
            });
        }
        let mut prepared = Self {
            instrument,
            funding: funding_charges(
                market,
                columns,
                &mark,
                rules.funding_rule(from)?.payment_price,
            ),
            mark,
            mark_is_last,
            end_bar,
            is_delisted: columns.delisted_at.is_some_and(|time| time <= to),
            brackets,
            portfolio: None,
            taker_fees: taker_fees.to_vec(),
            squared_returns: Vec::new(),
            traded_value: Vec::new(),
            bars_counted: Vec::new(),
            bars_per_day,
            impact_bars: ((IMPACT_DAYS as f64 * bars_per_day).ceil() as usize).max(1),
        };
        prepared.sum_liquidity(columns);
        Ok(prepared)
    }

    /// The quantity rounded down to whole lots.
    pub fn round_quantity_down(&self, quantity: f64) -> f64 {
        round_quantity_down(quantity, self.instrument.quantity_step)
    }

    /// Whether an order is large enough for the venue.
    pub fn meets_minimum(&self, quantity: f64, price: f64) -> bool {
        quantity > 0.0
            && meets_min_quantity(quantity, self.instrument.minimum_quantity)
            && meets_min_notional(quantity, price, self.instrument.minimum_notional)
    }

    /// Notional of the smallest order at a price.
    pub fn minimum_order_notional(&self, price: f64) -> f64 {
        (self.instrument.minimum_quantity * price).max(self.instrument.minimum_notional)
    }

    /// Price at which what is still held at the end is marked out: the last price at the bar's
    /// close, or the mark where there is none and where a delisted contract settles.
    pub fn end_price(&self, columns: &SymbolColumns, bar: usize) -> f64 {
        let is_settled = self.is_delisted && bar + 1 == self.end_bar;
        if is_settled || !columns.has_bar(bar) { self.mark[bar].close } else { columns.close[bar] }
    }

    /// What is asked of positions in a margin mode; `None` for portfolio margin where
    /// [`Prepared::with_portfolio_margin`] was not called.
    pub fn ladders(&self, margin: MarginMode) -> Option<&DatedLadders> {
        match margin {
            MarginMode::Cross | MarginMode::Isolated => Some(&self.brackets),
            MarginMode::Portfolio => self.portfolio.as_ref(),
        }
    }

    /// The leverage of the account for a small position at a bar: as it is set, or as portfolio
    /// margin has it.
    pub fn account_leverage(&self, settings: &Settings, bar: usize) -> f64 {
        let ladders = self.ladders(settings.margin);
        ladders.map_or(settings.leverage, |dated| dated.at(bar, 0).leverage(settings.leverage))
    }

    /// The venue's taker fee at a bar.
    pub fn taker_fee(&self, bar: usize) -> f64 {
        let index = self.taker_fees.partition_point(|&(from, _)| from <= bar);
        self.taker_fees[index.saturating_sub(1)].1
    }

    /// Index of the first settlement charged at a later open than a bar's.
    pub fn first_funding_after(&self, bar: usize) -> usize {
        self.funding.partition_point(|charge| charge.bar <= bar)
    }

    /// Settlements charged to a position that was entered at the open of `entry_bar` and left in
    /// `exit_bar`: those after the entry, up to and including the exit bar's open.
    pub fn funding_between(
        &self,
        entry_bar: usize,
        exit_bar: usize,
    ) -> impl Iterator<Item = &FundingCharge> {
        self.funding[self.first_funding_after(entry_bar)..]
            .iter()
            .take_while(move |charge| charge.bar <= exit_bar)
    }

    /// Daily volatility (root of the mean squared log return) and mean daily traded value over the
    /// [`IMPACT_DAYS`] up to and including a closed bar. `None` with less than a day of history or
    /// without any trading.
    pub fn daily_liquidity(&self, bar: usize) -> Option<(f64, f64)> {
        let start = (bar + 1).saturating_sub(self.impact_bars);
        let count = self.bars_counted[bar + 1] - self.bars_counted[start];
        if f64::from(count) < self.bars_per_day.min(self.impact_bars as f64) {
            return None;
        }
        let per_day = self.bars_per_day / f64::from(count);
        let variance = (self.squared_returns[bar + 1] - self.squared_returns[start]) * per_day;
        let value = (self.traded_value[bar + 1] - self.traded_value[start]) * per_day;
        (value > 0.0).then(|| (variance.max(0.0).sqrt(), value))
    }

    fn sum_liquidity(&mut self, columns: &SymbolColumns) {
        let n_bars = columns.close.len();
        let (mut squared, mut value, mut count) = (0.0, 0.0, 0);
        let mut previous = f64::NAN;
        self.squared_returns.reserve(n_bars + 1);
        self.squared_returns.push(0.0);
        self.traded_value.reserve(n_bars + 1);
        self.traded_value.push(0.0);
        self.bars_counted.reserve(n_bars + 1);
        self.bars_counted.push(0);
        for bar in 0..n_bars {
            if columns.has_bar(bar) {
                let log_return = (columns.close[bar] / previous).ln();
                squared += if log_return.is_nan() { 0.0 } else { log_return * log_return };
                value += columns.quote_volume[bar];
                count += 1;
                previous = columns.close[bar];
            }
            self.squared_returns.push(squared);
            self.traded_value.push(value);
            self.bars_counted.push(count);
        }
    }
}

/// The taker fee by the bar from which it holds.
fn taker_fees(
    market: &Market,
    rules: &VenueRules,
    from_bar: usize,
    taker_fee: Option<f64>,
) -> Result<Vec<(usize, f64)>, VenueError> {
    if let Some(fee) = taker_fee {
        return Ok(vec![(0, fee)]);
    }
    let to = market.open_time(market.n_bars);
    let dated = match rules.fees_between(market.start, to) {
        Ok(dated) => dated,
        Err(_) => rules.fees_between(market.open_time(from_bar), to)?,
    };
    Ok(dated
        .into_iter()
        .map(|(time, fees)| (market.first_bar_from(time), fees.taker_fee_fraction))
        .collect())
}

/// Brings settlements to the bars at whose open they are charged, with the price that counts:
/// the venue's own (oracle, here the index), the recorded mark, else the close of the bar that
/// ends there.
fn funding_charges(
    market: &Market,
    columns: &SymbolColumns,
    mark: &[PriceBar],
    price_rule: FundingPrice,
) -> Vec<FundingCharge> {
    let mut charges = Vec::with_capacity(columns.funding.len());
    for event in &columns.funding {
        if event.settlement_time < market.start {
            continue;
        }
        let bar = market.first_bar_from(event.settlement_time);
        if bar >= market.n_bars {
            break;
        }
        let Some(bar_before) = bar.checked_sub(1) else {
            continue; // Nothing can be held before the first bar.
        };
        let oracle = match (price_rule, &columns.index) {
            (FundingPrice::Oracle, Some(index)) => {
                Some(index.close[bar_before]).filter(|price| !price.is_nan())
            }
            _ => None,
        };
        let recorded = oracle.or(event.mark_price);
        let price = recorded.unwrap_or(mark[bar_before].close);
        // Nothing can be held before the first known price.
        if price.is_nan() {
            continue;
        }
        charges.push(FundingCharge {
            bar,
            rate: event.rate,
            price,
            price_is_recorded: recorded.is_some(),
        });
    }
    charges
}
