"""The supervision sheet: what was decided, in three forms that say the same."""

import datetime as dt
import io
from collections.abc import Mapping
from dataclasses import replace

import pytest
import report_session
from browser import NewPage, Scheme, axe
from docx import Document
from markdown_it import MarkdownIt

from pipeline.core.tables import Recording, Tables
from pipeline.report import sheet
from pipeline.report.sheet import Sheet
from pipeline.workspace.verdicts import Verdict

NOTE = "He goes quiet <b>here</b>.\n===\n12. line *with* marks, and _more_"
NOW = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def session() -> tuple[Recording, Tables]:
    recording, tables, _ = report_session.session()
    return recording, tables


def decided(recording: Recording, tables: Tables) -> list[Verdict]:
    """Of the moments the first is confirmed, the second rejected, the third left unsure; one more
    was missed, and the rest waits."""
    rows = tables["moments"].filter(tables["moments"]["kind"] != "therapist_move")
    first, second, third, *_ = rows.sort("start_ms").to_dicts()

    def verdict(row: Mapping[str, object], decision: str, number: int, **more: object) -> Verdict:
        fields = {
            "recording_id": recording.recording_id,
            "start_ms": row["start_ms"],
            "end_ms": row["end_ms"],
            "decision": decision,
            "reviewer": "AK",
            "decided_at": NOW,
            "detected_kind": row["kind"],
            "detected_marker": row["marker"],
            "evidence": "{}",
            "kind": row["kind"],
            "marker": row["marker"],
            "salience": None,
            "note": "",
            "replaces": None,
            "verdict_id": number,
        }
        return Verdict.kept(**{**fields, **more})

    last = int(tables["turns"]["end_ms"].max())  # type: ignore[arg-type]
    missed = {"start_ms": last - 30_000, "end_ms": last - 20_000, "kind": None, "marker": None}
    return [
        verdict(first, "confirm", 1, salience=4, note=NOTE),
        verdict(second, "reject", 2, kind=None, marker=None),
        verdict(third, "unsure", 3),
        verdict(third, "confirm", 4, reviewer="BM", note="yes"),
        verdict(missed, "added", 5, kind="withdrawal"),
    ]


def made(session: tuple[Recording, Tables], **options: object) -> Sheet:
    return sheet.build(*session, decided(*session), **options)  # type: ignore[arg-type]


def test_it_holds_what_was_decided_and_counts_the_rest(session: tuple[Recording, Tables]) -> None:
    whole = made(session)
    names = [[opinion.decision for opinion in each.opinions] for each in whole.moments]
    assert names == [["confirmed"], ["unsure", "confirmed"], ["added"]]
    assert whole.rejected == 1
    moments = session[1]["moments"].filter(session[1]["moments"]["kind"] != "therapist_move")
    assert whole.undecided == moments.height - 3
    first, _, missed = whole.moments
    assert first.headline
    assert first.response
    assert missed.code == "withdrawal"
    assert missed.lines
    assert not missed.response


def test_one_reviewer_alone(session: tuple[Recording, Tables]) -> None:
    assert [each.opinions[0].reviewer for each in made(session, reviewer="BM").moments] == ["BM"]


def test_a_response_does_not_repeat_what_the_moment_quotes(
    session: tuple[Recording, Tables],
) -> None:
    for moment in made(session).moments:
        beyond = moment.response.lines if moment.response else ()
        assert not {line.machine_time for line in beyond} & {
            line.machine_time for line in moment.lines
        }


@pytest.mark.parametrize("form", sheet.FORMATS)
def test_a_sheet_for_the_supervisee_has_no_notes(
    session: tuple[Recording, Tables], form: str
) -> None:
    assert "He goes quiet" in text(form, [made(session)])
    assert "He goes quiet" not in text(form, [made(session, for_supervisee=True)])


def text(form: str, sheets: list[Sheet]) -> str:
    content = sheet.FORMATS[form](sheets)
    if form == "docx":
        return "\n".join(each.text for each in Document(io.BytesIO(content)).paragraphs)
    return content.decode()


@pytest.mark.parametrize("form", sheet.FORMATS)
def test_each_form_quotes_every_line(session: tuple[Recording, Tables], form: str) -> None:
    whole = made(session)
    shown = text(form, [whole])
    if form == "md":
        shown = MarkdownIt().render(shown)
    plain = " ".join(shown.replace("&quot;", '"').replace("&#39;", "'").split())
    for moment in whole.moments:
        assert moment.time in plain
        for line in moment.lines:
            assert " ".join((line.text or "").split()) in plain


def test_markdown_shows_notes_as_they_were_typed(session: tuple[Recording, Tables]) -> None:
    html = MarkdownIt().render(text("md", [made(session)]))
    assert "He goes quiet &lt;b&gt;here&lt;/b&gt;." in html
    assert "===<br />\n12. line *with* marks, and _more_" in html


def test_word_keeps_text_that_xml_cannot_hold(session: tuple[Recording, Tables]) -> None:
    whole = made(session)
    odd = replace(whole, title="Client \x00\x0b1")
    assert "Client   1" in text("docx", [odd])


def test_an_empty_sheet_says_so(session: tuple[Recording, Tables]) -> None:
    for form in sheet.FORMATS:
        assert "No moment" in text(form, [sheet.build(*session, [])])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible_and_short_on_paper(
    session: tuple[Recording, Tables], new_page: NewPage, scheme: Scheme
) -> None:
    """41 minutes with three decided moments take at most four pages of either paper."""
    page = new_page(scheme=scheme)
    page.set_content(text("html", [made(session)]))
    axe(page)
    for paper in ("A4", "Letter"):
        assert page.pdf(format=paper).count(b"/Type /Page\n") <= 4
