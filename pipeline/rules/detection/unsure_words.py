"""Hits on words that were hardly recognised: weak signs, which make no moment alone."""

import json
from collections.abc import Collection, Iterable, Iterator

import numpy as np
import polars as pl

from pipeline.core.tables import Tables
from pipeline.rules.detection.hit import Hit


def weakened(
    hits: Iterable[Hit], tables: Tables, of_words: Collection[str], least: float
) -> list[Hit]:
    """The hits, of which those on turns that were hardly recognised are primary no longer.

    Parameters
    ----------
    tables
        `turns` and `words` of the session.
    of_words
        Ids of the rules that need words.
    least
        Mean confidence of a turn's words, 0-1. A turn whose words have no confidence, for instance
        of a transcript, is believed.
    """
    hits = list(hits)
    asked = {
        turn
        for hit in hits
        if hit.primary and hit.item == "turn" and hit.rule in of_words
        for turn in hit.item_ids
    }
    unsure = {
        turn: confidence
        for turn, confidence in _confidences(tables, asked).items()
        if confidence < least
    }
    if not unsure:
        return hits
    return [_weak(hit, unsure, least) if hit.rule in of_words else hit for hit in hits]


def _weak(hit: Hit, unsure: dict[int, float], least: float) -> Hit:
    found = [unsure[turn] for turn in hit.item_ids if turn in unsure]
    if not (hit.primary and hit.item == "turn" and found):
        return hit
    clause = {
        "text": f"The words were recognised with a confidence of {min(found):.0%} only, so this "
        "is a weak sign",
        "condition": f"word_confidence < {least:g}",
        "params": [],
        "observed": json.dumps({"word_confidence": round(min(found), 3)}),
        "held": True,
        "set_aside": None,
    }
    # Without evidence (`clauses` is empty) nothing is explained.
    return hit._replace(primary=False, clauses=[*hit.clauses, clause] if hit.clauses else [])


def _confidences(tables: Tables, turns: Collection[int]) -> dict[int, float]:
    """Mean confidence of the words of each of these turns; those without any are left out."""
    if not turns:
        return {}
    words = tables["words"].select("start_ms", "speaker", "confidence").drop_nulls("confidence")
    own = {
        speaker: (part["start_ms"].to_numpy(), part["confidence"].to_numpy())
        for (speaker,), part in words.sort("start_ms").group_by("speaker")
    }
    chosen = tables["turns"].filter(pl.col("turn_id").is_in(list(turns)))
    return dict(_means(chosen, own))


def _means(
    turns: pl.DataFrame, own: dict[object, tuple[np.ndarray, np.ndarray]]
) -> Iterator[tuple[int, float]]:
    columns = turns.select("turn_id", "speaker", "start_ms", "end_ms")
    for turn, speaker, start_ms, end_ms in columns.iter_rows():
        if speaker in own:
            starts, confidence = own[speaker]
            first, last = np.searchsorted(starts, (start_ms, end_ms))
            if last > first:
                yield turn, float(confidence[first:last].mean())
