"""The excerpts of `pipeline.research.reading.excerpts` as transcripts with tables of codes.

Their times are made: an ordinary pace, an ordinary gap, and the waits that the authors wrote.
"""

import csv
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from pipeline.core.vocabulary import MARKERS
from pipeline.evaluation.material.acted_dialogues import WORD_MS
from pipeline.research import Annotations
from pipeline.research.reading import excerpts
from pipeline.research.reading.excerpts import Excerpt

GAP_MS = 500
_INSIDE = re.compile(r"\[([^\]]*)\]")
_WAIT = re.compile(r"(\d+(?:\.\d+)?) s")
_TABLES = ("codes", "uncertain", "benign")


def write(authors: Iterable[str], folder: Path) -> list[Path]:
    """Transcripts, notes files and tables of codes in `folder`; the paths of the transcripts."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[tuple[str, int, str, str]]] = {name: [] for name in _TABLES}
    paths = []
    for author in authors:
        for excerpt in excerpts.of(author):
            path = folder / f"{excerpt.name}.csv"
            _write(path, ("utterance_id", "role", "start_ms", "end_ms", "text"), _lines(excerpt))
            notes = f'code: "{excerpt.name}"\nlanguage: en\n'
            path.with_name(f"{path.name}.yaml").write_text(notes, encoding="utf-8")
            paths.append(path)
            for number, turn in enumerate(excerpt.turns):
                for name, markers in zip(
                    _TABLES, (turn.markers, turn.uncertain, turn.resembles), strict=True
                ):
                    rows[name] += [
                        (excerpt.name, number, MARKERS[marker], marker)
                        for marker in sorted(markers)
                    ]
    for name, table in rows.items():
        _write(
            folder / f"table of {name}.csv", ("session", "utterance_id", "kind", "marker"), table
        )
    return paths


def said(folder: Path) -> Annotations:
    """The tables of codes that `write` made."""
    codes, uncertain, benign = (folder / f"table of {name}.csv" for name in _TABLES)
    return Annotations.read([codes], [uncertain], [benign])


def _lines(excerpt: Excerpt) -> Iterator[tuple[int, str, int, int, str]]:
    """Turns with times; what is not spoken stands in no transcript."""
    free_ms = 0
    for number, turn in enumerate(excerpt.turns):
        text = " ".join(_INSIDE.sub(" ", turn.text).split())
        waits = [
            float(found[1]) for each in _INSIDE.findall(turn.text) if (found := _WAIT.search(each))
        ]
        start_ms = free_ms + max([GAP_MS, *(round(wait * 1000) for wait in waits)])
        if not re.search(r"\w", text):
            free_ms = start_ms
            continue
        end_ms = start_ms + WORD_MS * len(text.split())
        yield number, "client" if turn.client else "therapist", start_ms, end_ms, text
        free_ms = end_ms


def _write(file: Path, header: Collection[str], rows: Iterable[Collection[object]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as written:
        csv.writer(written).writerows([header, *rows])
