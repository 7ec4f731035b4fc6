//! `monthly.csv`: equity, costs and trades by calendar month.

use plimsoll_engine::Cause;
use plimsoll_study::result::StudyResult;
use polars::prelude::*;

use super::summary::accounts;
use super::{full_precision, optional, to_csv};
use crate::error::ReportError;
use crate::timeline::{Month, Timeline, drawdowns};

/// One month of one account.
#[derive(Clone, Debug, PartialEq)]
pub struct MonthRow {
    /// Name of the rule.
    pub rule: String,
    /// `portfolio` or a symbol.
    pub scope: String,
    /// The month.
    pub month: Month,
    /// Equity at the month's last close over that of the month before, less 1; `None` where the
    /// month began without equity.
    pub month_return: Option<f64>,
    /// Money that was booked: realised price moves less costs.
    pub pnl: f64,
    /// Funding paid, negative if received.
    pub funding: f64,
    /// Fees paid, liquidation fees and forfeited margin included.
    pub fees: f64,
    /// Slippage paid.
    pub slippage: f64,
    /// Positions that ended.
    pub trades: u32,
    /// Forced closes.
    pub liquidations: u32,
    /// Equity at the month's last close.
    pub equity_end: f64,
    /// Largest distance of a close of this month from the running peak of the whole run.
    pub max_drawdown: f64,
}

/// Every month of every account, in the order of rules, accounts and time.
///
/// # Errors
/// A failed aggregation.
pub fn monthly(result: &StudyResult) -> Result<Vec<MonthRow>, ReportError> {
    let months = bars_frame(result)?
        .lazy()
        // Stable: each group is reduced in the order of its rows, whatever the thread count.
        .group_by_stable([col("account"), col("month")])
        .agg([col("equity").last().alias("equity_end"), col("drawdown").max()])
        .collect()?;
    let paid = |cause: Cause| {
        when(col("cause").eq(lit(cause as i32))).then(-col("amount")).otherwise(lit(0.0)).sum()
    };
    let money = ledger_frame(result)?
        .lazy()
        .group_by_stable([col("account"), col("month")])
        .agg([
            col("amount").sum().alias("pnl"),
            paid(Cause::Funding).alias("funding"),
            (paid(Cause::Fee) + paid(Cause::LiquidationFee) + paid(Cause::BackstopForfeit))
                .alias("fees"),
            paid(Cause::Slippage).alias("slippage"),
        ])
        .collect()?;
    let ends = events_frame(result)?
        .lazy()
        .group_by_stable([col("account"), col("month")])
        .agg([col("trades").sum(), col("liquidations").sum()])
        .collect()?;
    let money = Lookup::of(&money, &["pnl", "funding", "fees", "slippage"])?;
    let ends = Lookup::of(&ends, &["trades", "liquidations"])?;
    let (account_column, month_column) =
        (months.column("account")?.i32()?, months.column("month")?.i32()?);
    let (end_column, drawdown_column) =
        (months.column("equity_end")?.f64()?, months.column("drawdown")?.f64()?);

    let accounts: Vec<_> = accounts(result).collect();
    let mut rows = Vec::with_capacity(months.height());
    let mut previous: Option<(i32, f64)> = None;
    for row in 0..months.height() {
        let (Some(account_idx), Some(month), Some(equity_end), Some(max_drawdown)) = (
            account_column.get(row),
            month_column.get(row),
            end_column.get(row),
            drawdown_column.get(row),
        ) else {
            continue; // the frames hold no null
        };
        let (rule, account) = accounts[account_idx as usize];
        let equity_start = match previous {
            Some((same, equity)) if same == account_idx => equity,
            _ => account.outcome.initial_equity,
        };
        previous = Some((account_idx, equity_end));
        let [pnl, funding, fees, slippage] = money.get(account_idx, month);
        let [trades, liquidations] = ends.get(account_idx, month);
        rows.push(MonthRow {
            rule: rule.to_owned(),
            scope: account.scope.clone(),
            month: Month(month),
            month_return: (equity_start > 0.0).then(|| equity_end / equity_start - 1.0),
            pnl,
            funding,
            fees,
            slippage,
            trades: trades as u32,
            liquidations: liquidations as u32,
            equity_end,
            max_drawdown,
        });
    }
    Ok(rows)
}

/// `monthly.csv`.
///
/// # Errors
/// A row that CSV cannot hold.
pub fn csv(rows: &[MonthRow]) -> Result<Vec<u8>, ReportError> {
    to_csv(
        &[
            "rule",
            "symbol",
            "month",
            "return",
            "pnl",
            "funding",
            "fees",
            "slippage",
            "trades",
            "liquidations",
            "equity_end",
            "max_drawdown",
        ],
        rows.iter().map(|row| {
            [
                row.rule.clone(),
                row.scope.clone(),
                row.month.to_string(),
                optional(row.month_return),
                full_precision(row.pnl),
                full_precision(row.funding),
                full_precision(row.fees),
                full_precision(row.slippage),
                row.trades.to_string(),
                row.liquidations.to_string(),
                full_precision(row.equity_end),
                full_precision(row.max_drawdown),
            ]
        }),
    )
}

fn bars_frame(result: &StudyResult) -> PolarsResult<DataFrame> {
    let timeline = Timeline::of(result);
    let (mut account, mut month, mut equity, mut drawdown) = (vec![], vec![], vec![], vec![]);
    for (index, (_, found)) in accounts(result).enumerate() {
        let outcome = &found.outcome;
        let bars = outcome.equity.len();
        account.extend(std::iter::repeat_n(index as i32, bars));
        month.extend(timeline.months(outcome.from_bar, bars).map(|month| month.0));
        equity.extend_from_slice(&outcome.equity);
        drawdown.extend(drawdowns(outcome.initial_equity, &outcome.equity));
    }
    df!("account" => account, "month" => month, "equity" => equity, "drawdown" => drawdown)
}

fn ledger_frame(result: &StudyResult) -> PolarsResult<DataFrame> {
    let timeline = Timeline::of(result);
    let (mut account, mut month, mut cause, mut amount) = (vec![], vec![], vec![], vec![]);
    for (index, (_, found)) in accounts(result).enumerate() {
        for row in &found.outcome.ledger {
            account.push(index as i32);
            month.push(timeline.month(row.bar).0);
            cause.push(row.cause as i32);
            amount.push(row.amount);
        }
    }
    df!("account" => account, "month" => month, "cause" => cause, "amount" => amount)
}

fn events_frame(result: &StudyResult) -> PolarsResult<DataFrame> {
    let timeline = Timeline::of(result);
    let (mut account, mut month, mut trades, mut liquidations) = (vec![], vec![], vec![], vec![]);
    for (index, (_, found)) in accounts(result).enumerate() {
        let ended = found.outcome.trades.iter().map(|trade| (trade.exit_bar, 1.0, 0.0));
        let forced = found.outcome.liquidated_positions().map(|row| (row.bar, 0.0, 1.0));
        for (bar, trade, liquidation) in ended.chain(forced) {
            account.push(index as i32);
            month.push(timeline.month(bar).0);
            trades.push(trade);
            liquidations.push(liquidation);
        }
    }
    df!(
        "account" => account, "month" => month, "trades" => trades, "liquidations" => liquidations
    )
}

/// Aggregates by account and month; zero where nothing happened.
struct Lookup<const N: usize>(std::collections::BTreeMap<(i32, i32), [f64; N]>);

impl<const N: usize> Lookup<N> {
    fn of(frame: &DataFrame, columns: &[&str; N]) -> PolarsResult<Self> {
        let (account, month) = (frame.column("account")?.i32()?, frame.column("month")?.i32()?);
        let mut values = Vec::with_capacity(N);
        for name in columns {
            values.push(frame.column(name)?.f64()?);
        }
        let mut found = std::collections::BTreeMap::new();
        for row in 0..frame.height() {
            if let (Some(account), Some(month)) = (account.get(row), month.get(row)) {
                found.insert(
                    (account, month),
                    std::array::from_fn(|i| values[i].get(row).unwrap_or_default()),
                );
            }
        }
        Ok(Self(found))
    }

    fn get(&self, account: i32, month: i32) -> [f64; N] {
        self.0.get(&(account, month)).copied().unwrap_or([0.0; N])
    }
}
