"""Leases that a server finds when it starts, as each kind of server keeps them."""

import ipaddress

# Clients of these leases have hardware addresses of their own, apart from those of the load.
FIRST = int(ipaddress.ip_address("10.16.0.0"))


def address(serial):
    return str(ipaddress.ip_address(FIRST + serial))


def hardware(serial):
    return ":".join(f"{octet:02x}" for octet in (0x02, 0xAA, *serial.to_bytes(4, "big")))


def times(serial, now, count):
    """When the lease began and when it ends, which is later. In ascending order: with any other, or the same end for all,
    dhcpd walks through a list for each, and its synchronisation takes many times as long."""
    begin = now - 100 - serial // max(30, count // 36_000)
    return begin, begin + 86400


def dhcpd(path, count, now, relationship=None):
    """`dhcpd.leases` with `count` active leases; with a relationship, of a server that was in NORMAL."""
    with open(path, "w") as out:
        if relationship:
            out.write(
                f'failover peer "{relationship}" state {{\n  my state normal at epoch {now - 600};\n'
                f"  partner state normal at epoch {now - 600};\n}}\n"
            )
        for serial in range(count):
            begin, end = times(serial, now, count)
            told = f"  tstp epoch {end};\n  tsfp epoch {end};\n  atsfp epoch {end};\n" if relationship else ""
            out.write(
                f"lease {address(serial)} {{\n  starts epoch {begin};\n  ends epoch {end};\n{told}"
                f"  cltt epoch {begin};\n  binding state active;\n  next binding state "
                f"{'expired' if relationship else 'free'};\n  hardware ethernet {hardware(serial)};\n}}\n"
            )


def kea(path, count, now):
    """Kea's memfile with `count` active leases."""
    with open(path, "w") as out:
        out.write(
            "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n"
        )
        for serial in range(count):
            _, end = times(serial, now, count)
            out.write(f"{address(serial)},{hardware(serial)},,86400,{end},1,0,0,,0,\n")
