"""What supervisors decided of moments: an append-only ledger, and which moment each entry is of.

::

    ledger = Ledger(Path("workspace"))
    ledger.append(Verdict(recording_id, 19_000, 36_000, "confirm", "AK", now, ...))
    said = attach(moments, ledger.of(recording_id))
    said.moments[4]      # what each reviewer says of moment 4
    said.loose           # verdicts on spans that are no longer flagged, and missed moments

An entry is never changed. Whoever changes their mind adds an entry that replaces the older one, and
undoing is an entry too, so that nothing acknowledged can be lost by a later one.
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
