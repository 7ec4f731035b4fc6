//! The policies of a call, with their parameters in words.

use plimsoll_venue::adl::{AdlPolicy, HaircutCaps, RiskWeight};

use super::table::DataTable;
use super::unknown_policy;
use crate::args::AdlArguments;
use crate::error::CliError;

/// Which figures that a policy may need are known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// Scores of the queue.
    pub(super) queue: bool,
    pub(super) leverage: bool,
    pub(super) quantity: bool,
}

/// The policies asked for with their meaning, or all that the columns allow.
pub(super) fn policies(
    arguments: &AdlArguments,
    known: Known,
    table: &DataTable,
    notes: &mut Vec<String>,
) -> Result<Vec<(AdlPolicy, String)>, CliError> {
    let asked = &arguments.policies;
    if let Some(name) = asked.iter().find(|name| !AdlPolicy::NAMES.contains(&name.as_str())) {
        return Err(unknown_policy(name, AdlPolicy::NAMES.into_iter()));
    }
    let mut found = Vec::new();
    for policy in every_policy(arguments) {
        let name = policy.0.name();
        if !asked.is_empty() && !asked.iter().any(|other| other == name) {
            continue;
        }
        let queue = (known.queue, "`score`, or `side` and `notional`");
        let leverage = (known.leverage, "`leverage` or `notional`");
        let quantity = (known.quantity, "`quantity`");
        let needs = match policy.0 {
            AdlPolicy::Queue => vec![queue],
            AdlPolicy::Hybrid { .. } => vec![queue, leverage],
            AdlPolicy::RiskWeightedProRata { .. } | AdlPolicy::LeverageWeightedProRata => {
                vec![leverage]
            }
            AdlPolicy::ContractsProRata => vec![quantity],
            _ => Vec::new(),
        };
        match needs.into_iter().find(|(is_there, _)| !is_there) {
            None => found.push(policy),
            Some((_, column)) if asked.is_empty() => {
                notes.push(format!("{name} is left out: there is no column {column}."));
            }
            Some((_, column)) => {
                return Err(table.bad(
                    format!("{name} needs a column {column}"),
                    "add it, or leave the policy out of --policy",
                ));
            }
        }
    }
    Ok(found)
}

fn every_policy(arguments: &AdlArguments) -> Vec<(AdlPolicy, String)> {
    let haircut_max = arguments.haircut_max.unwrap_or(1.0);
    let equity_min = arguments.equity_min.unwrap_or(0.0);
    let caps = || HaircutCaps::Common { haircut_max, equity_min };
    let capped = format!("no haircut above {haircut_max}, no equity below {equity_min}");
    let weight = arguments.weight.unwrap_or(RiskWeight::Power(2.0));
    let weight_text = match weight {
        RiskWeight::Linear => "leverage".to_owned(),
        RiskWeight::Power(exponent) => format!("leverage to the power of {exponent}"),
        RiskWeight::Above(threshold) => format!("leverage in excess of {threshold}"),
    };
    let queue_share = arguments.queue_share.unwrap_or(AdlPolicy::HYBRID_QUEUE_SHARE);
    vec![
        (AdlPolicy::Queue, "in the order of the scores, each in full, the last in part".to_owned()),
        (AdlPolicy::ProRata, "the same fraction of every endowment".to_owned()),
        (AdlPolicy::CappedProRata(caps()), format!("the same fraction, {capped}")),
        (
            AdlPolicy::RiskWeightedProRata { weight, caps: caps() },
            format!("haircuts in proportion to the {weight_text}, {capped}"),
        ),
        (
            AdlPolicy::LeverageWeightedProRata,
            "haircuts in proportion to the leverage, at most the whole endowment".to_owned(),
        ),
        (
            AdlPolicy::ContractsProRata,
            "in proportion to the quantity, at most the whole endowment".to_owned(),
        ),
        (
            AdlPolicy::Hybrid { queue_share },
            format!(
                "{queue_share} of the budget by queue, the rest leverage-weighted (version 2 of \
                 arXiv:2512.01112 only)"
            ),
        ),
    ]
}
