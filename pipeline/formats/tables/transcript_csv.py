"""A transcript as a CSV or TSV table: ``role,start_ms,end_ms,text`` and, if wanted, an id.

A column ``speaker`` may stand beside ``role`` or in its place (two clients need two labels); where
there is none, the role is the label. ``end_ms`` may be empty or missing. Further columns are passed
over, except ``transcript_id``, which tells apart the conversations of a collection.

Other programs write ``start`` and ``end``: as clock times, as seconds with a fraction, or, as
Whisper does, in whole milliseconds. Whole numbers are seconds where milliseconds would leave no
time to say the text. Rows that are too short or too long, or whose time cannot be read, are
repaired and counted.

Cells that a spreadsheet would run as a formula (they begin with ``= + - @``, tab or return) are
written with an apostrophe in front, which spreadsheets hide; reading takes it away again.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.core.errors import InputError
from pipeline.core.registry import nearest
from pipeline.core.schema import Column, Schema
from pipeline.core.vocabulary import ROLE_NAMES
from pipeline.formats.repairs import Repairs
from pipeline.formats.speaker_labels import role_of
from pipeline.formats.tables.delimited import Row, rows
from pipeline.formats.text import Problems, decode, ms_of_clock
from pipeline.formats.timed_text.cues import Times, placed, squeeze

UTTERANCES = Schema(
    "utterances",
    (
        Column("transcript_id", pl.String, "which conversation", null="the file holds one"),
        Column("utterance_id", pl.String, "name of the line", null="it has none"),
        Column(
            "speaker",
            pl.String,
            "speaker label; the role where there is no such column",
            null="the row names nobody",
        ),
        Column("role", pl.String, "who that is", null="no column role", allowed=ROLE_NAMES),
        Column("start_ms", pl.Int64, "first millisecond"),
        Column("end_ms", pl.Int64, "first millisecond after", null="not given"),
        Column("text", pl.String, "what was said"),
    ),
    (
        ("start_ms >= 0", pl.col("start_ms") >= 0),
        ("start_ms < end_ms", pl.col("start_ms") < pl.col("end_ms")),
    ),
)

_KNOWN = frozenset(UTTERANCES.names)
_ALSO = {
    "start": "start", "begin": "start", "start_time": "start", "from": "start", "onset": "start",
    "end": "end", "end_time": "end", "stop": "end", "to": "end", "offset": "end",
    "speaker_name": "speaker", "speaker_label": "speaker", "name": "speaker",
    "transcript": "text", "utterance": "text", "content": "text",
}  # fmt: skip
"""Names that other programs give to columns."""

_UNIT = re.compile(r"(start|end)_\(?(ms|msec|milliseconds|s|sec|secs|seconds)\)?")
_LATEST_MS = 10_000_000_000
_EXPECTED = "role,start_ms,end_ms,text"
_STARTS_FORMULA = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001  # the last four are of full width
_RUNS_AS_FORMULA = r"^('*[=+\-@\t\r\n＝＋－＠])"  # noqa: RUF001  # likewise
_NUMBER = re.compile(r"(\d{1,20})(?:[.,](\d{0,9}))?\s*s?", re.ASCII)

MOST_CHARACTERS_PER_S = 100
"""Nobody speaks so fast: whole numbers that leave less time for the text are seconds."""


def inert(cells: pl.Expr) -> pl.Expr:
    """Text `cells` with an apostrophe before those that a spreadsheet would run as a formula.

    A cell that already begins with apostrophes before such a sign gets one more, so that `live` can
    undo it. OWASP, "CSV Injection": = + - @, those of full width too, tab, return and line feed.
    """
    return cells.str.replace(_RUNS_AS_FORMULA, "'${1}")


def live(cell: str) -> str:
    """The text that `inert` was given."""
    bare = cell.lstrip("'")
    return cell[1:] if cell != bare and bare[:1] in set(_STARTS_FORMULA) else cell


def read(data: bytes | str, repairs: Repairs | None = None) -> pl.DataFrame:
    """Table `UTTERANCES` of a file, in its order.

    Raises
    ------
    InputError
        Columns are missing, or more rows that cannot be used than `text.UNUSABLE_AT_MOST`, each
        with its line.
    """
    repairs = Repairs() if repairs is None else repairs
    problems = Problems("a transcript table")
    separator, lines = rows(_decoded(data, repairs), lambda name: _column(name) is not None)
    top = next(lines, Row(1, []))
    header = [_column(name) or "" for name in top.cells]
    _check_header(header, problems)
    problems.stop()
    said = [_said(row, header, separator, problems, repairs) for row in lines]
    if not said:
        problems.add("the file", "no row", _EXPECTED)
        problems.stop()
    units = {name: _ms_per_unit(name, said) for name in ("start", "end")}
    times = [_times(row, units, problems, repairs) for row in said]
    problems.settle(len(said))
    return UTTERANCES.frame(_mended(said, times))


def write(utterances: pl.DataFrame) -> str:
    """`utterances` as CSV; columns in which every value is null are left out."""
    frame = UTTERANCES.conform(utterances)
    optional = ("transcript_id", "utterance_id", "role")
    frame = frame.drop(
        [name for name in optional if frame.height and frame[name].null_count() == frame.height]
    )
    return frame.with_columns(inert(pl.col(pl.String))).write_csv(quote_style="necessary")


@dataclass(frozen=True)
class _Said:
    """Cells of a row by the name of their column, of whatever use they are."""

    line: int
    cells: Mapping[str, str]
    role: str | None
    speaker: str | None

    def cell(self, name: str) -> str:
        return self.cells.get(name, "").strip()


def _decoded(data: bytes | str, repairs: Repairs) -> str:
    """Text of a table; Excel on Windows saves "CSV" as Windows-1252."""
    try:
        return decode(data)
    except InputError:
        try:
            text = data.decode("cp1252") if isinstance(data, bytes) else ""
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text or not text:
            raise
    repairs["Tables that are not UTF-8, read as Windows-1252: accents may be wrong"] += 1
    return decode(text)


def _column(name: str) -> str | None:
    """Name of a column as this module has it, ``start`` where the unit is open; None: another."""
    plain = re.sub(r"[\s-]+", "_", name.strip().strip("\ufeff").lower())
    if plain in _KNOWN:
        return plain
    unit = _UNIT.fullmatch(plain)
    if unit:
        return f"{unit[1]}_{'ms' if unit[2].startswith('m') else 's'}"
    return _ALSO.get(plain)


def _check_header(header: Sequence[str], problems: Problems) -> None:
    starts = {"start", "start_ms", "start_s"} & set(header)
    missing = [
        name for name, there in (("start_ms", starts), ("text", "text" in header)) if not there
    ]
    if missing:
        problems.add(1, f"no column {', '.join(missing)}", _EXPECTED)
    named = [name for name in header if name]
    if any(named.count(name) > 1 for name in named):
        problems.add(1, "a column that stands twice", _EXPECTED)


def _said(
    row: Row, header: Sequence[str], separator: str, problems: Problems, repairs: Repairs
) -> _Said:
    """A row by its columns: missing cells are empty, surplus ones belong to the text."""
    cells = [*row.cells]
    if not row.whole:
        problems.add(row.line, "a row that is no CSV", "quotes closed and doubled within")
        repairs["Rows whose quotes do not fit, cut at their separators"] += 1
    while len(cells) > len(header) and not cells[-1].strip():
        cells.pop()
    surplus = len(cells) - len(header)
    if surplus > 0:
        problems.add(row.line, f"{len(cells)} fields", f"{len(header)}, as in the header")
        repairs["Rows with too many cells, joined in the text"] += 1
        at = header.index("text")
        cells[at : at + surplus + 1] = [separator.join(cells[at : at + surplus + 1])]
    elif surplus < 0 and any(header[len(cells) :]):
        if "text" in header[len(cells) :]:
            problems.add(row.line, f"{len(cells)} fields", f"{len(header)}, as in the header")
        repairs["Rows with too few cells, the missing ones empty"] += 1
    cells += [""] * -surplus
    named = {name: live(cell) for name, cell in zip(header, cells, strict=True) if name}
    role = named.get("role", "").strip().lower()
    known = role if role in ROLE_NAMES else role_of(role)
    if role and known is None:
        problems.add(row.line, "an unknown role", nearest(role, ROLE_NAMES))
        repairs["Unknown roles, taken as the speaker's name"] += 1
    return _Said(row.line, named, known, squeeze(named.get("speaker", "")) or known or role or None)


def _ms_per_unit(name: str, said: Sequence[_Said]) -> int:
    """1 or 1000, for the numbers of columns `name`; see the module."""
    if any(f"{name}_{unit}" in row.cells for row in said[:1] for unit in ("ms", "s")):
        return 1000 if f"{name}_s" in said[0].cells else 1
    cells = [row.cell(which) for row in said for which in ("start", "end")]
    found = [match for cell in cells if (match := _NUMBER.fullmatch(cell))]
    if any((match[2] or "").strip("0") for match in found):
        return 1000
    numbers = [int(match[1]) for match in found]
    letters = sum(len(row.cell("text")) for row in said)
    length_s = (max(numbers) - min(numbers)) / 1000 if numbers else 0
    return 1000 if 0 < length_s < letters / MOST_CHARACTERS_PER_S else 1


def _times(
    row: _Said, units: Mapping[str, int], problems: Problems, repairs: Repairs
) -> tuple[Times, bool]:
    """Start and end of a row, and whether they must be placed between its neighbours."""
    start, end = (
        next(
            (row.cells[each] for each in (f"{name}_ms", f"{name}_s", name) if each in row.cells), ""
        )
        for name in ("start", "end")
    )
    start_ms, end_ms = _ms(start, units["start"]), _ms(end, units["end"])
    unread = start_ms is None or (end_ms is None and bool(end.strip()))
    if start_ms is None:
        problems.add(row.line, "no start_ms", "whole milliseconds, from 0 on")
    elif unread:
        problems.add(row.line, "no end_ms", "whole milliseconds, or an empty cell")
    if unread:
        repairs["Times that cannot be read, placed between their neighbours"] += 1
    backwards = start_ms is not None and end_ms is not None and end_ms < start_ms
    if start_ms is not None and end_ms is not None and backwards:
        problems.end_of(row.line, start_ms, end_ms)
        repairs["Times that end before they start, placed between their neighbours"] += 1
    return (start_ms, end_ms), unread or backwards


def _mended(said: Sequence[_Said], times: Sequence[tuple[Times, bool]]) -> list[dict[str, object]]:
    """Rows of the table; an end that the file leaves open stays open."""
    texts = [squeeze(row.cell("text")) for row in said]
    shut = [(start, start if end is None and not broken else end) for (start, end), broken in times]
    found = placed(shut, texts)
    return [
        {
            "transcript_id": row.cell("transcript_id") or None,
            "utterance_id": row.cell("utterance_id") or None,
            "speaker": row.speaker,
            "role": row.role,
            "start_ms": start_ms,
            "end_ms": None if own[1] is None and not broken else end_ms,
            "text": text,
        }
        for row, text, (own, broken), (start_ms, end_ms) in zip(
            said, texts, times, found, strict=True
        )
    ]


def _ms(text: str, per_unit: int) -> int | None:
    """Milliseconds of a clock time or of a number of units, the decimal sign a dot or a comma."""
    if ":" in text:
        return ms_of_clock(text)
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        return None
    whole, fraction = match.groups(default="")
    if per_unit == 1:
        ms = int(whole) if not fraction.strip("0") else None
    else:
        ms = round(float(f"{whole}.{fraction}") * per_unit)
    return ms if ms is not None and ms <= _LATEST_MS else None
