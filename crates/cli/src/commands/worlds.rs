//! `plimsoll worlds`: sizing rules in many simulated worlds whose edge is known.

mod files;

use std::path::Path;
use std::process::ExitCode;

use comfy_table::{CellAlignment, Table, presets};
use plimsoll_study::worlds::tally::LEVEL;
use plimsoll_study::worlds::{
    BASELINE, Check, EstimatedEdge, Family, Growth, Interval, MeanOf, PastLimit, RuleTally, Share,
    WorldsResult, WorldsSettings, default_rules, run as run_worlds,
};
use plimsoll_study::{NamedRule, StudyError, parse};

use super::use_threads;
use crate::args::WorldsArguments;
use crate::error::CliError;
use crate::output::{Output, aligned, counted, grouped, wrapped};
use crate::progress::StudyBar;

/// Width of the sentences below the tables.
const WIDTH: usize = 100;
/// What is said beside a mean of worlds that were at risk of ruin.
const SURVIVED: &str = "survived";

pub(crate) fn run(arguments: &WorldsArguments, output: Output) -> Result<ExitCode, CliError> {
    if let Some(out) = arguments.out.as_deref().filter(|out| out.exists() && !out.is_dir()) {
        return Err(CliError::usage(
            format!("{} is a file, no folder for tables", out.display()),
            "name another folder with --out",
        ));
    }
    use_threads(arguments.threads)?;
    let (rules, baseline) = rules(arguments.file.as_deref())?;
    let settings = WorldsSettings { worlds: arguments.worlds, seed: arguments.seed };
    let bar = StudyBar::new(output);
    let result = run_worlds(&settings, &rules, &baseline, &bar);
    bar.finish();
    let result = result.map_err(|error| study_error(arguments, error))?;
    show(&result, output);
    if let Some(out) = &arguments.out {
        files::write(&result, out)?;
        output.text(&format!("\ntables: {}", out.display()));
    }
    output.document(&result);
    Ok(ExitCode::SUCCESS)
}

/// The rules to be compared and the one that the others are compared with.
fn rules(file: Option<&Path>) -> Result<(Vec<NamedRule>, String), CliError> {
    let Some(file) = file else {
        return Ok((default_rules(), BASELINE.to_owned()));
    };
    let text = std::fs::read_to_string(file)
        .map_err(|source| CliError::Io { path: file.to_owned(), source })?;
    let name = file.display().to_string();
    let study = parse(&name, &text, &[]).map_err(|error| CliError::study(&name, false, error))?;
    Ok((study.rules, study.baseline))
}

fn study_error(arguments: &WorldsArguments, error: StudyError) -> CliError {
    let name = arguments.file.as_ref().map_or("worlds".to_owned(), |f| f.display().to_string());
    CliError::study(&name, false, error)
}

fn show(result: &WorldsResult, output: Output) {
    let settings = &result.settings;
    output.text(&format!(
        "{} of each family, seed {}\n\nKnown edge: simulated figures beside their closed forms",
        counted(settings.worlds, "world"),
        settings.seed
    ));
    output.text(&known_edge(&result.known_edge));
    output.text(&wrapped(
        "z is the distance in standard errors. The Brownian price goes through the replay engine, \
         looked at once a day; its levels are shifted by 0.5826 sigma sqrt(dt) for that.",
        WIDTH,
    ));
    output.text("\nPast the limit: one leverage held for ever where trades can gap by 16 %");
    output.text(&past_limit(&result.past_limit));
    for table in &result.estimated_edge {
        output.text(&format!("\n{}", heading(table)));
        output.text(&estimated_edge(table));
    }
    for sentence in footnotes(result) {
        output.text(&wrapped(&sentence, WIDTH));
    }
}

fn known_edge(checks: &[Check]) -> String {
    let rows = checks.iter().map(|check| {
        vec![
            check.world.to_owned(),
            format!("{} Kelly", check.kelly_multiple),
            check.quantity.clone(),
            format!("{:.5}", check.expected),
            format!("{:.5}", check.simulated),
            format!("{:.5}", check.standard_error),
            format!("{:.1}", check.z),
        ]
    });
    let heading = ["world", "stake", "figure", "closed form", "simulated", "error", "z"];
    text_table(&heading, 3, rows)
}

fn past_limit(rows: &[PastLimit]) -> String {
    let trades = rows.first().map_or(0, |row| row.trades);
    let within = format!("ruined in {trades}");
    let cells = rows.iter().map(|row| {
        vec![
            format!("{}x", row.leverage),
            growth(row.growth_per_trade),
            format!("{:.3} %", 100.0 * row.ruin_per_trade),
            row.expected_trades_to_ruin
                .map_or("never".to_owned(), |trades| grouped(&format!("{trades:.0}"))),
            percent(row.ruin_probability),
            percent(row.ruined_share),
            format!("{:.1}", row.z),
        ]
    });
    let heading =
        ["leverage", "growth", "ruin a trade", "trades to ruin", &within, "simulated", "z"];
    text_table(&heading, 1, cells)
}

fn heading(table: &EstimatedEdge) -> String {
    let shape = match table.family {
        Family::Binary => "two outcomes",
        Family::FatTailed => "fat tails",
    };
    format!(
        "Estimated edge, {shape}: {} of history, then {} out of sample; {} of {} worlds without edge",
        counted(table.history, "trade"),
        table.trades_out,
        table.worlds_without_edge,
        table.worlds
    )
}

fn estimated_edge(table: &EstimatedEdge) -> String {
    let heading = [
        "rule",
        "growth",
        "95 %",
        "median",
        "true growth",
        "of best",
        "against",
        "95 %",
        "faster",
        "lost",
        "fell 50 %",
        "ruined",
        "at risk",
        "leverage",
        "traded",
    ];
    text_table(&heading, 1, table.rules.iter().map(tally_row))
}

fn tally_row(tally: &RuleTally) -> Vec<String> {
    let dash = || "-".to_owned();
    vec![
        tally.rule.clone(),
        match tally.growth_mean_of {
            MeanOf::AllWorlds => growth(tally.growth_mean),
            MeanOf::SurvivingWorlds => format!("{} ({SURVIVED})", growth(tally.growth_mean)),
        },
        tally.growth_interval.map_or_else(dash, interval),
        growth(tally.growth_median),
        growth(tally.true_growth_mean),
        tally.oracle_share.map_or_else(dash, |share| format!("{:.0} %", 100.0 * share)),
        tally.difference_mean.map_or_else(dash, per_trade),
        tally.difference_interval.map_or_else(dash, interval),
        tally.faster_share.map_or_else(dash, percent),
        share(tally.lost),
        share(tally.deep_drawdown),
        share(tally.ruined),
        share(tally.ruin_risked),
        format!("{:.2}", tally.leverage_mean),
        percent(tally.traded_share),
    ]
}

/// What the columns mean, and which rules took no trade.
fn footnotes(result: &WorldsResult) -> Vec<String> {
    let mut notes = vec![
        String::new(),
        format!(
            "Growth is the log of wealth per trade in percent, as it came: mean over worlds with its \
             {:.0} % interval, and median. True growth is that of the sizes chosen whatever the \
             luck, and \"of best\" its share of true Kelly's. \"against\" is growth less that of {} \
             in the same world, \"faster\" the share of worlds in which it is above. \"at risk\" are \
             worlds with a size that one possible trade would have liquidated: growth is then minus \
             infinity, also where that trade did not come. A mean marked \"({SURVIVED})\" is that of \
             worlds which all survived such a risk: the rule grows at minus infinity all the same, so \
             that neither the mean has an interval nor a difference with it is taken.",
            100.0 * LEVEL,
            result.baseline
        ),
    ];
    notes.extend(without_trades(&result.estimated_edge));
    notes
}

/// The rules that took no trade in any table, with their reasons.
fn without_trades(tables: &[EstimatedEdge]) -> Vec<String> {
    let rules = tables.first().map_or(&[][..], |table| &table.rules);
    let mut notes = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let tallies = || tables.iter().map(|table| &table.rules[index]);
        if tallies().all(|tally| tally.traded_share <= 0.0) {
            let mut reasons: Vec<&str> = Vec::new();
            for tally in tallies() {
                if !reasons.contains(&tally.no_trade_reason) {
                    reasons.push(tally.no_trade_reason);
                }
            }
            notes.push(format!("{} took no trade: {}.", rule.rule, reasons.join(", ")));
        }
    }
    notes
}

fn growth(value: Growth) -> String {
    match value {
        Growth::MinusInfinity => "minus infinity".to_owned(),
        Growth::Finite(value) => per_trade(value),
    }
}

/// In percent, without the sign of a rounded zero.
fn per_trade(value: f64) -> String {
    let text = format!("{:.3}", 100.0 * value);
    if text == "-0.000" { "0.000".to_owned() } else { text }
}

fn interval(interval: Interval) -> String {
    format!("{} to {}", per_trade(interval.low), per_trade(interval.high))
}

fn share(share: Share) -> String {
    percent(share.of_worlds)
}

fn percent(value: f64) -> String {
    format!("{:.1} %", 100.0 * value)
}

/// A table whose first columns are of words and whose others are of numbers.
fn text_table(
    heading: &[&str],
    words: usize,
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(heading);
    for (idx, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if idx >= words {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.add_rows(rows);
    aligned(&table)
}
