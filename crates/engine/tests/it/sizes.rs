//! Laws of sizes in an account: resized, capped across the book, shared out.

use plimsoll_engine::{Decision, DecisionKind, MarginMode, Outcome, Simultaneous, TradeList};
use plimsoll_market::SizeFreeTrade;
use plimsoll_sizing::formulas::Limit;
use plimsoll_sizing::rule::{DrawdownControl, FloorOf};
use plimsoll_sizing::{AccountCaps, Multiplier, PlannedSize, SizingError};
use proptest::prelude::*;

use crate::random::{Random, STEP, lots, scaled, truncated};
use crate::scene::{Scene, close_to, fixed};

/// A rule with limits that vary from bar to bar and caps that do not.
struct Rule {
    seed: u64,
    most: f64,
    band: f64,
    caps: AccountCaps,
    heat: Option<f64>,
    holding_bars_max: Option<usize>,
}

impl Rule {
    fn draw(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x5eed);
        let control = DrawdownControl {
            floor_of: random.pick(&[FloorOf::Initial, FloorOf::Peak]),
            floor: random.between(0.2, 0.9),
            multiplier: random.between(1.0, 10.0),
        };
        Self {
            seed,
            most: random.pick(&[1.0, 10.0, 60.0]),
            band: random.pick(&[0.0, 0.05, 0.3]),
            caps: AccountCaps {
                drawdown_control: Some(control).filter(|_| random.chance(0.2)),
                heat: None,
                exposure: Some(random.between(0.5, 8.0)).filter(|_| random.chance(0.4)),
                venue_share: Some(random.between(0.5, 8.0)).filter(|_| random.chance(0.2)),
                liquidity: Some(Ok(random.between(1e4, 1e6))).filter(|_| random.chance(0.2)),
            },
            heat: Some(random.between(0.02, 0.2)).filter(|_| random.chance(0.4)),
            holding_bars_max: Some(random.pick(&[1, 5, 20])).filter(|_| random.chance(0.2)),
        }
    }

    /// What the rule plans for a trade at a bar, from what is known there.
    fn plan(&self, trade: &SizeFreeTrade, bar: usize, price: f64) -> PlannedSize {
        let mut random = Random::new(
            self.seed
                ^ ((trade.decision_bar as u64) << 40)
                ^ ((trade.symbol_idx as u64) << 20)
                ^ bar as u64,
        );
        let wish = match random.pick(&[0, 1, 1, 1, 1, 1, 1, 2]) {
            0 if bar > trade.decision_bar => 0.0,
            1 => random.between(0.0, self.most),
            _ => 0.5 * self.most,
        };
        let distance = match trade.initial_stop_price {
            Some(stop) => Ok((price - stop).abs() / price),
            None => Err(SizingError::NoStop),
        };
        let plan = PlannedSize::of_limits(vec![
            Limit { name: "notional_fraction", value: Ok(wish) },
            Limit { name: "leverage_cap", value: Ok(self.most) },
        ]);
        PlannedSize {
            multipliers: vec![Multiplier { name: "funding_cut", value: Ok(1.0) }],
            caps: AccountCaps {
                heat: self.heat.map(|limit| (limit, distance)),
                ..self.caps.clone()
            },
            holding_bars_max: self.holding_bars_max,
            ..plan
        }
    }
}

fn replay(scene: &Scene, list: &TradeList, rule: &Rule) -> Outcome {
    scene.replay_resizing(list, rule.band, &|trade_idx, bar| {
        let trade = &list.trades[trade_idx];
        rule.plan(trade, bar, scene.market.symbols[trade.symbol_idx].close[bar])
    })
}

fn draw(seed: u64) -> (Scene, TradeList, Rule) {
    let scene = Random::new(seed).scene();
    let list = scene.trades();
    (scene, list, Rule::draw(seed))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Ledger, trades and equity agree however often a position is resized.
    #[test]
    fn the_books_of_resized_positions_balance(seed: u64) {
        let (scene, list, rule) = draw(seed);
        let outcome = replay(&scene, &list, &rule);
        prop_assert!(outcome.decisions.is_sorted_by_key(|decision| decision.bar));
        prop_assert!(outcome.ledger.is_sorted_by_key(|row| row.bar));
        for decision in &outcome.decisions {
            let is_resize = decision.kind == DecisionKind::Resize;
            prop_assert_eq!(is_resize, decision.held_quantity > 0.0);
            for limit in &decision.limits {
                prop_assert!(decision.leverage <= limit.leverage, "{:?}", decision);
            }
            let change = (decision.quantity - decision.held_quantity).abs();
            prop_assert!(!is_resize || change > rule.band * decision.held_quantity);
        }
        for trade in &outcome.trades {
            prop_assert!(trade.exit_bar <= list.trades[trade.trade_idx].exit_bar);
            prop_assert!(trade.quantity_max >= trade.quantity);
        }
        prop_assert_eq!(&outcome, &replay(&scene, &list, &rule));
    }

    /// No size, resize or cap depends on what comes later.
    #[test]
    fn no_size_knows_the_future(seed: u64, share in 0.1_f64..1.0) {
        let (scene, list, rule) = draw(seed);
        let n_bars = ((scene.market.n_bars as f64 * share) as usize).max(2);
        let past = truncated(&scene, n_bars);
        let past_list = past.trades();
        let known = past.prepared().symbols.iter().map(|s| s.end_bar.saturating_sub(1)).min().unwrap();
        let (now, then) = (replay(&scene, &list, &rule), replay(&past, &past_list, &rule));
        prop_assert_eq!(&now.equity[..known], &then.equity[..known]);
        let decided = |outcome: &Outcome| -> Vec<_> {
            outcome.decisions.iter().filter(|row| row.bar + 1 < known).cloned().collect()
        };
        prop_assert_eq!(decided(&now), decided(&then));
        let ledger = |outcome: &Outcome| -> Vec<_> {
            outcome.ledger.iter().filter(|row| row.bar < known).copied().collect()
        };
        prop_assert_eq!(ledger(&now), ledger(&then));
    }

    /// Prices times a power of two with lots divided by it leave the money alone, digit for digit.
    #[test]
    fn units_do_not_matter_to_resizes(seed: u64, exponent in -6_i32..8) {
        let mut scene = Random::new(seed).scene_at("binance-usdm");
        let (list, rule) = (scene.trades(), Rule::draw(seed));
        let factor = 2_f64.powi(exponent);
        let mut other = scaled(&scene, factor);
        scene.rules = lots("binance-usdm", STEP, 0.0125);
        other.rules = lots("binance-usdm", STEP / factor, 0.0125);
        let (a, b) = (replay(&scene, &list, &rule), replay(&other, &other.trades(), &rule));
        prop_assert_eq!(&a.equity, &b.equity);
        prop_assert_eq!(&a.equity_low, &b.equity_low);
    }

    /// Entries of one close never take more together than the rooms that they share hold, whoever
    /// comes first.
    #[test]
    fn simultaneous_entries_stay_inside_the_room(seed: u64, is_pro_rata: bool) {
        let mut random = Random::new(seed);
        let mut scene = random.scene_at("binance-usdm");
        scene.settings.simultaneous =
            if is_pro_rata { Simultaneous::ProRata } else { Simultaneous::FileOrder };
        // Everybody enters at the first close and nobody later.
        for signal in &mut scene.signals {
            signal.entry.fill(0);
            signal.entry[0] = random.pick(&[-1, 1]);
        }
        let (exposure, heat) = (random.between(0.2, 6.0), random.between(0.01, 0.2));
        let list = scene.trades();
        let distance = |trade: &SizeFreeTrade| -> Result<f64, SizingError> {
            let price = scene.market.symbols[trade.symbol_idx].close[trade.decision_bar];
            let stop = trade.initial_stop_price.ok_or(SizingError::NoStop)?;
            Ok((price - stop).abs() / price)
        };
        let plan = |trade: &SizeFreeTrade, wish| PlannedSize {
            caps: AccountCaps {
                exposure: Some(exposure),
                heat: Some((heat, distance(trade))),
                ..AccountCaps::default()
            },
            ..fixed(wish)
        };
        let plans: Vec<PlannedSize> =
            list.trades.iter().map(|trade| plan(trade, random.between(0.0, 5.0))).collect();
        let outcome = scene.replay(&list, &plans);
        let at_first = || outcome.decisions.iter().filter(|decision| decision.bar == 0);
        let held = |d: &Decision| d.quantity * d.price / d.equity;
        let gross: f64 = at_first().map(held).sum();
        prop_assert!(gross <= exposure * (1.0 + 1e-9), "{} of {}", gross, exposure);
        let at_risk: f64 =
            at_first().filter_map(|d| Some(held(d) * distance(&list.trades[d.trade_idx]).ok()?)).sum();
        prop_assert!(at_risk <= heat * (1.0 + 1e-9), "{} of {}", at_risk, heat);
        let posted: f64 = at_first().map(|d| d.quantity * d.price).sum();
        prop_assert!(posted <= scene.settings.equity * scene.settings.leverage);
        prop_assert_eq!(&outcome, &scene.replay(&list, &plans));
    }

    /// Of the first decision, equity changes only the limits that are in money or follow from the
    /// brackets: `notional`, `liquidity`, `venue_leverage` and, through the bracket it ends in,
    /// `liquidation_distance`. Without impact, `venue_margin` is a share of equity.
    #[test]
    fn equity_scales_out_of_every_limit_that_is_not_in_money(seed: u64, factor in 0.1_f64..10.0) {
        let (mut scene, list, rule) = draw(seed);
        prop_assume!(!list.trades.is_empty());
        scene.settings.costs.impact_y = 0.0;
        // Shared out, the margin that the brackets leave to the others counts.
        scene.settings.simultaneous = Simultaneous::FileOrder;
        let is_in_money = |name: &str| {
            ["notional", "liquidity", "venue_leverage", "liquidation_distance"].contains(&name)
                || (name == "venue_margin" && scene.settings.margin == MarginMode::Portfolio)
        };
        let first = |equity| {
            let settings = plimsoll_engine::Settings { equity, ..scene.settings };
            let scaled = Scene { settings, ..truncated(&scene, scene.market.n_bars) };
            replay(&scaled, &list, &rule).decisions.first().cloned()
        };
        let (a, b) = (first(scene.settings.equity), first(scene.settings.equity * factor));
        for (one, two) in a.iter().flat_map(|d| &d.limits).zip(b.iter().flat_map(|d| &d.limits)) {
            prop_assert_eq!(one.name, two.name);
            let same = (one.leverage - two.leverage).abs() <= 1e-9 * one.leverage.abs().max(1e-9);
            prop_assert!(same || is_in_money(one.name), "{:?} {:?}", one, two);
        }
    }

    /// The account of a resized position against one kept in another way: cash and a quantity,
    /// each fill paid for in cash, equity their sum at the close.
    #[test]
    fn resizing_agrees_with_cash_and_quantity(seed: u64, band in 0.0_f64..0.3, leverage in 0.2_f64..2.5) {
        agrees_with_cash_and_quantity(seed, band, leverage)?;
    }
}

/// The body of `resizing_agrees_with_cash_and_quantity`.
fn agrees_with_cash_and_quantity(seed: u64, band: f64, leverage: f64) -> Result<(), TestCaseError> {
    let mut random = Random::new(seed);
    let n_bars = 120;
    let mut scene = Scene::new(&[("BTCUSDT", 100_000.0)], n_bars);
    scene.settings.margin = MarginMode::Cross;
    scene.settings.costs.half_spread_bps = random.pick(&[0.0, 3.0]);
    scene.taker_fee = random.pick(&[0.0, 0.0006]);
    let mut close = 100_000.0;
    for bar in 0..n_bars {
        let open = close;
        close *= 1.0 + random.between(-0.03, 0.03);
        scene.bar(0, bar, [open, open.max(close), open.min(close), close]);
    }
    let side = random.pick(&[-1_i8, 1]);
    scene.signals[0].entry[0] = side;
    let list = scene.trades();
    let wishes: Vec<f64> =
        (0..n_bars).map(|_| leverage * random.pick(&[1.0, 1.0, 1.0, 0.7])).collect();
    let outcome = scene.replay_resizing(&list, band, &|_, bar| fixed(wishes[bar]));
    // A market that takes most of the account is another law's.
    prop_assume!(outcome.liquidations.is_empty() && outcome.ruined_at.is_none());

    let columns = &scene.market.symbols[0];
    let (spread, fee) = (scene.settings.costs.half_spread_bps * 1e-4, scene.taker_fee);
    let (mut cash, mut units) = (100_000.0_f64, 0.0_f64); // Units are negative for a short.
    let mut ordered: Option<f64> = None;
    let mut orders = 0;
    for (bar, wish) in wishes.iter().enumerate() {
        if let Some(target) = ordered.take() {
            let bought = target - units;
            let price = columns.open[bar] * (1.0 + bought.signum() * spread);
            cash -= bought * price + bought.abs() * price * fee;
            units = target;
            orders += 1;
        }
        let price = columns.close[bar];
        let mut equity = cash + units * price;
        if bar + 1 == n_bars {
            let out = price * (1.0 - units.signum() * spread);
            equity = cash + units * out - units.abs() * out * fee;
        }
        close_to(outcome.equity[bar], equity);
        // Lots that miss a whole number by 1e-9 of it, or a millionth of a lot, are that number.
        let wanted = wish * equity / price / 0.001;
        let lots = (wanted + (1e-9 * wanted).min(1e-6)).floor() * 0.001;
        let (held, differs) = (units.abs(), (lots - units.abs()).abs());
        let is_new = bar == 0;
        let is_sent = differs > band * held * (1.0 + 1e-9)
            && differs > 0.0005
            && (lots < held || differs * price >= 100.0);
        if bar + 1 < n_bars && (is_new || is_sent) {
            ordered = Some(f64::from(side) * lots);
        }
    }
    prop_assert_eq!(outcome.decisions.len(), orders);
    prop_assert_eq!(outcome.trades[0].resizes, orders - 1);
    Ok(())
}

/// At one close it wants 961.99999914 lots, 9e-10 of it from the next whole number.
#[test]
fn resizing_agrees_where_a_size_is_all_but_a_lot_more() {
    agrees_with_cash_and_quantity(
        5_561_543_142_765_019_909,
        0.092_083_414_693_372_99,
        0.749_108_539_597_007_2,
    )
    .unwrap();
}

/// The laws are worth something only where the rare events happen.
#[test]
fn resized_markets_reach_the_rare_events() {
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for seed in 0..400 {
        let (scene, list, rule) = draw(seed);
        let outcome = replay(&scene, &list, &rule);
        for decision in outcome.decisions.iter().filter(|d| d.kind == DecisionKind::Resize) {
            let way = if decision.quantity > decision.held_quantity { "more" } else { "less" };
            *seen.entry(format!("{way} {}", decision.outcome.name())).or_default() += 1;
            *seen.entry(format!("because {}", decision.reason)).or_default() += 1;
        }
        for decision in &outcome.decisions {
            *seen.entry(format!("bound by {}", decision.binding_limit)).or_default() += 1;
        }
        for trade in &outcome.trades {
            *seen.entry(format!("ended by {}", trade.exit_reason.name())).or_default() += 1;
        }
        let partial = outcome.liquidations.iter().filter(|forced| {
            let is_resized = |trade: &&plimsoll_engine::TradeRecord| {
                trade.trade_idx == forced.trade_idx && trade.resizes > 0
            };
            forced.quantity_left > 0.0 && outcome.trades.iter().any(|trade| is_resized(&trade))
        });
        *seen.entry("partly liquidated".to_owned()).or_default() += partial.count();
    }
    eprintln!("{seen:#?}");
    for event in [
        "more filled",
        "more refused_at_fill",
        "less filled",
        "less refused_at_fill",
        "because liquidated",
        "because insufficient_margin",
        "because venue_leverage",
        "because bar_missing",
        "because no_volume",
        "bound by heat",
        "bound by exposure",
        "bound by venue_share",
        "bound by drawdown_control",
        "bound by liquidity",
        "bound by venue_margin",
        "ended by resized_to_zero",
        "ended by holding_limit",
        "ended by liquidation",
        "partly liquidated",
    ] {
        assert!(seen.get(event).is_some_and(|&count| count > 0), "{event}: {seen:#?}");
    }
}
