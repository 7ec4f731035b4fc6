//! Curves over time: equity and drawdown.

use super::ticks;
use super::{Anchor, Canvas, Figure, Ink, Layout, Margins, Width};
use crate::error::ReportError;
use crate::timeline::Timeline;
use crate::words;

/// One rule's curve.
pub(crate) struct Curve<'a> {
    /// Index of its style.
    pub(crate) style: usize,
    /// Key letter.
    pub(crate) key: &'a str,
    /// First bar.
    pub(crate) from_bar: usize,
    /// One value a bar.
    pub(crate) values: &'a [f64],
    /// Bars to mark with the rule's marker: liquidations.
    pub(crate) marked: Vec<usize>,
}

/// What the vertical axis shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Money, logarithmic.
    Equity,
    /// A fraction, growing downwards.
    Drawdown,
}

/// Where the plot lies inside the wide drawing, from left and to the right, as shares of its width.
pub(crate) fn wide_plot() -> [f64; 2] {
    plot_shares(Width::Wide)
}

/// The same for the narrow drawing.
pub(crate) fn narrow_plot() -> [f64; 2] {
    plot_shares(Width::Narrow)
}

fn plot_shares(width: Width) -> [f64; 2] {
    let (margins, pixels) = (margins(width), f64::from(width.pixels()));
    [f64::from(margins.left) / pixels, 1.0 - f64::from(margins.right) / pixels]
}

fn margins(width: Width) -> Margins {
    let left = if width.is_wide() { 76 } else { 58 };
    Margins { left, right: 26, top: 8, bottom: 26 }
}

/// Draws the curves of one chart.
pub(crate) fn figure(
    title: &str,
    curves: &[Curve<'_>],
    scale: Scale,
    timeline: Timeline,
) -> Result<Figure, ReportError> {
    Figure::draw(|width| draw(title, curves, scale, timeline, width))
}

fn draw(
    title: &str,
    curves: &[Curve<'_>],
    scale: Scale,
    timeline: Timeline,
    width: Width,
) -> Result<String, ReportError> {
    let Some(first) = curves.iter().map(|curve| curve.from_bar).min() else {
        return Ok(String::new());
    };
    let end = curves.iter().map(|curve| curve.from_bar + curve.values.len()).max().unwrap_or(0);
    let last = end.saturating_sub(1).max(first + 1);
    let (from_ms, to_ms) = (timeline.close(first).0, timeline.close(last).0);
    let axis = Axis::of(curves, scale, if width.is_wide() { 7 } else { 5 });
    let layout = Layout {
        chart: "curves",
        title,
        width: width.pixels(),
        height: if width.is_wide() { 340 } else { 260 },
        margins: margins(width),
        x: first as f64..last as f64,
        y: axis.range.clone(),
    };
    Canvas::draw(&layout, |canvas| {
        canvas.grid_y(&axis.ticks)?;
        let instants = ticks::times(from_ms, to_ms, if width.is_wide() { 9 } else { 4 });
        let bar_ms = (to_ms - from_ms) as f64 / (last - first) as f64;
        let instants: Vec<(f64, String)> = instants
            .into_iter()
            .map(|(time, label)| (first as f64 + (time - from_ms) as f64 / bar_ms, label))
            .collect();
        canvas.grid_x(&instants)?;
        let (left, right, ..) = canvas.plot;
        let mut ends = Vec::new();
        for curve in curves {
            // As many columns as the curve is wide: two points in each.
            let share = curve.values.len() as f64 / (last - first + 1) as f64;
            let columns = (share * f64::from(right - left)).ceil().max(1.0) as usize;
            let mut points: Vec<(i32, i32)> = reduce(curve.values, columns)
                .into_iter()
                .map(|(index, value)| canvas.at((curve.from_bar + index) as f64, axis.place(value)))
                .collect();
            points.dedup();
            if let Some(&(_, y)) = points.last() {
                ends.push((y, curve));
            }
            canvas.line(points, Ink::Line(curve.style), 2)?;
            for &bar in &curve.marked {
                let value = bar.checked_sub(curve.from_bar).and_then(|i| curve.values.get(i));
                if let Some(&value) = value {
                    canvas.marker(canvas.at(bar as f64, axis.place(value)), curve.style)?;
                }
            }
        }
        label_ends(canvas, ends)
    })
}

/// Each curve's key letter at its end, moved apart where curves end together.
fn label_ends(canvas: &Canvas<'_>, mut ends: Vec<(i32, &Curve<'_>)>) -> Result<(), ReportError> {
    const LINE: i32 = 13;
    let (_, right, top, bottom) = canvas.plot;
    ends.sort_by_key(|(y, curve)| (*y, curve.style));
    let count = ends.len() as i32;
    let mut lowest = top - LINE / 2;
    for (index, (y, curve)) in ends.into_iter().enumerate() {
        let room_below = (count - 1 - index as i32) * LINE;
        let y = y.min(bottom - room_below).max(lowest + LINE);
        lowest = y;
        canvas.text(curve.key, (right + 6, y), Anchor::Start, Ink::Key(curve.style))?;
    }
    Ok(())
}

/// The vertical axis.
struct Axis {
    scale: Scale,
    range: std::ops::Range<f64>,
    ticks: Vec<(f64, String)>,
    /// Smallest equity that a logarithmic axis shows; what is lower is drawn there.
    floor: f64,
}

impl Axis {
    fn of(curves: &[Curve<'_>], scale: Scale, n: usize) -> Self {
        let values = || curves.iter().flat_map(|curve| curve.values).copied();
        let high = values().fold(0.0, f64::max);
        match scale {
            Scale::Equity => {
                let high = if high > 0.0 { high } else { 1.0 };
                let smallest = values().filter(|&value| value > high * 1e-4).fold(high, f64::min);
                let has_ruin = values().any(|value| value <= high * 1e-4);
                let floor = if has_ruin { high * 1e-4 } else { smallest };
                let pad = ((high / floor).log10() * 0.04).max(0.004);
                let range = floor.log10() - pad..high.log10() + pad;
                let ticks = ticks::logarithmic(10f64.powf(range.start), 10f64.powf(range.end), n)
                    .into_iter()
                    .filter(|tick| *tick > 0.0)
                    .map(|tick| (tick.log10(), words::number(tick)))
                    .collect();
                Self { scale, range, ticks, floor }
            }
            Scale::Drawdown => {
                let high = if high > 0.0 { high.min(1.05) } else { 0.01 };
                let ticks = ticks::linear(0.0, high, n)
                    .into_iter()
                    .map(|tick| (-tick, words::percent_tick(tick)))
                    .collect();
                Self { scale, range: -high * 1.04..0.0, ticks, floor: 0.0 }
            }
        }
    }

    fn place(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Equity => value.max(self.floor).log10(),
            Scale::Drawdown => (-value).max(self.range.start),
        }
    }
}

/// At most two points for each of `columns` equal stretches: the lowest and the highest, in the
/// order in which they occur; the first and the last value always.
pub fn reduce(values: &[f64], columns: usize) -> Vec<(usize, f64)> {
    let n = values.len();
    if n <= 2 * columns {
        return values.iter().copied().enumerate().collect();
    }
    let mut points: Vec<(usize, f64)> = Vec::with_capacity(2 * columns + 2);
    points.push((0, values[0]));
    for column in 0..columns {
        let stretch = column * n / columns..(column + 1) * n / columns;
        let (mut low, mut high) = (stretch.start, stretch.start);
        for index in stretch {
            if values[index] < values[low] {
                low = index;
            }
            if values[index] > values[high] {
                high = index;
            }
        }
        points.extend([low.min(high), low.max(high)].map(|index| (index, values[index])));
    }
    points.push((n - 1, values[n - 1]));
    points.dedup_by_key(|(index, _)| *index);
    points
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reduction_keeps_extremes_and_ends(
            values in proptest::collection::vec(-1e6f64..1e6, 1..3000), columns in 1usize..300
        ) {
            let points = reduce(&values, columns);
            prop_assert!(points.len() <= 2 * columns + 2);
            prop_assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
            prop_assert!(points.iter().all(|&(index, value)| values[index] == value));
            prop_assert_eq!(points[0].0, 0);
            prop_assert_eq!(points[points.len() - 1].0, values.len() - 1);
            for pick in [f64::min as fn(f64, f64) -> f64, f64::max] {
                let all = values.iter().copied().reduce(pick);
                prop_assert_eq!(points.iter().map(|point| point.1).reduce(pick), all);
            }
        }
    }

    #[test]
    fn equity_at_zero_is_drawn_at_the_floor() {
        let values = [100.0, 50.0, 0.0];
        let curve = Curve { style: 0, key: "A", from_bar: 0, values: &values, marked: vec![2] };
        let axis = Axis::of(&[curve], Scale::Equity, 5);
        assert!(axis.place(0.0).is_finite());
        assert!(axis.place(0.0) >= axis.range.start && axis.place(100.0) <= axis.range.end);
    }
}
