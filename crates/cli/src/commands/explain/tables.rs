//! The trades of a report, and one trade under all rules.

use comfy_table::{CellAlignment, Table, presets};

use super::Part;
use super::chain::Chain;
use super::folder::{Head, Report};
use super::story::{heading, minute};
use crate::commands::calc::answer::{figure, plain, times};
use crate::output::{aligned, counted};

/// The trades with their numbers.
pub(super) fn list(report: &Report, trades: &[(i64, &Head)]) -> String {
    let mut table =
        table(&["trade", "symbol", "side", "decided at", "price", "stop", "rules with it"]);
    right(&mut table, &[0, 4, 5, 6]);
    let n_rules = report.rules.len();
    for (number, head) in trades {
        table.add_row([
            number.to_string(),
            head.symbol.clone(),
            head.side.clone(),
            minute(head.time),
            plain(head.price),
            head.stop_price.map(figure).unwrap_or_default(),
            format!("{} of {n_rules}", head.filled),
        ]);
    }
    let mut text = format!("{}: {}", report.name, counted(trades.len(), "trade"));
    if let Some(label) = &report.data_label {
        text.push('\n');
        text.push_str(label);
    }
    format!("{text}\n\n{}\n\n--trade N shows the sizes of one of them by rule", aligned(&table))
}

/// One trade under all rules.
pub(super) fn side_by_side(report: &Report, trade: i64, head: &Head, parts: &[Part<'_>]) -> String {
    let mut table = table(&[
        "rule",
        "smallest limit",
        "factor",
        "size",
        "set by",
        "before lot",
        "quantity",
        "outcome",
        "end",
        "pnl",
    ]);
    right(&mut table, &[1, 2, 3, 5, 6, 9]);
    for part in parts {
        let Some(entry) = part.entry else {
            let mut row = vec![part.rule.name.clone()];
            row.extend(vec![String::new(); 6]);
            row.push(
                if part.rule.ruined_at.is_some() { "ruined before" } else { "no decision" }
                    .to_owned(),
            );
            table.add_row(row);
            continue;
        };
        let chain = Chain::of(entry);
        let smallest = chain
            .smallest
            .map(|limit| match limit.reason {
                Some(_) => format!("{} undefined", limit.name),
                None => format!("{} {}", limit.name, times(limit.value)),
            })
            .unwrap_or_default();
        let outcome = match entry.reason.as_str() {
            "" => entry.outcome.replace('_', " "),
            reason => format!("{}: {}", entry.outcome.replace('_', " "), reason.replace('_', " ")),
        };
        let (end, pnl) = part.position.map_or((String::new(), String::new()), |position| {
            (position.exit_reason.replace('_', " "), figure(position.pnl))
        });
        table.add_row([
            part.rule.name.clone(),
            smallest,
            plain(entry.multiplier),
            times(entry.leverage),
            entry.binding_limit.clone(),
            figure(entry.quantity_raw),
            plain(entry.quantity),
            outcome,
            end,
            pnl,
        ]);
    }
    format!(
        "{}\n\n{}\n\n--rule NAME retells one of them",
        heading(report, trade, head),
        aligned(&table)
    )
}

fn table(heading: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(heading.to_vec());
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

fn right(table: &mut Table, columns: &[usize]) {
    for &index in columns {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}
