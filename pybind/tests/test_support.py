# SPDX-License-Identifier: Apache-2.0
"""For the tests of the Python package: captures, objects and scenarios in a folder of their own."""
import json
import os
import pathlib
import random
import struct
import subprocess
import tempfile
import unittest

# Odd lengths are dropped: a verdict that is easily worked out without any BPF.
ODD_DROPS = """
#include <linux/bpf.h>
__attribute__((section("xdp"), used)) int odd(struct xdp_md *c) { return (c->data_end - c->data) & 1 ? XDP_DROP : XDP_PASS; }
char _license[] __attribute__((section("license"), used)) = "GPL";
"""
UNSPECIFIED = """
#include <linux/bpf.h>
__attribute__((section("tc"), used)) int unspecified(struct __sk_buff *s) { return -1; }
char _license[] __attribute__((section("license"), used)) = "GPL";
"""
XDP_DROP, XDP_PASS = 1, 2


def frames(count, seed=3, smallest=14, largest=1500):
    """Ethernet frames of a local experimental type, of any length."""
    chance = random.Random(seed)
    header = bytes.fromhex("020000000002" "020000000001" "88b5")
    return [header + chance.randbytes(chance.randint(smallest, largest) - len(header)) for _ in range(count)]


def write_capture(path, packets):
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for at, packet in enumerate(packets):
        data += struct.pack("<IIII", at, 0, len(packet), len(packet)) + packet
    pathlib.Path(path).write_bytes(data)


def read_capture(path):
    """The packets of a little-endian pcap file, read without the lab."""
    data, at, packets = pathlib.Path(path).read_bytes(), 24, []
    while at < len(data):
        captured = struct.unpack_from("<I", data, at + 8)[0]
        packets.append(data[at + 16 : at + 16 + captured])
        at += 16 + captured
    return packets


def compile_bpf(source, path):
    include = f"/usr/include/{os.uname().machine}-linux-gnu"
    subprocess.run(
        [os.environ.get("BPF_CLANG", "clang"), "-target", "bpf", "-g", "-O2", "-I", include, "-x", "c", "-", "-c", "-o", path],
        input=source, text=True, check=True,
    )


def lab_objects():
    """The network namespaces and BPF objects that this process holds."""
    held = []
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:  # the descriptor of the listing itself
            continue
        if target.startswith(("net:[", "anon_inode:bpf")):
            held.append(target)
    return sorted(held)


class FolderTest(unittest.TestCase):
    """A folder with drop.o (odd lengths drop) and a capture of 64 packets; gone afterwards."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="knetlab-python-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.object = cls.folder / "drop.o"
        cls.capture = cls.folder / "packets.pcap"
        compile_bpf(ODD_DROPS, cls.object)
        write_capture(cls.capture, frames(64))
        cls.packets = read_capture(cls.capture)
        cls.wanted = [XDP_DROP if len(packet) % 2 else XDP_PASS for packet in cls.packets]

    def scenario(self, name, steps, timeout="20s"):
        """Writes a scenario: a client, a server whose XDP program is drop.o's, and the steps. Returns its path."""
        # JSON is YAML, too.
        path = self.folder / f"{name}.yaml"
        path.write_text(json.dumps({
            "name": name,
            "summary": "Odd lengths are dropped.",
            "timeout": timeout,
            "topology": {
                "namespaces": ["client", "server"],
                "links": [["client:eth0 10.0.0.1/24", "server:eth0 10.0.0.2/24"]],
            },
            "programs": {"odd": {"object": "drop.o", "attach": {"xdp": "server:eth0"}}},
            "steps": steps,
        }))
        return path

    def replay(self, **more):
        return {"replay": {"capture": "packets.pcap", "from": "client:eth0", **more}}
