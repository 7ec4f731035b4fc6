//! The metric names and what computes them, one module a topic.

mod forecast_tests;
mod margin;
mod performance;
pub(crate) mod published;
mod published_carry;
mod published_tails;
mod published_venue;
mod ruin;
mod sizing;
mod tail;

use crate::question::{Answer, Failure, Question};

/// The value of a case, in the shape that its metric's definition gives it.
///
/// Each topic returns [`Failure::UnknownMetric`] for a name that is not its own, and the next one
/// is asked.
pub(crate) fn compute(question: &Question<'_>) -> Answer {
    let topics = [
        performance::compute,
        tail::compute,
        forecast_tests::compute,
        ruin::compute,
        sizing::compute,
        margin::compute,
    ];
    for topic in topics {
        match topic(question) {
            Err(Failure::UnknownMetric) => {}
            answer => return answer,
        }
    }
    Err(Failure::UnknownMetric)
}
