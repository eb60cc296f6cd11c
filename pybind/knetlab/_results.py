# SPDX-License-Identifier: Apache-2.0
"""What the calls return: arrays for the packets, documents for the rest."""
from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _knetlab


def _parsed(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text)
    return document


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


class Verdicts:
    """What a program did to each packet of a capture. Made by :func:`knetlab.verdicts`."""

    def __init__(self, result: _knetlab.TryResult) -> None:
        self._result = result

    @functools.cached_property
    def codes(self) -> npt.NDArray[np.int64]:
        """What the program returned, one number a packet; -1 where the packet never got to it.

        TC_ACT_UNSPEC is -1 as well: :attr:`reached` tells them apart.
        """
        return self._result.codes()

    @functools.cached_property
    def reached(self) -> npt.NDArray[np.bool_]:
        """Whether the packet got to the program, one a packet."""
        return self._result.reached()

    @functools.cached_property
    def lengths(self) -> npt.NDArray[np.int64]:
        """The packets' lengths as sent, in bytes."""
        return self._result.lengths()

    @functools.cached_property
    def verdicts(self) -> dict[str, int]:
        """How many packets met each verdict: ``{"XDP_DROP": 120, "XDP_PASS": 13}``."""
        counts: dict[str, int] = self._document["verdicts"]
        return counts

    @functools.cached_property
    def ledger(self) -> dict[str, Any]:
        """The account of every packet: ``sent``, ``entries``, ``unaccounted``, ``balanced``."""
        account: dict[str, Any] = self._document["ledger"]
        return account

    def to_dict(self) -> dict[str, Any]:
        """The document of ``knetlab try --json``; the caller's own copy."""
        return _parsed(self._text)

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        document = self._document
        return (
            f"<knetlab.Verdicts of {document['program']} ({document['type']}, {document['rig']}): "
            f"{len(self)} packets: {_counted(self.verdicts)}>"
        )

    @functools.cached_property
    def _text(self) -> str:
        return self._result.document()

    @functools.cached_property
    def _document(self) -> dict[str, Any]:
        return _parsed(self._text)


class RunResult:
    """What came of each scenario of a run. Made by :func:`knetlab.run`."""

    def __init__(self, report: _knetlab.RunReport) -> None:
        self._report = report

    @property
    def ok(self) -> bool:
        """Nothing failed and nothing had an error."""
        return self._report.ok()

    def report(self, format: str) -> str:
        """The run as other tools read it: "junit", "ktap", "markdown" or "benchmark", as ``knetlab run --report``."""
        return self._report.report(format)

    @functools.cached_property
    def summary(self) -> dict[str, int]:
        """How many scenarios had each outcome: ``{"pass": 14, "fail": 0, "skip": 0, "error": 0}``."""
        counts: dict[str, int] = self.to_dict()["summary"]
        return counts

    def to_dict(self) -> dict[str, Any]:
        """The document of ``knetlab run --json``; the caller's own copy."""
        return _parsed(self._text)

    def __repr__(self) -> str:
        return f"<knetlab.RunResult: {_counted(self.summary) or 'nothing ran'}>"

    @functools.cached_property
    def _text(self) -> str:
        return self._report.document()
