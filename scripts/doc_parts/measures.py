"""Parts of the measures reference."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from doc_parts.markdown import code, codes, sentence, table
from pipeline.core.vocabulary import ITEMS, WINDOWS
from pipeline.measures.feature import Feature

_GROUPS = {
    "speaker": "the same speaker's",
    "pair": "the same pair's, in the same order",
    "session": "the session's",
}
_KINDS = ("_refused", "_rate", "_excess")
_UNMEASURED = "not measured"


def parts(catalogue: Sequence[Feature]) -> dict[str, str]:
    """Every part that the template asks for."""
    lexicons = {f.name for f in catalogue if f.unit == "matches" and not f.name.endswith(_KINDS)}
    of_lexicons = lexicons | {name + kind for name in lexicons for kind in _KINDS}
    others = [feature for feature in catalogue if feature.name not in of_lexicons]

    def family(needs: str) -> list[Feature]:
        return [feature for feature in others if feature.needs == needs]

    timing = family("timing")
    return {
        "timing_items": _entries(f for f in timing if f.item not in WINDOWS),
        "timing_windows": _entries(f for f in timing if f.item in WINDOWS),
        "voice": _entries(family("voice")),
        "words": _entries(family("words")),
        "lexicons": _lexicons(catalogue, sorted(lexicons)),
    }


def _entries(chosen: Iterable[Feature]) -> str:
    """One entry for each measure; items that read alike share it."""

    def read(feature: Feature) -> tuple[str, ...]:
        return (feature.name, feature.unit, feature.group, feature.means)

    listed = list(chosen)
    first = {key: number for number, key in reversed(list(enumerate(map(read, listed))))}
    listed.sort(key=lambda feature: (first[read(feature)], ITEMS.index(feature.item)))
    entries = [list(alike) for _, alike in groupby(listed, key=read)]
    often = Counter(alike[0].name for alike in entries)
    return "\n\n".join(_entry(alike, alone=often[alike[0].name] == 1) for alike in entries)


def _entry(alike: Sequence[Feature], *, alone: bool) -> str:
    """One measure of one or several items; if not `alone`, others here have its name."""
    one = alike[0]
    items = ", ".join(feature.item for feature in alike)
    of = "windows" if one.item in WINDOWS else one.item
    lines = {
        "Of": items,
        "Unit": one.unit,
        "Compared with": _GROUPS[one.group],
        "Null": _by_item(alike, {feature.item: feature.null for feature in alike}),
        "Source": _by_item(alike, {feature.item: feature.source for feature in alike}),
        "Known error": _by_item(
            alike, {feature.item: feature.error or _UNMEASURED for feature in alike}
        ),
    }
    told = "\n".join(f"- **{key}:** {text}" for key, text in lines.items())
    return f"### `{one.name}`{'' if alone else f' ({of})'}\n\n{sentence(one.means)}\n\n{told}"


def _by_item(alike: Sequence[Feature], told: dict[str, str]) -> str:
    """A text that is the same for all items once, else with the items it is about."""
    by_text: dict[str, list[str]] = {}
    for feature in alike:
        by_text.setdefault(told[feature.item], []).append(feature.item)
    if len(by_text) == 1:
        return next(iter(by_text))
    return "; ".join(f"{text} ({', '.join(items)})" for text, items in by_text.items())


def _lexicons(catalogue: Sequence[Feature], names: Sequence[str]) -> str:
    """A row for each lexicon."""
    known = {(feature.name, feature.item): feature for feature in catalogue}
    all_names = {feature.name for feature in catalogue}
    rows = []
    for name in names:
        one = known[name, "turn"]
        more = [name + kind for kind in _KINDS if name + kind in all_names]
        rows.append(
            (code(name), sentence(one.means), codes(more) or "none", one.error or _UNMEASURED)
        )
    return table(("lexicon", "what it is", "columns beside it", "known error"), rows)
