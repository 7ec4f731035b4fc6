//! Linear and inverse contracts: what a position is worth and what it has earned.
//!
//! A linear contract is quoted and settled in the same currency. An inverse contract is quoted in
//! US dollars and settled in the coin: `n` dollars of it are worth `n / P` coins, and a long has
//! earned `n (1 / E - 1 / P)`. With one over the price in place of the price and the side turned
//! round it is a linear contract of quantity `n`, so that every formula of margin and liquidation
//! holds for both. (Binance COIN-M and Bybit inverse contract pages.)

use plimsoll_market::Side;
use serde::Deserialize;

/// How a contract is quoted and settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContractKind {
    /// Quantity in base units, settled in the quote currency.
    #[default]
    Linear,
    /// Quantity in US dollars, settled in the base coin.
    Inverse,
}

impl ContractKind {
    /// The price in settlement currency for one unit of quantity: the price, or one over it.
    #[inline]
    pub fn unit_value(self, price: f64) -> f64 {
        match self {
            Self::Linear => price,
            Self::Inverse => 1.0 / price,
        }
    }

    /// The side as a linear contract of [`unit_value`](Self::unit_value) sees it: a long of an
    /// inverse contract loses when one over the price rises.
    #[inline]
    pub fn unit_side(self, side: Side) -> Side {
        match (self, side) {
            (Self::Linear, side) => side,
            (Self::Inverse, Side::Long) => Side::Short,
            (Self::Inverse, Side::Short) => Side::Long,
        }
    }

    /// Worth of a position in settlement currency, without sign: `Q P` or `n / P`.
    #[inline]
    pub fn value(self, quantity: f64, price: f64) -> f64 {
        quantity * self.unit_value(price)
    }

    /// Unrealised profit in settlement currency: `s Q (P - E)` or `s n (1 / E - 1 / P)`.
    #[inline]
    pub fn unrealised_pnl(self, side: Side, quantity: f64, entry_price: f64, price: f64) -> f64 {
        let change = self.unit_value(price) - self.unit_value(entry_price);
        self.unit_side(side).sign() * quantity * change
    }

    /// The word used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Inverse => "inverse",
        }
    }
}

/// The coin whose price a contract follows, by its symbol: `BTC` of `BTCUSDT`, `BTC-USDT-SWAP`,
/// `btc/usdt`, and of the futures `BTCUSD_251226` and `BTC-26DEC25`.
pub fn underlying_of(symbol: &str) -> String {
    let is_separator = |c: char| !c.is_ascii_alphanumeric();
    let mut parts: Vec<&str> = symbol.split(is_separator).filter(|part| !part.is_empty()).collect();
    if parts.len() > 1 && parts.last().is_some_and(|part| is_expiry(part)) {
        parts.pop();
    }
    let mut coin = parts.concat().to_uppercase();
    // A symbol may name its quote and settlement currency both.
    while let Some(rest) = ["SWAP", "PERP", "USDT", "USDC", "USD"]
        .iter()
        .find_map(|suffix| coin.strip_suffix(suffix).filter(|rest| !rest.is_empty()))
    {
        coin.truncate(rest.len());
    }
    coin
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// Whether a symbol's last part is the date of its expiry, as in `251226` or `26DEC25`.
fn is_expiry(part: &str) -> bool {
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number(part) {
        return matches!(part.len(), 6 | 8);
    }
    let day_len = part.bytes().take_while(u8::is_ascii_digit).count();
    let (day, rest) = part.split_at(day_len);
    let Some((month, year)) = rest.split_at_checked(3) else { return false };
    matches!(day.len(), 1 | 2)
        && MONTHS.iter().any(|name| name.eq_ignore_ascii_case(month))
        && matches!(year.len(), 2 | 4)
        && is_number(year)
}
