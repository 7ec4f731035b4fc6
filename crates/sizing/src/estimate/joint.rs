//! Kelly for the positions that are held at once.

use super::sample::{Sample, weights};
use crate::formulas::{
    EmpiricalKellySettings, Outcomes, SizingError, empirical_kelly_weighted, risk_aversion,
    risk_constrained_quadratic_sample, risk_constrained_sample,
};
use crate::past::Past;
use crate::rule::{JointKelly, RiskForm};

/// Days of several positions beside each other.
#[derive(Clone, Debug, PartialEq)]
pub struct JointReturns {
    /// Which of the columns is the position that is sized.
    pub column: usize,
    /// One row a day, one column a position: the return of one unit of notional.
    pub days: Vec<Vec<f64>>,
    /// Weight of each day.
    pub weights: Vec<f64>,
}

impl JointReturns {
    /// The positions open at the past's close or entered there, over the rule's days.
    ///
    /// # Errors
    /// `TooFewObservations` where the window holds fewer days than it needs.
    pub fn at(joint: &JointKelly, past: &Past<'_>) -> Result<Self, SizingError> {
        let symbols = past.symbols_in_play();
        let days = past.joint_days(&symbols, joint.days);
        let (have, need) = (days.len(), joint.need());
        if have < need {
            return Err(SizingError::TooFewObservations { have, need });
        }
        let ages: Vec<usize> = days.iter().map(|day| day.age).collect();
        let column = symbols.iter().position(|&symbol| symbol == past.symbol_idx()).unwrap_or(0);
        let days = days.into_iter().map(|day| day.returns).collect();
        Ok(Self { column, days, weights: weights(joint.half_life, &ages) })
    }
}

/// The part of one position in the joint optimum, as leverage.
///
/// A position without any return in the window has no edge to size by: 0.
pub(crate) fn joint_leverage(
    joint: &JointKelly,
    returns: &JointReturns,
) -> Result<f64, SizingError> {
    let lambda = match (joint.drawdown, joint.chance) {
        (Some(drawdown), Some(chance)) => risk_aversion(1.0 - drawdown, chance)?,
        _ => 0.0,
    };
    let n = returns.days.first().map_or(0, Vec::len);
    if let Some(index) = returns.days.iter().position(|row| row.len() != n) {
        let have = returns.days[index].len();
        return Err(SizingError::LengthMismatch { name: "day", have, need: n });
    }
    // A column of zeros makes growth flat along it, and its part arbitrary.
    let moves = |column: &usize| returns.days.iter().any(|row| row[*column].abs() > 0.0);
    let columns: Vec<usize> = (0..n).filter(moves).collect();
    let Some(part) = columns.iter().position(|&column| column == returns.column) else {
        return Ok(0.0);
    };
    let full = if let [only] = columns[..] {
        let sample = Sample {
            values: returns.days.iter().map(|row| row[only]).collect(),
            weights: returns.weights.clone(),
            moves: Vec::new(),
        };
        let cap = joint.leverage_max;
        match joint.form {
            RiskForm::Quadratic => {
                risk_constrained_quadratic_sample(sample.weighted(), lambda, cap)?
            }
            RiskForm::Exact if lambda > 0.0 => {
                risk_constrained_sample(sample.weighted(), lambda, cap)?
            }
            RiskForm::Exact => {
                let settings = EmpiricalKellySettings { cost: 0.0, cap };
                empirical_kelly_weighted(sample.weighted(), settings)?.leverage
            }
        }
    } else {
        let days: Vec<Vec<f64>> = returns
            .days
            .iter()
            .map(|row| columns.iter().map(|&column| row[column]).collect())
            .collect();
        let outcomes = Outcomes::levered(&returns.weights, &days, joint.leverage_max)?;
        let best = match joint.form {
            RiskForm::Exact => outcomes.risk_constrained_kelly(lambda)?,
            RiskForm::Quadratic => outcomes.risk_constrained_quadratic(lambda)?,
        };
        // Below the solver's accuracy nothing is held.
        let weight = best.weights[part];
        if weight > WEIGHT_ACCURACY { joint.leverage_max * weight } else { 0.0 }
    };
    Ok(joint.fraction * full)
}

/// A barrier method leaves so much in what it does not hold.
const WEIGHT_ACCURACY: f64 = 1e-6;
