//! Lines and dots over two numeric axes, each linear or logarithmic.

use std::collections::BTreeSet;

use super::curves::reduce;
use super::ticks;
use super::{Anchor, Canvas, Figure, Ink, Layout, Margins, Width, label_pixels};
use crate::error::ReportError;
use crate::words;

/// What the numbers of an axis are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AxisUnit {
    /// A plain number.
    #[default]
    Number,
    /// A fraction, written as per cent.
    Percent,
    /// Whole numbers, written with thousands apart.
    Count,
}

/// One axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// What it shows.
    pub name: String,
    /// Unit of its numbers.
    pub unit: AxisUnit,
    /// Whether equal steps are equal factors; values at or below 0 are then left out.
    pub is_logarithmic: bool,
}

/// How the points of a series are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Joined in their order.
    Line,
    /// A dot each.
    Dots,
    /// A large mark each.
    Marks,
}

/// Points of one meaning.
pub(crate) struct Series<'a> {
    /// Index of its style.
    pub(crate) style: usize,
    /// Key letter.
    pub(crate) key: &'a str,
    /// How they are drawn.
    pub(crate) form: Form,
    /// x and y of each.
    pub(crate) points: &'a [(f64, f64)],
}

/// Draws the series over the axes; `None` where no point is in sight.
pub(crate) fn figure(
    title: &str,
    x: &Axis,
    y: &Axis,
    series: &[Series<'_>],
) -> Result<Option<Figure>, ReportError> {
    let points = || series.iter().flat_map(|one| one.points.iter().copied());
    let Some(x_range) = x.range(points().filter(|p| y.shows(p.1)).map(|p| p.0)) else {
        return Ok(None);
    };
    let Some(y_range) = y.range(points().filter(|p| x.shows(p.0)).map(|p| p.1)) else {
        return Ok(None);
    };
    let plot = Plot { title, x, y, x_range, y_range, series };
    Figure::draw(|width| plot.draw(width)).map(Some)
}

struct Plot<'a> {
    title: &'a str,
    x: &'a Axis,
    y: &'a Axis,
    x_range: std::ops::Range<f64>,
    y_range: std::ops::Range<f64>,
    series: &'a [Series<'a>],
}

impl Plot<'_> {
    fn draw(&self, width: Width) -> Result<String, ReportError> {
        let (columns_max, rows_max) = if width.is_wide() { (9, 7) } else { (4, 6) };
        let columns = self.x.ticks(&self.x_range, columns_max);
        let rows = self.y.ticks(&self.y_range, rows_max);
        let room = rows.iter().map(|(_, label)| label_pixels(label)).max().unwrap_or_default();
        let layout = Layout {
            chart: "plot",
            title: self.title,
            width: width.pixels(),
            height: if width.is_wide() { 400 } else { 300 },
            margins: Margins { left: room + 12, right: 26, top: 24, bottom: 46 },
            x: self.x_range.clone(),
            y: self.y_range.clone(),
        };
        Canvas::draw(&layout, |canvas| {
            canvas.grid_y(&rows)?;
            canvas.grid_x(&columns)?;
            let (left, right, _, bottom) = canvas.plot;
            canvas.text(&self.y.name, (4, 10), Anchor::Start, Ink::Text)?;
            let x_name = format!("{} \u{2192}", self.x.name);
            canvas.text(&x_name, (right, bottom + 34), Anchor::End, Ink::Text)?;
            if !self.y.is_logarithmic && self.y_range.start < 0.0 && self.y_range.end > 0.0 {
                let (_, zero) = canvas.at(self.x_range.start, 0.0);
                canvas.line(vec![(left, zero), (right, zero)], Ink::Guide, 1)?;
            }
            for one in self.series {
                self.draw_series(canvas, one)?;
            }
            Ok(())
        })
    }

    fn draw_series(&self, canvas: &Canvas<'_>, one: &Series<'_>) -> Result<(), ReportError> {
        let placed: Vec<(f64, f64)> = one
            .points
            .iter()
            .filter(|(x, y)| self.x.shows(*x) && self.y.shows(*y))
            .map(|&(x, y)| (self.x.place(x), self.y.place(y)))
            .collect();
        let (left, right, ..) = canvas.plot;
        match one.form {
            Form::Line => {
                let heights: Vec<f64> = placed.iter().map(|(_, y)| *y).collect();
                let mut pixels: Vec<(i32, i32)> = reduce(&heights, (right - left).max(1) as usize)
                    .into_iter()
                    .map(|(index, y)| canvas.at(placed[index].0, y))
                    .collect();
                pixels.dedup();
                let Some(&(x, y)) = pixels.last() else { return Ok(()) };
                canvas.line(pixels, Ink::Line(one.style), 2)?;
                canvas.text(one.key, (x + 6, y), Anchor::Start, Ink::Key(one.style))
            }
            Form::Dots => {
                // Dots that would cover one another are one dot.
                let pixels: BTreeSet<(i32, i32)> = placed
                    .iter()
                    .map(|&(x, y)| canvas.at(x, y))
                    .map(|(x, y)| (x & !1, y & !1))
                    .collect();
                pixels.into_iter().try_for_each(|pixel| canvas.dot(pixel, one.style))
            }
            Form::Marks => {
                let pixels: BTreeSet<(i32, i32)> =
                    placed.iter().map(|&(x, y)| canvas.at(x, y)).collect();
                pixels.into_iter().try_for_each(|pixel| canvas.marker(pixel, one.style))
            }
        }
    }
}

impl Axis {
    /// Whether a value has a place on the axis.
    fn shows(&self, value: f64) -> bool {
        value.is_finite() && (!self.is_logarithmic || value > 0.0)
    }

    fn place(&self, value: f64) -> f64 {
        if self.is_logarithmic { value.log10() } else { value }
    }

    /// From the least to the largest value with a little room, in places; `None` without a value.
    fn range(&self, values: impl Iterator<Item = f64>) -> Option<std::ops::Range<f64>> {
        let places = values.filter(|value| self.shows(*value)).map(|value| self.place(value));
        let (low, high) = places.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), place| {
            (low.min(place), high.max(place))
        });
        if low > high {
            return None;
        }
        let span = high - low;
        let pad = match (span > 0.0, low.abs() > 0.0) {
            (true, _) => span * 0.04,
            (false, true) => low.abs() * 0.1 + f64::MIN_POSITIVE,
            // Nothing says how large one is: a per cent, or a hundredth.
            (false, false) => 0.01,
        };
        // A range of one value at the end of the doubles has no room on one side.
        let range = low - pad..high + pad;
        (range.start < range.end && (range.end - range.start).is_finite()).then_some(range)
    }

    fn ticks(&self, range: &std::ops::Range<f64>, n: usize) -> Vec<(f64, String)> {
        let values = if self.is_logarithmic {
            ticks::logarithmic(10_f64.powf(range.start), 10_f64.powf(range.end), n)
        } else {
            ticks::linear(range.start, range.end, n)
        };
        values
            .into_iter()
            .filter(|value| self.shows(*value))
            .map(|value| (self.place(value), self.word(value)))
            .collect()
    }

    fn word(&self, value: f64) -> String {
        match self.unit {
            AxisUnit::Number => words::number(value),
            AxisUnit::Percent => words::percent_tick(value),
            AxisUnit::Count => words::count(value),
        }
    }
}
