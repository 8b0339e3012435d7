"""Codes in ELAN tiers: read as codes, and written back."""

import re
from collections.abc import Iterable

import polars as pl

from pipeline.core.errors import InputError
from pipeline.core.vocabulary import MARKERS, RUPTURES
from pipeline.formats.annotation import eaf
from pipeline.formats.codes import CODES, SHEETS, Codes
from pipeline.formats.repairs import Repairs

_MARKER = re.compile(r"([WC][1-7])(?![0-9A-Za-z])", re.IGNORECASE)
_LIKE_A_MARKER = re.compile(r"[WC]\d+", re.IGNORECASE | re.ASCII)
_OF_CODES = re.compile(r"rupture|3rs|codes?\b|coding|marker", re.IGNORECASE)


def of_tiers(
    tiers: Iterable[eaf.Tier], session: str, repairs: Repairs | None = None
) -> dict[str, Codes]:
    """What ELAN tiers say: `codes`, `uncertain` and `benign`.

    An annotation that begins with a marker ("W2", "c1: sighs") is a code of that marker; else the
    tier's name says its kind or marker ("withdrawal", "W2 minimal"). In a tier with other codes, or
    one that a controlled vocabulary or its name ("ruptures") marks as such, an annotation may also
    name the kind alone; what names neither is counted. Tiers whose name begins with "uncertain" or
    "benign" make those lists, of whatever kind unless the annotation says. All other tiers are
    skipped: a transcript, for instance. The rater is the tier's annotator.

    Parameters
    ----------
    session
        What the session is called: an ELAN file does not say.
    repairs
        Counts annotations of these tiers that cannot be placed in time, lie between their
        neighbours, or are no code.

    Raises
    ------
    InputError
        An annotation on a tier of codes names a marker that the 3RS does not have.
    """
    repairs = Repairs() if repairs is None else repairs
    tiers = list(tiers)
    rows: dict[str, list[dict[str, object]]] = {"codes": [], "uncertain": [], "benign": []}
    for tier in filter(holds_codes, tiers):
        which = _list_of(tier)
        repairs["Annotations placed between their neighbours in time"] += tier.estimated
        repairs["Annotations that cannot be placed in time, left out"] += len(tier.unplaced)
        for number, (start_ms, end_ms, text) in enumerate(tier.annotations.iter_rows(), 1):
            kind, code = _meaning(tier, text, kinds=True)
            if which == "codes" and kind is None:
                if _LIKE_A_MARKER.fullmatch(text.strip()):
                    raise InputError(
                        f"annotation {number} on a tier of codes: an unknown marker",
                        expected="W1-W7 or C1-C7",
                    )
                repairs["Annotations on tiers of codes that name no marker, left out"] += 1
                continue
            rows[which].append(
                {
                    "line": number,
                    "session": session,
                    "start_ms": start_ms,
                    "end_ms": end_ms,
                    "kind": kind,
                    "marker": code,
                    "rater": tier.annotator,
                }
            )
    if tiers and not any(map(holds_codes, tiers)):
        repairs["ELAN files without a tier of codes, whose sessions count as free of ruptures"] += 1
    looked_at = frozenset([session])
    return {
        name: Codes(CODES.frame(found), SHEETS.empty(), looked_at) for name, found in rows.items()
    }


def holds_codes(tier: eaf.Tier) -> bool:
    """Whether a tier holds codes or places of these lists, and no speech."""
    if _list_of(tier) != "codes" or _meaning(tier, "", kinds=False)[0]:
        return True
    texts = (*tier.annotations["text"], *tier.unplaced)
    named = bool(_OF_CODES.search(tier.name)) or tier.vocabulary
    return any(_meaning(tier, text, kinds=named)[0] for text in texts) or (
        bool(_OF_CODES.search(tier.name)) and any(_LIKE_A_MARKER.fullmatch(text) for text in texts)
    )


def holds_only_codes(tier: eaf.Tier) -> bool:
    """Whether a tier is one of codes and no speech: by its name, or by half of its texts."""
    if _list_of(tier) != "codes" or tier.name.strip().lower().startswith(RUPTURES):
        return True
    texts = [text.strip() for text in (*tier.annotations["text"], *tier.unplaced) if text.strip()]
    said = [text for text in texts if _MARKER.match(text) or text.lower() in RUPTURES]
    return bool(said) and 2 * len(said) >= len(texts)


def _list_of(tier: eaf.Tier) -> str:
    name = tier.name.strip().lower()
    return next((which for which in ("uncertain", "benign") if name.startswith(which)), "codes")


def _meaning(tier: eaf.Tier, text: str, *, kinds: bool) -> tuple[str | None, str | None]:
    """Kind and marker of an annotation on a tier.

    Parameters
    ----------
    kinds
        The text may name a kind alone: on a tier of speech it does not.
    """
    name, said = tier.name.strip().lower(), text.strip()
    marker = _MARKER.match(said) or _MARKER.match(name)
    if marker:
        code = marker[1].upper()
        return MARKERS[code], code
    own = next((kind for kind in RUPTURES if kinds and said.lower().startswith(kind)), None)
    return own or next((kind for kind in RUPTURES if name.startswith(kind)), None), None


def to_tiers(codes: pl.DataFrame) -> list[eaf.Tier]:
    """ELAN tiers of codes that have times: one for each kind and rater, the marker as text.

    A point in time becomes 1 ms; ELAN keeps no shorter annotation.
    """
    timed = CODES.conform(codes).filter(pl.col("start_ms").is_not_null())
    timed = timed.with_columns(
        pl.coalesce("end_ms", pl.col("start_ms") + 1).alias("end_ms"),
        pl.coalesce("marker", "kind", pl.lit("")).alias("text"),
        pl.coalesce("kind", pl.lit("any kind")).alias("kind"),
    )
    tiers = []
    for (kind, rater), own in timed.group_by("kind", "rater", maintain_order=True):
        name = str(kind) if rater is None else f"{kind} {rater}"
        intervals = eaf.ANNOTATIONS.conform(own.select(eaf.ANNOTATIONS.names).sort("start_ms"))
        tiers.append(eaf.Tier(name, intervals, None if rater is None else str(rater)))
    return tiers
