//! Policies of rules and limits of files, on the command line.

use std::path::PathBuf;

use clap::Args;
use plimsoll_ingest::{Policies, Policy, Rule};

/// What commands that take in or check data accept.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SettingsArguments {
    /// TOML file with [policy] and [limits] [default: settings.toml in the lake's folder, if there
    /// is one].
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// What is done where a rule is broken, as ohlc_order=repair; goes before the settings file.
    #[arg(long = "policy", value_name = "RULE=POLICY", value_parser = parse_policy)]
    pub(crate) policies: Vec<(Rule, Policy)>,
}

fn parse_policy(text: &str) -> Result<(Rule, Policy), String> {
    let (rule, policy) =
        text.split_once('=').ok_or_else(|| "write RULE=POLICY, as ohlc_order=repair".to_owned())?;
    let parsed = rule.trim().parse::<Rule>().and_then(|rule| {
        let policy = policy.trim().parse::<Policy>()?;
        Policies::default().set(rule, policy)?;
        Ok((rule, policy))
    });
    parsed.map_err(|error| error.to_string())
}
