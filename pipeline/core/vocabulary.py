"""The words that tables, rules, codes and decisions share: roles, kinds, markers, families."""

from collections.abc import Mapping
from typing import Literal

Role = Literal["therapist", "client", "other", "unknown"]
ROLE_NAMES = ("therapist", "client", "other", "unknown")
PAIR = ("therapist", "client")
"""The two whom a session is about."""

Rupture = Literal["withdrawal", "confrontation"]
RUPTURES = ("withdrawal", "confrontation")
MomentKind = Literal["withdrawal", "confrontation", "therapist_move"]
MOMENT_KINDS = (*RUPTURES, "therapist_move")

MARKERS: Mapping[str, str] = {
    **{f"W{number}": "withdrawal" for number in range(1, 8)},
    **{f"C{number}": "confrontation" for number in range(1, 8)},
}
"""Markers of the 3RS (Eubanks, Muran & Safran 2015), each with its kind."""

RESPONSES = ("none_found", "redirected", "addressed", "possibly_repaired")
"""What the therapist did after a moment."""

Family = Literal["timing", "voice", "words"]
FAMILIES = ("timing", "voice", "words")
"""What a rule rests on; the quality of a recording may disable a family."""

WINDOWS_MS = {"window_60s": 60_000, "window_180s": 180_000, "window_300s": 300_000}
"""Length of each kind of window. Window k begins k lengths after the first turn does."""

WINDOWS = (*WINDOWS_MS, "session")
"""What features of windows are measured over: each kind of window, and all of it as one."""

ITEMS = ("turn", "silence", "overlap", *WINDOWS)
"""What features measure."""
