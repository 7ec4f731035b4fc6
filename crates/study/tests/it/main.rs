//! Tests of the strategy file and of the run.
#![allow(clippy::unwrap_used, clippy::float_cmp, clippy::cast_possible_wrap)]

mod capacity;
mod forecasts;
mod lakes;
mod lookahead;
mod messages;
mod overrides;
mod parsing;
mod past;
mod portfolio;
mod run;
mod scene;
mod strategies;
mod unfit_data;
