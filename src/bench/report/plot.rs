//! Lines over two axes, as SVG.

use std::fmt::Write as _;

/// Size of the picture and of the margins around its area, in its own units.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 44.0;

/// Marks on an axis, about.
const MARKS: f64 = 5.0;
/// Lines that have a colour of their own; more begin again.
const COLOURS: usize = 6;
/// Distance of names in the legend.
const LEGEND_STEP: f64 = 150.0;

/// One axis: from where to where, and its marks.
#[derive(Clone, Debug)]
pub struct Axis {
    label: String,
    least: f64,
    most: f64,
    logarithmic: bool,
    marks: Vec<(f64, String)>,
}

impl Axis {
    /// From 0 to at least `most`, with round marks.
    pub fn linear(label: &str, most: f64) -> Self {
        let step = round_step(most / MARKS);
        let count = (most / step).ceil().max(1.0);
        let marks = (0..=20).map(f64::from).take_while(|mark| *mark <= count);
        let marks = marks.map(|mark| (mark * step, plain(mark * step))).collect();
        Self { label: label.to_owned(), least: 0.0, most: count * step, logarithmic: false, marks }
    }

    /// Over whole powers of ten around `least` and `most`, both above 0.
    pub fn logarithmic(label: &str, least: f64, most: f64) -> Self {
        let bottom = least.max(1e-9).log10().floor();
        let top = most.max(1e-9).log10().ceil().max(bottom + 1.0);
        let marks = (0..=20).map(|mark| bottom + f64::from(mark)).take_while(|mark| *mark <= top);
        let marks = marks.map(|mark| (10_f64.powf(mark), plain(10_f64.powf(mark)))).collect();
        let (least, most) = (10_f64.powf(bottom), 10_f64.powf(top));
        Self { label: label.to_owned(), least, most, logarithmic: true, marks }
    }

    /// From 0 to `most`, with these marks.
    pub fn marked(label: &str, most: f64, marks: Vec<(f64, String)>) -> Self {
        let most = if most > 0.0 { most } else { 1.0 };
        Self { label: label.to_owned(), least: 0.0, most, logarithmic: false, marks }
    }

    /// Where a value lies, between 0 and 1.
    fn place(&self, value: f64) -> f64 {
        let place = if self.logarithmic {
            let (least, most) = (self.least.log10(), self.most.log10());
            (value.max(self.least).log10() - least) / (most - least)
        } else {
            (value - self.least) / (self.most - self.least)
        };
        place.clamp(0.0, 1.0)
    }
}

/// The nearest of 1, 2, 5 times a power of ten that is not below `step`.
fn round_step(step: f64) -> f64 {
    if !step.is_finite() || step <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= step);
    factor.unwrap_or(10.0) * power
}

/// A number without needless digits, thousands as k.
fn plain(value: f64) -> String {
    if value >= 10_000.0 { format!("{}k", value / 1e3) } else { format!("{}", rounded(value)) }
}

/// To twelve digits behind the point, which hides what binary fractions leave over.
fn rounded(value: f64) -> f64 {
    (value * 1e12).round() / 1e12
}

/// Lines with names.
#[derive(Clone, Debug)]
pub struct Plot {
    title: String,
    x: Axis,
    y: Axis,
    lines: Vec<(String, Vec<(f64, f64)>)>,
}

impl Plot {
    /// Without lines as yet.
    pub fn new(title: &str, x: Axis, y: Axis) -> Self {
        Self { title: title.to_owned(), x, y, lines: Vec::new() }
    }

    /// Adds a line.
    #[must_use]
    pub fn line(mut self, name: &str, points: Vec<(f64, f64)>) -> Self {
        self.lines.push((name.to_owned(), points));
        self
    }

    fn across(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (WIDTH - LEFT - RIGHT)
    }

    fn up(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.place(value) * (HEIGHT - TOP - BOTTOM)
    }

    /// An `svg` element. Its colours are classes that [`Page`](super::Page) defines.
    pub fn svg(&self) -> String {
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{0}\">\n\
             <text class=\"title\" x=\"{LEFT}\" y=\"16\">{0}</text>\n",
            escape(&self.title)
        );
        self.draw_axes(&mut svg);
        for (index, (name, points)) in self.lines.iter().enumerate() {
            self.draw_line(&mut svg, index, name, points);
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn draw_axes(&self, svg: &mut String) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for (value, label) in &self.y.marks {
            let y = self.up(*value);
            append(svg, &format!("<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>"));
            let (x, y) = (LEFT - 6.0, y + 4.0);
            append(svg, &format!("<text class=\"end\" x=\"{x}\" y=\"{y:.1}\">{label}</text>"));
        }
        for (value, label) in &self.x.marks {
            let (x, y) = (self.across(*value), bottom + 16.0);
            append(svg, &format!("<path class=\"grid\" d=\"M{x:.1} {bottom}v4\"/>"));
            append(svg, &format!("<text class=\"mid\" x=\"{x:.1}\" y=\"{y}\">{label}</text>"));
        }
        let (x, y) = (f64::midpoint(LEFT, right), HEIGHT - 8.0);
        let label = escape(&self.x.label);
        append(svg, &format!("<text class=\"mid\" x=\"{x}\" y=\"{y}\">{label}</text>"));
        let (y, label) = (f64::midpoint(TOP, bottom), escape(&self.y.label));
        let turned = format!("<text class=\"mid\" transform=\"translate(14 {y}) rotate(-90)\">");
        append(svg, &format!("{turned}{label}</text>"));
    }

    fn draw_line(&self, svg: &mut String, index: usize, name: &str, points: &[(f64, f64)]) {
        let colour = index % COLOURS;
        let mut path = String::new();
        for (x, y) in points {
            let _infallible = write!(path, "{:.1},{:.1} ", self.across(*x), self.up(*y));
        }
        let (path, name) = (path.trim_end(), escape(name));
        append(
            svg,
            &format!(
                "<polyline class=\"s{colour}\" points=\"{path}\"><title>{name}</title></polyline>"
            ),
        );
        let x = LEFT + LEGEND_STEP * f64::from(u16::try_from(index).unwrap_or(u16::MAX));
        append(svg, &format!("<path class=\"s{colour}\" d=\"M{x} 28h18\"/>"));
        append(svg, &format!("<text x=\"{}\" y=\"32\">{name}</text>", x + 24.0));
    }
}

fn append(svg: &mut String, line: &str) {
    svg.push_str(line);
    svg.push('\n');
}

/// Text that is safe inside HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_numbers_that_reach_the_most() {
        let labels = |axis: Axis| axis.marks.into_iter().map(|mark| mark.1).collect::<Vec<_>>();
        assert_eq!(labels(Axis::linear("", 47.0)), ["0", "10", "20", "30", "40", "50"]);
        assert_eq!(labels(Axis::linear("", 0.55)), ["0", "0.2", "0.4", "0.6"]);
        assert_eq!(labels(Axis::linear("", 90_000.0)), ["0", "20k", "40k", "60k", "80k", "100k"]);
        assert_eq!(labels(Axis::logarithmic("", 0.03, 8.0)), ["0.01", "0.1", "1", "10"]);
    }

    #[test]
    fn an_axis_of_nothing_still_has_an_area() {
        for axis in [Axis::linear("", 0.0), Axis::logarithmic("", 0.0, 0.0)] {
            assert!(axis.most > axis.least);
            assert!(axis.place(1.0).is_finite());
        }
    }

    #[test]
    fn points_outside_stay_inside_of_the_picture() {
        let plot = Plot::new("t", Axis::linear("x", 10.0), Axis::linear("y", 10.0));
        let svg = plot.line("l", vec![(-5.0, 99.0), (99.0, -5.0)]).svg();
        assert!(svg.contains("points=\"64.0,40.0 704.0,256.0\""), "{svg}");
    }

    #[test]
    fn names_cannot_break_out_of_the_picture() {
        let plot = Plot::new("<script>", Axis::linear("&", 1.0), Axis::linear("\"", 1.0));
        let svg = plot.line("</svg>", vec![]).svg();
        assert!(!svg.contains("<script>"), "{svg}");
        assert_eq!(svg.matches("</svg>").count(), 1, "{svg}");
    }
}
