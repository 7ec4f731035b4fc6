//! Isolated and cross margin of an account.
//!
//! A leg's initial margin is its value over its leverage, its maintenance margin that of its
//! ladder, its unrealised profit `s Q (P - E)`, or `s n (1 / E - 1 / P)` in the coin. In isolated
//! margin each leg's equity is its own margin plus its profit, and spot takes its full value. In
//! cross margin the equity is the wallet plus all profit plus what coins count for, and the
//! requirement the sum over all legs, both legs of a hedge included.
//!
//! Where the venue counts the fee of a liquidation as margin (OKX: equity over maintenance margin
//! and fee), `fee * notional` is added to the maintenance margin in the ratio and in the
//! distance to liquidation, and stands apart in the results.

use std::collections::BTreeMap;

use plimsoll_market::Timestamp;

use crate::contract::ContractKind;
use crate::error::{VenueError, check_finite};
use crate::ladder::initial_margin;
use crate::liquidation::{BracketAt, LiquidationInputs, NoLiquidationPrice};
use crate::margin::checks::check_account;
use crate::margin::distance::{
    UnderlyingLiquidation, isolated_liquidation_price, set_cross_distances, with_fee,
};
use crate::margin::rules::{MarginPrice, MarginRules};
use crate::margin::{Account, AccountCurrency, Leg};

/// The margin of an account in one mode, in the account's currency.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountMargin {
    /// One entry for each leg, in the account's order.
    pub legs: Vec<LegMargin>,
    /// Sum of the worth of all contracts, without sign.
    pub notional: f64,
    /// Sum of the unrealised profit of contracts.
    pub unrealised_pnl: f64,
    /// Worth of the spot legs.
    pub spot_value: f64,
    /// What coins count for: spot at its full value in isolated margin; less the haircut,
    /// together with the profit of inverse legs, in cross margin.
    pub coin_collateral: f64,
    /// Sum of initial margins; in isolated margin with the full value of spot.
    pub initial_margin: f64,
    /// Sum of maintenance margins.
    pub maintenance_margin: f64,
    /// Fee of liquidating everything, where the venue counts it as margin; else 0.
    pub liquidation_fee: f64,
    /// Wallet, profit and coins as far as they count.
    pub equity: f64,
    /// Equity less initial margin; negative if the account could not open what it holds.
    pub free_collateral: f64,
    /// Maintenance margin and liquidation fee over equity; liquidation at 1. OKX shows one over
    /// it.
    pub margin_ratio: Result<f64, NoMarginRatio>,
    /// Whether the venue liquidates at these marks: the account, or any leg if isolated.
    pub is_liquidatable: bool,
    /// Cross margin: by underlying, what liquidates if all its legs move together. Empty in
    /// isolated margin, and without contracts.
    pub underlyings: Vec<UnderlyingLiquidation>,
    /// What a reader has to know.
    pub notes: Vec<String>,
}

/// One leg of [`AccountMargin`], in the account's currency.
#[derive(Clone, Debug, PartialEq)]
pub struct LegMargin {
    /// Worth at the mark, without sign.
    pub notional: f64,
    /// Unrealised profit at the mark.
    pub unrealised_pnl: f64,
    /// Value over leverage, at the price that the venue takes it at; in isolated margin the full
    /// value of spot, in cross margin 0 for spot.
    pub initial_margin: f64,
    /// What the ladder asks of the leg; 0 for spot.
    pub maintenance_margin: f64,
    /// Fee of liquidating the leg, where the venue counts it as margin; else 0.
    pub liquidation_fee: f64,
    /// Greatest leverage that the leg's bracket grants at the mark; `None` for spot.
    pub leverage_cap: Option<f64>,
    /// Whether the leverage is within that cap, and the size within the brackets. Otherwise an
    /// order for it is refused or, where not all brackets are known, may be.
    pub leverage_is_allowed: bool,
    /// Whether the size at the mark is above the top bracket.
    pub exceeds_top: bool,
    /// Isolated margin: the leg's own margin plus its profit. `None` in cross margin.
    pub equity: Option<f64>,
    /// Isolated margin: that equity less the initial margin. `None` in cross margin.
    pub free_collateral: Option<f64>,
    /// Isolated margin: maintenance margin and fee over the leg's equity. In cross margin over the
    /// account's, so that the legs add up to the account's ratio.
    pub margin_ratio: Result<f64, NoMarginRatio>,
    /// Isolated margin: the mark at which the leg is liquidated. Cross margin: the leg's mark at
    /// which the account is, all legs of the underlying moved together against its net exposure;
    /// the present mark where liquidation is due.
    pub liquidation_price: Result<f64, NoDistance>,
    /// How far the mark is from there, a fraction of the mark; at or below 0 where liquidation is
    /// due.
    pub liquidation_distance_fraction: Result<f64, NoDistance>,
}

/// Why there is no margin ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoMarginRatio {
    /// The equity is 0 or below.
    NoEquity,
    /// In isolated margin each leg has a ratio of its own.
    EachLegAlone,
}

impl std::fmt::Display for NoMarginRatio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::NoEquity => "there is no equity left",
            Self::EachLegAlone => "in isolated margin each leg has its own",
        })
    }
}

/// Why a leg has no liquidation price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoDistance {
    /// Spot is not liquidated.
    Spot,
    /// As the single position's formula says.
    Price(NoLiquidationPrice),
    /// The leg, or in cross margin another of its underlying, is settled in a coin while the
    /// account is kept in the quote currency, so that profit and requirement move with the price in
    /// a way that the formula does not have.
    SettledInCoin,
    /// Cross margin: no fall of the underlying's price that leaves it above zero.
    NoFall,
    /// Cross margin: no rise of the underlying's price.
    NoRise,
}

impl std::fmt::Display for NoDistance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Spot => f.pad("spot is not liquidated"),
            Self::Price(reason) => reason.fmt(f),
            Self::SettledInCoin => f.pad("a leg of this coin is settled in it, the account is not"),
            Self::NoFall => f.pad("no fall to above zero liquidates the account"),
            Self::NoRise => f.pad("no rise liquidates the account"),
        }
    }
}

/// The account with each leg on margin of its own.
///
/// # Errors
/// [`VenueError::BadLeg`], [`VenueError::UnsupportedLeg`], [`VenueError::BadInput`] or
/// [`VenueError::BeforeMarginRules`].
pub fn isolated_margin(
    account: &Account<'_>,
    rules: &MarginRules,
    at: Timestamp,
) -> Result<AccountMargin, VenueError> {
    check_account(account, rules)?;
    let valuation = rules.valuation(at)?;
    let prices = (valuation.isolated_initial, valuation.isolated_maintenance);
    let mut result = AccountMargin::empty();
    result.notes.extend(rules.valuation_note(at));
    let mut set_aside = 0.0;
    for (leg_idx, leg) in account.legs.iter().enumerate() {
        let mut margin = leg_margin(leg_idx, leg, account, rules, prices)?;
        if leg.kind.is_spot() {
            margin.initial_margin = margin.notional;
            margin.equity = Some(margin.notional);
            margin.free_collateral = Some(0.0);
            margin.margin_ratio = Ok(0.0);
        } else {
            let own = own_margin(leg, account);
            set_aside += own;
            let equity = own + margin.unrealised_pnl;
            let required = margin.maintenance_margin + margin.liquidation_fee;
            margin.equity = Some(equity);
            margin.free_collateral = Some(equity - margin.initial_margin);
            margin.margin_ratio = ratio(required, equity);
            result.is_liquidatable |= is_liquidatable(required, equity, rules);
            margin.set_isolated_distance(leg, account, rules, prices.1, own)?;
        }
        result.add(leg, margin);
    }
    result.coin_collateral = result.spot_value;
    result.equity = account.wallet_balance + result.unrealised_pnl + result.spot_value;
    result.free_collateral = result.equity - result.initial_margin;
    result.margin_ratio = Err(NoMarginRatio::EachLegAlone);
    if set_aside > account.wallet_balance {
        let short = set_aside - account.wallet_balance;
        result.notes.push(format!(
            "The margins of all legs are {set_aside}, {short} more than the wallet holds."
        ));
    }
    result.finish(account)
}

/// The account with everything behind every leg.
///
/// # Errors
/// As [`isolated_margin`].
pub fn cross_margin(
    account: &Account<'_>,
    rules: &MarginRules,
    at: Timestamp,
) -> Result<AccountMargin, VenueError> {
    check_account(account, rules)?;
    let valuation = rules.valuation(at)?;
    let prices = (valuation.cross_initial, valuation.cross_maintenance);
    let mut result = AccountMargin::empty();
    result.notes.extend(rules.valuation_note(at));
    for (leg_idx, leg) in account.legs.iter().enumerate() {
        let margin = leg_margin(leg_idx, leg, account, rules, prices)?;
        result.add(leg, margin);
    }
    let (counted_pnl, coin_collateral, notes) = collateral(account, rules);
    result.notes.extend(notes);
    result.coin_collateral = coin_collateral;
    result.equity = account.wallet_balance + counted_pnl + coin_collateral;
    result.free_collateral = result.equity - result.initial_margin;
    let required = result.maintenance_margin + result.liquidation_fee;
    result.margin_ratio = ratio(required, result.equity);
    result.is_liquidatable =
        result.notional > 0.0 && is_liquidatable(required, result.equity, rules);
    let equity = result.equity;
    for margin in &mut result.legs {
        margin.margin_ratio = ratio(margin.maintenance_margin + margin.liquidation_fee, equity);
    }
    set_cross_distances(&mut result, account, rules, prices.1)?;
    result.finish(account)
}

/// Unrealised profit that counts as cash, what coins count for, and notes.
///
/// In a quote account spot and the profit of inverse legs make up one balance for each coin.
pub(crate) fn collateral(account: &Account<'_>, rules: &MarginRules) -> (f64, f64, Vec<String>) {
    let mut cash = 0.0;
    let mut coins: BTreeMap<&str, f64> = BTreeMap::new();
    let mut notes = Vec::new();
    let mut has_spot = false;
    for leg in account.legs {
        let is_coin = account.currency == AccountCurrency::Quote
            && (leg.kind.is_spot() || leg.kind.contract() == ContractKind::Inverse);
        if !is_coin {
            cash += unrealised_pnl(leg, account);
        } else if leg.kind.is_spot() {
            has_spot = true;
            if rules.spot_is_collateral() {
                *coins.entry(leg.underlying).or_default() += leg.quote_notional();
            }
        } else {
            *coins.entry(leg.underlying).or_default() += unrealised_pnl(leg, account);
        }
    }
    if has_spot && !rules.spot_is_collateral() {
        notes.push(format!("Spot is no collateral at {}.", rules.title()));
    }
    let mut counted = 0.0;
    for (coin, value) in coins {
        let haircut = account.collateral_haircuts.iter().find(|(name, _)| *name == coin);
        counted += match haircut {
            _ if value <= 0.0 => value,
            Some((_, haircut)) => {
                notes.push(format!(
                    "{coin} counts as collateral with a haircut of {haircut}, as given by the caller."
                ));
                value * (1.0 - haircut)
            }
            None => {
                notes.push(format!(
                    "{coin} does not count as collateral, since no haircut is given: no venue's is in the tables."
                ));
                0.0
            }
        };
    }
    (cash, counted, notes)
}

/// Unrealised profit of a leg in the account's currency; that of spot is for information.
pub(crate) fn unrealised_pnl(leg: &Leg<'_>, account: &Account<'_>) -> f64 {
    let contract = leg.kind.contract();
    contract.unrealised_pnl(leg.side, leg.quantity, leg.entry_price, leg.mark_price)
        * in_account_currency(leg, account)
}

/// Requirement over equity.
pub(crate) fn ratio(required: f64, equity: f64) -> Result<f64, NoMarginRatio> {
    let ratio = required / equity;
    if equity > 0.0 && ratio.is_finite() { Ok(ratio) } else { Err(NoMarginRatio::NoEquity) }
}

pub(crate) fn is_liquidatable(required: f64, equity: f64, rules: &MarginRules) -> bool {
    equity < required || (rules.policy().liquidates_at_equality && equity <= required)
}

impl AccountMargin {
    fn empty() -> Self {
        Self {
            legs: Vec::new(),
            notional: 0.0,
            unrealised_pnl: 0.0,
            spot_value: 0.0,
            coin_collateral: 0.0,
            initial_margin: 0.0,
            maintenance_margin: 0.0,
            liquidation_fee: 0.0,
            equity: 0.0,
            free_collateral: 0.0,
            margin_ratio: Err(NoMarginRatio::NoEquity),
            is_liquidatable: false,
            underlyings: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn add(&mut self, leg: &Leg<'_>, margin: LegMargin) {
        if leg.kind.is_spot() {
            self.spot_value += margin.notional;
        } else {
            self.notional += margin.notional;
            self.unrealised_pnl += margin.unrealised_pnl;
        }
        self.initial_margin += margin.initial_margin;
        self.maintenance_margin += margin.maintenance_margin;
        self.liquidation_fee += margin.liquidation_fee;
        self.legs.push(margin);
    }

    /// Adds the notes on leverage and refuses sums that ran out of range.
    fn finish(mut self, account: &Account<'_>) -> Result<Self, VenueError> {
        for (leg, margin) in account.legs.iter().zip(&self.legs) {
            let Some(cap) = margin.leverage_cap.filter(|_| !margin.leverage_is_allowed) else {
                continue;
            };
            let Leg { symbol, leverage, .. } = leg;
            self.notes.push(if *leverage > cap {
                format!(
                    "{symbol}: a leverage of {leverage} is above {cap}, the greatest for a position of this size; an order for it would be refused."
                )
            } else if leg.ladder.is_some_and(|ladder| !ladder.is_complete()) {
                format!(
                    "{symbol}: the size is above the brackets that are known; whether it may be held at a leverage of {leverage} is not."
                )
            } else {
                format!(
                    "{symbol}: the size is above the top bracket; an order for it would be refused at any leverage."
                )
            });
        }
        check_finite("equity", self.equity)?;
        check_finite("free_collateral", self.free_collateral)?;
        check_finite("maintenance_margin", self.maintenance_margin + self.liquidation_fee)?;
        check_finite("notional", self.notional + self.spot_value)?;
        Ok(self)
    }
}

impl LegMargin {
    /// Finds the liquidation price of a leg with margin of its own.
    fn set_isolated_distance(
        &mut self,
        leg: &Leg<'_>,
        account: &Account<'_>,
        rules: &MarginRules,
        maintenance_at: MarginPrice,
        own_margin: f64,
    ) -> Result<(), VenueError> {
        let contract = leg.kind.contract();
        let is_foreign =
            account.currency == AccountCurrency::Quote && contract == ContractKind::Inverse;
        let Some(ladder) = leg.ladder.filter(|_| !is_foreign) else {
            self.liquidation_price = Err(NoDistance::SettledInCoin);
            self.liquidation_distance_fraction = Err(NoDistance::SettledInCoin);
            return Ok(());
        };
        let inputs =
            LiquidationInputs::isolated(leg.side, leg.quantity, leg.entry_price, own_margin)
                .in_units_of(contract);
        let ladder = with_fee(ladder, account, rules)?;
        let at = BracketAt::Liquidation;
        let found = isolated_liquidation_price(&inputs, &ladder, at, maintenance_at)?;
        let unit_price =
            found.price.ok_or(found.reason.unwrap_or(NoLiquidationPrice::NoPriceLiquidates));
        // An inverse contract's price is one over its unit's; both are out of reach together.
        let found = unit_price.map_err(NoDistance::Price).and_then(|unit| {
            let price = contract.unit_value(unit);
            if price.is_finite() && price > 0.0 {
                Ok(price)
            } else {
                Err(NoDistance::Price(NoLiquidationPrice::NoPriceLiquidates))
            }
        });
        self.liquidation_price = found;
        self.liquidation_distance_fraction =
            found.map(|price| leg.side.sign() * (1.0 - price / leg.mark_price));
        Ok(())
    }
}

/// What does not depend on what stands behind a leg.
fn leg_margin(
    leg_idx: usize,
    leg: &Leg<'_>,
    account: &Account<'_>,
    rules: &MarginRules,
    (initial_at, maintenance_at): (MarginPrice, MarginPrice),
) -> Result<LegMargin, VenueError> {
    let contract = leg.kind.contract();
    let currency = in_account_currency(leg, account);
    let value_at = |price| contract.value(leg.quantity, price) * currency;
    let mut margin = LegMargin {
        notional: value_at(leg.mark_price),
        unrealised_pnl: unrealised_pnl(leg, account),
        initial_margin: 0.0,
        maintenance_margin: 0.0,
        liquidation_fee: 0.0,
        leverage_cap: None,
        leverage_is_allowed: true,
        exceeds_top: false,
        equity: None,
        free_collateral: None,
        margin_ratio: Err(NoMarginRatio::NoEquity),
        liquidation_price: Err(NoDistance::Spot),
        liquidation_distance_fraction: Err(NoDistance::Spot),
    };
    if leg.kind.is_spot() {
        return Ok(margin);
    }
    let ladder = leg.ladder.ok_or_else(|| VenueError::UnsupportedLeg {
        leg_idx,
        symbol: leg.symbol.to_owned(),
        rule: "a contract needs the brackets of its symbol".to_owned(),
    })?;
    let unit = |price: MarginPrice| contract.unit_value(price.of(leg.entry_price, leg.mark_price));
    let size = ladder.size(leg.quantity, unit(MarginPrice::Mark));
    let cap = ladder.leverage_max(size);
    margin.initial_margin =
        initial_margin(leg.quantity * unit(initial_at) * currency, leg.leverage);
    margin.maintenance_margin =
        ladder.maintenance_margin(leg.quantity, unit(maintenance_at)) * currency;
    if rules.policy().fee_in_ratio {
        margin.liquidation_fee = margin.notional * account.taker_fee_fraction;
    }
    margin.leverage_cap = Some(cap);
    margin.exceeds_top = ladder.exceeds_top(size);
    margin.leverage_is_allowed = leg.leverage <= cap && !margin.exceeds_top;
    Ok(margin)
}

/// The margin that an isolated leg has: the one stated, or the initial margin of its entry value.
fn own_margin(leg: &Leg<'_>, account: &Account<'_>) -> f64 {
    leg.isolated_margin.unwrap_or_else(|| {
        let contract = leg.kind.contract();
        initial_margin(contract.value(leg.quantity, leg.entry_price), leg.leverage)
            * in_account_currency(leg, account)
    })
}

/// What one unit of a leg's settlement currency is worth in the account's: an inverse leg of a
/// quote account is valued at its mark.
fn in_account_currency(leg: &Leg<'_>, account: &Account<'_>) -> f64 {
    match (account.currency, leg.kind.contract()) {
        (AccountCurrency::Quote, ContractKind::Inverse) => leg.mark_price,
        _ => 1.0,
    }
}
