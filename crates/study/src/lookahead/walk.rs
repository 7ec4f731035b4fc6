//! One run of a strategy over a market, as far as it is compared.

use plimsoll_engine::{Decision, MarginMode, Prepared, Span, size_free_trades};
use plimsoll_market::{Market, SignalColumns, SizeFreeTrade};
use plimsoll_signal::{FeatureColumn, SignalRow, read_signal_file};
use plimsoll_sizing::{LimitInputs, PlannedSize, SizingRule};
use plimsoll_venue::VenueRules;
use plimsoll_venue::margin::MarginRules;
use rayon::prelude::*;

use crate::error::StudyError;
use crate::parse::Study;
use crate::planner::Planner;
use crate::run::Places;
use crate::tables::Tables;

/// What one run leaves to be compared.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    /// Every feature's values, symbol by symbol.
    pub features: Vec<FeatureColumn>,
    /// The signal columns, one entry a symbol.
    pub signals: Vec<SignalColumns>,
    /// The size-free trades in order of decision bar, then of symbol.
    pub trades: Vec<SizeFreeTrade>,
    /// The rules in file order.
    pub rules: Vec<RuleWalk>,
}

/// One rule's part of a run.
#[derive(Clone, Debug)]
pub struct RuleWalk {
    /// The rule's name.
    pub name: String,
    /// Limits and multipliers, one plan a trade.
    pub plans: Vec<PlannedSize>,
    /// The decisions of the account that holds every symbol, in time order.
    pub decisions: Vec<Decision>,
}

/// Walks a study over one market after another.
pub struct Walker<'a> {
    study: &'a Study,
    venue: VenueRules,
    margin_rules: Option<MarginRules>,
    rows: Option<Vec<SignalRow>>,
}

impl<'a> Walker<'a> {
    /// Reads the tables and the signal file that the strategy names.
    ///
    /// # Errors
    /// A file that cannot be read or holds what it may not.
    pub fn new(study: &'a Study, places: &Places) -> Result<Self, StudyError> {
        let tables = Tables::read(study, &places.strategy_dir)?;
        let rows = study.signal.signal.file.as_ref();
        Ok(Self {
            study,
            venue: VenueRules::load(&study.data.venue, &tables.csv())?,
            margin_rules: tables.margin_rules(study)?,
            rows: rows.map(|file| read_signal_file(&places.strategy_dir.join(file))).transpose()?,
        })
    }

    /// The strategy on a market: features, signal, trades, and each rule's sizes from the first
    /// bar of the study's period on.
    ///
    /// # Errors
    /// Tables that do not reach, a signal that contradicts itself.
    pub fn walk(&self, market: &Market) -> Result<Walk, StudyError> {
        let study = self.study;
        let from_bar = market.first_bar_from(study.data.from.0);
        let mut prepared = Prepared::new(market, &self.venue, from_bar, study.taker_fee)?;
        if let Some(margin_rules) = &self.margin_rules
            && study.settings.margin == MarginMode::Portfolio
        {
            prepared = prepared.with_portfolio_margin(margin_rules)?;
        }
        let features = study.signal.features(market)?;
        let signals = match &self.rows {
            None => study.signal.evaluate(market)?,
            Some(rows) => study.signal.evaluate_rows(market, rows)?.columns,
        };
        let list = size_free_trades(&prepared, &signals, &study.settings);
        let rules: Vec<SizingRule> = study.rules.iter().map(|named| named.rule.clone()).collect();
        let inputs = LimitInputs::new(market, &rules);
        let planner = Planner::new(&prepared, &inputs, &study.settings, &list);
        let span = Span { from_bar, to_bar: market.n_bars };
        let rules = study
            .rules
            .par_iter()
            .map(|named| {
                let plans = planner.plans(&named.rule, from_bar);
                let outcome = planner.replay(&named.rule, &plans, named.equity, span, None);
                RuleWalk { name: named.name.clone(), plans, decisions: outcome.decisions }
            })
            .collect();
        Ok(Walk { features, signals, trades: list.trades, rules })
    }
}
