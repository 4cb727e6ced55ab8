"""Hosts that are network namespaces on one bridge, and processes inside them."""

import os
import resource
import signal
import subprocess
import tempfile
import time
from pathlib import Path

PREFIX_LENGTH = 8
ADDRESSES = {"a": "10.0.0.1", "b": "10.0.0.2", "clients": "10.0.0.3"}
BROADCAST = "10.255.255.255"

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Network:
    """Namespaces `a` and `b` for servers, `clients` for clients, and a directory for files. Leaving it ends every
    process that was started in it and removes all of it."""

    def __init__(self):
        self.prefix = f"twc{os.getpid()}"
        self.namespaces = []
        self.processes = []
        self.directory = Path(tempfile.mkdtemp(prefix=f"{self.prefix}-"))

    def __enter__(self):
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _build(self):
        self._add("hub")
        ip("-n", self.namespace("hub"), "link", "add", "bridge", "type", "bridge", "forward_delay", "0")
        ip("-n", self.namespace("hub"), "link", "set", "bridge", "up")
        for host, address in ADDRESSES.items():
            self._add(host)
            hub, namespace = self.namespace("hub"), self.namespace(host)
            ip("-n", hub, "link", "add", f"to-{host}", "type", "veth", "peer", "name", "eth0", "netns", namespace)
            ip("-n", hub, "link", "set", f"to-{host}", "master", "bridge", "up")
            ip("-n", namespace, "link", "set", "eth0", "up")
            ip("-n", namespace, "address", "add", f"{address}/{PREFIX_LENGTH}", "broadcast", BROADCAST, "dev", "eth0")

    def _add(self, host):
        namespace = self.namespace(host)
        ip("netns", "add", namespace)
        self.namespaces.append(namespace)
        ip("-n", namespace, "link", "set", "lo", "up")

    def namespace(self, host):
        return f"{self.prefix}-{host}"

    def inside(self, host, command):
        """The command line that runs `command` on `host`."""
        return ["ip", "netns", "exec", self.namespace(host), *map(str, command)]

    def start(self, host, command, directory, log, environment=None):
        process = Process(self.inside(host, command), directory, log, environment)
        self.processes.append(process)
        return process

    def run(self, host, command, seconds):
        """Runs a command to its end; what it printed."""
        return subprocess.run(self.inside(host, command), capture_output=True, text=True, timeout=seconds)

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
        for namespace in self.namespaces:
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True)
        if "TWINLEASE_KEEP" in os.environ:
            print(f"kept: {self.directory}")
        else:
            subprocess.run(["rm", "-rf", str(self.directory)])


def _die_with_parent():
    # A harness that is itself killed leaves no server behind; `ip netns exec` keeps the process.
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Process:
    """One server, its output in a file."""

    def __init__(self, command, directory, log, environment):
        self.log_path = Path(log)
        self.log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(log, "ab") as output:
            self.child = subprocess.Popen(
                command,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                preexec_fn=_die_with_parent,
            )
        self.pid = self.child.pid

    def is_running(self):
        return self.child.poll() is None

    def log(self):
        """What this run has written."""
        with open(self.log_path, "rb") as log:
            log.seek(self.log_start)
            return log.read().decode(errors="replace")

    def stop(self, seconds=30):
        if self.is_running():
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self):
        if self.is_running():
            self.child.send_signal(signal.SIGKILL)
        self.child.wait()

    def cpu_seconds(self):
        """Processor time of all threads, in user and kernel."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_octets(self):
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE


def wait_for(what, seconds, condition, pause=0.05):
    """Waits until `condition` is true; the seconds that it took."""
    start = time.monotonic()
    while True:
        if condition():
            return time.monotonic() - start
        if time.monotonic() - start > seconds:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(pause)
