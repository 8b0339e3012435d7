"""The counselling conversations of ``shared/data``, and the eight that nobody reads.

`HELD_OUT` was fixed by hash before the first pattern of the rules of issue C was written: the
eight conversations whose transcript_id has the smallest SHA-256. **Do not read their words**, and
do not print what they say or why it was coded: programs may process them, people look at numbers.
The other fifteen are for whoever writes rules.

`write` makes of the collection what a researcher would have: a transcript with its sidecar for each
conversation, and tables of codes.
"""

import csv
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

from pipeline.config import Settings
from pipeline.evaluation.material.batch_results import results_of
from pipeline.research import Annotations
from pipeline.session.workbench import Workbench

HELD_OUT = ("53", "8", "119", "107", "59", "10", "18", "126")
"""Values of transcript_id; 37 of 106 codes and 33 of 99 benign rows are theirs."""

_LISTS = {"codes": "kind", "uncertain": "kinds", "benign": ""}


def write(collection: Path, folder: Path, only: Collection[str] = ()) -> list[Path]:
    """Transcripts, sidecars and tables of codes in `folder`; the paths of the transcripts.

    Utterances have a start to 1 s and no end; the reader of transcripts estimates ends and says so.

    Parameters
    ----------
    collection
        The folder ``counselling_text``.
    only
        Values of transcript_id; by default all.
    """
    talks: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in _rows(collection / "utterances.csv"):
        if not only or row["transcript_id"] in only:
            talks[row["transcript_id"]].append(row)
    for name, utterances in talks.items():
        columns = ("utterance_id", "role", "start_ms", "text")
        _write(folder / f"{name}.csv", columns, [[row[c] for c in columns] for row in utterances])
        sidecar = f'code: "{name}"\nlanguage: en\n'
        (folder / f"{name}.csv.yaml").write_text(sidecar, encoding="utf-8")
    for table, kind in _LISTS.items():
        rows = [
            [
                row["transcript_id"],
                row["utterance_id"],
                # An utterance of which people said "either": the first is as good as the other.
                row.get(kind, "").split("/")[0],
                row.get("marker", ""),
                row.get("salience", ""),
            ]
            for row in _rows(collection / f"{table}.csv")
            if row["transcript_id"] in talks
        ]
        header = ("session", "utterance_id", "kind", "marker", "salience")
        _write(folder / f"table of {table}.csv", header, rows)
    return [folder / f"{name}.csv" for name in talks]


def said(folder: Path) -> Annotations:
    """The tables of codes that `write` made."""
    codes, uncertain, benign = (folder / f"table of {name}.csv" for name in _LISTS)
    return Annotations.read([codes], [uncertain], [benign])


def process(transcripts: Collection[Path], workspace: Path, settings: Settings) -> None:
    """Walk them all."""
    bench = Workbench(settings, workspace)
    try:
        results = results_of(list(transcripts), bench)
    finally:
        bench.catalogue.close()
    assert [result.error for result in results] == [None] * len(transcripts)


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8") as read:
        return list(csv.DictReader(read))


def _write(file: Path, header: Collection[str], rows: Collection[Collection[str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as written:
        csv.writer(written).writerows([header, *rows])
