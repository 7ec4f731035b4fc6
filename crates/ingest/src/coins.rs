//! Which coin a symbol is about: the one place that knows how venues spell.
//!
//! | venue | spelling |
//! |---|---|
//! | Binance | `BTCUSDT`, `1000PEPEUSDT`; COIN-M `BTCUSD_PERP` |
//! | Bybit | `BTCUSDT`, `BTCPERP`, `SHIB1000USDT` |
//! | OKX | `BTC-USDT-SWAP` |
//! | Hyperliquid | `BTC`, `kPEPE` |
//! | Deribit, BitMEX | `BTC-PERPETUAL`, `XBTUSD` |

/// Currencies that contracts are quoted or settled in, longest first where one ends in another.
/// BUSD and TUSD are not among them: `BNBUSD` and `XBTUSD` are quoted in dollars.
const QUOTES: [&str; 6] = ["FDUSD", "USDT", "USDC", "USDE", "DAI", "USD"];

/// Multiples that contracts of small coins are traded in, written before or behind the coin.
const MULTIPLES: [&str; 5] = ["1000000", "100000", "10000", "1000", "1M"];

/// The coin that a symbol is about, in capitals and without a multiple: `PEPE` for
/// `1000PEPEUSDT`, `kPEPE` and `PEPE-USDT-SWAP`. `None` for contracts that expire, whose prices
/// and fundings are not those of the coin's perpetual.
pub fn coin(symbol: &str) -> Option<String> {
    let mut parts: Vec<&str> = symbol.split(['-', '_', '/', ':']).collect();
    if parts.iter().skip(1).any(|part| part.contains(|c: char| c.is_ascii_digit())) {
        return None;
    }
    let is_word = |part: &&str| ["SWAP", "PERP", "PERPETUAL"].contains(part);
    while parts.len() > 1 && parts.last().is_some_and(|last| is_word(last) || QUOTES.contains(last))
    {
        parts.pop();
    }
    let [name] = parts[..] else { return None };
    let name = name.strip_suffix("PERP").filter(|rest| !rest.is_empty()).unwrap_or(name);
    let quote = QUOTES.iter().find_map(|quote| name.strip_suffix(quote));
    let name = quote.filter(|rest| !rest.is_empty()).unwrap_or(name);
    let name = match name.strip_prefix('k') {
        Some(rest) if !rest.is_empty() && rest.chars().all(|c| c.is_ascii_uppercase()) => rest,
        _ => name,
    };
    let before = MULTIPLES.iter().find_map(|multiple| name.strip_prefix(multiple));
    let behind = MULTIPLES.iter().find_map(|multiple| name.strip_suffix(multiple));
    let name = before.or(behind).filter(|rest| !rest.is_empty()).unwrap_or(name);
    Some(if name == "XBT" { "BTC".to_owned() } else { name.to_uppercase() })
}

#[cfg(test)]
mod tests {
    use super::coin;

    #[test]
    fn every_venue_spells_its_own_way() {
        for (symbol, expected) in [
            ("BTCUSDT", Some("BTC")),
            ("BTC-USDT-SWAP", Some("BTC")),
            ("BTC-USD-SWAP", Some("BTC")),
            ("BTCUSD_PERP", Some("BTC")),
            ("BTCPERP", Some("BTC")),
            ("BTC-PERPETUAL", Some("BTC")),
            ("BTC_USDC-PERPETUAL", Some("BTC")),
            ("XBTUSD", Some("BTC")),
            ("BNBUSD_PERP", Some("BNB")),
            ("BTC", Some("BTC")),
            ("1000PEPEUSDT", Some("PEPE")),
            ("SHIB1000USDT", Some("SHIB")),
            ("1MBABYDOGEUSDT", Some("BABYDOGE")),
            ("kPEPE", Some("PEPE")),
            ("PERPUSDT", Some("PERP")),
            ("1INCHUSDT", Some("1INCH")),
            ("USDCUSDT", Some("USDC")),
            ("BTC-USD", Some("BTC")),
            ("BTCUSDT_240927", None),
            ("BTC-27SEP24", None),
            ("BTC-USDT-240927", None),
        ] {
            assert_eq!(coin(symbol).as_deref(), expected, "{symbol}");
        }
    }
}
