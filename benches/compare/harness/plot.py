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


# The plot of costs: width and height of its field, and where that begins.
FIELD, RISE, EDGE = 640, 220, 60


def cost_by_size(points):
    """Nanoseconds of an update by the size of the table, sizes to the power of ten; None without points."""
    if not points:
        return None
    powers = [len(str(size)) - 1 for size, _ in points]
    step = FIELD / max(powers[-1] - powers[0], 1)
    greatest = max(cost for _, cost in points) * 1.2
    place = lambda power, cost: (EDGE + (power - powers[0]) * step, 20 + RISE * (1 - cost / greatest))
    parts = [f'<path d="M{EDGE} 20V{20 + RISE}H{EDGE + FIELD}" fill="none" stroke="#8a8f98"/>']
    line = []
    for power, (size, cost) in zip(powers, points):
        x, y = place(power, cost)
        line.append(f"{x:.0f},{y:.0f}")
        parts.append(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="4" fill="{COLOURS["twinlease"]}"/>')
        parts.append(f'<text x="{x:.0f}" y="{y - 10:.0f}" text-anchor="middle">{number(cost)} ns</text>')
        parts.append(f'<text x="{x:.0f}" y="{RISE + 38}" text-anchor="middle">{number(size)}</text>')
    parts.append(f'<polyline points="{" ".join(line)}" fill="none" stroke="{COLOURS["twinlease"]}" stroke-width="2"/>')
    parts.append(f'<text x="{EDGE + FIELD / 2}" y="{RISE + 58}" text-anchor="middle">bindings in the table</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {FIELD + 2 * EDGE} {RISE + 70}" width="{FIELD + 2 * EDGE}" '
        f'height="{RISE + 70}" font-family="sans-serif" font-size="12" fill="#24292f">\n'
        f'<rect width="{FIELD + 2 * EDGE}" height="{RISE + 70}" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )
