//! Sums over recorded waves, by hand and against the published ones.

use plimsoll_venue::VenueError;
use plimsoll_venue::adl::{Wave, WavePolicy, WaveTable};

use crate::{assert_close, reference};

fn table() -> WaveTable {
    let wave = |name: &str, deficit, loss_max, needed| Wave {
        name: name.to_owned(),
        deficit,
        loss_max: Some(loss_max),
        needed,
    };
    let waves =
        vec![wave("1", 12.0, 9.0, 4.0), wave("2", 10.0, 9.0, 2.0), wave("4", 3.0, 3.0, 1.0)];
    let policy = |name: &str, taken: [f64; 3], haircuts: Option<[f64; 3]>| WavePolicy {
        name: name.to_owned(),
        taken: taken.to_vec(),
        haircut_max: haircuts.map(|all| all.to_vec()),
    };
    let policies = vec![
        policy("queue", [1.0, 7.0, 1.5], Some([1.0, 0.5, 0.25])),
        policy("pro_rata", [4.0, 2.0, 1.0], Some([0.5, 0.25, 0.5])),
        policy("vector", [3.0, 2.0, 1.0], None),
    ];
    WaveTable::new(waves, policies).unwrap()
}

#[test]
fn overshoot_by_hand() {
    let table = table();
    assert_eq!((table.needed(), table.deficit()), (7.0, 25.0));
    let [queue, pro_rata, vector] = &table.summaries()[..] else { panic!("three policies") };
    // -3, +5, +0.5.
    assert_eq!((queue.taken, queue.overshoot_signed), (9.5, 2.5));
    assert_eq!((queue.overshoot_positive, queue.undershoot), (5.5, 3.0));
    assert_eq!((queue.regret_absolute, queue.haircut_max), (8.5, Some(1.0)));
    assert_close(queue.ratio_to_needed.unwrap(), 9.5 / 7.0, 1e-15);
    // 0.5 * 4 + 0.25 * 2 + 0.25 * 1.
    assert_eq!(queue.fairness_regret, Some(2.75));
    assert_eq!((pro_rata.regret_absolute, pro_rata.fairness_regret), (0.0, Some(0.0)));
    assert_eq!((vector.overshoot_signed, vector.fairness_regret), (-1.0, None));
    let repeated = table.repeated_losses();
    assert_eq!((repeated.len(), repeated[0].loss), (1, 9.0));
    assert_eq!(repeated[0].waves, ["1", "2"]);
}

#[test]
fn bad_figures_are_named() {
    let mut waves = table().waves().to_vec();
    waves[1].needed = f64::INFINITY;
    let error = WaveTable::new(waves, Vec::new()).unwrap_err();
    assert!(matches!(error, VenueError::BadAccount { position: 1, name: "needed", .. }), "{error}");
    let short = WavePolicy { name: "q".to_owned(), taken: vec![1.0], haircut_max: None };
    assert!(WaveTable::new(table().waves().to_vec(), vec![short]).is_err());
}

/// Hyperliquid, 10 October 2025. The repository of the paper prints 45,028,665.72; Table 2 of
/// arXiv:2602.15182 prints the absolute sums.
#[test]
fn the_october_waves_give_the_published_sums() {
    let Some(text) = reference("exchanges/adl_oct10_waves.csv") else { return };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let heading = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let column = |name: &str| -> Vec<f64> {
        let at = heading.iter().position(|other| other == name).unwrap();
        rows.iter().map(|row| row[at].parse().unwrap()).collect()
    };
    let needed = column("budget_needed_usd");
    let waves = (0..rows.len()).map(|at| Wave {
        name: rows[at][0].to_owned(),
        deficit: column("deficit_usd")[at],
        loss_max: Some(column("max_loss_usd")[at]),
        needed: needed[at],
    });
    let policy = |name: &str, haircut: Option<&str>| WavePolicy {
        name: name.to_owned(),
        taken: column(&format!("budget_{name}_usd")),
        haircut_max: haircut.map(column),
    };
    let policies = vec![
        policy("queue_production", Some("max_pct_queue")),
        policy("pro_rata", Some("max_pct_pro_rata")),
        policy("vector", None),
        policy("contract_pro_rata", None),
        policy("integer", None),
    ];
    let table = WaveTable::new(waves.collect(), policies).unwrap();
    assert!((table.needed() - 15_079_669.61).abs() < 0.2);
    let found = table.summaries();
    assert!((found[0].taken - 60_108_335.33).abs() < 0.2);
    assert!((found[0].overshoot_signed - 45_028_665.72).abs() < 0.2);
    assert!((found[0].overshoot_positive / 1e6 - 49.41).abs() < 0.005);
    assert_close(found[0].ratio_to_needed.unwrap(), 3.99, 2e-3);
    let absolute = [53_782_490.53, 0.0, 1_793_022.03, 3_020_120.65, 106_205.81];
    for (summary, published) in found.iter().zip(absolute) {
        let difference = (summary.regret_absolute - published).abs();
        assert!(difference < 0.2, "{}: {}", summary.policy, summary.regret_absolute);
    }
    let repeated = table.repeated_losses();
    assert_eq!((repeated[0].loss, repeated[0].waves.len()), (10_925_707.16, 9));
}
