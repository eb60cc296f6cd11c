# SPDX-License-Identifier: Apache-2.0
"""What the lab raises."""


class Error(Exception):
    """A failure that answers the reader's questions: what was being done, where, why it failed, what to try.

    ``str(error)`` has all of them, and the detail (a verifier log) on lines of its own.
    """

    __module__ = "knetlab"  # the name under which it is shown and pickled

    what: str
    """The operation: "attach XDP", "read capture"."""
    where: str
    """The object of it, or file:line:column."""
    why: str
    """The cause, in the kernel's or a library's own words where there are any."""
    hint: str
    """What to try; empty where there is nothing to say."""
    detail: str
    """A log, possibly many lines; empty in most errors."""
    errno: int
    """The error number behind it; 0 where there is none."""

    def __init__(
        self,
        text: str,
        *,
        what: str = "",
        where: str = "",
        why: str = "",
        hint: str = "",
        detail: str = "",
        errno: int = 0,
    ) -> None:
        super().__init__(text)
        self.what = what
        self.where = where
        self.why = why
        self.hint = hint
        self.detail = detail
        self.errno = errno
