"""What has to be there: root, the peers from Debian's packages, the program in release."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
# Another build of the program may be named; then nothing is built.
PROGRAM = Path(os.environ.get("TWINLEASE_PROGRAM", ROOT / "target/release/twinlease"))

TOOLS = {
    "ip": "iproute2",
    "dhcpd": "isc-dhcp-server",
    "kea-dhcp4": "kea-dhcp4-server",
    "strace": "strace",
}


def prepare():
    """Installs what is missing and builds; ends the program with a sentence where that cannot be."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if os.geteuid() != 0:
        sys.exit("network namespaces need root")
    missing = sorted({package for tool, package in TOOLS.items() if not shutil.which(tool)})
    if missing:
        print(f"installing {' '.join(missing)}", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *missing]):
            subprocess.run(["apt-get", *command], check=True, env=environment, stdout=subprocess.DEVNULL)
    if "TWINLEASE_PROGRAM" not in os.environ:
        subprocess.run(["cargo", "build", "--release", "--bin", "twinlease"], check=True, cwd=ROOT)


def versions():
    """Who is compared, by their own words."""

    def said(*command):
        result = subprocess.run(command, capture_output=True, text=True)
        return (result.stdout + result.stderr).strip().splitlines()[0]

    dhcpd = said("dhcpd", "--version").replace("isc-dhcpd-", "")
    return {
        "ISC dhcpd": dhcpd,
        "Kea": said("kea-dhcp4", "-v"),
        "twinlease": said(str(PROGRAM), "--version").split()[-1],
        "Linux": os.uname().release,
        "processors": str(os.cpu_count()),
    }
