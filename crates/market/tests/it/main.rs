#![allow(clippy::unwrap_used, clippy::float_cmp)]
//! Tests of the crate from outside.

mod load;
mod synthetic;
