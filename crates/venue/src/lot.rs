//! Order filters: lots, ticks and the smallest order.
//!
//! Lot and tick sizes are decimal fractions that binary numbers only come near: `0.3 / 0.1` is
//! just below 3. A quotient as near to a whole number as [`GRID_TOLERANCE`] and
//! [`GRID_TOLERANCE_STEPS`] say counts as that number.

/// How near to a whole number of steps a quotient must lie, as a share of it, to be taken for it.
pub const GRID_TOLERANCE: f64 = 1e-9;
/// How near it must lie in steps, however many there are; beyond that only the rounding of the
/// quotient itself is allowed for.
pub const GRID_TOLERANCE_STEPS: f64 = 1e-6;

/// Where a value between two grid points goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the lower grid point.
    Down,
    /// To the upper grid point.
    Up,
    /// To the nearer grid point, halves away from zero.
    Nearest,
}

/// How a venue restricts prices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PriceGrid {
    /// Multiples of a fixed tick.
    Tick(f64),
    /// So many significant figures and decimals at most; whole numbers always (Hyperliquid).
    SignificantFigures {
        /// Significant figures at most.
        figures: u32,
        /// Decimals at most.
        decimals_max: u32,
    },
}

impl PriceGrid {
    /// Distance between two neighbouring prices at a price level.
    pub fn tick_at(&self, price: f64) -> f64 {
        match *self {
            Self::Tick(tick) => tick,
            Self::SignificantFigures { figures, decimals_max } => {
                // One more decimal for every power of ten by which the price misses all figures.
                let mut bound = 1.0;
                for _ in 1..figures {
                    bound *= 10.0;
                }
                let (mut decimals, mut scale) = (0, 1.0);
                while decimals < decimals_max && price.abs() * scale < bound {
                    scale *= 10.0;
                    decimals += 1;
                }
                1.0 / scale
            }
        }
    }

    /// The price on the venue's grid.
    pub fn round(&self, price: f64, rounding: Rounding) -> f64 {
        round_to_step(price, self.tick_at(price), rounding)
    }
}

/// Whole lots in a quantity, rounded towards zero.
#[inline]
pub fn lots_down(quantity: f64, quantity_step: f64) -> f64 {
    steps(quantity.abs(), quantity_step, Rounding::Down).copysign(quantity)
}

/// The quantity of so many lots: the double nearest to the decimal number.
#[inline]
pub fn quantity_of_lots(lots: f64, quantity_step: f64) -> f64 {
    // 3 * 0.1 is not 0.3, but 3 / 10 is.
    let per_unit = (1.0 / quantity_step).round();
    if per_unit >= 1.0 && (per_unit * quantity_step - 1.0).abs() < 1e-12 {
        lots / per_unit
    } else {
        lots * quantity_step
    }
}

/// The quantity rounded towards zero to whole lots.
#[inline]
pub fn round_quantity_down(quantity: f64, quantity_step: f64) -> f64 {
    quantity_of_lots(lots_down(quantity, quantity_step), quantity_step)
}

/// A value on the grid of multiples of a step.
pub fn round_to_step(value: f64, step: f64, rounding: Rounding) -> f64 {
    quantity_of_lots(steps(value, step, rounding), step)
}

/// Whether an order is large enough: `quantity * price >= minimum`, up to rounding.
#[inline]
pub fn meets_min_notional(quantity: f64, price: f64, minimum_notional: f64) -> bool {
    quantity.abs() * price >= minimum_notional * (1.0 - GRID_TOLERANCE)
}

/// Whether a quantity is at least the minimum, up to rounding.
#[inline]
pub fn meets_min_quantity(quantity: f64, minimum_quantity: f64) -> bool {
    quantity.abs() >= minimum_quantity * (1.0 - GRID_TOLERANCE)
}

#[inline]
fn steps(value: f64, step: f64, rounding: Rounding) -> f64 {
    let quotient = value / step;
    let nearest = quotient.round();
    // Value, step and quotient are each rounded by half a unit in the last place.
    let noise = 2.0 * f64::EPSILON * nearest.abs();
    let tolerance = (GRID_TOLERANCE * nearest.abs()).min(GRID_TOLERANCE_STEPS).max(noise);
    if (quotient - nearest).abs() <= tolerance {
        return nearest;
    }
    match rounding {
        Rounding::Down => quotient.floor(),
        Rounding::Up => quotient.ceil(),
        Rounding::Nearest => nearest,
    }
}
