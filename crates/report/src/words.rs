//! Numbers as a person reads them: thousands separated, a few significant digits, units.

/// Narrow enough to keep a number and its unit on one line.
const NO_BREAK: char = '\u{a0}';
const MINUS: char = '\u{2212}';

/// A fraction as per cent: `0.1234` is `12.3 %`.
pub fn percent(value: f64) -> String {
    let value = value * 100.0;
    let size = value.abs();
    // What rounds to the next digit counts as having it.
    let decimals = if size >= 99.95 {
        0
    } else if size >= 9.995 {
        1
    } else if size >= 0.095 || size <= 0.0 {
        2
    } else {
        4
    };
    format!("{}{NO_BREAK}%", fixed(value, decimals))
}

/// An amount of money or a price: whole units from 10,000 on, cents below, more where it is small.
pub fn money(value: f64) -> String {
    let size = value.abs();
    if size >= 10_000.0 {
        fixed(value, 0)
    } else if size >= 1.0 || size <= 0.0 {
        fixed(value, 2)
    } else {
        number(value)
    }
}

/// A price: six significant digits, so that a tick shows.
pub fn price(value: f64) -> String {
    significant(value, 6)
}

/// A plain number with four significant digits.
pub fn number(value: f64) -> String {
    significant(value, 4)
}

fn significant(value: f64, digits: i32) -> String {
    let size = value.abs();
    if !size.is_finite() {
        return if value > 0.0 { "any".to_owned() } else { "n/a".to_owned() };
    }
    if size <= 0.0 {
        return "0".to_owned();
    }
    if size < 1e-6 {
        return format!("{value:.2e}").replace('-', &MINUS.to_string());
    }
    let magnitude = size.log10().floor() as i32;
    let text = fixed(value, (digits - 1 - magnitude).clamp(0, 9) as usize);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A whole number.
pub fn count(value: f64) -> String {
    fixed(value, 0)
}

/// A leverage: `2.5×`.
pub fn leverage(value: f64) -> String {
    if value.is_infinite() { "any".to_owned() } else { format!("{}×", fixed(value, 2)) }
}

/// A p-value: three decimals, never a bare zero.
pub fn p_value(value: f64) -> String {
    if value < 0.001 { "<\u{a0}0.001".to_owned() } else { fixed(value, 3) }
}

/// A fixed number of decimals, thousands separated by commas, a real minus sign.
pub fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::with_capacity(text.len() + text.len() / 3 + 1);
    if value < 0.0 && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) {
        grouped.push(MINUS);
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

/// A metric's value in its own unit.
pub fn metric(name: &str, value: f64) -> String {
    match MetricUnit::of(name) {
        MetricUnit::Fraction => percent(value),
        MetricUnit::Money => money(value),
        MetricUnit::Count => count(value),
        MetricUnit::Leverage => leverage(value),
        MetricUnit::Ratio => fixed(value, 2),
        MetricUnit::Plain => number(value),
    }
}

/// A round value of a metric's axis.
pub fn metric_tick(name: &str, value: f64) -> String {
    match MetricUnit::of(name) {
        MetricUnit::Fraction => percent_tick(value),
        _ => metric(name, value),
    }
}

/// A round fraction as per cent, without needless decimals.
pub fn percent_tick(value: f64) -> String {
    format!("{}{NO_BREAK}%", number(value * 100.0))
}

/// A round multiple: `10×`.
pub fn times(value: f64) -> String {
    format!("{}×", number(value))
}

/// A metric's name as a heading.
pub fn metric_label(name: &str) -> String {
    let known = [
        ("cagr", "CAGR"),
        ("mean_log_growth", "mean log growth a year"),
        ("final_log_wealth", "final log wealth"),
        ("volatility_annual", "volatility a year"),
        ("sharpe_annual", "Sharpe ratio"),
        ("sortino_annual", "Sortino ratio"),
        ("calmar", "Calmar ratio"),
        ("max_drawdown", "max drawdown"),
        ("cdar_0.95", "CDaR 95 %"),
        ("ulcer_index", "ulcer index"),
    ];
    known
        .iter()
        .find(|(key, _)| *key == name)
        .map_or_else(|| name.replace('_', " "), |(_, label)| (*label).to_owned())
}

/// `UTC date and minute`: `2025-10-10 21:00`.
pub fn minute(time: plimsoll_market::Timestamp) -> String {
    let text = time.to_string();
    text.get(..16).unwrap_or(&text).replace('T', " ")
}

enum MetricUnit {
    Fraction,
    Money,
    Count,
    Leverage,
    Ratio,
    Plain,
}

impl MetricUnit {
    fn of(name: &str) -> Self {
        const FRACTIONS: [&str; 14] = [
            "return",
            "cagr",
            "volatility",
            "drawdown",
            "cdar",
            "edar",
            "ulcer",
            "_var_",
            "_es_",
            "expectile",
            "ruin_prob",
            "mean_log_growth",
            "share",
            "win_rate",
        ];
        const MONEY: [&str; 3] = ["_paid", "equity", "pnl"];
        const RATIOS: [&str; 4] = ["sharpe", "sortino", "calmar", "turnover"];
        const COUNTS: [&str; 4] = ["trades", "liquidations", "days", "bars"];
        if name == "average_leverage" || name == "max_leverage" {
            Self::Leverage
        } else if MONEY.iter().any(|part| name.contains(part)) {
            Self::Money
        } else if RATIOS.iter().any(|part| name.starts_with(part)) {
            Self::Ratio
        } else if COUNTS.contains(&name) {
            Self::Count
        } else if FRACTIONS.iter().any(|part| name.contains(part)) {
            Self::Fraction
        } else {
            Self::Plain
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (found, expected) in [
            (percent(0.1234), "12.3\u{a0}%"),
            (percent(-0.01), "−1.00\u{a0}%"),
            (percent(12.5), "1,250\u{a0}%"),
            (percent(0.099_999_999), "10.0\u{a0}%"),
            (percent(0.999_7), "100\u{a0}%"),
            (percent(0.0), "0.00\u{a0}%"),
            (percent(0.000_5), "0.0500\u{a0}%"),
            (money(1_234_567.8), "1,234,568"),
            (money(-999.0), "−999.00"),
            (money(0.012_345), "0.01235"),
            (price(148.75), "148.75"),
            (price(97_123.4), "97,123.4"),
            (price(0.000_012_345), "0.000012345"),
            (number(1.5), "1.5"),
            (number(123_456.0), "123,456"),
            (number(2e-9), "2.00e−9"),
            (number(f64::INFINITY), "any"),
            (fixed(-0.001, 2), "0.00"),
            (count(1_000.0), "1,000"),
            (leverage(2.5), "2.50×"),
            (p_value(0.0002), "<\u{a0}0.001"),
            (metric("max_drawdown", 0.25), "25.0\u{a0}%"),
            (metric("fees_paid", 1_234.5), "1,234.50"),
            (metric("sharpe_annual", 1.234_5), "1.23"),
            (metric("skew_population", -0.012_345), "−0.01235"),
            (metric_tick("cagr", -0.2), "−20\u{a0}%"),
            (metric_tick("sharpe_annual", 0.5), "0.50"),
            (times(10.0), "10×"),
            (metric("trades", 12.0), "12"),
        ] {
            assert_eq!(found, expected);
        }
    }
}
