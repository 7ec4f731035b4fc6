//! Bybit: the public archive, the version 5 API and recorded streams. One module a shape.
//!
//! What there is, and where it was learnt (the archive and the API themselves have no
//! specification of their files):
//!
//! | shape | module | facts from |
//! |---|---|---|
//! | `trading/SYM/SYM2024-01-02.csv.gz` | [`trades`] | header and rows as quoted by several public readers; 2020 files newest first (rows quoted there) |
//! | `spot/SYM/SYM_2024-01-02.csv.gz` | [`trades`] | the same |
//! | `kline_for_metatrader4` | [`metatrader`] | Bybit's own caption `Time yyyy.MM.dd (UTC+3)`; a public comparison with Binance's minutes in ten months of 2021 to 2024 found +180 minutes in every one |
//! | kline, funding/history, open-interest | [`api`] | Bybit's documentation of version 5 |
//! | allLiquidation, liquidation | [`liquidations`] | the same; README of the public recorder for its own shape |

mod api;
mod liquidations;
mod metatrader;
mod trades;

use plimsoll_market::Timestamp;

use super::identity::Identity;
use super::{Clues, Format};
use crate::error::Problem;

pub(super) const FORMATS: &[Format] = &[
    trades::CONTRACTS,
    trades::SPOT,
    metatrader::METATRADER,
    api::KLINE,
    api::FUNDING,
    api::OPEN_INTEREST,
    liquidations::STREAM,
    liquidations::EVERY_SECOND,
];

/// What a contract is counted and settled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Category {
    /// Sizes are in base units.
    Linear,
    /// Sizes are in US dollars.
    Inverse,
    /// Sizes are in base units.
    Spot,
}

impl Category {
    /// The word in the API's answers.
    fn of_word(word: &str) -> Result<Self, Problem> {
        match word {
            "linear" => Ok(Self::Linear),
            "inverse" => Ok(Self::Inverse),
            "spot" => Ok(Self::Spot),
            _ => Err(Problem::BadWord {
                column: "category",
                value: word.to_owned(),
                expected: "linear, inverse or spot",
            }),
        }
    }

    /// Of a contract by its symbol: `BTCUSD` and `BTCUSDH24` are inverse; `BTCUSDT`, `BTCPERP`
    /// and `BTC-14MAR25` linear.
    fn of_contract(symbol: &str) -> Self {
        let is_inverse = symbol.split_once("USD").is_some_and(|(base, rest)| {
            let is_dated = rest.len() == 3
                && rest.starts_with(['F', 'G', 'H', 'J', 'K', 'M', 'N', 'Q', 'U', 'V', 'X', 'Z'])
                && rest[1..].chars().all(|c| c.is_ascii_digit());
            !base.is_empty() && (rest.is_empty() || is_dated)
        });
        if is_inverse { Self::Inverse } else { Self::Linear }
    }

    fn venue(self) -> &'static str {
        match self {
            Self::Linear => "bybit-linear",
            Self::Inverse => "bybit-inverse",
            Self::Spot => "bybit-spot",
        }
    }

    /// Of a venue identifier.
    fn of_venue(venue: &str) -> Option<Self> {
        [Self::Linear, Self::Inverse, Self::Spot].into_iter().find(|c| c.venue() == venue)
    }
}

/// The category by the file's own word, else by the venue that option or folder name, else by
/// the symbol, which is then noted: spot has the same symbols.
fn category(word: Option<&str>, symbol: &str, identity: &Identity) -> Result<Category, Problem> {
    if let Some(word) = word {
        return Category::of_word(word);
    }
    if let Some(category) = identity.venue().as_deref().and_then(Category::of_venue) {
        return Ok(category);
    }
    let category = Category::of_contract(symbol);
    identity.assume(format!("venue {} assumed; pass --venue if it is another", category.venue()));
    Ok(category)
}

/// Whether name or folders speak of Bybit.
fn is_bybit_path(clues: &Clues) -> bool {
    let names = clues.folders.iter().chain([&clues.file_name]);
    names.into_iter().any(|name| name.to_ascii_lowercase().contains("bybit"))
}

/// A day `2024-01-02` or a month `2024-01`, as half-open period in UTC.
fn period(text: &str) -> Option<(Timestamp, Timestamp)> {
    let mut words = text.split('-');
    let year = words.next().filter(|year| year.len() == 4)?.parse().ok()?;
    let month = words.next().filter(|month| month.len() == 2)?.parse().ok()?;
    let day = match words.next() {
        Some(day) if day.len() == 2 => Some(day.parse().ok()?),
        Some(_) => return None,
        None => None,
    };
    if words.next().is_some() {
        return None;
    }
    let start = Timestamp::from_date(year, month, day.unwrap_or(1))?;
    let end = match day {
        Some(_) => Timestamp(start.0 + plimsoll_market::DAY_MS),
        None => start.next_month_start(),
    };
    Some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contracts_tell_what_they_are_counted_in() {
        for (symbol, category) in [
            ("BTCUSDT", Category::Linear),
            ("BTCUSD", Category::Inverse),
            ("BTCUSDH24", Category::Inverse),
            ("BTCUSDZ23", Category::Inverse),
            ("BTCPERP", Category::Linear),
            ("BTC-14MAR25", Category::Linear),
            ("1000PEPEUSDT", Category::Linear),
            ("USDCUSDT", Category::Linear),
        ] {
            assert_eq!(Category::of_contract(symbol), category, "{symbol}");
            assert_eq!(Category::of_venue(category.venue()), Some(category));
        }
    }

    #[test]
    fn periods_of_names() {
        let date = |y, m, d| Timestamp::from_date(y, m, d);
        let expected = date(2024, 2, 29).zip(date(2024, 3, 1));
        assert_eq!(period("2024-02-29"), expected);
        assert_eq!(period("2022-12"), date(2022, 12, 1).zip(date(2023, 1, 1)));
        for bad in ["2024", "24-01", "2024-1-1", "2024-13-01", "2024-01-02-03", "x-01-02"] {
            assert_eq!(period(bad), None, "{bad}");
        }
    }
}
