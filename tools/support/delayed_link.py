"""A link with a round-trip delay between a client and a server on one Linux machine. Needs root.

Client and server run in network namespaces, with nothing else in them. Where the kernel has `netem`, `tc` delays the packets;
elsewhere they pass through two TUN devices, and a process of this module holds each packet back. In both cases
the delay applies to whole IP packets, so connection set-up and TCP's slow start cost what they cost on a long line.
"""

import collections
import contextlib
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

CLIENT_ADDRESS, SERVER_ADDRESS = "198.18.0.1", "198.18.0.2"  # the block for benchmarks, RFC 2544
# From linux/if_tun.h: the request to attach to a device, and the flags for IP packets without a header before them.
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


class DelayedLink:
    """`client` and `server` are what to write before a command to run it on that side."""

    def __init__(self, round_trip_ms):
        self._cleanup = contextlib.ExitStack()
        one_way_ms = round_trip_ms / 2
        try:
            if self._netem(one_way_ms):
                self.how = "tc netem"
            else:
                self._tun(one_way_ms)
                self.how = "TUN devices, as this kernel has no netem"
        except BaseException:
            self.close()
            raise

    def close(self):
        self._cleanup.close()

    def _namespace(self, name):
        ip("netns", "add", name)
        self._cleanup.callback(ip, "netns", "delete", name)
        ip("-n", name, "link", "set", "lo", "up")
        return ("ip", "netns", "exec", name)

    def _netem(self, one_way_ms):
        """Both sides in one namespace, whose loopback device delays: each way crosses it once."""
        name = f"rvp-bench-{os.getpid()}"
        prefix = self._namespace(name)
        # As on a line: packets of 64 kB would make one round trip of many.
        ip("-n", name, "link", "set", "lo", "mtu", "1500")
        delay = f"tc -n {name} qdisc add dev lo root netem delay {one_way_ms}ms limit 100000"
        if subprocess.run(delay.split(), stderr=subprocess.DEVNULL).returncode != 0:
            self._cleanup.close()
            return False
        self.client = self.server = prefix
        self.address = "127.0.0.1"
        return True

    def _tun(self, one_way_ms):
        sides = (("client", CLIENT_ADDRESS, SERVER_ADDRESS), ("server", SERVER_ADDRESS, CLIENT_ADDRESS))
        devices = []
        for side, own, other in sides:
            namespace = f"rvp-bench-{os.getpid()}-{side}"
            setattr(self, side, self._namespace(namespace))
            device = f"rvp{os.getpid()}{side[0]}"
            devices.append(open_tun(device))
            self._cleanup.callback(os.close, devices[-1])
            # The device keeps its file when it moves to the namespace.
            ip("link", "set", device, "netns", namespace)
            ip("-n", namespace, "address", "add", own, "peer", other, "dev", device)
            ip("-n", namespace, "link", "set", device, "up")
        self.address = SERVER_ADDRESS
        relay = subprocess.Popen([sys.executable, __file__, *map(str, devices), str(one_way_ms)], pass_fds=devices)
        self._cleanup.callback(relay.wait)
        self._cleanup.callback(relay.terminate)


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


def open_tun(device):
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
    return file


def relay(first, second, one_way_seconds):
    """Passes packets between two TUN devices, each held back for `one_way_seconds`, until terminated."""
    other = {first: second, second: first}
    held = collections.deque()  # (when due, to where, packet), in order of time
    while True:
        wait = max(0, held[0][0] - time.monotonic()) if held else None
        for source in select.select((first, second), (), (), wait)[0]:
            with contextlib.suppress(BlockingIOError):
                while True:
                    packet = os.read(source, 65_536)
                    held.append((time.monotonic() + one_way_seconds, other[source], packet))
        now = time.monotonic()
        while held and held[0][0] <= now:
            _, target, packet = held.popleft()
            # A full or vanished device drops the packet, as a line does.
            with contextlib.suppress(OSError):
                os.write(target, packet)


if __name__ == "__main__":
    relay(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1000)
