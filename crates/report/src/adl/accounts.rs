//! What each policy takes from each account: `adl_policies.csv`, `adl_accounts.csv`, `adl.html`.

use super::{ADL_PAGE, ADL_POLICIES, bars, check, check_length, legend, lines, policy_cell};
use crate::error::ReportError;
use crate::page::blocks::{Block, Cell, Column, Table};
use crate::page::{Section, counted, plain};
use crate::tables::{full_precision, optional, to_csv};
use crate::words;

/// Rows that the page shows; all of them are in `adl_accounts.csv`.
const SHOWN_MAX: usize = 200;

/// A comparison over one table of accounts. Money in the table's currency.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountsReport {
    /// Heading of the page.
    pub name: String,
    /// What accounts below zero are short of.
    pub deficit: f64,
    /// What was to be taken.
    pub budget: f64,
    /// The budget in words, such as `severity 1`.
    pub budget_rule: String,
    /// What may be taken: `pnl` or `equity`.
    pub endowment_rule: String,
    /// What the queue's order comes from, in words.
    pub queue_rule: String,
    /// Caveats and policies that were left out.
    pub notes: Vec<String>,
    /// The accounts, as given.
    pub accounts: Vec<AccountRow>,
    /// The policies.
    pub policies: Vec<PolicyRow>,
    /// Version of the program.
    pub version: String,
}

/// An account before anything is taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountRow {
    /// Its name.
    pub name: String,
    /// Equity.
    pub equity: f64,
    /// What may be taken.
    pub endowment: f64,
    /// Place in the queue, counted from 1; `None` without an endowment or without a ranking.
    pub rank: Option<usize>,
}

/// One policy's figures and what it takes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyRow {
    /// Its name.
    pub name: String,
    /// Its rule and parameters, in words.
    pub meaning: String,
    /// Sum taken.
    pub taken: f64,
    /// Part of the budget that it could not take.
    pub shortfall: f64,
    /// Distance of the sum taken from the deficit.
    pub budget_regret: f64,
    /// Largest surviving endowment over the deficit.
    pub profit_tail_survival: Option<f64>,
    /// Largest haircut above that of pro-rata, times the deficit.
    pub fairness_regret: f64,
    /// Share of what is taken that other accounts pay than under pro-rata.
    pub pro_rata_distance_fraction: f64,
    /// Largest haircut.
    pub haircut_max_fraction: f64,
    /// Accounts from which something is taken.
    pub accounts_touched: usize,
    /// Expected number of accounts that leave.
    pub accounts_churned: f64,
    /// Expected share of the endowments whose owners leave.
    pub endowment_churned_fraction: f64,
    /// Taken from each account.
    pub seized: Vec<f64>,
    /// Fraction of each endowment that is taken.
    pub haircuts: Vec<f64>,
    /// Probability that each account leaves.
    pub churn_probabilities: Vec<f64>,
}

/// The content of every file by name, the page first.
///
/// # Errors
/// [`ReportError::Inconsistent`] where a list does not fit the accounts or a number is not finite;
/// a chart or page that could not be put together.
pub fn accounts_bytes(
    report: &AccountsReport,
) -> Result<Vec<(&'static str, Vec<u8>)>, ReportError> {
    let n = report.accounts.len();
    check("", "deficit and budget", &[report.deficit, report.budget])?;
    for account in &report.accounts {
        check(&account.name, "account", &[account.equity, account.endowment])?;
    }
    for policy in &report.policies {
        for (field, values) in [
            ("seized", &policy.seized),
            ("haircuts", &policy.haircuts),
            ("churn_probabilities", &policy.churn_probabilities),
        ] {
            check_length(&policy.name, field, n, values.len())?;
            check(&policy.name, field, values)?;
        }
        let figures = [
            policy.taken,
            policy.shortfall,
            policy.budget_regret,
            policy.profit_tail_survival.unwrap_or_default(),
            policy.fairness_regret,
            policy.pro_rata_distance_fraction,
            policy.haircut_max_fraction,
            policy.accounts_churned,
            policy.endowment_churned_fraction,
        ];
        check(&policy.name, "figures", &figures)?;
    }
    Ok(vec![
        (ADL_PAGE, page(report)?.into_bytes()),
        (ADL_POLICIES, policies_csv(report)?),
        ("adl_accounts.csv", accounts_csv(report)?),
    ])
}

fn policies_csv(report: &AccountsReport) -> Result<Vec<u8>, ReportError> {
    to_csv(
        &[
            "policy",
            "taken",
            "shortfall",
            "budget_regret",
            "profit_tail_survival",
            "fairness_regret",
            "pro_rata_distance_fraction",
            "haircut_max_fraction",
            "accounts_touched",
            "accounts_churned",
            "endowment_churned_fraction",
        ],
        report.policies.iter().map(|policy| {
            [
                policy.name.clone(),
                full_precision(policy.taken),
                full_precision(policy.shortfall),
                full_precision(policy.budget_regret),
                optional(policy.profit_tail_survival),
                full_precision(policy.fairness_regret),
                full_precision(policy.pro_rata_distance_fraction),
                full_precision(policy.haircut_max_fraction),
                policy.accounts_touched.to_string(),
                full_precision(policy.accounts_churned),
                full_precision(policy.endowment_churned_fraction),
            ]
        }),
    )
}

fn accounts_csv(report: &AccountsReport) -> Result<Vec<u8>, ReportError> {
    let rows = report.policies.iter().flat_map(|policy| {
        report.accounts.iter().enumerate().map(move |(at, account)| {
            [
                account.name.clone(),
                policy.name.clone(),
                account.rank.map(|rank| rank.to_string()).unwrap_or_default(),
                full_precision(account.equity),
                full_precision(account.endowment),
                full_precision(policy.haircuts[at]),
                full_precision(policy.seized[at]),
                full_precision(account.equity - policy.seized[at]),
                full_precision(policy.churn_probabilities[at]),
            ]
        })
    });
    to_csv(
        &[
            "account",
            "policy",
            "rank",
            "equity",
            "endowment",
            "haircut_fraction",
            "seized",
            "equity_after",
            "churn_probability",
        ],
        rows,
    )
}

fn page(report: &AccountsReport) -> Result<String, ReportError> {
    let winners = report.accounts.iter().filter(|account| account.endowment > 0.0).count();
    let facts = vec![
        counted(report.accounts.len(), "account", "accounts"),
        counted(winners, "with an endowment", "with an endowment"),
        format!("endowment: {}", report.endowment_rule),
        counted(report.policies.len(), "policy", "policies"),
        report.budget_rule.clone(),
    ];
    let sections =
        vec![verdict(report)?, burden(report)?, winners_after(report)?, reckoning(report)];
    let names = report.policies.iter().map(|policy| policy.name.as_str());
    plain(&report.name, facts, legend(names), sections, &report.version)
}

fn verdict(report: &AccountsReport) -> Result<Section, ReportError> {
    let capacity: f64 = report.accounts.iter().map(|account| account.endowment).sum();
    let mut blocks = vec![Block::Lead(format!(
        "The deficit is {}; {} is to be taken from endowments of {}.",
        words::money(report.deficit),
        words::money(report.budget),
        words::money(capacity)
    ))];
    let short = report.policies.iter().filter(|policy| policy.shortfall > 0.0).count();
    if short > 0 {
        blocks.push(Block::Note(format!(
            "{} cannot take the whole budget: see the shortfall.",
            counted(short, "policy", "policies")
        )));
    }
    let mut table = Table::new(
        "Each policy over the same accounts",
        &[
            "Policy",
            "#Taken",
            "#Shortfall|Part of the budget that the policy could not take",
            "#Budget regret|Distance of what is taken from the deficit",
            "#Fairness regret|Largest haircut above that of pro-rata, times the deficit",
            "#Other payers|Share of what is taken that other accounts pay than under pro-rata",
            "#Largest haircut|Share of an endowment",
            "#Tail survival|Largest surviving endowment over the deficit (PTSR)",
            "#Accounts touched",
            "#Churn|Expected share of the endowments whose owners leave",
        ],
    );
    for (index, policy) in report.policies.iter().enumerate() {
        let money = |value: f64| Cell::number(words::money(value), value);
        let touched = policy.accounts_touched as f64;
        table.rows.push(vec![
            policy_cell(index, &policy.name),
            money(policy.taken),
            money(policy.shortfall),
            money(policy.budget_regret),
            money(policy.fairness_regret),
            Cell::share(policy.pro_rata_distance_fraction),
            Cell::share(policy.haircut_max_fraction),
            Cell::optional(policy.profit_tail_survival, words::number, Some("there is no deficit")),
            Cell::number(words::count(touched), touched),
            Cell::share(policy.endowment_churned_fraction),
        ]);
    }
    blocks.push(Block::Table(table));
    blocks.push(bars(
        "Fairness regret",
        "How much heavier the worst-hit account is cut than it has to be, in money. Pro-rata has \
         none.",
        &figures(report, |policy| Some(policy.fairness_regret)),
        words::money,
    )?);
    Ok(Section { id: "policies", title: "What each policy takes", short: "Policies", blocks })
}

fn figures(
    report: &AccountsReport,
    figure: impl Fn(&PolicyRow) -> Option<f64>,
) -> Vec<(&str, Option<f64>)> {
    report.policies.iter().map(|policy| (policy.name.as_str(), figure(policy))).collect()
}

/// Accounts with an endowment, first in the queue first; without a ranking the largest first.
fn order(report: &AccountsReport) -> Vec<usize> {
    let mut order: Vec<usize> =
        (0..report.accounts.len()).filter(|&at| report.accounts[at].endowment > 0.0).collect();
    let endowment = |at: usize| report.accounts[at].endowment;
    order.sort_by(|&a, &b| {
        let rank = |at: usize| report.accounts[at].rank.unwrap_or(usize::MAX);
        rank(a).cmp(&rank(b)).then(endowment(b).total_cmp(&endowment(a)))
    });
    order
}

fn burden(report: &AccountsReport) -> Result<Section, ReportError> {
    let order = order(report);
    let is_ranked = order.iter().any(|&at| report.accounts[at].rank.is_some());
    let mut blocks = Vec::new();
    if order.is_empty() {
        blocks.push(Block::Lead("No account has anything to take.".to_owned()));
    } else {
        let (title, along) = if is_ranked {
            ("Haircut by place in the queue", "The first in the queue stands on the left.")
        } else {
            ("Haircut by endowment", "The largest endowment stands on the left.")
        };
        let caption = format!(
            "Fraction of the endowment that each policy takes from each account. {along} A queue \
             falls like a cliff, pro-rata is level."
        );
        let haircuts = report.policies.iter();
        let haircuts =
            haircuts.map(|policy| order.iter().map(|&at| policy.haircuts[at]).collect()).collect();
        let place = |at: usize| (at + 1).to_string();
        blocks.push(lines(title, &caption, haircuts, words::percent_tick, place)?);
    }
    if order.len() > SHOWN_MAX {
        blocks.push(Block::Note(format!(
            "Shown are the first {SHOWN_MAX}; adl_accounts.csv has all of them."
        )));
    }
    let mut table = Table::new(
        "Haircut of each account under each policy",
        &["Account", "#Rank|Place in the queue", "#Equity", "#Endowment|What may be taken"],
    );
    let names = report.policies.iter().map(|policy| Column::numbers(&policy.name));
    table.columns.extend(names);
    for &at in order.iter().take(SHOWN_MAX) {
        let account = &report.accounts[at];
        let mut row = vec![
            Cell::text(&account.name),
            Cell::optional(
                account.rank.map(|rank| rank as f64),
                words::count,
                Some("no ranking is known"),
            ),
            Cell::number(words::money(account.equity), account.equity),
            Cell::number(words::money(account.endowment), account.endowment),
        ];
        row.extend(report.policies.iter().map(|policy| Cell::share(policy.haircuts[at])));
        table.rows.push(row);
    }
    blocks.push(Block::Table(table));
    Ok(Section { id: "burden", title: "Who pays", short: "Who pays", blocks })
}

fn winners_after(report: &AccountsReport) -> Result<Section, ReportError> {
    let mut blocks = vec![
        bars(
            "Largest haircut",
            "Share of its endowment that the worst-hit account loses.",
            &figures(report, |policy| Some(policy.haircut_max_fraction)),
            words::percent,
        )?,
        bars(
            "Expected churn",
            "Share of the endowments whose owners are expected to leave afterwards.",
            &figures(report, |policy| Some(policy.endowment_churned_fraction)),
            words::percent,
        )?,
    ];
    if report.deficit > 0.0 {
        blocks.push(bars(
            "Profit-tail survival",
            "Largest endowment that survives, as a multiple of the deficit.",
            &figures(report, |policy| policy.profit_tail_survival),
            words::number,
        )?);
    }
    Ok(Section { id: "winners", title: "What is left to the winners", short: "Winners", blocks })
}

fn reckoning(report: &AccountsReport) -> Section {
    let mut blocks = vec![Block::Text(format!(
        "An account above zero may be taken from up to its endowment ({}). The order of the \
         queue: {}. Contracts are divisible, so that the smallest possible worst haircut is that \
         of pro-rata.",
        report.endowment_rule, report.queue_rule
    ))];
    let rules = report.policies.iter().map(|policy| format!("{}: {}", policy.name, policy.meaning));
    blocks.push(Block::List(rules.collect()));
    if !report.notes.is_empty() {
        blocks.push(Block::Heading("Notes".to_owned()));
        blocks.push(Block::List(report.notes.clone()));
    }
    Section { id: "reckoning", title: "How it was reckoned", short: "Definitions", blocks }
}
