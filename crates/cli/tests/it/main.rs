//! The binary as a user meets it: words, files, exit codes.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

mod adl;
mod bad_commands;
mod bad_data;
mod bad_strategies;
mod calc;
mod calc_book;
mod calc_funding;
mod calc_margin;
mod calc_size;
mod calc_size_account;
mod data;
mod download;
mod explain;
mod explain_folder;
mod help;
mod interrupted;
mod lake;
mod lookahead;
mod program;
mod real;
mod report;
mod risk;
mod scene;
#[path = "../../../ingest/tests/it/server.rs"]
mod server;
mod settings;
mod study;
mod worlds;
