"""The loads. Each takes a kind of server and adds figures to a dictionary."""

import ipaddress
import json
import subprocess
import sys
import time
from pathlib import Path

from .generator import Clients, SteadyLoad
from .network import ADDRESSES, wait_for
from .prerequisites import PROGRAM
from .report import OURS
from .servers import CLIENTS, RELATIONSHIP, WINDOW, Setup
from .slices import Slices

PROBE = Path(__file__).with_name("probe.py")
FIRST_CLIENT = ipaddress.ip_address(CLIENTS)
# Share of exchanges that may come to nothing at the saturating rate.
LOSS = 0.01
# The search ends when the rate is known as precisely.
PRECISION = 1.1
HIGHEST = 200_000


class Bench:
    """What one run of the harness has at hand."""

    def __init__(self, network, quick, best_peer=None):
        self.network = network
        self.seconds = 2 if quick else 4
        self.guesses = {}
        # The highest rate at which another pair saturated.
        self.best_peer = best_peer

    def pair(self, kind, setup):
        """A new pair at work, its addresses divided."""
        now = int(time.time())
        servers = [kind(self.network, host, setup, ADDRESSES[other]) for host, other in (("a", "b"), ("b", "a"))]
        for server in servers:
            server.begin(now)
            server.start()
        wait_for(f"{kind.title} at work", 90, lambda: all(server.ready() for server in servers), 0.2)
        self.first_answer()
        self.settle(servers)
        return servers

    def alone(self, kind, setup):
        server = kind(self.network, "a", setup, None)
        server.start()
        self.first_answer()
        return server

    def settle(self, servers):
        """Waits until the servers have nothing to do: what comes with a beginning is not what is measured."""
        for _ in range(60):
            before = sum(server.process.cpu_seconds() for server in servers)
            time.sleep(0.5)
            if sum(server.process.cpu_seconds() for server in servers) - before < 0.03:
                return

    def generator(self, hosts="ab", first=False):
        return Clients(self.network, hosts, 50_000, first)

    def first_answer(self):
        """Waits for the first answer of anybody; when it came, on the monotonic clock."""
        result = self.network.run("clients", [sys.executable, PROBE, "first"], 180)
        if result.returncode != 0:
            raise TimeoutError(f"no server answers: {result.stderr}")
        return float(result.stdout)

    def saturation(self, generator, guess):
        """The highest rate with at most one per cent lost: up by half until it is too much, then between."""
        good, bad, rate = 0, None, guess
        while bad is None or bad > good * PRECISION:
            if rate > HIGHEST or rate < 20:
                break
            if self._keeps_up(generator, rate):
                good = rate
            else:
                bad = rate
            rate = int(good * 1.5) if bad is None else int((good * bad) ** 0.5) if good else int(bad / 1.5)
        return good

    def _keeps_up(self, generator, rate):
        """A rate that is too much is tried once more: on a machine with other work one try says little."""
        return any(generator.run(rate, self.seconds).loss <= LOSS for _ in range(2))


def exchanges(bench, kind, figures):
    """Saturating rate, goodput far beyond it, latency at half of it and, for ours, of the better peer's; processor time, and
    what one server alone does."""
    setup = Setup()
    servers = bench.pair(kind, setup)
    generator = bench.generator()
    generator.run(200, 2)
    rate = bench.saturation(generator, bench.guesses.get(kind.name, 800))
    bench.guesses[kind.name] = max(int(rate * 0.8), 100)
    figures["exchanges/s"] = rate

    before = [server.process.cpu_seconds() for server in servers]
    result = generator.run(max(rate // 2, 20), bench.seconds + 2)
    used = sum(server.process.cpu_seconds() - cpu for server, cpu in zip(servers, before))
    figures["CPU ms per lease"] = 1000 * used / result.completed
    for name in ("p50", "p99", "p99.9"):
        figures[f"{name} ms"] = result.latency[name] / 1000

    if kind.name != OURS:
        bench.best_peer = max(rate, bench.best_peer or 0)
    elif bench.best_peer:
        for share, where in ((2, "half the peer's rate"), (1, "the peer's rate")):
            result = generator.run(bench.best_peer // share, bench.seconds + 2)
            for name in ("p50", "p99"):
                figures[f"{name} ms at {where}"] = result.latency[name] / 1000

    time.sleep(1)
    figures["goodput at 4x"] = generator.run(4 * rate, bench.seconds + 2).goodput
    for server in servers:
        server.check_alive()
        server.stop()

    single, generator = bench.alone(kind, setup), bench.generator("a")
    generator.run(200, 2)
    figures["alone exchanges/s"] = bench.saturation(generator, max(int(rate * 0.8), 100))
    single.stop()


def held(bench, kind, figures):
    """The same with a part of one processor for each server: what a server is worth, and what a partner costs it."""
    setup = Setup()
    generator = bench.generator("a", first=True)
    with Slices([bench.alone(kind, setup)]):
        generator.run(100, 2)
        figures["held alone exchanges/s"] = alone = bench.saturation(generator, bench.guesses.get(f"{kind.name} held", 200))
    bench.guesses[f"{kind.name} held"] = max(int(alone * 0.8), 20)
    generator = bench.generator(first=True)
    with Slices(bench.pair(kind, setup)):
        generator.run(100, 2)
        figures["held exchanges/s"] = rate = bench.saturation(generator, max(int(alone * 0.8), 20))
        time.sleep(1)
        figures["held goodput at 4x"] = generator.run(4 * rate, bench.seconds + 2).goodput


def takeover(bench, kind, figures):
    """A server is killed; when do its clients get an answer from the other one?"""
    servers = bench.pair(kind, Setup())
    victim, survivor = servers[0], servers[1]
    probe = subprocess.Popen(
        bench.network.inside("clients", [sys.executable, PROBE, "takeover", victim.address]),
        stdout=subprocess.PIPE, text=True,
    )
    bench.network.processes.append(Started(probe))
    if probe.stdout.readline().strip() != "ready":
        raise RuntimeError("the probe found no clients")
    time.sleep(0.5)
    killed = time.monotonic()
    victim.kill()
    answer = probe.communicate(timeout=150)[0]
    figures["takeover ms"] = 1000 * (float(answer) - killed) if answer.strip() else None
    survivor.stop()


class Started:
    """A process of ours as the network ends it."""

    def __init__(self, child):
        self.child = child

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()


def synchronisation(bench, kind, figures, count=60_000, deadline=300):
    """One server has everything, the other starts with nothing, clients go on meanwhile."""
    now = int(time.time())
    setup = Setup(clients=4096, found=count)
    full, empty = (kind(bench.network, host, setup, ADDRESSES[other]) for host, other in (("a", "b"), ("b", "a")))
    full.find(count, now)
    full.start()
    bench.first_answer()
    bench.settle([full])
    empty.wipe()
    load = SteadyLoad(bench.network, "ab", 2000, min(deadline, 30))
    time.sleep(0.5)
    start = time.monotonic()
    empty.start()
    size = f"{count // 1000}k"
    try:
        wait_for(f"{kind.title} synchronised", deadline, lambda: empty.check_alive() or empty.is_synchronised())
        figures[f"sync {size} s"] = time.monotonic() - start
        figures[f"sync {size} bindings/s"] = count / figures[f"sync {size} s"]
    finally:
        figures[f"unanswered meanwhile {size} %"] = 100 * load.until_now()
        for server in (full, empty):
            server.stop()


def small_synchronisation(bench, kind, figures):
    """The same with ten thousand bindings, which all of them manage."""
    synchronisation(bench, kind, figures, 10_000)


def partner(bench, kind, figures, count=10_000):
    """One server with a partner of ours, which keeps nothing: bindings that it takes and gives, as the draft has it."""
    if not kind.speaks_the_draft:
        return
    server = kind(bench.network, "a", Setup(clients=count), ADDRESSES["b"])
    server.begin(int(time.time()))
    server.start()
    bench.settle([server])
    result = bench.network.run("b", [
        PROGRAM, "bench", "partner", "--server", ADDRESSES["a"], "--local", ADDRESSES["b"], "--role", "secondary",
        "--relationship", RELATIONSHIP, "--pool", FIRST_CLIENT, "--max-unacked-updates", WINDOW, "--sync-to", count, "--sync-from",
        "--json", "-",
    ], 180)
    try:
        report = json.loads(result.stdout)
    except ValueError:
        raise RuntimeError(f"bench partner: {result.stdout[-300:]} {result.stderr[-300:]}") from None
    finally:
        server.stop()
    figures["takes bindings/s"] = report["sync-to"]["bindings-per-second"]
    figures["takes p99 ms"] = 1000 * report["sync-to"]["acknowledgement-seconds"]["p99"]
    figures["gives bindings/s"] = report["sync-from"]["bindings-per-second"]


def start(bench, kind, figures, count=60_000):
    """From the start of the process to the first answer, with and without leases, and the memory that they take."""
    memory = []
    for found in (0, count):
        setup = Setup(clients=256, found=found)
        server = kind(bench.network, "a", setup, None)
        if found:
            server.find(found, int(time.time()))
        server.start()
        answer = bench.first_answer()
        if found:
            figures[f"start {count // 1000}k ms"] = 1000 * (answer - server.started)
        bench.settle([server])
        memory.append(server.process.resident_octets())
        server.stop()
    figures[f"octets a lease ({count // 1000}k)"] = (memory[1] - memory[0]) / count


def million(bench, kind, figures):
    """Synchronisation, start and memory with a million leases, for those that manage it in ten minutes."""
    start(bench, kind, figures, 1_000_000)
    synchronisation(bench, kind, figures, 1_000_000, deadline=600)


def ten_million(bench, kind, figures):
    """Start and memory with ten million leases, of which nobody else has been heard."""
    if kind.name == OURS:
        start(bench, kind, figures, 10_000_000)


def durability(bench, kind, figures):
    """Syncs of the disk that are asked for while a hundred exchanges go by, of one server alone."""
    server = bench.alone(kind, Setup())
    bench.settle([server])
    out = bench.network.directory / f"{kind.name}-strace"
    trace = bench.network.start(
        "a", ["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", out, "-p", server.process.pid],
        bench.network.directory, bench.network.directory / "strace-log",
    )
    time.sleep(1)
    result = bench.generator("a").run(50, 2)
    trace.stop()
    figures["syncs per 100 leases"] = 100 * out.read_text().count("sync(") / result.completed
    server.stop()


LOADS = {
    "exchanges": exchanges,
    "held": held,
    "takeover": takeover,
    "synchronisation-10k": small_synchronisation,
    "synchronisation": synchronisation,
    "partner": partner,
    "start": start,
    "durability": durability,
    "million": million,
    "ten-million": ten_million,
}
# Once is enough, at the end.
ONCE = ("durability", "million", "ten-million")
