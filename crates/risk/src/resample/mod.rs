//! How resampling is done: the stationary bootstrap and the length of its blocks.

pub mod block_length;
pub mod bootstrap;
