//! `plimsoll data rules`

use std::process::ExitCode;

use comfy_table::{Table, presets};
use plimsoll_ingest::Rule;
use serde_json::json;

use crate::args::{Global, SettingsArguments};
use crate::commands::settings;
use crate::error::CliError;
use crate::output::{Output, aligned};

/// Every rule with the policy in force.
pub(crate) fn run(
    arguments: &SettingsArguments,
    global: &Global,
    output: Output,
) -> Result<ExitCode, CliError> {
    let policies = settings::read(arguments, global, output)?.policies;
    for (title, of_lake) in [
        ("Rules of archives, on the way into the lake", false),
        ("Rules of the lake, in `plimsoll data check`", true),
    ] {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_header(["rule", "policy", "may be", "what"]);
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        for rule in Rule::ALL.iter().filter(|rule| rule.is_of_lake() == of_lake) {
            let about = rule.about();
            let what = match about.repair {
                "" => about.what.to_owned(),
                repair => format!("{}; repair: {repair}", about.what),
            };
            let policy = policies.of(*rule);
            let policy = if policy == about.default {
                policy.to_string()
            } else {
                format!("{policy} (set)")
            };
            table.add_row([about.name.to_owned(), policy, rule.allowed_words(), what]);
        }
        let gap = if of_lake { "\n" } else { "" };
        output.text(&format!("{gap}{title}\n{}", aligned(&table)));
    }
    let documents: Vec<_> = Rule::ALL
        .iter()
        .map(|&rule| {
            let about = rule.about();
            json!({
                "rule": about.name,
                "of": if rule.is_of_lake() { "lake" } else { "archive" },
                "what": about.what,
                "policy": policies.of(rule).name(),
                "default": about.default.name(),
                "allowed": about.allowed.iter().map(|policy| policy.name()).collect::<Vec<_>>(),
                "repair": (!about.repair.is_empty()).then_some(about.repair),
            })
        })
        .collect();
    output.document(&documents);
    Ok(ExitCode::SUCCESS)
}
