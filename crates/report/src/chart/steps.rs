//! Values along a sequence of places, such as ranks in a queue: one line of steps a series.

use super::ticks;
use super::{Anchor, Canvas, Figure, Ink, Layout, Margins, Width, label_pixels};
use crate::error::ReportError;

/// One line.
pub(crate) struct Series<'a> {
    /// Index of its style.
    pub(crate) style: usize,
    /// Key letter.
    pub(crate) key: &'a str,
    /// Value at each place.
    pub(crate) values: Vec<f64>,
}

/// More steps than this are one or less to a pixel.
const STEPS_MAX: usize = 600;

/// Draws the lines; `word` writes a value of the axis, `place` that of a place.
pub(crate) fn figure(
    title: &str,
    series: &[Series<'_>],
    word: impl Fn(f64) -> String,
    place: impl Fn(usize) -> String,
) -> Result<Figure, ReportError> {
    Figure::draw(|width| draw(title, series, &word, &place, width))
}

fn draw(
    title: &str,
    series: &[Series<'_>],
    word: &impl Fn(f64) -> String,
    place: &impl Fn(usize) -> String,
    width: Width,
) -> Result<String, ReportError> {
    let n = series.iter().map(|one| one.values.len()).max().unwrap_or_default().max(1);
    let values = || series.iter().flat_map(|one| one.values.iter().copied());
    let (low, high) = (values().fold(0.0, f64::min), values().fold(0.0, f64::max));
    let high = if high > low { high + (high - low) * 0.06 } else { low + 1.0 };
    let rows = ticks::linear(low, high, if width.is_wide() { 6 } else { 4 });
    let rows: Vec<_> = rows.into_iter().map(|value| (value, word(value))).collect();
    let label_max = rows.iter().map(|(_, label)| label_pixels(label)).max().unwrap_or_default();
    let layout = Layout {
        chart: "steps",
        title,
        width: width.pixels(),
        height: if width.is_wide() { 340 } else { 260 },
        margins: Margins { left: label_max + 12, right: 24, top: 12, bottom: 30 },
        x: 0.0..n as f64,
        y: low..high,
    };
    Canvas::draw(&layout, |canvas| {
        canvas.grid_y(&rows)?;
        let labels_max = if width.is_wide() { 16 } else { 6 };
        let columns: Vec<_> =
            (0..n).step_by(n.div_ceil(labels_max)).map(|at| (at as f64 + 0.5, place(at))).collect();
        canvas.grid_x(&columns)?;
        for one in series {
            let stride = one.values.len().div_ceil(STEPS_MAX).max(1);
            let mut points = Vec::new();
            for (at, value) in one.values.iter().enumerate().step_by(stride) {
                let end = (at + stride).min(one.values.len());
                points.push(canvas.at(at as f64, *value));
                points.push(canvas.at(end as f64, *value));
            }
            canvas.line(points, Ink::Line(one.style), 2)?;
        }
        // A key letter on each line, each at a place of its own.
        for (index, one) in series.iter().enumerate() {
            let along = (index as f64 + 0.5) / series.len() as f64 * n as f64;
            if let Some(value) = one.values.get(along as usize) {
                let (x, y) = canvas.at(along, *value);
                canvas.text(one.key, (x, y - 8), Anchor::Middle, Ink::Key(one.style))?;
            }
        }
        Ok(())
    })
}
