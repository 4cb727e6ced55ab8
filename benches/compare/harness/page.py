"""docs/performance.md."""

from . import goals
from .report import line



def page(results, kinds, versions):
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    rounds = ", ".join(f"{kind.title} {len(results.of(kind.name, 'exchanges/s'))}" for kind in kinds)
    parts = [
        "# Performance",
        "Written by `benches/compare/run --write` from the figures of its runs.\n\n"
        f"{said}. Rounds of the exchanges: {rounds}; the pairs in turn within each; medians with least and greatest. Ratios within a "
        "round mean something anywhere; absolute figures belong to this machine.",
        "![the comparison](performance.svg)",
        "## Against the goals",
        "\n".join([line(["what", "goal", "measured", "verdict"]), line(["---"] * 4), *map(line, goals.rows(results))]),
        "## The three pairs",
        results.markdown(kinds),
        "The clients are those of `twinlease bench clients` for all pairs: an open load, behind a relay, that every server "
        "hears; an exchange is DISCOVER, OFFER, REQUEST, ACK, and counts from when it was due. A rate saturates when more "
        "than 1 % of the exchanges come to nothing; it is searched to a tenth. Servers and clients share the processors, unless a "
        "row says that each server was held to a twentieth of one, by a control group that is sure to get it, as if each had a small "
        "machine of its own; then the clients come before everybody else.",
        failures(results, kinds),
        "\n".join(f"- {note}" for note in results.notes),
        "## What is on disk before the answer",
        "\n".join(f"- {kind.title}: {kind.durability}." for kind in kinds if kind.name != "kea-hs"),
        "## Settings, and why",
        "\n\n".join(settings(kind) for kind in kinds if kind.name != "kea-hs"),
        "## Again",
        "```\nbenches/compare/run --write\n```\n\nNeeds root and Debian; installs the peers from its packages, and works in network "
        "namespaces of its own. `--quick` takes one round, `--only` and `--load` a part. "
        "`cargo bench --bench codec --bench hash` gives what the page says of codec and hash; instruction counts are held by "
        "`cargo test --test instructions`.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def settings(kind):
    return f"{kind.title}\n\n" + "\n".join(f"- `{setting}`: {reason}" for setting, reason in kind.settings)


def failures(results, kinds):
    """What a pair did not manage, told once."""
    lines = []
    for kind in kinds:
        for load, reasons in results.failures.get(kind.name, {}).items():
            lines.append(f"- {kind.title}, {load}, {len(reasons)} of the rounds: {reasons[-1]}")
    return "What was not managed:\n\n" + "\n".join(lines) if lines else ""
