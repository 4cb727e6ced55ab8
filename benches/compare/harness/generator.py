"""Clients that come at a rate, whatever the servers do."""

import json
import math
import time

from .network import ADDRESSES
from .prerequisites import PROGRAM

# Exchanges that the clients of the steady load begin a second.
STEADY = 200


class Result:
    """What came of one run."""

    def __init__(self, run):
        self.offered, self.completed = run["begun"], run["completed"]
        # The share of the exchanges that came to no lease, and the leases a second.
        self.loss, self.goodput = run["failed-share"], run["goodput"]
        # Microseconds from when the exchange was due to its ACK, by percentile.
        self.latency = run["latency-microseconds"].get("exchange") or {}
        self.late = run["generator"]["late"]


class Clients:
    """`twinlease bench clients`, as a relay that tells all servers everything, whoever made them."""

    def __init__(self, network, hosts, clients, first=False):
        self.network, self.clients = network, clients
        # Before other processes, so that it is not the limit itself.
        self.priority = ["nice", "-n", "-10"] if first else []
        self.servers = ",".join(ADDRESSES[host] for host in hosts)

    def command(self, rate, seconds):
        return [*self.priority, PROGRAM, "bench", "clients", "--servers", self.servers, "--giaddr", ADDRESSES["clients"], "--rate", rate,
                "--seconds", seconds, "--clients", self.clients, "--json", "-"]

    def run(self, rate, seconds):
        """Begins `rate` exchanges a second for so long."""
        result = self.network.run("clients", self.command(rate, seconds), seconds + 60)
        return outcome(result.stdout, result.stderr)


def outcome(text, complaint):
    try:
        return Result(json.loads(text)["runs"][-1])
    except (ValueError, LookupError):
        raise RuntimeError(f"bench clients: {text[-300:]} {complaint[-300:]}") from None


class SteadyLoad:
    """A load for as long as something else takes."""

    # Seconds after which an exchange is given up.
    PATIENCE = 1

    def __init__(self, network, hosts, clients, longest):
        self.seconds = longest
        command = Clients(network, hosts, clients).command(STEADY, longest)
        self.out = network.directory / "steady"
        self.out.unlink(missing_ok=True)
        self.began = time.monotonic()
        self.process = network.start("clients", command, network.directory, self.out)

    def until_now(self):
        """Lets it go on to its end; the share of the exchanges begun up to now, in whole seconds, that came to nothing."""
        seconds = math.ceil(time.monotonic() - self.began)
        self.process.child.wait(self.seconds + 60)
        text = self.process.log()
        each = json.loads(text[text.index("{") : text.rindex("}") + 1])["runs"][-1]["each-second"]
        begun = sum(second["begun"] for second in each[:seconds])
        return sum(second["unanswered"] + second["refused"] for second in each[: seconds + self.PATIENCE]) / begun
