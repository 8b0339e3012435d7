"""What can go wrong, and how a person is told.

::

    TetherError            1   a bug of ours, if it is raised bare
    ├── ConfigError        2   settings, rules or options that cannot be used
    ├── InputError         3   a recording, sidecar or transcript that cannot be used
    │   ├── ConsentError   3   no consent reference where one is required
    │   └── ChangingError  3   a recording that is still being written
    ├── EngineError        4   a diarizer or transcriber that is missing or failed
    └── StoreError         5   the workspace cannot be read or written
        └── DamagedError   5   a kept result is not what was written: it is computed again

A message says what was found, what was expected, and what to type next. It never holds a file
name, a path of a recording, a person's name or a spoken word: whoever prints it puts the name of
the recording in front, and only on a terminal.

Exit codes beyond these: 0 done, 6 some recordings failed and the rest are done, 130 interrupted.
"""

from typing import ClassVar

EXIT_DONE = 0
EXIT_BUG = 1
EXIT_PARTLY_FAILED = 6
EXIT_INTERRUPTED = 130


class TetherError(Exception):
    """An error that a user can act on.

    Parameters
    ----------
    found
        What was found, one plain clause without a full stop.
    expected
        What would have been right; may be empty.
    hint
        The next thing to type or do; may be empty.
    """

    exit_code: ClassVar[int] = EXIT_BUG

    def __init__(self, found: str, *, expected: str = "", hint: str = "") -> None:
        self.found = found
        self.expected = expected
        self.hint = hint
        parts = [found]
        if expected:
            parts.append(f"expected: {expected}")
        if hint:
            parts.append(f"next: {hint}")
        super().__init__("; ".join(parts))


class ConfigError(TetherError):
    """Settings, rules, lexicons or options that cannot be used."""

    exit_code = 2


class InputError(TetherError):
    """A recording, sidecar, transcript or diarization that cannot be used."""

    exit_code = 3


class ConsentError(InputError):
    """No consent reference in the sidecar where the settings require one."""


class ChangingError(InputError):
    """A recording that is still being written, as by a copy that is not complete."""

    def __init__(self) -> None:
        super().__init__(
            "the recording is still being written: it changed while it was read",
            expected="a file that is complete",
            hint="run it again when the copy has ended; nothing is kept of it until then",
        )


class EngineError(TetherError):
    """A diarizer, transcriber or model that is missing or failed."""

    exit_code = 4


class StoreError(TetherError):
    """The workspace cannot be read or written."""

    exit_code = 5


class DamagedError(StoreError):
    """A result in the workspace is not what was written there; it can be computed again."""
