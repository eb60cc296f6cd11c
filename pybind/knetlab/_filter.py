# SPDX-License-Identifier: Apache-2.0
"""What :func:`knetlab.filter` returns."""
from __future__ import annotations

import json
from typing import Any

from . import _knetlab


class Filter:
    """A compiled pcap-filter expression, in all its forms."""

    def __init__(self, expression: str, target: str, match: str, otherwise: str, optimise: bool) -> None:
        self.expression = expression
        self.target = target
        self._arguments = (match, otherwise, optimise)
        document = json.loads(_knetlab.filter_document(expression, target, match, otherwise, optimise))
        self._filter: dict[str, Any] = document["filters"][0]

    @property
    def cbpf(self) -> int:
        """How many instructions of classic BPF."""
        return int(self._filter["cbpf"])

    @property
    def ebpf(self) -> dict[str, int | None]:
        """How many instructions of eBPF, by target; None where the target cannot do it."""
        return dict(self._filter["ebpf"])

    @property
    def listing(self) -> dict[str, str]:
        """The instructions as text: "cbpf" as ``tcpdump -d``, "ebpf" as the kernel's verifier prints them."""
        return dict(self._filter["listing"])

    def emit(self, form: str) -> bytes:
        """As ``knetlab filter --emit``: "cbpf", "ebpf", "c", "object" or "xtbpf"."""
        match, otherwise, optimise = self._arguments
        return _knetlab.filter_form(self.expression, self.target, form, match, otherwise, optimise)

    def to_dict(self) -> dict[str, Any]:
        return dict(self._filter)

    def __repr__(self) -> str:
        return f"<knetlab.Filter {self.expression!r} for {self.target}: {self.cbpf} instructions of cBPF>"
