//! A report's folder made by hand: three rules, three trades, round numbers.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use parquet::arrow::ArrowWriter;
use plimsoll_market::Timestamp;
use serde_json::json;

use crate::program::folder;

/// One decision.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) rule: &'static str,
    pub(crate) trade: i64,
    pub(crate) kind: &'static str,
    pub(crate) time: &'static str,
    pub(crate) symbol: &'static str,
    pub(crate) equity: f64,
    pub(crate) base: &'static str,
    /// `limit_...` and `multiplier_...` with value and reason.
    pub(crate) named: Vec<(&'static str, f64, Option<&'static str>)>,
    pub(crate) binding: &'static str,
    pub(crate) multiplier: f64,
    pub(crate) leverage: f64,
    pub(crate) held: f64,
    pub(crate) raw: f64,
    pub(crate) quantity: f64,
    pub(crate) outcome: &'static str,
    pub(crate) reason: &'static str,
}

/// What the rules decided.
///
/// `all` at trade 4: a stop 2.5 % away, so that 2 % at risk is 0.8 times the equity; Kelly allows 1,
/// funding halves the smallest, heat leaves 0.3. An equity of 50,000 at 100 makes 150 units, in lots
/// of 7 a hundred and forty-seven.
fn rows() -> Vec<Row> {
    let all = Row {
        rule: "all",
        trade: 4,
        kind: "entry",
        time: "2025-10-09T21:00:00Z",
        symbol: "BTCUSDT",
        equity: 50_000.0,
        base: "current",
        named: vec![
            ("limit_risk_cap", 0.8, None),
            ("limit_kelly", 1.0, None),
            ("multiplier_funding_cut", 0.5, None),
            ("multiplier_oracle_health", 1.0, None),
            ("limit_venue_margin", 9.5, None),
            ("limit_heat", 0.3, None),
        ],
        binding: "heat",
        multiplier: 0.5,
        leverage: 0.3,
        held: 0.0,
        raw: 150.0,
        quantity: 147.0,
        outcome: "filled",
        reason: "",
    };
    let resize = |time, leverage: f64, raw, quantity| Row {
        kind: "resize",
        time,
        named: vec![
            ("limit_risk_cap", leverage, None),
            ("limit_kelly", 1.0, None),
            ("multiplier_funding_cut", 1.0, None),
            ("multiplier_oracle_health", 1.0, None),
            ("limit_venue_margin", 9.5, None),
            ("limit_heat", 0.6, None),
        ],
        binding: "risk_cap",
        multiplier: 1.0,
        leverage,
        held: 147.0,
        raw,
        quantity,
        ..all.clone()
    };
    let undefined = Row {
        rule: "kelly[fraction=0.25]",
        named: vec![
            ("limit_kelly", 0.0, Some("too_few_observations")),
            ("limit_venue_margin", 9.5, None),
        ],
        binding: "kelly",
        multiplier: 1.0,
        leverage: 0.0,
        raw: 0.0,
        quantity: 0.0,
        outcome: "no_size",
        reason: "too_few_observations",
        ..all.clone()
    };
    let refused = Row {
        rule: "kelly[fraction=1.0]",
        base: "initial",
        named: vec![("limit_kelly", 4.0, None), ("limit_venue_margin", 9.5, None)],
        binding: "kelly",
        multiplier: 1.0,
        leverage: 4.0,
        raw: 2_000.0,
        quantity: 1_995.0,
        outcome: "refused_at_fill",
        reason: "margin_at_fill",
        ..all.clone()
    };
    let second = |row: &Row| Row {
        trade: 7,
        time: "2025-10-20T08:00:00Z",
        symbol: "ETHUSDT",
        ..row.clone()
    };
    vec![
        all.clone(),
        Row {
            outcome: "refused_at_fill",
            reason: "margin_at_fill",
            ..resize("2025-10-10T03:00:00Z", 0.5, 250.0, 245.0)
        },
        resize("2025-10-10T06:00:00Z", 0.1, 50.0, 49.0),
        second(&undefined),
        undefined,
        refused.clone(),
        second(&refused),
    ]
}

const HEADING: &str = "rule,symbol,side,entry_time,entry_price,exit_time,exit_price,quantity,\
                       notional,leverage,binding_limit,stop_price,liquidation_price,exit_reason,pnl,\
                       funding,fees,slippage,return_on_equity,r_multiple,trade,resizes";

/// Writes the folder; `edit` may spoil the rows.
pub(crate) fn report(name: &str, edit: impl FnOnce(&mut Vec<Row>)) -> PathBuf {
    let folder = folder(name);
    let dir = folder.join("report");
    fs::create_dir_all(&dir).unwrap();
    let mut rows = rows();
    edit(&mut rows);
    write_decisions(&dir.join("decisions.parquet"), &rows, &[]);
    let position = "all,BTCUSDT,long,2025-10-09T22:00:00Z,100.5,2025-10-10T21:00:00Z,97.5,147,\
                    14773.5,0.2955,heat,97.5,51.25,stop,-310.5,-12.25,12.5,7.25,-0.00621,-1.05,4,1";
    fs::write(dir.join("trades.csv"), format!("{HEADING}\n{position}\n")).unwrap();
    let rule = |name: &str, sizing: serde_json::Value, ruined: Option<&str>| {
        json!({ "name": name, "equity": 50_000.0, "sizing": sizing, "accounts": [
            { "scope": "portfolio", "ruined_at": ruined },
        ] })
    };
    let receipt = json!({
        "name": "autumn",
        "data_label": "Simulated data: no exchange ever traded these prices.",
        "currency": "USDT",
        "rules": [
            rule("all", json!({
                "kelly": { "fraction": 0.25, "estimator": "trades", "trades": 20, "before": "no_trade" },
                "risk_cap": 0.02,
                "funding_cut": { "above_8h": 0.0005, "multiply": 0.5, "periods": 3 },
                "heat": { "share": 0.06 },
            }), Some("2025-10-11T00:00:00Z")),
            rule("kelly[fraction=0.25]", json!({ "kelly": { "fraction": 0.25 } }), None),
            rule("kelly[fraction=1.0]", json!({ "kelly": { "fraction": 1.0 } }), None),
        ],
    });
    fs::write(dir.join("receipt.json"), receipt.to_string()).unwrap();
    folder
}

/// Writes `decisions.parquet` without the columns named in `without`.
pub(crate) fn write_decisions(file: &Path, rows: &[Row], without: &[&str]) {
    let words = |value: fn(&Row) -> &'static str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(value)))
    };
    let numbers = |value: fn(&Row) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(rows.iter().map(value)))
    };
    let times = rows.iter().map(|row| row.time.parse::<Timestamp>().unwrap().0);
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("rule".to_owned(), words(|row| row.rule)),
        ("symbol".to_owned(), words(|row| row.symbol)),
        (
            "time".to_owned(),
            Arc::new(TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC")),
        ),
        (
            "trade".to_owned(),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.trade))),
        ),
        ("kind".to_owned(), words(|row| row.kind)),
        ("side".to_owned(), words(|_| "long")),
        ("equity".to_owned(), numbers(|row| row.equity)),
        ("initial_equity".to_owned(), numbers(|_| 50_000.0)),
        ("sizing_base".to_owned(), words(|row| row.base)),
        ("price".to_owned(), numbers(|_| 100.0)),
        ("stop_price".to_owned(), numbers(|_| 97.5)),
    ];
    let mut names: Vec<&str> = Vec::new();
    for (name, ..) in rows.iter().flat_map(|row| &row.named) {
        if !names.contains(name) {
            names.push(name);
        }
    }
    for name in names {
        let found = |row: &Row| row.named.iter().find(|(other, ..)| *other == name).copied();
        let values = rows.iter().map(|row| found(row).map(|(_, value, _)| value));
        let reasons = rows.iter().map(|row| found(row).and_then(|(_, _, reason)| reason));
        columns.push((name.to_owned(), Arc::new(values.collect::<Float64Array>())));
        columns.push((format!("{name}_reason"), Arc::new(reasons.collect::<StringArray>())));
    }
    columns.extend([
        ("binding_limit".to_owned(), words(|row| row.binding)),
        ("multiplier".to_owned(), numbers(|row| row.multiplier)),
        ("leverage".to_owned(), numbers(|row| row.leverage)),
        ("held_quantity".to_owned(), numbers(|row| row.held)),
        ("quantity_raw".to_owned(), numbers(|row| row.raw)),
        ("quantity".to_owned(), numbers(|row| row.quantity)),
        ("outcome".to_owned(), words(|row| row.outcome)),
        ("reason".to_owned(), words(|row| row.reason)),
        (
            "holding_bars_max".to_owned(),
            Arc::new(
                rows.iter()
                    .map(|row| (row.kind == "entry" && row.rule == "all").then_some(96))
                    .collect::<Int64Array>(),
            ),
        ),
    ]);
    columns.retain(|(name, _)| !without.contains(&name.as_str()));
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(file).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// The rows of the folder, to be written again.
pub(crate) fn all_rows() -> Vec<Row> {
    rows()
}
