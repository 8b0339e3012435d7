"""Accuracy: one table of what Tether measures, against references that others made.

Other people's recordings lie in ``../shared/data`` beside the checkout, where somebody put them;
a row whose data is absent says so. The acted sessions in ``samples/`` are always there. The table
is Markdown: the one in README.md was printed by this command. Every row is measured with default
settings, by the same code that the tests use, and comes out the same on every run.

To add a row, write a function that takes a `Place` and returns numbers, and name it in the `ROWS`
of a module of `pipeline.evaluation.accuracy`; a new module stands in `SUBJECTS`.
"""

import argparse
import json
from pathlib import Path

from pipeline.core.errors import EngineError
from pipeline.engines import models
from pipeline.evaluation.accuracy import (
    acted,
    dialogue,
    measures,
    moments,
    norms,
    roles,
    speakers,
    strangers,
    timing,
    voice,
    words,
)
from pipeline.evaluation.accuracy.row import Numbers, Place, Row

ROOT = Path(__file__).resolve().parent.parent
SUBJECTS = (
    *(timing, dialogue, measures, norms, speakers, words, voice, roles, moments, acted),
    strangers,
)


def result(row: Row, place: Place) -> tuple[str, Numbers | None]:
    """What the table says, and the numbers; none if the row cannot be measured here."""
    if absent := row.absent(place):
        return f"not here: shared/data/{', '.join(absent)}", None
    try:
        numbers = row.measure(place)
    except EngineError as caught:
        return f"not measured: {caught}", None
    # A row whose engine gave no margin says nan; nothing is hidden.
    known: Numbers = {"margin": float("nan")} | numbers
    return row.says.format(**known), numbers


def main() -> None:
    """Parse options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave slow rows out")
    named = {module.__name__.rpartition(".")[2]: module for module in SUBJECTS}
    parser.add_argument("--only", nargs="+", choices=named, help="rows of these subjects alone")
    parser.add_argument("--json", action="store_true", help="print numbers instead of a table")
    parser.add_argument(
        "--data",
        type=Path,
        default=ROOT.parent / "shared" / "data",
        help="folder of other people's recordings (default: ../shared/data)",
    )
    options = parser.parse_args()
    models.offline()
    place = Place(options.data, ROOT / "samples")
    subjects = [named[name] for name in options.only] if options.only else SUBJECTS
    rows = [row for subject in subjects for row in subject.ROWS if not (options.quick and row.slow)]
    if options.json:
        told = []
        for row in rows:
            says, numbers = result(row, place)
            told.append({"what": row.what, "on": row.on, "result": says, "numbers": numbers})
        print(json.dumps(told, indent=2))
        return
    print("| what | on | result |\n|---|---|---|")
    before = ""
    for row in rows:
        says, _ = result(row, place)
        print(f"| {row.what if row.what != before else ''} | {row.on} | {says} |", flush=True)
        before = row.what


if __name__ == "__main__":
    main()
