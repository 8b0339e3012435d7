"""One bad place costs a note and not the session; too many of them cost the file."""

import pytest

from pipeline.core.errors import InputError
from pipeline.formats.repairs import Repairs
from pipeline.formats.tables import transcript_csv
from pipeline.formats.timed_text import srt, stm, webvtt
from pipeline.formats.timed_text.cues import placed


def captions(*blocks: str) -> tuple[list[tuple[object, ...]], tuple[str, ...]]:
    """The same blocks as SubRip and as WebVTT."""
    repairs = Repairs()
    rows = srt.read("\n\n".join(blocks), repairs).rows()
    assert webvtt.read("\n\n".join(["WEBVTT", *blocks])).rows() == rows
    return rows, repairs.sentences()


A, C = "00:00:01.000 --> 00:00:02.000\na", "00:00:05.000 --> 00:00:06.000\nc"


def test_blank_lines_within_a_text() -> None:
    rows, told = captions(A + "\n\nand on", "1\n\n" + C)
    assert [row[3] for row in rows] == ["a and on", "c"]
    assert told == ("Blank lines within a text, closed: 1.",)


def test_a_blank_line_between_number_and_time_and_one_after_it() -> None:
    rows, _ = captions("1\n" + A, "2\n\n00:00:05.000 --> 00:00:06.000\n\nc")
    assert [row[3] for row in rows] == ["a", "c"]


def test_a_missing_blank_line_between_cues() -> None:
    rows, told = captions("1\n" + A + "\n2\n" + C)
    assert rows == [(1000, 2000, None, "a"), (5000, 6000, None, "c")]
    assert told == ("Missing blank lines between cues: 1.",)


def test_an_arrow_within_a_text() -> None:
    rows, told = captions(A + "\nbus --> tram --> home", "then 10 --> 20 steps")
    assert [row[3] for row in rows] == ["a bus --> tram --> home then 10 --> 20 steps"]
    assert told == ("Blank lines within a text, closed: 1.",)


def test_a_cue_without_text_is_counted() -> None:
    rows, told = captions(A, "00:00:03.000 --> 00:00:04.000", C)
    assert [row[3] for row in rows] == ["a", "c"]
    assert told == ("Cues without text, skipped: 1.",)


def test_cues_out_of_order_are_counted() -> None:
    assert captions(C, A)[1] == ("Cues out of order, sorted by their start: 1.",)


@pytest.mark.parametrize(
    ("time", "placed_at"),
    [
        ("00:00:04.000 --> 00:00:03.000", (4000, 4300)),  # the start fits
        ("00:00:59.000 --> 00:00:04.000", (3700, 4000)),  # the end fits
        ("00:01:00.000 --> 00:00:59.000", (2000, 2300)),  # neither
        ("00:00:03.000 --> 00:00:xx", (3000, 3300)),
        ("00:00:0? --> 00:00:04.000", (3700, 4000)),
        ("--:-- --> --:--", (2000, 2300)),
    ],
)
def test_a_bad_time_is_placed_between_its_neighbours(time: str, placed_at: tuple[int, int]) -> None:
    rows, told = captions(A, f"{time}\nsaid!", C)
    assert rows[1] == (*placed_at, None, "said!")
    assert len(told) == 1
    assert told[0].endswith("placed between their neighbours: 1.")


def test_a_file_of_bad_times_is_refused() -> None:
    bad = "00:00:04.000 --> 00:00:03.000\nb"
    with pytest.raises(InputError, match="ends 1000 ms before it starts"):
        captions(A, bad, bad)
    captions(A, bad, C)


def test_text_before_the_first_time_and_after_a_comment_is_nobodys_speech() -> None:
    repairs = Repairs()
    text = f"WEBVTT\n\nA title\n\n{A}\n\nNOTE\nby hand\n\nmore of it\n\n{C}\n\n{C}\n\n{C}\n\n{C}"
    assert webvtt.read(text, repairs)["text"].to_list() == ["a", "c", "c", "c", "c"]
    assert repairs.sentences() == ("Stretches of text without a time, skipped: 2.",)


@pytest.mark.parametrize("top", ["", "webvtt\n\n", "\n\nWEBVTT\n\n", "\ufeff\ufeffWEBVTT\n"])
def test_a_header_that_is_missing_or_odd(top: str) -> None:
    assert webvtt.read(f"{top}{A}\n\n{C}").height == 2


def test_the_header_names_the_language() -> None:
    text = f"WEBVTT - x\nKind: captions\nLanguage: de-AT\n\n{A}"
    assert webvtt.language(text) == "de"
    assert webvtt.language(f"WEBVTT\nLanguage: Elvish of old\n\n{A}") == "und"
    assert webvtt.language(f"WEBVTT\n\n{A}\n\nLanguage: de") is None


def test_times_never_leave_their_order() -> None:
    bad = [(None, None)] * 5
    times = placed([(0, 100), *bad, (130, 200), (9, 3), (None, 500)], ["word"] * 9)
    assert all(start < end for start, end in times)
    assert [start for start, _ in times[:7]] == sorted(start for start, _ in times[:7])


def test_stm_mends_a_bad_line() -> None:
    repairs = Repairs()
    good = "".join(f"s 1 ann {n} {n + 0.5} <o> word {n}\n" for n in range(0, 8, 2))
    rows = stm.read(good + "s 1 bo x 9 late\ns 1\n", repairs).rows()
    assert rows[0] == (0, 500, "ann", "word 0")
    assert rows[-1] == (8760, 9000, "bo", "late")
    assert len(repairs.sentences()) == 2


HEAD = "speaker,start_ms,end_ms,text\n"


def table(text: str | bytes) -> tuple[list[tuple[object, ...]], tuple[str, ...]]:
    repairs = Repairs()
    frame = transcript_csv.read(text, repairs)
    rows = frame.select("speaker", "start_ms", "end_ms", "text").rows()
    return rows, repairs.sentences()


ROWS = "".join(f"Ann,{n}000,{n}900,w{n}\n" for n in range(1, 5))


@pytest.mark.parametrize(
    ("row", "read"),
    [
        ("Bo,6000,7000,well, yes, no\n", ("Bo", 6000, 7000, "well, yes, no")),
        ("Bo,6000,7000\n", ("Bo", 6000, 7000, "")),
        ("Bo,6000,7000,yes,,,\n", ("Bo", 6000, 7000, "yes")),
        (",6000,7000,yes\n", (None, 6000, 7000, "yes")),
        ("Bo,6000,5000,yes\n", ("Bo", 6000, 6180, "yes")),
        ("Bo,soon,7000,yes\n", ("Bo", 6820, 7000, "yes")),
        ("Bo,6000,later,yes\n", ("Bo", 6000, 6180, "yes")),
        ('Bo,6000,7000,"yes\n', ("Bo", 6000, 7000, "yes")),
        ('Bo,6000,7000,"yes" no\n', ("Bo", 6000, 7000, "yes no")),
    ],
)
def test_a_ragged_row_is_mended(row: str, read: tuple[object, ...]) -> None:
    rows, told = table(HEAD + ROWS + row + "\n,,,\n")
    assert rows[-1][:3] == read[:3]
    assert str(rows[-1][3]).replace('"', "") == read[3]
    assert len(rows) == 5
    assert bool(told) == (row not in {"Bo,6000,7000,yes,,,\n", ",6000,7000,yes\n"})


def test_an_open_quote_takes_no_other_row_with_it() -> None:
    rows, _ = table(HEAD + 'Ann,0,900,"open\n' + ROWS + 'Bo,6000,7000,"x\ny"\n')
    assert [row[3] for row in rows] == ["open", "w1", "w2", "w3", "w4", "x y"]


def test_mostly_bad_rows_are_refused() -> None:
    with pytest.raises(InputError, match="line 6: no start_ms"):
        table(HEAD + ROWS + "Bo,x,,y\n" * 4)


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\nSpeaker ; Start ms; END-MS ;Text\nAnn;1000;1900;w1\n",
        '"sep=;"\r\nspeaker;start;end;text\r\nAnn;1,0;1,9;w1\r\n',
        "sep=\t\nspeaker\tstart\tend\ttext\nAnn\t00:00:01.000\t00:00:01,900\tw1\n",
        "Start;End;Speaker;Text;;\n1000;1900;Ann;w1;;\n;;;;;\n",
        "start_s,end_s,name,utterance\n1,1.9,Ann,w1\n",
        "start (s),end (s),name,utterance\n1,1.9,Ann,w1\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_as_programs_write_them(text: str, encoding: str) -> None:
    assert table(text.encode(encoding)) == ([("Ann", 1000, 1900, "w1")], ())


def test_whole_numbers_are_seconds_where_milliseconds_leave_no_time() -> None:
    text = "start\tend\ttext\n{}\t{}\tthis takes a while to say\n{}\t{}\tand so does this one\n"
    for of in ((1, 4, 4, 7), (1000, 4000, 4000, 7000)):
        assert [row[1:3] for row in table(text.format(*of))[0]] == [(1000, 4000), (4000, 7000)]


def test_a_table_that_excel_saved_on_windows() -> None:
    rows, told = table("speaker;start_ms;text\nJörg;0;schön\n".encode("cp1252"))
    assert rows == [("Jörg", 0, None, "schön")]
    assert told == ("Tables that are not UTF-8, read as Windows-1252: accents may be wrong: 1.",)
    with pytest.raises(InputError, match="not UTF-8"):
        table(b"speaker;start_ms;text\n\x81;0;x\n")


def test_roles_in_any_case_and_an_unknown_one_among_many() -> None:
    good = "Therapist,0,a\nPATIENT,1000,b\n" * 3
    frame = transcript_csv.read(f"role,start_ms,text\n{good}theraspist,9000,c\n")
    assert frame["role"].to_list() == ["therapist", "client"] * 3 + [None]
    assert frame["speaker"].to_list()[-1] == "theraspist"
