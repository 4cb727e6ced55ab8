"""A relayed client or a few, for moments: when is the first answer?

    probe.py first               the first OFFER from anybody
    probe.py takeover ADDRESS    the first OFFER from another server to clients whom ADDRESS answers; says `ready` once it
                                 knows whom, and begins to count then

Prints the time of the answer on the machine's monotonic clock, in seconds, and ends.
"""

import select
import socket
import struct
import sys
import time

RELAY = "10.0.0.3"
EVERYBODY = ("255.255.255.255", 67)
MAGIC = b"\x63\x82\x53\x63"
PAUSE = 0.005
CLIENTS = 64
GIVE_UP = 120


def discover(xid, client):
    hardware = struct.pack("!HI", 0x02EE, client)
    header = struct.pack("!BBBBIHH", 1, 1, 6, 1, xid, 0, 0)
    addresses = bytes(12) + socket.inet_aton(RELAY)
    return header + addresses + hardware + bytes(10 + 64 + 128) + MAGIC + b"\x35\x01\x01" + b"\x37\x01\x01\xff"


def server_of(offer):
    """Client and server of an OFFER; None for anything else."""
    if len(offer) < 241 or offer[0] != 2 or offer[236:240] != MAGIC:
        return None
    client = struct.unpack("!I", offer[30:34])[0]
    at, kind, server = 240, None, None
    while at + 1 < len(offer) and offer[at] != 255:
        if offer[at] == 0:
            at += 1
            continue
        value = offer[at + 2 : at + 2 + offer[at + 1]]
        kind = value[0] if offer[at] == 53 else kind
        server = socket.inet_ntoa(value) if offer[at] == 54 else server
        at += 2 + offer[at + 1]
    return (client, server) if kind == 2 else None


class Relay:
    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        self.socket.bind((RELAY, 67))
        self.socket.setblocking(False)
        self.xid = 0x40000000

    def ask(self, client):
        self.xid += 1
        self.socket.sendto(discover(self.xid, client), EVERYBODY)

    def offers(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.socket], [], [], left)[0]:
                found = server_of(self.socket.recv(2048))
                if found:
                    yield found


def first(relay, clients, accept):
    """The time of the first OFFER that `accept` likes."""
    start = time.monotonic()
    turn = 0
    while time.monotonic() - start < GIVE_UP:
        relay.ask(clients[turn % len(clients)])
        turn += 1
        for client, server in relay.offers(PAUSE):
            if accept(client, server):
                return time.monotonic()
    sys.exit("nobody answers")


def main():
    relay = Relay()
    everybody = list(range(CLIENTS))
    if sys.argv[1] == "first":
        print(first(relay, everybody[:8], lambda *_: True))
        return
    address, served = sys.argv[2], set()
    end = time.monotonic() + GIVE_UP / 4
    while len(served) < len(everybody) / 8 and time.monotonic() < end:
        for client in everybody:
            relay.ask(client)
            served |= {client for client, server in relay.offers(PAUSE) if server == address}
    print("ready", flush=True)
    print(first(relay, sorted(served), lambda client, server: client in served and server != address))


main()
