"""A transcript as a CSV table: ``role,start_ms,end_ms,text`` and, if wanted, ``utterance_id``.

A column ``speaker`` may stand beside ``role`` or in its place (two clients need two labels); where
there is none, the role is the label. ``end_ms`` may be empty or missing. Further columns are passed
over, except ``transcript_id``, which tells apart the conversations of a collection. The separator
is a comma, semicolon or tab, as spreadsheets write them.

Cells that a spreadsheet would run as a formula (they begin with ``= + - @``, tab or return) are
written with an apostrophe in front, which spreadsheets hide; reading takes it away again.
"""

import csv
import io

import polars as pl

from pipeline.formats.cues import squeeze
from pipeline.formats.repairs import Repairs
from pipeline.formats.text import Problems, decode
from pipeline.registry import nearest
from pipeline.schema import Column, Schema
from pipeline.tables import ROLES_ALLOWED

UTTERANCES = Schema(
    "utterances",
    (
        Column("transcript_id", pl.String, "which conversation", null="the file holds one"),
        Column("utterance_id", pl.String, "name of the line", null="it has none"),
        Column("speaker", pl.String, "speaker label; the role where there is no such column"),
        Column("role", pl.String, "who that is", null="no column role", allowed=ROLES_ALLOWED),
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
_LATEST_MS = 10_000_000_000
_DIGITS = 20  # leading zeros are fine; numbers of thousands of digits are not even looked at
_EXPECTED = "role,start_ms,end_ms,text"
_STARTS_FORMULA = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001  # the last four are of full width
_RUNS_AS_FORMULA = r"^('*[=+\-@\t\r\n＝＋－＠])"  # noqa: RUF001  # likewise


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
        Columns are missing, or all rows that cannot be used, each with its line.
    """
    repairs = Repairs() if repairs is None else repairs
    problems = Problems("a transcript table")
    text = decode(data)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    rows: list[dict[str, object]] = []
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(header, problems)
        problems.stop()
        line = reader.line_num + 1
        for fields in reader:
            if any(field.strip() for field in fields):
                row = _row(line, header, fields, problems)
                if row:
                    rows.append(row)
            line = reader.line_num + 1
    except csv.Error:
        problems.add(reader.line_num, "a row that is no CSV", "quotes closed and doubled within")
    if not rows and not problems.found:
        problems.add("the file", "no row", _EXPECTED)
    problems.stop()
    return UTTERANCES.frame(rows)


def write(utterances: pl.DataFrame) -> str:
    """`utterances` as CSV; columns in which every value is null are left out."""
    frame = UTTERANCES.conform(utterances)
    optional = ("transcript_id", "utterance_id", "role")
    frame = frame.drop(
        [name for name in optional if frame.height and frame[name].null_count() == frame.height]
    )
    return frame.with_columns(inert(pl.col(pl.String))).write_csv(quote_style="necessary")


def _delimiter(text: str) -> str:
    """The sign that cuts the header into the most known names."""
    header = text.partition("\n")[0].lower()
    return max(
        ",;\t",
        key=lambda sign: len({part.strip(' "') for part in header.split(sign)} & _KNOWN),
    )


def _check_header(header: list[str], problems: Problems) -> None:
    missing = [name for name in ("start_ms", "text") if name not in header]
    if not {"role", "speaker"} & set(header):
        missing.append("role")
    if missing:
        problems.add(1, f"no column {', '.join(missing)}", _EXPECTED)
    if any(header.count(name) > 1 for name in _KNOWN):
        problems.add(1, "a column that stands twice", _EXPECTED)


def _row(
    line: int, header: list[str], fields: list[str], problems: Problems
) -> dict[str, object] | None:
    before = len(problems.found)
    if len(fields) != len(header):
        problems.add(line, f"{len(fields)} fields", f"{len(header)}, as in the header")
        return None
    cells = {name: live(value) for name, value in zip(header, fields, strict=True)}
    role = cells.get("role", "").strip().lower() or None
    speaker = squeeze(cells.get("speaker", "")) or role
    if role is not None and role not in ROLES_ALLOWED:
        problems.add(line, "an unknown role", nearest(role, ROLES_ALLOWED))
    if speaker is None:
        problems.add(line, "neither role nor speaker", ", ".join(ROLES_ALLOWED))
    start_ms, end_ms = _ms(cells["start_ms"]), _ms(cells.get("end_ms", ""))
    if start_ms is None:
        problems.add(line, "no start_ms", "whole milliseconds, from 0 on")
    if end_ms is None and cells.get("end_ms", "").strip():
        problems.add(line, "no end_ms", "whole milliseconds, or an empty cell")
    if start_ms is not None and end_ms is not None:
        end_ms = problems.end_of(line, start_ms, end_ms)
    if len(problems.found) > before:
        return None
    return {
        "transcript_id": cells.get("transcript_id", "").strip() or None,
        "utterance_id": cells.get("utterance_id", "").strip() or None,
        "speaker": speaker,
        "role": role,
        "start_ms": start_ms,
        "end_ms": end_ms,
        "text": squeeze(cells["text"]),
    }


def _ms(text: str) -> int | None:
    """Whole milliseconds; spreadsheets write some as ``1000.0``."""
    digits = text.strip().removesuffix(".0")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS):
        return None
    return int(digits) if int(digits) <= _LATEST_MS else None
