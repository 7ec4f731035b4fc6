//! A table of waves: every recorded policy against what was needed.

use plimsoll_report::adl::{WavePolicy as PolicyRow, WavesReport, write_waves};
use plimsoll_venue::adl::{Wave, WavePolicy, WaveTable};
use serde_json::{Value, json};

use super::table::DataTable;
use super::{money, optional, page_name, percent, text_table, unknown_policy};
use crate::args::AdlArguments;
use crate::error::CliError;
use crate::output::{Output, counted, wrapped};

/// The column that tells waves from accounts.
pub(super) const NEEDED: &str = "budget_needed_usd";

pub(super) fn run(
    arguments: &AdlArguments,
    table: &DataTable,
    output: Output,
) -> Result<(), CliError> {
    refuse_account_flags(arguments)?;
    let waves = read(arguments, table)?;
    let notes = notes(&waves);
    let rows = waves.summaries().into_iter().zip(waves.policies()).map(|(sum, policy)| PolicyRow {
        name: sum.policy,
        total: sum.taken,
        overshoot_signed: sum.overshoot_signed,
        overshoot_positive: sum.overshoot_positive,
        undershoot: sum.undershoot,
        regret_absolute: sum.regret_absolute,
        ratio_to_needed: sum.ratio_to_needed,
        haircut_max: sum.haircut_max,
        fairness_regret: sum.fairness_regret,
        taken: policy.taken.clone(),
        haircuts: policy.haircut_max.clone(),
    });
    let report = WavesReport {
        name: page_name(&arguments.file),
        waves: waves.waves().iter().map(|wave| (wave.name.clone(), wave.needed)).collect(),
        policies: rows.collect(),
        notes,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let files = write_waves(&report, &arguments.out)?;
    show(&report, &waves, output);
    output.text(&format!("\nreport: {}", files.page().display()));
    output.document(&document(&report, &waves, &files.page().display().to_string()));
    Ok(())
}

fn refuse_account_flags(arguments: &AdlArguments) -> Result<(), CliError> {
    let given = [
        ("--theta", arguments.theta.is_some()),
        ("--budget", arguments.budget.is_some()),
        ("--venue", arguments.venue.is_some()),
        ("--endowment", arguments.endowment.is_some()),
        ("--haircut-max", arguments.haircut_max.is_some()),
        ("--equity-min", arguments.equity_min.is_some()),
        ("--weight", arguments.weight.is_some()),
        ("--queue-share", arguments.queue_share.is_some()),
        ("--churn", arguments.churn.is_some()),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((flag, _)) => Err(CliError::usage(
            format!("{}: {flag} does not apply to waves", arguments.file.display()),
            "a record of waves has its budgets already; leave the flag out, or give a table of \
             accounts",
        )),
    }
}

fn read(arguments: &AdlArguments, table: &DataTable) -> Result<WaveTable, CliError> {
    let required = |name: &str| {
        table.amounts(name)?.ok_or_else(|| {
            table.bad(
                format!("there is no column `{name}`"),
                format!("the columns are {}", table.names().join(", ")),
            )
        })
    };
    let names: Vec<String> = match table.texts("wave") {
        Some(names) => names.into_iter().map(str::to_owned).collect(),
        None => (1..=table.len()).map(|row| row.to_string()).collect(),
    };
    for (row, name) in names.iter().enumerate() {
        if names[..row].contains(name) {
            let message = format!("the wave {name} stands in the table twice");
            return Err(table.bad_row(row, message, "give each wave one row"));
        }
    }
    let needed = required(NEEDED)?;
    let deficit = table.amounts("deficit_usd")?;
    let loss_max = table.amounts("max_loss_usd")?;
    let waves = names.into_iter().enumerate().map(|(row, name)| Wave {
        name,
        deficit: deficit.as_ref().map_or(0.0, |values| values[row]),
        loss_max: loss_max.as_ref().map(|values| values[row]),
        needed: needed[row],
    });
    let known: Vec<&str> = table
        .names()
        .iter()
        .filter(|name| *name != NEEDED)
        .filter_map(|name| name.strip_prefix("budget_")?.strip_suffix("_usd"))
        .collect();
    if known.is_empty() {
        return Err(table.bad(
            "there is no policy beside what was needed",
            "add a column for each, such as `budget_queue_usd`",
        ));
    }
    let asked = &arguments.policies;
    if let Some(name) = asked.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(unknown_policy(name, known.into_iter()));
    }
    let mut policies = Vec::new();
    for &name in &known {
        if asked.is_empty() || asked.iter().any(|other| other == name) {
            policies.push(WavePolicy {
                name: name.to_owned(),
                taken: required(&format!("budget_{name}_usd"))?,
                haircut_max: match haircut_column(table, name, &known) {
                    Some(column) => table.amounts(&column)?,
                    None => None,
                },
            });
        }
    }
    WaveTable::new(waves.collect(), policies).map_err(|error| table.bad(error, "mend the values"))
}

/// `max_pct_NAME` of a policy, or with a shorter name that begins this policy's and no other's:
/// `max_pct_queue` of `queue_production`.
fn haircut_column(table: &DataTable, policy: &str, known: &[&str]) -> Option<String> {
    let column = format!("max_pct_{policy}");
    if table.has(&column) {
        return Some(column);
    }
    table
        .names()
        .iter()
        .find(|column| {
            let Some(short) = column.strip_prefix("max_pct_") else { return false };
            let is_begun =
                |name: &&&str| name.strip_prefix(short).is_some_and(|rest| rest.starts_with('_'));
            !known.contains(&short)
                && known.iter().filter(is_begun).count() == 1
                && is_begun(&&policy)
        })
        .cloned()
}

fn notes(waves: &WaveTable) -> Vec<String> {
    let repeated = waves.repeated_losses();
    let mut notes: Vec<String> = repeated
        .iter()
        .map(|loss| {
            format!(
                "The largest loss of {} stands in {} (waves {}): evidently one account counted again. The \
                 sum of the deficits, {}, is not a total of distinct bad debt; what was needed is \
                 the column to compare with.",
                money(loss.loss),
                counted(loss.waves.len(), "wave"),
                loss.waves.join(", "),
                money(waves.deficit())
            )
        })
        .collect();
    let is_below = |policy: &WavePolicy| {
        let short = policy.taken.iter().zip(waves.waves()).filter(|(t, wave)| **t < wave.needed);
        let over = policy.taken.iter().zip(waves.waves()).filter(|(t, wave)| **t > wave.needed);
        (short.count(), over.count())
    };
    for policy in waves.policies() {
        let (short, over) = is_below(policy);
        if short > 0 && over > 0 {
            notes.push(format!(
                "{} took less than needed in {} and more in {}: its signed overshoot hides part \
                 of both.",
                policy.name,
                counted(short, "wave"),
                counted(over, "wave")
            ));
        }
    }
    notes
}

fn show(report: &WavesReport, waves: &WaveTable, output: Output) {
    output.text(&format!(
        "{}, needed {}\n",
        counted(report.waves.len(), "wave"),
        money(waves.needed())
    ));
    let rows = report.policies.iter().map(|policy| {
        vec![
            policy.name.clone(),
            money(policy.total),
            money(policy.overshoot_signed),
            money(policy.overshoot_positive),
            money(policy.undershoot),
            money(policy.regret_absolute),
            optional(policy.ratio_to_needed, |value| format!("{value:.4}")),
            optional(policy.haircut_max, percent),
            optional(policy.fairness_regret, money),
        ]
    });
    let heading = [
        "policy",
        "taken",
        "signed overshoot",
        "overshoot",
        "undershoot",
        "absolute regret",
        "taken/needed",
        "largest haircut",
        "fairness regret",
    ];
    output.text(&text_table(&heading, rows.collect()));
    output.text("");
    let mut heading = vec!["wave", "needed"];
    heading.extend(report.policies.iter().map(|policy| policy.name.as_str()));
    let rows = report.waves.iter().enumerate().map(|(at, (wave, needed))| {
        let mut row = vec![wave.clone(), money(*needed)];
        row.extend(report.policies.iter().map(|policy| money(policy.taken[at])));
        row
    });
    output.text(&text_table(&heading, rows.collect()));
    for note in &report.notes {
        output.text(&format!("\n{}", wrapped(&format!("note: {note}"), 110)));
    }
}

fn document(report: &WavesReport, waves: &WaveTable, page: &str) -> Value {
    let policies = report.policies.iter().map(|policy| {
        json!({
            "policy": policy.name,
            "taken": policy.total,
            "overshoot_signed": policy.overshoot_signed,
            "overshoot_positive": policy.overshoot_positive,
            "undershoot": policy.undershoot,
            "regret_absolute": policy.regret_absolute,
            "ratio_to_needed": policy.ratio_to_needed,
            "haircut_max_fraction": policy.haircut_max,
            "fairness_regret": policy.fairness_regret,
            "taken_by_wave": policy.taken,
        })
    });
    let by_wave = waves.waves().iter().map(|wave| {
        json!({
            "wave": wave.name,
            "needed": wave.needed,
            "deficit": wave.deficit,
            "loss_max": wave.loss_max,
        })
    });
    let repeated = waves.repeated_losses();
    let repeated = repeated.iter().map(|loss| json!({ "loss": loss.loss, "waves": loss.waves }));
    json!({
        "table": "waves",
        "needed": waves.needed(),
        "deficit": waves.deficit(),
        "waves": by_wave.collect::<Vec<_>>(),
        "policies": policies.collect::<Vec<_>>(),
        "repeated_losses": repeated.collect::<Vec<_>>(),
        "notes": report.notes,
        "report": page,
    })
}
