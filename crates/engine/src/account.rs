//! The account's formulas, each a small pure function and each in this one place.
//!
//! Prices are in quote currency, quantities in base units and never negative, money in quote
//! currency, rates fractions. The venue's own rules (maintenance margin, liquidation price,
//! funding payment, lots) are in `plimsoll-venue`.

use plimsoll_market::Side;

/// Unrealised profit of a position: `s q (price - entry)`.
pub fn unrealised_pnl(side: Side, quantity: f64, entry_price: f64, price: f64) -> f64 {
    side.sign() * quantity * (price - entry_price)
}

/// Price at which an order that opens a position fills: the reference moved against the taker.
///
/// `slippage_fraction` is half spread plus impact, as a fraction of the price.
pub fn entry_fill_price(side: Side, reference_price: f64, slippage_fraction: f64) -> f64 {
    reference_price * (1.0 + side.sign() * slippage_fraction)
}

/// Price at which an order that closes a position fills; see [`entry_fill_price`].
pub fn exit_fill_price(side: Side, reference_price: f64, slippage_fraction: f64) -> f64 {
    reference_price * (1.0 - side.sign() * slippage_fraction)
}

/// Reference price of a stop order that triggers inside a bar: the worse of the stop and the
/// open, and `stop_slippage` (0 to 1) of the way from there to the bar's adverse extreme.
pub fn stop_reference_price(
    side: Side,
    stop_price: f64,
    open: f64,
    adverse_extreme: f64,
    stop_slippage: f64,
) -> f64 {
    let triggered = worse_exit(side, stop_price, open);
    let extreme = worse_exit(side, adverse_extreme, triggered);
    triggered + stop_slippage * (extreme - triggered)
}

/// Reference price of a take-profit order: its price, or the open where that is better.
pub fn take_profit_reference_price(side: Side, take_profit_price: f64, open: f64) -> f64 {
    match side {
        Side::Long => take_profit_price.max(open),
        Side::Short => take_profit_price.min(open),
    }
}

/// The less favourable of two prices for closing a position.
pub fn worse_exit(side: Side, a: f64, b: f64) -> f64 {
    match side {
        Side::Long => a.min(b),
        Side::Short => a.max(b),
    }
}

/// The more favourable of two prices for closing a position.
pub fn better_exit(side: Side, a: f64, b: f64) -> f64 {
    match side {
        Side::Long => a.max(b),
        Side::Short => a.min(b),
    }
}

/// The adverse extreme of a bar for a position.
pub fn adverse(side: Side, low: f64, high: f64) -> f64 {
    match side {
        Side::Long => low,
        Side::Short => high,
    }
}

/// Fee of a fill: `rate x quantity x price`, a positive cost.
pub fn fee(rate: f64, quantity: f64, price: f64) -> f64 {
    rate * quantity * price
}

/// Share of the price between entry and stop plus the cost of a round trip: what one unit of
/// notional loses when the stop is hit. Source: sizing rules in `NotionalFraction`, `x = f / s`.
pub fn stop_risk_fraction(entry_price: f64, stop_price: f64, round_trip_cost_rate: f64) -> f64 {
    (entry_price - stop_price).abs() / entry_price + round_trip_cost_rate
}

/// Square-root market impact as a fraction of the price: `y sigma_D sqrt(notional / V_D)`.
///
/// `sigma_D` is the daily volatility and `V_D` the daily traded value. Source: Donier and Bonart,
/// arXiv:1412.4503; `y` is of order one.
pub fn impact_fraction(y: f64, daily_volatility: f64, notional: f64, daily_value: f64) -> f64 {
    y * daily_volatility * (notional / daily_value).sqrt()
}

/// A running sum of money that loses no digits: Neumaier's compensated summation.
///
/// A ledger's rows add up to the wallet's change to the last bit that `f64` can show, however
/// many rows there are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wallet {
    sum: f64,
    compensation: f64,
}

impl Wallet {
    /// A wallet that holds `balance`.
    pub fn new(balance: f64) -> Self {
        Self { sum: balance, compensation: 0.0 }
    }

    /// Adds an amount, which may be negative.
    pub fn add(&mut self, amount: f64) {
        let total = self.sum + amount;
        self.compensation += if self.sum.abs() >= amount.abs() {
            (self.sum - total) + amount
        } else {
            (amount - total) + self.sum
        };
        self.sum = total;
    }

    /// What it holds.
    pub fn balance(&self) -> f64 {
        self.sum + self.compensation
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)]
    use super::*;

    #[test]
    fn fills_go_against_the_taker() {
        for (side, entry, exit) in [(Side::Long, 101.0, 99.0), (Side::Short, 99.0, 101.0)] {
            assert!((entry_fill_price(side, 100.0, 0.01) - entry).abs() < 1e-12);
            assert!((exit_fill_price(side, 100.0, 0.01) - exit).abs() < 1e-12);
        }
    }

    #[test]
    fn a_stop_fills_at_the_worse_of_stop_and_open_and_then_slips() {
        for (side, stop, open, extreme, slippage, expected) in [
            (Side::Long, 95.0, 100.0, 91.0, 0.0, 95.0),
            (Side::Long, 95.0, 100.0, 91.0, 0.25, 94.0),
            (Side::Long, 95.0, 93.0, 91.0, 0.5, 92.0),
            (Side::Short, 105.0, 100.0, 109.0, 0.25, 106.0),
            (Side::Short, 105.0, 107.0, 109.0, 1.0, 109.0),
        ] {
            assert_eq!(stop_reference_price(side, stop, open, extreme, slippage), expected);
        }
    }

    #[test]
    fn impact_follows_the_square_root() {
        // One per cent of a day's value at 4 % daily volatility: 0.04 x 0.1.
        assert!((impact_fraction(1.0, 0.04, 1e6, 1e8) - 0.004).abs() < 1e-15);
        assert!((impact_fraction(0.5, 0.04, 4e6, 1e8) - 0.004).abs() < 1e-15);
    }

    #[test]
    fn a_wallet_loses_no_digits() {
        let mut wallet = Wallet::new(1e16);
        for _ in 0..1000 {
            wallet.add(0.1);
        }
        wallet.add(-1e16);
        assert!((wallet.balance() - 100.0).abs() < 1e-9);
    }
}
