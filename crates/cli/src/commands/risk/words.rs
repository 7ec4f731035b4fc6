//! Numbers of the tables as text. `--json` has all digits.

/// Six significant digits.
pub(super) fn short(value: f64) -> String {
    significant(value, 6)
}

/// Four significant digits, for wide tables.
pub(super) fn brief(value: f64) -> String {
    significant(value, 4)
}

/// A p-value: three decimals.
pub(super) fn p_value(value: f64) -> String {
    if value < 0.001 { "<0.001".to_owned() } else { format!("{value:.3}") }
}

/// A fraction as per cent with three significant digits.
pub(super) fn percent(value: f64) -> String {
    format!("{} %", significant(value * 100.0, 3))
}

fn significant(value: f64, digits: usize) -> String {
    // Nothing lost is no gain either: no -0.
    let value = value + 0.0;
    let magnitude = value.abs();
    if magnitude > 0.0 && !(1e-4..1e9).contains(&magnitude) {
        return format!("{value:.*e}", digits - 1);
    }
    let whole_digits = if magnitude >= 1.0 { magnitude.log10().floor() as usize + 1 } else { 0 };
    // Zeros after the point are no digits of the number.
    let zeros = if magnitude > 0.0 && magnitude < 0.1 && digits < 6 {
        (-magnitude.log10()).floor() as usize
    } else {
        0
    };
    let text = format!("{value:.*}", (digits + zeros).saturating_sub(whole_digits));
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_significant() {
        for (value, six, four) in [
            (0.0, "0", "0"),
            (-0.0, "0", "0"),
            (0.123_456_789, "0.123457", "0.1235"),
            (0.012_345_678, "0.012346", "0.01235"),
            (123.456_789, "123.457", "123.5"),
            (-1_234_567.8, "-1234568", "-1234568"),
            (1.5e-7, "1.50000e-7", "1.500e-7"),
            (0.2, "0.2", "0.2"),
        ] {
            assert_eq!((short(value).as_str(), brief(value).as_str()), (six, four));
        }
        assert_eq!(p_value(0.000_4), "<0.001");
        assert_eq!(p_value(0.046), "0.046");
        assert_eq!(percent(0.005), "0.5 %");
        assert_eq!(percent(-0.123_46), "-12.3 %");
    }
}
