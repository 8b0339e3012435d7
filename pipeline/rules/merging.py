"""Moments: hits of one kind near each other, ranked, with what a supervisor needs beside them.

A moment needs a primary hit, and its bounds are those of its primary hits; supporting hits only
raise its score. Suppressed hits make no moment.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from pipeline import config
from pipeline.lexicon import Lexicons
from pipeline.rules import response
from pipeline.rules.abstaining import Abstention
from pipeline.tables import MOMENTS, Tables

Hit = dict[str, Any]


def moments(
    hits: pl.DataFrame,
    tables: Tables,
    needs: Mapping[str, Sequence[str]],
    abstentions: Iterable[Abstention],
    settings: config.Settings,
    lexicons: Lexicons,
) -> pl.DataFrame:
    """Table `moments` of a session.

    Parameters
    ----------
    hits
        Table `hits`.
    tables
        `media`, `words`, `turns`, `silences`, `roles`.
    needs
        Families that each rule stands on.
    abstentions
        Rules that were not asked: moments of their kind get a caveat.
    settings
        Its sections `moments` and `response` matter, no others.
    lexicons
        Of the session's language; without any, what the therapist did next is null.
    """
    counting = hits.filter(pl.col("suppressed_by").is_null()).to_dicts()
    rows: list[dict[str, Any]] = []
    for kind in dict.fromkeys(hit["kind"] for hit in counting):
        same = [hit for hit in counting if hit["kind"] == kind]
        supporting = [hit for hit in same if not hit["primary"]]
        for primary in _near((hit for hit in same if hit["primary"]), settings.moments.merge_ms):
            row = _row(primary, supporting, settings.moments)
            row["quote_turns"] = _quote(row, tables["turns"], settings.moments.quote_turns)
            own = {hit["hit_id"] for hit in same} & {*row["primary_hits"], *row["supporting_hits"]}
            evidence = [hit for hit in same if hit["hit_id"] in own]
            needs_words = any("words" in needs[hit["rule"]] for hit in evidence)
            row["caveats"] = [
                *_caveats_of_hits(evidence, tables["silences"]),
                *_caveats_of_words(row, tables, needs_words=needs_words),
                *_caveats_of_session(kind, abstentions, tables["roles"]),
            ]
            rows.append(row)
    rows.sort(key=lambda row: (row["start_ms"], row["end_ms"], row["kind"]))
    for row, answer in zip(
        rows, response.responses(rows, tables, settings.response, lexicons), strict=True
    ):
        row |= {
            "response": answer.state,
            "response_codes": list(answer.codes),
            "response_turns": list(answer.turns),
        }
    return MOMENTS.frame({"moment_id": number, **row} for number, row in enumerate(rows))


def _near(hits: Iterable[Hit], merge_ms: int) -> list[list[Hit]]:
    """Groups of hits, each at most `merge_ms` after the end of those before it."""
    found: list[list[Hit]] = []
    end_ms = 0
    for hit in sorted(hits, key=lambda hit: (hit["start_ms"], hit["end_ms"], hit["hit_id"])):
        if found and hit["start_ms"] <= end_ms + merge_ms:
            found[-1].append(hit)
            end_ms = max(end_ms, hit["end_ms"])
        else:
            found.append([hit])
            end_ms = hit["end_ms"]
    return found


def _row(
    primary: Sequence[Hit], supporting: Iterable[Hit], settings: config.Moments
) -> dict[str, Any]:
    start_ms = min(hit["start_ms"] for hit in primary)
    end_ms = max(hit["end_ms"] for hit in primary)
    beside = [
        hit
        for hit in supporting
        if hit["start_ms"] <= end_ms + settings.merge_ms
        and hit["end_ms"] >= start_ms - settings.merge_ms
    ]
    weight = sum(hit["weight"] for hit in (*primary, *beside))
    strongest = max(primary, key=lambda hit: (hit["weight"], -hit["start_ms"], -hit["hit_id"]))
    return {
        "kind": strongest["kind"],
        "marker": strongest["marker"],
        "start_ms": start_ms,
        "end_ms": end_ms,
        "score": weight / (weight + settings.half_weight),
        "primary_hits": [hit["hit_id"] for hit in primary],
        "supporting_hits": [hit["hit_id"] for hit in beside],
    }


def _quote(row: dict[str, Any], turns: pl.DataFrame, around: int) -> list[int]:
    """Turns of a moment, and as many as `around` on either side that are no backchannels."""
    turns = turns.sort("start_ms", "turn_id")
    inside = (pl.col("start_ms") < row["end_ms"]) & (pl.col("end_ms") > row["start_ms"])
    floor = ~pl.col("is_backchannel").fill_null(value=False)
    before = turns.filter(floor & (pl.col("end_ms") <= row["start_ms"])).tail(around)
    after = turns.filter(floor & (pl.col("start_ms") >= row["end_ms"])).head(around)
    found: list[int] = pl.concat([before, turns.filter(inside), after])["turn_id"].to_list()
    return found


def _caveats_of_hits(hits: Sequence[Hit], silences: pl.DataFrame) -> Iterable[str]:
    if any(clause["set_aside"] for hit in hits for clause in hit["clauses"]):
        yield (
            "Small baseline: this session holds too few values to say what is usual for these "
            "two people, so fixed thresholds decided."
        )
    looked_at = [place for hit in hits if hit["item"] == "silence" for place in hit["item_ids"]]
    risky = silences.filter(pl.col("missed_speech_risk") & pl.col("silence_id").is_in(looked_at))
    if risky.height:
        yield "A quiet voice or lost signal may lie in a silence that counts here: listen to it."


def _caveats_of_words(row: dict[str, Any], tables: Tables, *, needs_words: bool) -> Iterable[str]:
    if not needs_words:
        return
    shown = tables["turns"].filter(pl.col("turn_id").is_in(row["quote_turns"]))
    if not shown.height:
        return
    inside = pl.col("start_ms").is_between(shown["start_ms"].min(), shown["end_ms"].max())
    if (tables["words"].filter(inside)["timing"] == "interpolated").any():
        yield (
            "Words were recognised by machine without a time of their own for each: wording may be "
            "wrong, and a word may stand in a neighbouring turn."
        )


def _caveats_of_session(
    kind: str, abstentions: Iterable[Abstention], roles: pl.DataFrame
) -> Iterable[str]:
    if (roles["source"] == "inferred").any():
        yield "Who is the therapist was inferred, not told."
    told = []
    for each in abstentions:
        if each.kind != kind:
            continue
        what = "Exceptions" if each.guards_only else "Rules"
        told.append(f"{what} that need {each.family} were not checked: {each.because}.")
    yield from dict.fromkeys(told)
