//! Risk forecasts as part of a study.

use plimsoll_study::StudyResult;
use plimsoll_study::forecast_table::{ForecastTable, Horizon};
use plimsoll_study::result::{MadeForecasts, RuleForecasts, TailModel};

use crate::lakes::{AUTUMN, autumn, try_run};
use crate::scene::{good_but, good_study, message_of};

/// [`AUTUMN`] with the three rules that need no history, so that every day is compared.
fn text() -> String {
    let (head, _) = AUTUMN.split_once("[sizing.kelly]").unwrap();
    let (_, tail) = AUTUMN.split_once("[sizing.over_leveraged]").unwrap();
    format!("{head}[sizing.over_leveraged]{tail}")
}

/// Three months with windows of fifty days, by three quick models.
const SHORT: [&str; 4] = [
    "data.from=2025-08-01",
    "compare.forecasts.window_days=50",
    "compare.forecasts.refit_days=7",
    "compare.forecasts.models=[\"historical\", \"ewma_normal\", \"student_t\"]",
];

fn run_with(overrides: &[&str]) -> StudyResult {
    let all: Vec<&str> = SHORT.iter().chain(overrides).copied().collect();
    try_run(&text(), &all, autumn()).unwrap()
}

fn of<'a>(result: &'a StudyResult, rule: &str, horizon: Horizon) -> &'a RuleForecasts {
    let mut all = result.forecasts.iter();
    all.find(|of_rule| of_rule.rule == rule && of_rule.horizon == horizon).unwrap()
}

fn made(of_rule: &RuleForecasts) -> &MadeForecasts {
    match &of_rule.made {
        Ok(made) => made,
        Err(reason) => panic!("{}: {reason}", of_rule.rule),
    }
}

#[test]
fn without_a_table_six_models_forecast_both_horizons() {
    let study = good_study(&good_but(&[]), &[]);
    assert_eq!(study.compare.forecasts, ForecastTable::default());
    let table = &study.compare.forecasts;
    assert!(table.enabled && table.models.len() >= 6);
    assert_eq!(table.horizons, [Horizon::OneDay, Horizon::EightHours]);
    assert_eq!((table.window_days, table.refit_days, table.rules_max), (250, 28, 24));
}

#[test]
fn keys_replace_one_default_each() {
    let forecasts = "baseline = \"fixed\"\nforecasts = { models = [\"gjr_nig\", \"historical\"], \
                     horizons = [\"8h\"], alpha = [0.025] }";
    let study = good_study(&good_but(&[("baseline = \"fixed\"", forecasts)]), &[]);
    let table = &study.compare.forecasts;
    let models: Vec<TailModel> = table.models.iter().map(|model| model.0).collect();
    assert_eq!(models, [TailModel::GjrNig, TailModel::Historical]);
    assert_eq!(table.horizons, [Horizon::EightHours]);
    assert_eq!(table.alpha, Some(vec![0.025]));
    assert_eq!(table.window_days, ForecastTable::default().window_days);
}

#[test]
fn mistakes_are_underlined_together() {
    let forecasts = "[compare.forecasts]\nenabled = 1\nmodels = [\"historical\", \"garch\"]\n\
                     window_days = 20\nrefit_days = 0\nhorizons = []\nalpha = [0.01, 0.99, 0.01]\n\
                     refit = 7\n";
    let text = format!("{}{forecasts}", good_but(&[]));
    insta::assert_snapshot!("forecasts_out_of_range", message_of(&text, &[]));
}

#[test]
fn the_schema_names_every_model() {
    let schema = plimsoll_study::schema().to_string();
    for model in TailModel::ALL {
        assert!(schema.contains(&format!("\"const\":\"{}\"", model.name())), "{}", model.name());
    }
    assert!(schema.contains("\"window_days\""));
}

#[test]
fn every_period_after_the_window_has_a_forecast_of_every_model() {
    let result = run_with(&[]);
    assert_eq!(result.forecasts.len(), 2 * result.rules.len());
    for rule in &result.rules {
        let days = of(&result, &rule.name, Horizon::OneDay);
        assert_eq!(days.returns, rule.account().daily.returns[..days.returns.len()]);
        let eighths = of(&result, &rule.name, Horizon::EightHours);
        if !rule.account().is_ruined() {
            assert_eq!((days.returns.len(), eighths.returns.len()), (92, 3 * 92), "{}", rule.name);
        }
        // Three periods of eight hours are a day.
        for (day, eight_hours) in days.returns.iter().zip(eighths.returns.chunks(3)) {
            let chained: f64 = eight_hours.iter().map(|r| 1.0 + r).product();
            assert!((chained - 1.0 - day).abs() < 1e-12, "{}: {chained} {day}", rule.name);
        }
        for (of_rule, window) in [(days, 50), (eighths, 150)] {
            let ms = of_rule.horizon.ms();
            assert!(of_rule.ends.iter().all(|end| end.0 % ms == 0));
            assert!(of_rule.ends.windows(2).all(|pair| pair[1].0 - pair[0].0 == ms));
            let made = made(of_rule);
            assert_eq!(made.rolling.first, window, "{}", rule.name);
            assert_eq!(made.rolling.series.len() + 2 * made.rolling.excluded.len(), 6);
            assert_eq!(made.evaluations.len(), made.rolling.series.len());
            for (series, row) in made.rolling.series.iter().zip(&made.evaluations) {
                let realised = &of_rule.returns[window..];
                let beyond = realised.iter().zip(&series.value_at_risk).filter(|(r, v)| **r < -**v);
                assert_eq!(row.violations, beyond.count(), "{} {}", rule.name, row.model);
                assert_eq!(row.n, realised.len());
            }
        }
    }
    let plan = result.forecast_plan.unwrap();
    assert_eq!((plan.window_days, plan.refit_days, plan.draws), (50, 7, 200));
    assert_eq!(plan.alphas, [0.01, 0.05]);
}

#[test]
fn the_historical_forecast_is_the_quantile_of_the_window() {
    let result = run_with(&["compare.forecasts.alpha=[0.04]"]);
    let days = of(&result, "fixed", Horizon::OneDay);
    let series = &made(days).rolling.series[0];
    assert_eq!(series.model, TailModel::Historical);
    for at in [0, 20, 41] {
        let mut window = days.returns[at..at + 50].to_vec();
        window.sort_by(f64::total_cmp);
        // Type 7: 0.04 * 49 is 1.96.
        let quantile = window[1] + 0.96 * (window[2] - window[1]);
        assert!((series.value_at_risk[at] + quantile).abs() < 1e-12, "{at}");
    }
}

#[test]
fn forecasts_have_the_same_bytes_at_any_number_of_threads_and_are_in_the_hash() {
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run_with(&[]))
    };
    let (one, three) = (with_threads(1), with_threads(3));
    assert_eq!(format!("{:?}", one.forecasts), format!("{:?}", three.forecasts));
    assert_eq!(one.receipt, three.receipt);
    let without = run_with(&["compare.forecasts.enabled=false"]);
    assert!(without.forecast_plan.is_none() && without.forecasts.is_empty());
    assert_ne!(without.receipt.result_hash, one.receipt.result_hash);
    let other = run_with(&["compare.forecasts.refit_days=14"]);
    assert_ne!(other.receipt.result_hash, one.receipt.result_hash);
}

/// A later end adds forecasts and changes none.
#[test]
fn forecasts_do_not_look_ahead() {
    let (whole, cut) = (run_with(&[]), run_with(&["data.to=2025-10-08"]));
    for (whole, cut) in whole.forecasts.iter().zip(&cut.forecasts) {
        // The last period of the shorter run closes its positions because the data end.
        let kept = cut.returns.len() - 1;
        assert_eq!(whole.returns[..kept], cut.returns[..kept], "{}", cut.rule);
        for (whole, cut) in made(whole).rolling.series.iter().zip(&made(cut).rolling.series) {
            let n = cut.value_at_risk.len();
            assert!(n > 0);
            assert_eq!(whole.value_at_risk[..n], cut.value_at_risk[..n], "{}", cut.model);
            assert_eq!(whole.expected_shortfall[..n], cut.expected_shortfall[..n]);
            assert_eq!(whole.expectile[..n], cut.expectile[..n]);
        }
    }
}

#[test]
fn a_ruined_rule_is_forecast_until_its_ruin() {
    let result = run_with(&["sizing.over_leveraged.notional_fraction=19.0"]);
    let rule = result.rules.iter().find(|rule| rule.name == "over_leveraged").unwrap();
    let ruined_at = rule.account().outcome.ruined_at.unwrap();
    let ruin_ms = result.grid_start.0 + ruined_at as i64 * result.interval.ms();
    for horizon in Horizon::ALL {
        let of_rule = of(&result, "over_leveraged", horizon);
        let last = of_rule.ends.last().unwrap().0;
        assert!(last > ruin_ms && last - horizon.ms() <= ruin_ms, "{horizon:?}");
        let remark = of_rule.remark.as_ref().unwrap();
        assert!(remark.starts_with("ruined in the bar of 2025-"), "{remark}");
    }
}

#[test]
fn what_cannot_be_forecast_says_why() {
    // The default window is longer than the study.
    let short = try_run(&text(), &[], autumn()).unwrap();
    assert_eq!(
        of(&short, "fixed", Horizon::OneDay).made.as_ref().unwrap_err(),
        "61 periods of 1d are not more than the 250 of the window (compare.forecasts.window_days)"
    );
    let sleeper = "sizing.sleeper.kelly={ fraction = 0.25, estimator = \"trades\", trades = 5000 }";
    let idle = run_with(&[sleeper]);
    assert_eq!(
        of(&idle, "sleeper", Horizon::EightHours).made.as_ref().unwrap_err(),
        "the equity never moved, so there is no risk to forecast"
    );
}

#[test]
fn bars_that_do_not_make_up_eight_hours_have_days_only() {
    let long = run_with(&["data.bar=12h"]);
    assert_eq!(
        of(&long, "fixed", Horizon::EightHours).made.as_ref().unwrap_err(),
        "bars of 12h do not add up to periods of 8h"
    );
    assert_eq!(of(&long, "fixed", Horizon::OneDay).returns.len(), 92);
}

#[test]
fn of_many_rules_the_baseline_and_the_winner_come_first() {
    let result =
        run_with(&["compare.forecasts.rules_max=2", "compare.forecasts.horizons=[\"1d\"]"]);
    let rules: Vec<&str> = result.forecasts.iter().map(|of_rule| of_rule.rule.as_str()).collect();
    assert_eq!(rules.len(), 2);
    assert!(rules.contains(&result.baseline.as_str()), "{rules:?}");
    assert!(rules.contains(&result.verdict.winner.as_deref().unwrap()), "{rules:?}");
    let note = "Risk forecasts are made for 2 of 3 rules";
    assert!(result.notes.iter().any(|found| found.starts_with(note)), "{:?}", result.notes);
}
