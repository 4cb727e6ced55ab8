"""Clients that come at a rate, whatever the servers do."""

import re


class Result:
    """What came of one run."""

    def __init__(self, offered, completed, seconds, latencies=()):
        self.offered, self.completed, self.seconds = offered, completed, seconds
        self.latencies = sorted(latencies)

    @property
    def loss(self):
        """Share of the exchanges begun that came to no lease."""
        return 1 - self.completed / self.offered if self.offered else 1

    @property
    def goodput(self):
        """Exchanges completed a second."""
        return self.completed / self.seconds

    def percentile(self, share):
        """Milliseconds that this share of the answers, OFFERs and ACKs, took at most."""
        return self.latencies[min(int(share * len(self.latencies)), len(self.latencies) - 1)]


class Perfdhcp:
    """Kea's perfdhcp, as a relay that all servers hear."""

    title = "perfdhcp"

    def __init__(self, network, clients):
        self.network, self.clients = network, clients

    def run(self, rate, seconds):
        """Begins `rate` exchanges a second for so long, and waits a second for the last answers."""
        command = ["perfdhcp", "-4", "-l", "eth0", "-r", rate, "-R", self.clients, "-p", seconds, "-W", 1000000,
                   "-b", "mac=02:cc:00:00:00:00", "-x", "t"]
        output = self.network.run("clients", command, seconds + 60).stdout
        times = [self._times(output, exchange) for exchange in ("DISCOVER-OFFER", "REQUEST-ACK")]
        offered = self._counter(output, "DISCOVER-OFFER", "sent")
        completed = self._counter(output, "REQUEST-ACK", "received")
        last = max((received for _, received in times[1]), default=0)
        latencies = [1000 * (received - sent) for pairs in times for sent, received in pairs]
        return Result(offered, completed, max(last, seconds), latencies)

    def _counter(self, output, exchange, counter):
        part = output.partition(f"***Statistics for: {exchange}***")[2]
        found = re.search(rf"{counter} packets: (\d+)", part)
        if not found:
            raise RuntimeError(f"perfdhcp gave no counters:\n{output[-500:]}")
        return int(found[1])

    def _times(self, output, exchange):
        """When each packet was sent and answered, in seconds from the first."""
        part = output.partition(f"***Timestamps for packets: {exchange}***")[2].partition("***")[0]
        pairs = re.findall(r"sent / received: (\d+\.\d+) / (\d+\.\d+)", part)
        return [(float(sent), float(received)) for sent, received in pairs]
