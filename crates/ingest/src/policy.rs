//! The rules that archives and lakes are held to, and what is done where one is broken.
//!
//! Every rule has a name, which findings, receipts and settings share, and a policy that a
//! settings table can change:
//!
//! ```toml
//! [policy]
//! ohlc_order   = "repair"
//! unknown_side = "flag"
//! ```

use std::fmt;
use std::str::FromStr;

/// What is done where a rule is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// Nothing of it goes in; for a rule of the lake, the lake is not fit for a study.
    Refuse,
    /// It goes in as it is, and receipt and reports say so.
    Flag,
    /// It is mended as the rule says, and the receipt records it.
    Repair,
}

use Policy::{Flag, Refuse, Repair};

impl Policy {
    /// Every policy, the strictest first.
    pub const ALL: [Self; 3] = [Refuse, Flag, Repair];

    /// The word in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Flag => "flag",
            Self::Repair => "repair",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What there is to know about a rule.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Stable name.
    pub name: &'static str,
    /// What is found, as a clause: `rows are not in order of time`.
    pub what: &'static str,
    /// How [`Policy::Repair`] mends it; empty where it cannot.
    pub repair: &'static str,
    /// The policy unless a setting changes it.
    pub default: Policy,
    /// Every policy that makes sense.
    pub allowed: &'static [Policy],
}

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident($name:literal, $default:ident of [$($allowed:ident),+], $what:literal, $repair:literal);)+) => {
        /// A rule, of an archive on its way in or of the lake.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Rule { $(#[doc = $what] $rule,)+ }

        impl Rule {
            /// Every rule, those of archives first.
            pub const ALL: &[Self] = &[$(Self::$rule,)+];

            /// Name, meaning, mend and policies.
            pub fn about(self) -> About {
                match self {
                    $(Self::$rule => About {
                        name: $name,
                        what: $what,
                        repair: $repair,
                        default: $default,
                        allowed: &[$($allowed),+],
                    },)+
                }
            }
        }
    };
}

rules! {
    // Of archives.
    Unsorted("unsorted", Repair of [Refuse, Repair], "rows are not in order of time", "sorted");
    RepeatedRow("repeated_row", Repair of [Refuse, Repair], "a row stands there more than once", "kept once");
    RepeatedRowDiffers("repeated_row_differs", Refuse of [Refuse, Repair], "two rows of one time differ", "the first is kept");
    PriceNotPositive("price_not_positive", Refuse of [Refuse, Repair], "a price is not a positive number", "the row is dropped");
    OhlcOrder("ohlc_order", Refuse of [Refuse, Repair], "open or close lies outside low and high", "low and high are widened to hold them");
    InvalidVolume("invalid_volume", Refuse of [Refuse, Repair], "a volume or count is negative or no number", "the row is dropped");
    OffGrid("off_grid", Refuse of [Refuse, Repair], "a bar does not open on the grid of its interval", "the row is dropped");
    ClosesEarly("closes_early", Refuse of [Refuse, Repair], "a bar that is not the last closes before its interval is over", "the row is dropped");
    FormingBar("forming_bar", Repair of [Refuse, Flag, Repair], "the last bar was not over", "the bar is dropped");
    FillerBars("filler_bars", Flag of [Refuse, Flag, Repair], "bars without trades at one price run to the end, as after a delisting", "they are cut off");
    QuietBars("quiet_bars", Repair of [Flag, Repair], "intervals without a trade in an archive of trades", "flat bars of no volume are written at the price before");
    SampledPrices("sampled_prices", Flag of [Refuse, Flag], "bars are made of snapshots, so that extremes between them are unknown", "");
    PercentRate("percent_rate", Refuse of [Refuse, Flag, Repair], "funding rates look like percentages", "divided by 100");
    LateSettlement("late_settlement", Flag of [Refuse, Flag], "settlements are stamped late, and belong to the hour before", "");
    OffSettlement("off_settlement", Flag of [Refuse, Flag], "stamped away from any settlement; kept at their own time", "");
    DoubledRows("doubled_rows", Repair of [Refuse, Flag, Repair], "every row is written twice", "one of two is kept");
    OddRowCount("odd_row_count", Flag of [Refuse, Flag], "rows are not written twice as all others are", "");
    UnfilledOrder("unfilled_order", Repair of [Refuse, Repair], "an order had no fill", "the row is dropped");
    UnknownSide("unknown_side", Refuse of [Refuse, Flag], "the liquidated side cannot be told", "");
    ZeroOpenInterest("zero_open_interest", Repair of [Refuse, Flag, Repair], "open interest is zero, which is a failure of the feed", "the row is dropped");
    FeedRestart("feed_restart", Flag of [Refuse, Flag, Repair], "open interest climbs from near zero, as after a restart of the feed", "the rows are dropped");
    EarlyStamp("early_stamp", Repair of [Refuse, Flag, Repair], "rows are stamped before what they describe was known", "moved to the time at which it became known");
    VoidTrade("void_trade", Repair of [Refuse, Repair], "a trade has no price and no quantity, as the venue writes those that it withdrew", "the row is dropped");
    LowerBound("lower_bound", Flag of [Refuse, Flag], "the venue tells at most one forced order a second, so that sums are a lower bound", "");
    OutsidePeriod("outside_period", Flag of [Refuse, Flag, Repair], "rows lie outside the period that the file is named for", "the rows are dropped");
    TotalDiffers("total_differs", Flag of [Refuse, Flag], "a total is not the sum of its parts", "");
    UnpaidRate("unpaid_rate", Repair of [Refuse, Repair], "a settlement has no rate that was paid", "the row is dropped");
    BankruptcyPrice("bankruptcy_price", Flag of [Refuse, Flag], "the price is the bankruptcy price of the position, not that of a fill", "");
    RecorderSilence("recorder_silence", Flag of [Flag], "nothing was recorded for longer than a recorder that works would leave; that time is not covered", "");
    MissingTrades("missing_trades", Repair of [Refuse, Flag, Repair], "trades are missing by their ids", "no bar is made that they may belong to");
    TradeSilence("trade_silence", Flag of [Refuse, Flag], "no trade for longer than a market surely is quiet, and no ids that show that none is missing; no bars are written there", "");
    FundingEstimates("funding_estimates", Refuse of [Refuse, Flag], "most funding rates are stamped away from any settlement, as estimates are", "");
    LakeConflict("lake_conflict", Refuse of [Refuse, Flag, Repair], "rows differ from what the lake holds", "they replace those of the lake");
    // Of the lake.
    Unreadable("unreadable", Refuse of [Refuse], "a file cannot be read", "");
    BrokenBar("broken_bar", Refuse of [Refuse, Flag], "bars contradict themselves or are off their grid", "");
    RepeatedTime("repeated_time", Refuse of [Refuse, Flag], "times stand more than once", "");
    MissingMonth("missing_month", Refuse of [Refuse, Flag], "a month between others is missing", "");
    Gap("gap", Flag of [Refuse, Flag], "bars or settlements are missing between others", "");
    IntervalDisagreement("interval_disagreement", Refuse of [Refuse, Flag], "bars of two intervals contradict each other", "");
    MarkMissing("mark_missing", Flag of [Refuse, Flag], "candles have no mark candle of the same length", "");
    MarkFar("mark_far", Flag of [Refuse, Flag], "the mark closes far from the last price", "");
    MarkSwapped("mark_swapped", Refuse of [Refuse, Flag], "mark and last price look exchanged", "");
    Jump("jump", Flag of [Refuse, Flag], "prices jump further than this market's moves explain", "");
    ZeroVolume("zero_volume", Flag of [Refuse, Flag], "bars without trades: a halt, or filler after a delisting", "");
    FundingMissing("funding_missing", Flag of [Refuse, Flag], "candles at which funding is unknown", "");
    FundingUnit("funding_unit", Refuse of [Refuse, Flag], "funding rates are of another size than at other venues", "");
    ExtremeFunding("extreme_funding", Flag of [Refuse, Flag], "funding above 1 % of the notional per interval", "");
    ReceiptMismatch("receipt_mismatch", Refuse of [Refuse, Flag], "a file and its receipt disagree", "");
    StrayFile("stray_file", Flag of [Refuse, Flag], "a file in the lake's folder is not the lake's", "");
    MarkCopied("mark_copied", Flag of [Refuse, Flag], "mark candles are copies of trade prices", "");
    VolumeDisagreement("volume_disagreement", Flag of [Refuse, Flag], "bars of two intervals have the same prices and different volumes", "");
    OpenInterestHole("open_interest_hole", Flag of [Refuse, Flag], "snapshots of open interest are missing between others", "");
    LiquidationUnknown("liquidation_unknown", Flag of [Refuse, Flag], "time between archives at which liquidations are unknown, which is not quiet", "");
    LongGap("long_gap", Refuse of [Refuse, Flag], "bars or settlements of a week or more are missing between others", "");
    MarkWrong("mark_wrong", Refuse of [Refuse, Flag], "the mark closes too far from the last price for both to be of one market", "");
    ArchiveFlag("archive_flag", Flag of [Refuse, Flag], "what was flagged when the archive was taken in", "");
}

impl Rule {
    /// Stable name.
    pub fn name(self) -> &'static str {
        self.about().name
    }

    /// Whether it is a rule of the lake, which `check` looks at, and not of archives.
    pub fn is_of_lake(self) -> bool {
        self >= Self::Unreadable
    }

    /// The words that a setting of it may be: `refuse or repair`.
    pub fn allowed_words(self) -> String {
        let words: Vec<&str> = self.about().allowed.iter().map(|policy| policy.name()).collect();
        match words.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        }
    }
}

/// A rule is the same as its name.
impl PartialEq<&str> for Rule {
    fn eq(&self, name: &&str) -> bool {
        self.name() == *name
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A policy for every rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies(Vec<Policy>);

impl Default for Policies {
    fn default() -> Self {
        Self(Rule::ALL.iter().map(|rule| rule.about().default).collect())
    }
}

impl Policies {
    /// What is done where a rule is broken.
    pub fn of(&self, rule: Rule) -> Policy {
        self.0[rule as usize]
    }

    /// Changes the policy of a rule.
    ///
    /// # Errors
    /// [`PolicyError::NotAllowed`] where the policy makes no sense for the rule.
    pub fn set(&mut self, rule: Rule, policy: Policy) -> Result<(), PolicyError> {
        if !rule.about().allowed.contains(&policy) {
            return Err(PolicyError::NotAllowed { rule, policy });
        }
        self.0[rule as usize] = policy;
        Ok(())
    }
}

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// No rule of that name.
    #[error("`{text}` is not a rule; {}", nearest(text))]
    UnknownRule {
        /// The text as given.
        text: String,
    },
    /// No policy of that name.
    #[error("`{text}` is not a policy; write refuse, flag or repair")]
    UnknownPolicy {
        /// The text as given.
        text: String,
    },
    /// A policy that the rule has no way to follow.
    #[error("`{rule}` cannot be `{policy}`; it can be {}", rule.allowed_words())]
    NotAllowed {
        /// The rule.
        rule: Rule,
        /// The policy asked for.
        policy: Policy,
    },
}

impl FromStr for Rule {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let found = Self::ALL.iter().copied().find(|rule| rule.name() == text);
        found.ok_or_else(|| PolicyError::UnknownRule { text: text.to_owned() })
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let found = Self::ALL.into_iter().find(|policy| policy.name() == text);
        found.ok_or_else(|| PolicyError::UnknownPolicy { text: text.to_owned() })
    }
}

/// The rule that was probably meant, else all of them.
fn nearest(text: &str) -> String {
    let names = || Rule::ALL.iter().map(|rule| rule.name());
    let near = names().map(|name| (strsim::levenshtein(text, name), name)).min();
    match near {
        Some((distance, name)) if distance <= 2 => format!("did you mean `{name}`?"),
        _ => format!("the rules are {}", names().collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_can_be_followed() {
        let mut names = BTreeSet::new();
        for rule in Rule::ALL {
            let about = rule.about();
            assert!(names.insert(about.name), "{rule} twice");
            assert_eq!(about.name.parse::<Rule>().unwrap(), *rule);
            assert!(about.allowed.contains(&about.default), "{rule}");
            assert!(about.allowed.is_sorted(), "{rule}");
            assert_eq!(about.allowed.contains(&Repair), !about.repair.is_empty(), "{rule}");
            assert!(!about.what.is_empty() && !about.what.ends_with('.'), "{rule}");
        }
    }

    #[test]
    fn a_policy_that_makes_no_sense_is_refused_and_changes_nothing() {
        let mut policies = Policies::default();
        let error = policies.set(Rule::OhlcOrder, Flag).unwrap_err();
        assert_eq!(error.to_string(), "`ohlc_order` cannot be `flag`; it can be refuse or repair");
        assert_eq!(policies, Policies::default());
        policies.set(Rule::OhlcOrder, Repair).unwrap();
        assert_eq!(policies.of(Rule::OhlcOrder), Repair);
        assert_eq!(policies.of(Rule::OffGrid), Refuse);
        assert_eq!(
            "fixed".parse::<Policy>().unwrap_err().to_string(),
            "`fixed` is not a policy; write refuse, flag or repair"
        );
        let unknown = "gaps".parse::<Rule>().unwrap_err().to_string();
        assert_eq!(unknown, "`gaps` is not a rule; did you mean `gap`?");
        let unknown = "speed_limit".parse::<Rule>().unwrap_err().to_string();
        assert!(unknown.contains("the rules are unsorted, repeated_row,"), "{unknown}");
    }
}
