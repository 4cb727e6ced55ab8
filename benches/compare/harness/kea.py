"""Kea with its HA hook."""

import json
import socket

from . import leases
from .network import ADDRESSES
from .servers import LEASE_TIME, RESPONSE_DELAY, Server

HOOKS = "/usr/lib/x86_64-linux-gnu/kea/hooks"
PORT = 8000


class Kea(Server):
    speaks_the_draft = False
    settings = [
        ("multi-threading with 2 threads", "one a processor of this machine"),
        ("HA with multi-threading, its own listener, 2 + 2 threads", "the fastest of its ways to talk to the partner"),
        ("memfile, persist true", "its fastest store that survives a restart"),
        ("sync-page-limit 10000", "its default"),
        (f"max-response-delay {RESPONSE_DELAY * 1000}, heartbeat-delay 1000, max-unacked-clients 0",
         "the survivor takes over as soon as the others do, rather than after 60 s"),
    ]
    durability = "memfile is written, but never synced: what was acknowledged may be lost with the machine"

    def configure(self):
        found = self.setup.ranges()[1:]
        pools = [{"pool": f"{first} - {last}"} for first, last in self.setup.ranges()]
        dhcp4 = {
            "interfaces-config": {"interfaces": ["eth0"], "dhcp-socket-type": "raw"},
            "control-socket": {"socket-type": "unix", "socket-name": str(self.directory / "control")},
            "lease-database": {"type": "memfile", "persist": True, "name": str(self.directory / "leases.csv")},
            "multi-threading": {"enable-multi-threading": True, "thread-pool-size": 2, "packet-queue-size": 64},
            "valid-lifetime": LEASE_TIME,
            "authoritative": True,
            "loggers": [{"name": "kea-dhcp4", "severity": "WARN", "output_options": [{"output": "stderr"}]}],
        }
        if self.partner:
            dhcp4["hooks-libraries"] = self._hooks()
            if self.mode == "load-balancing":
                pools = self._divided() + [{"pool": f"{first} - {last}"} for first, last in found]
        dhcp4["subnet4"] = [{"id": 1, "subnet": "10.0.0.0/8", "pools": pools,
                             "option-data": [{"name": "routers", "data": "10.0.0.3"}]}]
        (self.directory / "kea.conf").write_text(json.dumps({"Dhcp4": dhcp4}, indent=1))
        self.wipe()

    def _divided(self):
        # A server gives addresses of its own half to its own half of the clients.
        first = int.from_bytes(socket.inet_aton(self.setup.ranges()[0][0]), "big")
        half = self.setup.clients // 2
        text = lambda number: socket.inet_ntoa(number.to_bytes(4, "big"))
        return [
            {"pool": f"{text(first + at)} - {text(first + at + half - 1)}", "client-class": f"HA_{name}"}
            for at, name in ((0, "a"), (half, "b"))
        ]

    def _hooks(self):
        second = "secondary" if self.mode == "load-balancing" else "standby"
        peers = [
            {"name": host, "url": f"http://{ADDRESSES[host]}:{PORT}/", "role": role, "auto-failover": True}
            for host, role in (("a", "primary"), ("b", second))
        ]
        ha = {
            "this-server-name": self.host,
            "mode": self.mode,
            "heartbeat-delay": 1000,
            "max-response-delay": RESPONSE_DELAY * 1000,
            "max-ack-delay": 5000,
            "max-unacked-clients": 0,
            "sync-page-limit": 10000,
            "multi-threading": {"enable-multi-threading": True, "http-dedicated-listener": True,
                                "http-listener-threads": 2, "http-client-threads": 2},
            "peers": peers,
        }
        return [
            {"library": f"{HOOKS}/libdhcp_lease_cmds.so"},
            {"library": f"{HOOKS}/libdhcp_ha.so", "parameters": {"high-availability": [ha]}},
        ]

    def command(self):
        return ["kea-dhcp4", "-c", self.directory / "kea.conf"]

    def environment(self):
        return {"KEA_PIDFILE_DIR": str(self.directory), "KEA_LOCKFILE_DIR": str(self.directory)}

    def wipe(self):
        for file in self.directory.glob("leases.csv*"):
            file.unlink()

    def find(self, count, now):
        leases.kea(self.directory / "leases.csv", count, now)

    def state(self):
        status = self._ask("status-get")
        if status is None:
            return None
        return status["arguments"]["high-availability"][0]["ha-servers"]["local"]["state"]

    def is_normal(self):
        status = self._ask("status-get")
        if status is None:
            return False
        servers = status["arguments"]["high-availability"][0]["ha-servers"]
        return servers["local"]["state"] == servers["remote"].get("last-state") == self.mode

    def is_synchronised(self):
        """Whether it is past its synchronisation: it holds the partner's leases and says so."""
        return self.state() in ("ready", "load-balancing", "hot-standby")

    def _ask(self, command):
        try:
            with socket.socket(socket.AF_UNIX) as link:
                link.settimeout(10)
                link.connect(str(self.directory / "control"))
                link.sendall(json.dumps({"command": command}).encode())
                answer = b""
                while piece := link.recv(65536):
                    answer += piece
            return json.loads(answer)
        except (OSError, ValueError):
            return None


class KeaLoadBalancing(Kea):
    name = "kea-lb"
    title = "Kea, load-balancing"
    mode = "load-balancing"


class KeaHotStandby(Kea):
    name = "kea-hs"
    title = "Kea, hot-standby"
    mode = "hot-standby"
