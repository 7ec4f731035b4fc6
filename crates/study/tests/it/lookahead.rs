//! Leaks planted on purpose are found and named; the strategies that come with the program have
//! none.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use plimsoll_engine::{Prepared, size_free_trades};
use plimsoll_market::synthetic::{SimulatedSymbol, SimulatorConfig, simulate};
use plimsoll_market::{FundingEvent, Interval, Market, SizeFreeTrade, TradeExit};
use plimsoll_risk::moments::Moments;
use plimsoll_sizing::{DecisionFacts, History, LimitInputs, plan};
use plimsoll_study::lookahead::{
    Change, CutPlace, Later, Lookahead, LookaheadSettings, Subject, Walk, Walker, look, lookahead,
};
use plimsoll_study::{Places, Study, StudyError, Unwatched};
use plimsoll_venue::VenueRules;

use crate::lakes::{AUTUMN, autumn};
use crate::scene::{good_but, good_study};

/// Half a year of hourly bars of two symbols.
fn market() -> &'static Market {
    static MARKET: OnceLock<Market> = OnceLock::new();
    MARKET.get_or_init(|| simulated(Interval::HOUR, 180, &["BTCUSDT", "ETHUSDT"]))
}

fn simulated(interval: Interval, n_days: u32, symbols: &[&str]) -> Market {
    let symbols = symbols.iter().map(|&name| {
        let symbol =
            if name == "BTCUSDT" { SimulatedSymbol::bitcoin() } else { SimulatedSymbol::ether() };
        SimulatedSymbol { symbol: name.into(), ..symbol }
    });
    let config = SimulatorConfig {
        n_days,
        interval,
        step: "15m".parse().unwrap(),
        symbols: symbols.collect(),
        ..SimulatorConfig::demo(5)
    };
    simulate(&config).unwrap().market
}

/// Breakouts with rules of every source of estimates.
fn study() -> &'static Study {
    static STUDY: OnceLock<Study> = OnceLock::new();
    STUDY.get_or_init(|| {
        let text = good_but(&[
            ("from    = 2024-01-01", "from    = 2024-03-01"),
            ("trades = 100, min_trades = 30", "trades = 30, min_trades = 10"),
            (
                "[compare]",
                "[sizing.caps]\nvolatility_target = { annual = 0.4 }\nrisk_cap = 0.02\n\
              funding_cut = { above_8h = 0.0001, multiply = 0.5, periods = 1 }\n\n[compare]",
            ),
        ]);
        good_study(&text, &[])
    })
}

fn nowhere() -> Places {
    Places { data_dir: "nowhere".into(), strategy_dir: "nowhere".into() }
}

/// Looks for what a run of the study is made to read too early.
fn looked(change: impl Fn(&Market, &mut Walk)) -> Lookahead {
    let walker = Walker::new(study(), &nowhere()).unwrap();
    let walk_of = |market: &Market| {
        let mut walk = walker.walk(market)?;
        change(market, &mut walk);
        Ok(walk)
    };
    let from_bar = market().first_bar_from(study().data.from.0);
    look(market(), from_bar, LookaheadSettings { cuts: 4 }, &walk_of, &Unwatched).unwrap()
}

fn named<'a>(found: &'a Lookahead, subject: Subject, name: &str) -> &'a Change {
    let found = &found.changes;
    let change = found.iter().find(|change| change.subject == subject && change.name == name);
    change.unwrap_or_else(|| panic!("no {subject:?} {name} in {found:#?}"))
}

/// The subjects and names of everything that changed.
fn names(found: &Lookahead) -> Vec<(Subject, &str)> {
    let mut names: Vec<(Subject, &str)> =
        found.changes.iter().map(|change| (change.subject, change.name.as_str())).collect();
    names.dedup();
    names
}

#[test]
fn nothing_changes_where_nothing_looks_ahead() {
    let found = looked(|_, _| ());
    assert_eq!(found.changes, []);
    assert!(found.is_clean() && found.notes.is_empty(), "{:?}", found.notes);
    assert_eq!(found.changed, plimsoll_study::lookahead::Compared::default());
    for subject in Subject::ALL {
        assert!(found.compared.of(subject) > 100, "{subject:?}: {:?}", found.compared);
    }
    let places = |place| found.cuts.iter().filter(|cut| cut.place == place).count();
    assert_eq!((places(CutPlace::Spread), places(CutPlace::AfterDecision)), (4, 4));
    assert!(found.cuts.is_sorted_by_key(|cut| cut.time));
}

/// Both symbols are always long or short, so that at one close exits and entries are decided
/// together, and want more than there is: of exposure, of heat, of margin.
#[test]
fn what_the_next_bar_does_not_fill_is_not_known() {
    let text = good_but(&[
        ("from    = 2024-01-01", "from    = 2024-03-01"),
        (
            "upper = { rolling_max = \"high\", bars = 48, lag = 1 }\n",
            "mean = { ema = \"close\", bars = 24 }\n",
        ),
        ("lower = { rolling_min = \"low\", bars = 24, lag = 1 }\n", ""),
        ("long      = \"close > upper\"", "long      = \"close > mean\""),
        ("exit_long = \"close < lower\"", "short     = \"close < mean\""),
        (
            "notional_fraction = 1.0\n",
            "notional_fraction = 1.0\nexposure = 1.5\n\n\
             [sizing.heat]\nnotional_fraction = 1.0\nheat = 0.06\n\n\
             [sizing.margin]\nnotional_fraction = 8.0\n\n\
             [sizing.resized]\nvolatility_target = { annual = 1.5 }\nexposure = 1.5\n\
             resize = { band = 0.02 }\n",
        ),
    ]);
    for simultaneous in ["file_order", "pro_rata"] {
        let shared = format!("account.simultaneous=\"{simultaneous}\"");
        let study = good_study(&text, &[&shared]);
        let walker = Walker::new(&study, &nowhere()).unwrap();
        let walk_of = |market: &Market| walker.walk(market);
        let from_bar = market().first_bar_from(study.data.from.0);
        let settings = LookaheadSettings { cuts: 12 };
        let found = look(market(), from_bar, settings, &walk_of, &Unwatched).unwrap();
        assert_eq!(found.changes, [], "{simultaneous}");
        assert!(found.notes.is_empty() && found.compared.decisions > 1000, "{:?}", found.notes);
    }
}

#[test]
fn a_feature_that_reads_the_next_close() {
    let found = looked(|market, walk| {
        let column = walk.features.iter_mut().find(|f| f.name == "upper" && f.symbol_idx == 1);
        let close = &market.symbols[1].close;
        column.unwrap().values =
            (0..market.n_bars).map(|bar| close.get(bar + 1).copied().unwrap_or(f64::NAN)).collect();
    });
    assert_eq!(names(&found), [(Subject::Feature, "upper")]);
    let change = &found.changes[0];
    assert_eq!((change.symbol.as_str(), change.bars_ahead), ("ETHUSDT", 1));
    assert_eq!(change.rule, None);
    assert_eq!(change.time, change.cut);
    // One value a run: removed and changed at each of the cuts, interrupted behind decisions.
    assert_eq!(change.values, 2 * found.cuts.len() + 4);
    assert_eq!((change.other_value.as_str(), change.later), ("undefined", Later::Removed));
    assert!(change.value.parse::<f64>().unwrap() > 0.0);
    assert_eq!((found.changed.features, found.changed.signals), (change.values, 0));
}

#[test]
fn a_feature_that_is_centred() {
    // The mean of the five bars around each: two of them lie ahead.
    let found = looked(|market, walk| {
        let close = &market.symbols[0].close;
        let centred = |bar: usize| {
            let around = close.get(bar.saturating_sub(2)..bar + 3);
            around.map_or(f64::NAN, |around| around.iter().sum::<f64>() / 5.0)
        };
        walk.features[0].values = (0..market.n_bars).map(centred).collect();
    });
    assert_eq!(named(&found, Subject::Feature, "upper").bars_ahead, 2);
}

#[test]
fn an_edge_from_trades_that_are_still_open() {
    let found = looked(|market, walk| {
        // As if every trade were known with its entry.
        let known_at_entry = |trade: &SizeFreeTrade| SizeFreeTrade {
            exit_bar: trade.entry_bar,
            exit: TradeExit::Signal,
            ..trade.clone()
        };
        let trades: Vec<SizeFreeTrade> = walk.trades.iter().map(known_at_entry).collect();
        let returns = vec![vec![0.0; market.n_bars]; market.symbols.len()];
        let history = History::new(&trades, &returns);
        let rule = study().rules.iter().position(|rule| rule.name == "kelly[fraction=0.25]");
        let rule = rule.unwrap();
        let inputs = LimitInputs::new(market, &[]);
        for (trade, planned) in trades.iter().zip(&mut walk.rules[rule].plans) {
            if planned.limits.is_empty() {
                continue; // Before the period.
            }
            let facts = DecisionFacts {
                symbol_idx: trade.symbol_idx,
                side: trade.side,
                bar: trade.decision_bar,
                price: market.symbols[trade.symbol_idx].close[trade.decision_bar],
                stop_price: trade.initial_stop_price,
                round_trip_cost_fraction: 0.001,
                account_leverage: 10.0,
            };
            *planned = plan(&study().rules[rule].rule, &facts, &inputs, &history);
        }
    });
    assert_eq!(names(&found), [(Subject::Limit, "kelly")]);
    for change in &found.changes {
        assert_eq!(change.rule.as_deref(), Some("kelly[fraction=0.25]"));
        assert!(change.bars_ahead >= 1 && change.time <= change.cut);
        assert_ne!(change.value, change.other_value);
    }
    assert!(found.changed.limits > 0 && found.changed.multipliers == 0);
}

#[test]
fn a_limit_from_the_volatility_of_the_whole_sample() {
    let found = looked(|market, walk| {
        for (planned, trade) in walk.rules[3].plans.iter_mut().zip(&walk.trades) {
            let mut close = market.symbols[trade.symbol_idx].close.clone();
            close.retain(|price| !price.is_nan());
            let returns: Vec<f64> = close.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect();
            let deviation = Moments::of(&returns).unwrap().standard_deviation_sample().unwrap();
            for limit in planned.limits.iter_mut().filter(|l| l.name == "volatility_target") {
                limit.value = Ok(0.4 / (deviation * 8760.0_f64.sqrt()));
            }
        }
    });
    assert_eq!(names(&found), [(Subject::Limit, "volatility_target")]);
    let change = &found.changes[0];
    assert_eq!(change.rule.as_deref(), Some("caps"));
    // Every decision before the last cut reads to the end.
    assert!(change.bars_ahead > 1000, "{change:?}");
}

#[test]
fn a_gate_that_knows_the_next_funding() {
    let found = looked(|market, walk| {
        for (planned, trade) in walk.rules[3].plans.iter_mut().zip(&walk.trades) {
            let now = market.close_time(trade.decision_bar);
            let funding = &market.symbols[trade.symbol_idx].funding;
            let next = funding.partition_point(|event| event.settlement_time <= now);
            for gate in &mut planned.multipliers {
                gate.value = Ok(funding.get(next).map_or(0.0, FundingEvent::rate_8h));
            }
        }
    });
    assert_eq!(names(&found), [(Subject::Multiplier, "funding_cut")]);
}

#[test]
fn an_entry_that_waits_for_the_future_high() {
    // The signal enters where the next bar makes a new high; trades and sizes follow from it.
    let venue = VenueRules::load("binance-usdm", &[]).unwrap();
    let found = looked(|market, walk| {
        for (signal, symbol) in walk.signals.iter_mut().zip(&market.symbols) {
            for bar in 48..market.n_bars {
                let before = symbol.high[bar - 47..=bar].iter().copied().fold(0.0, f64::max);
                signal.entry[bar] =
                    i8::from(symbol.high.get(bar + 1).is_some_and(|high| *high > before));
            }
        }
        let from_bar = market.first_bar_from(study().data.from.0);
        let prepared = Prepared::new(market, &venue, from_bar, None).unwrap();
        walk.trades = size_free_trades(&prepared, &walk.signals, &study().settings).trades;
        walk.rules.clear();
    });
    let change = named(&found, Subject::Signal, "entry");
    assert_eq!((change.rule.as_deref(), change.bars_ahead), (None, 1));
    assert!([&change.value, &change.other_value].iter().any(|value| *value == "long"));
    assert!(found.changes.iter().all(|change| change.name == "entry"), "{:#?}", found.changes);
}

#[test]
fn a_trade_and_a_decision_that_change() {
    // A stop that lies at the lowest price of the whole sample.
    let lowest = |market: &Market, symbol_idx: usize| {
        market.symbols[symbol_idx].low.iter().copied().fold(f64::INFINITY, f64::min)
    };
    let found = looked(|market, walk| {
        for trade in &mut walk.trades {
            trade.initial_stop_price = Some(lowest(market, trade.symbol_idx));
        }
        for decision in walk.rules.iter_mut().flat_map(|rule| &mut rule.decisions) {
            decision.quantity *= lowest(market, decision.symbol_idx);
        }
    });
    assert_eq!(
        names(&found)[..2],
        [(Subject::Trade, "initial_stop_price"), (Subject::Decision, "quantity")]
    );
    assert!(named(&found, Subject::Decision, "quantity").rule.is_some());
    // A trade that is not there at all.
    let found = looked(|market, walk| {
        let rises = market.symbols[0].close.last() > market.symbols[0].close.first();
        if rises {
            walk.trades.retain(|trade| trade.symbol_idx == 1);
            walk.rules.clear();
        }
    });
    let change = named(&found, Subject::Trade, "side");
    assert!(change.value == "no trade" || change.other_value == "no trade", "{change:?}");
}

#[test]
fn data_that_contradict_the_strategy_are_said() {
    let walker = Walker::new(study(), &nowhere()).unwrap();
    let last = *market().symbols[0].close.last().unwrap();
    let walk_of = |market: &Market| {
        let is_whole = market.n_bars == self::market().n_bars;
        let is_true = market.symbols[0].close.last() == Some(&last);
        if is_whole && !is_true {
            let (from, to) = (market.start, market.start);
            return Err(StudyError::EmptyPeriod { from, to, interval: market.interval });
        }
        walker.walk(market)
    };
    let found = look(market(), 1000, LookaheadSettings { cuts: 1 }, &walk_of, &Unwatched).unwrap();
    assert!(found.is_clean() && found.compared.decisions > 0);
    // Changed at both cuts, interrupted behind the decision.
    assert_eq!((found.cuts.len(), found.notes.len()), (2, 3), "{:?}", found.notes);
    assert!(found.notes[0].contains("holds no whole bar"), "{:?}", found.notes);
}

#[test]
fn a_period_without_decisions_says_so() {
    let walk_of = |_: &Market| Ok(Walk::default());
    let settings = LookaheadSettings::default();
    let found = look(market(), 0, settings, &walk_of, &Unwatched).unwrap();
    assert!(found.is_clean() && found.notes[0].contains("no size was compared"));
    assert_eq!(found.cuts.len(), 12);
    let last = market().n_bars - 1;
    let found = look(market(), last, settings, &walk_of, &Unwatched).unwrap();
    assert!(found.cuts.is_empty() && found.notes[0].contains("too short"));
}

#[test]
fn a_strategy_on_the_lake() {
    let study = good_study(AUTUMN, &[]);
    let places = Places { data_dir: autumn().to_owned(), strategy_dir: autumn().to_owned() };
    let settings = LookaheadSettings { cuts: 3 };
    let found = lookahead(&study, &places, settings, &Unwatched).unwrap();
    assert_eq!(found.changes, []);
    assert!(Subject::ALL.iter().all(|subject| found.compared.of(*subject) > 0));
    assert_eq!((found.symbols.len(), found.from), (2, study.data.from.0));
    // The same at any number of threads.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let again = pool.install(|| lookahead(&study, &places, settings, &Unwatched)).unwrap();
    assert_eq!(again, found);
}

#[test]
fn a_signal_file_is_taken_as_given() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("study/lookahead_file");
    fs::create_dir_all(&folder).unwrap();
    let rows = "time,symbol,direction\n2025-09-10T00:00:00Z,BTCUSDT,1\n\
                2025-09-20T00:00:00Z,BTCUSDT,0\n2025-10-01T00:00:00Z,ETHUSDT,1\n\
                2025-10-20T00:00:00Z,ETHUSDT,-1\n";
    fs::write(folder.join("signals.csv"), rows).unwrap();
    let features = AUTUMN.find("[features]").unwrap()..AUTUMN.find("[stop]").unwrap();
    let mut text = AUTUMN.to_owned();
    text.replace_range(features, "[signal]\nfile = \"signals.csv\"\n\n");
    let study = good_study(&text, &[]);
    let places = Places { data_dir: autumn().to_owned(), strategy_dir: folder };
    let found = lookahead(&study, &places, LookaheadSettings { cuts: 4 }, &Unwatched).unwrap();
    assert_eq!(found.changes, []);
    assert_eq!(found.compared.features, 0);
    assert!(found.compared.decisions > 0 && found.compared.signals > 0);
    assert!(found.notes[0].contains("signals.csv"), "{:?}", found.notes);
}

#[test]
fn the_strategies_that_come_with_the_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../strategies");
    let quarter: Interval = "15m".parse().unwrap();
    let symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];
    let hourly = simulated(Interval::HOUR, 240, &symbols);
    let fine = simulated(quarter, 75, &symbols[..2]);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let mut study = good_study(&text, &["data.from=2024-02-01"]);
        let market = if study.data.bar == quarter { &fine } else { &hourly };
        let mut market = market.clone();
        market.symbols.truncate(study.data.symbols.len());
        study.rules.truncate(40);
        let walker = Walker::new(&study, &nowhere()).unwrap();
        let walk_of = |market: &Market| walker.walk(market);
        let from_bar = market.first_bar_from(study.data.from.0);
        let settings = LookaheadSettings { cuts: 2 };
        let found = look(&market, from_bar, settings, &walk_of, &Unwatched).unwrap();
        assert_eq!(found.changes, [], "{}", study.name);
        assert_eq!(found.notes, [""; 0], "{}", study.name);
        for subject in Subject::ALL {
            assert!(found.compared.of(subject) > 0, "{}: {:?}", study.name, found.compared);
        }
    }
}
