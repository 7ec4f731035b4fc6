//! Auto-deleveraging against worked examples: the paper's five accounts, the exchanges' queues.

use plimsoll_market::Side;
use plimsoll_venue::adl::{
    AdlAccount, AdlPolicy, AdlPrice, AdlRanking, AdlRule, AdlState, ClosedPosition, EndowmentRule,
    HaircutCaps, QueuedPosition, RankInputs, RiskWeight, allocate, allocate_up_to, binance_score,
    bitmex_score, churn_probability, close_in_order, hyperliquid_score, leveraged_return_score,
    measure, quantile, rank, water_fill,
};
use plimsoll_venue::tables::Status;
use plimsoll_venue::{LiquidationInputs, VenueError, bankruptcy_price};

use crate::{assert_close, reference};

/// The paper's five accounts, leverage and quantities aside.
fn five() -> AdlState {
    let account = |equity, pnl, score| AdlAccount { equity, pnl, score, ..AdlAccount::default() };
    let accounts = vec![
        account(10.0, 8.0, 2.0),
        account(5.0, 4.0, 3.0),
        account(1.0, 0.5, 1.0),
        account(-3.0, -3.0, 0.0),
        account(-12.0, -12.0, 0.5),
    ];
    AdlState::new(accounts, EndowmentRule::Pnl).unwrap()
}

/// Winners with an endowment and no collateral.
fn winners(endowments: &[f64], quantities: &[f64], leverages: &[f64]) -> AdlState {
    let accounts = endowments.iter().enumerate().map(|(at, &w)| AdlAccount {
        equity: w,
        pnl: w,
        quantity: quantities.get(at).copied().unwrap_or_default(),
        leverage: leverages.get(at).copied().unwrap_or_default(),
        score: 0.0,
    });
    AdlState::new(accounts.collect(), EndowmentRule::Pnl).unwrap()
}

#[track_caller]
fn assert_all_close(values: &[f64], expected: &[f64], relative: f64) {
    assert_eq!(values.len(), expected.len());
    for (value, expected) in values.iter().zip(expected) {
        assert_close(*value, *expected, relative);
    }
}

fn numbers(case: &toml::Table, key: &str) -> Vec<f64> {
    case[key].as_array().unwrap().iter().map(number).collect()
}

fn number(value: &toml::Value) -> f64 {
    value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64)).unwrap()
}

#[test]
fn five_accounts_by_hand() {
    let state = five();
    assert_eq!((state.deficit(), state.capacity()), (15.0, 12.5));
    assert_eq!(state.endowments(), [8.0, 4.0, 0.5, 0.0, 0.0]);
    assert_eq!(state.queue(), [1, 0, 2]);
    let budget = state.budget(0.5).unwrap();
    assert_eq!(budget, 7.5);

    let queue = allocate(&state, &AdlPolicy::Queue, budget).unwrap();
    assert_eq!(queue.seized, [3.5, 4.0, 0.0, 0.0, 0.0]);
    assert_eq!(queue.haircuts, [0.4375, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(queue.equity_after(&state), [6.5, 1.0, 1.0, -3.0, -12.0]);

    let pro_rata = allocate(&state, &AdlPolicy::ProRata, budget).unwrap();
    assert_all_close(&pro_rata.haircuts, &[0.6, 0.6, 0.6, 0.0, 0.0], 1e-15);
    assert_all_close(&pro_rata.equity_after(&state), &[5.2, 2.6, 0.7, -3.0, -12.0], 1e-15);
    assert_eq!(pro_rata.rounds, 1);

    // Account 1 pays 2, the others 5.5 of 8.5.
    let caps = HaircutCaps::PerAccount(vec![1.0, 0.5, 1.0, 0.0, 0.0]);
    let capped = allocate(&state, &AdlPolicy::CappedProRata(caps), budget).unwrap();
    let eta = 5.5 / 8.5;
    assert_all_close(&capped.haircuts, &[eta, 0.5, eta, 0.0, 0.0], 1e-15);
    assert_eq!(capped.rounds, 2);
}

#[test]
fn equity_endowments_take_collateral_too() {
    let accounts = five().accounts().to_vec();
    let state = AdlState::new(accounts, EndowmentRule::Equity).unwrap();
    assert_eq!(state.endowments(), [10.0, 5.0, 1.0, 0.0, 0.0]);
    let shared = allocate(&state, &AdlPolicy::ProRata, 8.0).unwrap();
    assert_eq!(shared.haircuts, [0.5, 0.5, 0.5, 0.0, 0.0]);
    // Down to an equity of 4: 6 of 10, 1 of 5, nothing of the third.
    let caps = HaircutCaps::Common { haircut_max: 1.0, equity_min: 4.0 };
    assert_all_close(&caps.of(&state).unwrap(), &[0.6, 0.2, 0.0, 0.0, 0.0], 1e-12);
}

#[test]
fn caps_leave_the_equity_they_promise() {
    let state = five();
    let caps = HaircutCaps::Common { haircut_max: 0.8, equity_min: 3.0 };
    // 1 - (3 - 2) / 8, 1 - (3 - 1) / 4, 1 - (3 - 0.5) / 0.5 clipped.
    assert_eq!(caps.of(&state).unwrap(), [0.8, 0.5, 0.0, 0.0, 0.0]);
    assert_eq!(HaircutCaps::NONE.of(&state).unwrap(), [1.0, 1.0, 1.0, 0.0, 0.0]);
    let policy = AdlPolicy::CappedProRata(caps);
    let error = allocate(&state, &policy, 9.0).unwrap_err();
    let VenueError::AdlBudget { policy: "capped_pro_rata", budget: 9.0, capacity } = error else {
        panic!("{error}");
    };
    assert_close(capacity, 0.8 * 8.0 + 0.5 * 4.0, 1e-12);
}

#[test]
fn a_budget_above_the_capacity_is_named() {
    let state = five();
    for policy in [AdlPolicy::Queue, AdlPolicy::ProRata] {
        let error = allocate(&state, &policy, 13.0).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("12.5") && text.contains("13") && text.contains(policy.name()),
            "{text}"
        );
        let most = allocate_up_to(&state, &policy, 13.0).unwrap();
        assert_eq!((most.taken(), most.shortfall), (12.5, 0.5));
        // The whole capacity is no error.
        assert_eq!(allocate(&state, &policy, 12.5).unwrap().taken(), 12.5);
    }
    assert!(matches!(state.budget(1.5), Err(VenueError::BadInput { name: "severity", .. })));
    assert!(matches!(
        allocate(&state, &AdlPolicy::Queue, f64::NAN),
        Err(VenueError::BadInput { name: "budget", .. })
    ));
}

#[test]
fn risk_weights_by_hand() {
    let state = winners(&[8.0, 4.0, 0.5], &[], &[1.0, 4.0, 2.0]);
    let linear =
        AdlPolicy::RiskWeightedProRata { weight: RiskWeight::Linear, caps: HaircutCaps::NONE };
    // tau = 7.5 / 25 asks 1.2 of account 1: it pays 4, the others 3.5 of 9.
    let found = allocate(&state, &linear, 7.5).unwrap();
    assert_all_close(&found.haircuts, &[3.5 / 9.0, 1.0, 7.0 / 9.0], 1e-15);
    assert_eq!(found, allocate(&state, &AdlPolicy::LeverageWeightedProRata, 7.5).unwrap());

    let policy = |weight| AdlPolicy::RiskWeightedProRata { weight, caps: HaircutCaps::NONE };
    // Weights 1, 16, 4: 8 + 64 + 2 = 74.
    let power = allocate(&state, &policy(RiskWeight::Power(2.0)), 3.7).unwrap();
    assert_all_close(&power.haircuts, &[0.05, 0.8, 0.2], 1e-15);
    // Above 1.5: weights 0, 2.5, 0.5 and sums 10 + 0.25.
    let above = allocate(&state, &policy(RiskWeight::Above(1.5)), 2.05).unwrap();
    assert_all_close(&above.haircuts, &[0.0, 0.5, 0.1], 1e-15);
    // A power of 0 forgets the leverage.
    let flat = allocate(&state, &policy(RiskWeight::Power(0.0)), 5.0).unwrap();
    assert_all_close(&flat.haircuts, &[0.4; 3], 1e-15);
    assert!(matches!(
        allocate(&state, &policy(RiskWeight::Power(-1.0)), 1.0),
        Err(VenueError::BadInput { name: "exponent", .. })
    ));
}

#[test]
fn contracts_pay_by_quantity_and_never_more_than_the_profit() {
    let quantities = [10.0, 30.0, 60.0];
    let plain = allocate(&winners(&[9.0; 3], &quantities, &[]), &AdlPolicy::ContractsProRata, 7.5);
    assert_eq!(plain.unwrap().seized, [0.75, 2.25, 4.5]);
    // The third has 2 only: 5.5 over 40 contracts of the others.
    let state = winners(&[9.0, 9.0, 2.0], &quantities, &[]);
    let capped = allocate(&state, &AdlPolicy::ContractsProRata, 7.5).unwrap();
    assert_all_close(&capped.seized, &[1.375, 4.125, 2.0], 1e-15);
}

#[test]
fn the_hybrid_is_a_queue_and_then_by_leverage() {
    let mut accounts = winners(&[8.0, 4.0], &[], &[1.0, 3.0]).accounts().to_vec();
    accounts[0].score = 1.0;
    let state = AdlState::new(accounts, EndowmentRule::Pnl).unwrap();
    // 2 of 5 by queue from the first, 3 over weights 6 * 1 and 4 * 3.
    let hybrid = allocate(&state, &AdlPolicy::Hybrid { queue_share: 0.4 }, 5.0).unwrap();
    assert_all_close(&hybrid.seized, &[2.0 + 1.0, 2.0], 1e-15);
    let all_queue = allocate(&state, &AdlPolicy::Hybrid { queue_share: 1.0 }, 5.0).unwrap();
    assert_eq!(all_queue.seized, [5.0, 0.0]);
    let none = allocate(&state, &AdlPolicy::Hybrid { queue_share: 0.0 }, 5.0).unwrap();
    assert_eq!(none, allocate(&state, &AdlPolicy::LeverageWeightedProRata, 5.0).unwrap());
}

#[test]
fn figures_of_the_five_accounts() {
    let state = five();
    let queue = allocate(&state, &AdlPolicy::Queue, 7.5).unwrap();
    let found = measure(&state, &queue, 15.0, 5.0).unwrap();
    assert_eq!((found.taken, found.shortfall, found.budget_regret), (7.5, 0.0, 7.5));
    // 4.5 of the first survive.
    assert_close(found.profit_tail_survival.unwrap(), 0.3, 1e-15);
    assert_close(found.fairness_regret, 0.4 * 15.0, 1e-12);
    // Pro-rata takes 4.8, 2.4, 0.3.
    assert_close(found.pro_rata_distance_fraction, (1.3 + 1.6 + 0.3) / 15.0, 1e-12);
    assert_eq!((found.haircut_max_fraction, found.accounts_touched), (1.0, 2));
    // 3.5 of a collateral of 2, and 4 of 1.
    let (first, second) = (1.0 - (-8.75_f64).exp(), 1.0 - (-20.0_f64).exp());
    assert_close(found.accounts_churned, first + second, 1e-12);
    assert_close(found.endowment_churned_fraction, (8.0 * first + 4.0 * second) / 12.5, 1e-12);
    // The paper's words: 10 % makes 39 % leave, 20 % makes 63 %.
    assert_close(churn_probability(10.0, 100.0, 5.0), 0.39, 0.01);
    assert_close(churn_probability(20.0, 100.0, 5.0), 0.63, 0.01);
    assert_eq!(churn_probability(1.0, 0.0, 5.0), 1.0);
    assert_eq!(churn_probability(0.0, 0.0, 5.0), 0.0);

    let pro_rata = allocate(&state, &AdlPolicy::ProRata, 7.5).unwrap();
    let found = measure(&state, &pro_rata, 7.5, 5.0).unwrap();
    assert_eq!((found.fairness_regret, found.budget_regret), (0.0, 0.0));
    assert!(found.pro_rata_distance_fraction < 1e-12);

    let rich = winners(&[1.0], &[], &[]);
    let nothing = allocate(&rich, &AdlPolicy::ProRata, 0.0).unwrap();
    let found = measure(&rich, &nothing, 0.0, 5.0).unwrap();
    assert_eq!((found.profit_tail_survival, found.accounts_touched), (None, 0));
}

#[test]
fn water_stands_level_below_the_caps() {
    let filled = water_fill(&[1.0, 1.0, 2.0], &[1.0, 9.0, 9.0], 7.0).unwrap();
    assert_eq!((filled.shares, filled.rounds, filled.left), (vec![1.0, 2.0, 4.0], 2, 0.0));
    let short = water_fill(&[1.0, 0.0], &[1.0, 9.0], 7.0).unwrap();
    assert_eq!((short.shares, short.left), (vec![1.0, 0.0], 6.0));
    assert_eq!(water_fill(&[], &[], 0.0).unwrap().rounds, 0);
    assert!(water_fill(&[1.0], &[], 1.0).is_err() && water_fill(&[-1.0], &[1.0], 1.0).is_err());
    // Only ratios of weights matter.
    let large = water_fill(&[f64::MAX, f64::MAX], &[1.0, 2.0], 2.5).unwrap();
    assert_eq!(large.shares, [1.0, 1.5]);
}

#[test]
fn bad_accounts_are_named() {
    let account = AdlAccount { equity: 1.0, pnl: f64::NAN, ..AdlAccount::default() };
    let error =
        AdlState::new(vec![AdlAccount::default(), account], EndowmentRule::Pnl).unwrap_err();
    assert!(matches!(error, VenueError::BadAccount { position: 1, name: "pnl", .. }), "{error}");
    let account = AdlAccount { leverage: -1.0, ..AdlAccount::default() };
    assert!(AdlState::new(vec![account], EndowmentRule::Pnl).is_err());
    let caps = AdlPolicy::CappedProRata(HaircutCaps::PerAccount(vec![1.0, 0.5, 2.0, 0.0, 0.0]));
    let error = allocate(&five(), &caps, 1.0).unwrap_err();
    assert!(matches!(error, VenueError::BadAccount { position: 2, name: "cap", .. }), "{error}");
}

#[test]
fn scores_by_hand() {
    assert_close(binance_score(500.0, 1_000.0, 150.0).unwrap(), 0.05, 1e-15);
    // A wallet below 1 counts as 1; a loss scores 0; so does an account below zero.
    assert_close(binance_score(1.0, 0.5, 0.3).unwrap(), 0.2, 1e-15);
    assert_eq!(binance_score(-10.0, 5_000.0, 100.0).unwrap(), 0.0);
    assert_eq!(binance_score(-10.0, 5.0, 1.0).unwrap(), 0.0);
    // 10 % profit at 5.5 times, a loss of 10 % at 4.5 times; shorts mirrored.
    assert_close(bitmex_score(110.0, 100.0, 90.0).unwrap(), 0.55, 1e-15);
    assert_close(bitmex_score(90.0, 100.0, 70.0).unwrap(), -0.1 / 4.5, 1e-15);
    assert_close(bitmex_score(-90.0, -100.0, -110.0).unwrap(), 0.1 * 4.5, 1e-15);
    assert!(bitmex_score(90.0, 100.0, 95.0).is_err());
    assert_close(leveraged_return_score(10.0, 100.0, 110.0, 20.0).unwrap(), 0.55, 1e-15);
    assert_close(leveraged_return_score(-10.0, 100.0, 90.0, 20.0).unwrap(), -0.1 / 4.5, 1e-15);
    assert_eq!(quantile(1, 10), Some(0.1));
    assert_eq!((quantile(0, 10), quantile(11, 10)), (None, None));
    assert_eq!(rank(&[1.0, 3.0, 3.0, -0.0, 0.0]), [1, 2, 0, 3, 4]);
}

#[test]
fn every_venue_scores_an_account_and_says_how_sure_that_is() {
    // Long 1 at 100, now 110, with 12 of collateral.
    let inputs = RankInputs {
        side: Some(Side::Long),
        entry_price: Some(100.0),
        mark_price: Some(110.0),
        notional: Some(110.0),
        collateral: Some(12.0),
        pnl: Some(10.0),
        maintenance_margin: Some(1.1),
    };
    for (venue, expected, price, status) in [
        ("binance-usdm", 10.0 / 12.0 * 1.1 / 22.0, AdlPrice::Bankruptcy, Status::Official),
        ("bybit-linear", 0.1 * 5.0, AdlPrice::Bankruptcy, Status::Unverified),
        ("okx-swap", 0.1 * 5.0, AdlPrice::Mark, Status::Unverified),
        ("bitmex", 0.1 * 5.0, AdlPrice::Bankruptcy, Status::Official),
        ("hyperliquid", 1.1 * 5.0, AdlPrice::PreviousMark, Status::Official),
    ] {
        let rule = AdlRule::load(venue).unwrap();
        assert_close(rule.score(&inputs).unwrap().unwrap(), expected, 1e-12);
        assert_eq!((rule.price, rule.status), (price, status), "{venue}");
        assert!(!rule.source.is_empty() && !rule.price.name().is_empty());
        // What one says of a short is what it says of the mirrored long.
        let missing = rule.score(&RankInputs { collateral: None, ..inputs }).unwrap_err();
        assert!(missing.to_string().contains("`collateral`"), "{missing}");
        // An account below zero is in no queue.
        let below = RankInputs { collateral: Some(-11.0), ..inputs };
        let score = rule.score(&below).unwrap();
        assert!(score.is_none() || score == Some(0.0) && rule.ranking == AdlRanking::Binance);
    }
    assert_eq!(AdlRule::all().unwrap().len(), 5);
    let error = AdlRule::load("mtgox").unwrap_err().to_string();
    assert!(error.contains("mtgox") && error.contains("hyperliquid"), "{error}");
}

#[test]
fn a_queue_is_closed_until_the_size_is_filled() {
    let queue: Vec<QueuedPosition> =
        [(2, 10.0), (5, 20.0), (4, 30.0), (1, 10.0), (6, 10.0), (3, 20.0)]
            .map(|(account, quantity)| QueuedPosition { account, quantity })
            .to_vec();
    let closing = close_in_order(&queue, 20.0).unwrap();
    let expected = [(2, 10.0), (5, 10.0)];
    assert_eq!(
        closing.closed,
        expected.map(|(account, quantity)| ClosedPosition { account, quantity })
    );
    assert_eq!(closing.unfilled, 0.0);
    let short = close_in_order(&queue, 130.0).unwrap();
    assert_eq!((short.closed.len(), short.unfilled), (6, 30.0));
    assert!(close_in_order(&queue, -1.0).is_err());
}

#[test]
fn the_reference_vectors_hold() {
    let Some(text) = reference("exchanges/adl_tests.toml") else { return };
    let document: toml::Table = text.parse().unwrap();
    let mut seen = Vec::new();
    for case in document["case"].as_array().unwrap() {
        let case = case.as_table().unwrap();
        let id = case["id"].as_str().unwrap();
        let list = |key: &str| case.contains_key(key).then(|| numbers(case, key));
        let budget = number(&case["budget"]);
        let quantities = list("q").unwrap_or_default();
        // A4 gives no endowments: any that are large enough.
        let w = list("w").unwrap_or_else(|| vec![budget; quantities.len()]);
        let equities = list("e").unwrap_or_else(|| w.clone());
        let mut scores = vec![0.0; w.len()];
        for (at, position) in list("order").unwrap_or_default().into_iter().enumerate() {
            scores[position as usize] = -(at as f64);
        }
        let accounts = (0..w.len()).map(|at| AdlAccount {
            equity: equities[at],
            pnl: w[at],
            leverage: list("lambda").map_or(0.0, |all| all[at]),
            quantity: quantities.get(at).copied().unwrap_or_default(),
            score: scores[at],
        });
        let state = AdlState::new(accounts.collect(), EndowmentRule::Pnl).unwrap();
        assert_eq!(state.endowments(), w, "{id}");
        let caps = || HaircutCaps::PerAccount(numbers(case, "beta"));
        let policy = match case["policy"].as_str().unwrap() {
            "queue" => AdlPolicy::Queue,
            "pro_rata" => AdlPolicy::ProRata,
            "capped_pro_rata" => AdlPolicy::CappedProRata(caps()),
            "contracts_pro_rata" => AdlPolicy::ContractsProRata,
            "risk_weighted_pro_rata" => {
                AdlPolicy::RiskWeightedProRata { weight: RiskWeight::Linear, caps: caps() }
            }
            other => panic!("no policy {other}"),
        };
        if case.contains_key("theta") {
            assert_eq!(state.deficit(), number(&case["deficit"]));
            assert_eq!(state.budget(number(&case["theta"])).unwrap(), budget);
        }
        let found = allocate(&state, &policy, budget).unwrap();
        let check = |key: &str, values: &[f64]| {
            if let Some(expected) = list(key) {
                assert_all_close(values, &expected, 1e-12);
            }
        };
        check("x", &found.seized);
        check("h", &found.haircuts);
        check("equity_after", &found.equity_after(&state));
        seen.push(id);
    }
    assert_eq!(seen, ["A1", "A2", "A3", "A4", "A5"]);
    for case in document["rank"].as_array().unwrap() {
        reference_ranking(case.as_table().unwrap());
    }
    assert_eq!(document["rank"].as_array().unwrap().len(), 3);
}

fn reference_ranking(case: &toml::Table) {
    let rows = |key: &str| -> Vec<toml::Table> {
        let rows = case[key].as_array().unwrap();
        rows.iter().map(|row| row.as_table().unwrap().clone()).collect()
    };
    let get = |row: &toml::Table, key: &str| number(&row[key]);
    match case["id"].as_str().unwrap() {
        "R1" => {
            let position = |row: &toml::Table| QueuedPosition {
                account: get(row, "account") as usize,
                quantity: get(row, "size"),
            };
            let queue: Vec<_> = rows("queue").iter().map(position).collect();
            let closing = close_in_order(&queue, number(&case["bankrupt_size"])).unwrap();
            let expected: Vec<_> = rows("closed")
                .iter()
                .map(position)
                .map(|QueuedPosition { account, quantity }| ClosedPosition { account, quantity })
                .collect();
            assert_eq!((closing.closed, closing.unfilled), (expected, 0.0));
        }
        "R2" => {
            let accounts = rows("accounts");
            let scores: Vec<f64> = accounts
                .iter()
                .map(|row| {
                    binance_score(get(row, "upnl"), get(row, "wallet"), get(row, "mm")).unwrap()
                })
                .collect();
            assert_all_close(&scores, &numbers(case, "score"), 1e-12);
            assert_eq!(rank(&scores), [0, 1, 2]);
        }
        "R3" => {
            let accounts = rows("accounts");
            let score = |row: &toml::Table| {
                let side = if get(row, "side") > 0.0 { Side::Long } else { Side::Short };
                let (mark, entry) = (get(row, "mark"), get(row, "entry"));
                hyperliquid_score(
                    side,
                    mark,
                    entry,
                    get(row, "notional"),
                    get(row, "account_value"),
                )
            };
            let scores: Vec<f64> = accounts.iter().map(|row| score(row).unwrap()).collect();
            assert_all_close(&scores, &numbers(case, "score"), 1e-12);
        }
        other => panic!("no ranking {other}"),
    }
}

#[test]
fn the_published_examples_hold() {
    let Some(text) = reference("golden/published.json") else { return };
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let item = |id: &str| {
        let items = document["items"].as_array().unwrap();
        items.iter().find(|item| item["id"] == id).unwrap().clone()
    };
    let list = |value: &serde_json::Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    };

    let five = item("adl_five_accounts");
    let (inputs, expected) = (&five["inputs"], &five["expected"]);
    let order = list(&inputs["queue_order_1based"]);
    let accounts = list(&inputs["equity"]).into_iter().zip(list(&inputs["pnl"])).enumerate();
    let accounts: Vec<AdlAccount> = accounts
        .map(|(at, (equity, pnl))| AdlAccount {
            equity,
            pnl,
            score: -(order.iter().position(|&one| one == at as f64 + 1.0).unwrap() as f64),
            ..AdlAccount::default()
        })
        .collect();
    let state = AdlState::new(accounts, EndowmentRule::Pnl).unwrap();
    assert_eq!(state.deficit(), expected["deficit"].as_f64().unwrap());
    assert_eq!(state.endowments(), list(&expected["endowment"]));
    let budget = state.budget(inputs["severity"].as_f64().unwrap()).unwrap();
    assert_eq!(budget, expected["budget"].as_f64().unwrap());
    let queue = allocate(&state, &AdlPolicy::Queue, budget).unwrap();
    assert_eq!(queue.seized, list(&expected["queue_seized"]));
    assert_eq!(queue.haircuts, list(&expected["queue_haircut"]));
    assert_eq!(queue.equity_after(&state), list(&expected["queue_equity_after"]));
    let shared = allocate(&state, &AdlPolicy::ProRata, budget).unwrap();
    assert_all_close(&shared.seized, &list(&expected["prorata_seized"]), 1e-12);
    assert_all_close(&shared.equity_after(&state), &list(&expected["prorata_equity_after"]), 1e-12);

    // The running example: accounts after two steps, leverage of the winners, bankruptcy prices.
    let running = item("adl_running_example");
    let (inputs, expected) = (&running["inputs"], &running["expected"]);
    let fraction = |value: &serde_json::Value| match value.as_str() {
        Some(text) => {
            let (part, whole) = text.split_once('/').unwrap();
            part.parse::<f64>().unwrap() / whole.parse::<f64>().unwrap()
        }
        None => value.as_f64().unwrap(),
    };
    let marks = list(&inputs["mark"]);
    let equity = list(&expected["equity_2"]);
    let pnl = list(&expected["pnl_0_2"]);
    let tolerance = running["tolerance"].as_f64().unwrap();
    let mut accounts = Vec::new();
    for (at, name) in ["A", "B", "C", "D", "E"].into_iter().enumerate() {
        let position = &inputs["positions"][name];
        let (quantity, collateral) = (fraction(&position["q"]), fraction(&position["c"]));
        let side = if fraction(&position["side"]) > 0.0 { Side::Long } else { Side::Short };
        assert_close(collateral + pnl[at], equity[at], tolerance);
        let leverage = if equity[at] > 0.0 { quantity * marks[2] / equity[at] } else { 0.0 };
        if let Some(published) = expected["winner_leverage_2"].get(name) {
            assert_close(leverage, published.as_f64().unwrap(), 1e-3);
        }
        let inputs = LiquidationInputs::isolated(side, quantity, marks[0], collateral);
        let published = list(&expected["bankruptcy_price"])[at];
        // A's collateral outlasts every price; the paper writes 0.
        let price = bankruptcy_price(&inputs).unwrap().unwrap_or_default();
        assert_close(price, published, tolerance);
        accounts.push(AdlAccount {
            equity: equity[at],
            pnl: pnl[at],
            leverage,
            quantity,
            score: 0.0,
        });
    }
    let state = AdlState::new(accounts, EndowmentRule::Pnl).unwrap();
    // B and D are below zero, C and E have made a profit.
    assert_close(state.deficit(), 0.072 + 0.6334, 1e-12);
    assert_close(state.capacity(), 2.9547 + 0.7387, 1e-12);
    let shared = allocate(&state, &AdlPolicy::ProRata, state.budget(1.0).unwrap()).unwrap();
    assert_close(shared.taken(), state.deficit(), 1e-12);
}
