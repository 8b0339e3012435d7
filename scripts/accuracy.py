"""Accuracy: tables of what Tether measures, by subject, against references that others made.

Other people's recordings lie in ``../shared/data`` beside the checkout, where somebody put them;
a row whose data is absent says so. The acted sessions in ``samples/`` are always there. A table
is Markdown: those in docs/accuracy.md were printed by this command, and the pictures there drawn
from them (``--printed docs/accuracy.md --figures docs/figures`` draws them again). Every row is
measured with default settings, by the same code that the tests use, and comes out the same on
every run.

To add a row, write a function that takes a `Place` and returns numbers, and name it in the `ROWS`
of a module of `pipeline.evaluation.accuracy`; a new module stands in `SUBJECTS`.
"""

import argparse
import json
import re
from collections.abc import Iterable
from pathlib import Path
from string import Formatter
from types import ModuleType

from pipeline.core.errors import EngineError
from pipeline.engines import models
from pipeline.evaluation.accuracy import (
    acted,
    dialogue,
    figures,
    measures,
    moments,
    norms,
    reading,
    roles,
    speakers,
    strangers,
    timing,
    voice,
    words,
)
from pipeline.evaluation.accuracy.row import Numbers, Place, Row

ROOT = Path(__file__).resolve().parent.parent
SUBJECTS: dict[str, tuple[ModuleType, ...]] = {
    "Timing": (timing, dialogue, measures, norms),
    "Words": (words,),
    "Speakers": (speakers,),
    "Roles": (roles,),
    "Pitch and voice": (voice,),
    "Reading": (reading,),
    "Rules and moments": (moments, acted, strangers),
}
"""Modules of rows by subject; each has a section of docs/accuracy.md."""
HEAD = "| what | on | result |\n|---|---|---|"

Results = dict[tuple[str, str], Numbers]


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


def printed(page: str, rows: Iterable[Row]) -> Results:
    """Numbers of rows that were printed earlier, rounded as they stand there."""
    said: dict[tuple[str, str], str] = {}
    what = ""
    for cells in re.findall(r"^\| (.*) \| (.+) \| (.+) \|$", page, re.MULTILINE):
        what = cells[0] or what
        said[what, cells[1]] = cells[2]
    found = {(row.what, row.on): _read(row, said.get((row.what, row.on), "")) for row in rows}
    return {key: numbers for key, numbers in found.items() if numbers is not None}


def _read(row: Row, said: str) -> Numbers | None:
    """The numbers in the result of a row; none if it does not read as the row says."""
    pattern, percent = "", set()
    for plain, name, form, _ in Formatter().parse(row.says):
        pattern += re.escape(plain)
        if name is not None:
            pattern += rf"(?P<{name}>[-+]?[\d.,]*\d|nan)" + (
                "%" if (form or "").endswith("%") else ""
            )
            percent |= {name} if (form or "").endswith("%") else set()
    match = re.fullmatch(pattern, said)
    if match is None:
        return None
    numbers = {name: float(text.replace(",", "")) for name, text in match.groupdict().items()}
    return {name: own / 100 if name in percent else own for name, own in numbers.items()}


def show(rows: Iterable[Row], place: Place) -> Results:
    """Measure rows and print a table; rows on held-out material come first."""
    print(HEAD)
    found: Results = {}
    before = ""
    for row in sorted(rows, key=lambda row: not row.held_out):
        says, _ = result(row, place)
        print(f"| {row.what if row.what != before else ''} | {row.on} | {says} |", flush=True)
        before = row.what
        # Rounded as printed, so that a picture is the same whenever it is drawn.
        numbers = _read(row, says)
        if numbers is not None:
            found[row.what, row.on] = numbers
    return found


def main() -> None:
    """Parse options, measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave slow rows out")
    named = {_name(module): module for modules in SUBJECTS.values() for module in modules}
    parser.add_argument("--only", nargs="+", choices=named, help="rows of these subjects alone")
    parser.add_argument("--json", action="store_true", help="print numbers instead of a table")
    parser.add_argument(
        "--figures", type=Path, metavar="FOLDER", help="draw what was measured as SVG files"
    )
    parser.add_argument(
        "--printed", type=Path, metavar="PAGE", help="measure nothing: numbers that PAGE prints"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=ROOT.parent / "shared" / "data",
        help="folder of other people's recordings (default: ../shared/data)",
    )
    options = parser.parse_args()
    chosen = options.only or list(named)
    subjects = {
        title: [
            row
            for module in modules
            if _name(module) in chosen
            for row in module.ROWS
            if not (options.quick and row.slow)
        ]
        for title, modules in SUBJECTS.items()
    }
    every = [row for rows in subjects.values() for row in rows]
    models.offline()
    place = Place(options.data, ROOT / "samples")
    found: Results = {}
    if options.printed:
        found = printed(options.printed.read_text(encoding="utf-8"), every)
    elif options.json:
        told = []
        for row in every:
            says, numbers = result(row, place)
            told.append({"what": row.what, "on": row.on, "result": says, "numbers": numbers})
            if (rounded := _read(row, says)) is not None:
                found[row.what, row.on] = rounded
        print(json.dumps(told, indent=2))
    else:
        for title, rows in subjects.items():
            if rows:
                print(f"## {title}\n")
                found |= show(rows, place)
                print()
    if options.figures:
        options.figures.mkdir(parents=True, exist_ok=True)
        for name, text in figures.draw(found).items():
            (options.figures / name).write_text(text, encoding="utf-8")


def _name(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


if __name__ == "__main__":
    main()
