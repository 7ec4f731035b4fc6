//! What a rule came to over many worlds.

use plimsoll_risk::moments::Moments;
use plimsoll_risk::proportion::wilson_interval;
use serde::Serialize;

use super::Growth;

/// Level of every interval.
pub const LEVEL: f64 = 0.95;
/// Its half width in standard errors, over worlds that are drawn independently.
const STANDARD_ERRORS: f64 = 1.959_963_984_540_054;
/// Depth that counts as a deep drawdown.
pub const DRAWDOWN: f64 = 0.5;

/// One rule in one world, out of sample.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Played {
    /// Log growth per trade as it came; minus infinity after a liquidation.
    pub(super) growth: Growth,
    /// True log growth per trade of the sizes chosen, whatever the luck of the draws.
    pub(super) true_growth: Growth,
    /// Largest loss from the running peak; 1 after a liquidation.
    pub(super) drawdown: f64,
    /// Sum of the leverages over the trades played.
    pub(super) leverage_sum: f64,
    /// Trades with a size.
    pub(super) traded: usize,
    /// Trades played, those without a size included.
    pub(super) trades: usize,
    /// Why the first trade without a size had none; empty if all had one.
    pub(super) reason: &'static str,
}

/// A rule over all worlds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleTally {
    /// The rule's name.
    pub rule: String,
    /// Mean over worlds of the log growth per trade; minus infinity if the rule was ruined in any.
    pub growth_mean: Growth,
    /// What that is the mean of.
    pub growth_mean_of: MeanOf,
    /// Its 95 % interval; none where ruin was possible in any world, whether it came or not: the
    /// growth that the worlds are a sample of is then minus infinity.
    pub growth_interval: Option<Interval>,
    /// Median over worlds.
    pub growth_median: Growth,
    /// Mean over worlds of the true log growth of the sizes chosen: minus infinity if any of them
    /// could have lost everything in one trade.
    pub true_growth_mean: Growth,
    /// The same in the worlds without an edge only; none where there are no such worlds.
    pub true_growth_mean_without_edge: Option<Growth>,
    /// Share of the true Kelly growth that it reached, means over all worlds; none where the true
    /// growth is minus infinity or nothing can be won in any world.
    pub oracle_share: Option<f64>,
    /// Mean over worlds of the log growth per trade less the baseline's in the same world; none
    /// where either had ruin as a possible outcome in some world, and for the baseline itself.
    pub difference_mean: Option<f64>,
    /// Its 95 % interval.
    pub difference_interval: Option<Interval>,
    /// Share of worlds in which it grew faster than the baseline, a tie counting half.
    pub faster_share: Option<f64>,
    /// Share of worlds that ended with less than they began with.
    pub lost: Share,
    /// Share of worlds with a drawdown of a half or deeper.
    pub deep_drawdown: Share,
    /// Share of worlds in which the account was liquidated.
    pub ruined: Share,
    /// Share of worlds in which a size was chosen that one possible trade would have liquidated.
    pub ruin_risked: Share,
    /// Mean leverage over all trades that were played.
    pub leverage_mean: f64,
    /// Share of the trades that were given a size.
    pub traded_share: f64,
    /// Why the first trade without a size had none; empty if all had one.
    pub no_trade_reason: &'static str,
}

/// What a mean growth is the mean of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MeanOf {
    /// Of all worlds.
    AllWorlds,
    /// Of worlds that all survived although one possible trade would have ruined some of them: the
    /// rule's growth is minus infinity, and the number is the luck of the draw.
    SurvivingWorlds,
}

impl MeanOf {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::AllWorlds => "all_worlds",
            Self::SurvivingWorlds => "surviving_worlds",
        }
    }
}

/// A two-sided interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A share of worlds with its 95 % Wilson interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// The share of the worlds that were run.
    pub of_worlds: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Share {
    fn of(played: &[&Played], holds: impl Fn(&Played) -> bool) -> Self {
        let hits = played.iter().filter(|world| holds(world)).count() as u64;
        let trials = played.len() as u64;
        let (low, high) = wilson_interval(hits, trials, LEVEL).expect("there are worlds");
        Self { of_worlds: hits as f64 / trials as f64, low, high }
    }
}

impl RuleTally {
    /// Sums a rule up: what it, the baseline (none: it is the baseline) and true Kelly did in each
    /// world, and whether the world has an edge.
    pub(super) fn of(
        rule: &str,
        played: &[&Played],
        baseline: Option<&[&Played]>,
        oracle: &[&Played],
        has_edge: &[bool],
    ) -> Self {
        let growth: Vec<Growth> = played.iter().map(|world| world.growth).collect();
        let true_growth: Vec<Growth> = played.iter().map(|world| world.true_growth).collect();
        let without_edge: Vec<Growth> = true_growth
            .iter()
            .zip(has_edge)
            .filter(|(_, has_edge)| !**has_edge)
            .map(|(growth, _)| *growth)
            .collect();
        let differences = baseline.and_then(|baseline| differences(played, baseline));
        let difference = differences.as_deref().map(mean_and_interval);
        let trades: usize = played.iter().map(|world| world.trades).sum();
        let per_trade = |sum: f64| if trades > 0 { sum / trades as f64 } else { 0.0 };
        let true_growth_mean = Growth::mean(&true_growth);
        let growth_mean = Growth::mean(&growth);
        let is_at_risk = can_be_ruined(played);
        let survived = is_at_risk && growth_mean != Growth::MinusInfinity;
        Self {
            rule: rule.to_owned(),
            growth_mean,
            growth_mean_of: if survived { MeanOf::SurvivingWorlds } else { MeanOf::AllWorlds },
            growth_interval: finite(&growth)
                .filter(|_| !is_at_risk)
                .map(|values| mean_and_interval(&values).1),
            growth_median: median(&growth),
            true_growth_mean,
            true_growth_mean_without_edge: (!without_edge.is_empty())
                .then(|| Growth::mean(&without_edge)),
            oracle_share: oracle_share(true_growth_mean, oracle),
            difference_mean: difference.map(|(mean, _)| mean),
            difference_interval: difference.map(|(_, interval)| interval),
            faster_share: baseline.map(|baseline| faster_share(played, baseline)),
            lost: Share::of(played, |world| world.growth < Growth::Finite(0.0)),
            deep_drawdown: Share::of(played, |world| world.drawdown >= DRAWDOWN),
            ruined: Share::of(played, |world| world.growth == Growth::MinusInfinity),
            ruin_risked: Share::of(played, |world| world.true_growth == Growth::MinusInfinity),
            leverage_mean: per_trade(played.iter().map(|world| world.leverage_sum).sum()),
            traded_share: per_trade(played.iter().map(|world| world.traded as f64).sum()),
            no_trade_reason: played
                .iter()
                .map(|world| world.reason)
                .find(|reason| !reason.is_empty())
                .unwrap_or(""),
        }
    }
}

/// The values, unless one is minus infinity.
fn finite(values: &[Growth]) -> Option<Vec<f64>> {
    let number = |value: &Growth| match value {
        Growth::MinusInfinity => None,
        Growth::Finite(value) => Some(*value),
    };
    values.iter().map(number).collect()
}

fn mean_and_interval(values: &[f64]) -> (f64, Interval) {
    let moments = Moments::of(values).expect("there are worlds");
    let sd = moments.standard_deviation_sample().unwrap_or(0.0);
    let half = STANDARD_ERRORS * sd / (values.len() as f64).sqrt();
    (moments.mean, Interval { low: moments.mean - half, high: moments.mean + half })
}

/// The mean of the two middle values; minus infinity if the lower one is.
fn median(values: &[Growth]) -> Growth {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.value().total_cmp(&b.value()));
    let n = sorted.len();
    Growth::mean(&[sorted[(n - 1) / 2], sorted[n / 2]])
}

/// Whether in any world one possible trade would have liquidated the size chosen.
fn can_be_ruined(played: &[&Played]) -> bool {
    let minus_infinity = Growth::MinusInfinity;
    played.iter().any(|world| [world.growth, world.true_growth].contains(&minus_infinity))
}

/// Growth less the baseline's, world by world; none where either can be ruined.
fn differences(played: &[&Played], baseline: &[&Played]) -> Option<Vec<f64>> {
    if can_be_ruined(played) || can_be_ruined(baseline) {
        return None;
    }
    let number = |(own, other): (&&Played, &&Played)| match (own.growth, other.growth) {
        (Growth::Finite(own), Growth::Finite(other)) => Some(own - other),
        _ => None,
    };
    played.iter().zip(baseline).map(number).collect()
}

fn faster_share(played: &[&Played], baseline: &[&Played]) -> f64 {
    let score = |(own, other): (&&Played, &&Played)| {
        if own.growth > other.growth {
            1.0
        } else if own.growth < other.growth {
            0.0
        } else {
            0.5
        }
    };
    played.iter().zip(baseline).map(score).sum::<f64>() / played.len() as f64
}

fn oracle_share(own: Growth, oracle: &[&Played]) -> Option<f64> {
    let oracle: Vec<Growth> = oracle.iter().map(|world| world.true_growth).collect();
    match (own, Growth::mean(&oracle)) {
        (Growth::Finite(own), Growth::Finite(best)) if best > 0.0 => Some(own / best),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use super::*;

    fn played(growth: f64, true_growth: f64, drawdown: f64) -> Played {
        let growth_of = |value: f64| {
            if value.is_finite() { Growth::Finite(value) } else { Growth::MinusInfinity }
        };
        Played {
            growth: growth_of(growth),
            true_growth: growth_of(true_growth),
            drawdown,
            leverage_sum: 20.0,
            traded: 8,
            trades: 10,
            reason: "",
        }
    }

    fn tally(rule: &[Played], baseline: &[Played]) -> RuleTally {
        let oracle: Vec<Played> = vec![played(0.0, 0.05, 0.0); rule.len()];
        let (own, base, best): (Vec<&Played>, Vec<&Played>, Vec<&Played>) =
            (rule.iter().collect(), baseline.iter().collect(), oracle.iter().collect());
        let has_edge: Vec<bool> = (0..rule.len()).map(|i| i > 0).collect();
        RuleTally::of("rule", &own, Some(&base), &best, &has_edge)
    }

    #[test]
    fn four_worlds_by_hand() {
        let rule = [
            played(-0.02, -0.01, 0.6),
            played(0.01, 0.02, 0.5),
            played(0.03, 0.04, 0.4),
            played(0.06, 0.03, 0.1),
        ];
        let baseline = [
            played(-0.01, 0.0, 0.2),
            played(0.01, 0.0, 0.2),
            played(0.02, 0.0, 0.2),
            played(0.02, 0.0, 0.2),
        ];
        let tally = tally(&rule, &baseline);
        assert!((tally.growth_mean.value() - 0.02).abs() < 1e-15);
        assert_eq!(tally.growth_median, Growth::Finite(0.02));
        // Deviations -0.04, -0.01, 0.01, 0.04: variance 0.0034 / 3, error its root over 2.
        let half = 1.959_964 * (0.0034_f64 / 3.0).sqrt() / 2.0;
        let interval = tally.growth_interval.unwrap();
        assert!(
            (interval.high - 0.02 - half).abs() < 1e-9 && (0.02 - interval.low - half).abs() < 1e-9
        );
        assert!((tally.true_growth_mean.value() - 0.02).abs() < 1e-15);
        assert_eq!(tally.true_growth_mean_without_edge, Some(Growth::Finite(-0.01)));
        assert!((tally.oracle_share.unwrap() - 0.4).abs() < 1e-12);
        // Differences -0.01, 0, 0.01, 0.04.
        assert!((tally.difference_mean.unwrap() - 0.01).abs() < 1e-15);
        assert_eq!(tally.faster_share, Some(0.625));
        assert_eq!((tally.lost.of_worlds, tally.deep_drawdown.of_worlds), (0.25, 0.5));
        assert_eq!((tally.ruined.of_worlds, tally.ruin_risked.of_worlds), (0.0, 0.0));
        assert_eq!((tally.leverage_mean, tally.traded_share), (2.0, 0.8));
        assert_eq!(tally.growth_mean_of, MeanOf::AllWorlds);
    }

    #[test]
    fn ruin_that_did_not_come_leaves_no_interval() {
        let safe = || [played(0.1, 0.1, 0.1), played(0.2, 0.1, 0.1)];
        let lucky = || [played(0.5, f64::NEG_INFINITY, 0.1), played(0.5, 0.1, 0.1)];
        let of = |rule: &[Played], baseline: &[Played]| tally(rule, baseline);
        let at_risk = of(&lucky(), &safe());
        assert_eq!(at_risk.growth_mean, Growth::Finite(0.5));
        assert_eq!(at_risk.growth_mean_of, MeanOf::SurvivingWorlds);
        assert_eq!((at_risk.growth_interval, at_risk.difference_interval), (None, None));
        assert_eq!((at_risk.difference_mean, at_risk.ruined.of_worlds), (None, 0.0));
        assert_eq!((at_risk.ruin_risked.of_worlds, at_risk.faster_share), (0.5, Some(1.0)));
        // Against a baseline that was only lucky there is no difference either.
        let sound = of(&safe(), &lucky());
        assert!(sound.growth_interval.is_some() && sound.difference_mean.is_none());
        assert_eq!(sound.growth_mean_of, MeanOf::AllWorlds);
    }

    #[test]
    fn one_ruined_world_is_not_averaged_away() {
        let infinite = f64::NEG_INFINITY;
        let rule =
            [played(infinite, infinite, 1.0), played(0.5, infinite, 0.1), played(0.5, 0.1, 0.1)];
        let baseline = [played(0.1, 0.1, 0.1), played(0.1, 0.1, 0.1), played(0.1, 0.1, 0.1)];
        let tally = tally(&rule, &baseline);
        assert_eq!(tally.growth_mean, Growth::MinusInfinity);
        assert_eq!(tally.growth_mean_of, MeanOf::AllWorlds);
        assert_eq!(tally.true_growth_mean, Growth::MinusInfinity);
        assert_eq!(tally.growth_median, Growth::Finite(0.5));
        assert_eq!(
            (tally.growth_interval, tally.difference_mean, tally.oracle_share),
            (None, None, None)
        );
        assert_eq!(tally.faster_share, Some(2.0 / 3.0));
        assert_eq!((tally.ruined.of_worlds, tally.ruin_risked.of_worlds), (1.0 / 3.0, 2.0 / 3.0));
        // It lost everything: it lost, and it fell by more than a half.
        assert_eq!((tally.lost.of_worlds, tally.deep_drawdown.of_worlds), (1.0 / 3.0, 1.0 / 3.0));
    }
}
