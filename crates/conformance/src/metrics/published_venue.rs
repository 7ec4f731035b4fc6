//! Published worked examples of accounts and books at a venue.

use plimsoll_market::Side;
use plimsoll_venue::adl::{AdlAccount, AdlPolicy, AdlState, EndowmentRule, allocate};
use plimsoll_venue::{
    BookLevel, LiquidationInputs, bankruptcy_price, funding_payment, liquidation_price_at_rate,
    walk_book,
};
use serde_json::{Map, Value, json};

use super::published::{numbers, printed};
use crate::question::{Answer, Failure, Question, number_of, numbers_of, object};

/// The rate of the example's text.
const MAINTENANCE_MARGIN_RATE: f64 = 0.10;

/// A position of the example, opened at the first mark.
struct Account<'a> {
    name: &'a str,
    side: Side,
    quantity: f64,
    cash: f64,
}

impl Account<'_> {
    fn inputs(&self, entry: f64) -> LiquidationInputs {
        LiquidationInputs::isolated(self.side, self.quantity, entry, self.cash)
    }

    fn unrealised_pnl(&self, entry: f64, mark: f64) -> f64 {
        self.side.sign() * self.quantity * (mark - entry)
    }
}

/// The same deficit covered by a queue, in the order given, and in proportion to profits.
pub(super) fn queue_and_pro_rata(question: &Question<'_>) -> Answer {
    let (equity, pnl) = (numbers(question, "equity")?, numbers(question, "pnl")?);
    let order = numbers(question, "queue_order_1based")?;
    if [pnl.len(), order.len()] != [equity.len(); 2] {
        return Err(Failure::Input("`equity`, `pnl` and the order differ in length".to_owned()));
    }
    let accounts = equity
        .iter()
        .zip(&pnl)
        .enumerate()
        .map(|(row, (&equity, &pnl))| {
            let named = (row + 1) as f64;
            let place = order.iter().position(|place| (place - named).abs() < 0.5);
            let place = place
                .ok_or_else(|| Failure::Input(format!("the order leaves account {named} out")))?;
            // The first in the queue has the highest score.
            Ok(AdlAccount { equity, pnl, score: -(place as f64), ..AdlAccount::default() })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let state = AdlState::new(accounts, EndowmentRule::Pnl)?;
    let budget = state.budget(question.number("severity")?)?;
    let queue = allocate(&state, &AdlPolicy::Queue, budget)?;
    let pro_rata = allocate(&state, &AdlPolicy::ProRata, budget)?;
    Ok(json!({
        "deficit": state.deficit(),
        "budget": budget,
        "endowment": state.endowments(),
        "queue_seized": queue.seized,
        "queue_haircut": queue.haircuts,
        "queue_equity_after": queue.equity_after(&state),
        "prorata_haircut": pro_rata.haircuts.iter().copied().fold(0.0, f64::max),
        "prorata_seized": pro_rata.seized,
        "prorata_equity_after": pro_rata.equity_after(&state),
    }))
}

/// Five accounts through two settlements. Longs receive `gamma_t = L / S - p_t / oracle_t` of their
/// notional, `L / S` being the quantity held long over the one held short.
pub(super) fn running_example(question: &Question<'_>) -> Answer {
    let accounts = accounts(question)?;
    let (marks, oracles) = (numbers(question, "mark")?, numbers(question, "oracle")?);
    let ([entry, middle, last], [_, oracle_middle, oracle_last]) =
        (marks.as_slice(), oracles.as_slice())
    else {
        return Err(Failure::Input("`mark` and `oracle` have to hold three prices".to_owned()));
    };
    let of_side = |side: Side| {
        accounts.iter().filter(|a| a.side == side).map(|account| account.quantity).sum::<f64>()
    };
    let long_short = of_side(Side::Long) / of_side(Side::Short);
    let funding_at = |mark: f64, oracle: f64| -> Vec<f64> {
        // The venue's rate has the other sign: positive is paid by longs.
        let rate = mark / oracle - long_short;
        accounts.iter().map(|a| funding_payment(a.side, a.quantity, mark, rate)).collect()
    };
    let funding_1 = funding_at(*middle, *oracle_middle);
    let funding_2 = funding_at(*last, *oracle_last);
    let each = |value: &dyn Fn(usize, &Account<'_>) -> f64| -> Vec<f64> {
        accounts.iter().enumerate().map(|(row, account)| value(row, account)).collect()
    };
    let pnl_1 = each(&|row, a| a.unrealised_pnl(*entry, *middle) + funding_1[row]);
    let pnl_2 = each(&|row, a| a.unrealised_pnl(*entry, *last) + funding_1[row] + funding_2[row]);
    let equity_1 = each(&|row, a| a.cash + pnl_1[row]);
    let equity_2 = each(&|row, a| a.cash + pnl_2[row]);
    let open_interest =
        |mark: f64| accounts.iter().map(|account| account.quantity * mark).sum::<f64>();
    // The example prints these leverages to three decimals, all else to four.
    let solvent = accounts.iter().enumerate().filter(|(row, _)| equity_2[*row] > 0.0);
    let insolvent = accounts.iter().enumerate().filter(|(row, account)| {
        equity_1[*row] <= MAINTENANCE_MARGIN_RATE * middle * account.quantity
    });
    let mut bankruptcies = Vec::with_capacity(accounts.len());
    let mut liquidations = Vec::with_capacity(accounts.len());
    for account in &accounts {
        let inputs = account.inputs(*entry);
        bankruptcies.push(bankruptcy_price(&inputs)?.unwrap_or(0.0));
        let price = liquidation_price_at_rate(&inputs, MAINTENANCE_MARGIN_RATE, 0.0)?;
        // The example writes 0 where no price above it liquidates.
        liquidations.push(price.max(0.0));
    }
    Ok(json!({
        "leverage_0": each(&|_, a| a.quantity * entry / a.cash),
        "leverage_1": each(&|_, a| a.quantity * middle / a.cash),
        "open_interest": [open_interest(*entry), open_interest(*middle)],
        "winner_leverage_2": object(
            solvent.map(|(row, a)| (a.name, json!(printed(a.quantity * last / equity_2[row], 3)))),
        ),
        "maintenance_insolvent_at_1": insolvent.map(|(_, a)| a.name).collect::<Vec<_>>(),
        "funding_1": funding_1,
        "funding_2": funding_2,
        "pnl_0_1": pnl_1,
        "pnl_0_2": pnl_2,
        "equity_1": equity_1,
        "equity_2": equity_2,
        "bankruptcy_price": bankruptcies,
        "liquidation_price": liquidations,
    }))
}

/// A market order through the asks of a book.
pub(super) fn book_walk(question: &Question<'_>) -> Answer {
    let wrong = || Failure::Input("`asks` is not a list of prices with quantities".to_owned());
    let asks = question.params.get("asks").and_then(Value::as_array).ok_or_else(wrong)?;
    let mut levels = Vec::with_capacity(asks.len());
    for ask in asks {
        let [price, quantity] = numbers_of("asks", ask)?[..] else { return Err(wrong()) };
        levels.push(BookLevel { price, quantity });
    }
    let fill = walk_book(Side::Long, &levels, question.number("buy")?)?;
    Ok(json!({"notional": fill.notional, "vwap": fill.average_price()}))
}

fn accounts<'a>(question: &Question<'a>) -> Result<Vec<Account<'a>>, Failure> {
    let missing = || Failure::Input("`inputs` has no object `positions`".to_owned());
    let positions = question.params.get("positions").and_then(Value::as_object);
    let positions: &Map<String, Value> = positions.ok_or_else(missing)?;
    let mut accounts = Vec::with_capacity(positions.len());
    for (name, position) in positions {
        let field = |key: &str| fraction(key, position.get(key).unwrap_or(&Value::Null));
        let side = if field("side")? > 0.0 { Side::Long } else { Side::Short };
        accounts.push(Account { name, side, quantity: field("q")?, cash: field("c")? });
    }
    Ok(accounts)
}

/// A number, or a text such as `2/3`.
fn fraction(name: &str, value: &Value) -> Result<f64, Failure> {
    let Some((part, whole)) = value.as_str().and_then(|text| text.split_once('/')) else {
        return number_of(name, value);
    };
    let number = |text: &str| {
        let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| Failure::Input(format!("`{name}` is {value}, not a fraction")))
    };
    Ok(number(part)? / number(whole)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn fractions_are_read() {
        for (value, expected) in
            [(json!(2), 2.0), (json!("2/3"), 2.0 / 3.0), (json!("1 / 4"), 0.25)]
        {
            assert!((fraction("c", &value).unwrap() - expected).abs() < 1e-15);
        }
        for value in [json!("2"), json!("a/b"), json!(null), json!("1/")] {
            assert!(fraction("c", &value).is_err(), "{value}");
        }
    }
}
