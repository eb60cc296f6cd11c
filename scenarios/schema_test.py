#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The schema takes what the command takes: every scenario here validates, so does one with all of the language, and mistakes that a schema can tell are refused
# by both.
#
#   schema_test.py KNETLAB
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import jsonschema
import yaml

HERE = pathlib.Path(__file__).resolve().parent
# A scenario with every key of the language, which the reader's own tests read.
WHOLE = (HERE.parent / "harness" / "scenario" / "reader_test_folder.h").read_text()
WHOLE = re.search(r'kWholeLanguage = R"\((.*?)\)";', WHOLE, re.S)[1]
HEAD = """\
name: x
summary: y
topology: {namespaces: [a, b], links: [[a:eth0, b:eth0]]}
programs: {p: {object: o.bpf.o}}
"""

# Each is wrong by itself; a comment tells what.
WRONG = {
    "unknown key": "stepps: []\nsteps: []\n",
    "no steps": "",
    "repeat": "steps: []\nrepeat: 0\n",
    "timeout": "steps: []\ntimeout: soon\n",
    "tags": "steps: []\ntags: word\n",
    "matrix": "steps: []\nmatrix: {}\n",
    "axis": "steps: []\ntags: ['${m}']\nmatrix: {m: []}\n",
    "parameter name": "steps: []\nparameters: {9x: 1}\n",
    "include": "steps: []\ninclude: file.yaml\n",
    "steps are a list": "steps: {}\n",
    "two kinds of step": "steps: [{replay: {capture: c.pcap, from: a:eth0}, exec: {in: a, argv: [ls]}}]\n",
    "unknown step": "steps: [{reply: {}}]\n",
    "capture is missing": "steps: [{replay: {from: a:eth0}}]\n",
    "loop": "steps: [{replay: {capture: c.pcap, from: a:eth0, loop: 0}}]\n",
    "argv": "steps: [{exec: {in: a, argv: ls}}]\n",
    "status": "steps: [{exec: {in: a, argv: [ls], status: 256}}]\n",
    "stdout": "steps: [{exec: {in: a, argv: [ls], stdout: {contain: x}}}]\n",
    "fate": "steps: [{expect: {ledger: {drops: 1}}}]\n",
    "negative": "steps: [{expect: {ledger: {drop: -1}}}]\n",
    "comparison": "steps: [{expect: {ledger: {drop: '> many'}}}]\n",
    "packets without place": "steps: [{expect: {packets: {count: 1}}}]\n",
    "packets without expectation": "steps: [{expect: {packets: {at: b:eth0}}}]\n",
    "two places of packets": "steps: [{expect: {packets: {at: b:eth0, program: p, count: 1}}}]\n",
    "direction": "steps: [{expect: {packets: {at: b:eth0, direction: up, count: 1}}}]\n",
    "ignored field": "steps: [{expect: {packets: {at: b:eth0, golden: c.pcap, ignore: [ip-di]}}}]\n",
    "quantile": "steps: [{expect: {latency: {p: {p95: '< 1ms'}}}}]\n",
    "time without unit": "steps: [{expect: {latency: {p: {p99: '< 100'}}}}]\n",
    "metric of cost": "steps: [{expect: {cost: {p.cycles: '< 100'}}}]\n",
    "socket without kind": "steps: []\nsockets: {s: {in: a}}\n",
    "socket of two kinds": "steps: []\nsockets: {s: {in: a, udp: '10.0.0.1:1', tcp: '10.0.0.1:1'}}\n",
    "receive": "steps: []\nsockets: {s: {in: a, packet: eth0, receive: raed}}\n",
}


class Loader(yaml.SafeLoader):
    """Types by YAML 1.2, as the command and editors have them: `off` and 12:34 are text."""


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in [
    ("null", r"~|null|", "~n"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?", "-+0123456789"),
]:
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), list(first))


def refusal(validator, text):
    error = jsonschema.exceptions.best_match(validator.iter_errors(yaml.load(text, Loader)))
    return error.message if error else None


def main():
    knetlab = sys.argv[1]
    schema = json.loads((HERE / "schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    failures = []
    if message := refusal(validator, WHOLE):
        failures.append(f"the whole language is refused by the schema: {message}")
    scenarios = [file for file in HERE.rglob("*.yaml") if not re.search(r"\.(include|topology)\.yaml$", file.name)]
    for file in scenarios:
        if message := refusal(validator, file.read_text()):
            failures.append(f"{file} is refused by the schema: {message}")
        if not file.read_text().startswith("# yaml-language-server: $schema="):
            failures.append(f"{file} does not begin with its schema, for editors")
    with tempfile.TemporaryDirectory() as folder:
        for name in ["o.bpf.o", "c.pcap"]:
            (pathlib.Path(folder) / name).write_bytes(b"")
        file = pathlib.Path(folder) / "x.yaml"
        for what, text in {"a right one": "steps: []\n"}.items() | WRONG.items():
            right = what == "a right one"
            file.write_text(HEAD + text)
            if (refusal(validator, HEAD + text) is None) != right:
                failures.append(f"{what}: the schema {'refuses' if right else 'takes'} it:\n{text}")
            command = subprocess.run([knetlab, "validate", file], capture_output=True, text=True)
            if command.returncode != (0 if right else 2):
                failures.append(f"{what}: the command {'refuses' if right else 'takes'} it: {command.stderr}\n{text}")
    print(f"{len(scenarios)} scenarios, {len(WRONG)} mistakes, {len(failures)} failures", *failures, sep="\n")
    sys.exit(1 if failures or not scenarios else 0)


main()
