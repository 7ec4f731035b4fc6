//! A table of accounts: derived figures, every policy, and what it does.

use std::collections::BTreeSet;

use plimsoll_market::Side;
use plimsoll_report::adl::{AccountRow, AccountsReport, PolicyRow, write_accounts};
use plimsoll_venue::VenueError;
use plimsoll_venue::adl::{
    AdlAccount, AdlRule, AdlState, AllocationMetrics, CHURN_SENSITIVITY, EndowmentRule, RankInputs,
    allocate_up_to, churn_probabilities, leveraged_return_score, measure,
};
use plimsoll_venue::tables::Status;
use serde_json::{Value, json};

use super::policies::{Known, policies};
use super::table::DataTable;
use super::{money, optional, page_name, percent, text_table};
use crate::args::AdlArguments;
use crate::error::CliError;
use crate::output::{Output, counted, wrapped};

pub(super) fn run(
    arguments: &AdlArguments,
    table: &DataTable,
    output: Output,
) -> Result<(), CliError> {
    let accounts = Accounts::read(table)?;
    let Ranking { scores, rule: queue_rule, mut notes } = accounts.ranking(arguments, table)?;
    let rule = arguments.endowment.map_or(EndowmentRule::Pnl, EndowmentRule::from);
    let state = accounts.state(table, scores.as_deref(), rule)?;
    let (budget, budget_rule) = budget(arguments, table, &state)?;
    // Without a deficit what is asked for is what is needed.
    let needed = if state.deficit() > 0.0 { state.deficit() } else { budget };
    let known = Known {
        queue: scores.is_some(),
        leverage: accounts.leverage.is_some(),
        quantity: accounts.quantity.is_some(),
    };
    let policies = policies(arguments, known, table, &mut notes)?;
    let sensitivity = arguments.churn.unwrap_or(CHURN_SENSITIVITY);

    let mut rows = Vec::new();
    for (policy, meaning) in policies {
        let refused = |error: VenueError| account_error(table, &error);
        let allocation = allocate_up_to(&state, &policy, budget).map_err(refused)?;
        let metrics = measure(&state, &allocation, needed, sensitivity).map_err(refused)?;
        rows.push(PolicyRow {
            churn_probabilities: churn_probabilities(&state, &allocation, sensitivity),
            seized: allocation.seized,
            haircuts: allocation.haircuts,
            ..policy_row(policy.name(), meaning, &metrics)
        });
    }
    let mut report = AccountsReport {
        name: page_name(&arguments.file),
        deficit: state.deficit(),
        budget,
        budget_rule,
        endowment_rule: rule.name().to_owned(),
        queue_rule,
        notes,
        accounts: accounts.rows(&state, scores.is_some()),
        policies: rows,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    if budget > state.capacity() {
        report.notes.push(format!(
            "The budget of {} is above the sum of the endowments, {}: every policy falls short.",
            money(budget),
            money(state.capacity())
        ));
    }
    let files = write_accounts(&report, &arguments.out)?;
    show(&report, &state, output);
    output.text(&format!("\nreport: {}", files.page().display()));
    output.document(&document(&report, &state, &files.page().display().to_string()));
    Ok(())
}

/// The accounts' columns, given or derived.
struct Accounts {
    names: Vec<String>,
    side: Option<Vec<Side>>,
    quantity: Option<Vec<f64>>,
    entry_price: Option<Vec<f64>>,
    mark_price: Option<Vec<f64>>,
    notional: Option<Vec<f64>>,
    equity: Vec<f64>,
    pnl: Vec<f64>,
    leverage: Option<Vec<f64>>,
    maintenance_margin: Option<Vec<f64>>,
    score: Option<Vec<f64>>,
}

/// Scores where they can be had, where they come from, and what has to be known about it.
struct Ranking {
    scores: Option<Vec<f64>>,
    rule: String,
    notes: Vec<String>,
}

impl Accounts {
    fn read(table: &DataTable) -> Result<Self, CliError> {
        let names: Vec<String> = match table.texts("account") {
            Some(names) => names.into_iter().map(str::to_owned).collect(),
            None => (1..=table.len()).map(|row| row.to_string()).collect(),
        };
        let mut seen = BTreeSet::new();
        for (row, name) in names.iter().enumerate() {
            if !seen.insert(name) {
                let message = format!("the account `{name}` stands twice");
                return Err(table.bad_row(
                    row,
                    message,
                    "give each account one row, with its sums",
                ));
            }
        }
        let entry_price = table.numbers("entry_price")?;
        let mark_price = table.numbers("mark_price")?;
        let signed = table.numbers("quantity")?;
        let side = match table.texts("side") {
            Some(words) => Some(sides(table, &words, signed.as_deref())?),
            // Without sides, shorts are quantities below zero.
            None => signed.as_ref().map(|all| {
                all.iter().map(|q| if *q < 0.0 { Side::Short } else { Side::Long }).collect()
            }),
        };
        let mut quantity: Option<Vec<f64>> =
            signed.map(|all| all.into_iter().map(f64::abs).collect());
        let pair = |a: &Option<Vec<f64>>, b: &Option<Vec<f64>>, f: fn(f64, f64) -> f64| {
            let (a, b) = (a.as_ref()?, b.as_ref()?);
            Some(a.iter().zip(b).map(|(a, b)| f(*a, *b)).collect::<Vec<f64>>())
        };
        let gain = || {
            let gains = pair(&mark_price, &entry_price, |mark, entry| mark - entry)?;
            let gains = pair(&Some(gains), &quantity, |gain, quantity| gain * quantity)?;
            let sides = side.as_ref()?;
            Some(gains.iter().zip(sides).map(|(gain, side)| side.sign() * gain).collect())
        };
        let collateral = table.numbers("collateral")?;
        let mut equity = table.numbers("equity")?;
        let mut pnl = table.numbers("pnl")?;
        if let (Some(c), Some(e), Some(p)) = (&collateral, &equity, &pnl) {
            for row in 0..table.len() {
                let size = e[row].abs().max(c[row].abs()).max(p[row].abs()).max(1.0);
                if (e[row] - c[row] - p[row]).abs() > 1e-6 * size {
                    return Err(table.bad_row(
                        row,
                        format!(
                            "`equity` is {}, but `collateral` and `pnl` are {} together",
                            e[row],
                            c[row] + p[row]
                        ),
                        "mend the row, or leave one of the three columns out",
                    ));
                }
            }
        }
        pnl = pnl.or_else(gain).or_else(|| pair(&equity, &collateral, |e, c| e - c));
        equity = equity.or_else(|| pair(&collateral, &pnl, |c, p| c + p));
        let (Some(equity), Some(pnl)) = (equity, pnl) else {
            return Err(table.bad(
                "neither accounts nor waves: `equity` and `pnl` cannot be had from the columns",
                format!(
                    "the columns are {}; accounts need `equity` or `collateral`, and `pnl` or \
                     `side`, `quantity`, `entry_price` and `mark_price`; waves need \
                     `budget_needed_usd`",
                    table.names().join(", ")
                ),
            ));
        };
        let notional = table
            .numbers("notional")?
            .or_else(|| pair(&quantity, &mark_price, |quantity, mark| quantity * mark));
        if quantity.is_none() {
            quantity = pair(&notional, &mark_price, |notional, mark| notional / mark);
        }
        let leverage = table.numbers("leverage")?.or_else(|| {
            let of = |(notional, equity): (&f64, &f64)| {
                // Nothing is taken from an account below zero: its leverage is not read.
                if *equity > 0.0 { notional / equity } else { 0.0 }
            };
            Some(notional.as_ref()?.iter().zip(&equity).map(of).collect())
        });
        Ok(Self {
            names,
            side,
            quantity,
            entry_price,
            mark_price,
            notional,
            equity,
            pnl,
            leverage,
            maintenance_margin: table.numbers("maintenance_margin")?,
            score: table.numbers("score")?,
        })
    }

    fn ranking(&self, arguments: &AdlArguments, table: &DataTable) -> Result<Ranking, CliError> {
        let n = self.names.len();
        if let Some(venue) = &arguments.venue {
            let rule = AdlRule::load(venue)
                .map_err(|error| CliError::usage(error.to_string(), "give one of these venues"))?;
            let scores: Result<Vec<f64>, CliError> = (0..n)
                .map(|row| match rule.score(&self.inputs(row)) {
                    Ok(score) => Ok(score.unwrap_or_default()),
                    Err(error @ VenueError::MissingInput { .. }) => {
                        Err(table.bad(error, "add the column, or leave out --venue"))
                    }
                    Err(error) => Err(table.bad_row(row, error, "mend the row")),
                })
                .collect();
            let mut notes = vec![format!(
                "{}: positions are closed at the {} ({}).",
                rule.title,
                rule.price.name(),
                rule.source
            )];
            if rule.status == Status::Unverified {
                notes.push(format!("The ranking of {} is unverified.", rule.title));
            }
            notes.extend(rule.notes.iter().map(|note| format!("{}: {note}", rule.title)));
            let (scores, rule) = (Some(scores?), format!("the ranking of {}", rule.title));
            return Ok(Ranking { scores, rule, notes });
        }
        if let Some(scores) = &self.score {
            let (scores, rule) = (Some(scores.clone()), "the column `score`".to_owned());
            return Ok(Ranking { scores, rule, notes: Vec::new() });
        }
        let (Some(side), Some(notional)) = (&self.side, &self.notional) else {
            return Ok(Ranking { scores: None, rule: "unknown".to_owned(), notes: Vec::new() });
        };
        let score = |row: usize| {
            // An account below zero is in no queue.
            if self.equity[row] <= 0.0 {
                return Ok(0.0);
            }
            let entry_value = notional[row] - side[row].sign() * self.pnl[row];
            leveraged_return_score(self.pnl[row], entry_value, notional[row], self.equity[row])
                .map_err(|error| table.bad_row(row, error, "mend the row, or add a column `score`"))
        };
        let scores = Some((0..n).map(score).collect::<Result<_, _>>()?);
        let rule = "leveraged return, for want of --venue and of a column `score`".to_owned();
        let note = "The queue's order is assumed, return on the entry value times leverage, and is \
                    no venue's published formula.";
        Ok(Ranking { scores, rule, notes: vec![note.to_owned()] })
    }

    fn inputs(&self, row: usize) -> RankInputs {
        let at = |column: &Option<Vec<f64>>| column.as_ref().map(|values| values[row]);
        RankInputs {
            side: self.side.as_ref().map(|sides| sides[row]),
            entry_price: at(&self.entry_price),
            mark_price: at(&self.mark_price),
            notional: at(&self.notional),
            collateral: Some(self.equity[row] - self.pnl[row]),
            pnl: Some(self.pnl[row]),
            maintenance_margin: at(&self.maintenance_margin),
        }
    }

    fn state(
        &self,
        table: &DataTable,
        scores: Option<&[f64]>,
        rule: EndowmentRule,
    ) -> Result<AdlState, CliError> {
        let at = |column: Option<&[f64]>, row: usize| column.map_or(0.0, |values| values[row]);
        let accounts = (0..self.names.len()).map(|row| AdlAccount {
            equity: self.equity[row],
            pnl: self.pnl[row],
            leverage: at(self.leverage.as_deref(), row),
            quantity: at(self.quantity.as_deref(), row),
            score: at(scores, row),
        });
        AdlState::new(accounts.collect(), rule).map_err(|error| account_error(table, &error))
    }

    fn rows(&self, state: &AdlState, is_ranked: bool) -> Vec<AccountRow> {
        let mut ranks = vec![None; self.names.len()];
        if is_ranked {
            for (place, row) in state.queue().into_iter().enumerate() {
                ranks[row] = Some(place + 1);
            }
        }
        let rows = self.names.iter().zip(ranks).enumerate();
        rows.map(|(row, (name, rank))| AccountRow {
            name: name.clone(),
            equity: self.equity[row],
            endowment: state.endowments()[row],
            rank,
        })
        .collect()
    }
}

fn sides(
    table: &DataTable,
    words: &[&str],
    quantity: Option<&[f64]>,
) -> Result<Vec<Side>, CliError> {
    let mut sides = Vec::with_capacity(words.len());
    for (row, word) in words.iter().enumerate() {
        sides.push(match word.to_ascii_lowercase().as_str() {
            "long" | "buy" | "1" | "+1" => Side::Long,
            "short" | "sell" | "-1" => Side::Short,
            _ => {
                let message = format!("`side` is `{word}`");
                return Err(table.bad_row(row, message, "write long or short"));
            }
        });
        if quantity.is_some_and(|all| all[row] < 0.0) {
            let message = "`quantity` is below 0 beside a column `side`";
            return Err(table.bad_row(row, message, "write quantities without a sign"));
        }
    }
    Ok(sides)
}

fn budget(
    arguments: &AdlArguments,
    table: &DataTable,
    state: &AdlState,
) -> Result<(f64, String), CliError> {
    if let Some(budget) = arguments.budget {
        return Ok((budget, "budget as given".to_owned()));
    }
    if state.deficit() <= 0.0 {
        return Err(table.bad(
            "no account is below zero: there is no deficit",
            "give the amount to be taken with --budget",
        ));
    }
    let severity = arguments.theta.unwrap_or(1.0);
    let budget = state.budget(severity).map_err(|error| account_error(table, &error))?;
    Ok((budget, format!("severity {severity}")))
}

/// An error of an account, at its row of the file.
fn account_error(table: &DataTable, error: &VenueError) -> CliError {
    match error {
        VenueError::BadAccount { position, name, value, rule } => table.bad_row(
            *position,
            format!("`{name}` is {value}, but it must be {rule}"),
            "mend the row",
        ),
        _ => table.bad(error, "mend the values"),
    }
}

fn policy_row(name: &str, meaning: String, metrics: &AllocationMetrics) -> PolicyRow {
    PolicyRow {
        name: name.to_owned(),
        meaning,
        taken: metrics.taken,
        shortfall: metrics.shortfall,
        budget_regret: metrics.budget_regret,
        profit_tail_survival: metrics.profit_tail_survival,
        fairness_regret: metrics.fairness_regret,
        pro_rata_distance_fraction: metrics.pro_rata_distance_fraction,
        haircut_max_fraction: metrics.haircut_max_fraction,
        accounts_touched: metrics.accounts_touched,
        accounts_churned: metrics.accounts_churned,
        endowment_churned_fraction: metrics.endowment_churned_fraction,
        ..PolicyRow::default()
    }
}

fn show(report: &AccountsReport, state: &AdlState, output: Output) {
    output.text(&format!(
        "{}, deficit {}, endowments ({}) {}, budget {} ({})\n",
        counted(report.accounts.len(), "account"),
        money(report.deficit),
        report.endowment_rule,
        money(state.capacity()),
        money(report.budget),
        report.budget_rule
    ));
    let rows = report.policies.iter().map(|policy| {
        vec![
            policy.name.clone(),
            money(policy.taken),
            money(policy.shortfall),
            money(policy.budget_regret),
            optional(policy.profit_tail_survival, |value| format!("{value:.4}")),
            money(policy.fairness_regret),
            percent(policy.haircut_max_fraction),
            policy.accounts_touched.to_string(),
            percent(policy.endowment_churned_fraction),
        ]
    });
    let heading = [
        "policy",
        "taken",
        "shortfall",
        "regret",
        "PTSR",
        "fairness regret",
        "largest haircut",
        "accounts",
        "churn",
    ];
    output.text(&text_table(&heading, rows.collect()));
    output.text(&format!("\nqueue: {}", report.queue_rule));
    for note in &report.notes {
        output.text(&wrapped(&format!("note: {note}"), 110));
    }
}

fn document(report: &AccountsReport, state: &AdlState, page: &str) -> Value {
    let policies = report.policies.iter().map(|policy| {
        json!({
            "policy": policy.name,
            "meaning": policy.meaning,
            "taken": policy.taken,
            "shortfall": policy.shortfall,
            "budget_regret": policy.budget_regret,
            "profit_tail_survival": policy.profit_tail_survival,
            "fairness_regret": policy.fairness_regret,
            "pro_rata_distance_fraction": policy.pro_rata_distance_fraction,
            "haircut_max_fraction": policy.haircut_max_fraction,
            "accounts_touched": policy.accounts_touched,
            "accounts_churned": policy.accounts_churned,
            "endowment_churned_fraction": policy.endowment_churned_fraction,
            "seized": policy.seized,
        })
    });
    let accounts = report.accounts.iter().map(|account| {
        json!({
            "account": account.name,
            "equity": account.equity,
            "endowment": account.endowment,
            "rank": account.rank,
        })
    });
    json!({
        "table": "accounts",
        "deficit": report.deficit,
        "capacity": state.capacity(),
        "budget": report.budget,
        "budget_rule": report.budget_rule,
        "endowment": report.endowment_rule,
        "queue": report.queue_rule,
        "accounts": accounts.collect::<Vec<_>>(),
        "policies": policies.collect::<Vec<_>>(),
        "notes": report.notes,
        "report": page,
    })
}
