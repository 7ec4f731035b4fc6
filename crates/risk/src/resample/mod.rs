//! How resampling is done: the stationary and the circular bootstrap and the length of its blocks.

pub mod block_length;
pub mod bootstrap;
pub mod circular;
