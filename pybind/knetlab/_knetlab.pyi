# SPDX-License-Identifier: Apache-2.0
import numpy as np
import numpy.typing as npt

__version__: str

class TryResult:
    def codes(self) -> npt.NDArray[np.int64]: ...
    def reached(self) -> npt.NDArray[np.bool_]: ...
    def lengths(self) -> npt.NDArray[np.int64]: ...
    def document(self) -> str: ...

class RunReport:
    def ok(self) -> bool: ...
    def document(self) -> str: ...

def try_program(
    object: bytes, capture: bytes, program: str, hook: str, rig: str, limit: int | None, cost: bool
) -> TryResult: ...
def run_scenarios(
    paths: list[bytes],
    rig: str,
    jobs: int,
    repeat: int,
    timeout: float | None,
    filters: list[str],
    seed: int,
    fail_fast: bool,
) -> RunReport: ...
def doctor() -> str: ...
