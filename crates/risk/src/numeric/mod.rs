//! Arithmetic that the statistics rest on: distribution functions, least squares, searches.
//! Nothing here knows what a return is.

pub(crate) mod bessel;
pub(crate) mod chi_squared;
pub(crate) mod distribution;
pub(crate) mod entropic;
pub(crate) mod least_squares;
pub(crate) mod long_run;
pub(crate) mod quadrature;
pub(crate) mod search;
