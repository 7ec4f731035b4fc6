//! Edges estimated from the past, and the Kelly stakes that follow from them.
//!
//! - [`sample`]: trades or bars of a window, each with its weight
//! - [`kelly`]: full Kelly of a sample by the rule's estimator, shrunk for its own error
//! - [`joint`]: Kelly for the positions that are held at once

pub mod joint;
pub mod kelly;
pub mod sample;

pub use joint::JointReturns;
pub use kelly::Edge;
pub(crate) use sample::weights;
pub use sample::{Payoff, Sample};
