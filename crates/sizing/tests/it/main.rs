#![allow(clippy::unwrap_used, clippy::float_cmp, clippy::too_many_lines)]

mod estimates;
mod formulas;
mod formulas_golden;
mod kelly_family;
mod kelly_rules;
