//! Tests of the strategy file and of the run.
#![allow(clippy::unwrap_used, clippy::float_cmp, clippy::cast_possible_wrap)]

mod capacity;
mod forecasts;
mod gates;
mod lakes;
mod lookahead;
mod messages;
mod overrides;
mod parsing;
mod past;
mod portfolio;
mod presets;
mod run;
mod scene;
mod schema;
mod sizes;
mod strategies;
mod unfit_data;
