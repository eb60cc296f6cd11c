# SPDX-License-Identifier: Apache-2.0
"""knetlab: a lab for kernel networking and BPF programs.

    import knetlab
    r = knetlab.verdicts("filter.o", "dns.pcap")
    r.codes                    # NumPy array: what the program returned, one number a packet
    r.to_dict()                # the document of `knetlab try --json`
    knetlab.run("scenarios/smoke", jobs=2).ok

Failures raise :class:`knetlab.Error`. Calls release the GIL; Ctrl-C ends them, and the lab is cleaned up before
KeyboardInterrupt goes on. Root is needed, as for the command.
"""
from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable
from typing import Any, Union

from . import _knetlab
from ._error import Error
from ._filter import Filter
from ._knetlab import __version__
from ._results import RunResult, Verdicts

__all__ = [
    "Error",
    "Filter",
    "RunResult",
    "Verdicts",
    "__version__",
    "check_filters",
    "doctor",
    "filter",
    "run",
    "verdicts",
]

PathLike = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]


def _path(path: PathLike) -> bytes:
    name = os.fsencode(path)
    if b"\0" in name:
        raise ValueError("embedded null byte")  # as open() says: the kernel would see another name
    return name


def verdicts(
    object: PathLike,
    capture: PathLike,
    program: str | None = None,
    *,
    hook: str = "auto",
    rig: str = "unit",
    limit: int | None = None,
    cost: bool = True,
) -> Verdicts:
    """What a program does to each packet of a capture: ``knetlab try``.

    object:  a BPF object file of anyone's.
    capture: pcap or pcapng, of Ethernet packets.
    program: its name in the object; may be left out where one fits.
    hook:    "auto", "xdp", "tc-ingress", "tc-egress" or "socket".
    rig:     "unit" (BPF_PROG_TEST_RUN) or "wire" (real veth pairs in namespaces).
    limit:   only the first packets.
    cost:    measure what a packet costs, too; some milliseconds with most programs.
    """
    return Verdicts(
        _knetlab.try_program(_path(object), _path(capture), program or "", hook, rig, limit, cost)
    )


def run(
    paths: PathLike | Iterable[PathLike],
    jobs: int = 1,
    *,
    rig: str = "wire",
    repeat: int | None = None,
    filter: str | Iterable[str] = "",
    seed: int = 1,
    timeout: float | None = None,
    fail_fast: bool = False,
    keep: bool = False,
    update_golden: bool = False,
    store: PathLike | None = None,
    label: str = "",
) -> RunResult:
    """Run scenarios: ``knetlab run``.

    paths:   a scenario file or a folder of them, or several.
    jobs:    how many run at once.
    rig:     "wire" or "unit".
    repeat:  how often each runs, instead of as often as it says itself.
    filter:  only some scenarios: what ``knetlab run --filter`` takes; several as a list.
    seed:    of everything that is random in a run.
    timeout: seconds for each, instead of the scenarios' own.
    fail_fast: start no other scenario after the first that failed.
    keep:    the labs of scenarios that failed stay, until ``knetlab topology down``.
    update_golden: write golden captures anew, instead of comparing with them.
    store:   a file that each result is recorded in as it ends; label is the run's name there.

    A scenario that fails is a result, not an exception: see :attr:`RunResult.ok`. A scenario that is wrong raises
    :class:`Error`, and nothing is run.
    """
    several = [paths] if isinstance(paths, (str, bytes, os.PathLike)) else paths
    names = [_path(path) for path in several]
    filters = [one for one in ([filter] if isinstance(filter, str) else filter) if one]
    report = _knetlab.run_scenarios(
        names,
        rig,
        jobs,
        repeat or 0,
        timeout,
        filters,
        seed,
        fail_fast,
        keep,
        update_golden,
        _path(store) if store is not None else b"",
        label,
    )
    if report.unrecorded():
        # The results are not lost, so no exception.
        warnings.warn(report.unrecorded(), RuntimeWarning, stacklevel=2)
    return RunResult(report)


def doctor() -> list[dict[str, Any]]:
    """What this kernel and machine can do, found out by trying: ``knetlab doctor``.

    One dict a facility: ``name``, ``works``, ``detail``, ``hint``, ``essential``.
    """
    facilities: list[dict[str, Any]] = json.loads(_knetlab.doctor())["facilities"]
    return facilities


def filter(
    expression: str,
    target: str = "xdp",
    *,
    match: str | None = None,
    otherwise: str | None = None,
    optimise: bool = True,
) -> Filter:
    """A pcap-filter expression, compiled: ``knetlab filter``. Needs no root.

    target:    "xdp", "tc", "socket" or "xtbpf".
    match:     the verdict on a match, "drop" where it is not given (at a socket "pass").
    otherwise: the verdict elsewhere, "pass" where it is not given (at a socket "drop").
    optimise:  by libpcap, before anything else.
    """
    return Filter(expression, target, match or "", otherwise or "", optimise)


def check_filters(
    expressions: str | Iterable[str],
    captures: PathLike | Iterable[PathLike],
    *,
    optimise: bool = True,
) -> dict[str, Any]:
    """Runs filters on every packet of captures, through XDP and TC, beside libpcap's interpreter.

    The document of ``knetlab filter --check``: all is well where "differences" and "not_run" are empty.
    """
    wanted = [expressions] if isinstance(expressions, str) else list(expressions)
    paths = [captures] if isinstance(captures, (str, bytes, os.PathLike)) else list(captures)
    document: dict[str, Any] = json.loads(
        _knetlab.check_filters(wanted, [_path(path) for path in paths], optimise)
    )
    return document
