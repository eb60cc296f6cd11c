# SPDX-License-Identifier: Apache-2.0
"""The reports of a run are read by those they are for: junitparser (JUnit XML), a strict reader of KTAP's rules, and Google
Benchmark's compare.py. KNETLAB is the command, KNETLAB_SCENARIOS a folder of scenarios."""
import collections
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import junitparser

KNETLAB = os.environ["KNETLAB"]
SCENARIOS = pathlib.Path(os.environ["KNETLAB_SCENARIOS"])
COMPARE = "/usr/share/benchmark/compare.py"

BAD = """
name: {name}
summary: It does not hold.
topology: {{namespaces: [one]}}
steps:
  - exec: {{in: one, argv: [sh, -c, "echo '<&]]> # `x`'; exit 3"], status: {status}}}
"""


def ktap(lines, indent=""):
    """[(ok, description, directive, subtests)] by Documentation/dev-tools/ktap.rst, without its liberties."""
    assert lines.pop(0) == indent + "KTAP version 1"
    plan = int(re.fullmatch(re.escape(indent) + r"1\.\.(\d+)", lines.pop(0)).group(1))
    tests, nested = [], None
    while lines and lines[0].startswith(indent) and len(tests) < plan:
        line = lines[0][len(indent):]
        if line.startswith("  "):
            assert nested is None and line == "  KTAP version 1", line
            nested = ktap(lines, indent + "  ")
            continue
        lines.pop(0)
        if line.startswith("# "):
            continue
        ok, number, description, directive = re.fullmatch(
            r"(ok|not ok) (\d+) ([^#]*[^# ])(?: # (.*))?", line).groups()
        assert int(number) == len(tests) + 1, line
        tests.append((ok == "ok", description, directive, nested or []))
        nested = None
    assert len(tests) == plan, (len(tests), plan)
    while lines and lines[0].startswith(indent + "# "):
        lines.pop(0)
    return tests


class Reports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="knetlab-reports-")
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = pathlib.Path(cls.temporary.name)
        suite = cls.folder / "suite"
        suite.mkdir()
        (suite / "fails.yaml").write_text(BAD.format(name="fails", status=0))
        (suite / "holds.yaml").write_text(BAD.format(name="holds", status=3))
        (suite / "errs.yaml").write_text(BAD.format(name="errs", status=0).replace("[sh,", "[/nonexistent/command,"))
        reports = [word for kind in ("junit", "ktap", "markdown", "benchmark")
                   for word in ("--report", f"{kind}:{cls.folder / kind}")]
        done = subprocess.run([KNETLAB, "run", suite, SCENARIOS, "-j", "2", "--repeat", "2", "--json", *reports],
                              stdout=subprocess.PIPE, text=True)
        assert done.returncode == 1, done
        cls.scenarios = json.loads(done.stdout)["scenarios"]

    def read(self, kind):
        return (self.folder / kind).read_text()

    def test_junitparser_reads_the_cases_and_their_outcomes(self):
        suites = junitparser.JUnitXml.fromfile(str(self.folder / "junit"))
        cases = [case for suite in suites for case in suite]
        self.assertEqual(len(cases), len(self.scenarios))
        kinds = {"pass": None, "fail": junitparser.Failure, "error": junitparser.Error}
        for case, scenario in zip(cases, self.scenarios):
            name = scenario["name"] + (f" #{scenario['repetition']}" if scenario["repetition"] > 1 else "")
            self.assertEqual(case.name, name)
            self.assertEqual([type(result) for result in case.result], [kinds[scenario["outcome"]]][: scenario["outcome"] != "pass"])
        self.assertEqual((suites.tests, suites.failures, suites.errors), (len(cases), 2, 2))
        properties = {p.name: p.value for suite in suites for p in suite.properties()}
        self.assertIn("environment.kernel", properties)
        failure = next(case.result[0] for case in cases if case.name == "fails")
        self.assertRegex(failure.text, r"(?s)fails\.yaml:\d+:\d+: exec: .*<&\]\]> # `x`")

    def test_ktap_is_by_the_rules(self):
        lines = self.read("ktap").splitlines()
        tests = ktap(lines)
        self.assertEqual(lines, [])
        self.assertEqual([(ok, len(nested)) for ok, _, _, nested in tests],
                         [(s["outcome"] == "pass", len(s["checks"])) for s in self.scenarios])
        for ok, _, directive, nested in tests:
            self.assertEqual(ok, all(sub[0] for sub in nested) and not directive)
        self.assertEqual(sum((directive or "").startswith("ERROR") for _, _, directive, _ in tests), 2)

    def test_markdown_has_a_row_for_each_scenario(self):
        rows = [line for line in self.read("markdown").splitlines() if line.startswith("| ")]
        self.assertEqual(len(rows), 2 + len(self.scenarios))
        self.assertTrue(all(len(re.findall(r"(?<!\\)\|", row)) == 7 for row in rows))

    def test_google_benchmarks_compare_reads_the_costs(self):
        report = self.folder / "benchmark"
        compared = subprocess.run(["/usr/bin/python3", COMPARE, "--no-color", "benchmarks", report, report],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(compared.returncode, 0, compared.stdout)
        wanted = collections.Counter(f"{s['name']}/{c['program']}" for s in self.scenarios for c in s["cost"])
        self.assertIn(2, wanted.values())
        for name, repetitions in wanted.items():
            self.assertRegex(compared.stdout, rf"(?m)^{re.escape(name)} +[+-]0\.0000 ")
            # A program that no packet came to while costs were measured (lost-full-ring, mostly) has none there.
            if repetitions > 1:
                self.assertIn(name + "_pvalue", compared.stdout, "repetitions are what its U test works on")


if __name__ == "__main__":
    unittest.main(verbosity=2)
