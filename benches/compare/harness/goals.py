"""The promises of the project next to what was measured."""

import json
import statistics

from .prerequisites import ROOT
from .report import HIGHER, OURS, number

# What `cargo bench` leaves behind, and how many of the thing it counts are in one iteration.
CRITERION = ROOT / "target/criterion"


def nanoseconds(group, name, count=1):
    """Median of a criterion benchmark, per thing; None where it has not been run."""
    file = CRITERION / group / name / "new/estimates.json"
    if not file.exists():
        return None
    return json.loads(file.read_text())["median"]["point_estimate"] / count


def costs_by_size():
    """Size of the table and nanoseconds of an update, ascending, as `cargo bench --bench table` has left them."""
    sizes = (int(path.name) for path in (CRITERION / "update by size/renewal").glob("[0-9]*"))
    costs = ((size, nanoseconds("update by size/renewal", str(size))) for size in sorted(sizes))
    return [(size, cost) for size, cost in costs if cost is not None]


# Why a row falls short, and what is in the way.
REASONS = {
    "four-way exchanges a second against the better peer":
        "every lease waits for the disk; the better peer does not sync",
    "goodput at 4 times the saturating load, the clients on the same processors":
        "at 4 times the rate the clients take the processors: the servers still read nine of ten DISCOVERs and answer them, "
        "but the clients hear the answers after their second is over and send no REQUEST",
    "goodput at 4 times the saturating load, each server held to its part":
        "REQUESTs are read first and not one is lost; what is missing are DISCOVERs read for clients that the partner serves, and "
        "syncs of a disk that others keep busy",
    "failover's cost, both servers and the clients on the same processors":
        "one machine does the work of two servers: every binding is made durable twice, and both servers hear every client",
    "p99, each at half of its own saturating load":
        "at that rate, some ten times what the better peer can do at all, the clients and both servers take nine tenths of the two "
        "processors. By `perf`, at 10 thousand exchanges a second, half of a server's time is the kernel's: sending 14 %, syncs 11 %, "
        "waiting for something to read 10 %, reading 9 %, changing threads 10 %. The limit is the sync: they begin at most 0.5 ms apart, so that "
        "an answer waits up to 0.5 ms for one and 0.1 ms, p99 0.3 ms, for its end. The row below has both at the same load",
    "memory a lease, growth of the whole process":
        "the table takes 90 octets and the store's index 4; the rest is what a process of any size has",
    "start with 1 million bindings to the first answer":
        "0.9 s of processor time before the change of docs/decisions/0006, of which half were misses of the index of clients; "
        "the rest of the time by the clock is other work",
}


def verdict(what, reached):
    """A row that falls short stays, with its reason."""
    if reached:
        return "reached"
    reason = REASONS.get(what)
    return f"**not reached**: {reason}" if reason else "**not reached**"


def rows(results):
    """What, goal, figure, verdict."""
    yield from _exchanges(results)
    yield from _synchronisation(results)
    yield from _codec()
    yield from _hash()
    yield from _rest(results)


def _row(what, goal, value, shown, reached):
    if value is None:
        return what, goal, "not measured in this run", "-"
    return what, goal, shown(value), verdict(what, reached(value))


def _cost(value):
    return f"{value:.0f} %" if value >= 0 else f"none: the pair does {-value:.0f} % more"


def _exchanges(results):
    yield _row("four-way exchanges a second against the better peer", ">= 10 times",
               results.ratios("exchanges/s", HIGHER) or None,
               lambda values: f"{statistics.median(values):.1f} times ({values[0]:.1f} to {values[-1]:.1f})",
               lambda values: statistics.median(values) >= 10)
    for what, prefix in (("each server held to its part", "held "), ("the clients on the same processors", "")):
        peak, beyond = results.median(OURS, f"{prefix}exchanges/s"), results.median(OURS, f"{prefix}goodput at 4x")
        share = 100 * beyond / peak if peak and beyond else None
        yield _row(f"goodput at 4 times the saturating load, {what}", ">= 95 % of the peak", share, lambda v: f"{v:.0f} %",
                   lambda v: v >= 95)
    for what, prefix in (("each server held to its part", "held "), ("both servers and the clients on the same processors", "")):
        peak, alone = results.median(OURS, f"{prefix}exchanges/s"), results.median(OURS, f"{prefix}alone exchanges/s")
        cost = 100 * (1 - peak / alone) if peak and alone else None
        yield _row(f"failover's cost, {what}", "<= 5 % of what the same server does alone", cost, _cost, lambda v: v <= 5)
    ours = results.median(OURS, "p99 ms")
    theirs = [results.median(kind, "p50 ms") for kind in ("dhcpd", "kea-lb", "kea-hs")]
    theirs = min((value for value in theirs if value is not None), default=None)
    both = (ours, theirs) if ours is not None and theirs is not None else None
    yield _row("p99, each at half of its own saturating load", "below the p50 of the better peer", both,
               lambda v: f"{v[0]:.2f} ms against {v[1]:.2f} ms", lambda v: v[0] < v[1])
    ours = results.median(OURS, "p99 ms at half the peer's rate")
    both = (ours, theirs) if ours is not None and theirs is not None else None
    yield _row("p99 at half of the saturating load, the better peer's", "below its p50 at that load", both,
               lambda v: f"{v[0]:.2f} ms against {v[1]:.2f} ms", lambda v: v[0] < v[1])


def _synchronisation(results):
    rate, lost = results.median(OURS, "sync 1000k bindings/s"), results.median(OURS, "unanswered meanwhile 1000k %")
    both = (rate, lost) if rate is not None and lost is not None else None
    yield _row("resynchronisation of 1 million bindings, start of the process included",
               ">= 500 thousand/s, no client unanswered", both,
               lambda v: f"{number(v[0])}/s, {v[1]:.2g} % unanswered", lambda v: v[0] >= 500_000 and v[1] == 0)


def _codec():
    for what in ("decode", "encode"):
        time = nanoseconds(what, "bndupd of 1")
        yield _row(f"{what} of one binding update", ">= 10 million/s a core", time,
                   lambda v: f"{1000 / v:.1f} million/s", lambda v: v <= 100)


def _hash():
    single = nanoseconds("balance", "hash of 16 octets, one after the other")
    together = nanoseconds("balance", "hash of 16 octets, eight at once", 8)
    both = (single, together) if single and together else None
    yield _row("RFC 3074 decision of 16 octets, several at once", ">= 4 times one after the other", both,
               lambda v: f"{v[0]:.1f} ns one after the other, {v[1]:.1f} ns each of eight: {v[0] / v[1]:.1f} times",
               lambda v: v[0] >= 4 * v[1])


def _rest(results):
    for size, named in (("10000k", "10 million"), ("1000k", "1 million"), ("60k", "60 thousand")):
        memory = results.median(OURS, f"octets a lease ({size})")
        if memory is not None:
            break
    yield _row("memory a lease, growth of the whole process", "<= 96 octets at 10 million", memory,
               lambda v: f"{v:.1f} octets at {named}", lambda v: v <= 96)
    start = results.median(OURS, "start 1000k ms")
    yield _row("start with 1 million bindings to the first answer", "<= 1 s", start, lambda v: f"{v:.0f} ms", lambda v: v <= 1000)
    takeover = results.median(OURS, "takeover ms")
    yield _row("the survivor's first answer after a kill -9", "<= 100 ms", takeover, lambda v: f"{v:.0f} ms", lambda v: v <= 100)
