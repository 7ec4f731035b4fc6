//! Hashes of what went in and what came out. None of them sees a clock, a host or a path.

use std::fmt::Write;

use plimsoll_market::{Market, PriceColumns};
use plimsoll_risk::RiskError;
use plimsoll_venue::VenueRules;
use plimsoll_venue::margin::MarginRules;
use sha2::{Digest, Sha256};

use crate::compare::Compared;
use crate::result::{MadeForecasts, RuleForecasts, RuleResult};

/// SHA-256 of every column that a study read.
pub(crate) fn data_hash(market: &Market) -> String {
    let mut hash = Hash::default();
    hash.text(&market.venue);
    hash.integers([market.interval.ms(), market.start.0, market.n_bars as i64]);
    for symbol in &market.symbols {
        hash.text(&symbol.symbol);
        for column in [
            &symbol.open,
            &symbol.high,
            &symbol.low,
            &symbol.close,
            &symbol.volume,
            &symbol.quote_volume,
            &symbol.taker_buy_volume,
            &symbol.liquidated_long_notional,
            &symbol.liquidated_short_notional,
            &symbol.open_interest,
            &symbol.open_interest_value,
        ] {
            hash.numbers(column);
        }
        for prices in [&symbol.mark, &symbol.index].into_iter().flatten() {
            let PriceColumns { open, high, low, close } = prices;
            for column in [open, high, low, close] {
                hash.numbers(column);
            }
        }
        for event in &symbol.funding {
            hash.integers([event.settlement_time.0, i64::from(event.interval_minutes)]);
            hash.numbers(&[event.rate, event.mark_price.unwrap_or(f64::NAN)]);
        }
    }
    hash.finish()
}

/// SHA-256 of the rule tables: the venue's, with those of its portfolio margin where they are used.
pub(crate) fn tables_hash(venue: &VenueRules, margin_rules: Option<&MarginRules>) -> String {
    let Some(margin_rules) = margin_rules else {
        return venue.version_hash().to_owned();
    };
    let mut hash = Hash::default();
    hash.text(venue.version_hash());
    hash.text(margin_rules.version_hash());
    hash.finish()
}

/// SHA-256 of the strategy text as run.
pub(crate) fn config_hash(text: &str) -> String {
    let mut hash = Hash::default();
    hash.text(text);
    hash.finish()
}

/// SHA-256 of equity paths, ledgers, metrics, comparisons and risk forecasts.
pub(crate) fn result_hash(
    rules: &[RuleResult],
    compared: &[Compared],
    forecasts: &[RuleForecasts],
) -> String {
    let mut hash = Hash::default();
    for rule in rules {
        hash.text(&rule.name);
        for account in &rule.accounts {
            hash.text(&account.scope);
            hash.numbers(&account.outcome.equity);
            hash.numbers(&account.outcome.equity_low);
            for row in &account.outcome.ledger {
                hash.integers([row.bar as i64, row.trade_idx as i64, row.cause as i64]);
                hash.numbers(&[row.amount, row.quantity, row.price]);
            }
            for metric in &account.metrics {
                hash.text(&metric.name);
                hash.numbers(&[metric.value.unwrap_or(f64::NAN)]);
            }
        }
    }
    for row in compared.iter().flat_map(|compared| &compared.rows) {
        hash.text(&row.rule);
        hash.text(&row.metric);
        for value in [row.difference, row.low, row.high, row.p_value, row.p_value_adjusted] {
            hash.numbers(&[value.unwrap_or(f64::NAN)]);
        }
    }
    for of_rule in forecasts {
        hash.text(&of_rule.rule);
        hash.text(of_rule.horizon.name());
        hash.numbers(&of_rule.returns);
        match &of_rule.made {
            Ok(made) => hash.forecasts(made),
            Err(reason) => hash.text(reason),
        }
    }
    hash.finish()
}

#[derive(Default)]
struct Hash {
    sha256: Sha256,
    buffer: Vec<u8>,
}

impl Hash {
    fn text(&mut self, text: &str) {
        self.integers([text.len() as i64]);
        self.sha256.update(text.as_bytes());
    }

    fn integers<const N: usize>(&mut self, values: [i64; N]) {
        for value in values {
            self.sha256.update(value.to_le_bytes());
        }
    }

    fn numbers(&mut self, values: &[f64]) {
        for part in values.chunks(4096) {
            self.buffer.clear();
            for value in part {
                // Every unknown is the same unknown.
                let value = if value.is_nan() { f64::NAN } else { *value };
                self.buffer.extend_from_slice(&value.to_le_bytes());
            }
            self.sha256.update(&self.buffer);
        }
    }

    fn forecasts(&mut self, made: &MadeForecasts) {
        for series in &made.rolling.series {
            self.text(series.model.name());
            self.text(series.side.name());
            self.numbers(&[series.alpha]);
            self.numbers(&series.value_at_risk);
            self.numbers(&series.expected_shortfall);
            self.numbers(&series.expectile);
        }
        for excluded in &made.rolling.excluded {
            self.text(excluded.model.name());
            self.text(&excluded.error.to_string());
        }
        for row in &made.evaluations {
            let defined =
                |value: &Result<f64, RiskError>| value.as_ref().copied().unwrap_or(f64::NAN);
            self.integers([row.n as i64, row.violations as i64, i64::from(row.holds)]);
            self.numbers(&[row.quantile_score, row.expectile_score, defined(&row.fz0_score)]);
            self.numbers(&[defined(&row.kupiec_p), defined(&row.christoffersen_p)]);
            self.numbers(&[defined(&row.dynamic_quantile_p), defined(&row.expectile_moment_p)]);
            self.numbers(&[defined(&row.shortfall_p), defined(&row.mcs_p)]);
        }
    }

    fn finish(self) -> String {
        self.sha256.finalize().iter().fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}
