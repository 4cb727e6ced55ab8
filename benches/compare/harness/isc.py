"""ISC dhcpd."""

import shutil

from . import leases
from .servers import LEASE_TIME, MCLT, RELATIONSHIP, RESPONSE_DELAY, WINDOW, Server


class Dhcpd(Server):
    name = "dhcpd"
    title = "ISC dhcpd"
    settings = [
        ("split 128", "both servers answer, half of the clients each"),
        (f"max-unacked-updates {WINDOW}", "synchronisation is several times slower with the usual 10"),
        ("ping-check false", "else every new lease waits a second for an echo"),
        ("dhcp-cache-threshold 0", "else a returning client is answered without a write, which is no lease"),
        ("delayed-ack 28", "its group commit, with the count that its manual suggests; off by default"),
        (f"max-response-delay {RESPONSE_DELAY}, mclt {MCLT}", "as for the others"),
    ]
    durability = "fsync of the lease file before the DHCPACKs that wait for it"

    def configure(self):
        # The packages' AppArmor profile ties the program to its system directories, by its path: a copy is free of it.
        self.program = self.directory / "dhcpd"
        if not self.program.exists():
            shutil.copy(shutil.which("dhcpd"), self.program)
        pool = "".join(f"    range {first} {last};\n" for first, last in self.setup.ranges())
        peer, failover = "", ""
        if self.partner:
            balance = f"  mclt {MCLT}; split 128;\n" if self.primary else ""
            peer = (
                f'failover peer "{RELATIONSHIP}" {{\n  {"primary" if self.primary else "secondary"};\n'
                f"  address {self.address}; port 647;\n  peer address {self.partner}; peer port 647;\n"
                f"  max-response-delay {RESPONSE_DELAY}; max-unacked-updates {WINDOW};\n"
                f"  load balance max seconds 3;\n{balance}}}\n"
            )
            failover = f'    failover peer "{RELATIONSHIP}";\n'
        (self.directory / "dhcpd.conf").write_text(
            "authoritative; ddns-update-style none; ping-check false; dhcp-cache-threshold 0; delayed-ack 28;\n"
            f"default-lease-time {LEASE_TIME}; max-lease-time {LEASE_TIME};\n{peer}"
            f"subnet 10.0.0.0 netmask 255.0.0.0 {{\n  option routers 10.0.0.3;\n  pool {{\n{failover}{pool}  }}\n}}\n"
        )
        self.wipe()

    def command(self):
        # -d: its log goes to a file, as it would through syslog; without it there is no other trace of why it stopped.
        return [self.program, "-4", "-f", "-d", "-cf", "dhcpd.conf", "-lf", "dhcpd.leases", "-pf", "dhcpd.pid", "eth0"]

    def wipe(self):
        (self.directory / "dhcpd.leases").write_text("")

    def begin(self, now):
        """A new pair: with empty lease files each would have every address of the pool told by the other first."""
        self.find(0, now)

    def find(self, count, now):
        relationship = RELATIONSHIP if self.partner else None
        leases.dhcpd(self.directory / "dhcpd.leases", count, now, relationship)

    def state(self):
        return self._last_of_file("my state ")

    def is_normal(self):
        return self._last_of_file("my state ") == "normal" and self._last_of_file("partner state ") == "normal"

    def is_synchronised(self):
        """Whether the partner's UPDDONE has come: the states that follow it are in the lease file."""
        return self.state() in ("recover-wait", "recover-done", "normal")

    def _last_of_file(self, what):
        # The states are in the lease file, at its end after every change: the log may be silent.
        path = self.directory / "dhcpd.leases"
        with open(path, "rb") as file:
            text = file.read()
        at = text.rfind(what.encode())
        return text[at + len(what) : at + 60].split(b" ")[0].decode() if at >= 0 else None
