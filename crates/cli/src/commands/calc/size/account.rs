//! The account around the position, as far as the rule's limits look at it.

use plimsoll_market::Side;
use plimsoll_sizing::formulas::{Behind, leverage_inside_liquidation};
use plimsoll_sizing::rule::{FloorOf, SizingBase};
use plimsoll_sizing::{GivenMoment, SizingError, SizingRule};
use plimsoll_study::Study;
use plimsoll_venue::Ladder;

use super::super::answer::{Answer, percent, plain, times};
use super::setting::Venue;
use crate::args::{ModeArgument, SizeArguments};

/// Numbers of the account, those that are given.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Account {
    initial_equity: Option<f64>,
    peak_equity: Option<f64>,
    heat: Option<f64>,
    exposure: Option<f64>,
    is_isolated: Option<bool>,
    other_maintenance: Option<f64>,
}

impl Account {
    pub(super) fn of(
        arguments: &SizeArguments,
        study: Option<&Study>,
        equity: Option<f64>,
    ) -> Self {
        let flags = &arguments.account;
        let mode = flags.mode.map(|mode| mode == ModeArgument::Isolated);
        Self {
            initial_equity: flags.initial_equity.or(equity.filter(|_| study.is_some())),
            peak_equity: flags.peak_equity,
            heat: flags.heat,
            exposure: flags.exposure_now,
            is_isolated: mode
                .or_else(|| study.map(|study| study.settings.margin.name() == "isolated")),
            other_maintenance: flags.other_maintenance,
        }
    }

    /// Flags of the numbers that the rule needs and that are not given, with the limit that needs
    /// each.
    pub(super) fn missing(
        &self,
        rule: &SizingRule,
        moment: &GivenMoment,
        has_venue: bool,
    ) -> Vec<(&'static str, &'static str)> {
        let mut missing = Vec::new();
        let mut need = |flag, limit, is_given: bool| {
            if !is_given && !missing.iter().any(|(known, _)| *known == flag) {
                missing.push((flag, limit));
            }
        };
        if rule.liquidation_distance.is_some() {
            let limit = "liquidation_distance";
            need("--venue, --symbol and --at", limit, has_venue);
            need("--side", limit, moment.side.is_some());
            need("--mode", limit, self.is_isolated.is_some());
            let is_cross = self.is_isolated == Some(false);
            need("--other-maintenance", limit, !is_cross || self.other_maintenance.is_some());
        }
        if rule.sizing_base == SizingBase::Initial {
            need("--initial-equity", "sizing_base", self.initial_equity.is_some());
        }
        if let Some(control) = &rule.drawdown_control {
            let limit = "drawdown_control";
            match control.floor_of {
                FloorOf::Initial => need("--initial-equity", limit, self.initial_equity.is_some()),
                FloorOf::Peak => need("--peak-equity", limit, self.peak_equity.is_some()),
            }
            need("--exposure-now", limit, self.exposure.is_some());
        }
        if rule.heat.is_some() {
            need("--heat", "heat", self.heat.is_some());
            need("--stop (or --stop-distance)", "heat", moment.stop_price.is_some());
        }
        for (limit, is_there) in
            [("exposure", rule.exposure.is_some()), ("venue_share", rule.venue_share.is_some())]
        {
            need("--exposure-now", limit, !is_there || self.exposure.is_some());
        }
        missing
    }

    /// A running maximum below the equity is none.
    pub(super) fn peak_is_below(&self, equity: f64) -> Option<f64> {
        self.peak_equity.filter(|peak| *peak < equity)
    }

    /// Equity at the start; where no limit looks at it, that at the decision.
    pub(super) fn initial_equity(&self, equity: f64) -> f64 {
        self.initial_equity.unwrap_or(equity)
    }

    /// The highest equity; where no limit looks at it, that at the decision.
    pub(super) fn peak_equity(&self, equity: f64) -> f64 {
        self.peak_equity.unwrap_or(equity)
    }

    /// Heat of the other positions.
    pub(super) fn heat(&self) -> Result<f64, SizingError> {
        self.heat.ok_or(SizingError::NotGiven { name: "heat" })
    }

    /// Gross exposure of the other positions; where no limit looks at it, none.
    pub(super) fn exposure(&self) -> f64 {
        self.exposure.unwrap_or(0.0)
    }

    /// The largest leverage at which the move does not liquidate, by the venue's brackets.
    pub(super) fn leverage_inside_liquidation(
        &self,
        ladder: Option<&Ladder>,
        moment: &GivenMoment,
        equity: f64,
        distance: f64,
    ) -> Result<f64, SizingError> {
        let given = |name| SizingError::NotGiven { name };
        let ladder = ladder.ok_or(given("ladder"))?;
        let side = moment.side.map(Side::sign).ok_or(given("side"))?;
        let price = moment.price.ok_or(given("price"))?;
        let behind = if self.is_isolated.ok_or(given("mode"))? {
            Behind::Isolated { leverage: moment.account_leverage.ok_or(given("account_leverage"))? }
        } else {
            let other_maintenance = self.other_maintenance.ok_or(given("other_maintenance"))?;
            Behind::Cross { other_maintenance }
        };
        leverage_inside_liquidation(ladder, side, price, equity, behind, distance)
    }

    /// The numbers that are given, for people.
    pub(super) fn describe(&self, answer: &mut Answer) {
        if let Some(is_isolated) = self.is_isolated {
            answer.input("margin", if is_isolated { "isolated" } else { "cross" });
        }
        for (label, value) in [
            ("equity at the start", self.initial_equity.map(plain)),
            ("highest equity", self.peak_equity.map(plain)),
            ("heat of the others", self.heat.map(percent)),
            ("exposure of the others", self.exposure.map(times)),
            ("maintenance of the others", self.other_maintenance.map(plain)),
        ] {
            if let Some(value) = value {
                answer.input(label, value);
            }
        }
    }
}

/// The brackets of the venue's contract, if the tables have them at that time.
pub(super) fn ladder(venue: Option<&Venue>) -> Option<&Ladder> {
    let venue = venue?;
    venue.rules.ladder(&venue.symbol, venue.at).ok()
}
