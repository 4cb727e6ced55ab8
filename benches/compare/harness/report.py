"""Figures of all rounds, as a table of ratios and as a page."""

import json
import statistics

HIGHER, LOWER = "higher is better", "lower is better"
PEERS = ("dhcpd", "kea-lb", "kea-hs")
OURS = "twinlease"

# Figure, what it is, which way is better.
FIGURES = [
    ("exchanges/s", "four-way exchanges a second, at most 1 % lost", HIGHER),
    ("goodput at 4x", "exchanges completed a second at 4 times that", HIGHER),
    ("alone exchanges/s", "exchanges a second of one server without partner", HIGHER),
    ("p50 ms", "exchange at half of the saturating rate, p50, ms", LOWER),
    ("p99 ms", "the same, p99, ms", LOWER),
    ("p99.9 ms", "the same, p99.9, ms", LOWER),
    ("p50 ms at half the peer's rate", "exchange at half of the rate at which the better peer saturates, p50, ms", None),
    ("p99 ms at half the peer's rate", "the same, p99, ms", None),
    ("p50 ms at the peer's rate", "exchange at the rate at which the better peer saturates, p50, ms", None),
    ("p99 ms at the peer's rate", "the same, p99, ms", None),
    ("CPU ms per lease", "processor seconds per thousand leases, both servers", LOWER),
    ("held exchanges/s", "each server held to a twentieth of a processor: exchanges a second of the pair", HIGHER),
    ("held goodput at 4x", "held: exchanges completed a second at 4 times that", HIGHER),
    ("held alone exchanges/s", "held: exchanges a second of one server without partner", HIGHER),
    ("takeover ms", "kill -9 of one until the other answers its clients, ms", LOWER),
    ("sync 10k s", "10 thousand bindings, from the start of an empty server until synchronised, s", LOWER),
    ("unanswered meanwhile 10k %", "exchanges unanswered meanwhile, %", LOWER),
    ("sync 60k s", "60 thousand bindings, the same, s", LOWER),
    ("unanswered meanwhile 60k %", "exchanges unanswered meanwhile, %", LOWER),
    ("sync 1000k s", "1 million bindings, the same, s", LOWER),
    ("unanswered meanwhile 1000k %", "exchanges unanswered meanwhile, %", LOWER),
    ("takes bindings/s", "bindings a second that it takes from a partner of ours (`bench partner`)", HIGHER),
    ("takes p99 ms", "until such an update is acknowledged, p99, ms", LOWER),
    ("gives bindings/s", "bindings a second that it gives to that partner", HIGHER),
    ("start 60k ms", "start with 60 thousand leases to the first answer, ms", LOWER),
    ("start 1000k ms", "start with 1 million leases to the first answer, ms", LOWER),
    ("start 10000k ms", "start with 10 million leases to the first answer, ms", LOWER),
    ("octets a lease (60k)", "octets of memory a lease, at 60 thousand", LOWER),
    ("octets a lease (1000k)", "octets of memory a lease, at 1 million", LOWER),
    ("octets a lease (10000k)", "octets of memory a lease, at 10 million", LOWER),
    ("syncs per 100 leases", "syncs of the disk per 100 leases at 50 a second", None),
]


class Results:
    """By kind of server and figure: the values of all rounds."""

    def __init__(self, values=None, failures=None, notes=None):
        self.values, self.failures = values or {}, failures or {}
        # What whoever measured has to say of the run.
        self.notes = notes or []

    @classmethod
    def read(cls, path):
        if path and path.exists():
            return cls(**json.loads(path.read_text()))
        return cls()

    def write(self, path):
        if path:
            path.write_text(json.dumps(vars(self), indent=1))

    def add(self, kind, figures):
        for figure, value in figures.items():
            if value is not None:
                self.values.setdefault(kind, {}).setdefault(figure, []).append(value)

    def fail(self, kind, load, reason):
        self.failures.setdefault(kind, {}).setdefault(load, []).append(reason.splitlines()[0][:200])

    def of(self, kind, figure):
        return sorted(self.values.get(kind, {}).get(figure, []))

    def median(self, kind, figure):
        values = self.of(kind, figure)
        return statistics.median(values) if values else None

    def best_peer(self):
        """The highest rate at which a peer saturated in its last round, if one was measured."""
        last = [self.values[kind]["exchanges/s"][-1] for kind in PEERS if "exchanges/s" in self.values.get(kind, {})]
        return max(last, default=None)

    def ratios(self, figure, better):
        """Ours over the better peer, round by round where both have as many: at most 1 is better with LOWER."""
        peers = [kind for kind in PEERS if self.median(kind, figure) is not None]
        if not peers or self.median(OURS, figure) is None:
            return []
        best = (max if better == HIGHER else min)(peers, key=lambda kind: self.median(kind, figure))
        pairs = zip(self.values[OURS][figure], self.values[best][figure])
        return sorted(ours / theirs for ours, theirs in pairs if theirs)

    def rows(self, kinds):
        for figure, title, better in FIGURES:
            cells = [spread(self.of(kind.name, figure)) for kind in kinds]
            if any(cells):
                ratio = spread(self.ratios(figure, better)) if better else ""
                yield [title, *(cell or "-" for cell in cells), ratio or "-"]

    def head(self, kinds):
        return ["", *(kind.title for kind in kinds), "twinlease / the better peer"]

    def table(self, kinds):
        """For a terminal."""
        rows = [self.head(kinds), *self.rows(kinds)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
        for kind, loads in self.failures.items():
            lines += [f"{kind}, {load}: {reason}" for load, reasons in loads.items() for reason in reasons]
        return "\n".join(lines)

    def markdown(self, kinds):
        head = self.head(kinds)
        lines = [line(head), line(["---"] + ["---:"] * (len(head) - 1))]
        return "\n".join(lines + [line(row) for row in self.rows(kinds)])


def line(cells):
    return "| " + " | ".join(cells) + " |"


def number(value):
    if value >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


def spread(values):
    """The median, with the least and the greatest where there are several."""
    if not values:
        return ""
    middle = number(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({number(values[0])}..{number(values[-1])})"
