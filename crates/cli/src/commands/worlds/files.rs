//! The tables of `plimsoll worlds` as CSV: full precision, an empty field where a figure is
//! undefined, the words "minus infinity" where growth is.

use std::fs;
use std::path::Path;

use plimsoll_study::worlds::{
    Check, EstimatedEdge, Growth, Interval, PastLimit, Share, WorldsResult,
};

use crate::error::CliError;

/// Writes three tables and the whole result.
pub(super) fn write(result: &WorldsResult, out: &Path) -> Result<(), CliError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| CliError::Io { path, source }
    };
    fs::create_dir_all(out).map_err(at(out))?;
    let document = serde_json::to_vec_pretty(result)
        .map_err(|error| CliError::failed(format!("worlds.json: {error}"), "report this"))?;
    for (name, bytes) in [
        ("known_edge.csv", csv(&known_edge(&result.known_edge))?),
        ("past_limit.csv", csv(&past_limit(&result.past_limit))?),
        ("estimated_edge.csv", csv(&estimated_edge(&result.estimated_edge))?),
        ("worlds.json", document),
    ] {
        let path = out.join(name);
        fs::write(&path, bytes).map_err(at(&path))?;
    }
    Ok(())
}

fn known_edge(checks: &[Check]) -> Vec<Vec<String>> {
    let heading = "world,kelly_multiple,figure,expected,simulated,standard_error,z,paths";
    let row = |check: &Check| {
        vec![
            check.world.to_owned(),
            check.kelly_multiple.to_string(),
            check.quantity.clone(),
            check.expected.to_string(),
            check.simulated.to_string(),
            check.standard_error.to_string(),
            check.z.to_string(),
            check.paths.to_string(),
        ]
    };
    table(heading, checks.iter().map(row))
}

fn past_limit(rows: &[PastLimit]) -> Vec<Vec<String>> {
    let heading = "leverage,growth_per_trade,ruin_per_trade,expected_trades_to_ruin,trades,\
                   ruin_probability,ruined_share,z,verdict";
    let row = |row: &PastLimit| {
        vec![
            row.leverage.to_string(),
            growth(row.growth_per_trade),
            row.ruin_per_trade.to_string(),
            optional(row.expected_trades_to_ruin),
            row.trades.to_string(),
            row.ruin_probability.to_string(),
            row.ruined_share.to_string(),
            row.z.to_string(),
            row.verdict.clone(),
        ]
    };
    table(heading, rows.iter().map(row))
}

fn estimated_edge(tables: &[EstimatedEdge]) -> Vec<Vec<String>> {
    let heading = "family,history,trades_out,worlds,worlds_without_edge,rule,growth_mean,\
                   growth_mean_of,growth_low,growth_high,growth_median,true_growth_mean,\
                   true_growth_mean_without_edge,oracle_share,difference_mean,difference_low,\
                   difference_high,faster_share,lost,lost_low,lost_high,deep_drawdown,\
                   deep_drawdown_low,deep_drawdown_high,ruined,ruined_low,ruined_high,ruin_risked,\
                   ruin_risked_low,ruin_risked_high,leverage_mean,traded_share,no_trade_reason";
    let mut rows = Vec::new();
    for of in tables {
        for tally in &of.rules {
            let mut row = vec![
                of.family.name().to_owned(),
                of.history.to_string(),
                of.trades_out.to_string(),
                of.worlds.to_string(),
                of.worlds_without_edge.to_string(),
                tally.rule.clone(),
                growth(tally.growth_mean),
                tally.growth_mean_of.name().to_owned(),
            ];
            row.extend(interval(tally.growth_interval));
            row.push(growth(tally.growth_median));
            row.push(growth(tally.true_growth_mean));
            row.push(tally.true_growth_mean_without_edge.map_or_else(String::new, growth));
            row.push(optional(tally.oracle_share));
            row.push(optional(tally.difference_mean));
            row.extend(interval(tally.difference_interval));
            row.push(optional(tally.faster_share));
            for of in [tally.lost, tally.deep_drawdown, tally.ruined, tally.ruin_risked] {
                row.extend(share(of));
            }
            row.push(tally.leverage_mean.to_string());
            row.push(tally.traded_share.to_string());
            row.push(tally.no_trade_reason.to_owned());
            rows.push(row);
        }
    }
    table(heading, rows)
}

fn table(heading: &str, rows: impl IntoIterator<Item = Vec<String>>) -> Vec<Vec<String>> {
    let heading = heading.split(',').map(str::to_owned).collect();
    std::iter::once(heading).chain(rows).collect()
}

fn csv(rows: &[Vec<String>]) -> Result<Vec<u8>, CliError> {
    let failed = |error: String| CliError::failed(error, "report this");
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(|error| failed(error.to_string()))?;
    }
    writer.into_inner().map_err(|error| failed(error.to_string()))
}

fn growth(value: Growth) -> String {
    match value {
        Growth::MinusInfinity => "minus infinity".to_owned(),
        Growth::Finite(value) => value.to_string(),
    }
}

fn optional(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn interval(interval: Option<Interval>) -> [String; 2] {
    [optional(interval.map(|found| found.low)), optional(interval.map(|found| found.high))]
}

fn share(share: Share) -> [String; 3] {
    [share.of_worlds.to_string(), share.low.to_string(), share.high.to_string()]
}
