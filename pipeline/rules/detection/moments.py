"""Moments: hits of one kind near each other, ranked, with quoted turns, caveats and the response.

A moment is one event: it needs a primary hit, its bounds are those of its primary hits, and it is
at most `longest_ms` long. A withdrawal ends where the client takes the floor again: two hits with a
turn of `resumed_words` words or more between them are two events. Supporting hits only raise the
score, and only where they lie within the moment.
Suppressed hits make no moment.

The weight of a hit is the share of such hits that are right (the rule's file says where that was
counted). Hits on the same turn or silence rest on the same words, so the strongest of them counts.
A moment is wrong if all the others are wrong, too, so its score is ``1 - (1 - w1)(1 - w2)...``, as
if they erred independently. They do not: the score ranks, and high scores are too optimistic
(`tether evaluate` prints how many of each score are right).
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import polars as pl

from pipeline import config
from pipeline.core.tables import Tables
from pipeline.rules.detection import response
from pipeline.rules.detection.abstentions import Abstention
from pipeline.rules.detection.hit import Hit
from pipeline.rules.detection.response import Talk
from pipeline.rules.explanation.caveats import Caveats

Row = dict[str, Any]


def moments(
    hits: Iterable[Hit],
    tables: Tables,
    needs: Mapping[str, Sequence[str]],
    abstentions: Iterable[Abstention],
    settings: config.Settings,
    talk: Talk | None,
) -> list[Row]:
    """Rows of table `moments` of a session: all moments, before any is set aside.

    Parameters
    ----------
    hits
        Hits of the session; those that exceptions ruled out make no moment.
    tables
        `words`, `turns`, `silences`, `roles`.
    needs
        Families that each rule needs.
    abstentions
        Rules that were not used: moments of their kind get a caveat.
    settings
        Only its sections `moments` and `response` are used.
    talk
        What was said; None: the response is null, and no withdrawal ends early.
    """
    counting = [hit for hit in hits if hit.suppressed_by is None]
    if not counting:
        return []
    rows: list[Row] = []
    quotes = _Quotes(tables["turns"], settings.moments.quote_turns)
    caveats = Caveats(tables, abstentions)
    for kind in dict.fromkeys(hit.kind for hit in counting):
        same = [hit for hit in counting if hit.kind == kind]
        resumed_ms = _resumed(talk, settings.moments) if kind == "withdrawal" else []
        supporting = [hit for hit in same if not hit.primary]
        for primary in _near((hit for hit in same if hit.primary), resumed_ms, settings.moments):
            row, evidence = _row(primary, supporting)
            row["quote_turns"], shown_ms = quotes.of(row["start_ms"], row["end_ms"])
            needs_words = any("words" in needs[hit.rule] for hit in evidence)
            row["caveats"] = caveats.of(
                kind,
                [place for hit in evidence if hit.item == "silence" for place in hit.item_ids],
                shown_ms if needs_words else None,
                small_baseline=any(hit.small_baseline for hit in evidence),
            )
            rows.append(row)
    rows.sort(key=lambda row: (row["start_ms"], row["end_ms"], row["kind"]))
    answers = response.responses(rows, talk, settings.response)
    for number, (row, answer) in enumerate(zip(rows, answers, strict=True)):
        row |= {
            "moment_id": number,
            "response": answer.state,
            "response_codes": answer.codes,
            "response_turns": answer.turns,
        }
    return rows


def _resumed(talk: Talk | None, settings: config.Moments) -> list[int]:
    """Starts of the turns in which the client speaks at length, in order."""
    spoken = talk.client if talk else []
    return [start_ms for start_ms, n_words in spoken if n_words >= settings.resumed_words]


def _near(
    hits: Iterable[Hit], resumed_ms: Sequence[int], settings: config.Moments
) -> list[list[Hit]]:
    """Groups of hits near each other, none longer than `longest_ms` unless a hit is.

    Nothing in `resumed_ms` lies between two hits of a group.

    Too long a group is cut at its widest gap, and its parts likewise: events stay whole.
    """
    found: list[list[Hit]] = []
    end_ms = 0
    for hit in sorted(hits, key=lambda hit: (hit.start_ms, hit.end_ms, hit.hit_id)):
        near = hit.start_ms <= end_ms + settings.merge_ms
        resumed = bisect_left(resumed_ms, end_ms) < bisect_left(resumed_ms, hit.start_ms)
        if found and near and not resumed:
            found[-1].append(hit)
            end_ms = max(end_ms, hit.end_ms)
        else:
            found.append([hit])
            end_ms = hit.end_ms
    return [part for group in found for part in _cut(group, settings.longest_ms)]


def _cut(hits: list[Hit], longest_ms: int) -> list[list[Hit]]:
    """Hits in order of start, in parts of at most `longest_ms`."""
    ends_ms = list(accumulate((hit.end_ms for hit in hits), max))
    if len(hits) == 1 or ends_ms[-1] - hits[0].start_ms <= longest_ms:
        return [hits]
    gaps_ms = [after.start_ms - end for after, end in zip(hits[1:], ends_ms, strict=False)]
    at = 1 + gaps_ms.index(max(gaps_ms))
    return [*_cut(hits[:at], longest_ms), *_cut(hits[at:], longest_ms)]


def _row(primary: Sequence[Hit], supporting: Iterable[Hit]) -> tuple[Row, list[Hit]]:
    """A moment without quotes, caveats and response, and the hits that it is made of."""
    start_ms = min(hit.start_ms for hit in primary)
    end_ms = max(hit.end_ms for hit in primary)
    beside = [hit for hit in supporting if hit.start_ms <= end_ms and hit.end_ms >= start_ms]
    wrong = math.prod(1 - weight for weight in _weights([*primary, *beside]))
    strongest = max(primary, key=lambda hit: (hit.weight, -hit.start_ms, -hit.hit_id))
    row = {
        "kind": strongest.kind,
        "marker": strongest.marker,
        "start_ms": start_ms,
        "end_ms": end_ms,
        "score": 1 - wrong,
        "primary_hits": [hit.hit_id for hit in primary],
        "supporting_hits": [hit.hit_id for hit in beside],
    }
    return row, [*primary, *beside]


def _weights(hits: Iterable[Hit]) -> Iterable[float]:
    """Weights of hits, of those on the same items the largest."""
    strongest: dict[tuple[str, int], Hit] = {}
    for hit in sorted(hits, key=lambda hit: -hit.weight):
        places = [(hit.item, item_id) for item_id in hit.item_ids]
        if not any(place in strongest for place in places):
            strongest |= dict.fromkeys(places, hit)
    return {hit.hit_id: hit.weight for hit in strongest.values()}.values()


class _Quotes:
    """Finds the turns that are shown with a moment.

    Parameters
    ----------
    around
        Number of turns on either side, backchannels not counted.
    """

    def __init__(self, turns: pl.DataFrame, around: int) -> None:
        self._around = around
        ids, start_ms = turns["turn_id"].to_numpy(), turns["start_ms"].to_numpy()
        order = np.lexsort((ids, start_ms))
        self._ids, self._start_ms = ids[order], start_ms[order]
        self._end_ms = turns["end_ms"].to_numpy()[order]
        self._floor = ~turns["is_backchannel"].fill_null(value=False).to_numpy()[order]

    def of(self, start_ms: int, end_ms: int) -> tuple[list[int], tuple[int, int] | None]:
        """Ids of the turns, and their first start and last end; None: there are none."""
        before = np.flatnonzero(self._floor & (self._end_ms <= start_ms))
        inside = np.flatnonzero((self._start_ms < end_ms) & (self._end_ms > start_ms))
        after = np.flatnonzero(self._floor & (self._start_ms >= end_ms))
        first = max(0, len(before) - self._around)
        shown = np.concatenate([before[first:], inside, after[: self._around]])
        if not len(shown):
            return [], None
        span = (int(self._start_ms[shown].min()), int(self._end_ms[shown].max()))
        return self._ids[shown].tolist(), span
