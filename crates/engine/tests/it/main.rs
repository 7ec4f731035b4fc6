//! The replay against numbers worked out by hand, and its laws over random markets.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    clippy::similar_names,
    clippy::many_single_char_names
)]
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]

mod book;
mod brackets;
mod costs;
mod cross;
mod laws;
mod liquidation;
mod orders;
mod portfolio;
mod random;
mod resize;
mod scene;
mod signals;
mod sizes;
mod unfilled;
