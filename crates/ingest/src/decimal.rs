//! Decimal text to `f64` in one pass.
//!
//! Exchanges print prices with few digits, such as `98166.40`. Where the digits make an integer
//! below 2^53 and there are at most 22 behind the point, integer and power of ten are both exact
//! in `f64`, so one division rounds correctly and nothing slower is needed. Everything else goes
//! to `fast-float2`. Both give the same bits.

/// The number that fills `text` entirely, or `None`.
pub fn parse(text: &[u8]) -> Option<f64> {
    match leading(text) {
        Some((value, length)) if length == text.len() => Some(value),
        _ => fast_float2::parse(text).ok(),
    }
}

/// The plain decimal at the start of `text` and its length, where the exact division applies.
pub(crate) fn leading(text: &[u8]) -> Option<(f64, usize)> {
    const POWERS: [f64; 23] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
        1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    ];
    let negative = text.first() == Some(&b'-');
    let start = usize::from(negative);
    let mut at = start;
    let mut mantissa: u64 = 0;
    while let Some(digit) = digit(text, at) {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(digit);
        at += 1;
    }
    let mut digits = at - start;
    let mut decimals = 0;
    if text.get(at) == Some(&b'.') {
        at += 1;
        let point = at;
        while let Some(digit) = digit(text, at) {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(digit);
            at += 1;
        }
        decimals = at - point;
        digits += decimals;
    }
    // Nineteen digits cannot have wrapped.
    if digits == 0 || digits > 19 || mantissa > 1 << 53 {
        return None;
    }
    let value = mantissa as f64 / POWERS.get(decimals)?;
    Some((if negative { -value } else { value }, at))
}

/// The whole number that fills `text` entirely, or `None`.
pub(crate) fn integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value: i64 = 0;
    for &byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
    }
    Some(if negative { -value } else { value })
}

fn digit(text: &[u8], at: usize) -> Option<u64> {
    let digit = text.get(at)?.wrapping_sub(b'0');
    (digit < 10).then_some(u64::from(digit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn same_bits(text: &str) {
        let expected = fast_float2::parse::<f64, _>(text).ok().map(f64::to_bits);
        assert_eq!(parse(text.as_bytes()).map(f64::to_bits), expected, "{text}");
    }

    #[test]
    fn edges_have_the_bits_of_fast_float() {
        for text in [
            "0",
            "-0",
            "-0.0",
            "0.1",
            "1.",
            ".5",
            "9007199254740992",
            "9007199254740993",
            "9007199254740993.5",
            "80793.3430000000000000",
            "0.0000000000000000000001",
            "0.00000000000000000000001",
            "18446744073709551616",
            "1e5",
            "2.4725004e+11",
            "nan",
            "inf",
            "",
            "-",
            ".",
            "1,5",
            " 1",
            "1 ",
            "--1",
            "1.2.3",
            "179769313486231570000000000000000000000000000000000",
        ] {
            same_bits(text);
        }
    }

    #[test]
    fn integers() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-12", Some(-12)),
            ("1775001600000000", Some(1_775_001_600_000_000)),
            ("", None),
            ("-", None),
            ("1.0", None),
            ("9999999999999999999", None),
        ] {
            assert_eq!(integer(text.as_bytes()), expected, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn decimals_have_the_bits_of_fast_float(text in "-?[0-9]{0,20}(\\.[0-9]{0,24})?") {
            same_bits(&text);
        }

        #[test]
        fn any_text_has_the_bits_of_fast_float(text in "[-+0-9.eE, a]{0,12}") {
            same_bits(&text);
        }

        #[test]
        fn printed_floats_come_back(value in any::<f64>()) {
            prop_assume!(value.is_finite());
            prop_assert_eq!(parse(value.to_string().as_bytes()).map(f64::to_bits), Some(value.to_bits()));
        }
    }
}
