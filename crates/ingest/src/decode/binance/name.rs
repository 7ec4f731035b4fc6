//! File names of the archive: `BTCUSDT-1h-2024-12`, `BTCUSDT-metrics-2024-12-05`.

use plimsoll_market::{DAY_MS, Interval, Timestamp};

use crate::decode::identity::interval_word;

/// What a file name says.
pub(super) struct Name<'a> {
    pub(super) symbol: &'a str,
    pub(super) what: What,
    /// The day or month of the file, half-open.
    pub(super) period: (Timestamp, Timestamp),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum What {
    Klines(Interval),
    /// Bars of calendar months.
    MonthKlines,
    FundingRate,
    Metrics,
    LiquidationSnapshot,
    AggTrades,
    Trades,
}

/// `SYMBOL-<interval or type>-YYYY-MM[-DD]`.
pub(super) fn parse(stem: &str) -> Option<Name<'_>> {
    let mut words = stem.split('-');
    let symbol = words.next().filter(|word| !word.is_empty())?;
    let what = match words.next()? {
        "fundingRate" => What::FundingRate,
        "metrics" => What::Metrics,
        "liquidationSnapshot" => What::LiquidationSnapshot,
        "aggTrades" => What::AggTrades,
        "trades" => What::Trades,
        "1mo" => What::MonthKlines,
        word => What::Klines(interval_word(word)?),
    };
    let year: i32 = words.next()?.parse().ok()?;
    let month: u32 = words.next()?.parse().ok()?;
    let day = words.next().map(str::parse::<u32>).transpose().ok()?;
    if words.next().is_some() {
        return None;
    }
    let start = Timestamp::from_date(year, month, day.unwrap_or(1))?;
    let end = if day.is_some() { Timestamp(start.0 + DAY_MS) } else { start.next_month_start() };
    Some(Name { symbol, what, period: (start, end) })
}

/// COIN-M symbols are quoted in US dollars and name their contract: `BTCUSD_PERP`,
/// `ETHUSD_240329`. USD-M delivery contracts (`BTCUSDT_240329`) are quoted in a stablecoin.
pub(super) fn is_coin_margined(symbol: &str) -> bool {
    symbol.split_once('_').is_some_and(|(pair, contract)| {
        let is_date = contract.len() == 6 && contract.bytes().all(|byte| byte.is_ascii_digit());
        pair.ends_with("USD") && !pair.ends_with("BUSD") && (contract == "PERP" || is_date)
    })
}

/// The symbol that another name of a file has, as `klines_BTCUSDT_1h` and `BTCUSD_PERP-1h` do.
pub(super) fn symbol_of(stem: &str) -> Option<String> {
    const QUOTES: [&str; 6] = ["USDT", "USDC", "FDUSD", "BUSD", "USD", "BTC"];
    let words: Vec<&str> = stem.split(['_', '-']).collect();
    let looks_like_one = |word: &&str| {
        word.len() > 4
            && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
            && QUOTES.iter().any(|quote| word.ends_with(quote))
    };
    let at = words.iter().position(looks_like_one)?;
    Some(match words.get(at + 1) {
        Some(&"PERP") => format!("{}_PERP", words[at]),
        _ => words[at].to_owned(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_say_symbol_content_and_period() {
        for (stem, symbol, what, period) in [
            (
                "BTCUSDT-fundingRate-2024-12",
                "BTCUSDT",
                What::FundingRate,
                ["2024-12-01", "2025-01-01"],
            ),
            (
                "BTCUSD_PERP-metrics-2024-02-29",
                "BTCUSD_PERP",
                What::Metrics,
                ["2024-02-29", "2024-03-01"],
            ),
            (
                "ETHUSD_240329-1h-2024-01",
                "ETHUSD_240329",
                What::Klines(Interval::HOUR),
                ["2024-01-01", "2024-02-01"],
            ),
            (
                "1000PEPEUSDT-aggTrades-2024-01-31",
                "1000PEPEUSDT",
                What::AggTrades,
                ["2024-01-31", "2024-02-01"],
            ),
            ("BTCUSDT-1mo-2024-01", "BTCUSDT", What::MonthKlines, ["2024-01-01", "2024-02-01"]),
        ] {
            let name = parse(stem).unwrap();
            let period = period.map(|date| date.parse::<Timestamp>().unwrap());
            assert_eq!((name.symbol, name.what), (symbol, what), "{stem}");
            assert_eq!([name.period.0, name.period.1], period, "{stem}");
        }
        for stem in [
            "BTCUSDT-1h",
            "BTCUSDT-1h-2024",
            "BTCUSDT-1h-2024-13",
            "BTCUSDT-1h-2024-02-30",
            "BTCUSDT-1h-2024-02-03-04",
            "BTC_USDT_USDT-1h-futures",
            "BTCUSDT_5m_2024Q4",
            "-1h-2024-01",
            "BTCUSDT-bookDepth-2024-01-01",
        ] {
            assert!(parse(stem).is_none(), "{stem}");
        }
    }

    #[test]
    fn coin_margined_symbols_name_their_contract() {
        for symbol in ["BTCUSD_PERP", "ETHUSD_240329"] {
            assert!(is_coin_margined(symbol), "{symbol}");
        }
        for symbol in ["BTCUSDT", "BTCUSDT_240329", "BTCBUSD_210129", "BTCUSD", "BTCUSD_2403"] {
            assert!(!is_coin_margined(symbol), "{symbol}");
        }
    }

    #[test]
    fn other_names_may_have_a_symbol() {
        for (stem, symbol) in [
            ("klines_BTCUSDT_1h", Some("BTCUSDT")),
            ("1h-1000PEPEUSDT", Some("1000PEPEUSDT")),
            ("BTCUSD_PERP-1h", Some("BTCUSD_PERP")),
            ("klines_1h", None),
        ] {
            assert_eq!(symbol_of(stem).as_deref(), symbol, "{stem}");
        }
    }
}
