"""Supervisors' decisions on moments: an append-only ledger, and the moment of each entry.

::

    ledger = Ledger(Path("workspace"))
    ledger.append(Verdict(recording_id, 19_000, 36_000, "confirm", "AK", now, ...))
    attached = attach(moments, ledger.of(recording_id))
    attached.moments[4]  # what each reviewer decided on moment 4
    attached.loose       # verdicts on spans that are no longer flagged, and missed moments

An entry is never changed. A reviewer who changes a decision adds an entry that replaces the older
one, and undoing a decision is an entry too, so no acknowledged decision can be lost.
"""

from pipeline.workspace.verdicts.attachment import Attached, attach
from pipeline.workspace.verdicts.ledger import Ledger
from pipeline.workspace.verdicts.to_annotations import as_codes
from pipeline.workspace.verdicts.verdict import (
    DECISIONS,
    LONGEST_MS,
    NOTE_LENGTH,
    Span,
    Verdict,
    check_marker,
    check_note,
    standing,
)

__all__ = [
    "DECISIONS",
    "LONGEST_MS",
    "NOTE_LENGTH",
    "Attached",
    "Ledger",
    "Span",
    "Verdict",
    "as_codes",
    "attach",
    "check_marker",
    "check_note",
    "standing",
]
