//! What the tests share: a strategy file that is right, and ways to make it wrong.

use miette::{GraphicalReportHandler, GraphicalTheme};
use plimsoll_study::{Study, StudyError, parse};

/// A strategy file without a mistake.
pub(crate) const GOOD: &str = r#"name = "good"

[data]
venue   = "binance-usdm"
symbols = ["BTCUSDT", "ETHUSDT"]
bar     = "1h"
from    = 2024-01-01
to      = 2025-01-01

[features]
upper = { rolling_max = "high", bars = 48, lag = 1 }
lower = { rolling_min = "low", bars = 24, lag = 1 }

[signal]
long      = "close > upper"
exit_long = "close < lower"

[stop]
fraction = 0.05

[account]
equity   = 100_000
margin   = "cross"
leverage = 10

[costs]
fees     = "venue"
slippage = { half_spread_bps = 0.5, impact = { y = 1.0 } }

[sizing.fixed]
notional_fraction = 1.0

[sizing.kelly]
kelly = { fraction = [0.25, 0.5], estimator = "trades", trades = 100, min_trades = 30 }

[compare]
baseline = "fixed"
"#;

/// [`GOOD`] with texts replaced, each of which has to be there.
pub(crate) fn good_but(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(GOOD.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "`{old}` is not in the text");
        text.replacen(old, new, 1)
    })
}

/// The study of a text without a mistake.
pub(crate) fn good_study(text: &str, overrides: &[&str]) -> Study {
    match parse_with(text, overrides) {
        Ok(study) => study,
        Err(error) => panic!("{}", rendered(&error)),
    }
}

/// [`parse`] under a fixed file name.
pub(crate) fn parse_with(text: &str, overrides: &[&str]) -> Result<Study, StudyError> {
    let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    parse("strategy.toml", text, &overrides)
}

/// The error as a terminal without colours shows it, with the hint that the error has besides.
pub(crate) fn rendered(error: &StudyError) -> String {
    let mut text = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .render_report(&mut text, error)
        .unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let hint = error.hint().map_or(String::new(), |hint| format!("\nhint: {hint}"));
    format!("{}{hint}", lines.join("\n"))
}

/// The message of a text that has to be wrong.
pub(crate) fn message_of(text: &str, overrides: &[&str]) -> String {
    match parse_with(text, overrides) {
        Ok(_) => panic!("no mistake was found in\n{text}"),
        Err(error) => rendered(&error),
    }
}
