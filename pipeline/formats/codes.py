"""Human codes of sessions as CSV: single ruptures, and 3RS sheets of five-minute segments.

**Codes**, a row each::

    session,start_ms,end_ms,kind,marker,salience,rater
    S-014,754000,761000,withdrawal,W2,3,AK
    S-014,1290000,,,C1,4,AK          kind follows from the marker; no end: a point in time
    S-015,,,none,,,AK                looked at, and nothing was found

`session` is `code` of the session notes, or an id prefix of at least 6 digits. Instead of
`start_ms` a row may have `start` (and `end`) as a clock, ``12:34``, or `utterance_id`, which is
looked up in the session's imported transcript. Lists of uncertain and of benign places have the
same form; there an empty `kind` means "any kind".

**Sheets** of the 3RS, a row for each marker of a segment::

    session,segment,marker,check,check_minus,salience,rater
    S-014,3,W2,1,0,3,AK              segment 3 is [10:00, 15:00)
    S-014,3,C1,0,2,,AK               a check-minus counts as coded, as in the manual's totals

A file whose header has `segment` is a sheet. The separator is a comma, semicolon or tab; Excel's
line ``sep=;`` may say which. Further columns are skipped. No message repeats what a file says:
only the line and what is wrong.

Figures rest on codes. A row that cannot be placed in a session or in time is left out and counted:
nothing can be scored with it, and the others are as true as before. A row that says what cannot be
(an unknown marker, another kind's marker) refuses the file, for what was meant is a guess.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest

import polars as pl

from pipeline.core.schema import Column, Schema
from pipeline.core.vocabulary import MARKERS, RUPTURES
from pipeline.formats.repairs import Repairs
from pipeline.formats.tables.transcript_csv import inert, live
from pipeline.formats.text import Problems, decode, ms_of_clock

NOTHING = "none"
"""Kind of a row for a session that was coded and has no rupture."""

CODES = Schema(
    "codes",
    (
        Column("line", pl.Int64, "1-based line, or number of the annotation, in its file"),
        Column("session", pl.String, "the sidecar's code, or an id prefix"),
        Column("start_ms", pl.Int64, "first millisecond", null="utterance_id says where"),
        Column("end_ms", pl.Int64, "first millisecond after", null="a point in time"),
        Column("utterance_id", pl.String, "line of the transcript", null="start_ms says where"),
        Column("kind", pl.String, "of rupture", null="of whatever kind", allowed=RUPTURES),
        Column("marker", pl.String, "3RS code", null="not told", allowed=tuple(MARKERS)),
        Column("salience", pl.Float64, "1-5", null="not told"),
        Column("rater", pl.String, "who coded it", null="not told"),
    ),
    (
        ("start_ms >= 0", pl.col("start_ms") >= 0),
        ("start_ms < end_ms", pl.col("start_ms") < pl.col("end_ms")),
        ("a place", pl.col("start_ms").is_not_null() | pl.col("utterance_id").is_not_null()),
    ),
)

SHEETS = Schema(
    "sheets",
    (
        Column("line", pl.Int64, "1-based line in its file"),
        Column("session", pl.String, "the sidecar's code, or an id prefix"),
        Column("segment", pl.Int64, "1-based number of the segment"),
        Column("kind", pl.String, "of rupture", allowed=RUPTURES),
        Column("marker", pl.String, "3RS code", allowed=tuple(MARKERS)),
        Column("checks", pl.Int64, "clear instances"),
        Column("minuses", pl.Int64, "weak or unclear instances"),
        Column("salience", pl.Float64, "1-5", null="not told"),
        Column("rater", pl.String, "who coded it", null="not told"),
    ),
    (("segment >= 1", pl.col("segment") >= 1),),
)

_EXPECTED = "session,start_ms,kind,marker"
# Of a time in ms, at most 10 digits: 115 days; more is another unit, or a broken file. Three digits
# after the point could be thousands as well ("1,500"), so they are no number.
_WHOLE = re.compile(r"(\d{1,10})(?:[.,](?:\d{1,2}|\d{4,12}))?", re.ASCII)
_SEPARATOR = re.compile(r"\"?sep=(.|\t)\"?", re.IGNORECASE)
_TIMES = "whole milliseconds (start_ms), or a clock such as 12:34 (start)"
_MISSING_SESSION = "no session"
_NO_SESSION = "Rows of codes without a session, left out"
_NO_TIME = "Rows of codes that cannot be placed in time, left out"


@dataclass(frozen=True, eq=False)
class Codes:
    """What one file or several say.

    Attributes
    ----------
    codes
        Table `CODES`.
    sheets
        Table `SHEETS`.
    looked_at
        Names of coded sessions, including those without a rupture.
    """

    codes: pl.DataFrame
    sheets: pl.DataFrame
    looked_at: frozenset[str]

    def __add__(self, other: "Codes") -> "Codes":
        return Codes(
            pl.concat([self.codes, other.codes]),
            pl.concat([self.sheets, other.sheets]),
            self.looked_at | other.looked_at,
        )

    def by_session(self) -> dict[str, "Codes"]:
        """The same, apart by the name of the session."""
        codes, sheets = (
            {str(name): own for (name,), own in frame.partition_by("session", as_dict=True).items()}
            for frame in (self.codes, self.sheets)
        )
        none = Codes.zero()
        return {
            name: Codes(
                codes.get(name, none.codes),
                sheets.get(name, none.sheets),
                self.looked_at & frozenset([name]),
            )
            for name in {*codes, *sheets, *self.looked_at}
        }

    @classmethod
    def zero(cls) -> "Codes":
        """Nothing coded, nothing looked at."""
        return cls(CODES.empty(), SHEETS.empty(), frozenset())


def read(data: bytes | str, repairs: Repairs | None = None, *, kind_needed: bool = True) -> Codes:
    """Codes or sheets of a CSV file, in its order.

    Parameters
    ----------
    repairs
        Counts rows that cannot be placed, and repairs.
    kind_needed
        Refuse rows of no kind, as is right for codes; lists of uncertain or benign places may
        leave the kind open.

    Raises
    ------
    InputError
        Columns are missing, rows contradict themselves, or no row can be placed, each with its
        line.
    """
    repairs = Repairs() if repairs is None else repairs
    problems = Problems("a table of codes")
    rows = list(_rows(decode(data), problems, repairs))
    header = rows[0][1] if rows else {}
    if rows:
        _check_header(header, problems)
    elif not problems.found:
        problems.add("the file", "no row", _EXPECTED)
    problems.stop()
    unplaced = Problems("a table of codes")
    if "segment" in header:
        marks = [row for line, cells in rows if (row := _mark(line, cells, problems, unplaced))]
        problems.stop()
        _count(unplaced, len(marks), repairs)
        sheets = SHEETS.frame(marks)
        return Codes(CODES.empty(), sheets, frozenset(sheets["session"]))
    coded = [
        row
        for line, cells in rows
        if (row := _code(line, cells, problems, unplaced, repairs, kind_needed=kind_needed))
    ]
    problems.stop()
    _count(unplaced, len(coded), repairs)
    looked_at = frozenset(str(row["session"]) for row in coded)
    found = CODES.frame(row for row in coded if row["kind"] != NOTHING)
    return Codes(found, SHEETS.empty(), looked_at)


def write(codes: pl.DataFrame) -> str:
    """`codes` as CSV, without their lines; columns in which every value is null are left out."""
    frame = CODES.conform(codes).drop("line")
    empty = [name for name in frame.columns if frame[name].null_count() == frame.height]
    frame = frame.drop(empty if frame.height else [])
    return frame.with_columns(inert(pl.col(pl.String))).write_csv(quote_style="necessary")


def _rows(text: str, problems: Problems, repairs: Repairs) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and cells of each row that is not blank; what the header does not name is skipped.

    A row may be shorter or longer than the header: programs leave empty cells at the end out, and
    people write remarks behind it.
    """
    first, _, rest = text.lstrip("\n").partition("\n")
    stated = _SEPARATOR.fullmatch(first.strip())
    header_line = rest.lstrip("\n").partition("\n")[0] if stated else first
    delimiter = stated[1] if stated else max(",;\t", key=header_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    skipped = not stated
    try:
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            if not skipped:
                skipped = True
            elif not header:
                header = [name.strip().lower() for name in fields]
            else:
                if len(fields) < len(header) or any(map(str.strip, fields[len(header) :])):
                    repairs["Rows with another number of cells than the header"] += 1
                cells = zip_longest(header, fields[: len(header)], fillvalue="")
                yield reader.line_num, {name: live(cell).strip() for name, cell in cells}
    except csv.Error:
        problems.add(reader.line_num, "a row that is no CSV", "quotes closed and doubled within")


def _check_header(header: Iterable[str], problems: Problems) -> None:
    names = set(header)
    if "session" not in names:
        problems.add(1, "no column session", _EXPECTED)
    if "segment" in names:
        if "marker" not in names or not {"check", "check_minus"} & names:
            expected = "session,segment,marker,check,check_minus"
            problems.add(1, "a sheet without marker or check", expected)
    elif not {"start_ms", "start", "utterance_id"} & names:
        problems.add(1, "no column start_ms, start or utterance_id", _EXPECTED)


def _count(unplaced: Problems, placed: int, repairs: Repairs) -> None:
    """Count what was left out; refuse it where nothing else is there."""
    if not placed:
        unplaced.stop()
    missing = sum(_MISSING_SESSION in found for found in unplaced.found)
    repairs[_NO_SESSION] += missing
    repairs[_NO_TIME] += len(unplaced.found) - missing


def _code(
    line: int,
    cells: Mapping[str, str],
    problems: Problems,
    unplaced: Problems,
    repairs: Repairs,
    *,
    kind_needed: bool,
) -> dict[str, object] | None:
    """A row of codes; None with a problem noted, of itself or of its place."""
    before = len(problems.found)
    common = _common(line, cells, problems)
    if common["kind"] is None and kind_needed and len(problems.found) == before:
        problems.add(line, "neither kind nor marker", f"{', '.join(RUPTURES)} or {NOTHING}")
    if len(problems.found) > before or not _in_a_session(line, cells, unplaced):
        return None
    if common["kind"] == NOTHING:
        return common
    start_ms, end_ms = (_time(cells, side) for side in ("start", "end"))
    utterance = cells.get("utterance_id", "") or None
    told = [side for side in ("start", "end") if any(cells.get(n) for n in (f"{side}_ms", side))]
    if start_ms is None and "start" in told:
        unplaced.add(line, "a start that cannot be read", _TIMES)
    elif start_ms is None and utterance is None:
        unplaced.add(line, "no place", "start_ms, start or utterance_id")
    elif start_ms is None and "end" in told:
        unplaced.add(line, "an end without a start", "start_ms")
    elif start_ms is not None and end_ms is not None and end_ms < start_ms:
        unplaced.add(line, f"ends {start_ms - end_ms} ms before it starts", "start before end")
    else:
        if end_ms is None and "end" in told:
            repairs["Rows of codes whose end cannot be read, taken as a point in time"] += 1
        if start_ms is not None and end_ms is not None:
            end_ms = max(end_ms, start_ms + 1)
        return {**common, "start_ms": start_ms, "end_ms": end_ms, "utterance_id": utterance}
    return None


def _mark(
    line: int, cells: Mapping[str, str], problems: Problems, unplaced: Problems
) -> dict[str, object] | None:
    """A row of a sheet; None with a problem noted, of itself or of its place."""
    before = len(problems.found)
    common = _common(line, cells, problems)
    checks = _number(line, cells, "check", problems)
    minuses = _number(line, cells, "check_minus", problems)
    if common["marker"] is None and len(problems.found) == before:
        problems.add(line, "no marker", "W1-W7 or C1-C7")
    if len(problems.found) > before or not _in_a_session(line, cells, unplaced):
        return None
    segment = _whole(cells.get("segment", ""))
    if not segment:
        unplaced.add(line, "a segment that cannot be read", "a whole number from 1 on")
        return None
    return {**common, "segment": segment, "checks": checks or 0, "minuses": minuses or 0}


def _in_a_session(line: int, cells: Mapping[str, str], unplaced: Problems) -> bool:
    if not cells.get("session"):
        unplaced.add(line, _MISSING_SESSION, "the code in the session notes, or an id")
        return False
    return True


def _common(line: int, cells: Mapping[str, str], problems: Problems) -> dict[str, object]:
    """The columns that codes and sheets share."""
    kind = cells.get("kind", "").lower() or None
    marker = cells.get("marker", "").upper().replace(" ", "") or None
    if kind is not None and kind not in (*RUPTURES, NOTHING):
        problems.add(line, "an unknown kind", f"{', '.join(RUPTURES)} or {NOTHING}")
    elif marker is not None and marker not in MARKERS:
        problems.add(line, "an unknown marker", "W1-W7 or C1-C7")
    elif marker is not None and kind is not None and MARKERS[marker] != kind:
        problems.add(line, "a marker of another kind", "W with withdrawal, C with confrontation")
    elif marker is not None:
        kind = MARKERS[marker]
    return {
        "line": line,
        "session": cells.get("session", ""),
        "kind": kind,
        "marker": marker,
        "salience": _salience(line, cells, problems),
        "rater": cells.get("rater", "") or None,
    }


def _salience(line: int, cells: Mapping[str, str], problems: Problems) -> float | None:
    text = cells.get("salience", "").replace(",", ".")
    if not text:
        return None
    lowest, highest = 1, 5  # the scale of the 3RS
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if lowest <= value <= highest:
        return value
    problems.add(line, "a salience off its scale", "1 to 5, or an empty cell")
    return None


def _time(cells: Mapping[str, str], side: str) -> int | None:
    """Time of ``start_ms``, or of the clock ``start``; None where none can be read."""
    text = cells.get(f"{side}_ms", "")
    return _milliseconds(text) if text else ms_of_clock(cells.get(side, ""))


def _number(line: int, cells: Mapping[str, str], name: str, problems: Problems) -> int | None:
    text = cells.get(name, "")
    value = _whole(text)
    if text and value is None:
        problems.add(line, f"a {name} that cannot be read", "a whole number from 0 on")
    return value


def _milliseconds(text: str) -> int | None:
    """Of a number as spreadsheets write it (``1000.0``, ``1000,0``), or of a clock."""
    match = _WHOLE.fullmatch(text)
    return round(float(text.replace(",", "."))) if match else ms_of_clock(text)


def _whole(text: str) -> int | None:
    """A whole number; spreadsheets write some as ``1000.0``."""
    value = text.replace(",", ".").removesuffix(".0")
    return int(value) if _WHOLE.fullmatch(value) and value.isdecimal() else None
