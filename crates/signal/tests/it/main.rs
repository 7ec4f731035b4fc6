//! Signals from outside: values against naive loops and TA-Lib, no look-ahead, rules, stops, files.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]

mod features;
mod files;
mod golden;
mod markets;
mod messages;
mod naive;
mod prefix;
mod rows;
mod rules;
mod stops;
mod warm_up;
