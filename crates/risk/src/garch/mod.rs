//! Volatility that changes from day to day: the GARCH(1,1) family with constant mean,
//! `r_t = mu + sigma_t z_t`.
//!
//! Three recursions ([`Volatility`]) and five laws of the innovations `z` ([`Innovation`]), all of
//! mean 0 and variance 1, so that `sigma` is the standard deviation under each. Likelihoods at
//! given parameters are exact ([`GarchLikelihood`]); fits ([`GarchFit`]) start from several points,
//! use the analytic gradient and say whether they converged, how steep the likelihood still is and
//! which bounds they lie on. A fit gives the distribution of the next return
//! ([`OneStepForecast`]), takes further returns without a refit ([`GarchFilter`]), and simulates
//! several days with the sample's own residuals ([`FilteredSimulation`]).
//!
//! ```
//! use plimsoll_risk::garch::{
//!     Exposure, GarchFit, GarchParameters, GarchSpec, Innovation, InnovationFamily, Volatility,
//!     simulate,
//! };
//!
//! let truth = GarchParameters {
//!     mu: 0.0005,
//!     omega: 2e-5,
//!     alpha: 0.08,
//!     gamma: 0.0,
//!     beta: 0.88,
//!     innovation: Innovation::StudentT { nu: 5.0 },
//! };
//! let returns = simulate(Volatility::Symmetric, &truth, 1_000, 7)?;
//! let spec = GarchSpec::new(Volatility::Symmetric, InnovationFamily::StudentT);
//! let fit = GarchFit::of(&returns, spec)?;
//! assert!(fit.converged && fit.boundaries.is_empty());
//!
//! let tomorrow = fit.forecast();
//! let var = tomorrow.value_at_risk(0.01, Exposure::Long)?;
//! assert!(tomorrow.expected_shortfall(0.01, Exposure::Long)? > var);
//! # Ok::<(), plimsoll_risk::RiskError>(())
//! ```
//!
//! - `model`: specification, recursion, likelihood at given parameters, expected variances
//! - `innovation`, `density`: the laws; `coordinates`, `objective`: what a fit climbs
//! - `sample`: the search; `fit`, `standard_errors`, `forecast`, `simulation`: what is made of it

mod coordinates;
mod density;
mod fit;
mod forecast;
mod innovation;
mod model;
mod objective;
mod sample;
mod simulation;
mod standard_errors;

pub use coordinates::Boundary;
pub use fit::{Convergence, GARCH_OBSERVATIONS_MIN, GarchFit};
pub use forecast::{Exposure, GarchFilter, OneStepForecast};
pub use innovation::Innovation;
pub use model::{
    GarchLikelihood, GarchParameters, GarchSpec, InnovationFamily, VarianceStart, Volatility,
};
pub use simulation::{
    Aggregation, FilteredSimulation, PATHS_MAX, PATHS_MIN, SimulatedTail, filtered_historical_tail,
    simulate,
};
pub use standard_errors::{ParameterError, StandardErrors};
