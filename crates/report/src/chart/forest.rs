//! Differences from the baseline with their intervals: one line a rule.

use super::ticks;
use super::{Anchor, Canvas, Figure, Ink, Layout, Margins, Width};
use crate::error::ReportError;

/// One rule's difference.
pub(crate) struct Difference<'a> {
    /// Index of its style.
    pub(crate) style: usize,
    /// Key letter.
    pub(crate) key: &'a str,
    /// Name.
    pub(crate) name: &'a str,
    /// Rule minus baseline.
    pub(crate) value: f64,
    /// 95 % interval, where it is defined.
    pub(crate) interval: Option<(f64, f64)>,
}

/// Draws the differences; `word` writes a value of the axis.
pub(crate) fn figure(
    title: &str,
    rows: &[Difference<'_>],
    word: impl Fn(f64) -> String,
) -> Result<Figure, ReportError> {
    Figure::draw(|width| draw(title, rows, &word, width))
}

fn draw(
    title: &str,
    rows: &[Difference<'_>],
    word: &impl Fn(f64) -> String,
    width: Width,
) -> Result<String, ReportError> {
    const ROW: i32 = 28;
    /// Room that the words beside zero need.
    const LABEL: i32 = 56;
    let ends = || {
        rows.iter().flat_map(|row| {
            let (low, high) = row.interval.unwrap_or((row.value, row.value));
            [low, high, row.value]
        })
    };
    let (low, high) = (ends().fold(0.0, f64::min), ends().fold(0.0, f64::max));
    // Nothing but zeros: an axis around them on which they can be read.
    let pad = if high - low > 1e-9 { (high - low) * 0.06 } else { 0.01 };
    let x = low - pad..high + pad;
    let layout = Layout {
        chart: "forest",
        title,
        width: width.pixels(),
        height: rows.len() as i32 * ROW + 56,
        margins: Margins {
            left: if width.is_wide() { 230 } else { 30 },
            right: 24,
            top: 22,
            bottom: 34,
        },
        x: x.clone(),
        y: 0.0..1.0,
    };
    Canvas::draw(&layout, |canvas| {
        let values = ticks::linear(x.start, x.end, if width.is_wide() { 7 } else { 3 });
        let values: Vec<_> = values.into_iter().map(|value| (value, word(value))).collect();
        canvas.grid_x(&values)?;
        let (left, right, top, bottom) = canvas.plot;
        let (zero, _) = canvas.at(0.0, 0.0);
        canvas.line(vec![(zero, top), (zero, bottom)], Ink::Guide, 2)?;
        // Where zero is at an edge there is nothing on that side, and no room to say what it means.
        if zero - left >= LABEL {
            canvas.text("\u{2190} lower", (zero - 10, 8), Anchor::End, Ink::Text)?;
        }
        if right - zero >= LABEL {
            canvas.text("higher \u{2192}", (zero + 10, 8), Anchor::Start, Ink::Text)?;
        }
        for (index, row) in rows.iter().enumerate() {
            let y = top + index as i32 * ROW + ROW / 2;
            let label = if width.is_wide() {
                let name: String = row.name.chars().take(27).collect();
                format!("{} {name}", row.key)
            } else {
                row.key.to_owned()
            };
            canvas.text(&label, (left - 10, y), Anchor::End, Ink::Key(row.style))?;
            if let Some((low, high)) = row.interval {
                let (from, to) = (canvas.at(low, 0.0).0, canvas.at(high, 0.0).0);
                canvas.line(vec![(from, y), (to, y)], Ink::Line(row.style), 2)?;
                for x in [from, to] {
                    canvas.line(vec![(x, y - 5), (x, y + 5)], Ink::Line(row.style), 2)?;
                }
            }
            canvas.marker((canvas.at(row.value, 0.0).0, y), row.style)?;
        }
        Ok(())
    })
}
