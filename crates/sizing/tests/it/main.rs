#![allow(clippy::unwrap_used, clippy::float_cmp, clippy::too_many_lines)]
#![expect(clippy::needless_pass_by_value, reason = "a table written in place reads better")]

mod chain;
mod drawdown_control;
mod estimates;
mod forecasts;
mod formulas;
mod formulas_golden;
mod gates;
mod gates_past;
mod kelly_family;
mod kelly_rules;
