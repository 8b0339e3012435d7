import io

import report_session as made

from pipeline.report import SessionSummary, Strongest, summarize, summary


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_session_in_one_line() -> None:
    recording, tables, _ = made.session()
    line = summarize(recording, tables, label="C-014, session 7", report="report.html")
    assert line.moments == {"withdrawal": 2, "confrontation": 2, "therapist_move": 1}
    assert line.strongest == Strongest("confrontation", "C1", line.strongest.start_ms, 0.92)  # type: ignore[union-attr]
    assert line.caveats == 3
    assert line.note == ""


def test_what_could_not_be_looked_for_is_no_zero() -> None:
    for state, note in ((made.unknown_roles, "roles unknown"), (made.without_speech, "no speech")):
        recording, tables, _ = state()
        line = summarize(recording, tables, label="x")
        assert line.moments is None
        assert line.note == note
    recording, tables, _ = made.without_words()
    line = summarize(recording, tables, label="x")
    assert line.note == "timing only"
    assert line.moments == {"withdrawal": 1, "confrontation": 0, "therapist_move": 0}


def test_a_log_gets_plain_lines() -> None:
    recording, tables, _ = made.session()
    stream = io.StringIO()
    lines = [
        summarize(recording, tables, label="C-014", report="sessions/3f/report.html"),
        SessionSummary("C-015", "failed", note="the file is empty"),
    ]
    summary.write(lines, stream)
    printed = stream.getvalue()
    assert "\x1b" not in printed
    head, first, second, place = printed.splitlines()
    assert head.split() == list(summary._HEADINGS)
    assert "C1 complaint about the therapist" in first
    assert second.split()[:4] == ["C-015", "-", "-", "-"]
    assert second.endswith("failed, the file is empty")
    assert place == "report of C-014: sessions/3f/report.html"


def test_a_label_cannot_steer_the_terminal() -> None:
    hostile = SessionSummary("[b]x\x1b[2J\n\u202e", "done")
    for stream in (io.StringIO(), Terminal()):
        summary.write([hostile], stream)
        assert "\x1b[2J" not in stream.getvalue()
        assert "\u202e" not in stream.getvalue()
        assert "[b]x" in stream.getvalue()
