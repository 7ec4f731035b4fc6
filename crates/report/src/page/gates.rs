//! How often each limit and gate acted.

use plimsoll_study::result::GateCount;

use super::Context;
use super::blocks::{Block, Cell, Table};
use crate::limits;
use crate::words;

/// Rows that stand open; more of them open on demand.
const OPEN_ROWS: usize = 40;

/// The counts of every limit and gate that did something, and of the gates that did nothing.
pub(super) fn blocks(context: &Context<'_>) -> Vec<Block> {
    let counts = &context.result.gate_counts;
    if counts.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new(
        "Entry decisions of the whole account in which each limit and gate acted",
        &[
            "Rule",
            "Limit or gate",
            "Pre-trade gate",
            "#Decisions|At which it was asked",
            "#Set the size|Of a limit: it was the one that decided, as a rule's only limit always is",
            "#Cut|Of a gate: made smaller by a factor below 1",
            "#Refused|A limit or a factor of 0",
            "#Undefined|Its data or estimate were missing, which refuses the entry too",
            "#Closed|Of a gate: positions ended because their longest holding time was over",
            "#Acted in|Share of the decisions",
        ],
    );
    let acted = |row: &&GateCount| row.is_multiplier || row.acted() > 0;
    let shown: Vec<&GateCount> = counts.iter().filter(acted).collect();
    for row in &shown {
        let number = |n: usize| Cell::number(words::count(n as f64), n as f64);
        let of = |is_its_kind: bool, n: usize| {
            if is_its_kind { number(n) } else { Cell::text("\u{2013}") }
        };
        let mut name = Cell::text(row.name.replace('_', " "));
        if let Some(meaning) = limits::meaning(row.name) {
            name.title = if row.is_multiplier {
                format!("Cuts the size {}", meaning.meaning)
            } else {
                format!("The largest size {}", meaning.meaning)
            };
        }
        let gate =
            if row.gate.is_empty() { "\u{2013}".to_owned() } else { row.gate.replace('_', " ") };
        table.rows.push(vec![
            Cell::rule_named(context, &row.rule),
            name,
            Cell::text(gate),
            number(row.decisions),
            of(!row.is_multiplier, row.set_the_size),
            of(row.is_multiplier, row.cut),
            number(row.refused),
            number(row.undefined),
            of(row.is_multiplier, row.closed),
            Cell::share(row.acted() as f64 / row.decisions.max(1) as f64),
        ]);
    }
    let silent = counts.len() - shown.len();
    let rest = match silent {
        0 => String::new(),
        1 => " One limit never acted; it is in gates.csv.".to_owned(),
        n => format!(" {} limits never acted; they are in gates.csv.", words::count(n as f64)),
    };
    let text = format!(
        "A limit acts where it sets the size, a gate where it cuts or refuses what the limits allow, \
         or ends a position later. One decision can be refused by several at once, so that the rows \
         of a rule need not add up.{rest}"
    );
    let heading = Block::Heading("How often each limit and gate acted".to_owned());
    if table.rows.len() > OPEN_ROWS {
        let line = format!("Counts of {} limits and gates, rule by rule", table.rows.len());
        return vec![heading, Block::Text(text), Block::Folded(line, table)];
    }
    vec![heading, Block::Text(text), Block::Table(table)]
}
