# SPDX-License-Identifier: Apache-2.0
"""knetlab.verdicts: every packet's verdict as arrays and as the document of `try`."""
import collections
import json
import os
import pickle
import unittest

import knetlab
import numpy as np
from test_support import UNSPECIFIED, FolderTest, compile_bpf, frames, lab_objects, write_capture


class Verdicts(FolderTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.unspecified = cls.folder / "unspecified.o"
        compile_bpf(UNSPECIFIED, cls.unspecified)

    def test_codes_are_what_the_program_returns_for_each_packet(self):
        result = knetlab.verdicts(self.object, self.capture, cost=False)
        self.assertEqual(result.codes.dtype, np.int64)
        self.assertEqual(result.codes.tolist(), self.wanted)
        self.assertEqual(result.lengths.tolist(), [len(packet) for packet in self.packets])
        self.assertTrue(result.reached.all())
        self.assertEqual(len(result), len(self.packets))

    def test_the_wire_rig_agrees_with_the_unit_rig(self):
        result = knetlab.verdicts(self.object, self.capture, rig="wire", cost=False)
        self.assertEqual(result.codes.tolist(), self.wanted)
        self.assertTrue(result.ledger["balanced"])

    def test_the_document_and_the_arrays_say_the_same(self):
        result = knetlab.verdicts(str(self.object), os.fsencode(self.capture), "odd")
        document = result.to_dict()
        self.assertEqual(document["schema"], "knetlab.try/1")
        self.assertEqual(document["program"], "odd")
        self.assertEqual([packet["code"] for packet in document["packets"]], self.wanted)
        self.assertGreater(document["cost"]["ns_per_packet"], 0)
        counts = collections.Counter({1: "XDP_DROP", 2: "XDP_PASS"}[code] for code in self.wanted)
        self.assertEqual(document["verdicts"], dict(counts))
        self.assertEqual(result.verdicts, dict(counts))
        self.assertEqual(result.ledger, document["ledger"])
        self.assertEqual(result.ledger["sent"], len(self.packets))

    def test_the_document_is_the_callers_own(self):
        result = knetlab.verdicts(self.object, self.capture, limit=1, cost=False)
        result.to_dict()["ledger"]["sent"] = 7
        self.assertEqual(result.ledger["sent"], 1)
        self.assertEqual(result.to_dict()["ledger"]["sent"], 1)

    def test_limit_takes_the_first_packets(self):
        self.assertEqual(knetlab.verdicts(self.object, self.capture, limit=5, cost=False).codes.tolist(), self.wanted[:5])

    def test_a_packet_that_never_got_to_the_program_has_no_code(self):
        capture = self.folder / "giant.pcap"
        write_capture(capture, frames(1) + frames(1, smallest=65535, largest=65535))
        result = knetlab.verdicts(self.unspecified, capture, cost=False)
        if result.verdicts == {"TC_ACT_UNSPEC": 2}:
            self.skipTest("this kernel tries TC programs on frames of any size")
        self.assertEqual(result.reached.tolist(), [True, False])  # its own verdict is -1, too
        self.assertEqual(result.codes.tolist(), [-1, -1])
        self.assertEqual([packet["code"] for packet in result.to_dict()["packets"]], [-1, None])

    def test_repr_is_one_short_line(self):
        text = repr(knetlab.verdicts(self.object, self.capture, cost=False))
        self.assertRegex(text, r"^<knetlab\.Verdicts of odd \(xdp, unit\): 64 packets: \d+ XDP_DROP, \d+ XDP_PASS>$")

    def test_nothing_is_held_afterwards(self):
        before = lab_objects()
        for rig in ("unit", "wire"):
            result = knetlab.verdicts(self.object, self.capture, rig=rig)
            self.assertEqual(lab_objects(), before, f"held after {result}")


class Failures(FolderTest):
    def test_an_error_has_all_its_parts(self):
        with self.assertRaises(knetlab.Error) as caught:
            knetlab.verdicts("/nonexistent.o", self.capture)
        error = caught.exception
        self.assertIn("/nonexistent.o", error.where)
        self.assertTrue(error.what)
        self.assertTrue(error.why)
        for part in (error.what, error.where, error.why, error.hint, error.detail):
            self.assertIn(part, str(error))

    def test_the_verifiers_log_is_the_detail(self):
        wild = self.folder / "wild.o"
        compile_bpf("""
#include <linux/bpf.h>
__attribute__((section("xdp"), used)) int wild(struct xdp_md *c) { return *(char *)(long)c->data; }
char _license[] __attribute__((section("license"), used)) = "GPL";
""", wild)
        with self.assertRaises(knetlab.Error) as caught:
            knetlab.verdicts(wild, self.capture)
        self.assertIn("invalid access to packet", caught.exception.detail)
        self.assertIn("wild", str(caught.exception))

    def test_an_unknown_program_hook_or_rig_is_an_error(self):
        for wrong in ({"program": "od"}, {"hook": "xpd"}, {"rig": "unti"}):
            with self.subTest(wrong), self.assertRaises(knetlab.Error) as caught:
                knetlab.verdicts(self.object, self.capture, **wrong)
            self.assertIn(next(iter(wrong.values())), str(caught.exception))

    def test_an_error_goes_from_process_to_process(self):
        with self.assertRaises(knetlab.Error) as caught:
            knetlab.verdicts(self.object, "/nonexistent.pcap")
        again = pickle.loads(pickle.dumps(caught.exception))
        self.assertEqual(str(again), str(caught.exception))
        self.assertEqual(vars(again), vars(caught.exception))

    def test_names_that_are_not_text_are_shown_all_the_same(self):
        with self.assertRaises(knetlab.Error) as caught:
            knetlab.verdicts(b"/nonexistent-\xff.o", self.capture)
        self.assertIn("/nonexistent-\ufffd.o", str(caught.exception))
        json.dumps(vars(caught.exception))

    def test_a_name_with_a_null_byte_is_refused(self):
        with self.assertRaises(ValueError):
            knetlab.verdicts(f"{self.object}\0.txt", self.capture)


class Doctor(unittest.TestCase):
    def test_facilities_say_how_they_can_be_had(self):
        facilities = {facility["name"]: facility for facility in knetlab.doctor()}
        self.assertGreaterEqual(len(facilities), 20)
        for facility in facilities.values():
            self.assertTrue(facility["works"] or facility["hint"], facility)
        self.assertTrue(facilities["xdp-native"]["works"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
