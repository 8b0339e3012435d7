"""What people coded in sessions: single ruptures, and 3RS sheets of five-minute segments, as CSV.

**Codes**, a row each::

    session,start_ms,end_ms,kind,marker,salience,rater
    S-014,754000,761000,withdrawal,W2,3,AK
    S-014,1290000,,,C1,4,AK          kind follows from the marker; no end: a point in time
    S-015,,,none,,,AK                looked at, and nothing was found

`session` is the sidecar's `code`, or an id prefix of at least 6 digits. In place of `start_ms` may
stand `start` (and `end`) as a clock, ``12:34``, or `utterance_id`, which is looked up in the
session's imported transcript. Lists of uncertain and of benign places are of the same form; there
an empty `kind` means "of whatever kind".

**Sheets** of the 3RS, a row for each marker of a segment::

    session,segment,marker,check,check_minus,salience,rater
    S-014,3,W2,1,0,3,AK              segment 3 is [10:00, 15:00)
    S-014,3,C1,0,2,,AK               a check-minus counts as coded, as in the manual's totals

A file whose header has `segment` is a sheet. The separator is a comma, semicolon or tab. Further
columns are passed over. No message repeats what a file says: only the line and what is wrong.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.formats import eaf
from pipeline.formats.text import Problems, decode, ms_of_clock
from pipeline.formats.transcript_csv import inert, live
from pipeline.schema import Column, Schema

KINDS = ("withdrawal", "confrontation")
MARKERS: Mapping[str, str] = {
    **{f"W{number}": "withdrawal" for number in range(1, 8)},
    **{f"C{number}": "confrontation" for number in range(1, 8)},
}
"""Markers of the 3RS (Eubanks, Muran & Safran 2015), each with its kind."""

NOTHING = "none"
"""Kind of a row that says: somebody coded this session and found nothing."""

CODES = Schema(
    "codes",
    (
        Column("line", pl.Int64, "1-based line, or number of the annotation, in its file"),
        Column("session", pl.String, "the sidecar's code, or an id prefix"),
        Column("start_ms", pl.Int64, "first millisecond", null="utterance_id says where"),
        Column("end_ms", pl.Int64, "first millisecond after", null="a point in time"),
        Column("utterance_id", pl.String, "line of the transcript", null="start_ms says where"),
        Column("kind", pl.String, "of rupture", null="of whatever kind", allowed=KINDS),
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
        Column("kind", pl.String, "of rupture", allowed=KINDS),
        Column("marker", pl.String, "3RS code", allowed=tuple(MARKERS)),
        Column("checks", pl.Int64, "clear instances"),
        Column("minuses", pl.Int64, "weak or unclear instances"),
        Column("salience", pl.Float64, "1-5", null="not told"),
        Column("rater", pl.String, "who coded it", null="not told"),
    ),
    (("segment >= 1", pl.col("segment") >= 1),),
)

_EXPECTED = "session,start_ms,kind,marker"
_DIGITS = 10
"""Of a time in ms: 115 days; more is another unit, or a broken file."""
_MARKER = re.compile(r"([WC][1-7])(?![0-9A-Za-z])", re.IGNORECASE)


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
        Names of sessions that somebody coded, those without a single rupture too.
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


def read(data: bytes | str, *, kind_needed: bool = True) -> Codes:
    """Codes or sheets of a CSV file, in its order.

    Parameters
    ----------
    kind_needed
        Refuse rows of no kind, as is right for codes; lists of uncertain or benign places may
        leave the kind open.

    Raises
    ------
    InputError
        Columns are missing, or all rows that cannot be used, each with its line.
    """
    problems = Problems("a table of codes")
    rows = list(_rows(decode(data), problems))
    header = rows[0][1] if rows else {}
    if rows:
        _check_header(header, problems)
    elif not problems.found:
        problems.add("the file", "no row", _EXPECTED)
    problems.stop()
    if "segment" in header:
        marks = [row for line, cells in rows if (row := _mark(line, cells, problems))]
        problems.stop()
        sheets = SHEETS.frame(marks)
        return Codes(CODES.empty(), sheets, frozenset(sheets["session"]))
    found, looked_at = [], set()
    for line, cells in rows:
        row = _code(line, cells, problems, kind_needed=kind_needed)
        if row:
            looked_at.add(str(row["session"]))
            found += [row] if row["kind"] != NOTHING else []
    problems.stop()
    return Codes(CODES.frame(found), SHEETS.empty(), frozenset(looked_at))


def write(codes: pl.DataFrame) -> str:
    """`codes` as CSV, without their lines; columns in which every value is null are left out."""
    frame = CODES.conform(codes).drop("line")
    empty = [name for name in frame.columns if frame[name].null_count() == frame.height]
    frame = frame.drop(empty if frame.height else [])
    return frame.with_columns(inert(pl.col(pl.String))).write_csv(quote_style="necessary")


def of_tiers(tiers: Iterable[eaf.Tier], session: str) -> dict[str, Codes]:
    """What ELAN tiers say: `codes`, `uncertain` and `benign`.

    An annotation that begins with a marker ("W2", "c1: sighs") is a code of that marker; else the
    tier's name says its kind or marker ("withdrawal", "W2 minimal"). Tiers whose name begins with
    "uncertain" or "benign" make those lists, of whatever kind unless the annotation says. All other
    tiers are passed over: a transcript, for instance. The rater is the tier's annotator.

    Parameters
    ----------
    session
        What the session is called: an ELAN file does not say.
    """
    rows: dict[str, list[dict[str, object]]] = {"codes": [], "uncertain": [], "benign": []}
    for tier in tiers:
        name = tier.name.strip().lower()
        which = next((w for w in ("uncertain", "benign") if name.startswith(w)), "codes")
        ours = _MARKER.match(name)
        of_tier = next((kind for kind in KINDS if name.startswith(kind)), None)
        for number, (start_ms, end_ms, text) in enumerate(tier.annotations.iter_rows(), 1):
            said = _MARKER.match(text.strip())
            marker = said or ours
            code = marker[1].upper() if marker else None
            told = next((kind for kind in KINDS if text.strip().lower().startswith(kind)), of_tier)
            kind = MARKERS[code] if code else told
            if which == "codes" and (kind is None or not (ours or of_tier or said)):
                continue
            rows[which].append(
                {
                    "line": number,
                    "session": session,
                    "start_ms": start_ms,
                    "end_ms": end_ms,
                    "kind": kind,
                    "marker": code,
                    "rater": tier.annotator,
                }
            )
    looked_at = frozenset([session])
    return {
        name: Codes(CODES.frame(found), SHEETS.empty(), looked_at) for name, found in rows.items()
    }


def to_tiers(codes: pl.DataFrame) -> list[eaf.Tier]:
    """ELAN tiers of codes that have times: one for each kind and rater, the marker as text.

    A point in time becomes 1 ms; ELAN keeps no shorter annotation.
    """
    timed = CODES.conform(codes).filter(pl.col("start_ms").is_not_null())
    timed = timed.with_columns(
        pl.coalesce("end_ms", pl.col("start_ms") + 1).alias("end_ms"),
        pl.coalesce("marker", "kind", pl.lit("")).alias("text"),
        pl.coalesce("kind", pl.lit("any kind")).alias("kind"),
    )
    tiers = []
    for (kind, rater), own in timed.group_by("kind", "rater", maintain_order=True):
        name = str(kind) if rater is None else f"{kind} {rater}"
        intervals = eaf.ANNOTATIONS.conform(own.select(eaf.ANNOTATIONS.names).sort("start_ms"))
        tiers.append(eaf.Tier(name, intervals, None if rater is None else str(rater)))
    return tiers


def _rows(text: str, problems: Problems) -> Iterable[tuple[int, dict[str, str]]]:
    """Line and cells of each row that is not blank."""
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    try:
        for fields in reader:
            if not header:
                header = [name.strip().lower() for name in fields]
            elif len(fields) != len(header) and any(field.strip() for field in fields):
                expected = f"{len(header)}, as in the header"
                problems.add(reader.line_num, f"{len(fields)} fields", expected)
            elif any(field.strip() for field in fields):
                cells = zip(header, fields, strict=True)
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


def _code(
    line: int, cells: Mapping[str, str], problems: Problems, *, kind_needed: bool
) -> dict[str, object] | None:
    before = len(problems.found)
    common = _common(line, cells, problems)
    if common["kind"] == NOTHING:
        return common if len(problems.found) == before else None
    start_ms = _time(line, cells, "start", problems)
    end_ms = _time(line, cells, "end", problems)
    utterance = cells.get("utterance_id", "") or None
    if len(problems.found) == before:
        if start_ms is None and utterance is None:
            problems.add(line, "no place", "start_ms, start or utterance_id")
        if start_ms is not None and end_ms is not None:
            end_ms = problems.end_of(line, start_ms, end_ms)
        if start_ms is None and end_ms is not None:
            problems.add(line, "an end without a start", "start_ms")
        if common["kind"] is None and kind_needed:
            problems.add(line, "neither kind nor marker", f"{', '.join(KINDS)} or {NOTHING}")
    if len(problems.found) > before:
        return None
    return {**common, "start_ms": start_ms, "end_ms": end_ms, "utterance_id": utterance}


def _mark(line: int, cells: Mapping[str, str], problems: Problems) -> dict[str, object] | None:
    before = len(problems.found)
    common = _common(line, cells, problems)
    segment = _number(line, cells, "segment", problems, lowest=1)
    checks = _number(line, cells, "check", problems, lowest=0)
    minuses = _number(line, cells, "check_minus", problems, lowest=0)
    if len(problems.found) == before:
        if segment is None:
            problems.add(line, "no segment", "a number from 1 on")
        if common["marker"] is None:
            problems.add(line, "no marker", "W1-W7 or C1-C7")
    if len(problems.found) > before:
        return None
    return {**common, "segment": segment, "checks": checks or 0, "minuses": minuses or 0}


def _common(line: int, cells: Mapping[str, str], problems: Problems) -> dict[str, object]:
    """The columns that codes and sheets share."""
    kind = cells.get("kind", "").lower() or None
    marker = cells.get("marker", "").upper() or None
    if not cells.get("session"):
        problems.add(line, "no session", "the sidecar's code, or an id")
    if kind is not None and kind not in (*KINDS, NOTHING):
        problems.add(line, "an unknown kind", f"{', '.join(KINDS)} or {NOTHING}")
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


def _time(line: int, cells: Mapping[str, str], side: str, problems: Problems) -> int | None:
    """Time of ``start_ms``, or of the clock ``start``; None where both are empty."""
    readings: Sequence[tuple[str, Callable[[str], int | None]]] = (
        (f"{side}_ms", _whole),
        (side, ms_of_clock),
    )
    for name, reading in readings:
        text = cells.get(name, "")
        if text:
            value = reading(text)
            if value is None:
                expected = "whole milliseconds" if name.endswith("_ms") else "a clock such as 12:34"
                problems.add(line, f"a {name} that cannot be read", expected)
            return value
    return None


def _number(
    line: int, cells: Mapping[str, str], name: str, problems: Problems, *, lowest: int
) -> int | None:
    text = cells.get(name, "")
    value = _whole(text)
    if text and (value is None or value < lowest):
        problems.add(line, f"a {name} that cannot be read", f"a whole number from {lowest} on")
    return value


def _whole(text: str) -> int | None:
    """A whole number; spreadsheets write some as ``1000.0``."""
    digits = text.strip().removesuffix(".0")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS):
        return None
    return int(digits)
