//! Sums of decimal numbers without rounding.
//!
//! Exchanges add up prices and quantities as decimals. Adding floats instead gives sums that
//! depend on the order of the rows, and that differ in the last digit from the bars that the
//! exchange publishes. Here a number that is the nearest float to a decimal of up to eight places
//! is added as that decimal, exactly; all others are added as floats with a compensation.

/// Decimal places that prices and quantities may have.
const PLACES: u32 = 8;
const SCALE: f64 = 1e8;
const INTEGER_SCALE: i128 = 100_000_000;

/// Floats up to here hold every whole number.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// A number as a multiple of 1e-8, if it is the float nearest to one.
pub(super) fn units(value: f64) -> Option<i128> {
    let scaled = (value * SCALE).round();
    if scaled.abs() < WHOLE_MAX {
        return (scaled / SCALE).total_cmp(&value).is_eq().then_some(scaled as i128);
    }
    let is_whole = value.abs() < WHOLE_MAX && value.fract().abs() <= 0.0;
    is_whole.then(|| value as i128 * INTEGER_SCALE)
}

/// A running sum of positive numbers ([`Sum::add`]) or of products of two ([`Sum::add_product`]); one of
/// both, as they are counted in different units.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    units: i128,
    /// What cannot be counted in units, and the rounding error of adding it.
    rest: f64,
    error: f64,
}

impl Sum {
    pub(super) fn add(&mut self, value: f64, units: Option<i128>) {
        match units.and_then(|units| self.units.checked_add(units)) {
            Some(sum) => self.units = sum,
            None => self.add_rest(value),
        }
    }

    pub(super) fn add_product(&mut self, (a, a_units): Number, (b, b_units): Number) {
        let product = a_units.zip(b_units).and_then(|(a, b)| a.checked_mul(b));
        self.add(a * b, product);
    }

    /// The float nearest to a sum of numbers.
    pub(super) fn total(&self) -> f64 {
        self.nearest(PLACES)
    }

    /// The float nearest to a sum of products.
    pub(super) fn total_of_products(&self) -> f64 {
        self.nearest(2 * PLACES)
    }

    fn add_rest(&mut self, value: f64) {
        let sum = self.rest + value;
        if !sum.is_finite() {
            // Beyond all numbers; the largest one stands for that, and never turns into none.
            (self.rest, self.error) = (f64::MAX, 0.0);
            return;
        }
        let large = if self.rest.abs() >= value.abs() { self.rest } else { value };
        let small = if self.rest.abs() >= value.abs() { value } else { self.rest };
        self.error += large - sum + small;
        self.rest = sum;
    }

    fn nearest(&self, places: u32) -> f64 {
        // Reading a decimal rounds once and correctly; a division of rounded numbers does not.
        let decimal = format!("{}e-{places}", self.units).parse().unwrap_or(f64::NAN);
        (decimal + (self.rest + self.error)).min(f64::MAX)
    }
}

/// A number and its [`units`].
pub(super) type Number = (f64, Option<i128>);

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)]
    use super::*;

    fn number(value: f64) -> Number {
        (value, units(value))
    }

    #[test]
    fn decimals_of_eight_places_are_counted() {
        for (value, expected) in [
            (0.1, Some(10_000_000)),
            (-0.000_000_01, Some(-1)),
            (68_284.49, Some(6_828_449_000_000)),
            (1e15, Some(100_000_000_000_000_000_000_000)),
            (0.0, Some(0)),
            (0.000_000_001, None),
            (1.0 / 3.0, None),
            (1e17, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ] {
            assert_eq!(units(value), expected, "{value}");
        }
    }

    #[test]
    fn sums_are_the_nearest_float() {
        let mut floats = 0.0;
        let mut sum = Sum::default();
        let mut products = Sum::default();
        for _ in 0..10 {
            floats += 0.1;
            sum.add(0.1, units(0.1));
            products.add_product(number(0.1), number(68_284.49));
        }
        assert_ne!(floats, 1.0);
        assert_eq!(sum.total(), 1.0);
        assert_eq!(products.total_of_products(), 68_284.49);
    }

    #[test]
    fn what_is_no_decimal_is_compensated() {
        let third = 1.0 / 3.0;
        let mut sum = Sum::default();
        for value in [1e17, third, third, third, -1e17, 0.5] {
            sum.add(value, units(value));
        }
        assert_eq!(sum.total(), 1.5);
        let mut products = Sum::default();
        products.add_product(number(1e15), number(1e15));
        products.add_product(number(1e15), number(1e15));
        assert_eq!(products.total_of_products(), 2e30);
        for _ in 0..3 {
            products.add_product(number(1e200), number(1e200));
        }
        assert_eq!(products.total_of_products(), f64::MAX);
    }
}
