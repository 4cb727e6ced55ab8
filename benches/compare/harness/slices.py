"""A part of one processor for each server, as if it had a small machine of its own.

On shared processors the clients, the partner and whatever else runs take from a server what it needs; what then is
measured is how they share. With a fixed part each, every server is the limit of what it does, and two of them have
twice what one has.
"""

import os
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
# Of one processor.
PART = 0.05
# Microseconds; as short as the kernel takes it for such a part, as exchanges wait for the next one.
PERIOD = 20000
# Against other processes, in the unit of each version: what is given is also to be had.
SHARES, WEIGHT = 16384, 1600


class Slice:
    """A control group with a limit; of version 1 or 2, whichever the machine has."""

    def __init__(self, name):
        first = ROOT / "cpu"
        self.path = (first if first.is_dir() else ROOT) / f"twinlease-compare-{os.getpid()}-{name}"
        self.path.mkdir()
        limit = int(PART * PERIOD)
        if first.is_dir():
            self._set("cpu.cfs_period_us", PERIOD)
            self._set("cpu.cfs_quota_us", limit)
            self._set("cpu.shares", SHARES)
        else:
            self._set("cpu.max", f"{limit} {PERIOD}")
            self._set("cpu.weight", WEIGHT)

    def _set(self, file, value):
        (self.path / file).write_text(str(value))

    def hold(self, pid):
        """Every thread of the process is held from now on, and what it starts."""
        self._set("cgroup.procs", pid)

    def remove(self):
        self.path.rmdir()


class Slices:
    """Slices for so many servers; gone afterwards, when the servers have ended."""

    def __init__(self, servers):
        self.servers, self.slices = servers, []

    def __enter__(self):
        for number, server in enumerate(self.servers):
            part = Slice(number)
            self.slices.append(part)
            part.hold(server.process.pid)

    def __exit__(self, *_):
        for server in self.servers:
            server.stop()
        for part in self.slices:
            part.remove()
