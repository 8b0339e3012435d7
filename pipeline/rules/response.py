"""What the therapist did after a moment, from the words alone.

The therapist's turns from the moment's start until `window_ms` after its end, or until the next
rupture of either kind, are searched for the resolution strategies R1-R10 of the 3RS: what is said
after a new rupture answers that one. ::

    none_found          no strategy was heard in the whole window
    redirected          R10 alone: back to the topic
    addressed           one of R1-R9
    possibly_repaired   addressed, then the median of the client's next `repair_turns` substantive
                        turns is at least the median of all of them, and no moment of the kind
                        follows for `repair_ms`, or to the recording's end

A turn is *substantive* unless it is a backchannel or nothing but acknowledgement ("yes, okay"):
these say that somebody listens (Yngve 1970), not how much is said. A short answer that says
something counts, for it may be the next withdrawal; but one of three ("A bit awful.") does not
outweigh two long ones, hence the median. No study gives this criterion: it is a starting value,
and by chance alone half of all triples of turns reach it. It narrows down what was addressed, and
says no more than its name.

Never "resolved": "okay, sorry" may be deference. Null: no words, no lexicon, or nothing was heard
and the recording ends before the window does, so that nobody knows what came next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

import polars as pl

from pipeline import config
from pipeline.lexicon import Lexicons
from pipeline.rules.measured import runs
from pipeline.tables import Tables

REDIRECT = "R10"
RUPTURES = frozenset(("withdrawal", "confrontation"))
_ASSENT = "acknowledgement_only"


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
        `media`, `turns`, and `measures`, in which the matches of lexicons are counted already.
    lexicons
        Say which of them speak for a strategy.
    """
    floor = tables["turns"].filter(
        ~pl.col("is_backchannel").fill_null(value=False), pl.col("text").is_not_null()
    )
    if not moments or not lexicons.response_codes() or not floor.height:
        return [Answer(None) for _ in moments]
    floor = floor.sort("start_ms", "turn_id")
    counted = _counted(tables["measures"], {*lexicons.response_codes(), _ASSENT})
    duration_ms = tables["media"]["duration_ms"][0]
    session = _Session(floor, duration_ms, counted, lexicons.response_codes(), settings)
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
        answer = session.heard(moment, next_ms)
        if answer.state == "addressed" and session.is_repaired(moment, answer, moments):
            answer = Answer("possibly_repaired", answer.codes, answer.turns)
        found.append(answer)
    return found


def _counted(measures: pl.DataFrame, features: set[str]) -> dict[str, set[int]]:
    """Ids of the turns in which each of these features is more than zero."""
    counted: dict[str, set[int]] = {}
    for (item, feature), start, length in runs(measures):
        if item == "turn" and feature in features:
            part = measures.slice(start, length)
            more = part["value"].to_numpy() > 0  # of null it is false
            counted.setdefault(feature, set()).update(part["item_id"].to_numpy()[more].tolist())
    return counted


class _Session:
    """What was said by both people, without backchannels.

    Parameters
    ----------
    floor
        Turns with words that are no backchannels, in order of start.
    counted
        As `_counted` gives them.
    codes
        Strategy that each lexicon speaks for.
    """

    def __init__(
        self,
        floor: pl.DataFrame,
        duration_ms: int,
        counted: Mapping[str, set[int]],
        codes: Mapping[str, str],
        settings: config.Response,
    ) -> None:
        self.floor = floor
        self.duration_ms = duration_ms
        self.counted = counted
        self.codes = codes
        self.settings = settings

    @cached_property
    def therapist(self) -> list[tuple[int, int, set[str]]]:
        """Start, id, and strategies heard, of each turn of the therapist in which one was."""
        turns = self.floor.filter(pl.col("role") == "therapist").select("start_ms", "turn_id")
        said = [
            (start_ms, turn_id, self._codes_of(turn_id)) for start_ms, turn_id in turns.iter_rows()
        ]
        return [each for each in said if each[2]]

    def _codes_of(self, turn_id: int) -> set[str]:
        none: set[int] = set()
        return {
            code for name, code in self.codes.items() if turn_id in self.counted.get(name, none)
        }

    @cached_property
    def client(self) -> list[tuple[int, int]]:
        """Start and words of each substantive turn of the client."""
        turns = self.floor.filter(
            pl.col("role") == "client", ~pl.col("turn_id").is_in(self.counted.get(_ASSENT, set()))
        )
        return list(turns.select("start_ms", "n_words").iter_rows())

    def heard(self, moment: dict[str, Any], next_ms: int | None) -> Answer:
        until_ms = moment["end_ms"] + self.settings.window_ms
        if next_ms is not None:
            until_ms = min(until_ms, next_ms)
        found = [
            (turn_id, own)
            for start_ms, turn_id, own in self.therapist
            if moment["start_ms"] <= start_ms < until_ms
        ]
        codes = {code for _, own in found for code in own}
        if not codes:
            return Answer("none_found" if until_ms <= self.duration_ms else None)
        state = "redirected" if codes == {REDIRECT} else "addressed"
        ordered = tuple(sorted(codes, key=lambda code: int(code[1:])))
        return Answer(state, ordered, tuple(turn_id for turn_id, _ in found))

    def is_repaired(
        self, moment: dict[str, Any], answer: Answer, moments: Sequence[dict[str, Any]]
    ) -> bool:
        until_ms = moment["end_ms"] + self.settings.repair_ms
        again = any(
            other["kind"] == moment["kind"] and moment["end_ms"] <= other["start_ms"] < until_ms
            for other in moments
        )
        if again or not self.client:
            return False
        addressed_ms = min(s for s, turn_id, _ in self.therapist if turn_id in answer.turns)
        after = [n_words for start_ms, n_words in self.client if start_ms > addressed_ms]
        lengths = after[: self.settings.repair_turns]
        usual = median(n_words for _, n_words in self.client)
        return len(lengths) == self.settings.repair_turns and median(lengths) >= usual
