"""Imported transcripts of two people talking, compared with published norms."""

import tempfile
from collections.abc import Callable
from functools import cache, reduce
from operator import add
from pathlib import Path

import numpy as np

from pipeline.evaluation import talk_norms
from pipeline.evaluation.accuracy.row import Numbers, Place, Row
from pipeline.evaluation.talk_norms import Norms

Sidecars = Callable[[Path, Path], list[Path]]


@cache
def processed(place: Place, sidecars: Sidecars) -> Norms:
    """All sessions of a collection, through every stage."""
    with tempfile.TemporaryDirectory(prefix="tether-accuracy-") as folder:
        named = sidecars(place.data, Path(folder))
        sessions = talk_norms.process(named, Path(folder) / "workspace")
        return reduce(add, (talk_norms.norms(tables) for tables in sessions.values()))


def gaps(name: str, times_ms: tuple[int, ...]) -> Numbers:
    """How gaps are distributed."""
    low_ms, median_ms, high_ms = np.percentile(times_ms, [25, 50, 75])
    above = {f"{name}_over_{s}_s": float(np.mean(np.array(times_ms) > s * 1000)) for s in (1, 2, 3)}
    return {
        f"{name}": len(times_ms),
        f"{name}_low_ms": float(low_ms),
        f"{name}_median_ms": float(median_ms),
        f"{name}_high_ms": float(high_ms),
        f"{name}_overlapping": float(np.mean(np.array(times_ms) < 0)),
        **above,
    }


def norms(sidecars: Sidecars) -> Callable[[Place], Numbers]:
    """Gaps and rates of a collection."""

    def measure(place: Place) -> Numbers:
        found = processed(place, sidecars)
        rates = {
            name: found.per_hour(count)
            for name, count in (
                ("floor_takings", found.floor_takings),
                ("clear_floor_takings", found.clear_floor_takings),
                ("cooperative", found.cooperative),
                ("failed_attempts", found.failed_attempts),
                ("backchannels", found.backchannels),
                ("long_silences", found.long_silences),
            )
        }
        return gaps("units", found.gaps_ms) | gaps("turns", found.latencies_ms) | rates

    return measure


def says(name: str) -> str:
    """A distribution of gaps in words."""
    return (
        f"median {{{name}_median_ms:+.0f}} ms "
        f"(IQR {{{name}_low_ms:+.0f}} to {{{name}_high_ms:+.0f}}), "
        f"overlapping {{{name}_overlapping:.1%}}, over 1 s {{{name}_over_1_s:.1%}}, "
        f"2 s {{{name}_over_2_s:.1%}}, 3 s {{{name}_over_3_s:.1%}} ({{{name}:.0f}})"
    )


UNITS = "imported: gaps where the speaker changes, units wholly inside another's left out"
TURNS = "imported: latency of turns (pauses to 1.5 s bridged, backchannels left out)"
RATES = "imported: overlaps, backchannels and silences per hour"
TALK = "everyday talk, RTTM and STM (12 of the 21 conversations of the published figures)"
ACTED = "29 acted consultations, TextGrids, by video"
PUBLISHED = (
    "median +90 ms (IQR -77 to +450), overlapping 28 %, over 1 s 10.8 %, 2 s 4.4 %, 3 s 2.7 %"
)
PUBLISHED_SHARES = {"overlapping": 0.28, "over_1_s": 0.108, "over_2_s": 0.044, "over_3_s": 0.027}
SAYS_RATES = (
    "floor-taking {floor_takings:.0f} ({clear_floor_takings:.0f} of 0.7 s and more, a length "
    "chosen to meet the published rate), "
    "cooperative {cooperative:.0f}, failed attempts {failed_attempts:.0f}, "
    "backchannels {backchannels:.0f}, silences >= 3 s {long_silences:.0f}"
)


def both(what: str, format_: str, published: str = "") -> tuple[Row, Row]:
    """A row for each collection."""
    talk, acted = norms(talk_norms.everyday_talk), norms(talk_norms.consultations)
    return (
        Row(what, TALK, ("everyday_talk",), talk, format_ + published, slow=True),
        Row(what, ACTED, ("consultations",), acted, format_, slow=True),
    )


ROWS = (
    *both(UNITS, says("units"), f"; published: {PUBLISHED}"),
    *both(TURNS, says("turns")),
    *both(RATES, SAYS_RATES, "; published: floor-taking 29, silences >= 3 s 43"),
)
