"""A generated session for tests of the report: plausible, seeded, nobody's words."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from pipeline.core import tables as t
from pipeline.core.tables import Metadata, Recording, Tables
from pipeline.rules import RuleEntry
from pipeline.workspace.provenance import EngineChoice, Provenance

State = Callable[[], tuple[Recording, Tables, Provenance]]

THERAPIST_SAYS = (
    "What was that like for you?",
    "And when you notice that, where do you feel it?",
    "Mm-hm.",
    "So part of you wanted to go, and part of you, um, would rather have stayed at home.",
    "Could you say a little more about what happened just before?",
    "Right.",
    "I wonder whether that is close to what we spoke about last time.",
    "Take your time.",
)
CLIENT_SAYS = (
    "I don't know, it was, it was all right I suppose. We had dinner and then he left early.",
    "Yeah.",
    "Well, um, on Thursday I had the meeting, and I got there and nobody else had read anything.",
    "It goes here, in the throat, and then I stop talking.",
    "My sister rang again and it was the same thing as ever, she talks and I hold the phone.",
    "Okay.",
    "I think I was more tired than angry. The whole week had been like that, one thing on another.",
    "Not really.",
)


@dataclass
class Scene:
    """Turns as they are spoken; time moves on with each."""

    rng: random.Random
    now_ms: int = 2_400
    turns: list[dict[str, object]] = field(default_factory=list)
    silences: list[dict[str, object]] = field(default_factory=list)
    overlaps: list[dict[str, object]] = field(default_factory=list)

    def say(
        self, role: str, text: str, gap_ms: int | None = None, *, backchannel: bool = False
    ) -> int:
        """Append a turn and return its id."""
        gap = max(int(self.rng.gauss(210, 300)), -700) if gap_ms is None else gap_ms
        previous = self.turns[-1] if self.turns else None
        start = max(self.now_ms + gap, 0)
        words = len(text.split())
        end = start + 280 + int(words * self.rng.uniform(300, 430))
        turn_id = len(self.turns)
        if previous is not None and previous["role"] == role and gap < 0:
            start = self.now_ms + 150
        if previous is not None and start > self.now_ms:
            self._hush(self.now_ms, start, str(previous["role"]), role)
        if previous is not None and start < self.now_ms:
            self.overlaps.append(
                {
                    "overlap_id": len(self.overlaps),
                    "start_ms": start,
                    "end_ms": min(self.now_ms, end),
                    "holder": previous["role"],
                    "other": role,
                    "holder_role": previous["role"],
                    "other_role": role,
                    "kind": "backchannel" if backchannel else "cooperative",
                    "form": None if backchannel else "terminal",
                    "holder_turn": previous["turn_id"],
                    "other_turn": turn_id,
                    "into_ms": max(0, start - int(str(previous["start_ms"]))),
                    "went_on": "holder" if end < self.now_ms else "other",
                    "cut_off": False,
                }
            )
        other = [x for x in self.turns if x["role"] != role]
        self.turns.append(
            {
                "turn_id": turn_id,
                "speaker": role,
                "role": role,
                "start_ms": start,
                "end_ms": end,
                "text": text,
                "n_words": words,
                "is_backchannel": backchannel,
                "latency_ms": start - int(str(other[-1]["end_ms"])) if other else None,
            }
        )
        self.now_ms = max(self.now_ms, end)
        return turn_id

    def talk(self, until_ms: int) -> None:
        """Ordinary conversation up to a time."""
        while self.now_ms < until_ms:
            for role, lines in (("therapist", THERAPIST_SAYS), ("client", CLIENT_SAYS)):
                text = self.rng.choice(lines)
                if role == "client" and len(text.split()) > 2:
                    text = " ".join([text, *self.rng.choices(CLIENT_SAYS, k=self.rng.randrange(3))])
                gap = (
                    int(1000 + self.rng.expovariate(1 / 900)) if self.rng.random() < 0.12 else None
                )
                self.say(role, text, gap, backchannel=len(text.split()) == 1)

    def _hush(self, start: int, end: int, before: str, after: str) -> None:
        kind = "gap" if before != after else ("pause" if end - start <= 1500 else "lapse")
        self.silences.append(
            {
                "silence_id": len(self.silences),
                "start_ms": start,
                "end_ms": end,
                "length_ms": end - start,
                "before_speaker": before,
                "after_speaker": after,
                "before_role": before,
                "after_role": after,
                "kind": kind,
                "missed_speech_risk": False,
                "dropout_ms": 0,
            }
        )


def clause(
    text: str,
    condition: str,
    observed: dict[str, object],
    params: Sequence[str] = (),
    *,
    held: bool = True,
    set_aside: str | None = None,
) -> dict[str, object]:
    """One clause of a hit."""
    return {
        "text": text,
        "condition": condition,
        "params": params,
        "observed": json.dumps(observed),
        "held": held,
        "set_aside": set_aside,
    }


@dataclass
class Book:
    """Hits and moments, as they are planted."""

    hits: list[dict[str, object]] = field(default_factory=list)
    moments: list[dict[str, object]] = field(default_factory=list)

    def hit(
        self, scene: Scene, turns: Sequence[int], rule: str, marker: str, **more: object
    ) -> int:
        """Append a hit over some turns and return its id."""
        kinds = {"W": "withdrawal", "C": "confrontation"}
        row: dict[str, object] = {
            "hit_id": len(self.hits),
            "rule": rule,
            "kind": kinds.get(marker[0], "therapist_move"),
            "marker": marker,
            "primary": True,
            "weight": 1.0,
            "item": "turn",
            "item_ids": list(turns),
            "start_ms": scene.turns[turns[0]]["start_ms"],
            "end_ms": scene.turns[turns[-1]]["end_ms"],
            "clauses": [],
            "params": json.dumps({}),
            "suppressed_by": None,
        }
        self.hits.append(row | more)
        return len(self.hits) - 1

    def moment(self, hits: Sequence[int], turns: Sequence[int], **more: object) -> None:
        """Append a moment made of some hits."""
        first = self.hits[hits[0]]
        row: dict[str, object] = {
            "moment_id": len(self.moments),
            "kind": first["kind"],
            "marker": first["marker"],
            "start_ms": first["start_ms"],
            "end_ms": first["end_ms"],
            "score": 0.5,
            "primary_hits": [h for h in hits if self.hits[h]["primary"]],
            "supporting_hits": [h for h in hits if not self.hits[h]["primary"]],
            "quote_turns": list(turns),
            "response": None,
            "response_codes": [],
            "response_turns": [],
            "caveats": [],
        }
        self.moments.append(row | more)


SILENCE_PARAMS = json.dumps(
    {
        "min_ms": {"value": 3000, "source": "PICS (Levitt 2001) counts silences from 3 s"},
        "unusual": {"value": 1.5, "source": "starting value; long for this pair"},
    }
)


def _silent_question(scene: Scene, book: Book) -> None:
    """W2: the therapist asks, waits, and asks again; nothing is said about it."""
    ids = [
        scene.say("client", "So that was the weekend, more or less.", 300),
        scene.say("therapist", "What comes up when you think of seeing him again on Friday?", 420),
        scene.say("therapist", "You went quiet.", 5_200),
        scene.say("therapist", "We can also look at the diary, if you like.", 4_100),
        scene.say("client", "Whatever you think.", 1_400),
        scene.say("therapist", "Let's do that, then. Monday is still empty.", 500),
    ]
    scene.say("client", "Right.", 300)
    length = int(str(scene.turns[ids[2]]["start_ms"])) - int(str(scene.turns[ids[1]]["end_ms"]))
    hit = book.hit(
        scene,
        ids[1:4],
        "silence-between-therapist-turns",
        "W2",
        item="silence",
        params=SILENCE_PARAMS,
        clauses=[
            clause(
                "the therapist got no answer and spoke again",
                "before_role = 'therapist' AND after_role = 'therapist'",
                {"before_role": "therapist", "after_role": "therapist"},
            ),
            clause("for 5.2 s", "length_ms >= 3000", {"length_ms": length}, ["min_ms"]),
            clause(
                "long for this pair",
                "length_ms_z >= 1.5",
                {"length_ms_z": None},
                ["unusual"],
                held=False,
                set_aside="small baseline: 12 values (30 needed)",
            ),
            clause(
                "the therapist got no answer and spoke again",
                "before_role = 'therapist' AND after_role = 'therapist'",
                {"before_role": "therapist", "after_role": "therapist"},
            ),
            clause("for 4.1 s", "length_ms >= 3000", {"length_ms": 4100}, ["min_ms"]),
            clause(
                "long for this pair",
                "length_ms >= 4000",
                {"length_ms": 4100},
                set_aside="small baseline: 12 values (30 needed), a fixed threshold was used",
            ),
            clause("2 times", "at least 2 within 120 s", {"items": 2, "span_ms": 9300}),
        ],
    )
    deferring = book.hit(
        scene,
        ids[4:5],
        "deferring",
        "W5",
        primary=False,
        weight=0.4,
        clauses=[clause("the client left it to the therapist", "deference >= 1", {"deference": 1})],
    )
    book.moment(
        [hit, deferring],
        ids,
        score=0.81,
        response="none_found",
        caveats=["A client who thinks before answering sounds the same; listen to the silence."],
    )


def _homework(scene: Scene, book: Book) -> None:
    """C3: a complaint about the homework; the therapist owns it, and the client goes on."""
    ids = [
        scene.say("therapist", "Did you get round to the worry diary?", 400),
        scene.say(
            "client",
            "I did two days. Honestly, I don't see what writing it all down is supposed to do, "
            "it's pointless, I worry just as much and now it's on paper.",
            350,
        ),
        scene.say(
            "therapist",
            "I'm glad you said so. Some of that is down to me, I never asked whether it suited "
            "you. What is it like to tell me that it isn't working?",
            640,
        ),
        scene.say("client", "It's, um, it's a relief, really. I thought you would be cross.", 500),
    ]
    hit = book.hit(
        scene,
        ids[1:2],
        "complaint-about-task",
        "C3",
        params=json.dumps(
            {
                "min_words": {
                    "value": 4,
                    "source": "shorter turns carry no complaint of their own",
                },
                "window_ms": {"value": 120000, "source": "starting value"},
            }
        ),
        clauses=[
            clause(
                "the client called a task of therapy pointless",
                "complaint_task >= 1",
                {"complaint_task": 2},
            ),
            clause("in 26 words", "n_words >= 4", {"n_words": 26}),
        ],
    )
    voice = book.hit(
        scene,
        ids[1:2],
        "louder-than-usual",
        "C3",
        primary=False,
        weight=0.3,
        clauses=[
            clause(
                "louder than this client usually is",
                "level_dbfs_z >= 1.5",
                {"level_dbfs": -19.4, "level_dbfs_z": 1.83, "level_dbfs_n": 131},
            )
        ],
    )
    book.moment(
        [hit, voice],
        ids,
        score=0.74,
        response="possibly_repaired",
        response_codes=["R5", "R4"],
        response_turns=ids[2:3],
    )


def _not_listening(scene: Scene, book: Book) -> None:
    """C1: a complaint about the therapist, addressed."""
    ids = [
        scene.say("therapist", "So your brother wants to sell his house, and I wondered if", 300),
        scene.say(
            "client",
            "No, it's my dad's house. I told you that twice. Half the time I don't think you're "
            "hearing me, you're just waiting for the next question.",
            -480,
        ),
        scene.say("therapist", "You're right, I mixed that up, and I'm sorry.", 900),
        scene.say("client", "It's fine.", 700),
    ]
    hit = book.hit(
        scene,
        ids[1:2],
        "complaint-about-therapist",
        "C1",
        params=json.dumps({"overlap_ms": {"value": 200, "source": "starting value"}}),
        clauses=[
            clause("the client said the therapist does not listen", "about_you >= 1",
                   {"about_you": 1}),
            clause("coming in 0.48 s before the therapist had finished", "latency_ms <= 200",
                   {"latency_ms": -480, "latency_ms_z": -1.9, "latency_ms_pct": 0.03}),
        ],
    )  # fmt: skip
    book.moment(
        [hit],
        ids,
        score=0.92,
        response="addressed",
        response_codes=["R5"],
        response_turns=ids[2:3],
        caveats=["“It's fine” may be deference: an apology that is accepted is not yet repair."],
    )


def _short_answers(scene: Scene, book: Book) -> None:
    """W2: three slow replies of two words; the therapist turns to something else."""
    ids: list[int] = []
    for question in (
        "What do you think it would mean for you, to have your father living in the next street?",
        "And if you imagine him there on a Sunday morning, what do you notice in yourself then?",
        "What would you want him to know about how it has been for you all these years?",
    ):
        ids.append(scene.say("therapist", question, 500))
        ids.append(scene.say("client", scene.rng.choice(("Not sure.", "It's fine.")), 2_300))
    ids.append(scene.say("therapist", "Let's come back to that another time. And the job?", 800))
    scene.say("client", CLIENT_SAYS[2], 300)
    hit = book.hit(
        scene,
        ids[1:6],
        "minimal-response",
        "W2",
        params=json.dumps({"max_words": {"value": 3, "source": "domain notes: replies of <= 3"}}),
        clauses=[
            clause("three replies in a row had at most 3 words", "n_words <= 3",
                   {"n_words": [2, 2, 2]}),
            clause("to open questions", "prev_therapist_is_open = true",
                   {"prev_therapist_is_open": True}),
            clause("after 2.3 s, slow for this client", "latency_ms_z >= 1.5",
                   {"latency_ms": 2300, "latency_ms_z": 2.41, "latency_ms_n": 88}),
        ],
    )  # fmt: skip
    book.moment(
        [hit],
        ids,
        score=0.66,
        response="redirected",
        response_codes=["R10"],
        response_turns=ids[6:7],
    )


def _asides(scene: Scene, book: Book) -> None:
    """Hits that do not count, a therapist's move, and a moment that the end cuts off."""
    quiet = scene.say("therapist", "Close your eyes, and let the breath come and go.", 400)
    again = scene.say("therapist", "And notice the chair under you.", 4_800)
    book.hit(
        scene,
        [quiet, again],
        "silence-between-therapist-turns",
        "W2",
        item="silence",
        suppressed_by="the therapist was guiding an exercise",
        params=SILENCE_PARAMS,
        clauses=[clause("for 4.8 s", "length_ms >= 3000", {"length_ms": 4800}, ["min_ms"])],
    )
    said = scene.say("client", "And she goes, you never listen, you know how she is.", 300)
    book.hit(
        scene,
        [said],
        "complaint-about-therapist",
        "C1",
        suppressed_by="reported speech: these are somebody else's words",
        clauses=[clause("you never listen", "about_you >= 1", {"about_you": 1})],
    )
    alone = scene.say("client", "I guess so.", 300)
    book.hit(
        scene,
        [alone],
        "deferring",
        "W5",
        primary=False,
        weight=0.4,
        clauses=[clause("a bare assent after advice", "deference >= 1", {"deference": 1})],
    )
    late = scene.say("therapist", "Mm. So next Tuesday at four.", 3_900)
    move = book.hit(
        scene,
        [late],
        "therapist-slow-to-answer",
        "therapist away",
        clauses=[
            clause("the therapist answered after 3.9 s", "latency_ms >= 3000",
                   {"latency_ms": 3900})
        ],
    )  # fmt: skip
    book.moment([move], [alone, late], score=0.4, caveats=["Deliberate space sounds the same."])


def frames(duration_ms: int, turns: list[dict[str, object]], seed: int) -> pl.DataFrame:
    """Pitch and level on two channels: therapist on 0, client on 1."""
    noise = np.random.default_rng(seed)
    parts = []
    for channel, role, pitch, level in ((0, "therapist", 205.0, -24.0), (1, "client", 118.0, -22)):
        t_ms = np.concatenate(
            [
                np.arange(-(-int(str(x["start_ms"])) // 10) * 10, int(str(x["end_ms"])), 10)
                for x in turns
                if x["role"] == role
            ]
        )
        t_ms = np.unique(t_ms)
        drift = 1.6 * np.sin(t_ms / duration_ms * 9) + noise.normal(0, 1.4, len(t_ms))
        voiced = noise.random(len(t_ms)) < 0.55
        parts.append(
            pl.DataFrame(
                {
                    "t_ms": t_ms,
                    "channel": np.full(len(t_ms), channel),
                    "f0_hz": pl.Series(pitch * 2 ** (drift / 12)).set(
                        pl.Series(~voiced), None
                    ),
                    "voicing": voiced * 0.9,
                    "level_dbfs": level + 2 * np.sin(t_ms / duration_ms * 14)
                    + noise.normal(0, 3, len(t_ms)),
                    **dict.fromkeys(("vowel_dbfs", "hnr_db", "cpp_db", "jitter", "shimmer")),
                }
            )
        )  # fmt: skip
    return t.FRAMES.conform(pl.concat(parts).sort("t_ms", "channel"))


def provenance() -> Provenance:
    """How the generated session pretends to have been made."""
    return Provenance(
        version="0.1.0",
        profile="default",
        engines=(
            EngineChoice("speech activity", "silero", "carried by faster-whisper",
                         {"library": "faster-whisper 1.2.1", "model": "silero_vad_v6"}),
            EngineChoice("who spoke when", "channels",
                         "each speaker has a channel, and no model is better than that",
                         {"version": "1"}),
            EngineChoice("words", "faster_whisper", "the first that is installed",
                         {"library": "faster-whisper 1.2.1", "model": "whisper-base",
                          "sha256": "5f2a" * 16}),
            EngineChoice("pitch", "swift_f0", "named in the settings",
                         {"library": "swift-f0 0.3.1"}),
        ),
        stages={x: d * 32 for x, d in (("activity", "a1"), ("spans", "b2"), ("words", "c3"))},
        rules=(
            RuleEntry("silence-between-therapist-turns", "withdrawal", "W2", ("timing",)),
            RuleEntry("minimal-response", "withdrawal", "W2", ("timing", "words")),
            RuleEntry("deferring", "withdrawal", "W5", ("words",), primary=False),
            RuleEntry("complaint-about-therapist", "confrontation", "C1", ("words",)),
            RuleEntry("complaint-about-task", "confrontation", "C3", ("words",)),
            RuleEntry("louder-than-usual", "confrontation", "C3", ("voice",), primary=False),
        ),
        role_commands=('tether run FILE --role "speaker 1=therapist"',),
    )  # fmt: skip


def session(minutes: int = 41, seed: int = 7) -> tuple[Recording, Tables, Provenance]:
    """A session of about `minutes` with four moments, one for each response state."""
    scene, book = Scene(random.Random(seed)), Book()  # noqa: S311 no secret
    total = minutes * 60_000
    for share, plant in (
        (0.11, _homework),
        (0.32, _not_listening),
        (0.55, _short_answers),
        (0.74, _silent_question),
        (0.9, _asides),
    ):
        scene.talk(int(total * share))
        plant(scene, book)
    scene.talk(total - 15_000)
    duration = scene.now_ms + 3_100
    recording = Recording(
        "3f9c2b71" * 8,
        duration,
        48_000,
        2,
        Metadata(
            client="C-014",
            therapist="T-03",
            session_number=7,
            language="en",
            consent="CONSENT-2026-0114",
            channels={1: "therapist", 2: "client"},
        ),
    )
    return recording, _tables(recording, scene, book, seed), provenance()


def _tables(recording: Recording, scene: Scene, book: Book, seed: int) -> Tables:
    spans: list[dict[str, object]] = [
        {"start_ms": x["start_ms"], "end_ms": x["end_ms"], "speaker": x["speaker"],
         "channel": 0 if x["role"] == "therapist" else 1, "exclusive": True, "regular": True}
        for x in scene.turns
    ]  # fmt: skip
    quality: list[dict[str, object]] = [
        {"channel": c, "measure": m, "value": v, "disables": [], "because": None}
        for c, m, v in (
            (0, "snr_db", 31.2), (1, "snr_db", 24.8), (0, "clipped_share", 0.0),
            (1, "clipped_share", 0.0004), (0, "bandwidth_hz", 7800.0), (1, "bandwidth_hz", 7750.0),
            (None, "word_confidence", 0.81),
        )
    ]  # fmt: skip
    return {
        "media": t.MEDIA.frame([{"duration_ms": recording.duration_ms, "sample_rate_hz": 48_000,
                                 "channels": 2, "codec": "flac", "damaged_packets": 0,
                                 "gap_ms": 0}]),
        "spans": t.SPANS.frame(spans),
        "diarization": t.DIARIZATION.frame([{"engine": "channels", "speakers": 2, "margin": None,
                                             "knows_overlap": True}]),
        "transcription": t.TRANSCRIPTION.frame([{"engine": "faster_whisper", "language": "en",
                                                 "dropped_words": 4, "note": None}]),
        "turns": t.TURNS.frame(scene.turns).sort("start_ms", "turn_id"),
        "silences": t.SILENCES.frame(scene.silences),
        "overlaps": t.OVERLAPS.frame(scene.overlaps),
        "roles": t.ROLES.frame([{"speaker": r, "role": r, "source": "sidecar"}
                                for r in ("therapist", "client")]),
        "frames": frames(recording.duration_ms, scene.turns, seed),
        "quality": t.QUALITY.frame(quality),
        "hits": t.HITS.frame(book.hits),
        "moments": t.MOMENTS.frame(book.moments),
    }  # fmt: skip


def without_moments() -> tuple[Recording, Tables, Provenance]:
    """A session in which nothing was flagged."""
    recording, tables, made = session()
    return recording, {**tables, "hits": t.HITS.empty(), "moments": t.MOMENTS.empty()}, made


def unknown_roles() -> tuple[Recording, Tables, Provenance]:
    """Two speakers, and nobody knows who is the therapist."""
    recording, tables, made = without_moments()
    names = {"therapist": "speaker 1", "client": "speaker 2"}
    turns = tables["turns"].with_columns(pl.col("speaker").replace(names), role=pl.lit("unknown"))
    silences = tables["silences"].with_columns(
        pl.col("before_speaker", "after_speaker").replace(names),
        before_role=pl.lit("unknown"),
        after_role=pl.lit("unknown"),
    )
    overlaps = tables["overlaps"].with_columns(
        pl.col("holder", "other").replace(names),
        holder_role=pl.lit("unknown"),
        other_role=pl.lit("unknown"),
    )
    roles: list[dict[str, object]] = [
        {"speaker": s, "role": "unknown", "source": "unknown"} for s in names.values()
    ]
    return (
        replace(recording, metadata=Metadata(language="en")),
        {
            **tables,
            "turns": t.TURNS.conform(turns),
            "silences": t.SILENCES.conform(silences),
            "overlaps": t.OVERLAPS.conform(overlaps),
            "spans": tables["spans"].with_columns(pl.col("speaker").replace(names)),
            "roles": t.ROLES.frame(roles),
        },
        made,
    )  # fmt: skip


def without_words() -> tuple[Recording, Tables, Provenance]:
    """Timing only: no transcriber for the language; one moment rests on a silence."""
    recording, tables, made = session()
    nulls = {name: pl.lit(None) for name in ("text", "n_words", "is_backchannel")}
    moments = tables["moments"].filter(pl.col("moment_id") == 3).with_columns(
        response=pl.lit(None), response_codes=pl.lit([], dtype=pl.List(pl.String)),
        response_turns=pl.lit([], dtype=pl.List(pl.Int64)),
    )  # fmt: skip
    note: list[dict[str, object]] = [{"engine": "none", "language": "fi", "dropped_words": 0,
             "note": "no transcriber here knows Finnish"}]  # fmt: skip
    return (
        recording,
        {
            **tables,
            "turns": t.TURNS.conform(tables["turns"].with_columns(**nulls)),
            "overlaps": t.OVERLAPS.conform(tables["overlaps"].with_columns(kind=pl.lit(None))),
            "transcription": t.TRANSCRIPTION.frame(note),
            "moments": t.MOMENTS.conform(moments),
            "quality": pl.concat(
                [tables["quality"], _abstaining("words", "no transcriber here knows Finnish")]
            ),
        },
        replace(
            made,
            notes=("Words are missing because no transcriber here knows Finnish.",),
        ),
    )


def transcript_only() -> tuple[Recording, Tables, Provenance]:
    """A transcript without audio: no voice, and silences are as good as its times."""
    recording, tables, made = session()
    return (
        replace(recording, channels=0, sample_rate_hz=None),
        {
            **tables,
            "frames": t.FRAMES.empty(),
            "quality": _abstaining("voice", "there is no audio"),
            "media": t.MEDIA.frame([{"duration_ms": recording.duration_ms, "channels": 0,
                                     "damaged_packets": 0, "gap_ms": 0}]),
        },
        made,
    )  # fmt: skip


def _abstaining(family: str, because: str) -> pl.DataFrame:
    row = {"measure": "word_confidence", "disables": [family], "because": because}
    return t.QUALITY.frame([dict[str, object](row)])


def without_speech() -> tuple[Recording, Tables, Provenance]:
    """Half an hour in which nobody speaks."""
    recording, _, made = session(minutes=3)
    return replace(recording, duration_ms=1_800_000), {}, made
