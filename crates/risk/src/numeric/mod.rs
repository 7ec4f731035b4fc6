//! Arithmetic that the statistics rest on: distribution functions, least squares, searches.
//! Nothing here knows what a return is.

pub(crate) mod distribution;
pub(crate) mod entropic;
pub(crate) mod least_squares;
#[allow(dead_code)]
pub(crate) mod search;
