//! What is asked of an account before anything is computed.

use crate::contract::ContractKind;
use crate::error::{VenueError, check, check_finite};
use crate::margin::rules::MarginRules;
use crate::margin::{Account, AccountCurrency, Leg, LegKind};

/// Refuses accounts that the venue cannot have, and numbers out of range.
pub(crate) fn check_account(account: &Account<'_>, rules: &MarginRules) -> Result<(), VenueError> {
    check_finite("wallet_balance", account.wallet_balance)?;
    let fee = account.taker_fee_fraction;
    check("taker_fee_fraction", fee, (0.0..1.0).contains(&fee), "0 or above and below 1")?;
    for (idx, &(coin, haircut)) in account.collateral_haircuts.iter().enumerate() {
        let holds = (0.0..=1.0).contains(&haircut);
        check("collateral_haircuts", haircut, holds, "fractions from 0 to 1")?;
        check("collateral_haircuts", haircut, !coin.is_empty(), "each for a coin that is named")?;
        let is_first = account.collateral_haircuts[..idx].iter().all(|(other, _)| *other != coin);
        check("collateral_haircuts", haircut, is_first, "one for each coin")?;
    }
    for (leg_idx, leg) in account.legs.iter().enumerate() {
        check_numbers(leg_idx, leg)?;
        check_place(leg_idx, leg, account, rules)?;
    }
    Ok(())
}

fn check_numbers(leg_idx: usize, leg: &Leg<'_>) -> Result<(), VenueError> {
    let bad = |name, value, rule| {
        let symbol = leg.symbol.to_owned();
        Err(VenueError::BadLeg { leg_idx, symbol, name, value, rule })
    };
    for (name, value) in [
        ("quantity", leg.quantity),
        ("entry_price", leg.entry_price),
        ("mark_price", leg.mark_price),
    ] {
        if !(value > 0.0 && value.is_finite()) {
            return bad(name, value, "a finite number above 0");
        }
    }
    if !(leg.leverage >= 1.0 && leg.leverage.is_finite()) {
        return bad("leverage", leg.leverage, "1 or above");
    }
    if let Some(margin) = leg.isolated_margin
        && !margin.is_finite()
    {
        return bad("isolated_margin", margin, "a finite number");
    }
    if let LegKind::Future { expiry_years, .. } = leg.kind
        && !(expiry_years >= 0.0 && expiry_years.is_finite())
    {
        return bad("expiry_years", expiry_years, "a finite number, 0 or above");
    }
    for price in [leg.entry_price, leg.mark_price] {
        let value = leg.kind.contract().value(leg.quantity, price);
        if !(value > 0.0 && value.is_finite()) {
            return bad("notional", value, "a finite number above 0");
        }
    }
    Ok(())
}

fn check_place(
    leg_idx: usize,
    leg: &Leg<'_>,
    account: &Account<'_>,
    rules: &MarginRules,
) -> Result<(), VenueError> {
    let unsupported = |rule: String| {
        Err(VenueError::UnsupportedLeg { leg_idx, symbol: leg.symbol.to_owned(), rule })
    };
    let is_inverse = leg.kind.contract() == ContractKind::Inverse;
    if is_inverse && !rules.policy().inverse_contracts {
        return unsupported(format!("{} has no inverse contracts", rules.title()));
    }
    if leg.kind.is_spot() && leg.side.sign() < 0.0 {
        return unsupported("spot is owned, so that its side is long".to_owned());
    }
    match account.currency {
        AccountCurrency::Quote => Ok(()),
        AccountCurrency::Coin(coin) if is_inverse && leg.underlying == coin => Ok(()),
        AccountCurrency::Coin(coin) => {
            unsupported(format!("an account kept in {coin} holds inverse contracts of {coin} only"))
        }
    }
}
