//! Pairs of currencies, as libraries write them, in each venue's own spelling.

use crate::error::Problem;

/// A pair, and the currency in which a contract on it settles; none for a spot market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) base: String,
    pub(super) quote: String,
    pub(super) settle: Option<String>,
}

impl Pair {
    /// `BTC/USDT:USDT`, or `BTC/USDT` for a spot market.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (base, rest) = text.split_once('/')?;
        let (quote, settle) = match rest.split_once(':') {
            Some((quote, settle)) => (quote, Some(settle.to_owned())),
            None => (rest, None),
        };
        let is_word = |word: &str| !word.is_empty() && word.chars().all(char::is_alphanumeric);
        let all = is_word(base) && is_word(quote) && settle.as_deref().is_none_or(is_word);
        all.then(|| Self { base: base.to_owned(), quote: quote.to_owned(), settle })
    }

    /// Whether its contracts are margined in the base currency.
    pub(super) fn is_coin_margined(&self) -> bool {
        self.settle.as_deref() == Some(self.base.as_str())
            && self.settle.as_ref() != Some(&self.quote)
    }

    /// The venue's symbol for it.
    ///
    /// # Errors
    /// The venue trades no such market.
    pub(super) fn symbol(&self, venue: &str) -> Result<String, Problem> {
        let (base, quote) = (&self.base, &self.quote);
        let is_spot = venue.ends_with("-spot");
        let coin_margined = ["binance-coinm", "bybit-inverse"].contains(&venue);
        let linear = ["binance-usdm", "bybit-linear", "hyperliquid"].contains(&venue);
        if coin_margined && !self.is_coin_margined() || linear && self.is_coin_margined() {
            let settle = self.settle.as_deref().unwrap_or("none");
            let what = format!("{base}/{quote} settled in {settle}, at {venue},");
            return Err(Problem::Unsupported { what });
        }
        Ok(match venue {
            "hyperliquid" => base.clone(),
            "okx-swap" => format!("{base}-{quote}-SWAP"),
            "okx-spot" => format!("{base}-{quote}"),
            "binance-coinm" => format!("{base}{quote}_PERP"),
            // Bybit names its contracts in USDC so.
            "bybit-linear" if quote == "USDC" && !is_spot => format!("{base}PERP"),
            _ => format!("{base}{quote}"),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pairs_are_spelled_as_the_venue_does() {
        for (pair, venue, symbol) in [
            ("BTC/USDT:USDT", "binance-usdm", "BTCUSDT"),
            ("BTC/USD:BTC", "binance-coinm", "BTCUSD_PERP"),
            ("BTC/USDT", "binance-spot", "BTCUSDT"),
            ("BTC/USDT:USDT", "okx-swap", "BTC-USDT-SWAP"),
            ("BTC/USDT", "okx-spot", "BTC-USDT"),
            ("BTC/USDC:USDC", "hyperliquid", "BTC"),
            ("BTC/USDC:USDC", "bybit-linear", "BTCPERP"),
            ("1000PEPE/USDT:USDT", "bybit-linear", "1000PEPEUSDT"),
            ("BTC/USD:BTC", "bybit-inverse", "BTCUSD"),
        ] {
            assert_eq!(Pair::parse(pair).unwrap().symbol(venue).unwrap(), symbol, "{pair} {venue}");
        }
        for text in ["BTCUSDT", "BTC/", "/USDT", "BTC/USDT:", "BTC USDT/X", "BTC/USDT:USDT-240628"]
        {
            assert_eq!(Pair::parse(text), None, "{text}");
        }
        let inverse = Pair::parse("BTC/USD:BTC").unwrap();
        assert!(inverse.symbol("binance-usdm").is_err());
        assert!(Pair::parse("BTC/USDT:USDT").unwrap().symbol("binance-coinm").is_err());
    }
}
