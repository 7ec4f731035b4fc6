//! Which part of the past an estimate is made from, and what holds before there is enough of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Check;

/// What holds where an estimate lacks observations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Before {
    /// No trade. The comparison of the rules waits for the estimate.
    #[default]
    NoTrade,
    /// This leverage, as it stands. The rule is defined from the start, so that nothing waits.
    Leverage(f64),
}

/// By hand, because a word and a table are two shapes of one value, and a mistake in either is
/// answered with both.
impl<'de> Deserialize<'de> for Before {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected \"no_trade\" or { leverage = 0.5 }")]
        enum Written {
            Word(Word),
            Table(Table),
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Word {
            NoTrade,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            leverage: f64,
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Word(Word::NoTrade) => Self::NoTrade,
            Written::Table(Table { leverage }) => Self::Leverage(leverage),
        })
    }
}

impl Before {
    pub(super) fn check(self, table: &str, check: &mut Check) {
        if let Self::Leverage(leverage) = self {
            check.above_zero(&format!("{table}.before.leverage"), leverage);
        }
    }
}

/// The closed trades that an estimate counts, by their number, by the time since they ended, and
/// how fast they are forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TradeWindow {
    /// The last so many.
    pub trades: Option<usize>,
    /// Those that ended in the last so many bars.
    pub bars: Option<usize>,
    /// The weight halves over so many trades, or over so many bars where `bars` is given.
    pub half_life: Option<f64>,
    /// Fewest that make an estimate; `None`: as many as `trades`.
    pub min_trades: Option<usize>,
}

impl TradeWindow {
    /// Fewest trades that make an estimate.
    pub fn need(&self) -> usize {
        self.min_trades.or(self.trades).unwrap_or(2)
    }

    pub(super) fn check(&self, table: &str, check: &mut Check) {
        let key = |name: &str| format!("{table}.{name}");
        match (self.trades, self.min_trades) {
            (Some(trades), _) if trades < 2 => check.add(
                &key("trades"),
                format!("`trades` is {trades}"),
                "an edge needs at least 2 closed trades, better 100",
            ),
            (None, None) if self.bars.is_some() || self.half_life.is_some() => check.add(
                table,
                "`min_trades` is missing".to_owned(),
                "say how many closed trades the estimate needs at least: min_trades = 30",
            ),
            (None, _) if self.bars.is_none() && self.half_life.is_none() => check.add(
                table,
                "`trades` is missing".to_owned(),
                "say over how many closed trades the edge is estimated: trades = 100; or over how \
                 many bars, or with which half_life in trades",
            ),
            _ => {}
        }
        if let Some(min) = self.min_trades
            && (min < 2 || self.trades.is_some_and(|trades| min > trades))
        {
            let most =
                if self.trades.is_some() { "a number from 2 to `trades`" } else { "at least 2" };
            check.add(
                &key("min_trades"),
                format!("`min_trades` is {min}"),
                &format!("write {most}"),
            );
        }
        if let Some(bars) = self.bars {
            check.count(&key("bars"), bars);
        }
        if let Some(half_life) = self.half_life {
            check.above_zero(&key("half_life"), half_life);
        }
    }
}

/// The closed bars that an estimate counts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BarWindow {
    /// The last so many.
    pub bars: Option<usize>,
    /// The weight halves over so many bars.
    pub half_life: Option<f64>,
    /// Fewest that make an estimate; `None`: as many as `bars`.
    pub min_bars: Option<usize>,
}

/// Half-lives after which a bar's weight, `2^-64`, no longer counts in a double.
const FORGOTTEN_AFTER: f64 = 64.0;

impl BarWindow {
    /// Fewest bars that make an estimate.
    pub fn need(&self) -> usize {
        self.min_bars.or(self.bars).unwrap_or(2)
    }

    /// How many bars back it reaches.
    pub fn reach(&self) -> usize {
        let forgotten =
            self.half_life.map_or(usize::MAX, |bars| (FORGOTTEN_AFTER * bars).ceil() as usize);
        self.bars.unwrap_or(usize::MAX).min(forgotten.max(self.need()))
    }

    pub(super) fn check(&self, table: &str, check: &mut Check) {
        let key = |name: &str| format!("{table}.{name}");
        match (self.bars, self.half_life, self.min_bars) {
            (Some(bars), ..) if bars < 2 => check.add(
                table,
                "`bars` is missing or below 2".to_owned(),
                "say over how many bars mean and variance are estimated: bars = 2160",
            ),
            (None, None, _) => check.add(
                table,
                "`bars` is missing or below 2".to_owned(),
                "say over how many bars mean and variance are estimated: bars = 2160; or with \
                 which half_life in bars",
            ),
            (None, Some(_), None) => check.add(
                table,
                "`min_bars` is missing".to_owned(),
                "say how many bars the estimate needs at least: min_bars = 720",
            ),
            _ => {}
        }
        if let Some(min) = self.min_bars
            && (min < 2 || self.bars.is_some_and(|bars| min > bars))
        {
            let most = if self.bars.is_some() { "a number from 2 to `bars`" } else { "at least 2" };
            check.add(&key("min_bars"), format!("`min_bars` is {min}"), &format!("write {most}"));
        }
        if let Some(half_life) = self.half_life {
            check.above_zero(&key("half_life"), half_life);
        }
    }
}
