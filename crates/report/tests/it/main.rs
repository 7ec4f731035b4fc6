//! One binary for all integration tests of this crate.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

mod columnar;
mod files;
mod fixture;
mod page;
mod tables;
