//! Laws of every policy, for any accounts.

use plimsoll_venue::adl::{
    AdlAccount, AdlPolicy, AdlState, EndowmentRule, HaircutCaps, RiskWeight, allocate_up_to,
    measure, water_fill,
};
use proptest::prelude::*;

/// From dust to fortunes, some below zero, with leverages and quantities of 0 among them.
fn accounts() -> impl Strategy<Value = Vec<AdlAccount>> {
    let number = |low: f64, high: f64| prop_oneof![1 => Just(0.0), 9 => (low..high).prop_map(|exponent| 10_f64.powf(exponent))];
    let account = (
        number(-3.0, 8.0),
        number(-3.0, 8.0),
        any::<[bool; 2]>(),
        number(-1.0, 2.5),
        number(-3.0, 6.0),
        -5..5_i32,
    )
        .prop_map(|(collateral, profit, [owes, wins], leverage, quantity, score)| {
            let pnl = if wins { profit } else { -profit };
            let collateral = if owes { -collateral } else { collateral };
            AdlAccount {
                equity: collateral + pnl,
                pnl,
                leverage,
                quantity,
                score: f64::from(score),
            }
        });
    prop::collection::vec(account, 0..12)
}

fn rule(is_equity: bool) -> EndowmentRule {
    if is_equity { EndowmentRule::Equity } else { EndowmentRule::Pnl }
}

fn policies(haircut_max: f64, share: f64) -> Vec<AdlPolicy> {
    let caps = || HaircutCaps::Common { haircut_max, equity_min: 1.0 };
    let weighted = |weight| AdlPolicy::RiskWeightedProRata { weight, caps: caps() };
    vec![
        AdlPolicy::Queue,
        AdlPolicy::ProRata,
        AdlPolicy::CappedProRata(caps()),
        weighted(RiskWeight::Linear),
        weighted(RiskWeight::Power(2.5)),
        weighted(RiskWeight::Above(2.0)),
        AdlPolicy::LeverageWeightedProRata,
        AdlPolicy::ContractsProRata,
        AdlPolicy::Hybrid { queue_share: share },
    ]
}

/// What a policy can take at most: the capped endowments of the accounts that it gives a weight.
/// `None` for a hybrid whose second stage gives some account none.
fn reachable(state: &AdlState, policy: &AdlPolicy, haircut_max: f64) -> Option<f64> {
    let every = |_: &AdlAccount| true;
    let has_leverage = |account: &AdlAccount| account.leverage > 0.0;
    let of = |is_capped: bool, has_weight: &dyn Fn(&AdlAccount) -> bool| {
        let winners = state.accounts().iter().zip(state.endowments());
        winners
            .filter(|(account, _)| has_weight(account))
            .map(|(account, &endowment)| {
                // Equity of 1 has to stay.
                let cap = (haircut_max * endowment).min(account.equity - 1.0).max(0.0);
                if is_capped { cap.min(endowment) } else { endowment }
            })
            .sum::<f64>()
    };
    Some(match policy {
        AdlPolicy::CappedProRata(_) => of(true, &every),
        AdlPolicy::RiskWeightedProRata { weight: RiskWeight::Above(least), .. } => {
            of(true, &|account| account.leverage > *least)
        }
        AdlPolicy::RiskWeightedProRata { .. } => of(true, &has_leverage),
        AdlPolicy::LeverageWeightedProRata => of(false, &has_leverage),
        AdlPolicy::ContractsProRata => of(false, &|account| account.quantity > 0.0),
        AdlPolicy::Hybrid { .. } => {
            let is_whole = state
                .accounts()
                .iter()
                .zip(state.endowments())
                .all(|(account, endowment)| *endowment <= 0.0 || has_leverage(account));
            return is_whole.then(|| of(false, &every));
        }
        _ => of(false, &every),
    })
}

fn is_near(value: f64, expected: f64, relative: f64) -> bool {
    (value - expected).abs() <= relative * expected.abs()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_policy_takes_the_budget_from_winners_and_no_more_than_they_have(
        accounts in accounts(), is_equity in any::<bool>(), severity in 0.0..1.3_f64,
        haircut_max in 0.0..=1.0_f64, share in 0.0..=1.0_f64,
    ) {
        let state = AdlState::new(accounts, rule(is_equity)).unwrap();
        let budget = severity * state.capacity();
        for policy in policies(haircut_max, share) {
            let found = allocate_up_to(&state, &policy, budget).unwrap();
            prop_assert!(is_near(found.taken() + found.shortfall, budget, 1e-9), "{policy:?} {found:?}");
            prop_assert!(found.rounds <= state.accounts().len());
            let all = found.seized.iter().zip(state.endowments()).zip(state.accounts());
            for ((seized, endowment), account) in all {
                prop_assert!((0.0..=*endowment).contains(seized), "{policy:?} {found:?}");
                prop_assert!(account.equity > 0.0 || *seized <= 0.0);
                prop_assert!(is_equity || *seized <= account.pnl.max(0.0));
            }
            prop_assert!(found.haircuts.iter().all(|haircut| (0.0..=1.0).contains(haircut)));
            // Exactly the budget, as far as caps and weights of zero leave it within reach.
            if let Some(reachable) = reachable(&state, &policy, haircut_max) {
                let expected = budget.min(reachable);
                prop_assert!(is_near(found.taken(), expected, 1e-9), "{policy:?} {found:?} {expected}");
            }
            let figures = measure(&state, &found, state.deficit(), 5.0).unwrap();
            prop_assert!((0.0..=1.0 + 1e-9).contains(&figures.pro_rata_distance_fraction));
            prop_assert!((0.0..=1.0 + 1e-9).contains(&figures.endowment_churned_fraction));
            prop_assert!(figures.fairness_regret >= 0.0 && figures.fairness_regret.is_finite());
        }
    }

    #[test]
    fn the_order_of_the_accounts_does_not_matter(
        mut accounts in accounts(), severity in 0.0..1.1_f64, haircut_max in 0.0..=1.0_f64,
        share in 0.0..=1.0_f64, turn in 0..12_usize, is_mirrored in any::<bool>(),
    ) {
        // Ties go by position: no two scores alike.
        for (position, account) in accounts.iter_mut().enumerate() {
            account.score += position as f64 * 1e-3;
        }
        let n = accounts.len();
        let mut order: Vec<usize> = (0..n).collect();
        order.rotate_left(turn.min(n));
        if is_mirrored {
            order.reverse();
        }
        let moved = order.iter().map(|&at| accounts[at]).collect();
        let state = AdlState::new(accounts, EndowmentRule::Pnl).unwrap();
        let other = AdlState::new(moved, EndowmentRule::Pnl).unwrap();
        let budget = severity * state.capacity();
        for policy in policies(haircut_max, share) {
            let found = allocate_up_to(&state, &policy, budget).unwrap();
            let turned = allocate_up_to(&other, &policy, budget).unwrap();
            for (at, &from) in order.iter().enumerate() {
                let difference = (turned.seized[at] - found.seized[from]).abs();
                prop_assert!(difference <= 1e-9 * budget, "{policy:?} {found:?} {turned:?}");
            }
        }
    }

    #[test]
    fn a_queue_goes_in_order_and_pro_rata_is_even(
        accounts in accounts(), is_equity in any::<bool>(), severity in 0.0..1.0_f64,
    ) {
        let state = AdlState::new(accounts, rule(is_equity)).unwrap();
        let (budget, capacity) = (severity * state.capacity(), state.capacity());
        let queue = allocate_up_to(&state, &AdlPolicy::Queue, budget).unwrap();
        let order = state.queue();
        let score = |at: usize| state.accounts()[at].score;
        let is_before = |one: usize, other: usize| {
            score(one) > score(other) || score(one) == score(other) && one < other
        };
        prop_assert!(order.is_sorted_by(|&one, &other| is_before(one, other)));
        let in_part: Vec<f64> = order.iter().map(|&at| queue.haircuts[at]).collect();
        prop_assert!(in_part.windows(2).all(|pair| pair[0] >= 1.0 || pair[1] <= 0.0), "{in_part:?}");

        let even = allocate_up_to(&state, &AdlPolicy::ProRata, budget).unwrap();
        for (haircut, endowment) in even.haircuts.iter().zip(state.endowments()) {
            let expected = if *endowment > 0.0 { budget / capacity } else { 0.0 };
            prop_assert!(is_near(*haircut, expected, 1e-9));
        }
        // No caps bind: contracts pro-rata is the plain formula.
        let sum: f64 = state.accounts().iter().map(|a| a.quantity).sum();
        let least = state.accounts().iter().zip(state.endowments())
            .filter(|(account, _)| account.quantity > 0.0)
            .map(|(account, w)| w * sum / account.quantity)
            .fold(f64::INFINITY, f64::min);
        if sum > 0.0 && least > 0.0 {
            let budget = 0.99 * least.min(1e300);
            let found = allocate_up_to(&state, &AdlPolicy::ContractsProRata, budget).unwrap();
            for (seized, account) in found.seized.iter().zip(state.accounts()) {
                prop_assert!(is_near(*seized, budget * account.quantity / sum, 1e-9));
            }
        }
    }

    #[test]
    fn water_stands_at_one_level_within_as_many_rounds_as_there_are_vessels(
        vessels in prop::collection::vec((-6.0..6.0_f64, -6.0..6.0_f64), 1..20), part in 0.0..1.0_f64,
    ) {
        let (weights, caps): (Vec<f64>, Vec<f64>) =
            vessels.iter().map(|(a, b)| (10_f64.powf(*a), 10_f64.powf(*b))).unzip();
        let total = part * caps.iter().sum::<f64>();
        let found = water_fill(&weights, &caps, total).unwrap();
        prop_assert!(found.rounds <= weights.len() && found.left == 0.0);
        prop_assert!(is_near(found.shares.iter().sum(), total, 1e-9));
        let levels: Vec<f64> = found.shares.iter().zip(&weights).map(|(x, a)| x / a).collect();
        let highest = levels.iter().copied().fold(0.0, f64::max);
        for (at, level) in levels.iter().enumerate() {
            prop_assert!(found.shares[at] == caps[at] || is_near(*level, highest, 1e-9));
        }
    }
}
