//! Realised returns as spikes, the value at risk that was forecast for them as a line, and a mark
//! on each loss beyond it.

use super::curves::reduce;
use super::ticks;
use super::{Canvas, Figure, Ink, Layout, Margins, Width, label_pixels};
use crate::error::ReportError;
use crate::words;

/// What is drawn: one value a period, all of one length.
pub(crate) struct Exceedances<'a> {
    /// Style of the rule.
    pub(crate) style: usize,
    /// End of each period, milliseconds.
    pub(crate) ends_ms: &'a [i64],
    /// Realised returns.
    pub(crate) returns: &'a [f64],
    /// Forecast loss that is exceeded with the tail probability.
    pub(crate) value_at_risk: &'a [f64],
}

/// Draws it.
pub(crate) fn figure(title: &str, drawn: &Exceedances<'_>) -> Result<Figure, ReportError> {
    Figure::draw(|width| draw(title, drawn, width))
}

fn draw(title: &str, drawn: &Exceedances<'_>, width: Width) -> Result<String, ReportError> {
    let n = drawn.returns.len();
    let (Some(&from_ms), Some(&to_ms)) = (drawn.ends_ms.first(), drawn.ends_ms.last()) else {
        return Ok(String::new());
    };
    let line: Vec<f64> = drawn.value_at_risk.iter().map(|loss| -loss).collect();
    let values = || drawn.returns.iter().chain(&line).copied();
    let (low, high) = (values().fold(0.0, f64::min), values().fold(0.0, f64::max));
    let pad = if high > low { (high - low) * 0.05 } else { 0.01 };
    let rows: Vec<(f64, String)> = ticks::linear(low, high, if width.is_wide() { 7 } else { 5 })
        .into_iter()
        .map(|tick| (tick, words::percent_tick(tick)))
        .collect();
    let label_max = rows.iter().map(|(_, label)| label_pixels(label)).max().unwrap_or_default();
    let last = (n - 1).max(1);
    let layout = Layout {
        chart: "exceedances",
        title,
        width: width.pixels(),
        height: if width.is_wide() { 320 } else { 250 },
        margins: Margins { left: label_max + 12, right: 26, top: 8, bottom: 26 },
        x: 0.0..last as f64,
        y: low - pad..high + pad,
    };
    Canvas::draw(&layout, |canvas| {
        canvas.grid_y(&rows)?;
        let per_ms = last as f64 / (to_ms - from_ms).max(1) as f64;
        let instants: Vec<(f64, String)> =
            ticks::times(from_ms, to_ms, if width.is_wide() { 9 } else { 4 })
                .into_iter()
                .map(|(time, label)| ((time - from_ms) as f64 * per_ms, label))
                .collect();
        canvas.grid_x(&instants)?;
        let (left, right, ..) = canvas.plot;
        let columns = (right - left).max(1) as usize;
        // One path for all spikes: up from zero and back.
        let spikes = reduce(drawn.returns, columns)
            .into_iter()
            .flat_map(|(at, r)| [0.0, r, 0.0].map(|value| canvas.at(at as f64, value)))
            .collect();
        canvas.line(spikes, Ink::Guide, 1)?;
        let mut points: Vec<(i32, i32)> = reduce(&line, columns)
            .into_iter()
            .map(|(at, value)| canvas.at(at as f64, value))
            .collect();
        points.dedup();
        canvas.line(points, Ink::Line(drawn.style), 2)?;
        for (at, (r, boundary)) in drawn.returns.iter().zip(&line).enumerate() {
            if r < boundary {
                canvas.marker(canvas.at(at as f64, *r), drawn.style)?;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_loss_beyond_the_line_is_marked_and_no_other() {
        let returns: Vec<f64> = (0..60).map(|i| if i % 20 == 7 { -0.05 } else { 0.01 }).collect();
        let ends_ms: Vec<i64> = (1..=60).map(|day| day * 86_400_000).collect();
        let drawn = Exceedances {
            style: 1,
            ends_ms: &ends_ms,
            returns: &returns,
            value_at_risk: &[0.04; 60],
        };
        let figure = figure("test", &drawn).unwrap();
        for svg in [&figure.wide, &figure.narrow] {
            assert_eq!(svg.matches("class=\"m r1\"").count(), 3, "{svg}");
            assert_eq!(svg.matches("class=\"l r1\"").count(), 1);
        }
    }

    #[test]
    fn one_period_and_none_can_be_drawn() {
        let one = Exceedances { style: 0, ends_ms: &[0], returns: &[0.0], value_at_risk: &[0.0] };
        assert!(figure("one", &one).unwrap().wide.ends_with("</svg>"));
        let none = Exceedances { style: 0, ends_ms: &[], returns: &[], value_at_risk: &[] };
        assert_eq!(figure("none", &none).unwrap(), Figure::default());
    }
}
