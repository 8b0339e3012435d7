"""Rows of a CSV or TSV table as spreadsheets and people leave it.

The separator is a comma, semicolon or tab: as a first line ``sep=;`` says, or else the one that
cuts the header into the most names that are known. A row whose quotes are not closed is cut at its
separators; the rows after it are not lost with it.
"""

import csv
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

MOST_LINES = 50
"""Lines of one quoted cell; a quote still open after so many was never closed."""

SEPARATORS = ",;\t"


@dataclass(frozen=True)
class Row:
    """Cells of a row, the line it begins at, and whether it was whole CSV."""

    line: int
    cells: list[str]
    whole: bool = True


def rows(text: str, known: Callable[[str], bool]) -> tuple[str, Iterator[Row]]:
    """The separator, and the rows that are not blank, the header first.

    Parameters
    ----------
    known
        Whether a cell of the header is a name that the reader knows.
    """
    lines = text.split("\n")
    at = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    said = lines[at].strip().strip('"').lower() if at < len(lines) else ""
    if said.startswith("sep=") and len(lines[at].strip().strip('"')) <= len("sep=,"):
        separator = lines[at].strip(" \r").strip('"')[4:] or "\t"
        if separator in SEPARATORS:
            return separator, _rows(lines, at + 1, separator)
        at += 1
    header = lines[at] if at < len(lines) else ""
    separator = max(SEPARATORS, key=lambda sign: _names(header.split(sign), known))
    return separator, _rows(lines, at, separator)


def _names(cells: Collection[str], known: Callable[[str], bool]) -> int:
    return len({cell.strip(' "').lower() for cell in cells if known(cell.strip(' "'))})


def _rows(lines: list[str], at: int, separator: str) -> Iterator[Row]:
    while at < len(lines):
        line = lines[at]
        ahead = lines[at : at + MOST_LINES] if '"' in line else [line]
        reader = csv.reader((one + "\n" for one in ahead), delimiter=separator, strict=True)
        try:
            row = Row(at + 1, next(reader, []))
            at += max(reader.line_num, 1)
        except csv.Error:
            row = Row(at + 1, [cell.strip(' "') for cell in line.split(separator)], whole=False)
            at += 1
        if any(cell.strip() for cell in row.cells):
            yield row
