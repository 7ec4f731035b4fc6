//! Shares of a whole as stacked bars: one bar a rule.

use super::{Anchor, Canvas, Figure, Ink, Layout, Margins, Width, label_pixels};
use crate::error::ReportError;

/// One rule's shares.
pub(crate) struct Bar<'a> {
    /// Key letter.
    pub(crate) key: &'a str,
    /// Name.
    pub(crate) name: &'a str,
    /// Index of the pattern, label and share of each part; the shares add up to 1.
    pub(crate) parts: Vec<(usize, &'a str, f64)>,
}

/// Draws the bars.
pub(crate) fn figure(title: &str, bars: &[Bar<'_>]) -> Result<Figure, ReportError> {
    Figure::draw(|width| draw(title, bars, width))
}

fn draw(title: &str, bars: &[Bar<'_>], width: Width) -> Result<String, ReportError> {
    const ROW: i32 = 32;
    let layout = Layout {
        chart: "bars",
        title,
        width: width.pixels(),
        height: bars.len() as i32 * ROW + 36,
        margins: Margins {
            left: if width.is_wide() { 230 } else { 30 },
            right: 20,
            top: 6,
            bottom: 28,
        },
        x: 0.0..1.0,
        y: 0.0..1.0,
    };
    Canvas::draw(&layout, |canvas| {
        let quarters = [0.0, 0.25, 0.5, 0.75, 1.0];
        let ticks: Vec<_> =
            quarters.into_iter().map(|at| (at, format!("{:.0}\u{a0}%", at * 100.0))).collect();
        canvas.grid_x(&ticks)?;
        let (left, _, top, _) = canvas.plot;
        for (index, bar) in bars.iter().enumerate() {
            let y = top + index as i32 * ROW + ROW / 2;
            let label = if width.is_wide() {
                let name: String = bar.name.chars().take(27).collect();
                format!("{} {name}", bar.key)
            } else {
                bar.key.to_owned()
            };
            canvas.text(&label, (left - 10, y), Anchor::End, Ink::Text)?;
            let mut from = 0.0;
            for (pattern, label, share) in &bar.parts {
                let (start, end) = (canvas.at(from, 0.0).0, canvas.at(from + share, 0.0).0);
                from += share;
                if end <= start {
                    continue;
                }
                canvas.rectangle((start, y - 11), (end, y + 11), Ink::Fill(*pattern))?;
                let label = label.replace('_', " ");
                if label_pixels(&label) <= end - start - 12 {
                    let half = label_pixels(&label) / 2 + 3;
                    let middle = i32::midpoint(start, end);
                    let (from, to) = ((middle - half, y - 8), (middle + half, y + 8));
                    canvas.rectangle(from, to, Ink::Fill(PLATE))?;
                    canvas.text(&label, (middle, y), Anchor::Middle, Ink::Text)?;
                }
            }
        }
        Ok(())
    })
}

/// The pattern number of the plain plate behind a label.
const PLATE: usize = 99;
