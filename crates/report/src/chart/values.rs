//! One number a policy as bars, with the number beside the bar.

use super::{Anchor, Canvas, Figure, Ink, Layout, Margins, Width, label_pixels};
use crate::error::ReportError;

/// One bar.
pub(crate) struct Bar<'a> {
    /// Index of its style.
    pub(crate) style: usize,
    /// Key letter.
    pub(crate) key: &'a str,
    /// Name.
    pub(crate) name: &'a str,
    /// Its length.
    pub(crate) value: f64,
}

/// Draws the bars; `word` writes a value.
pub(crate) fn figure(
    title: &str,
    bars: &[Bar<'_>],
    word: impl Fn(f64) -> String,
) -> Result<Figure, ReportError> {
    Figure::draw(|width| draw(title, bars, &word, width))
}

fn draw(
    title: &str,
    bars: &[Bar<'_>],
    word: &impl Fn(f64) -> String,
    width: Width,
) -> Result<String, ReportError> {
    const ROW: i32 = 28;
    let labels: Vec<String> = bars.iter().map(|bar| word(bar.value)).collect();
    let room = labels.iter().map(|label| label_pixels(label)).max().unwrap_or_default();
    let low = bars.iter().map(|bar| bar.value).fold(0.0, f64::min);
    let high = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let high = if high > low { high } else { low + 1.0 };
    let layout = Layout {
        chart: "values",
        title,
        width: width.pixels(),
        height: bars.len() as i32 * ROW + 16,
        margins: Margins {
            left: if width.is_wide() { 230 } else { 30 },
            right: room + 16,
            top: 8,
            bottom: 8,
        },
        x: low..high,
        y: 0.0..1.0,
    };
    Canvas::draw(&layout, |canvas| {
        let (left, _, top, bottom) = canvas.plot;
        let (zero, _) = canvas.at(0.0, 0.0);
        for (index, (bar, label)) in bars.iter().zip(&labels).enumerate() {
            let y = top + index as i32 * ROW + ROW / 2;
            let name = if width.is_wide() {
                let name: String = bar.name.chars().take(27).collect();
                format!("{} {name}", bar.key)
            } else {
                bar.key.to_owned()
            };
            canvas.text(&name, (left - 10, y), Anchor::End, Ink::Key(bar.style))?;
            let (end, _) = canvas.at(bar.value, 0.0);
            let (from, to) = (zero.min(end), zero.max(end));
            if to > from {
                canvas.rectangle((from, y - 9), (to, y + 9), Ink::Mark(bar.style))?;
            }
            canvas.text(label, (to + 8, y), Anchor::Start, Ink::Text)?;
        }
        canvas.line(vec![(zero, top), (zero, bottom)], Ink::Guide, 1)
    })
}
