//! From the lake to columns: what a study reads, on one grid, with every gap known.

mod liquidations;
mod reference;

use crate::error::MarketError;
use crate::lake::{Lake, Series};
use crate::market::{CoverageFlag, FundingEvent, Market, PriceColumns, SymbolColumns};
use crate::table::{Column, Kind, Table};
use crate::time::{DAY_MS, Interval, Timestamp};

/// What to load.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadRequest {
    /// Venue identifier.
    pub venue: String,
    /// Symbols, in the order of the result.
    pub symbols: Vec<String>,
    /// Bar length.
    pub interval: Interval,
    /// Start of the period that has to hold data.
    pub from: Timestamp,
    /// End of the period, exclusive.
    pub to: Timestamp,
    /// How far back history is loaded before `from`; `None`: all that the lake holds.
    pub warm_up_from: Option<Timestamp>,
    /// Venues whose prices are loaded beside, to hold this one's against.
    pub references: Vec<ReferenceVenue>,
}

/// Another venue's instruments on the same underlyings.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferenceVenue {
    /// Venue identifier.
    pub venue: String,
    /// Its symbol for each symbol asked for, in their order.
    pub symbols: Vec<String>,
}

/// Open interest older than this at a bar's close is unknown.
const OPEN_INTEREST_STALE_MS: i64 = 15 * 60_000;

/// Loads the columns of a venue's symbols.
///
/// # Errors
/// No candles of a symbol in the period, neither candles nor mark prices of a reference, an
/// unreadable file, or a row that breaks a rule of prices.
pub fn load_market(lake: &Lake, request: &LoadRequest) -> Result<Market, MarketError> {
    let candles = request
        .symbols
        .iter()
        .map(|symbol| load_candles(lake, request, symbol))
        .collect::<Result<Vec<_>, _>>()?;
    let ms = request.interval.ms();
    let first = candles.iter().filter_map(|loaded| loaded.table.times().first()).min();
    let last = candles.iter().filter_map(|loaded| loaded.table.times().last()).max();
    let start = Timestamp(first.copied().unwrap_or(request.from.0));
    let n_bars = ((last.copied().unwrap_or(start.0) - start.0) / ms + 1) as usize;
    let mut market = Market {
        venue: request.venue.clone(),
        interval: request.interval,
        start,
        n_bars,
        symbols: Vec::with_capacity(candles.len()),
    };
    for (symbol, loaded) in request.symbols.iter().zip(candles) {
        let columns = SymbolLoader { lake, request, symbol, market: &market }.load(&loaded)?;
        market.symbols.push(columns);
    }
    reference::load(lake, request, &mut market)?;
    Ok(market)
}

/// Bars of one kind at the wanted length, and the length they were aggregated from if another.
struct LoadedBars {
    table: Table,
    aggregated_from: Option<Interval>,
}

fn load_candles(
    lake: &Lake,
    request: &LoadRequest,
    symbol: &str,
) -> Result<LoadedBars, MarketError> {
    let found = load_bars(lake, request, symbol, Kind::Candles)?;
    let in_period = |table: &Table| {
        let times = table.times();
        let first = times.partition_point(|&time| time < request.from.0);
        first < times.len()
    };
    match found {
        Some(loaded) if in_period(&loaded.table) => Ok(loaded),
        _ => Err(MarketError::NoData {
            lake: lake.root().into(),
            kind: Kind::Candles,
            venue: request.venue.clone(),
            symbol: symbol.to_owned(),
            interval: Some(request.interval),
            from: request.from,
            to: request.to,
            have: what_there_is(lake, request, symbol)?,
        }),
    }
}

/// A sentence part about the candles of a symbol that the lake holds.
fn what_there_is(
    lake: &Lake,
    request: &LoadRequest,
    symbol: &str,
) -> Result<Option<Box<str>>, MarketError> {
    let mut parts = Vec::new();
    let mut others = Vec::new();
    for series in lake.series()? {
        if series.kind != Kind::Candles {
            continue;
        }
        if series.venue == request.venue && series.symbol == symbol {
            let coverage = lake.coverage(&series)?;
            if let (Some(first), Some(last), Some(interval)) =
                (coverage.first(), coverage.last(), series.interval)
            {
                parts.push(format!("{interval} from {} to {}", first.0, last.1));
            }
        } else {
            others.push(format!("{} {}", series.venue, series.symbol));
        }
    }
    others.dedup();
    Ok(match (parts.is_empty(), others.is_empty()) {
        (false, _) => Some(parts.join(", ").into()),
        (true, false) => Some(format!("other candles: {}", others.join(", ")).into()),
        (true, true) => None,
    })
}

/// Bars at the wanted length, or aggregated from the longest stored length that divides it.
fn load_bars(
    lake: &Lake,
    request: &LoadRequest,
    symbol: &str,
    kind: Kind,
) -> Result<Option<LoadedBars>, MarketError> {
    let from = request.warm_up_from.unwrap_or(Timestamp(i64::MIN / 2));
    let mut lengths: Vec<Interval> = lake
        .series()?
        .into_iter()
        .filter(|s| s.kind == kind && s.venue == request.venue && s.symbol == symbol)
        .filter_map(|s| s.interval)
        .filter(|length| request.interval.ms() % length.ms() == 0)
        .collect();
    lengths.sort();
    let mut fallback = None;
    while let Some(length) = lengths.pop() {
        let series = Series {
            kind,
            venue: request.venue.clone(),
            symbol: symbol.to_owned(),
            interval: Some(length),
        };
        let table = lake.read(&series, from, request.to)?;
        let loaded = if length == request.interval {
            LoadedBars { table, aggregated_from: None }
        } else {
            LoadedBars {
                table: aggregate(&table, length, request.interval),
                aggregated_from: Some(length),
            }
        };
        // Bars at the exact length win unless they lie outside the period and finer ones do not.
        if loaded.table.times().last().is_some_and(|&last| last >= request.from.0) {
            return Ok(Some(loaded));
        }
        fallback.get_or_insert(loaded);
    }
    Ok(fallback)
}

/// Longer bars from shorter ones. A bar exists only where every shorter bar of it does.
#[must_use]
pub fn aggregate(table: &Table, from: Interval, to: Interval) -> Table {
    let per_bar = (to.ms() / from.ms()) as usize;
    let times = table.times();
    let mut groups: Vec<(i64, usize)> = Vec::new();
    let mut row = 0;
    while row < times.len() {
        let open_time = to.floor(Timestamp(times[row])).0;
        let end = row + times[row..].partition_point(|&time| time < open_time + to.ms());
        if end - row == per_bar {
            groups.push((open_time, row));
        }
        row = end;
    }
    let columns = table
        .kind()
        .columns()
        .iter()
        .zip(table.columns())
        .map(|(&(name, _), column)| aggregate_column(name, column, &groups, per_bar))
        .collect();
    Table::new(table.kind(), columns)
}

fn aggregate_column(
    name: &str,
    column: &Column,
    groups: &[(i64, usize)],
    per_bar: usize,
) -> Column {
    let each = |values: &[f64], join: &dyn Fn(&[f64]) -> f64| {
        groups.iter().map(|&(_, row)| join(&values[row..row + per_bar])).collect::<Vec<f64>>()
    };
    match column {
        Column::Time(_) => Column::Time(groups.iter().map(|&(time, _)| time).collect()),
        Column::F64(values) => Column::F64(match name {
            "open" => each(values, &|part| part[0]),
            "high" => each(values, &|part| part.iter().copied().fold(f64::MIN, f64::max)),
            "low" => each(values, &|part| part.iter().copied().fold(f64::MAX, f64::min)),
            "close" => each(values, &|part| part[part.len() - 1]),
            _ => each(values, &|part| part.iter().sum()),
        }),
        Column::F64OrNull(values) => Column::F64OrNull(
            groups
                .iter()
                .map(|&(_, row)| values[row..row + per_bar].iter().copied().sum())
                .collect(),
        ),
        Column::I64OrNull(values) => Column::I64OrNull(
            groups
                .iter()
                .map(|&(_, row)| values[row..row + per_bar].iter().copied().sum())
                .collect(),
        ),
        Column::I32(_) | Column::Text(_) => unreachable!("bars have no such column"),
    }
}

struct SymbolLoader<'a> {
    lake: &'a Lake,
    request: &'a LoadRequest,
    symbol: &'a str,
    market: &'a Market,
}

impl SymbolLoader<'_> {
    fn load(&self, candles: &LoadedBars) -> Result<SymbolColumns, MarketError> {
        let mut columns = SymbolColumns { symbol: self.symbol.to_owned(), ..Default::default() };
        let table = &candles.table;
        let rows = self.rows_of_bars(table);
        self.check_prices(table)?;
        let prices = prices(table, &rows);
        columns.open = prices.open;
        columns.high = prices.high;
        columns.low = prices.low;
        columns.close = prices.close;
        columns.volume = spread(table.f64("volume"), &rows);
        columns.quote_volume = spread(table.f64("quote_volume"), &rows);
        columns.taker_buy_volume = match table.column("taker_buy_volume") {
            Some(Column::F64OrNull(values)) => {
                let plain: Vec<f64> = values.iter().map(|v| v.unwrap_or(f64::NAN)).collect();
                spread(&plain, &rows)
            }
            _ => vec![f64::NAN; rows.len()],
        };
        if let Some(length) = candles.aggregated_from {
            let message =
                format!("{} bars are aggregated from {length} bars", self.request.interval);
            let start = self.market.start;
            self.flag(&mut columns, "aggregated", Kind::Candles, rows.len(), start, &message);
        }
        self.flag_candles(&mut columns);
        columns.mark = self.price_kind(Kind::MarkCandles)?;
        columns.index = self.price_kind(Kind::IndexCandles)?;
        self.flag_mark(&mut columns);
        self.load_funding(&mut columns)?;
        self.load_liquidations(&mut columns)?;
        self.load_open_interest(&mut columns)?;
        Ok(columns)
    }

    /// The row of each bar of the grid, if the table has it.
    fn rows_of_bars(&self, table: &Table) -> Vec<Option<usize>> {
        let mut rows = vec![None; self.market.n_bars];
        for (row, &time) in table.times().iter().enumerate() {
            let offset = time - self.market.start.0;
            if offset >= 0 && offset % self.market.interval.ms() == 0 {
                let bar = (offset / self.market.interval.ms()) as usize;
                if bar < rows.len() {
                    rows[bar] = Some(row);
                }
            }
        }
        rows
    }

    /// The rules that ingestion guarantees, asserted once more.
    fn check_prices(&self, table: &Table) -> Result<(), MarketError> {
        let names = ["open", "high", "low", "close"];
        let [open, high, low, close] = names.map(|name| table.f64(name));
        for (row, &time) in table.times().iter().enumerate() {
            let broken = |column, value, rule| {
                Err(MarketError::BrokenRule {
                    symbol: self.symbol.to_owned(),
                    time: Timestamp(time),
                    column,
                    value,
                    rule,
                })
            };
            for (name, values) in names.iter().zip([open, high, low, close]) {
                if !(values[row].is_finite() && values[row] > 0.0) {
                    return broken(name, values[row], "prices are finite and above 0");
                }
            }
            if low[row] > open[row].min(close[row]) {
                return broken("low", low[row], "low is at most open and close");
            }
            if high[row] < open[row].max(close[row]) {
                return broken("high", high[row], "high is at least open and close");
            }
        }
        Ok(())
    }

    fn price_kind(&self, kind: Kind) -> Result<Option<PriceColumns>, MarketError> {
        let Some(loaded) = load_bars(self.lake, self.request, self.symbol, kind)? else {
            return Ok(None);
        };
        self.check_prices(&loaded.table)?;
        let rows = self.rows_of_bars(&loaded.table);
        Ok(rows.iter().any(Option::is_some).then(|| prices(&loaded.table, &rows)))
    }

    /// Bars of the study's period, as indices of the grid.
    fn period(&self) -> std::ops::Range<usize> {
        self.market.first_bar_from(self.request.from)..self.market.n_bars
    }

    fn flag(
        &self,
        columns: &mut SymbolColumns,
        name: &'static str,
        kind: Kind,
        count: usize,
        first: Timestamp,
        message: &str,
    ) {
        let message = format!("{}: {message}", self.symbol);
        columns.flags.push(CoverageFlag { name, kind, count, first, message });
    }

    fn flag_candles(&self, columns: &mut SymbolColumns) {
        let bars = self.period();
        let missing: Vec<usize> = bars.clone().filter(|&bar| !columns.has_bar(bar)).collect();
        if let Some(&first) = missing.first() {
            let first = self.market.open_time(first);
            let message = format!(
                "{} of {} bars are missing, the first at {first}; positions are carried over them",
                missing.len(),
                bars.len()
            );
            self.flag(columns, "gap", Kind::Candles, missing.len(), first, &message);
        }
        let still: Vec<usize> = bars.filter(|&bar| columns.volume[bar] <= 0.0).collect();
        if let Some(&first) = still.first() {
            let first = self.market.open_time(first);
            let message = format!(
                "{} bars have no volume, the first at {first}; nothing fills in them",
                still.len()
            );
            self.flag(columns, "zero_volume", Kind::Candles, still.len(), first, &message);
        }
        let end = self.market.open_time(self.market.n_bars);
        if end < self.request.to {
            let count = ((self.request.to.0 - end.0) / self.market.interval.ms()) as usize;
            let message = format!("the data end at {end}, before the period does");
            self.flag(columns, "period_cut", Kind::Candles, count, end, &message);
        }
        let start = self.market.start;
        if start > self.request.from {
            let count = ((start.0 - self.request.from.0) / self.market.interval.ms()) as usize;
            let message = format!("the data begin at {start}, after the period does");
            self.flag(columns, "period_cut", Kind::Candles, count, start, &message);
        }
    }

    fn flag_mark(&self, columns: &mut SymbolColumns) {
        let is_unknown = |bar: usize| {
            columns.has_bar(bar)
                && columns.mark.as_ref().is_none_or(|mark| mark.close[bar].is_nan())
        };
        let missing: Vec<usize> = self.period().filter(|&bar| is_unknown(bar)).collect();
        let Some(&first) = missing.first() else {
            return;
        };
        let first = self.market.open_time(first);
        let message = format!(
            "{} bars have no {} mark price, the first at {first}; the last price stands in for it",
            missing.len(),
            self.request.interval
        );
        self.flag(columns, "mark_missing", Kind::MarkCandles, missing.len(), first, &message);
    }

    fn series(&self, kind: Kind) -> Series {
        Series {
            kind,
            venue: self.request.venue.clone(),
            symbol: self.symbol.to_owned(),
            interval: None,
        }
    }

    fn load_funding(&self, columns: &mut SymbolColumns) -> Result<(), MarketError> {
        let series = self.series(Kind::Funding);
        // One day of slack on both sides: a settlement is stored by its raw time.
        let from = Timestamp(self.market.start.0 - DAY_MS);
        let table = self.lake.read(&series, from, Timestamp(self.request.to.0 + DAY_MS))?;
        if let (
            Some(Column::Time(settlements)),
            Some(Column::I32(minutes)),
            Some(Column::F64OrNull(marks)),
        ) = (
            table.column("settlement_time"),
            table.column("interval_minutes"),
            table.column("mark_price"),
        ) {
            for row in 0..table.len() {
                columns.funding.push(FundingEvent {
                    settlement_time: Timestamp(settlements[row]),
                    rate: table.f64("rate")[row],
                    interval_minutes: minutes[row],
                    mark_price: marks[row],
                });
            }
        }
        columns.funding.sort_by_key(|event| event.settlement_time);
        columns.funding_coverage = self.lake.coverage(&series)?;
        self.flag_funding(columns);
        Ok(())
    }

    /// Bars of the period that no funding coverage reaches.
    fn flag_funding(&self, columns: &mut SymbolColumns) {
        let uncovered: Vec<usize> = self
            .period()
            .filter(|&bar| {
                let time = self.market.open_time(bar);
                !columns.funding_coverage.iter().any(|&(from, to)| from <= time && time < to)
            })
            .collect();
        let Some(&first) = uncovered.first() else {
            return;
        };
        let first = self.market.open_time(first);
        let period = self.period().len();
        let message = format!(
            "funding is unknown for {} of {period} bars, from {first} on; nothing is charged there",
            uncovered.len()
        );
        self.flag(columns, "funding_missing", Kind::Funding, uncovered.len(), first, &message);
    }

    /// The last snapshot known at each close, unless it is stale.
    fn load_open_interest(&self, columns: &mut SymbolColumns) -> Result<(), MarketError> {
        let series = self.series(Kind::OpenInterest);
        let from = Timestamp(self.market.start.0 - OPEN_INTEREST_STALE_MS);
        let to = Timestamp(self.request.to.0.saturating_add(1));
        let table = self.lake.read(&series, from, to)?;
        let times = table.times();
        let open_interest = table.f64_or_nan("open_interest");
        let value = table.f64_or_nan("open_interest_value");
        columns.open_interest = vec![f64::NAN; self.market.n_bars];
        columns.open_interest_value = vec![f64::NAN; self.market.n_bars];
        let mut next = 0;
        for bar in 0..self.market.n_bars {
            let close_time = self.market.close_time(bar).0;
            while next < times.len() && times[next] <= close_time {
                next += 1;
            }
            if let Some(row) = next.checked_sub(1)
                && close_time - times[row] <= OPEN_INTEREST_STALE_MS
            {
                columns.open_interest[bar] = open_interest[row];
                columns.open_interest_value[bar] = value[row];
            }
        }
        Ok(())
    }
}

/// The four prices of the rows that bars have, unknown elsewhere.
fn prices(table: &Table, rows: &[Option<usize>]) -> PriceColumns {
    PriceColumns {
        open: spread(table.f64("open"), rows),
        high: spread(table.f64("high"), rows),
        low: spread(table.f64("low"), rows),
        close: spread(table.f64("close"), rows),
    }
}

/// The values of the rows that bars have, unknown elsewhere.
fn spread(values: &[f64], rows: &[Option<usize>]) -> Vec<f64> {
    rows.iter().map(|row| row.map_or(f64::NAN, |row| values[row])).collect()
}
