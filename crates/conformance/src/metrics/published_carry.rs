//! Published backtests of collecting funding, in their own accounting, and what is wrong with it.
//!
//! Both are computed as they were published, so that the figures can be met to the cent, and once
//! more without the mistake: [`Harvest`] collects the rate that it decided on, which was paid
//! before; [`Valuation::Close`] charges an inverse contract at today's price though its notional
//! is in dollars.

use plimsoll_market::Side;
use plimsoll_risk::moments::Moments;
use plimsoll_venue::funding_payment;
use serde_json::{Value, json};

use super::published::printed;
use super::published_tails::{first_word, text};
use crate::question::{Answer, Question};

/// Settlements a year at three a day.
const SETTLEMENTS_PER_YEAR: f64 = 3.0 * 365.0;

/// Entry above one rate, exit below another, three times nine tenths of the capital.
#[derive(Clone, Copy, Debug)]
struct Harvest {
    capital: f64,
    notional_share: f64,
    entry_rate: f64,
    exit_rate: f64,
    cost_each_way: f64,
    /// Whether the rate that opens the position is collected too, though it has been paid by then.
    is_looking_ahead: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Harvested {
    capital: f64,
    funding: f64,
    costs: f64,
    executions: usize,
    completed: usize,
    winners: usize,
    periods: usize,
}

pub(super) fn threshold_harvest(question: &Question<'_>) -> Answer {
    let percent = question.column(first_word(text(question, "data")?), "funding_rate_pct")?;
    let rates: Vec<f64> = percent.iter().map(|rate| rate / 100.0).collect();
    let is_looking_ahead = question.params.get("same_bar") == Some(&Value::Bool(true));
    // Share and thresholds stand in the item's text: 0.9 of the capital, three times.
    let harvest = Harvest {
        capital: question.number("capital")?,
        notional_share: 0.9 * 3.0,
        entry_rate: 0.0005,
        exit_rate: 0.000_25,
        cost_each_way: 0.001,
        is_looking_ahead,
    };
    let found = harvest.run(&rates);
    let moments = Moments::of(&percent)?;
    let n = rates.len() as f64;
    let positive = rates.iter().filter(|rate| **rate > 0.0).count() as f64;
    let growth = (found.capital / harvest.capital).powf(SETTLEMENTS_PER_YEAR / n);
    Ok(json!({
        "mean_rate_pct": moments.mean,
        "sd_rate_pct": moments.standard_deviation_sample()?,
        // The source prints one decimal.
        "positive_pct": printed(100.0 * positive / n, 1),
        "final_capital": found.capital,
        "funding": found.funding,
        "costs": found.costs,
        "executions": found.executions,
        "completed": found.completed,
        "winners": found.winners,
        "periods_in_position": found.periods,
        "annualised_pct": 100.0 * (growth - 1.0),
    }))
}

impl Harvest {
    fn run(&self, rates: &[f64]) -> Harvested {
        /// Side, notional, profit so far and the row of entry.
        struct Position {
            side: Side,
            notional: f64,
            profit: f64,
            since: usize,
        }
        let mut found = Harvested { capital: self.capital, ..Harvested::default() };
        let mut open: Option<Position> = None;
        for (row, &rate) in rates.iter().enumerate() {
            if open.is_none() && rate.abs() > self.entry_rate {
                // The side that receives.
                let side = if rate > 0.0 { Side::Short } else { Side::Long };
                let notional = self.notional_share * found.capital;
                let cost = notional * self.cost_each_way;
                found.capital -= cost;
                found.costs += cost;
                found.executions += 1;
                open = Some(Position { side, notional, profit: -cost, since: row });
            }
            let Some(position) = &mut open else { continue };
            if self.is_looking_ahead || row > position.since {
                let paid = funding_payment(position.side, position.notional, 1.0, rate);
                found.capital += paid;
                found.funding += paid;
                position.profit += paid;
            }
            if rate.abs() < self.exit_rate {
                let cost = position.notional * self.cost_each_way;
                found.capital -= cost;
                found.costs += cost;
                found.executions += 1;
                found.completed += 1;
                found.winners += usize::from(position.profit - cost > 0.0);
                found.periods += row - position.since;
                open = None;
            }
        }
        found
    }
}

/// What funding of the inverse contract is charged on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Valuation {
    /// The coins at the close of the bar: as published, and wrong.
    Close,
    /// The coins at entry, which are the contract's dollars.
    Entry,
}

/// The columns that the moving-average carry reads.
#[derive(Clone, Debug, Default)]
struct CarryBars {
    open_spot: Vec<f64>,
    close_spot: Vec<f64>,
    average: Vec<f64>,
    open_futures: Vec<f64>,
    funding: Vec<f64>,
}

/// Spot bought with all of the capital and posted as margin of a short at 1x while the price is
/// above its average.
#[derive(Clone, Copy, Debug)]
struct AverageCarry {
    capital: f64,
    spot_fee: f64,
    futures_fee: f64,
    valuation: Valuation,
}

#[derive(Clone, Debug, Default)]
struct Carried {
    trades: Vec<f64>,
    entry_rows: Vec<usize>,
    max_drawdown: f64,
}

pub(super) fn moving_average_carry(question: &Question<'_>) -> Answer {
    let file = first_word(text(question, "data")?);
    let column = |name: &str| question.column(file, name);
    let bars = CarryBars {
        open_spot: column("open_spot")?,
        close_spot: column("close_spot")?,
        average: column("ma120")?,
        open_futures: column("open_futures")?,
        funding: column("funding_rate")?,
    };
    let times = question.text_column(file, "time_utc")?;
    let carry = AverageCarry {
        capital: question.number("capital")?,
        spot_fee: question.number("spot_fee")?,
        futures_fee: question.number("futures_fee")?,
        valuation: Valuation::Close,
    };
    let published = carry.run(&bars);
    let corrected = AverageCarry { valuation: Valuation::Entry, ..carry }.run(&bars);
    let equity = |found: &Carried| carry.capital + found.trades.iter().sum::<f64>();
    Ok(json!({
        "trade_pnl": published.trades,
        "max_drawdown_on_initial": published.max_drawdown,
        "entries": published.entry_rows.iter().map(|row| &times[*row]).collect::<Vec<_>>(),
        "total_equity": equity(&published),
        "total_equity_corrected": equity(&corrected),
    }))
}

/// The nine closes on one side of the average that a signal needs.
const CLOSES: usize = 9;

impl AverageCarry {
    fn run(&self, bars: &CarryBars) -> Carried {
        let mut found = Carried::default();
        let (mut above, mut below) = (0, 0);
        // Set once the closes are there, cleared when the position changes.
        let mut is_waiting = false;
        let mut acts_at_open = false;
        let mut open: Option<Trade> = None;
        let (mut closed_profit, mut peak) = (0.0, 0.0_f64);
        for row in 0..bars.funding.len() {
            if acts_at_open {
                acts_at_open = false;
                open = match open.take() {
                    None => {
                        found.entry_rows.push(row);
                        Some(self.enter(bars.open_spot[row]))
                    }
                    Some(trade) => {
                        let profit = self.exit(&trade, bars.open_futures[row]);
                        closed_profit += profit;
                        found.trades.push(profit);
                        None
                    }
                };
            } else if let Some(trade) = &mut open {
                trade.profit += self.funding(trade, bars.close_spot[row], bars.funding[row]);
            }
            let profit = closed_profit + open.as_ref().map_or(0.0, |trade| trade.profit);
            peak = peak.max(profit);
            found.max_drawdown = found.max_drawdown.min((profit - peak) / self.capital);

            let (close, average) = (bars.close_spot[row], bars.average[row]);
            above = if close > average { above + 1 } else { 0 };
            below = if close < average { below + 1 } else { 0 };
            let (closes, direction) = if open.is_none() { (above, 1.0) } else { (below, -1.0) };
            is_waiting |= closes >= CLOSES;
            if is_waiting && direction * bars.funding[row] > 0.0 {
                (is_waiting, acts_at_open) = (false, true);
            }
        }
        if let (Some(trade), Some(close)) = (&open, bars.close_spot.last()) {
            found.trades.push(self.exit(trade, *close));
        }
        found
    }

    fn enter(&self, price: f64) -> Trade {
        let coins = self.capital / price * (1.0 - self.spot_fee);
        let fees = self.capital * self.spot_fee + coins * price * self.futures_fee;
        Trade { entry: price, coins: coins * (1.0 - self.futures_fee), profit: -fees }
    }

    /// Funding is sold for cash at once, for the spot fee.
    fn funding(&self, trade: &Trade, close: f64, rate: f64) -> f64 {
        let price = match self.valuation {
            Valuation::Close => close,
            Valuation::Entry => trade.entry,
        };
        funding_payment(Side::Short, trade.coins, price, rate) * (1.0 - self.spot_fee)
    }

    fn exit(&self, trade: &Trade, price: f64) -> f64 {
        let futures = trade.coins * self.futures_fee * price;
        let spot = trade.coins * (1.0 - self.futures_fee) * price * self.spot_fee;
        trade.profit - futures - spot
    }
}

#[derive(Clone, Copy, Debug)]
struct Trade {
    entry: f64,
    coins: f64,
    profit: f64,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;

    use super::*;

    /// The position opens on the second rate and closes on the fourth.
    #[test]
    fn looking_ahead_collects_a_rate_already_paid() {
        let rates = [0.0001, 0.001, 0.0006, 0.0002, 0.0001];
        let harvest = Harvest {
            capital: 10_000.0,
            notional_share: 1.0,
            entry_rate: 0.0005,
            exit_rate: 0.000_25,
            cost_each_way: 0.0,
            is_looking_ahead: true,
        };
        let ahead = harvest.run(&rates);
        let honest = Harvest { is_looking_ahead: false, ..harvest }.run(&rates);
        assert!((ahead.funding - 18.0).abs() < 1e-9 && (honest.funding - 8.0).abs() < 1e-9);
        assert_eq!((ahead.executions, ahead.completed, ahead.winners, ahead.periods), (2, 1, 1, 2));
        assert_eq!(honest.periods, ahead.periods);
    }

    /// Closes stay above the average; the price doubles after entry.
    #[test]
    fn an_inverse_contract_is_charged_on_its_dollars() {
        let n = 13;
        let mut close_spot = vec![100.0; n];
        close_spot[11] = 200.0;
        let bars = CarryBars {
            open_spot: vec![100.0; n],
            close_spot,
            average: vec![50.0; n],
            open_futures: vec![100.0; n],
            funding: vec![0.001; n],
        };
        let carry = AverageCarry {
            capital: 1000.0,
            spot_fee: 0.0,
            futures_fee: 0.0,
            valuation: Valuation::Close,
        };
        let published = carry.run(&bars);
        assert_eq!(published.entry_rows, [9]);
        // Rows 10, 11 and 12: one dollar each, two at the doubled price.
        assert!((published.trades[0] - 4.0).abs() < 1e-9);
        let corrected = AverageCarry { valuation: Valuation::Entry, ..carry }.run(&bars);
        assert!((corrected.trades[0] - 3.0).abs() < 1e-9);
    }

    /// The sums of the whole backtest, where the golden folder lies beside the repository: as
    /// published 2,168,862.71, with funding on the dollars at entry 1,450,084.82.
    #[test]
    fn the_published_equity_is_too_high() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/golden");
        if !folder.is_dir() {
            eprintln!("skipped: no golden folder beside the repository");
            return;
        }
        let params = json!({
            "data": "data/btc_8h_spot_perp_funding_binance.csv",
            "capital": 1_000_000,
            "spot_fee": 0.000_75,
            "futures_fee": 0.000_35,
        });
        let question = Question {
            folder: &folder,
            id: "carry_ma120_binance",
            metric: "carry_ma120_binance",
            input: "",
            params: params.as_object().unwrap(),
        };
        let answer = moving_average_carry(&question).unwrap();
        for (key, expected) in
            [("total_equity", 2_168_862.71), ("total_equity_corrected", 1_450_084.82)]
        {
            let found = answer[key].as_f64().unwrap();
            assert!((found - expected).abs() <= 0.005, "{key}: {found}");
        }
    }
}
