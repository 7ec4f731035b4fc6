//! One binary for all integration tests of this crate.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

mod adl;
mod columnar;
mod files;
mod fixture;
mod page;
mod risk;
mod risk_forecasts;
mod size_figures;
mod tables;
