# SPDX-License-Identifier: Apache-2.0
"""knetlab.filter and knetlab.check_filters."""
import unittest

import knetlab
from test_support import FolderTest, frames, write_capture


class Filters(FolderTest):
    def test_has_counts_listings_and_forms(self) -> None:
        made = knetlab.filter("ip and udp dst port 53")
        self.assertEqual(made.cbpf, 11)
        self.assertGreater(made.ebpf["xdp"] or 0, 10)
        self.assertTrue(made.listing["cbpf"].startswith("(000) ldh      [12]"))
        self.assertIn("exit", made.listing["ebpf"])
        self.assertEqual(made.emit("object")[:4], b"\x7fELF")
        self.assertEqual(knetlab.filter("ip", "xtbpf").emit("xtbpf")[:2], b"5,")

    def test_a_bad_expression_is_an_error_with_libpcaps_words(self) -> None:
        with self.assertRaises(knetlab.Error) as caught:
            knetlab.filter("tcp port")
        self.assertIn("syntax error", caught.exception.why)

    def test_check_finds_no_difference(self) -> None:
        capture = self.folder / "frames.pcap"
        write_capture(capture, frames(40))
        document = knetlab.check_filters(["ether proto 0x88b5", "len > 700"], capture)
        self.assertEqual(document["comparisons"], 4 * 40)
        self.assertGreater(document["matches"], 2 * 40)
        self.assertEqual(document["differences"], [])


if __name__ == "__main__":
    unittest.main()
