//! What a reader has to know about the data and the assumptions behind a result.

use plimsoll_engine::{MarginMode, Outcome, Prepared, Span};
use plimsoll_market::{Market, SymbolColumns};

use crate::error::StudyError;
use crate::parse::Study;
use crate::result::{RuleResult, SymbolCoverage};
use crate::tables::is_margin_table;

/// How much of the period each symbol's columns cover.
pub(crate) fn coverage_of(market: &Market, from_bar: usize) -> Vec<SymbolCoverage> {
    market.symbols.iter().map(|symbol| symbol_coverage(market, symbol, from_bar)).collect()
}

fn symbol_coverage(market: &Market, symbol: &SymbolColumns, from_bar: usize) -> SymbolCoverage {
    let period = from_bar..market.n_bars;
    let present: Vec<usize> = period.clone().filter(|&bar| symbol.has_bar(bar)).collect();
    let known = |column: &[f64]| period.clone().filter(|&bar| !column[bar].is_nan()).count();
    let (from, to) = (market.open_time(from_bar), market.open_time(market.n_bars));
    SymbolCoverage {
        symbol: symbol.symbol.clone(),
        bars: present.len(),
        first: present.first().map(|&bar| market.open_time(bar)),
        last: present.last().map(|&bar| market.open_time(bar)),
        mark_bars: symbol.mark.as_ref().map_or(0, |mark| known(&mark.close)),
        funding_settlements: symbol
            .funding
            .iter()
            .filter(|event| event.settlement_time >= from && event.settlement_time < to)
            .count(),
        liquidation_bars: known(&symbol.liquidated_long_notional),
        open_interest_bars: known(&symbol.open_interest),
        flags: symbol.flags.clone(),
    }
}

/// Sentences about the venue's tables, the signal's inputs and the assumptions at work.
pub(crate) fn notes_of(
    study: &Study,
    prepared: &Prepared<'_>,
    rules: &[RuleResult],
    unused_rows: usize,
    span: Span,
) -> Result<Vec<String>, StudyError> {
    let (venue, market) = (prepared.rules, prepared.market);
    let symbols: Vec<&str> = study.data.symbols.iter().map(String::as_str).collect();
    let (from, to) = (market.open_time(span.from_bar), market.open_time(span.to_bar));
    let mut notes = Vec::new();
    if study.settings.margin == MarginMode::Isolated {
        notes.push(
            "Under isolated margin with a fixed leverage the liquidation distance does not depend \
             on the size: all rules share one per bracket."
                .to_owned(),
        );
    }
    if study.settings.margin == MarginMode::Portfolio {
        notes.extend(portfolio_notes(prepared));
    } else {
        let unused = study.data.tables.iter().filter(|file| is_margin_table(file));
        notes.extend(unused.map(|file| {
            format!("`{file}` is of portfolio margin, which this account does not have: not used.")
        }));
    }
    notes.push(
        "Ruin probabilities are of fixed paths: days are resampled, sizes are not decided anew on \
         each path."
            .to_owned(),
    );
    notes.push(
        "The universe is the symbols named in the strategy file. They are known today, which \
         makes it one of survivors."
            .to_owned(),
    );
    for input in study.signal.undefined_inputs(market)? {
        notes.push(format!(
            "{}: `{}` is unknown at every bar, so rules that need it never fire.",
            market.symbols[input.symbol_idx].symbol, input.name
        ));
    }
    if unused_rows > 0 {
        notes.push(format!("{unused_rows} rows of the signal file had no effect."));
    }
    notes.extend(counted_notes(rules));
    notes.extend(venue.notes(&symbols, from, to)?);
    Ok(notes)
}

/// What stands for the brackets under portfolio margin, and what is assumed of it.
fn portfolio_notes(prepared: &Prepared<'_>) -> Vec<String> {
    let title = &prepared.rules.profile().title;
    let mut notes = vec![
        "Portfolio margin: each symbol is its underlying's risk unit, and the requirements of units \
         are added up. The venue's brackets and the account's `leverage` are not used: initial \
         margin follows from the venue's figures."
            .to_owned(),
        format!(
            "No page says how {title} unwinds a portfolio account. It is assumed to do so as with a \
             cross account, the largest requirement first, the brackets being those of the \
             portfolio requirement: where there is only one, a position is taken over whole at the \
             bankruptcy price, with all that stands behind it."
        ),
    ];
    notes.extend(prepared.portfolio_notes().iter().cloned());
    notes
}

/// Something that replays count and readers have to know.
struct Counted {
    count: fn(&Outcome) -> usize,
    what: &'static str,
}

/// What the replays of the whole account met, each with the range over the rules that met it.
fn counted_notes(rules: &[RuleResult]) -> Vec<String> {
    const COUNTED: [Counted; 4] = [
        Counted {
            count: |outcome| outcome.mark_fallback_bars,
            what: "Position bars without a mark price, in which the last price stood in for it \
                   (mark_fallback)",
        },
        Counted {
            count: |outcome| outcome.joint_extreme_bars,
            what: "Bars that called for a liquidation only if all positions met their worst price \
                   at once (joint_extreme)",
        },
        Counted {
            count: |outcome| outcome.funding_price_estimated,
            what: "Settlements charged at the mark close before them, since the source records no \
                   price (funding_price)",
        },
        Counted {
            count: |outcome| outcome.above_top_bracket_bars,
            what: "Position bars above the notional that the top bracket covers \
                   (above_top_bracket)",
        },
    ];
    COUNTED.iter().filter_map(|counted| counted_note(counted, rules)).collect()
}

fn counted_note(counted: &Counted, rules: &[RuleResult]) -> Option<String> {
    let met: Vec<usize> = rules
        .iter()
        .map(|rule| (counted.count)(&rule.account().outcome))
        .filter(|&count| count > 0)
        .collect();
    let (least, most) = (met.iter().min()?, met.iter().max()?);
    let range = if least == most { format!("{most}") } else { format!("{least} to {most}") };
    Some(format!("{}: {range}, under {} of {} rules.", counted.what, met.len(), rules.len()))
}
