//! Is one rule better than another, or only luckier?

pub mod paired;
pub mod sharpe_difference;
