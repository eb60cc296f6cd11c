# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C while the lab works: KeyboardInterrupt, promptly, and nothing left behind."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

from test_support import FolderTest

# Prints what the process holds of the lab before and after, and how many threads it has then.
CHILD = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import knetlab
from test_support import lab_objects
before = lab_objects()
# NumPy may have some, by the linear algebra library that it found.
threads = len(os.listdir("/proc/self/task"))
try:
    knetlab.{call}
    ended = "done"
except KeyboardInterrupt:
    ended = "KeyboardInterrupt"
print(json.dumps([ended, before, lab_objects(), len(os.listdir("/proc/self/task")) - threads]))
"""
LONGEST_S = 3.0  # far less than what is interrupted, and enough on a busy machine


class Interrupt(FolderTest):
    def setUp(self):
        self.fifo = self.folder / "fifo"
        os.mkfifo(self.fifo)
        self.addCleanup(self.fifo.unlink)

    def interrupted(self, call):
        """Runs the call in a child, interrupts it once its scenario's command has run, and checks how it ended."""
        child = subprocess.Popen([sys.executable, "-B", "-c", CHILD.format(call=call), pathlib.Path(__file__).parent],
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        self.fifo.read_bytes()  # the scenario has begun
        begin = time.monotonic()
        child.send_signal(signal.SIGINT)
        output, _ = child.communicate(timeout=60)
        took = time.monotonic() - begin
        ended, before, after, more_threads = json.loads(output)
        self.assertEqual(ended, "KeyboardInterrupt")
        self.assertEqual(after, before)
        self.assertEqual(more_threads, 0)
        self.assertLess(took, LONGEST_S)

    def tell(self):
        return {"exec": {"in": "client", "argv": ["tee", str(self.fifo)]}}

    def test_a_paced_replay(self):
        slow = self.scenario("slow", [self.tell(), self.replay(rate="1pps")], timeout="600s")
        self.interrupted(f"run({str(slow)!r})")

    def test_several_scenarios_at_once(self):
        slow = self.scenario("slow", [self.tell(), self.replay(rate="1pps")], timeout="600s")
        slower = self.scenario("slower", [self.replay(rate="1pps")], timeout="600s")
        self.addCleanup(slower.unlink)
        self.interrupted(f"run({[str(slow), str(slower)]!r}, jobs=2)")

    def test_a_command_of_a_scenario(self):
        sleeps = self.scenario("sleeps", [self.tell(), {"exec": {"in": "client", "argv": ["sleep", "600"]}}], timeout="700s")
        self.interrupted(f"run({str(sleeps)!r})")


if __name__ == "__main__":
    unittest.main(verbosity=2)
