"""A plot of the comparison as SVG: bars a figure, each as a share of the greatest."""

from .report import number

PLOTTED = [
    ("exchanges/s", "exchanges a second"),
    ("goodput at 4x", "goodput at 4 times the saturating load, exchanges a second"),
    ("p99 ms", "p99 at half load, ms (shorter is better)"),
    ("sync 10k bindings/s", "synchronisation of 10 thousand bindings, bindings a second"),
]
COLOURS = {"dhcpd": "#8a8f98", "kea-lb": "#b39ddb", "kea-hs": "#d1c4e9", "twinlease": "#1f6feb"}
WIDTH, LABEL, BAR, GAP, LEFT = 760, 150, 18, 4, 12


def svg(results, kinds):
    parts, y = [], 14
    for figure, title in PLOTTED:
        values = [(kind, results.median(kind.name, figure)) for kind in kinds]
        values = [(kind, value) for kind, value in values if value is not None]
        if not values:
            continue
        parts.append(f'<text x="{LEFT}" y="{y + 12}" font-weight="600">{title}</text>')
        y += 22
        greatest = max(value for _, value in values) or 1
        for kind, value in values:
            length = max(2, round((WIDTH - LABEL - 120) * value / greatest))
            parts.append(f'<text x="{LABEL}" y="{y + 13}" text-anchor="end">{kind.title}</text>')
            parts.append(f'<rect x="{LABEL + 8}" y="{y}" width="{length}" height="{BAR}" fill="{COLOURS[kind.name]}"/>')
            parts.append(f'<text x="{LABEL + 14 + length}" y="{y + 13}">{number(value)}</text>')
            y += BAR + GAP
        y += 14
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" '
        'font-family="sans-serif" font-size="12" fill="#24292f">\n'
        f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )
