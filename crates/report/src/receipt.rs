//! `receipt.json`: how to reproduce a result and what has to be known about it.

use plimsoll_engine::Settings;
use plimsoll_study::result::{StudyResult, SymbolCoverage};
use serde_json::{Value, json};

use crate::error::ReportError;
use crate::timeline::Timeline;

/// `receipt.json`: hashes, seed and version, the strategy file as it was run, the settings, the
/// rules with their values, the data's coverage and every flag. Keys stand in a fixed order; there
/// is no clock time, host or path.
///
/// # Errors
/// A value that JSON cannot hold.
pub fn json(result: &StudyResult) -> Result<Vec<u8>, ReportError> {
    let timeline = Timeline::of(result);
    let rules: Vec<Value> = result
        .rules
        .iter()
        .map(|rule| {
            let accounts: Vec<Value> = rule
                .accounts
                .iter()
                .map(|account| {
                    let outcome = &account.outcome;
                    json!({
                        "scope": account.scope,
                        "bars": outcome.equity.len(),
                        "ruined_at": outcome.ruined_at.map(|bar| timeline.close(bar)),
                        "mark_fallback_bars": outcome.mark_fallback_bars,
                        "joint_extreme_bars": outcome.joint_extreme_bars,
                        "funding_price_estimated": outcome.funding_price_estimated,
                        "above_top_bracket_bars": outcome.above_top_bracket_bars,
                    })
                })
                .collect();
            json!({
                "name": rule.name,
                "equity": rule.equity,
                "sizing": rule.rule,
                "accounts": accounts,
            })
        })
        .collect();
    let receipt = json!({
        "name": result.name,
        "version": result.receipt.version,
        "data_hash": result.receipt.data_hash,
        "config_hash": result.receipt.config_hash,
        "tables_hash": result.receipt.tables_hash,
        "result_hash": result.receipt.result_hash,
        "seed": result.receipt.seed,
        "data_label": result.data_label,
        "venue": result.venue,
        "currency": result.currency,
        "symbols": result.symbols,
        "bar": result.interval,
        "from": result.from,
        "to": result.to,
        "compare_from": timeline.open(result.compare_from_bar),
        "compare_to": timeline.open(result.to_bar),
        "trades": result.trades.len(),
        "trades_excluded": result.trades_excluded,
        "entries_cancelled": result.cancelled.len(),
        "settings": settings(&result.settings, result.taker_fee),
        "ruin": result.ruin,
        "bootstrap": result.bootstrap,
        "alphas": result.alphas,
        "forecasts": result.forecast_plan,
        "baseline": result.baseline,
        "rules": rules,
        "coverage": result.coverage.iter().map(coverage).collect::<Vec<_>>(),
        "notes": result.notes,
        "strategy": result.strategy_text,
    });
    let mut bytes = serde_json::to_vec_pretty(&receipt)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn settings(settings: &Settings, taker_fee: Option<f64>) -> Value {
    json!({
        "margin": settings.margin,
        "leverage": settings.leverage,
        "intrabar": settings.intrabar,
        "simultaneous": settings.simultaneous,
        "taker_fee": taker_fee.map_or(json!("venue"), |fee| json!(fee)),
        "half_spread_bps": settings.costs.half_spread_bps,
        "impact_y": settings.costs.impact_y,
        "stop_slippage": settings.stop_slippage(),
    })
}

fn coverage(coverage: &SymbolCoverage) -> Value {
    let flags: Vec<Value> = coverage
        .flags
        .iter()
        .map(|flag| {
            json!({
                "name": flag.name,
                "kind": flag.kind.name(),
                "count": flag.count,
                "first": flag.first,
                "message": flag.message,
            })
        })
        .collect();
    json!({
        "symbol": coverage.symbol,
        "bars": coverage.bars,
        "first": coverage.first,
        "last": coverage.last,
        "mark_bars": coverage.mark_bars,
        "funding_settlements": coverage.funding_settlements,
        "liquidation_bars": coverage.liquidation_bars,
        "open_interest_bars": coverage.open_interest_bars,
        "flags": flags,
    })
}
