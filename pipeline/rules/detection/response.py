"""The therapist's response to a moment, from the words alone.

The therapist's turns from the start of the moment until `window_ms` after its end, or until the
next rupture of either kind, are searched for the resolution strategies R1-R10 of the 3RS. What is
said after a new rupture answers that one. ::

    none_found          no strategy was found in the whole window
    redirected          R10 alone: back to the topic
    addressed           one of R1-R9
    possibly_repaired   addressed, then the median of the client's next `repair_turns` substantive
                        turns is at least the median of all of them, and no moment of the kind
                        follows for `repair_ms`, or to the recording's end

A turn is *substantive* unless it is a backchannel or nothing but acknowledgement ("yes, okay"):
these show that somebody listens (Yngve 1970), not how much is said. A short answer that says
something counts, since it may be the next withdrawal; but one short answer of three ("A bit
awful.") does not outweigh two long ones, hence the median. No study gives this criterion: it is a
starting value, and by chance alone half of all triples of turns reach it. It narrows down what was
addressed, and means no more than its name.

Never "resolved": "okay, sorry" may be deference. Null: no words, no lexicon, or no strategy was
found and the recording ends before the window does, so that what came next is unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline import config
from pipeline.core.vocabulary import RUPTURES
from pipeline.lexicons import Lexicons
from pipeline.rules.detection.feature_join import SESSION

REDIRECT = "R10"
_ASSENT = "acknowledgement_only"


@dataclass(frozen=True)
class Answer:
    """The therapist's response: state, 3RS codes, and the turns that show it."""

    state: str | None
    codes: tuple[str, ...] = ()
    turns: tuple[int, ...] = ()


@dataclass(frozen=True)
class Talk:
    """What both people said in a session, without backchannels.

    Attributes
    ----------
    therapist
        Start, id and strategies of each turn of the therapist in which a strategy was found.
    client
        Start and number of words of each substantive turn of the client.
    """

    duration_ms: int
    therapist: list[tuple[int, int, frozenset[str]]] = field(default_factory=list)
    client: list[tuple[int, int]] = field(default_factory=list)

    @cached_property
    def usual_words(self) -> float:
        """Median number of words of the client's substantive turns."""
        return median(n_words for _, n_words in self.client)


def features(lexicons: Lexicons) -> set[str]:
    """Features of turns (matches of lexicons) that `talks` needs."""
    return {*lexicons.response_codes(), _ASSENT}


def talks(
    turns: pl.DataFrame, media: Sequence[pl.DataFrame], lexicons: Lexicons
) -> list[Talk | None]:
    """What was said in each session; None: no words, or no lexicon for any strategy.

    Parameters
    ----------
    turns
        Items of all sessions, see `columns.frames`, with the columns `features`.
    media
        Table `media` of each session.
    """
    codes = lexicons.response_codes()
    spoken = turns.filter(
        ~pl.col("is_backchannel").fill_null(value=False), pl.col("text").is_not_null()
    ).sort(SESSION, "start_ms", "item_id")
    if not codes:
        return [None for _ in media]
    heard = {number: Talk(media[number]["duration_ms"][0]) for number in spoken[SESSION].unique()}

    session, start_ms = spoken[SESSION].to_list(), spoken["start_ms"].to_list()
    turn_id, n_words = spoken["item_id"].to_list(), spoken["n_words"].to_list()
    therapist, client = (
        spoken["role"].eq_missing(role).to_numpy() for role in ("therapist", "client")
    )
    found: dict[int, set[str]] = {}
    for name, code in codes.items():
        for row in np.flatnonzero(therapist & _matched(spoken, name)).tolist():
            found.setdefault(row, set()).add(code)
    for row in sorted(found):
        heard[session[row]].therapist.append((start_ms[row], turn_id[row], frozenset(found[row])))
    for row in np.flatnonzero(client & ~_matched(spoken, _ASSENT)).tolist():
        heard[session[row]].client.append((start_ms[row], n_words[row]))
    return [heard.get(number) for number in range(len(media))]


def _matched(turns: pl.DataFrame, name: str) -> NDArray[np.bool_]:
    """Whether a lexicon matched in each turn; false where it is null."""
    column = turns.get_column(name, default=None)
    if column is None:
        return np.zeros(turns.height, np.bool_)
    matched: NDArray[np.bool_] = column.to_numpy() > 0
    return matched


def responses(
    moments: Sequence[Mapping[str, Any]], talk: Talk | None, settings: config.Response
) -> list[Answer]:
    """One answer for each moment, which has kind, start_ms and end_ms.

    Parameters
    ----------
    talk
        None: it is not known what was said.
    """
    if talk is None:
        return [Answer(None) for _ in moments]
    found = []
    for moment in moments:
        next_ms = min(
            (
                other["start_ms"]
                for other in moments
                if other["kind"] in {moment["kind"], *RUPTURES}
                and other["start_ms"] >= moment["end_ms"]
            ),
            default=None,
        )
        answer = _heard(talk, moment, next_ms, settings)
        if answer.state == "addressed" and _is_repaired(talk, moment, answer, moments, settings):
            answer = Answer("possibly_repaired", answer.codes, answer.turns)
        found.append(answer)
    return found


def _heard(
    talk: Talk, moment: Mapping[str, Any], next_ms: int | None, settings: config.Response
) -> Answer:
    until_ms = moment["end_ms"] + settings.window_ms
    if next_ms is not None:
        until_ms = min(until_ms, next_ms)
    found = [
        (turn_id, own)
        for start_ms, turn_id, own in talk.therapist
        if moment["start_ms"] <= start_ms < until_ms
    ]
    codes = {code for _, own in found for code in own}
    if not codes:
        return Answer("none_found" if until_ms <= talk.duration_ms else None)
    state = "redirected" if codes == {REDIRECT} else "addressed"
    ordered = tuple(sorted(codes, key=lambda code: int(code[1:])))
    return Answer(state, ordered, tuple(turn_id for turn_id, _ in found))


def _is_repaired(
    talk: Talk,
    moment: Mapping[str, Any],
    answer: Answer,
    moments: Sequence[Mapping[str, Any]],
    settings: config.Response,
) -> bool:
    until_ms = moment["end_ms"] + settings.repair_ms
    again = any(
        other["kind"] == moment["kind"] and moment["end_ms"] <= other["start_ms"] < until_ms
        for other in moments
    )
    if again or not talk.client:
        return False
    addressed_ms = min(start_ms for start_ms, turn, _ in talk.therapist if turn in answer.turns)
    after = [n_words for start_ms, n_words in talk.client if start_ms > addressed_ms]
    lengths = after[: settings.repair_turns]
    return len(lengths) == settings.repair_turns and median(lengths) >= talk.usual_words
