import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files

import polars as pl
import pytest
import report_session as made

from pipeline import report
from pipeline.core import tables as t
from pipeline.report import evidence, quality

ATTACK = "</style></title><script>alert(1)</script><img src=x onerror=alert(1)>\"'{{7*7}}"
VOID = {"meta", "input", "br", "img", "link", "hr"}
STATES = [
    made.session,
    made.without_moments,
    made.unknown_roles,
    made.without_words,
    made.transcript_only,
    made.without_speech,
]


class Outline(HTMLParser):
    """Reads a document strictly: what opens must close, in order."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.headings: list[int] = []
        self.feed(document)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), f"an attribute stands twice on <{tag}>"
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def values(self, attribute: str) -> list[str]:
        return [attrs[attribute] or "" for _, attrs in self.elements if attribute in attrs]


@pytest.fixture(scope="module")
def document() -> str:
    return report.render(*made.session())


@pytest.fixture(scope="module")
def outline(document: str) -> Outline:
    return Outline(document)


def test_same_input_gives_the_same_bytes(document: str) -> None:
    assert report.render(*made.session()) == document


@pytest.mark.parametrize("state", STATES)
def test_every_state_is_a_sound_document(state: made.State) -> None:
    outline = Outline(report.render(*state()))
    ids = outline.values("id")
    assert len(ids) == len(set(ids))
    targets = [href[1:] for href in outline.values("href") if href.startswith("#")]
    assert set(targets) <= set(ids)
    for attribute in ("aria-labelledby", "for"):
        assert {i for value in outline.values(attribute) for i in value.split()} <= set(ids)
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    steps = zip(outline.headings, outline.headings[1:], strict=False)
    assert all(following <= before + 1 for before, following in steps)
    assert {"header", "nav", "main", "footer"} <= {tag for tag, _ in outline.elements}


@pytest.mark.parametrize("state", STATES)
def test_nothing_is_loaded_and_nothing_runs(state: made.State) -> None:
    document = report.render(*state())
    outline = Outline(document)
    assert {tag for tag, _ in outline.elements}.isdisjoint(
        {"script", "link", "img", "iframe", "object", "embed", "form", "audio", "video", "base"}
    )
    names = {name for _, attrs in outline.elements for name in attrs}
    assert not [name for name in names if name.startswith("on")]
    assert "src" not in names
    assert "style" not in names, "the policy refuses style attributes"
    assert all(href.startswith("#") for href in outline.values("href"))
    assert not re.search(r"https?:|url\((?!#)|@import", document)


def test_the_policy_allows_the_style_sheet_and_nothing_else(document: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', document)
    style = re.search(r"<style>(.*)</style>", document, re.DOTALL)
    assert policy
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy[1].startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "unsafe" not in policy[1]


def test_what_comes_from_outside_is_inert() -> None:
    recording, tables, provenance = made.session()
    hostile = pl.lit(ATTACK)
    clauses = [made.clause(ATTACK, ATTACK, {ATTACK: ATTACK}, held=False, set_aside=ATTACK)]
    hits = [
        {**hit, "rule": ATTACK, "clauses": clauses, "params": made.SILENCE_PARAMS}
        for hit in tables["hits"].iter_rows(named=True)
    ]
    document = report.render(
        replace(
            recording,
            metadata=replace(
                recording.metadata, client=ATTACK, therapist=ATTACK, consent=ATTACK, language=ATTACK
            ),
        ),
        {
            **tables,
            "turns": tables["turns"].with_columns(
                text=hostile, speaker=pl.col("speaker") + hostile
            ),
            "spans": tables["spans"].with_columns(speaker=pl.col("speaker") + hostile),
            "roles": tables["roles"].with_columns(
                speaker=pl.col("speaker") + hostile, because=hostile
            ),
            "transcription": tables["transcription"].with_columns(language=hostile),
            "hits": t.HITS.frame(hits),
            "moments": tables["moments"].with_columns(
                caveats=pl.concat_list(hostile), response_codes=pl.concat_list(hostile)
            ),
        },
        replace(
            provenance,
            notes=(ATTACK,),
            profile=ATTACK,
            role_commands=(ATTACK,),
            stages={ATTACK: ATTACK},
            engines=(report.EngineChoice(ATTACK, ATTACK, ATTACK, {ATTACK: ATTACK}),),
        ),
    )
    outline = Outline(document)
    tags = {tag for tag, _ in outline.elements}
    assert tags.isdisjoint({"script", "img"})
    assert ATTACK in outline.text
    assert "{{7*7}}" in outline.text


def test_a_card_holds_the_whole_evidence(outline: Outline) -> None:
    for words in (
        "Possible withdrawal",
        "Possible confrontation",
        "C1 complaint about the therapist",
        "The therapist got no answer and spoke again, for 5.2 s; 2",
        "You went quiet.",
        "5.2 s of silence",
        "set aside: small baseline: 12 values (30 needed)",
        "a fixed threshold was used",
        "length_ms >= 3000",
        "min_ms = 3.0 s PICS (Levitt 2001) counts silences from 3 s",
        "latency, z \u22121.90",
        "R5 acknowledge one's own contribution (expressive)",
        "R10 redirect or refocus",
        "may be deference",
        "rank 1 of 4",
        "reported speech: these are somebody else's words",
    ):
        assert words.lower() in outline.text.lower(), words


def test_a_clause_stands_with_its_value_limit_source_and_baseline() -> None:
    hit = {
        "rule": "late-answers", "kind": "withdrawal", "marker": "W2", "primary": True,
        "weight": 1.0, "start_ms": 0, "end_ms": 9000, "suppressed_by": None,
        "params": '{"late": {"value": 1.5, "source": "a study"}, "few": {"value": 1.5}}',
        "clauses": [
            made.clause(f"after {s} s", "latency_ms_z >= 1.5",
                        {"role": "client", "latency_ms_z": z, "latency_ms_n": 44}, ["late"])
            for s, z in ((2, 2.0), (3, 3.0))
        ] + [made.clause("2 times", "at least 2", {"items": 2, "span_ms": 4000})],
    }  # fmt: skip
    told = evidence.of_hit(hit)
    assert told.sentence == "After 2 s; 2 times."
    assert [[clause.text for clause in own] for own in told.rounds] == [
        ["after 2 s"],
        ["after 3 s"],
    ]
    assert told.counted
    clause = told.rounds[0][0]
    assert [(value.label, value.text) for value in clause.values] == [("latency, z", "2")]
    assert clause.baseline == "44 values"
    assert [(p.name, p.text, p.source) for p in clause.parameters] == [("late", "1.50", "a study")]
    assert [p.name for p in told.parameters] == ["late", "few"]


def test_the_session_is_told_in_words_as_well(outline: Outline) -> None:
    for words in (
        "The same in words and numbers",
        "Time Therapist has the floor Client has the floor Silences of 1 s or longer",
        "00:00\u201305:00",
        "Pitch and level are medians",
    ):
        assert words in outline.text, words
    again = [attrs for tag, attrs in outline.elements if attrs.get("aria-label") == "Moment 2"]
    assert [attrs["href"] for attrs in again] == ["#moment-2"]


def test_every_state_of_the_response_is_named_and_none_is_called_resolved() -> None:
    recording, tables, provenance = made.session()
    moments = tables["moments"]
    for state, words in (
        ("none_found", "None found"),
        ("redirected", "Redirected"),
        ("addressed", "Addressed"),
        ("possibly_repaired", "Possibly repaired"),
        (None, "Not assessed"),
    ):
        one = moments.head(1).with_columns(response=pl.lit(state, dtype=pl.String))
        document = report.render(recording, {**tables, "moments": one}, provenance)
        assert words.lower() in Outline(document).text.lower()
        assert "resolved" not in document.lower()


def test_moments_stand_in_order_of_time_and_the_timeline_leads_to_them(outline: Outline) -> None:
    cards = [i for i in outline.values("id") if re.fullmatch(r"moment-\d+", i)]
    assert cards == ["moment-1", "moment-2", "moment-3", "moment-4"]
    marks = [
        attrs["href"]
        for tag, attrs in outline.elements
        if tag == "a" and ", possible" in (attrs.get("aria-label") or "")
    ]
    assert marks == [f"#{card}" for card in cards]


def test_therapist_moves_stand_apart(document: str) -> None:
    moments, _, rest = document.partition('id="moves"')
    assert "therapist-slow-to-answer" not in moments
    assert "therapist-slow-to-answer" in rest
    assert ">Therapist moves</h2>" in rest


def test_the_header_tells_engines_consent_and_limits(outline: Outline) -> None:
    for words in (
        "Client C-014 \u00b7 session 7",
        "with therapist T-03",
        "CONSENT-2026-0114",
        "English",
        "each speaker has a channel, and no model is better than that",
        "No threshold in the rules is clinically validated",
        "neurodivergence",
        "Tether does not assess risk",
    ):
        assert words in outline.text, words


def test_unknown_roles_show_the_command_and_flag_nothing() -> None:
    outline = Outline(report.render(*made.unknown_roles()))
    assert "No moments are flagged" in outline.text
    assert 'tether run FILE --role "speaker 1=therapist"' in outline.text
    assert "not looked for" in outline.text
    assert "Speaker 1" in outline.text
    assert "moment-1" not in outline.values("id")


def test_empty_states_say_what_is_so() -> None:
    for state, words in (
        (made.without_moments, "does not mean that none occurred"),
        (made.without_words, "no transcriber here knows Finnish"),
        (made.without_words, "There is no transcript"),
        (made.transcript_only, "A transcript without audio"),
        (made.transcript_only, "Rules based on voice were not used: there is no audio"),
        (made.without_speech, "No speech was found"),
        (made.without_speech, "No speech was found, so no moment"),
    ):
        assert words in Outline(report.render(*state())).text, words


def test_what_a_transcript_without_ends_cannot_say_is_not_said() -> None:
    recording, tables, provenance = made.transcript_only()
    unended = tables["diarization"].with_columns(ends_estimated=pl.lit(value=True))
    words = Outline(report.render(recording, {**tables, "diarization": unended}, provenance)).words
    told = " ".join(" ".join(words).split())
    assert "\u2013 silences of 1 s or longer not measured" in told
    assert "does not say when lines end, so timing was not measured" in told
    assert "Timing is only as accurate as" not in told
    for measured in ("Share of speech", "has the floor", "Response time"):
        assert measured not in told


def test_a_cut_recording_and_a_diarizer_without_overlap_are_told() -> None:
    recording, tables, provenance = made.session()
    media = tables["media"].with_columns(
        promised_ms=pl.col("duration_ms") + 600_000, damaged_packets=3
    )
    diarization = tables["diarization"].with_columns(knows_overlap=False)
    document = report.render(
        recording, {**tables, "media": media, "diarization": diarization}, provenance
    )
    text = Outline(document).text
    assert "The recording is cut off" in text
    assert "3 packets could not be decoded" in text
    assert "Overlapping speech was not measured" in text
    assert ">Overlap</text>" not in document


def test_quality_that_disables_is_told() -> None:
    recording, tables, provenance = made.session()
    quality = t.QUALITY.frame(
        [
            {
                "channel": 1,
                "measure": "snr_db",
                "value": 4.2,
                "disables": ["voice"],
                "because": "the client's channel is too noisy",
            }
        ]
    )
    text = Outline(report.render(recording, {**tables, "quality": quality}, provenance)).text
    assert "Rules based on voice were not used: the client's channel is too noisy" in text
    assert "4.20 dB" in text
    assert "Quality rules based on voice were not used" in text


def test_quality_of_both_channels_stands_in_one_row_and_the_poor_comes_first() -> None:
    rows: list[dict[str, object]] = [
        {"channel": channel, "measure": measure, "value": value, "disables": disables,
         "because": "too noisy" if disables else None}
        for channel, measure, value, disables in (
            (0, "clipped_share", 0.0, []), (1, "clipped_share", 0.02, []),
            (0, "snr_db", 31.0, []), (1, "snr_db", 4.0, ["voice", "words"]),
            (None, "word_confidence", None, []),
        )
    ]  # fmt: skip
    table = quality.quality({"quality": t.QUALITY.frame(rows)})
    assert table.columns == ("Channel 1", "Channel 2", "Whole recording")
    assert [(row.name, row.values, row.follows) for row in table.rows] == [
        (
            "Signal-to-noise ratio",
            ("31 dB", "4 dB", ""),
            "rules based on voice and words were not used: too noisy",
        ),
        ("Clipped", ("0 %", "2 %", ""), "good enough"),
        ("Transcription confidence", ("", "", "not measured"), ""),
    ]


def test_an_hour_stays_under_two_megabytes() -> None:
    recording, tables, provenance = made.session(minutes=60)
    assert recording.duration_ms > 3_500_000
    many = pl.concat(
        tables["moments"].with_columns(pl.col("moment_id") + 100 * n) for n in range(12)
    )
    document = report.render(recording, {**tables, "moments": many}, provenance)
    assert document.count('<article id="moment-') == 48
    assert len(document.encode()) < 2_000_000


def _schemes() -> list[tuple[str, dict[str, str]]]:
    style = (files("pipeline.report") / "templates" / "report.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    found = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in blocks]
    return list(zip(("light", "dark", "print"), found, strict=True))


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("scheme", "colours"), _schemes())
def test_colours_can_be_read(scheme: str, colours: dict[str, str]) -> None:
    text = [
        *((ink, ground) for ink in ("ink", "soft", "accent") for ground in ("paper", "card")),
        *((tone, "card") for tone in ("therapist", "client", "withdrawal", "confrontation")),
        *((tone, f"{of}-wash") for of in ("withdrawal", "confrontation", "move")
          for tone in ("ink", "therapist", "client")),
        ("move", "card"), ("therapist", "paper"),
        ("on-withdrawal", "withdrawal"), ("on-confrontation", "confrontation"),
        ("on-move", "move"), ("head-ink", "head"), ("head-soft", "head"),
        ("alert", "alert-wash"), ("ink", "alert-wash"), ("ink", "note-wash"),
    ]  # fmt: skip
    for ink, ground in text:
        low, high = sorted((_luminance(colours[ink]), _luminance(colours[ground])))
        ratio = (high + 0.05) / (low + 0.05)
        assert ratio >= 4.5, f"{scheme}: {ink} on {ground} is {ratio:.2f} to 1"
