//! A document that needs nothing from elsewhere.

use super::plot::{Plot, escape};

/// Colours for light and dark surroundings; nothing else differs.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1f2328;--faint:#59636e;--paper:#fff;--rule:#d1d9e0;\
--c0:#0969da;--c1:#bc4c00;--c2:#1a7f37;--c3:#8250df;--c4:#bf3989;--c5:#9a6700}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--faint:#9198a1;--paper:#0d1117;--rule:#30363d;\
--c0:#58a6ff;--c1:#f0883e;--c2:#3fb950;--c3:#bc8cff;--c4:#f778ba;--c5:#d29922}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:60rem;\
margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}p.note{color:var(--faint)}
p.bad{color:var(--c1);font-weight:600}pre{overflow-x:auto;color:var(--faint)}
div.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .75rem;text-align:right;border-bottom:1px solid var(--rule)}
th:first-child,td:first-child{text-align:left}
svg{width:100%;height:auto;margin:1rem 0;fill:var(--ink);font:12px system-ui,sans-serif}
svg .title{font-weight:600;font-size:13px}svg .mid{text-anchor:middle}svg .end{text-anchor:end}
svg path,svg polyline{fill:none;stroke-width:1.8;stroke-linejoin:round}
svg .grid{stroke:var(--rule);stroke-width:1}
.s0{stroke:var(--c0)}.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}.s4{stroke:var(--c4)}\
.s5{stroke:var(--c5)}";

/// A document that is being put together from top to bottom.
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    body: String,
}

impl Page {
    /// With a heading.
    pub fn new(title: &str) -> Self {
        Self { title: escape(title), body: String::new() }
    }

    fn element(&mut self, opening: &str, text: &str, closing: &str) {
        self.body.push_str(opening);
        self.body.push_str(&escape(text));
        self.body.push_str(closing);
    }

    /// A heading of a part.
    pub fn heading(&mut self, text: &str) {
        self.element("<h2>", text, "</h2>\n");
    }

    /// An explanation.
    pub fn note(&mut self, text: &str) {
        self.element("<p class=\"note\">", text, "</p>\n");
    }

    /// Something that must not be overlooked.
    pub fn alarm(&mut self, text: &str) {
        self.element("<p class=\"bad\">", text, "</p>\n");
    }

    /// Text as it was typed, such as a command.
    pub fn verbatim(&mut self, text: &str) {
        self.element("<pre>", text, "</pre>\n");
    }

    /// A table; the first column holds names.
    pub fn table(&mut self, heading: &[&str], rows: &[Vec<String>]) {
        self.body.push_str("<div class=\"wide\"><table>\n<tr>");
        for cell in heading {
            self.element("<th>", cell, "</th>");
        }
        for row in rows {
            self.body.push_str("</tr>\n<tr>");
            for cell in row {
                self.element("<td>", cell, "</td>");
            }
        }
        self.body.push_str("</tr>\n</table></div>\n");
    }

    /// A picture.
    pub fn plot(&mut self, plot: &Plot) {
        self.body.push_str(&plot.svg());
    }

    /// The whole document.
    pub fn html(&self) -> String {
        let Self { title, body } = self;
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
             <style>\n{STYLE}\n</style>\n</head>\n<body>\n<h1>{title}</h1>\n{body}</body>\n</html>\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::Axis;
    use super::*;

    fn page() -> String {
        let mut page = Page::new("A <b> title");
        page.heading("Part");
        page.table(&["name", "value"], &[vec!["a & b".to_owned(), "1".to_owned()]]);
        page.plot(&Plot::new("plot", Axis::linear("x", 1.0), Axis::linear("y", 1.0)));
        page.html()
    }

    #[test]
    fn text_is_never_markup() {
        let html = page();
        assert!(html.contains("<h1>A &lt;b&gt; title</h1>"), "{html}");
        assert!(html.contains("<td>a &amp; b</td>"), "{html}");
    }

    #[test]
    fn nothing_is_fetched_from_elsewhere() {
        let html = page();
        for word in ["http:", "https:", "src=", "href=", "url(", "@import", "<script"] {
            assert!(!html.contains(word), "{word} in {html}");
        }
    }

    #[test]
    fn light_and_dark_have_the_same_colours_to_fill() {
        let (light, dark) = STYLE.split_once("@media").unwrap();
        for colour in ["ink", "faint", "paper", "rule", "c0", "c1", "c2", "c3", "c4", "c5"] {
            let name = format!("--{colour}:");
            assert!(light.contains(&name) && dark.contains(&name), "{name}");
        }
    }
}
