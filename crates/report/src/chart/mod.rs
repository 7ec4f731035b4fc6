//! The page's drawings, as SVG.
//!
//! plotters draws with placeholder colours, one for each meaning (a rule's line, a limit's area,
//! grid, text); a canvas then exchanges them for CSS classes. So the page's style decides how a
//! meaning looks in light, in dark and on paper, and gives every rule a dash pattern and every
//! limit a fill pattern beside its colour. Every chart is drawn twice, for a wide and for a narrow
//! screen, because a drawing shrunk to a phone cannot be read.

pub mod bars;
pub mod curves;
pub mod exceedances;
pub mod forest;
pub mod plot;
pub mod scatter;
pub mod steps;
pub mod ticks;
pub mod values;

use plotters::coord::Shift;
use plotters::coord::ranged1d::Ranged;
use plotters::coord::types::RangedCoordf64;
use plotters::element::{Drawable, PointCollection};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::error::ReportError;

/// One drawing in both widths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figure {
    /// For screens from 640 px and for paper.
    pub wide: String,
    /// For phones.
    pub narrow: String,
}

impl Figure {
    /// Draws both.
    pub(crate) fn draw(
        draw: impl Fn(Width) -> Result<String, ReportError>,
    ) -> Result<Self, ReportError> {
        Ok(Self { wide: draw(Width::Wide)?, narrow: draw(Width::Narrow)? })
    }
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    Wide,
    Narrow,
}

impl Width {
    /// Width of the drawing in pixels.
    pub(crate) fn pixels(self) -> i32 {
        match self {
            Self::Wide => 960,
            Self::Narrow => 360,
        }
    }

    /// Whether it is the wide one.
    pub(crate) fn is_wide(self) -> bool {
        self == Self::Wide
    }
}

/// About how many pixels a label takes.
pub(crate) fn label_pixels(text: &str) -> i32 {
    text.chars().count() as i32 * CHARACTER_PIXELS
}

/// Width of a character at [`TEXT_SIZE`], on the generous side.
const CHARACTER_PIXELS: i32 = 7;
const TEXT_SIZE: f64 = 12.0;

/// What a stroke or an area means; the page's style says how that looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Grid line.
    Grid,
    /// Line that means something: zero, the ruin mark.
    Guide,
    /// Label.
    Text,
    /// A rule's line.
    Line(usize),
    /// A rule's marker.
    Mark(usize),
    /// A rule's key letter.
    Key(usize),
    /// A limit's area.
    Fill(usize),
}

impl Ink {
    fn colour(self) -> RGBColor {
        let (kind, index) = match self {
            Self::Grid => (0, 0),
            Self::Guide => (1, 0),
            Self::Text => (2, 0),
            Self::Line(index) => (3, index),
            Self::Mark(index) => (4, index),
            Self::Key(index) => (5, index),
            Self::Fill(index) => (6, index),
        };
        RGBColor(PLACEHOLDER, kind, index as u8)
    }

    fn class(kind: u8, index: u8) -> String {
        match kind {
            0 => "g".to_owned(),
            1 => "z".to_owned(),
            2 => "t".to_owned(),
            3 => format!("l r{index}"),
            4 => format!("m r{index}"),
            5 => format!("k r{index}"),
            _ => format!("p{index}"),
        }
    }
}

/// First byte of every placeholder colour.
const PLACEHOLDER: u8 = 1;

/// Pixels around the plot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Margins {
    pub(crate) left: i32,
    pub(crate) right: i32,
    pub(crate) top: i32,
    pub(crate) bottom: i32,
}

/// A drawing's size, axes and words.
pub(crate) struct Layout<'a> {
    /// Name for error messages.
    pub(crate) chart: &'static str,
    /// What it shows, for those who cannot see it.
    pub(crate) title: &'a str,
    pub(crate) width: i32,
    pub(crate) height: i32,
    pub(crate) margins: Margins,
    /// Data range of the plot from left to right.
    pub(crate) x: std::ops::Range<f64>,
    /// Data range of the plot from bottom to top.
    pub(crate) y: std::ops::Range<f64>,
}

/// Where a label stands relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawing in the making.
pub(crate) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    x: RangedCoordf64,
    y: RangedCoordf64,
    /// Plot rectangle in pixels: left, right, top, bottom.
    pub(crate) plot: (i32, i32, i32, i32),
    chart: &'static str,
}

impl Canvas<'_> {
    /// Draws with `paint` and gives the SVG.
    pub(crate) fn draw(
        layout: &Layout<'_>,
        paint: impl FnOnce(&Canvas<'_>) -> Result<(), ReportError>,
    ) -> Result<String, ReportError> {
        let mut svg = String::new();
        {
            let size = (layout.width as u32, layout.height as u32);
            let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            let margins = layout.margins;
            let canvas = Canvas {
                area,
                x: layout.x.clone().into(),
                y: layout.y.clone().into(),
                plot: (
                    margins.left,
                    layout.width - margins.right,
                    margins.top,
                    layout.height - margins.bottom,
                ),
                chart: layout.chart,
            };
            paint(&canvas)?;
            canvas.area.present().map_err(|error| canvas.error(&error))?;
        }
        Ok(themed(&svg, layout))
    }

    /// Pixel of a data point.
    pub(crate) fn at(&self, x: f64, y: f64) -> (i32, i32) {
        let (left, right, top, bottom) = self.plot;
        (self.x.map(&x, (left, right)), self.y.map(&y, (bottom, top)))
    }

    /// A line through pixels.
    pub(crate) fn line(
        &self,
        points: Vec<(i32, i32)>,
        ink: Ink,
        width: u32,
    ) -> Result<(), ReportError> {
        self.put(&PathElement::new(points, ink.colour().stroke_width(width)))
    }

    /// A filled rectangle between two pixels.
    pub(crate) fn rectangle(
        &self,
        from: (i32, i32),
        to: (i32, i32),
        ink: Ink,
    ) -> Result<(), ReportError> {
        self.put(&Rectangle::new([from, to], ink.colour().filled()))
    }

    /// A rule's marker: its shape tells rules apart where colours do not.
    pub(crate) fn marker(&self, (x, y): (i32, i32), rule: usize) -> Result<(), ReportError> {
        let corners: &[(i32, i32)] = match rule % 6 {
            0 => return self.put(&Circle::new((x, y), 6, Ink::Mark(rule).colour().filled())),
            1 => &[(-6, -6), (6, -6), (6, 6), (-6, 6)],
            2 => &[(0, -8), (7, 6), (-7, 6)],
            3 => &[(0, -8), (8, 0), (0, 8), (-8, 0)],
            4 => &[(0, 8), (7, -6), (-7, -6)],
            _ => &[
                (-2, -8),
                (2, -8),
                (2, -2),
                (8, -2),
                (8, 2),
                (2, 2),
                (2, 8),
                (-2, 8),
                (-2, 2),
                (-8, 2),
                (-8, -2),
                (-2, -2),
            ],
        };
        let corners: Vec<_> = corners.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
        self.put(&Polygon::new(corners, Ink::Mark(rule).colour()))
    }

    /// A small dot, one of many.
    pub(crate) fn dot(&self, at: (i32, i32), style: usize) -> Result<(), ReportError> {
        self.put(&Circle::new(at, 3, Ink::Mark(style).colour().filled()))
    }

    /// A label whose middle height is at the pixel.
    pub(crate) fn text(
        &self,
        text: &str,
        at: (i32, i32),
        anchor: Anchor,
        ink: Ink,
    ) -> Result<(), ReportError> {
        let horizontal = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        // The SVG back end divides the size by this factor.
        let style = ("sans-serif", TEXT_SIZE * 1.24)
            .into_font()
            .color(&ink.colour())
            .pos(Pos::new(horizontal, VPos::Center));
        self.put(&Text::new(text.to_owned(), at, style))
    }

    /// Horizontal grid lines with their labels at the left.
    pub(crate) fn grid_y(&self, ticks: &[(f64, String)]) -> Result<(), ReportError> {
        let (left, right, ..) = self.plot;
        for (value, label) in ticks {
            let (_, y) = self.at(0.0, *value);
            self.line(vec![(left, y), (right, y)], Ink::Grid, 1)?;
            self.text(label, (left - 6, y), Anchor::End, Ink::Text)?;
        }
        Ok(())
    }

    /// Vertical grid lines with their labels below; a label that would leave the drawing is
    /// anchored at its end.
    pub(crate) fn grid_x(&self, ticks: &[(f64, String)]) -> Result<(), ReportError> {
        let (_, right, top, bottom) = self.plot;
        for (value, label) in ticks {
            let (x, _) = self.at(*value, 0.0);
            self.line(vec![(x, top), (x, bottom)], Ink::Grid, 1)?;
            let half = label_pixels(label) / 2;
            let anchor = if x + half > right + 20 { Anchor::End } else { Anchor::Middle };
            self.text(label, (x, bottom + 14), anchor, Ink::Text)?;
        }
        Ok(())
    }

    fn put<'e, E>(&self, element: &'e E) -> Result<(), ReportError>
    where
        &'e E: PointCollection<'e, (i32, i32)>,
        E: for<'b> Drawable<SVGBackend<'b>>,
    {
        self.area.draw(element).map_err(|error| self.error(&error))
    }

    fn error(&self, error: &dyn std::fmt::Display) -> ReportError {
        ReportError::Chart { chart: self.chart, reason: error.to_string() }
    }
}

/// Exchanges placeholder colours for classes, drops what the page's style says better, and makes
/// the drawing scale with the page.
fn themed(svg: &str, layout: &Layout<'_>) -> String {
    let body = svg.find('>').map_or("", |end| &svg[end + 1..]);
    let mut themed = format!(
        "<svg viewBox=\"0 0 {} {}\" role=\"img\"><title>{}</title>",
        layout.width,
        layout.height,
        escape(layout.title)
    );
    themed.reserve(body.len());
    let body = body
        .replace(" opacity=\"1\"", "")
        .replace(" stroke=\"none\"", "")
        .replace(" font-family=\"sans-serif\"", "")
        .replace(&format!(" font-size=\"{TEXT_SIZE}\""), "")
        .replace('\n', "");
    let placeholder = format!("=\"#{PLACEHOLDER:02X}");
    let mut rest = body.as_str();
    while let Some(found) = rest.find(&placeholder) {
        let name = rest[..found].rfind(' ').unwrap_or(found);
        let code = found + placeholder.len();
        let byte = |from: usize| {
            rest.get(from..from + 2).and_then(|text| u8::from_str_radix(text, 16).ok())
        };
        let (Some(kind), Some(index)) = (byte(code), byte(code + 2)) else { break };
        themed.push_str(&rest[..name]);
        themed.push_str(" class=\"");
        themed.push_str(&Ink::class(kind, index));
        rest = &rest[code + 4..];
    }
    themed.push_str(rest);
    themed
}

/// Text made safe between tags and in attributes.
pub(crate) fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
        safe
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn colours_become_classes() {
        let layout = Layout {
            chart: "test",
            title: "a <b>",
            width: 100,
            height: 50,
            margins: Margins { left: 10, right: 10, top: 5, bottom: 5 },
            x: 0.0..1.0,
            y: 0.0..2.0,
        };
        let svg = Canvas::draw(&layout, |canvas| {
            assert_eq!(canvas.at(0.0, 0.0), (10, 45));
            assert_eq!(canvas.at(1.0, 2.0), (90, 5));
            canvas.line(vec![(1, 2), (3, 4)], Ink::Line(11), 2)?;
            canvas.rectangle((1, 1), (5, 5), Ink::Fill(3))?;
            canvas.text("<x>", (9, 9), Anchor::End, Ink::Text)
        })
        .unwrap();
        assert!(svg.starts_with("<svg viewBox=\"0 0 100 50\" role=\"img\"><title>a &lt;b&gt;"));
        for part in ["class=\"l r11\"", "class=\"p3\"", "class=\"t\"", "&lt;x&gt;", "</svg>"] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        for part in ["http", "#01", "font-family", "font-size"] {
            assert!(!svg.contains(part), "{part} in {svg}");
        }
    }
}
