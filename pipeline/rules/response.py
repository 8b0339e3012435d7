"""What the therapist did after a moment, from the words alone.

The therapist's turns from the moment's start until `window_ms` after its end, or until the next
moment of that kind, are searched for the resolution strategies R1-R10 of the 3RS. ::

    none_found          no strategy was heard in the whole window
    redirected          R10 alone: back to the topic
    addressed           one of R1-R9
    possibly_repaired   addressed, then the client's next turns are at least as long as that
                        client's median, and no moment of the kind follows for `repair_ms`, or to
                        the recording's end

Never "resolved": "okay, sorry" may be deference. Null: no words, no lexicon, or nothing was heard
and the recording ends before the window does, so that nobody knows what came next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline import config
from pipeline.lexicon import Lexicons
from pipeline.tables import Tables

REDIRECT = "R10"


@dataclass(frozen=True)
class Answer:
    """What the therapist did: state, 3RS codes, and the turns that show it."""

    state: str | None
    codes: tuple[str, ...] = ()
    turns: tuple[int, ...] = ()


def responses(
    moments: Sequence[dict[str, Any]],
    tables: Tables,
    settings: config.Response,
    lexicons: Lexicons,
) -> list[Answer]:
    """One answer for each moment, which has kind, start_ms and end_ms.

    Parameters
    ----------
    tables
        `media`, `turns`.
    """
    floor = tables["turns"].filter(
        ~pl.col("is_backchannel").fill_null(value=False), pl.col("text").is_not_null()
    )
    if not lexicons.response_codes() or not floor.height:
        return [Answer(None) for _ in moments]
    floor = floor.sort("start_ms", "turn_id")
    client = floor.filter(pl.col("role") == "client")
    chatter = [lexicons.only("acknowledgement", text) or False for text in client["text"]]
    session = _Session(
        therapist=floor.filter(pl.col("role") == "therapist"),
        client=client.filter(~pl.Series(chatter, dtype=pl.Boolean)),
        duration_ms=tables["media"]["duration_ms"][0],
        lexicons=lexicons,
        settings=settings,
    )
    found = []
    for moment in moments:
        next_ms = min(
            (
                other["start_ms"]
                for other in moments
                if other["kind"] == moment["kind"] and other["start_ms"] >= moment["end_ms"]
            ),
            default=None,
        )
        answer = session.heard(moment, next_ms)
        if answer.state == "addressed" and session.is_repaired(moment, answer, moments):
            answer = Answer("possibly_repaired", answer.codes, answer.turns)
        found.append(answer)
    return found


@dataclass(frozen=True)
class _Session:
    """Turns with words of both people, without backchannels; the client's without mere assent."""

    therapist: pl.DataFrame
    client: pl.DataFrame
    duration_ms: int
    lexicons: Lexicons
    settings: config.Response

    def heard(self, moment: dict[str, Any], next_ms: int | None) -> Answer:
        until_ms = moment["end_ms"] + self.settings.window_ms
        if next_ms is not None:
            until_ms = min(until_ms, next_ms)
        looked_at = self.therapist.filter(
            pl.col("start_ms") >= moment["start_ms"], pl.col("start_ms") < until_ms
        )
        names = self.lexicons.response_codes()
        codes: set[str] = set()
        turns: list[int] = []
        for turn_id, text in looked_at.select("turn_id", "text").iter_rows():
            own = {code for name, code in names.items() if self.lexicons.matches(name, text)}
            if own:
                codes |= own
                turns.append(turn_id)
        if not codes:
            return Answer("none_found" if until_ms <= self.duration_ms else None)
        state = "redirected" if codes == {REDIRECT} else "addressed"
        return Answer(state, tuple(sorted(codes, key=lambda code: int(code[1:]))), tuple(turns))

    def is_repaired(
        self, moment: dict[str, Any], answer: Answer, moments: Sequence[dict[str, Any]]
    ) -> bool:
        until_ms = moment["end_ms"] + self.settings.repair_ms
        again = any(
            other["kind"] == moment["kind"] and moment["end_ms"] <= other["start_ms"] < until_ms
            for other in moments
        )
        if again:
            return False
        addressing = self.therapist.filter(pl.col("turn_id").is_in(answer.turns))
        after = self.client.filter(pl.col("start_ms") > addressing["start_ms"].min())
        lengths = after["n_words"].head(self.settings.repair_turns)
        usual = self.client["n_words"].median()
        if len(lengths) < self.settings.repair_turns or usual is None:
            return False
        return bool((lengths >= usual).all())
