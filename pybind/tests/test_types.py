# SPDX-License-Identifier: Apache-2.0
"""The types that the package declares: they hold within it, agree with the module as it is, and a user's mistakes are found."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import knetlab

USER = """
import knetlab

r = knetlab.verdicts("filter.o", "dns.pcap", limit=10)
dropped: int = int((r.codes == 1).sum())
ok: bool = knetlab.run(["a.yaml", "b"], 2, seed=7, filter=["tag:xdp"]).ok
missing = [f["name"] for f in knetlab.doctor() if not f["works"]]
try:
    pass
except knetlab.Error as error:
    print(error.what, error.where, error.why, error.hint, error.errno + 1)
"""
MISTAKES = """
import knetlab

knetlab.verdicts("filter.o")
knetlab.run("a.yaml", jobs="two")
knetlab.run("a.yaml").okay
"""


def checked(*argv):
    """What a type checker of Debian's mypy package says about the package that is being tested."""
    tool = shutil.which(argv[0])
    if tool is None:
        raise AssertionError(f"no {argv[0]}: apt-get install mypy (ci/setup does)")
    package = pathlib.Path(knetlab.__file__).parent.parent
    environment = {**os.environ, "MYPYPATH": str(package), "PYTHONPATH": str(package)}
    with tempfile.TemporaryDirectory(prefix="knetlab-mypy-") as cache:
        environment["MYPY_CACHE_DIR"] = cache
        return subprocess.run([tool, *argv[1:]], env=environment, cwd=cache, text=True, capture_output=True, check=False)


class Types(unittest.TestCase):
    def test_the_package_is_typed_throughout(self):
        found = checked("mypy", "--strict", "-p", "knetlab")
        self.assertEqual(found.returncode, 0, found.stdout + found.stderr)

    def test_the_stub_is_of_the_module_as_it_is(self):
        with tempfile.NamedTemporaryFile("w", prefix="knetlab-stubs-") as allowed:
            # Classes made with pybind11 have its metaclass and its catch-all constructor.
            allowed.write("knetlab\\._knetlab\\.[A-Za-z]+(\\.__init__)?\n")
            allowed.flush()
            found = checked("stubtest", "--ignore-unused-allowlist", "--allowlist", allowed.name, "knetlab._knetlab")
        self.assertEqual(found.returncode, 0, found.stdout + found.stderr)

    def test_a_users_program(self):
        with tempfile.TemporaryDirectory(prefix="knetlab-user-") as folder:
            program = pathlib.Path(folder) / "user.py"
            program.write_text(USER)
            found = checked("mypy", "--strict", str(program))
            self.assertEqual(found.returncode, 0, found.stdout + found.stderr)
            program.write_text(MISTAKES)
            found = checked("mypy", "--strict", str(program))
            lines = [line for line in found.stdout.splitlines() if ": error:" in line]
            self.assertEqual([line.split(":")[1] for line in lines], ["4", "5", "6"], found.stdout + found.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
