"""What strangers wrote: dialogues and lines by authors who never saw a rule, see their README.

Half of it may be read by whoever writes rules. The other half is sealed: nobody reads it, and what
is found in it says what to expect of people whom no rule was written for.
"""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from pipeline.core.tables import Tables
from pipeline.evaluation.material import acted_dialogues
from pipeline.evaluation.material.acted_dialogues import KINDS, WORD_MS, Dialogue, Rehearsal

FOLDER = Path(__file__).resolve().parent / "data" / "strangers"
TOGETHER = 12
"""Lines that are said in one session."""
GAP_MS = 600
PAUSED_MS = 1500
"""Before a minimal response (W2) people wait; before all else they answer as usual."""


def is_sealed(name: str) -> bool:
    """Whether nobody reads it: chosen by hash, before anybody did."""
    return hashlib.sha256(f"tether {name}".encode()).digest()[-1] % 2 == 0


def dialogues(kind: str, *, sealed: bool) -> Iterator[Dialogue]:
    """Dialogues of one half: `ruptures`, or `sound`, in which nobody ruptures anything."""
    for path in sorted((FOLDER / kind).glob("*.yaml")):
        author = path.stem if kind == "sound" else f"r{path.stem}"
        if is_sealed(author) == sealed:
            yield acted_dialogues.read(path.stem, path.parent)


@dataclass(frozen=True)
class Line:
    """What a client says after what a therapist said.

    Attributes
    ----------
    shows
        The client shows the marker; else it only looks so.
    """

    marker: str
    shows: bool
    therapist: str
    client: str


def lines(marker: str, *, sealed: bool) -> list[Line]:
    """Lines for a marker, of one half."""
    return [
        Line(marker=of, shows=sign == "+", therapist=therapist, client=client)
        for of, sign, therapist, client in _rows(FOLDER / "lines" / f"{marker}.tsv")
        if is_sealed(f"{marker}{client}") == sealed
    ]


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def flagged(said: list[Line], name: str, rehearsal: Rehearsal) -> Iterator[tuple[Line, bool]]:
    """Each line, and whether it is flagged: as a moment of its kind, or as any if it shows none."""
    for first in range(0, len(said), TOGETHER):
        few = said[first : first + TOGETHER]
        script, places = _session(few)
        tables = rehearsal.process_lines(f"{name}-{first}", script).tables
        for line, place_ms in zip(few, places, strict=True):
            yield (
                line,
                any(
                    not line.shows or kind == KINDS[line.marker[0]]
                    for kind in _kinds(tables, *place_ms)
                ),
            )


def _kinds(tables: Tables, start_ms: int, end_ms: int) -> set[str]:
    """Kinds of ruptures whose moments have a primary hit at a place."""

    def there(row: dict[str, Any]) -> bool:
        return bool(row["start_ms"] < end_ms and row["end_ms"] > start_ms)

    hits = {row["hit_id"]: row for row in tables["hits"].to_dicts()}
    return {
        moment["kind"]
        for moment in tables["moments"].to_dicts()
        if moment["kind"] != "therapist_move"
        and any(there(hits[hit]) for hit in moment["primary_hits"])
    }


def _session(
    few: list[Line],
) -> tuple[list[tuple[str, int, int, str]], list[tuple[int, int]]]:
    """A session in which lines are said among ordinary talk, and where the client says them."""
    script: list[tuple[str, int, int, str]] = []
    places = []
    talk = cycle(_rows(FOLDER / "filling.tsv"))

    def say(role: str, text: str, gap_ms: int = GAP_MS) -> tuple[int, int]:
        start_ms = (script[-1][2] if script else 0) + gap_ms
        end_ms = start_ms + WORD_MS * len(text.split())
        script.append((role, start_ms, end_ms, text))
        return start_ms, end_ms

    def go_on(times: int) -> None:
        for asked, told in islice(talk, times):
            say("therapist", asked)
            say("client", told)

    for line in few:
        go_on(3)
        say("therapist", line.therapist)
        places.append(say("client", line.client, PAUSED_MS if line.marker == "W2" else GAP_MS))
        say("therapist", "Mm.")
    go_on(1)
    return script, places
