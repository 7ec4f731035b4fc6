//! OKX: the public archive, the version 5 API and recorded streams. One module a shape.
//!
//! | shape | module | facts from |
//! |---|---|---|
//! | `allswaprate-swaprate-2024-01-02.zip`, `BTC-USDT-SWAP-fundingrates-2024-01.zip`, funding-rate-history | [`funding`] | headers as quoted by several public readers |
//! | `BTC-USDT-SWAP-trades-2024-01-02.zip` | [`trades`] | the same; day boundary measured by two of them: 16:00 UTC |
//! | `BTC-USDT-SWAP-candlesticks-2024-01.zip`, candles, mark-price-candles, index-candles | [`candles`] | the same, and OKX's documentation |
//! | open-interest, open-interest-history | [`open_interest`] | OKX's documentation |
//! | liquidation-orders, by request and by stream | [`liquidations`] | messages quoted by several recorders |
//!
//! Swaps and futures are counted in contracts. What a contract is worth stands in none of these
//! files; three large ones are known here, as of a date, and named in a note; for all others
//! `--contract-size` is asked for.

mod candles;
mod funding;
mod liquidations;
mod open_interest;
mod trades;

use super::identity::Identity;
use super::{Clues, Format};
use crate::error::Problem;

pub(super) const FORMATS: &[Format] = &[
    funding::ALL_SWAPS,
    funding::ONE_SWAP,
    funding::HISTORY,
    trades::TRADES,
    candles::ARCHIVE,
    candles::ANSWERS,
    open_interest::OPEN_INTEREST,
    liquidations::LIQUIDATIONS,
];

/// Contract sizes in base units and when they were read: the venue's list of instruments of
/// 2026-09-17, and its open interest of 2026-01-20, which has contracts beside coins.
const CONTRACT_SIZES: [(&str, f64, &str); 3] = [
    ("BTC-USDT-SWAP", 0.01, "2026-09-17"),
    ("ETH-USDT-SWAP", 0.1, "2026-01-20"),
    ("SOL-USDT-SWAP", 1.0, "2026-01-20"),
];

/// What an instrument is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Market {
    /// `BTC-USDT`
    Spot,
    /// `BTC-USDT-SWAP`
    Swap,
    /// `BTC-USDT-250328`
    Futures,
}

impl Market {
    fn of(instrument: &str) -> Option<Self> {
        let mut words = instrument.split('-');
        let (base, quote) = (words.next()?, words.next()?);
        let is_word = |word: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        };
        let third = words.next();
        if !is_word(base) || !is_word(quote) || words.next().is_some() {
            return None;
        }
        match third {
            None => Some(Self::Spot),
            Some("SWAP") => Some(Self::Swap),
            Some(date) if date.len() == 6 && date.chars().all(|c| c.is_ascii_digit()) => {
                Some(Self::Futures)
            }
            Some(_) => None,
        }
    }

    /// Of an instrument that has to be one; options, for example, are none of these.
    fn need(instrument: &str) -> Result<Self, Problem> {
        let what = || format!("instrument `{instrument}`, which is neither spot, swap nor future,");
        Self::of(instrument).ok_or_else(|| Problem::Unsupported { what: what() })
    }

    fn venue(self) -> &'static str {
        match self {
            Self::Spot => "okx-spot",
            Self::Swap => "okx-swap",
            Self::Futures => "okx-futures",
        }
    }
}

/// Currencies that prices are quoted in, by which an instrument is found in a name.
const QUOTES: [&str; 8] = ["USDT", "USDC", "USD", "EUR", "BTC", "ETH", "OKB", "TRY"];

/// The first instrument in a name: `BTC-USDT-SWAP` in `okx_BTC-USDT-SWAP_1m` and in
/// `BTC-USDT-SWAP-trades-2024-01-02`.
fn instrument_in(name: &str) -> Option<String> {
    name.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).find_map(|word| {
        let words: Vec<&str> = word.split('-').collect();
        words.windows(2).enumerate().find_map(|(at, pair)| {
            if !QUOTES.contains(&pair[1]) {
                return None;
            }
            let two = format!("{}-{}", pair[0], pair[1]);
            Market::of(&two)?;
            let three = words.get(at + 2).map(|third| format!("{two}-{third}"));
            Some(three.filter(|name| Market::of(name).is_some()).unwrap_or(two))
        })
    })
}

/// The instrument by option, else by name, else by a folder.
fn instrument(identity: &Identity, stem: &str) -> Result<String, Problem> {
    let by_folder = || identity.folders.iter().rev().find_map(|folder| instrument_in(folder));
    identity
        .options
        .symbol
        .clone()
        .or_else(|| instrument_in(stem))
        .or_else(by_folder)
        .ok_or(Problem::Unknown { what: "symbol" })
}

/// Whether name or folders speak of OKX, or of an instrument in its spelling.
fn is_okx_path(clues: &Clues) -> bool {
    let names = || clues.folders.iter().chain([&clues.file_name]);
    names().any(|name| {
        let name = name.to_ascii_lowercase();
        name.contains("okx") || name.contains("okex")
    }) || names().any(|name| instrument_in(name).is_some())
}

/// How many base units or dollars a contract is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum ContractSize {
    /// Sizes are in base units already.
    None,
    /// A contract is so many base units.
    Base(f64),
    /// A contract is so many US dollars: coin-margined.
    Dollars(f64),
}

impl ContractSize {
    /// By option, else as known of the instrument, which is then noted.
    fn of(instrument: &str, identity: &Identity) -> Result<Self, Problem> {
        if Market::need(instrument)? == Market::Spot {
            return Ok(Self::None);
        }
        let is_inverse = instrument.split('-').nth(1) == Some("USD");
        let known = CONTRACT_SIZES.iter().find(|(name, ..)| *name == instrument);
        match (identity.options.contract_size, known) {
            (Some(size), _) if !(size.is_finite() && size > 0.0) => Err(Problem::BadValue {
                column: "contract-size",
                value: size,
                rule: "is not a positive number",
            }),
            (Some(size), _) if is_inverse => Ok(Self::Dollars(size)),
            (Some(size), _) => Ok(Self::Base(size)),
            (None, Some(&(_, size, as_of))) => {
                identity.assume(format!(
                    "a contract of {instrument} is taken for {size} base units, as of {as_of}; pass --contract-size if it was another"
                ));
                Ok(Self::Base(size))
            }
            (None, None) => Err(Problem::Unknown { what: "contract-size" }),
        }
    }

    /// Base units of so many contracts at a price.
    fn to_base(self, contracts: f64, price: f64) -> f64 {
        match self {
            Self::None => contracts,
            Self::Base(size) => contracts * size,
            Self::Dollars(size) => contracts * size / price,
        }
    }
}

/// A venue answers errors in the same form; a page of them is a page that is missing.
fn refuse_error(answer: &serde_json::Value) -> Result<(), Problem> {
    use super::json_rows::word;
    match word(answer, "code") {
        Some(code) if code != "0" => {
            let message = word(answer, "msg").unwrap_or_default();
            Err(Problem::Damaged { reason: format!("OKX answered with error {code}: {message}") })
        }
        _ => Ok(()),
    }
}

/// Whether a value is an answer or a message: `data` beside `code`, or beside `arg`.
fn is_envelope(value: &serde_json::Value) -> bool {
    let has = |name: &str| value.get(name).is_some();
    has("data") && (has("code") || has("arg"))
}

/// Answers to subscriptions and pings.
fn is_protocol(message: &serde_json::Value) -> bool {
    message.get("event").is_some()
}

/// The channel of a message, as `candle1m`.
fn channel(message: &serde_json::Value) -> Option<&str> {
    message.get("arg")?.get("channel")?.as_str()
}

/// A value in few characters, for messages.
fn shortened(value: &serde_json::Value) -> String {
    value.to_string().chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instruments_are_found_in_names() {
        for (name, found) in [
            ("BTC-USDT-SWAP-trades-2024-01-02", Some("BTC-USDT-SWAP")),
            ("okx_BTC-USDT-SWAP_1m", Some("BTC-USDT-SWAP")),
            ("ETH-USD-250328-candlesticks-2025-03", Some("ETH-USD-250328")),
            ("BTC-USDT-trades-2024-01-02", Some("BTC-USDT")),
            ("allswaprate-swaprate-2024-01-02", None),
            ("BTCUSDT-1m-2024-01", None),
            ("2024-01-02_BTC-USDT", Some("BTC-USDT")),
        ] {
            assert_eq!(instrument_in(name).as_deref(), found, "{name}");
        }
    }

    #[test]
    fn instruments_tell_their_market() {
        for (name, market) in [
            ("BTC-USDT", Some(Market::Spot)),
            ("BTC-USDT-SWAP", Some(Market::Swap)),
            ("BTC-USD-250328", Some(Market::Futures)),
            ("BTC-USD-260308-58000-P", None),
            ("BTCUSDT", None),
            ("btc-usdt", None),
        ] {
            assert_eq!(Market::of(name), market, "{name}");
        }
    }

    #[test]
    fn contracts_are_converted() {
        for (size, base) in [
            (ContractSize::None, 3.0),
            (ContractSize::Base(0.5), 1.5),
            (ContractSize::Dollars(100.0), 6.0),
        ] {
            assert!((size.to_base(3.0, 50.0) - base).abs() < 1e-12, "{size:?}");
        }
    }
}
