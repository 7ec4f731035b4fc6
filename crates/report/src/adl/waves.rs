//! What each policy took in each wave: `adl_policies.csv`, `adl_waves.csv`, `adl.html`.

use super::{ADL_PAGE, ADL_POLICIES, bars, check, check_length, legend, lines, policy_cell};
use crate::error::ReportError;
use crate::page::blocks::{Block, Cell, Column, Table};
use crate::page::{Section, counted, plain};
use crate::tables::{full_precision, optional, to_csv};
use crate::words;

/// A comparison over recorded waves. Money in the record's currency.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WavesReport {
    /// Heading of the page.
    pub name: String,
    /// Name of each wave and what was needed in it.
    pub waves: Vec<(String, f64)>,
    /// The policies.
    pub policies: Vec<WavePolicy>,
    /// What the reader must not overlook.
    pub notes: Vec<String>,
    /// Version of the program.
    pub version: String,
}

/// One policy over all waves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WavePolicy {
    /// Its name.
    pub name: String,
    /// Sum taken.
    pub total: f64,
    /// Sum taken less sum needed.
    pub overshoot_signed: f64,
    /// Sum over waves with too much.
    pub overshoot_positive: f64,
    /// Sum over waves with too little, positive.
    pub undershoot: f64,
    /// Sum of the distances from what was needed.
    pub regret_absolute: f64,
    /// Sum taken over sum needed.
    pub ratio_to_needed: Option<f64>,
    /// Largest haircut of all waves.
    pub haircut_max: Option<f64>,
    /// Largest haircuts above those of pro-rata, times what was needed.
    pub fairness_regret: Option<f64>,
    /// Taken in each wave.
    pub taken: Vec<f64>,
    /// Largest haircut in each wave, where recorded.
    pub haircuts: Option<Vec<f64>>,
}

/// The content of every file by name, the page first.
///
/// # Errors
/// [`ReportError::Inconsistent`] where a list does not fit the waves or a number is not finite; a
/// chart or page that could not be put together.
pub fn waves_bytes(report: &WavesReport) -> Result<Vec<(&'static str, Vec<u8>)>, ReportError> {
    let n = report.waves.len();
    let needed: Vec<f64> = report.waves.iter().map(|(_, needed)| *needed).collect();
    check("", "needed", &needed)?;
    for policy in &report.policies {
        check_length(&policy.name, "taken", n, policy.taken.len())?;
        check(&policy.name, "taken", &policy.taken)?;
        if let Some(haircuts) = &policy.haircuts {
            check_length(&policy.name, "haircuts", n, haircuts.len())?;
            check(&policy.name, "haircuts", haircuts)?;
        }
        let figures = [
            policy.total,
            policy.overshoot_signed,
            policy.overshoot_positive,
            policy.undershoot,
            policy.regret_absolute,
        ];
        check(&policy.name, "figures", &figures)?;
    }
    Ok(vec![
        (ADL_PAGE, page(report)?.into_bytes()),
        (ADL_POLICIES, policies_csv(report)?),
        ("adl_waves.csv", waves_csv(report)?),
    ])
}

fn policies_csv(report: &WavesReport) -> Result<Vec<u8>, ReportError> {
    to_csv(
        &[
            "policy",
            "taken",
            "overshoot_signed",
            "overshoot_positive",
            "undershoot",
            "regret_absolute",
            "ratio_to_needed",
            "haircut_max_fraction",
            "fairness_regret",
        ],
        report.policies.iter().map(|policy| {
            [
                policy.name.clone(),
                full_precision(policy.total),
                full_precision(policy.overshoot_signed),
                full_precision(policy.overshoot_positive),
                full_precision(policy.undershoot),
                full_precision(policy.regret_absolute),
                optional(policy.ratio_to_needed),
                optional(policy.haircut_max),
                optional(policy.fairness_regret),
            ]
        }),
    )
}

fn waves_csv(report: &WavesReport) -> Result<Vec<u8>, ReportError> {
    let rows = report.policies.iter().flat_map(|policy| {
        report.waves.iter().enumerate().map(move |(at, (wave, needed))| {
            [
                wave.clone(),
                policy.name.clone(),
                full_precision(*needed),
                full_precision(policy.taken[at]),
                full_precision(policy.taken[at] - needed),
                optional(policy.haircuts.as_ref().map(|haircuts| haircuts[at])),
            ]
        })
    });
    to_csv(&["wave", "policy", "needed", "taken", "overshoot", "haircut_max_fraction"], rows)
}

fn page(report: &WavesReport) -> Result<String, ReportError> {
    let needed: f64 = report.waves.iter().map(|(_, needed)| needed).sum();
    let facts = vec![
        counted(report.waves.len(), "wave", "waves"),
        counted(report.policies.len(), "policy", "policies"),
        format!("needed {}", words::money(needed)),
    ];
    let sections = vec![totals(report, needed)?, by_wave(report)?, definitions()];
    let names = report.policies.iter().map(|policy| policy.name.as_str());
    plain(&report.name, facts, legend(names), sections, &report.version)
}

fn totals(report: &WavesReport, needed: f64) -> Result<Section, ReportError> {
    let mut blocks = Vec::new();
    let furthest = report.policies.iter().max_by(|a, b| {
        // Of equal ones the first.
        a.regret_absolute.total_cmp(&b.regret_absolute).then(std::cmp::Ordering::Greater)
    });
    if let Some(worst) = furthest {
        blocks.push(Block::Lead(format!(
            "{} took {} where {} was needed, and was {} off over the waves.",
            worst.name,
            words::money(worst.total),
            words::money(needed),
            words::money(worst.regret_absolute)
        )));
    }
    blocks.extend(report.notes.iter().map(|note| Block::Note(note.clone())));
    let mut table = Table::new(
        "Each policy over all waves",
        &[
            "Policy",
            "#Taken",
            "#Signed overshoot|Taken less needed; waves with too little subtract",
            "#Overshoot|Sum over the waves with more than needed",
            "#Undershoot|Sum over the waves with less than needed",
            "#Absolute regret|Overshoot and undershoot together",
            "#Taken / needed",
            "#Largest haircut|Of all waves, where recorded",
            "#Fairness regret|Largest haircuts above those of pro-rata, times what was needed",
        ],
    );
    for (index, policy) in report.policies.iter().enumerate() {
        let money = |value: f64| Cell::number(words::money(value), value);
        let absent = Some("the record has no largest haircut of this policy");
        table.rows.push(vec![
            policy_cell(index, &policy.name),
            money(policy.total),
            money(policy.overshoot_signed),
            money(policy.overshoot_positive),
            money(policy.undershoot),
            money(policy.regret_absolute),
            Cell::optional(policy.ratio_to_needed, words::times, Some("nothing was needed")),
            Cell::optional(policy.haircut_max, words::percent, absent),
            Cell::optional(policy.fairness_regret, words::money, absent),
        ]);
    }
    blocks.push(Block::Table(table));
    let regrets: Vec<_> = report
        .policies
        .iter()
        .map(|policy| (policy.name.as_str(), Some(policy.regret_absolute)))
        .collect();
    blocks.push(bars(
        "Absolute regret",
        "Sum over the waves of the distance between what was taken and what was needed.",
        &regrets,
        words::money,
    )?);
    Ok(Section { id: "totals", title: "Against what was needed", short: "Totals", blocks })
}

fn by_wave(report: &WavesReport) -> Result<Section, ReportError> {
    let cumulative = |policy: &WavePolicy| -> Vec<f64> {
        let regrets = policy.taken.iter().zip(&report.waves);
        let sums = regrets.scan(0.0, |sum, (taken, (_, needed))| {
            *sum += (taken - needed).abs();
            Some(*sum)
        });
        sums.collect()
    };
    let mut blocks = Vec::new();
    if !report.waves.is_empty() {
        blocks.push(lines(
            "Absolute regret up to each wave",
            "A step up is a wave in which a policy took too much or too little.",
            report.policies.iter().map(cumulative).collect(),
            words::number,
            |at| report.waves[at].0.clone(),
        )?);
    }
    let mut table = Table::new("Taken in each wave", &["Wave", "#Needed"]);
    table.columns.extend(report.policies.iter().map(|policy| Column::numbers(&policy.name)));
    for (at, (wave, needed)) in report.waves.iter().enumerate() {
        let money = |value: f64| Cell::number(words::money(value), value);
        let mut row = vec![Cell::text(wave), money(*needed)];
        row.extend(report.policies.iter().map(|policy| money(policy.taken[at])));
        table.rows.push(row);
    }
    blocks.push(Block::Table(table));
    Ok(Section { id: "waves", title: "Wave by wave", short: "Waves", blocks })
}

fn definitions() -> Section {
    let blocks = vec![Block::Text(
        "Overshoot is what a policy takes less what is needed. Its signed sum lets waves with too \
         little hide waves with too much; the absolute regret does not. Fairness regret compares \
         the largest haircut of each wave with that of pro-rata, the smallest that is possible \
         when contracts are divisible."
            .to_owned(),
    )];
    Section { id: "definitions", title: "How it was reckoned", short: "Definitions", blocks }
}
