//! What `twinlease top` looks like.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::admin::json::{PoolBody, RelationshipBody};
use crate::cli::table::utc;

use super::Shown;

/// Columns of a bar.
const BAR: u16 = 40;

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, shown: &Shown) {
    let mut above = vec![heading(shown), Line::default()];
    for relationship in shown.status.iter().flat_map(|status| &status.relationships) {
        above.extend(lines(relationship));
        above.push(Line::default());
    }
    let height = u16::try_from(above.len()).unwrap_or(u16::MAX);
    let areas = Layout::vertical([Constraint::Max(height), Constraint::Min(3)]);
    let [top, bottom]: [Rect; 2] = areas.areas(frame.area());
    frame.render_widget(Paragraph::new(above), top);
    frame.render_widget(Paragraph::new(events(shown)), bottom);
}

fn heading(shown: &Shown) -> Line<'static> {
    let version = shown.status.as_ref().map_or("", |status| status.version.as_str());
    let mut spans = vec!["twinlease ".bold(), version.to_owned().into()];
    match &shown.lost {
        Some(why) => spans.push(format!("  no answer: {why}").red()),
        None => spans.push("  live".green()),
    }
    if shown.status.as_ref().is_some_and(|status| status.storage != "ok") {
        spans.push("  the disk has no room".red());
    }
    spans.push("  q: quit".dim());
    Line::from(spans)
}

fn lines(told: &RelationshipBody) -> Vec<Line<'static>> {
    let is_ok = told.communications == "ok";
    let wire = if is_ok { "═════".green() } else { "══ ══".red() };
    let partner = told.partner_state.clone().unwrap_or_else(|| "unknown".to_owned());
    let partner =
        if is_ok { coloured(&partner) } else { format!("not heard, was {partner}").dim() };
    let mut lines = vec![
        Line::from(vec![told.name.clone().bold(), format!(" ({})", told.role).dim()]),
        Line::from(vec!["  ".into(), coloured(&told.state), " ".into(), wire, " ".into(), partner]),
        Line::from(format!(
            "  since {}, last contact {}",
            utc(told.state_since),
            utc(told.last_contact)
        )),
        Line::from(format!(
            "  {}, {} unacknowledged, {} queued, {:.1} sent and {:.1} received a second",
            told.sync,
            told.unacked_updates,
            told.queued_updates,
            told.sent_rate,
            told.received_rate
        )),
    ];
    if let Some(until) = told.maintenance_until {
        lines.push(Line::from(format!("  maintenance until {}", utc(Some(until))).yellow()));
    }
    if let Some(progress) = &told.progress {
        let total = progress.total.map(|total| format!(" of {total}")).unwrap_or_default();
        let left = progress.seconds_left.map(|left| format!(", {left} s left")).unwrap_or_default();
        lines.push(Line::from(format!(
            "  {} {}{total} {}{left}",
            progress.direction, progress.done, progress.unit
        )));
    }
    for pool in &told.pools {
        lines.push(bar(pool));
        lines.push(lasts(pool));
    }
    lines
}

fn coloured(state: &str) -> Span<'static> {
    let colour = match state {
        "normal" | "recover-done" | "conflict-done" => Color::Green,
        "potential-conflict" | "resolution-interrupted" => Color::Red,
        _ => Color::Yellow,
    };
    Span::styled(state.to_owned(), Style::new().fg(colour).add_modifier(Modifier::BOLD))
}

/// A bar of a pool: free, backup, active, other.
fn bar(pool: &PoolBody) -> Line<'static> {
    let other = [pool.expired, pool.released, pool.abandoned, pool.reset];
    let other = other.into_iter().fold(0, u64::saturating_add);
    let counts = [pool.free, pool.backup, pool.active, other];
    let colours = [Color::Green, Color::Blue, Color::Cyan, Color::Yellow];
    let mut spans = vec![format!("  {:<31} ", pool.range).into()];
    for (width, colour) in widths(counts).into_iter().zip(colours) {
        spans.push(Span::styled("█".repeat(width), Style::new().fg(colour)));
    }
    Line::from(spans)
}

/// Columns of each part; together [`BAR`].
fn widths(counts: [u64; 4]) -> [usize; 4] {
    let total = counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count)).max(1);
    let mut passed = 0_u64;
    let mut column = 0;
    counts.map(|count| {
        passed = passed.saturating_add(count);
        let end = u128::from(passed) * u128::from(BAR) / u128::from(total);
        let end = usize::try_from(end).unwrap_or(usize::from(BAR));
        let width = end - column;
        column = end;
        width
    })
}

fn lasts(pool: &PoolBody) -> Line<'static> {
    let counts = format!("{} free, {} backup, {} active; ", pool.free, pool.backup, pool.active);
    let lasts = match pool.endurance_seconds {
        Some(seconds) => {
            format!("lasts {} h {} min without the partner", seconds / 3600, seconds / 60 % 60)
        }
        None => format!("{} to give without the partner", pool.available),
    };
    let lasts = if pool.endurance_warning { lasts.yellow() } else { lasts.into() };
    Line::from(vec![" ".repeat(34).into(), counts.dim(), lasts])
}

fn events(shown: &Shown) -> Vec<Line<'static>> {
    let event = |happening: &super::Happening| {
        let text = format!("{}: {}", happening.relationship, happening.text);
        let text = if happening.warning { text.yellow() } else { text.into() };
        Line::from(vec![format!("{} ", utc(Some(happening.at))).dim(), text])
    };
    shown.events.iter().map(event).collect()
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use serde_json::json;

    use super::super::Happening;
    use super::*;

    fn shown(communications: &str) -> Shown {
        let status = json!({
            "version": "1", "storage": "ok", "relationships": [{
                "name": "office", "role": "primary", "state": "normal", "state-since": 1,
                "partner-state": "recover", "communications": communications, "sync": "synced", "maintenance-until": 1_700_000_000,
                "unacked-updates": 0, "queued-updates": 0, "clock-delta-seconds": 0,
                "pools": [{
                    "range": "10.0.0.1-10.0.0.10", "relationship": "office", "free": 5, "backup": 4,
                    "active": 1, "expired": 0, "released": 0, "abandoned": 0, "reset": 0,
                    "endurance-seconds": 7260
                }]
            }]
        });
        let happening = Happening {
            at: 1,
            relationship: "office".into(),
            text: "it happens".into(),
            warning: true,
        };
        Shown {
            status: serde_json::from_value(status).unwrap(),
            events: [happening].into(),
            lost: None,
        }
    }

    fn drawn(shown: &Shown) -> String {
        let mut terminal = Terminal::new(TestBackend::new(110, 16)).unwrap();
        terminal.draw(|frame| draw(frame, shown)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn both_servers_pools_and_events_are_shown() {
        let text = drawn(&shown("ok"));
        for words in [
            "office (primary)",
            "normal ═════ recover",
            "maintenance until 2023-11-14",
            "10.0.0.1-10.0.0.10",
            "5 free, 4 backup, 1 active; lasts 2 h 1 min without the partner",
            "office: it happens",
        ] {
            assert!(text.contains(words), "{words} in\n{text}");
        }
    }

    #[test]
    fn a_partner_that_is_not_heard_is_shown_so() {
        let text = drawn(&shown("interrupted"));
        assert!(text.contains("normal ══ ══ not heard, was recover"), "{text}");
    }

    #[test]
    fn a_terminal_without_room_is_no_error() {
        let mut terminal = Terminal::new(TestBackend::new(5, 2)).unwrap();
        terminal.draw(|frame| draw(frame, &shown("ok"))).unwrap();
    }

    #[test]
    fn a_bar_has_its_width_whatever_the_counts() {
        for counts in [[1, 1, 1, 0], [0, 0, 0, 0], [u64::MAX, 7, 0, 1], [333, 333, 334, 1]] {
            let width: usize = widths(counts).iter().sum();
            assert!(width == usize::from(BAR) || counts == [0; 4], "{counts:?}: {width}");
        }
    }
}
