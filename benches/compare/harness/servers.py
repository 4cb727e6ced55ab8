"""What the loads need of a server, whatever its kind."""

import ipaddress
import time

from .leases import FIRST, address
from .network import ADDRESSES

RELATIONSHIP = "pair"
# Seconds of silence after which a partner is taken for dead, the same for all.
RESPONSE_DELAY = 10
MCLT = 3600
LEASE_TIME = 7200
WINDOW = 1000
# Addresses for the clients of the load: 65,536, or fewer where the bindings that are there count.
CLIENTS = int(ipaddress.ip_address("10.1.0.0"))


class Setup:
    """What a pair is told: addresses for the load, and addresses of leases that it finds at its start."""

    def __init__(self, clients=65536, found=0):
        self.clients = clients
        self.found = found

    def ranges(self):
        """First and last address of each pool."""
        text = lambda number: str(ipaddress.ip_address(number))
        ranges = [(text(CLIENTS), text(CLIENTS + self.clients - 1))]
        if self.found:
            ranges.append((text(FIRST), address(self.found - 1)))
        return ranges


class Server:
    """One server on one host. `partner` is None for a server alone."""

    # Whether its failover protocol is that of the draft, so that `twinlease bench partner` can be its partner.
    speaks_the_draft = True

    def __init__(self, network, host, setup, partner):
        self.network, self.host, self.setup, self.partner = network, host, setup, partner
        self.address = ADDRESSES[host]
        self.directory = network.directory / f"{self.name}-{host}"
        self.directory.mkdir(exist_ok=True)
        self.log = self.directory / "log"
        self.process = None
        self.configure()

    @property
    def primary(self):
        return self.host == "a"

    def start(self):
        self.process = self.network.start(self.host, self.command(), self.directory, self.log, self.environment())
        self.started = time.monotonic()

    def environment(self):
        return {}

    def begin(self, now):
        """Makes the stopped server one half of a new pair."""
        self.wipe()

    def stop(self):
        self.process.stop()

    def kill(self):
        self.process.kill()

    def check_alive(self):
        if not self.process.is_running():
            tail = "\n".join(self.process.log().splitlines()[-15:])
            raise RuntimeError(f"{self.name} on {self.host} ended by itself:\n{tail}")

    def ready(self):
        """Whether the pair is at work as this server sees it; of a server alone, whether it runs."""
        self.check_alive()
        return self.partner is None or self.is_normal()
