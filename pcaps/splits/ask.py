#!/usr/bin/env python3
"""Ask two DHCP servers with 10,000 client identifiers which of them answers.

Each identifier goes out in a DHCPDISCOVER (secs 0) to both servers, relayed
from our own address; the server identifier of the DHCPOFFER tells who took
the client.  An unanswered identifier is asked again, unchanged.

  ask.py --identifiers          print the identifiers in hex, one per line
  ask.py --local A --primary B --secondary C --split N --out FILE
"""

import argparse
import select
import socket
import struct
import sys
import time

COUNT = 10_000
WINDOW = 32
PATIENCE = 1.0  # seconds without any answer before the unanswered are asked again


def identifier(i):
    """Client identifier number i (0..9999), 1..32 octets.  See README.md."""
    length = 1 + i % 32 if i < 8192 else 2 + i % 31
    octets = [(i >> 5) & 0xFF]
    x = ((i + 1) * 2654435761) & 0xFFFFFFFF
    while len(octets) < length:
        x ^= (x << 13) & 0xFFFFFFFF
        x ^= x >> 17
        x ^= (x << 5) & 0xFFFFFFFF
        octets.append(x >> 24)
    return bytes(octets)


def chaddr(i):
    return b"\x02\x54\x4c\x00" + struct.pack(">H", i)


def discover(i, giaddr):
    ident = identifier(i)
    head = struct.pack(
        ">BBBBIHH4s4s4s4s16s64s128s",
        1, 1, 6, 1, 0x544C0000 | i, 0, 0,
        bytes(4), bytes(4), bytes(4), giaddr, chaddr(i), bytes(64), bytes(128),
    )
    options = b"\x63\x82\x53\x63" + b"\x35\x01\x01" + bytes([61, len(ident)]) + ident + b"\xff"
    return (head + options).ljust(300, b"\0")


def offer(packet):
    """(number, chaddr, offered address, server identifier) of a DHCPOFFER, or None."""
    if len(packet) < 241 or packet[0] != 2 or packet[236:240] != b"\x63\x82\x53\x63":
        return None
    xid = struct.unpack(">I", packet[4:8])[0]
    options, at = {}, 240
    while at < len(packet) and packet[at] != 255:
        if packet[at] == 0:
            at += 1
            continue
        options[packet[at]] = packet[at + 2 : at + 2 + packet[at + 1]]
        at += 2 + packet[at + 1]
    if options.get(53) != b"\x02" or xid >> 16 != 0x544C:
        return None
    return xid & 0xFFFF, packet[28:34], packet[16:20], options.get(54)


def ask(local, servers):
    """The letter of the answering server for each identifier."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind((local, 67))
    giaddr = socket.inet_aton(local)
    letters = {socket.inet_aton(a): c for c, a in servers.items()}
    answer, address = {}, {}
    open_, queue, retries = set(), list(range(COUNT))[::-1], 0

    def receive(timeout):
        if not select.select([sock], [], [], timeout)[0]:
            return False
        got = offer(sock.recv(4096))
        if got is None:
            return True
        i, mac, yiaddr, server = got
        letter = letters[server]
        if mac != chaddr(i):
            sys.exit(f"offer {i}: wrong chaddr")
        if answer.setdefault(i, letter) != letter:
            sys.exit(f"identifier {i}: answered by both servers")
        if address.setdefault(yiaddr, i) != i:
            sys.exit(f"{socket.inet_ntoa(yiaddr)} offered to {address[yiaddr]} and {i}")
        open_.discard(i)
        return True

    while queue or open_:
        while queue and len(open_) < WINDOW:
            i = queue.pop()
            open_.add(i)
            for server in servers.values():
                sock.sendto(discover(i, giaddr), (server, 67))
        if not receive(PATIENCE):
            retries += len(open_)
            queue.extend(sorted(open_, reverse=True))
            open_.clear()
            if retries > COUNT:
                sys.exit("too many unanswered")
    end = time.monotonic() + 3  # a late second answer would be an error
    while time.monotonic() < end:
        receive(0.2)
    return "".join(answer[i] for i in range(COUNT)), retries


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--identifiers", action="store_true")
    parser.add_argument("--local")
    parser.add_argument("--primary")
    parser.add_argument("--secondary")
    parser.add_argument("--split", type=int)
    parser.add_argument("--out")
    args = parser.parse_args()
    if len({identifier(i) for i in range(COUNT)}) != COUNT:
        sys.exit("identifiers are not distinct")
    if args.identifiers:
        for i in range(COUNT):
            print(identifier(i).hex())
        return
    letters, retries = ask(args.local, {"p": args.primary, "s": args.secondary})
    with open(args.out, "w") as out:
        out.write(f"# split {args.split}: who answered client identifier 0..9999, p primary, s secondary\n")
        for at in range(0, COUNT, 100):
            out.write(letters[at : at + 100] + "\n")
    print(f"split {args.split}: {letters.count('p')} p, {letters.count('s')} s, {retries} asked again", file=sys.stderr)


if __name__ == "__main__":
    main()
