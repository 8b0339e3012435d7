"""One entry of the ledger, and which entries still count."""

import datetime as dt
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

from pipeline.core.errors import InputError
from pipeline.core.vocabulary import MARKERS, RUPTURES

Decision = Literal["confirm", "reject", "unsure", "added", "retracted"]
DECISIONS: tuple[str, ...] = get_args(Decision)
"""``added``: a missed moment. ``retracted``: the replaced entry no longer counts."""

SALIENCES = range(1, 6)
NOTE_LENGTH = 4000
"""Most characters of a note: a page. Longer text was pasted by mistake."""
LONGEST_MS = 10**10
"""Latest time in a session: 115 days; a larger number is another unit, or a mistake."""


class Span(Protocol):
    """A stretch of a session with the kind that was flagged there."""

    @property
    def kind(self) -> str:
        """Withdrawal or confrontation."""

    @property
    def start_ms(self) -> int:
        """First millisecond."""

    @property
    def end_ms(self) -> int:
        """First millisecond after."""


@dataclass(frozen=True)
class Verdict:
    """One reviewer's decision on one stretch of a session.

    Attributes
    ----------
    start_ms, end_ms
        Bounds of the moment as it was flagged then, or as the reviewer marked it.
    detected_kind, detected_marker
        What was flagged; None: nothing was flagged, the reviewer added the moment.
    evidence
        JSON of the rules that flagged it, with observed values and score. Numbers only, no word of
        the session, so that a verdict may outlive the recording.
    kind, marker
        The reviewer's view: corrected, or as detected; None where the moment was rejected.
    salience
        1-5, as in the manual of the 3RS; None: not given.
    replaces
        verdict_id of the same reviewer's entry that this entry replaces.
    verdict_id
        Assigned by the ledger, in order; None: not yet in the ledger.

    Raises
    ------
    InputError
        Fields contradict each other or are out of range. Entries that are in the ledger already
        are read unchecked (`kept`).
    """

    recording_id: str
    start_ms: int
    end_ms: int
    decision: Decision
    reviewer: str
    decided_at: dt.datetime
    detected_kind: str | None = None
    detected_marker: str | None = None
    evidence: str = "{}"
    kind: str | None = None
    marker: str | None = None
    salience: int | None = None
    note: str = ""
    replaces: int | None = None
    verdict_id: int | None = None

    def __post_init__(self) -> None:
        """Refuse an impossible decision."""
        if self.decision not in DECISIONS:
            raise InputError("an unknown decision", expected=", ".join(DECISIONS))
        if not (_whole(self.start_ms) and _whole(self.end_ms)):
            raise InputError("a time that is not a whole number of milliseconds")
        if not 0 <= self.start_ms < self.end_ms <= LONGEST_MS:
            raise InputError("a moment without length", expected="an end after its start")
        if self.salience is not None and not (_whole(self.salience) and self.salience in SALIENCES):
            raise InputError("a salience out of range", expected="1 to 5")
        check_note(self.note)
        if not self.reviewer.strip():
            raise InputError("a decision without a reviewer", expected="the name of a reviewer")
        if (self.decision == "added" and self.kind is None) or (
            self.decision != "added" and self.detected_kind is None and self.replaces is None
        ):
            raise InputError(
                "a decision without a moment", expected="a moment, or the kind of a new one"
            )
        check_marker(self.kind, self.marker)

    @classmethod
    def kept(cls, **fields: Any) -> "Verdict":
        """An entry as the ledger holds it; takes every field by name.

        It is not checked, so an entry that an earlier version accepted is never lost and never
        blocks access to the others.
        """
        entry = cls.__new__(cls)
        vars(entry).update(fields)
        return entry

    def but(self, **fields: Any) -> "Verdict":
        """The same entry with other values in some fields; also unchecked."""
        return self.kept(**{**vars(self), **fields})

    @property
    def contradicts_itself(self) -> bool:
        """Whether its marker belongs to another kind, as an earlier version allowed."""
        return None not in (self.kind, self.marker) and MARKERS.get(str(self.marker)) != self.kind

    @property
    def looked_for(self) -> str | None:
        """Kind of its moment, by which the moment is found again."""
        return self.detected_kind or self.kind


def check_marker(kind: str | None, marker: str | None) -> None:
    """Refuse a kind or marker that is unknown, and a marker of the other kind.

    Parameters
    ----------
    kind, marker
        None: not stated.

    Raises
    ------
    InputError
        Kind or marker is unknown, or they do not agree.
    """
    if kind is not None and kind not in RUPTURES:
        raise InputError("an unknown kind of rupture", expected=" or ".join(RUPTURES))
    if marker is not None and MARKERS.get(marker) is None:
        raise InputError("an unknown marker", expected="W1 to W7, or C1 to C7")
    if None not in (kind, marker) and MARKERS[str(marker)] != kind:
        raise InputError(
            "a marker that does not belong to the kind",
            expected="W1 to W7 for a withdrawal, C1 to C7 for a confrontation",
        )


def check_note(note: str) -> None:
    """Refuse a note that is too long or contains characters that cannot be shown.

    Raises
    ------
    InputError
        The note is longer than `NOTE_LENGTH`, or contains control characters other than line
        breaks and tabs.
    """
    if len(note) > NOTE_LENGTH:
        raise InputError("a note that is too long", expected=f"up to {NOTE_LENGTH} characters")
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in note if sign not in "\t\n\r"):
        raise InputError("a note with control characters", expected="text that can be shown")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def standing(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Entries that were neither replaced nor retracted, oldest first.

    Two entries may replace the same one (a reviewer with two windows): both are kept, and the later
    one counts.
    """
    latest: dict[int | None, Verdict] = {}
    origin: dict[int | None, int | None] = {}
    for entry in verdicts:
        began = origin.get(entry.replaces, entry.replaces) if entry.replaces else entry.verdict_id
        origin[entry.verdict_id] = began
        latest[began] = entry
    return sorted(
        (entry for entry in latest.values() if entry.decision != "retracted"),
        key=lambda entry: entry.verdict_id or 0,
    )
