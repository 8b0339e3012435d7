from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.core.vocabulary import MARKERS
from pipeline.formats import codes
from pipeline.formats.annotation import coded_tiers, eaf
from pipeline.formats.codes import CODES
from pipeline.formats.repairs import Repairs


def test_codes_are_read() -> None:
    got = codes.read(
        "Session;start_ms;End_ms;kind;marker;salience;rater;remark\n"
        "S-1;1000;2500;withdrawal;w2;3,5;AK;a word\n"
        "\n"
        "S-1;4000.0;;;C1;;;\n"
        "S-2;;;none;;;AK;\n"
    )
    assert got.codes.drop("line").rows() == [
        ("S-1", 1000, 2500, None, "withdrawal", "W2", 3.5, "AK"),
        ("S-1", 4000, None, None, "confrontation", "C1", None, None),
    ]
    assert got.codes["line"].to_list() == [2, 4]
    assert got.looked_at == {"S-1", "S-2"}
    assert got.sheets.is_empty()


def test_a_place_is_a_clock_or_an_utterance_too() -> None:
    got = codes.read(
        "session,start,end,utterance_id,kind\nS,12:34.5,12:40,,withdrawal\nS,,,17,\n",
        kind_needed=False,
    )
    assert got.codes.select("start_ms", "end_ms", "utterance_id", "kind").rows() == [
        (754_500, 760_000, None, "withdrawal"),
        (None, None, "17", None),
    ]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("S,1000,,anger,,", "line 3: an unknown kind; expected: withdrawal, confrontation or none"),
        ("S,1000,,,C8,", "line 3: an unknown marker; expected: W1-W7 or C1-C7"),
        ("S,1000,,withdrawal,C1,", "line 3: a marker of another kind"),
        ("S,1000,,,,", "line 3: neither kind nor marker"),
        ("S,1000,,,C1,9", "line 3: a salience off its scale; expected: 1 to 5"),
        ('S,1000,,,"C1', "line 3: a row that is no CSV"),
    ],
)
def test_a_row_that_cannot_be_used_is_told_with_its_line(row: str, says: str) -> None:
    table = "session,start_ms,end_ms,kind,marker,salience\nS,1,,,W1,\n" + row + "\n"
    with pytest.raises(InputError) as caught:
        codes.read(table)
    assert says in str(caught.value)
    assert "anger" not in str(caught.value)


_UNPLACED = [
    (",1000,,withdrawal,,", "line 3: no session"),
    ("S,,,withdrawal,,", "line 3: no place; expected: start_ms, start or utterance_id"),
    ("S,1 s,,withdrawal,,", "line 3: a start that cannot be read; expected: whole"),
    ('S,"1,500",,withdrawal,,', "line 3: a start that cannot be read"),
    ("S,-1,,withdrawal,,", "line 3: a start that cannot be read"),
    ("S," + "9" * 5000 + ",,withdrawal,,", "line 3: a start that cannot be read"),
    ("S,2000,1000,withdrawal,,", "line 3: ends 1000 ms before it starts"),
    ("S,,2000,withdrawal,,", "line 3: no place"),
]


@pytest.mark.parametrize(("row", "says"), _UNPLACED)
def test_a_row_without_a_place_is_left_out_and_counted(row: str, says: str) -> None:
    header = "session,start_ms,end_ms,kind,marker,salience\n"
    repairs = Repairs()
    got = codes.read(f"{header}S,1,,,W1,\n{row}\nT,2,,,C1,\n", repairs)
    assert got.codes["start_ms"].to_list() == [1, 2]
    (sentence,) = repairs.sentences()
    assert sentence.endswith("left out: 1.")
    assert ("without a session" in sentence) == ("no session" in says)
    with pytest.raises(InputError, match=says):  # nothing else is there to score with
        codes.read(f"{header}\n{row}\n")


def test_tables_as_spreadsheets_write_them() -> None:
    repairs = Repairs()
    got = codes.read(
        '\ufeff\n"sep=;"\n\nSession;Start_ms;END_MS;Marker;Salience;;\n'
        "S;1000,0;2500.00;w2;3,5;;\n"
        "S;00:12:34;;w 5\n"
        "S;5000;;C1;;;;a remark\n"
        "S;6000;later;c7;;;\n"
        ";;;;;;\n".encode(),
        repairs,
    )
    columns = got.codes.select("line", "start_ms", "end_ms", "marker", "salience")
    assert columns.rows() == [
        (5, 1000, 2500, "W2", 3.5),
        (6, 754_000, None, "W5", None),
        (7, 5000, None, "C1", None),
        (8, 6000, None, "C7", None),
    ]
    assert repairs.sentences() == (
        "Rows with another number of cells than the header: 2.",
        "Rows of codes whose end cannot be read, taken as a point in time: 1.",
    )


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("", "no row"),
        ("start_ms,kind\n1,withdrawal\n", "line 1: no column session"),
        ("session,kind\nS,withdrawal\n", "line 1: no column start_ms, start or utterance_id"),
        ("session,segment\nS,1\n", "line 1: a sheet without marker or check"),
    ],
)
def test_a_table_that_is_no_table_of_codes_is_refused(table: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        codes.read(table)


def test_sheets_are_read() -> None:
    got = codes.read(
        "session,segment,marker,check,check_minus,salience,rater\n"
        "S-1,3,W2,2,1,4,AK\nS-1,3,C1,,0,,AK\n"
    )
    assert got.codes.is_empty()
    assert got.sheets.drop("line").rows() == [
        ("S-1", 3, "withdrawal", "W2", 2, 1, 4.0, "AK"),
        ("S-1", 3, "confrontation", "C1", 0, 0, None, "AK"),
    ]
    assert got.looked_at == {"S-1"}
    with pytest.raises(InputError, match=r"line 2: a segment that cannot be read"):
        codes.read("session,segment,marker,check\nS,0,W2,1\n")
    some = codes.read("session,segment,marker,check\nS,0,W2,1\nS,2,W2,1\n", repairs := Repairs())
    assert some.sheets["segment"].to_list() == [2]
    assert repairs.sentences() == ("Rows of codes that cannot be placed in time, left out: 1.",)


def test_files_add_up() -> None:
    one = codes.read("session,start_ms,marker\nS,1,W1\n")
    sheet = codes.read("session,segment,marker,check\nT,1,W2,1\n")
    both = one + sheet + codes.Codes.zero()
    assert (both.codes.height, both.sheets.height) == (1, 1)
    assert both.looked_at == {"S", "T"}


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1).filter(
    lambda text: text == text.strip()
)
_ROWS = st.builds(
    lambda session, start_ms, length_ms, marker, salience, rater: {
        "line": 0,
        "session": session,
        "start_ms": start_ms,
        "end_ms": None if length_ms is None else start_ms + length_ms,
        "kind": MARKERS[marker],
        "marker": marker,
        "salience": salience,
        "rater": rater,
    },
    _TEXT,
    st.integers(0, 10**7),
    st.none() | st.integers(1, 10**6),
    st.sampled_from(sorted(MARKERS)),
    st.none() | st.integers(2, 10).map(lambda half: half / 2),
    st.none() | _TEXT,
)


@given(st.lists(_ROWS, min_size=1, max_size=8))
def test_what_is_written_is_read_again(rows: list[dict[str, object]]) -> None:
    frame = CODES.frame(rows)
    again = codes.read(codes.write(frame)).codes
    assert again.drop("line").equals(frame.drop("line"))


def _tier(name: str, *rows: tuple[int, int, str], annotator: str | None = None) -> eaf.Tier:
    frame = pl.DataFrame(rows, schema=["start_ms", "end_ms", "text"], orient="row")
    return eaf.Tier(name, eaf.ANNOTATIONS.conform(frame), annotator)


def test_tiers_become_codes() -> None:
    got = coded_tiers.of_tiers(
        [
            _tier("Withdrawal AK", (0, 9, "falls silent"), (20, 29, "w5: agrees"), annotator="AK"),
            _tier("C1 complaint", (40, 49, "")),
            _tier("ruptures", (50, 59, "C7"), (60, 69, "a remark")),
            _tier("client", (0, 90, "c3po withdrawal from the bank")),
            _tier("uncertain", (70, 79, "W2?"), (80, 89, "")),
            _tier("benign", (90, 99, "a joke")),
        ],
        "S-1",
    )
    shown = {
        name: got[name].codes.select("start_ms", "kind", "marker", "rater").rows() for name in got
    }
    assert shown == {
        "codes": [
            (0, "withdrawal", None, "AK"),
            (20, "withdrawal", "W5", "AK"),
            (40, "confrontation", "C1", None),
            (50, "confrontation", "C7", None),
        ],
        "uncertain": [(70, "withdrawal", "W2", None), (80, None, None, None)],
        "benign": [(90, None, None, None)],
    }
    assert got["codes"].looked_at == {"S-1"}


def test_what_tiers_of_codes_hold_besides_is_counted() -> None:
    repairs = Repairs()
    tiers = [
        replace(_tier("ruptures", (50, 59, "C7"), (60, 69, "hm")), unplaced=("W1",), estimated=1),
        replace(_tier("chosen", (70, 79, "Withdrawal")), vocabulary=True),
        replace(_tier("client", (0, 90, "hello"), (90, 99, "bye")), unplaced=("oh",), estimated=2),
    ]
    got = coded_tiers.of_tiers(tiers, "S", repairs)["codes"].codes
    assert got.select("start_ms", "kind", "marker").rows() == [
        (50, "confrontation", "C7"),
        (70, "withdrawal", None),
    ]
    assert repairs.sentences() == (
        "Annotations placed between their neighbours in time: 1.",
        "Annotations that cannot be placed in time, left out: 1.",
        "Annotations on tiers of codes that name no marker, left out: 1.",
    )
    for name in ("ruptures", "3RS A"):
        with pytest.raises(InputError, match="annotation 1 on a tier of codes: an unknown marker"):
            coded_tiers.of_tiers([_tier(name, (0, 9, "W9"))], "S")
    none = Repairs()
    coded_tiers.of_tiers([_tier("client", (0, 90, "hello"))], "S", none)
    assert none.sentences() == (
        "ELAN files without a tier of codes, whose sessions count as free of ruptures: 1.",
    )


def test_codes_become_tiers_and_codes_again() -> None:
    frame = codes.read(
        "session,start_ms,end_ms,kind,marker,rater\n"
        "S,5,8,,W2,A\nS,1,2,withdrawal,,A\nS,3,4,,C1,A\nS,9,,,C1,B\n"
    ).codes
    tiers = coded_tiers.to_tiers(frame)
    assert [tier.name for tier in tiers] == ["withdrawal A", "confrontation A", "confrontation B"]
    again = coded_tiers.of_tiers(tiers, "S")["codes"].codes
    columns = ["start_ms", "end_ms", "kind", "marker", "rater"]
    ended = frame.with_columns(pl.coalesce("end_ms", pl.col("start_ms") + 1).alias("end_ms"))
    assert again.sort("start_ms").select(columns).equals(ended.sort("start_ms").select(columns))
