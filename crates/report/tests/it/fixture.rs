//! A study result made by hand: two rules, two symbols, sixty days of 8-hour bars, round numbers,
//! with a liquidation, refusals, cancelled entries and undefined metrics.

use plimsoll_engine::{
    CancelledEntry, Cause, Costs, Decision, DecisionKind, DecisionOutcome, ExitReason, Intrabar,
    LedgerRow, LimitValue, LiquidationRecord, MarginMode, Outcome, Settings, Simultaneous,
    TradeRecord,
};
use plimsoll_market::{CoverageFlag, Kind, Side, SizeFreeTrade, Timestamp, TradeExit};
use plimsoll_sizing::{MultiplierValue, SizingRule};
use plimsoll_study::result::{
    AccountResult, BootstrapSettings, ComparisonRow, DailySeries, Metric, Receipt, RuinDefinition,
    RuleResult, SensitivityRow, StudyResult, SymbolCoverage, Verdict,
};

use crate::{risk_forecasts, size_figures};

const BARS: usize = 180;
const FROM_BAR: usize = 12;
const EQUITY: f64 = 100_000.0;

pub(crate) fn study() -> StudyResult {
    scaled(&["fixed", "kelly[fraction=0.25]"], BARS, "8h")
}

/// The same with so many bars and rules.
pub(crate) fn scaled(rules: &[&str], bars: usize, interval: &str) -> StudyResult {
    let to_bar = FROM_BAR + bars;
    let start: Timestamp = "2024-01-11T00:00:00Z".parse().unwrap();
    let rules: Vec<RuleResult> = rules
        .iter()
        .enumerate()
        .map(|(index, name)| RuleResult {
            name: (*name).to_owned(),
            rule: SizingRule {
                notional_fraction: Some(1.0 + index as f64),
                ..SizingRule::default()
            },
            equity: EQUITY,
            accounts: ["portfolio", "BTCUSDT", "ETHUSDT"]
                .iter()
                .enumerate()
                .map(|(scope, name)| account(name, bars, index, scope))
                .collect(),
        })
        .collect();
    let names: Vec<String> = rules.iter().map(|rule| rule.name.clone()).collect();
    StudyResult {
        name: "donchian-test".to_owned(),
        strategy_text: "name = \"donchian-test\"\n\n[signal]\nlong = \"close < upper & true\"\n"
            .to_owned(),
        data_label: Some("Simulated data: no exchange ever traded these prices.".to_owned()),
        venue: "binance-usdm".to_owned(),
        currency: "USDT".to_owned(),
        symbols: vec!["BTCUSDT".to_owned(), "ETHUSDT".to_owned()],
        interval: interval.parse().unwrap(),
        from: start,
        to: "2026-01-10".parse().unwrap(),
        grid_start: start,
        compare_from_bar: FROM_BAR,
        to_bar,
        trades_excluded: 1,
        settings: Settings {
            equity: EQUITY,
            margin: MarginMode::Cross,
            leverage: 10.0,
            costs: Costs { half_spread_bps: 0.5, impact_y: 1.0, stop_slippage: 0.25 },
            intrabar: Intrabar::Pessimistic,
            simultaneous: Simultaneous::FileOrder,
        },
        taker_fee: None,
        ruin: RuinDefinition { drawdown: 0.5, horizon_days: 365 },
        bootstrap: BootstrapSettings { draws: 5_000, seed: 7, mean_block_days: Some(3.25) },
        alphas: vec![0.01, 0.05],
        trades: vec![size_free(0, 20, 30), size_free(1, 40, 60)],
        cancelled: vec![CancelledEntry {
            symbol_idx: 1,
            decision_bar: 77,
            side: Side::Short,
            initial_stop_price: Some(105.0),
            reason: "open_past_stop",
        }],
        baseline: names[0].clone(),
        comparisons: comparisons(&names),
        verdict: verdict(&names),
        sensitivity: sensitivity(&names),
        gate_counts: size_figures::gate_counts(&names),
        sizes_on: size_figures::sizes_on(&names),
        limit_worth: size_figures::limit_worth(&names),
        forecast_plan: Some(risk_forecasts::plan()),
        forecasts: risk_forecasts::forecasts(&names, start),
        coverage: coverage(start, bars),
        notes: vec!["The universe is of survivors: no symbol was delisted.".to_owned()],
        rules,
        receipt: Receipt {
            version: "0.1.0".to_owned(),
            data_hash: "d".repeat(64),
            config_hash: "c".repeat(64),
            tables_hash: "7".repeat(64),
            result_hash: "e".repeat(64),
            seed: 7,
        },
    }
}

fn size_free(symbol_idx: usize, decision_bar: usize, exit_bar: usize) -> SizeFreeTrade {
    SizeFreeTrade {
        symbol_idx,
        side: Side::Long,
        decision_bar,
        entry_bar: decision_bar + 1,
        initial_stop_price: Some(95.0),
        exit_stop_price: Some(95.0),
        take_profit_price: None,
        exit_bar,
        exit: TradeExit::Signal,
        exit_decision_bar: Some(exit_bar - 1),
        unit_return: 0.01,
        r_multiple: Some(0.2),
        adverse_excursion: 0.0,
    }
}

/// A path that rises, falls and ends where the ledger says. Rule 1 is liquidated once.
fn account(scope: &str, bars: usize, rule: usize, scope_idx: usize) -> AccountResult {
    let size = 1.0 + rule as f64;
    let is_liquidated = rule % 3 == 1;
    let mut outcome = Outcome {
        from_bar: FROM_BAR,
        initial_equity: EQUITY,
        traded_notional: 4.0e5 * size,
        leverage_sum: bars as f64 * 0.5 * size,
        leverage_max: size,
        mark_fallback_bars: rule,
        ..Outcome::default()
    };
    let mut wallet = EQUITY;
    let (first, second) = (FROM_BAR + bars / 6, FROM_BAR + bars / 2);
    let gain = 5_000.0 * size;
    let rows = [
        (first, Cause::Fee, -50.0 * size),
        (first, Cause::Slippage, -5.0 * size),
        (first + bars / 9, Cause::Funding, -20.0 * size),
        (first + bars / 6, Cause::PricePnl, gain),
        (first + bars / 6, Cause::Fee, -52.5 * size),
        (second, Cause::Fee, -50.0 * size),
        (second + bars / 9, Cause::PricePnl, if is_liquidated { -60_000.0 } else { -1_500.0 }),
        (
            second + bars / 9,
            if is_liquidated { Cause::LiquidationFee } else { Cause::Fee },
            if is_liquidated { -1_000.0 } else { -49.0 * size },
        ),
    ];
    for (index, (bar, cause, amount)) in rows.into_iter().enumerate() {
        wallet += amount;
        outcome.ledger.push(LedgerRow {
            bar,
            symbol_idx: usize::from(index > 4),
            trade_idx: usize::from(index > 4),
            cause,
            amount,
            quantity: size,
            price: 100.0,
            wallet,
        });
    }
    let mut settled = EQUITY;
    let mut next = outcome.ledger.iter().peekable();
    for bar in FROM_BAR..FROM_BAR + bars {
        while next.peek().is_some_and(|row| row.bar <= bar) {
            settled = next.next().unwrap().wallet;
        }
        // Unrealised swing, zero on the last bar.
        let phase = (bar - FROM_BAR) as f64 / (bars - 1) as f64;
        let swing = 2_000.0 * size * (phase * std::f64::consts::TAU * 6.0).sin() * (1.0 - phase);
        let equity = if bar + 1 == FROM_BAR + bars { settled } else { (settled + swing).round() };
        outcome.equity.push(equity);
        outcome.equity_low.push(equity - 100.0);
    }
    outcome.trades = vec![
        trade(0, first, first + bars / 6, size, ExitReason::Signal, 4_872.5 * size),
        trade(
            1,
            second,
            second + bars / 9,
            size,
            if is_liquidated { ExitReason::Liquidation } else { ExitReason::Stop },
            if is_liquidated { -61_000.0 - 50.0 * size } else { -1_500.0 - 99.0 * size },
        ),
    ];
    outcome.decisions = decisions(first, second, size, rule);
    if is_liquidated {
        outcome.liquidations.push(liquidation(second + bars / 9, wallet));
    }
    let metrics = metrics(&outcome, is_liquidated, scope_idx);
    AccountResult { scope: scope.to_owned(), outcome, daily: DailySeries::default(), metrics }
}

fn trade(
    index: usize,
    entry_bar: usize,
    exit_bar: usize,
    size: f64,
    exit_reason: ExitReason,
    pnl: f64,
) -> TradeRecord {
    TradeRecord {
        trade_idx: index,
        symbol_idx: index,
        side: if index == 0 { Side::Long } else { Side::Short },
        entry_bar,
        entry_price: 100.5,
        exit_bar,
        exit_price: 105.25,
        quantity: 1_000.0 * size,
        quantity_max: 1_000.0 * size,
        resizes: 0,
        notional: 100_500.0 * size,
        leverage: size,
        binding_limit: if index == 0 { "kelly" } else { "venue_margin" },
        stop_price: (index == 0).then_some(95.0),
        liquidation_price: Some(51.25),
        exit_reason,
        pnl,
        funding: if index == 0 { 20.0 * size } else { 0.0 },
        fees: 102.5 * size,
        slippage: if index == 0 { 5.0 * size } else { 0.0 },
        equity_at_entry: EQUITY,
        r_multiple: (index == 0).then_some(0.875),
    }
}

fn decisions(first: usize, second: usize, size: f64, rule: usize) -> Vec<Decision> {
    let decision = |trade_idx: usize, bar: usize| Decision {
        kind: DecisionKind::Entry,
        trade_idx,
        symbol_idx: trade_idx % 2,
        bar,
        side: Side::Long,
        equity: EQUITY,
        price: 100.0,
        stop_price: Some(95.0),
        held_quantity: 0.0,
        limits: vec![
            LimitValue { name: "notional_fraction", leverage: size, reason: "" },
            LimitValue { name: "venue_leverage", leverage: f64::INFINITY, reason: "" },
            LimitValue { name: "venue_margin", leverage: 9.5, reason: "" },
        ],
        binding_limit: "notional_fraction",
        multipliers: Vec::new(),
        multiplier: 1.0,
        holding_bars_max: (trade_idx == 1).then_some(96),
        leverage: size,
        quantity_raw: 1_000.5 * size,
        quantity: 1_000.0 * size,
        outcome: DecisionOutcome::Filled,
        reason: "",
    };
    let kelly = LimitValue { name: "kelly", leverage: 0.0, reason: "too_few_trades" };
    let mut first_one = decision(0, first - 1);
    let mut second_one = decision(1, second - 1);
    second_one.binding_limit = "venue_margin";
    let mut refused = decision(2, second + 5);
    refused.outcome = DecisionOutcome::RefusedAtFill;
    refused.reason = "margin_at_fill";
    let mut all = vec![];
    let mut resized = None;
    if rule > 0 {
        first_one.limits.insert(0, LimitValue { leverage: 1.5, reason: "", ..kelly });
        first_one.binding_limit = "kelly";
        first_one.multipliers =
            vec![MultiplierValue { name: "funding_cut", factor: 0.5, reason: "" }];
        first_one.multiplier = 0.5;
        resized = Some(Decision {
            kind: DecisionKind::Resize,
            bar: first_one.bar + 3,
            held_quantity: first_one.quantity,
            multipliers: vec![MultiplierValue {
                name: "funding_cut",
                factor: 0.0,
                reason: "too_few_observations",
            }],
            multiplier: 0.0,
            leverage: 0.0,
            quantity_raw: 0.0,
            quantity: 0.0,
            outcome: DecisionOutcome::NoSize,
            reason: "too_few_observations",
            ..first_one.clone()
        });
        let mut warm_up = decision(3, first - 5);
        warm_up.limits.insert(0, kelly);
        warm_up.binding_limit = "kelly";
        warm_up.leverage = 0.0;
        warm_up.quantity_raw = 0.0;
        warm_up.quantity = 0.0;
        warm_up.outcome = DecisionOutcome::NoSize;
        warm_up.reason = "too_few_trades";
        all.push(warm_up);
    }
    all.push(first_one);
    all.extend(resized);
    all.extend([second_one, refused]);
    all
}

fn liquidation(bar: usize, equity_after: f64) -> LiquidationRecord {
    LiquidationRecord {
        bar,
        symbol_idx: 1,
        side: Side::Short,
        trade_idx: 1,
        mark_price: 148.75,
        mark_extreme: 150.0,
        mark_is_last: true,
        fill_price: 149.0,
        bankruptcy_price: 150.5,
        quantity: 2_000.0,
        quantity_left: 0.0,
        bracket_tier: 2,
        maintenance_margin_rate: 0.005,
        bracket_leverage_max: 100.0,
        fee: 1_000.0,
        insurance_delta: 250.0,
        equity_after,
    }
}

/// Every metric that a summary must have, with two undefined and one remark.
fn metrics(outcome: &Outcome, is_liquidated: bool, scope_idx: usize) -> Vec<Metric> {
    let last = *outcome.equity.last().unwrap();
    let total = last / outcome.initial_equity - 1.0;
    let paid = |cause: Cause| -> f64 {
        outcome.ledger.iter().filter(|row| row.cause == cause).map(|row| -row.amount).sum()
    };
    let fees = paid(Cause::Fee) + paid(Cause::LiquidationFee);
    let defined =
        |name: &str, value: f64| Metric { name: name.to_owned(), value: Some(value), reason: None };
    let undefined = |name: &str, reason: &str| Metric {
        name: name.to_owned(),
        value: None,
        reason: Some(reason.to_owned()),
    };
    let risk = 0.02 * outcome.leverage_max;
    vec![
        defined("trades", 2.0),
        defined("total_return", total),
        defined("cagr", total * 0.9),
        defined("volatility_annual", 0.2 * outcome.leverage_max),
        defined("sharpe_annual", total * 3.0),
        defined("sharpe_standard_error", 0.5),
        defined("sortino_annual", total * 4.0),
        Metric {
            name: "calmar".to_owned(),
            value: Some(1.25),
            reason: Some("less than three years".to_owned()),
        },
        defined("max_drawdown", if is_liquidated { 0.6 } else { 0.06 * outcome.leverage_max }),
        defined("cdar_0.95", 0.05),
        defined("ulcer_index", 0.03),
        defined("hist_var_0.01", risk),
        defined("hist_es_0.01", risk * 1.25),
        undefined("gpd_var_0.01", "60 days are too few for a tail fit, 100 are needed"),
        undefined("gpd_es_0.01", "60 days are too few for a tail fit, 100 are needed"),
        defined("expectile_0.01", risk * 0.75),
        defined("ruin_probability", if is_liquidated { 0.5 } else { 0.01 }),
        defined("ruin_probability_low", 0.0),
        defined("ruin_probability_high", 0.75),
        defined("liquidations", outcome.liquidations.len() as f64),
        defined("funding_paid", paid(Cause::Funding)),
        defined("fees_paid", fees),
        defined("slippage_paid", paid(Cause::Slippage)),
        defined("turnover", 4.0 + scope_idx as f64),
        defined("average_leverage", 0.5 * outcome.leverage_max),
        defined("max_leverage", outcome.leverage_max),
        defined("final_equity", last),
        defined("hist_var_0.05", risk * 0.5),
        defined("gauss_var_0.01", risk * 0.9),
    ]
}

fn comparisons(rules: &[String]) -> Vec<ComparisonRow> {
    let mut rows = Vec::new();
    for symbol in ["portfolio", "BTCUSDT"] {
        for basis in ["as_set", "matched_volatility"] {
            for (index, rule) in rules.iter().enumerate().skip(1) {
                let shift = index as f64 * 0.05 - 0.4;
                rows.push(ComparisonRow {
                    symbol: symbol.to_owned(),
                    rule: rule.clone(),
                    baseline: rules[0].clone(),
                    basis,
                    metric: "mean_log_growth".to_owned(),
                    difference: Some(shift),
                    low: Some(shift - 0.3),
                    high: Some(shift + 0.45),
                    p_value: Some(0.125),
                    p_value_adjusted: Some(0.25),
                    reason: None,
                });
                rows.push(ComparisonRow {
                    metric: "max_drawdown".to_owned(),
                    difference: Some(0.48),
                    low: None,
                    high: None,
                    p_value: None,
                    p_value_adjusted: None,
                    reason: Some("fewer than ten blocks".to_owned()),
                    ..rows[rows.len() - 1].clone()
                });
            }
        }
    }
    rows
}

fn verdict(rules: &[String]) -> Verdict {
    let n = rules.len() as f64;
    Verdict {
        winner: Some(rules[0].clone()),
        winner_probability_best: Some(0.875),
        probability_best: rules
            .iter()
            .enumerate()
            .map(|(i, rule)| (rule.clone(), if i == 0 { 0.875 } else { 0.125 / (n - 1.0) }))
            .collect(),
        sentences: vec![
            format!("{} grew fastest, in 87.5 % of 5,000 resampled histories.", rules[0]),
            "The interval of the difference from the second crosses zero: the data do not tell \
             them apart."
                .to_owned(),
        ],
        trials: rules.len(),
        deflated_sharpe: Some(0.6),
    }
}

fn sensitivity(rules: &[String]) -> Vec<SensitivityRow> {
    let mut rows = Vec::new();
    for (variant, factor) in
        [("as_set", 1.0), ("intrabar=optimistic", 1.1), ("stop_slippage=1", 0.9)]
    {
        for rule in rules {
            rows.push(SensitivityRow {
                variant: variant.to_owned(),
                rule: rule.clone(),
                final_equity: 100_000.0 * factor,
                max_drawdown: Some(0.06),
                liquidations: 0,
                is_ruined: false,
            });
        }
    }
    rows
}

fn coverage(start: Timestamp, bars: usize) -> Vec<SymbolCoverage> {
    ["BTCUSDT", "ETHUSDT"]
        .iter()
        .map(|symbol| SymbolCoverage {
            symbol: (*symbol).to_owned(),
            bars,
            first: Some(start),
            last: Some("2024-03-14T16:00:00Z".parse().unwrap()),
            mark_bars: bars - 2,
            funding_settlements: bars,
            liquidation_bars: 0,
            open_interest_bars: 0,
            flags: vec![CoverageFlag {
                name: "mark_missing",
                kind: Kind::MarkCandles,
                count: 2,
                first: "2024-02-01T08:00:00Z".parse().unwrap(),
                message: "2 bars have no mark price".to_owned(),
            }],
        })
        .collect()
}
