//! Decimal grids: price ticks, quantity steps, and numbers written with fixed decimals.

/// Multiples of a decimal step such as 0.1 or 0.0005.
///
/// A snapped value is the double nearest to its decimal text, so writing and parsing it gives
/// the same bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Grid {
    /// The step in units of the last decimal.
    units: f64,
    /// Ten to the power of `decimals`.
    scale: f64,
    /// Decimals that the step needs.
    pub(crate) decimals: usize,
}

impl Grid {
    /// The grid of a step, or `None` unless the step is a positive decimal of at most 12 places.
    pub(crate) fn from_step(step: f64) -> Option<Self> {
        if !(step.is_finite() && step > 0.0) {
            return None;
        }
        (0..=12).find_map(|decimals| {
            let scale = 10_f64.powi(decimals);
            let units = (step * scale).round();
            let is_exact = units >= 1.0 && (step * scale - units).abs() <= 1e-14 * units;
            is_exact.then_some(Self { units, scale, decimals: decimals as usize })
        })
    }

    /// The grid of all numbers with so many decimals.
    pub(crate) fn from_decimals(decimals: usize) -> Self {
        Self { units: 1.0, scale: 10_f64.powi(decimals as i32), decimals }
    }

    /// The smallest positive value.
    pub(crate) fn step(self) -> f64 {
        self.units / self.scale
    }

    /// The nearest value of the grid.
    pub(crate) fn snap(self, value: f64) -> f64 {
        (value * self.scale / self.units).round() * self.units / self.scale
    }

    /// The nearest value of the grid that is not zero.
    pub(crate) fn snap_positive(self, value: f64) -> f64 {
        self.snap(value).max(self.step())
    }
}

/// Appends a number with exactly so many decimals, rounded to the nearest.
pub(crate) fn push_decimal(text: &mut Vec<u8>, value: f64, decimals: usize) {
    let scaled = (value * 10_f64.powi(decimals as i32)).round();
    if scaled < 0.0 {
        text.push(b'-');
    }
    let mut digits = [b'0'; 40];
    let mut rest = scaled.abs() as u64;
    let mut position = digits.len();
    let mut written = 0;
    while rest > 0 || written <= decimals {
        if written == decimals && decimals > 0 {
            position -= 1;
            digits[position] = b'.';
        }
        position -= 1;
        digits[position] = b'0' + (rest % 10) as u8;
        rest /= 10;
        written += 1;
    }
    text.extend_from_slice(&digits[position..]);
}

/// Appends a whole number.
pub(crate) fn push_integer(text: &mut Vec<u8>, value: i64) {
    if value < 0 {
        text.push(b'-');
    }
    let mut digits = [b'0'; 20];
    let mut rest = value.unsigned_abs();
    let mut position = digits.len();
    loop {
        position -= 1;
        digits[position] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[position..]);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn steps_give_their_decimals() {
        for (step, decimals) in [(0.1, 1), (0.01, 2), (0.0005, 4), (1.0, 0), (10.0, 0), (1e-7, 7)] {
            let grid = Grid::from_step(step).unwrap();
            assert_eq!(grid.decimals, decimals, "{step}");
            assert_eq!(grid.step(), step);
        }
        for bad in [0.0, -0.1, f64::NAN, f64::INFINITY, 1.0 / 3.0] {
            assert_eq!(Grid::from_step(bad), None, "{bad}");
        }
        assert_eq!(Grid::from_step(0.0005).unwrap().snap(1.234_26), 1.2345);
        assert_eq!(Grid::from_step(0.0005).unwrap().snap(1.234_24), 1.234);
    }

    #[test]
    fn numbers_are_written_with_fixed_decimals() {
        for (value, decimals, expect) in [
            (0.0, 0, "0"),
            (0.0, 2, "0.00"),
            (0.05, 2, "0.05"),
            (-0.0001, 4, "-0.0001"),
            (12.0, 0, "12"),
            (102_345.1, 2, "102345.10"),
            (0.999, 2, "1.00"),
        ] {
            let mut text = Vec::new();
            push_decimal(&mut text, value, decimals);
            assert_eq!(String::from_utf8(text).unwrap(), expect);
        }
        for value in [0, 7, -12, i64::MAX, i64::MIN] {
            let mut text = Vec::new();
            push_integer(&mut text, value);
            assert_eq!(String::from_utf8(text).unwrap(), value.to_string());
        }
    }

    proptest! {
        #[test]
        fn snapped_values_survive_their_text(value in 0.0..1e6_f64, decimals in 0_usize..=8) {
            let snapped = Grid::from_decimals(decimals).snap(value);
            let mut text = Vec::new();
            push_decimal(&mut text, snapped, decimals);
            let text = String::from_utf8(text).unwrap();
            prop_assert_eq!(&text, &format!("{snapped:.decimals$}"));
            prop_assert_eq!(text.parse::<f64>().unwrap(), snapped);
        }
    }
}
