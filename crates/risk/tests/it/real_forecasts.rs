//! All models on real daily returns, refitted every ten days: the run that the table of
//! `plimsoll risk` shows, but for its daily refits. What is asserted is its structure; which model holds is for the reader.

use std::path::Path;

use plimsoll_risk::forecast::{
    ForecastSettings, RollingForecasts, Side, TailModel, evaluate, rolling_forecasts,
};

const SERIES: &str = "../../../shared/golden/series/btc_daily.csv";

/// Column `r` of the series; none where the folder is not there.
fn daily_returns() -> Option<Vec<f64>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SERIES);
    let text = std::fs::read_to_string(path).ok()?;
    let mut lines = text.lines();
    let column = lines.next()?.split(',').position(|name| name == "r")?;
    let value = |line: &str| line.split(',').nth(column).map(|field| field.parse().unwrap());
    lines.filter(|line| !line.is_empty()).map(value).collect()
}

fn assert_complete(forecasts: &RollingForecasts, settings: &ForecastSettings, n: usize) {
    assert_eq!(forecasts.first, settings.window);
    assert!(forecasts.excluded.is_empty(), "{:?}", forecasts.excluded);
    let per_model = settings.sides.len() * settings.alphas.len();
    assert_eq!(forecasts.series.len(), settings.models.len() * per_model);
    for (index, series) in forecasts.series.iter().enumerate() {
        assert_eq!(series.model, settings.models[index / per_model]);
        assert_eq!(series.diagnostics.refits, n.div_ceil(settings.refit_every));
        let name = format!("{} {} {}", series.model, series.side, series.alpha);
        for values in [&series.value_at_risk, &series.expected_shortfall, &series.expectile] {
            assert_eq!(values.len(), n, "{name}");
            assert!(values.iter().all(|value| value.is_finite()), "{name}");
        }
        let pairs = series.value_at_risk.iter().zip(&series.expected_shortfall);
        assert!(pairs.clone().all(|(var, es)| es >= var), "{name}");
        // A day's loss is no more than the whole, and a tail is no gain.
        let mean = series.value_at_risk.iter().sum::<f64>() / n as f64;
        assert!(mean > 0.01 && mean < 0.5, "{name}: mean value at risk {mean}");
    }
}

#[test]
fn all_models_forecast_every_real_day() {
    let Some(returns) = daily_returns() else {
        eprintln!("skipped: {SERIES} is not there");
        return;
    };
    let settings = ForecastSettings {
        models: TailModel::ALL.to_vec(),
        window: 500,
        refit_every: 10,
        alphas: vec![0.01, 0.005],
        sides: Side::ALL.to_vec(),
        seed: 7,
        draws: 1_000,
    };
    let n = returns.len() - settings.window;
    let forecasts = rolling_forecasts(&returns, &settings).unwrap();
    assert_complete(&forecasts, &settings, n);

    let rows = evaluate(&returns, &forecasts, &settings).unwrap();
    assert_eq!(rows.len(), forecasts.series.len());
    for row in &rows {
        let name = format!("{} {} {}", row.model, row.side, row.alpha);
        assert_eq!(row.n, n, "{name}");
        assert!(row.violations < n / 10, "{name}: {} violations", row.violations);
        for p_value in [&row.kupiec_p, &row.christoffersen_p, &row.dynamic_quantile_p, &row.mcs_p] {
            assert!(matches!(p_value, Ok(p) if (0.0..=1.0).contains(p)), "{name}: {p_value:?}");
        }
        assert!(row.quantile_score > 0.0 && row.expectile_score > 0.0, "{name}");
    }
    // The best model of each side and tail probability is in its confidence set.
    for group in 0..4 {
        let best = rows.iter().skip(group).step_by(4).filter_map(|row| row.mcs_p.clone().ok());
        assert!(best.fold(0.0, f64::max) >= 1.0);
    }

    // The same bytes on a part of it, at one thread.
    let part = &returns[..settings.window + 40];
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let again = pool.install(|| rolling_forecasts(part, &settings).unwrap());
    for (one, all) in again.series.iter().zip(&forecasts.series) {
        assert_eq!(one.value_at_risk, all.value_at_risk[..40], "{} {}", one.model, one.side);
        assert_eq!(one.expected_shortfall, all.expected_shortfall[..40]);
        assert_eq!(one.expectile, all.expectile[..40]);
    }
}
