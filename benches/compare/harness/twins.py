"""twinlease."""

import json
import shutil

from . import leases
from .prerequisites import PROGRAM
from .servers import LEASE_TIME, MCLT, RELATIONSHIP, RESPONSE_DELAY, WINDOW, Server


class Twinlease(Server):
    name = "twinlease"
    title = "twinlease"
    settings = [
        ("split = 128", "both servers answer, half of the clients each"),
        (f"max-unacked-updates = {WINDOW}", "as for dhcpd"),
        ("ping-check = false", "as for the others"),
        (f"max-response-delay = {RESPONSE_DELAY}, mclt = {MCLT}", "as for the others"),
    ]
    durability = "one fdatasync for all that waits, before any DHCPACK or BNDACK of it leaves"

    def configure(self):
        relationship, pool_of = "", ""
        if self.partner:
            primary = f"mclt = {MCLT}\nsplit = 128\n" if self.primary else ""
            relationship = (
                f'[[relationship]]\nname = "{RELATIONSHIP}"\nrole = "{"primary" if self.primary else "secondary"}"\n'
                f'address = "{self.address}"\npeer-address = "{self.partner}"\n'
                f"max-response-delay = {RESPONSE_DELAY}\nmax-unacked-updates = {WINDOW}\n{primary}\n"
            )
            pool_of = f'relationship = "{RELATIONSHIP}"\n'
        pools = "".join(
            f'[[subnet.pool]]\nrange = "{first}-{last}"\n{pool_of}\n' for first, last in self.setup.ranges()
        )
        (self.directory / "twinlease.toml").write_text(
            f'data-dir = "{self.directory}/data"\n\n[dhcp]\ninterfaces = ["eth0"]\nauthoritative = true\n'
            f'ping-check = false\n\n{relationship}[[subnet]]\nnetwork = "10.0.0.0/8"\n'
            f"default-lease-time = {LEASE_TIME}\nmax-lease-time = {LEASE_TIME}\n"
            f'options = {{ routers = ["10.0.0.3"] }}\n\n{pools}'
        )
        self.wipe()

    def command(self):
        return [PROGRAM, "serve", "--config", "twinlease.toml"]

    def wipe(self):
        shutil.rmtree(self.directory / "data", ignore_errors=True)

    def find(self, count, now):
        self.wipe()
        file = self.directory / "found.leases"
        leases.dhcpd(file, count, now, RELATIONSHIP if self.partner else None)
        trust = ["--trust-states"] if self.partner else []
        command = [PROGRAM, "isc", "import-leases", "--config", self.directory / "twinlease.toml", file, *trust]
        result = self.network.run(self.host, command, 600)
        if result.returncode != 0:
            raise RuntimeError(f"import-leases: {result.stderr}")

    def state(self):
        status = self._status()
        return status and status["state"]

    def is_normal(self):
        status = self._status()
        return bool(status) and status["state"] == status["partner-state"] == "normal"

    def is_synchronised(self):
        """Whether the partner's UPDDONE has come."""
        return self.state() in ("recover-wait", "recover-done", "normal")

    def _status(self):
        result = self.network.run(self.host, [PROGRAM, "status", "--json"], 30)
        if result.returncode != 0:
            return None
        return json.loads(result.stdout)["relationships"][0]
