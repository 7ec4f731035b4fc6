//! The venues' own liquidation formulas, with the rate given instead of looked up.
//!
//! They answer "what does the exchange's page say"; a replay uses
//! [`liquidation_price`](crate::liquidation_price), which finds the bracket itself.

use plimsoll_market::Side;

use crate::error::{VenueError, check, check_finite, check_not_negative, check_positive};
use crate::liquidation::{LiquidationInputs, root_of_line};

/// Binance's one-way formula with rate and deduction given:
/// `(WB - TMM + UPNL + cum - s Q E) / (Q mmr - s Q)`. A price of zero or below means that no
/// price liquidates a long. (Binance FAQ b3c689c1.)
///
/// # Errors
/// [`VenueError::BadInput`] as [`liquidation_price`](crate::liquidation_price), or for a rate outside `[0, 1)`.
pub fn liquidation_price_at_rate(
    inputs: &LiquidationInputs,
    maintenance_margin_rate: f64,
    maintenance_deduction: f64,
) -> Result<f64, VenueError> {
    inputs.check()?;
    check_rate(maintenance_margin_rate)?;
    check_finite("maintenance_deduction", maintenance_deduction)?;
    Ok(root_of_line(inputs, maintenance_margin_rate, maintenance_deduction))
}

/// One leg of a symbol in hedge mode, or its one-way position. A quantity of 0 means none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HedgeLeg {
    /// Size in base units, 0 or above.
    pub quantity: f64,
    /// Average entry price.
    pub entry_price: f64,
    /// Rate of the leg's bracket.
    pub maintenance_margin_rate: f64,
    /// Deduction of the leg's bracket.
    pub maintenance_deduction: f64,
}

/// Binance's hedge-mode formula, both legs on one symbol in cross margin:
/// `(WB - TMM + UPNL + cumL + cumS - QL EL + QS ES) / (QL mmrL + QS mmrS - QL + QS)`.
/// `margin_balance` is wallet less the other symbols' maintenance margin plus their unrealised
/// profit. `None` where the legs cancel, or where the price is not above zero. (Binance FAQ
/// b3c689c1, without its one-way leg, which hedge mode does not have.)
///
/// # Errors
/// [`VenueError::BadInput`] for a number that is not finite, a negative quantity or a rate outside
/// `[0, 1)`.
pub fn hedge_liquidation_price(
    margin_balance: f64,
    long: &HedgeLeg,
    short: &HedgeLeg,
) -> Result<Option<f64>, VenueError> {
    check_finite("margin_balance", margin_balance)?;
    for leg in [long, short] {
        check_not_negative("quantity", leg.quantity)?;
        check_not_negative("entry_price", leg.entry_price)?;
        check_rate(leg.maintenance_margin_rate)?;
        check_finite("maintenance_deduction", leg.maintenance_deduction)?;
    }
    let numerator = margin_balance + long.maintenance_deduction + short.maintenance_deduction
        - long.quantity * long.entry_price
        + short.quantity * short.entry_price;
    let slope = long.quantity * (long.maintenance_margin_rate - 1.0)
        + short.quantity * (short.maintenance_margin_rate + 1.0);
    let price = numerator / slope;
    Ok((price > 0.0 && price.is_finite()).then_some(price))
}

/// A position as Hyperliquid's formula sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HyperliquidInputs {
    /// Direction of the position.
    pub side: Side,
    /// Size in base units, above 0.
    pub quantity: f64,
    /// Any one price at which `margin_available` is taken.
    pub price: f64,
    /// Isolated margin or account value, less maintenance margin, both at `price`.
    pub margin_available: f64,
    /// Greatest leverage of the tier that holds the notional at the liquidation price.
    pub leverage_max: f64,
}

/// Hyperliquid's formula: `P - s * margin_available / Q / (1 - l s)` with
/// `l = 1 / (2 * leverage_max)`. (Hyperliquid docs, Liquidations.) A price of zero or below means
/// that no price liquidates a long.
///
/// # Errors
/// [`VenueError::BadInput`] for a quantity or price that is not above 0, a leverage below 1 or a
/// margin that is not finite.
pub fn hyperliquid_liquidation_price(inputs: &HyperliquidInputs) -> Result<f64, VenueError> {
    check_positive("quantity", inputs.quantity)?;
    check_positive("price", inputs.price)?;
    check_finite("margin_available", inputs.margin_available)?;
    let leverage = inputs.leverage_max;
    check("leverage_max", leverage, leverage >= 1.0 && leverage.is_finite(), "1 or above")?;
    let sign = inputs.side.sign();
    let rate = 0.5 / leverage;
    Ok(inputs.price - sign * inputs.margin_available / inputs.quantity / (1.0 - rate * sign))
}

/// Bybit's isolated formula for linear contracts, `E - s (IM - MM + extra) / Q`, the maintenance
/// margin at the entry value. The inputs' wallet is `IM + extra`: initial margin `Q E / leverage`,
/// plus margin added or less funding taken from it. The taker fee that pages of 2026 include is
/// left out, a difference of a few basis points.
///
/// # Errors
/// [`VenueError::BadInput`] for inputs out of range.
pub fn bybit_isolated_liquidation_price(
    inputs: &LiquidationInputs,
    maintenance_margin: f64,
) -> Result<f64, VenueError> {
    inputs.check()?;
    check_finite("maintenance_margin", maintenance_margin)?;
    let available = inputs.margin_balance() - maintenance_margin;
    Ok(inputs.entry_price - inputs.side.sign() * available / inputs.quantity)
}

/// A long of an inverse contract in a cross account, margined and settled in the base coin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InverseLong {
    /// Contracts of one US dollar.
    pub contracts: f64,
    /// Average entry price in US dollars.
    pub entry_price: f64,
    /// Balance in the base coin.
    pub wallet_balance: f64,
    /// Taker fee, a fraction of the value.
    pub taker_fee_fraction: f64,
    /// Maintenance margin rate at the entry value.
    pub maintenance_margin_rate: f64,
}

impl InverseLong {
    /// The price at which closing, fee included, uses up the balance:
    /// `n (1 + f) / (W + n / E)`. (Bybit help 360039261334.)
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for inputs out of range.
    pub fn bankruptcy_price(&self) -> Result<f64, VenueError> {
        check_positive("contracts", self.contracts)?;
        check_positive("entry_price", self.entry_price)?;
        check_not_negative("wallet_balance", self.wallet_balance)?;
        check_rate(self.taker_fee_fraction)?;
        check_rate(self.maintenance_margin_rate)?;
        Ok(self.contracts * (1.0 + self.taker_fee_fraction)
            / (self.wallet_balance + self.contracts / self.entry_price))
    }

    /// The liquidation price, `n / (W + n / E - n f / B - mmr n / E)` with the bankruptcy price
    /// `B`; `None` where the margin does not last at any price. (Bybit help 360039261334.)
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for inputs out of range.
    pub fn liquidation_price(&self) -> Result<Option<f64>, VenueError> {
        let entry_value = self.contracts / self.entry_price;
        let closing_fee = self.contracts * self.taker_fee_fraction / self.bankruptcy_price()?;
        let value = self.wallet_balance + entry_value
            - closing_fee
            - self.maintenance_margin_rate * entry_value;
        Ok((value > 0.0).then(|| self.contracts / value))
    }
}

/// OKX's isolated formula for linear contracts: `(E - s margin / Q) / (1 - s (mmr + taker fee))`.
/// The tier's rate applies to the whole position, without a deduction.
///
/// # Errors
/// [`VenueError::BadInput`] for inputs out of range.
pub fn okx_isolated_liquidation_price(
    inputs: &LiquidationInputs,
    maintenance_margin_rate: f64,
    taker_fee_fraction: f64,
) -> Result<f64, VenueError> {
    inputs.check()?;
    let rate = maintenance_margin_rate + taker_fee_fraction;
    check_rate(rate)?;
    let sign = inputs.side.sign();
    let bankrupt_at = inputs.entry_price - sign * inputs.margin_balance() / inputs.quantity;
    Ok(bankrupt_at / (1.0 - sign * rate))
}

/// The linear approximation `E (1 - s (margin / (Q E) - mmr))`, which takes the maintenance
/// margin on the entry notional. **Inexact**: for a short it puts liquidation farther away than
/// it is. For comparison only.
///
/// # Errors
/// [`VenueError::BadInput`] for inputs out of range.
pub fn linearised_liquidation_price(
    inputs: &LiquidationInputs,
    maintenance_margin_rate: f64,
) -> Result<f64, VenueError> {
    inputs.check()?;
    check_rate(maintenance_margin_rate)?;
    let notional = inputs.quantity * inputs.entry_price;
    let move_fraction = inputs.margin_balance() / notional - maintenance_margin_rate;
    Ok(inputs.entry_price * (1.0 - inputs.side.sign() * move_fraction))
}

fn check_rate(rate: f64) -> Result<(), VenueError> {
    check("rate", rate, (0.0..1.0).contains(&rate), "0 or above and below 1")
}
