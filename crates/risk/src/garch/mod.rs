mod coordinates;
mod density;
pub mod fit;
pub mod forecast;
pub mod innovation;
pub mod model;
mod objective;
pub mod simulation;
pub mod standard_errors;

pub use coordinates::Boundary;
pub use fit::{GARCH_OBSERVATIONS_MIN, GarchFit};
pub use forecast::{Exposure, GarchFilter, OneStepForecast};
pub use innovation::Innovation;
pub use model::{
    GarchLikelihood, GarchParameters, GarchSpec, InnovationFamily, VarianceStart, Volatility,
};
pub use simulation::{Aggregation, FilteredSimulation, SimulatedTail, filtered_historical_tail};
pub use standard_errors::{ParameterError, StandardErrors};
