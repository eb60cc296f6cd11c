# SPDX-License-Identifier: Apache-2.0
"""knetlab.run: scenarios and what came of them."""
import os
import threading
import unittest

import knetlab
from test_support import FolderTest, lab_objects


class Run(FolderTest):
    def setUp(self):
        drops = self.wanted.count(1)
        self.good = self.scenario("good", [self.replay(), {"expect": {"ledger": {"drop": drops}}}])
        self.bad = self.scenario("bad", [self.replay(), {"expect": {"ledger": {"drop": drops + 1}}}])

    def test_a_scenario_that_holds(self):
        result = knetlab.run(self.good)
        document = result.to_dict()
        self.assertEqual(document["schema"], "knetlab.run/1")
        self.assertEqual(document["summary"], {"pass": 1, "fail": 0, "skip": 0, "error": 0}, document["scenarios"])
        self.assertEqual(document["scenarios"][0]["ledger"]["sent"], len(self.packets))
        self.assertTrue(result.ok)
        self.assertEqual(repr(result), "<knetlab.RunResult: 1 pass>")

    def test_a_scenario_that_fails_is_a_result(self):
        result = knetlab.run([self.bad, self.good], jobs=2)
        self.assertFalse(result.ok)
        self.assertEqual(
            [(scenario["name"], scenario["outcome"]) for scenario in result.to_dict()["scenarios"]],
            [("bad", "fail"), ("good", "pass")],
        )

    def test_rig_repeat_and_filter(self):
        scenarios = knetlab.run(str(self.folder), rig="unit", repeat=3, filter="goo").to_dict()["scenarios"]
        self.assertEqual([(each["name"], each["rig"], each["repetition"]) for each in scenarios],
                         [("good", "unit", 1), ("good", "unit", 2), ("good", "unit", 3)])

    def test_several_filters_seed_and_fail_fast(self):
        scenarios = knetlab.run(str(self.folder), filter=["good", "nothing of it"], seed=7).to_dict()["scenarios"]
        self.assertEqual([each["name"] for each in scenarios], ["good"])
        seeds = [knetlab.run(self.good, seed=seed).to_dict()["scenarios"][0]["seed"] for seed in (7, 7, 8)]
        self.assertEqual(seeds[0], scenarios[0]["seed"])
        self.assertEqual(seeds[0], seeds[1])
        self.assertNotEqual(seeds[0], seeds[2])
        stopped = knetlab.run([self.bad, self.good], fail_fast=True).to_dict()
        self.assertEqual([each["outcome"] for each in stopped["scenarios"]], ["fail"])

    def test_reports_and_a_store(self):
        store = self.folder / "results.db"
        self.addCleanup(lambda: [file.unlink() for file in self.folder.glob("results.db*")])
        result = knetlab.run([self.good, self.bad], store=store, label="first")
        self.assertTrue(store.is_file())
        self.assertTrue(result.report("ktap").startswith("KTAP version 1"))
        self.assertIn("<testcase", result.report("junit"))
        with self.assertRaises(knetlab.Error) as caught:
            result.report("junti")
        self.assertIn("junit", caught.exception.hint)
        (self.folder / "no-store").write_text("something else")
        self.addCleanup((self.folder / "no-store").unlink)
        with self.assertRaises(knetlab.Error):
            knetlab.run(self.good, store=self.folder / "no-store")

    def test_a_timeout_is_an_error_of_its_scenario(self):
        slow = self.scenario("slow", [self.replay(rate="1pps")])
        self.addCleanup(slow.unlink)
        document = knetlab.run(slow, timeout=0.3).to_dict()
        self.assertEqual(document["summary"]["error"], 1)
        self.assertIn("0.3 s", document["scenarios"][0]["reason"])

    def test_a_wrong_scenario_raises_with_its_place(self):
        wrong = self.scenario("wrong", [{"replya": {}}])
        self.addCleanup(wrong.unlink)
        with self.assertRaises(knetlab.Error) as caught:
            knetlab.run([self.good, wrong])
        self.assertRegex(caught.exception.where, r"wrong\.yaml:\d+:\d+$")
        self.assertIn("replay", str(caught.exception))

    def test_nothing_is_held_afterwards(self):
        before = lab_objects()
        knetlab.run([self.good, self.bad])
        self.assertEqual(lab_objects(), before)

    def test_other_python_threads_go_on_meanwhile(self):
        # The second command waits for a thread of this Python, which waits for the first.
        begun, answered = self.folder / "begun", self.folder / "answered"
        for fifo in (begun, answered):
            os.mkfifo(fifo)
            self.addCleanup(fifo.unlink)
        waits = self.scenario("waits", [{"exec": {"in": "client", "argv": ["tee", str(begun)]}},
                                        {"exec": {"in": "client", "argv": ["cat", str(answered)]}}])
        self.addCleanup(waits.unlink)
        other = threading.Thread(target=lambda: answered.write_bytes(begun.read_bytes()), daemon=True)
        other.start()
        result = knetlab.run(waits, timeout=10)
        self.assertTrue(result.ok, result.to_dict()["scenarios"])
        other.join()

    def test_calls_from_several_threads_do_not_disturb_each_other(self):
        results = []
        threads = [threading.Thread(target=lambda: results.append(knetlab.run(self.good).ok)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [True, True, True])


if __name__ == "__main__":
    unittest.main(verbosity=2)
