//! Growth against drawdown: one marker a rule.

use super::ticks;
use super::{Anchor, Canvas, Figure, Ink, Layout, Margins, Width, label_pixels};
use crate::error::ReportError;
use crate::words;

/// One rule.
pub(crate) struct Point<'a> {
    /// Index of its style.
    pub(crate) style: usize,
    /// Key letter.
    pub(crate) key: &'a str,
    /// Name.
    pub(crate) name: &'a str,
    /// Largest drawdown, a fraction.
    pub(crate) drawdown: f64,
    /// Growth a year, a fraction.
    pub(crate) growth: f64,
}

/// Draws the rules; a line marks the drawdown that counts as ruin where it is in sight.
pub(crate) fn figure(
    title: &str,
    points: &[Point<'_>],
    ruin_drawdown: f64,
) -> Result<Figure, ReportError> {
    Figure::draw(|width| draw(title, points, ruin_drawdown, width))
}

fn draw(
    title: &str,
    points: &[Point<'_>],
    ruin_drawdown: f64,
    width: Width,
) -> Result<String, ReportError> {
    let right = points.iter().map(|point| point.drawdown).fold(0.01, f64::max) * 1.12;
    let low = points.iter().map(|point| point.growth).fold(0.0, f64::min);
    let high = points.iter().map(|point| point.growth).fold(0.0, f64::max);
    let pad = ((high - low) * 0.1).max(0.005);
    let y = low - pad..high + pad;
    let layout = Layout {
        chart: "scatter",
        title,
        width: width.pixels(),
        height: if width.is_wide() { 360 } else { 300 },
        margins: Margins { left: 62, right: 20, top: 22, bottom: 44 },
        x: 0.0..right,
        y: y.clone(),
    };
    let per_cent = |ticks: Vec<f64>| -> Vec<(f64, String)> {
        ticks.into_iter().map(|tick| (tick, words::percent_tick(tick))).collect()
    };
    Canvas::draw(&layout, |canvas| {
        canvas.grid_y(&per_cent(ticks::linear(y.start, y.end, 6)))?;
        canvas.grid_x(&per_cent(ticks::linear(0.0, right, if width.is_wide() { 8 } else { 4 })))?;
        let (left, plot_right, top, bottom) = canvas.plot;
        let (_, zero) = canvas.at(0.0, 0.0);
        canvas.line(vec![(left, zero), (plot_right, zero)], Ink::Guide, 1)?;
        canvas.text("CAGR", (4, 8), Anchor::Start, Ink::Text)?;
        let below = (plot_right, bottom + 32);
        canvas.text("maximum drawdown \u{2192}", below, Anchor::End, Ink::Text)?;
        if ruin_drawdown < right {
            let (x, _) = canvas.at(ruin_drawdown, 0.0);
            canvas.line(vec![(x, top), (x, bottom)], Ink::Guide, 1)?;
            let anchor =
                if x > i32::midpoint(left, plot_right) { Anchor::End } else { Anchor::Start };
            canvas.text("counts as ruin", (x, top - 10), anchor, Ink::Text)?;
        }
        let pixels: Vec<(i32, i32)> =
            points.iter().map(|point| canvas.at(point.drawdown, point.growth)).collect();
        let mut taken: Vec<Extent> =
            pixels.iter().map(|&(x, y)| Extent::around(x, y, 9, 9)).collect();
        taken.push(Extent { left, right: plot_right, top: zero - 1, bottom: zero + 1 });
        for (point, &(x, y)) in points.iter().zip(&pixels) {
            canvas.marker((x, y), point.style)?;
            let name: String = point.name.chars().take(28).collect();
            let label = if width.is_wide() {
                format!("{} {name}", point.key)
            } else {
                point.key.to_owned()
            };
            let length = label_pixels(&label);
            // Right of the marker, else left, each also lower and higher: the first free place.
            let places = [12, -12 - length].map(|dx| [0, 14, -14].map(|dy| (x + dx, y + dy)));
            let free = places.into_iter().flatten().find(|&(x, y)| {
                let extent = Extent { left: x, right: x + length, top: y - 6, bottom: y + 6 };
                extent.left >= left
                    && extent.right <= plot_right + 16
                    && !taken.iter().any(|other| other.meets(&extent))
            });
            // Crowded: the key alone, whose meaning the table beside gives.
            let (text, (x, y)) = free.map_or((point.key, (x + 12, y)), |at| (label.as_str(), at));
            let length = label_pixels(text);
            taken.push(Extent { left: x, right: x + length, top: y - 6, bottom: y + 6 });
            canvas.text(text, (x, y), Anchor::Start, Ink::Key(point.style))?;
        }
        Ok(())
    })
}

/// Pixels that a label or a marker covers.
struct Extent {
    left: i32,
    right: i32,
    top: i32,
    bottom: i32,
}

impl Extent {
    fn around(x: i32, y: i32, dx: i32, dy: i32) -> Self {
        Self { left: x - dx, right: x + dx, top: y - dy, bottom: y + dy }
    }

    fn meets(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}
