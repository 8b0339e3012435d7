"""Meaning of the columns that rules may name, in words."""

from collections.abc import Sequence

from pipeline.core.tables import SCHEMAS
from pipeline.measures.feature import Feature

_OWN = {
    "length_ms": "from start to end, ms",
    "since_start_ms": "since the first speech of the session, ms",
    "role": "who speaks",
    "reads_in": "words of the turn that carry its reading",
    "resembles": "the examples that the turn resembles most",
}
_STRETCH = {
    "n_words": "number of words",
    "length_ms": "from its first start to its last end, ms",
    "gap_ms": "time between it and the item, ms",
    "latency_ms": "response latency of its turn next to the item, ms",
}
_SIDES = {"prev": "said last before", "next": "said next after"}
_ENDINGS = {
    "_z": "robust z within its group (how unusual, in robust standard deviations)",
    "_pct": "percentile rank within its group, 0-1",
}


def meaning(item: str, name: str, features: Sequence[Feature]) -> str:
    """Meaning of column `name` of an item; empty if it is not described anywhere."""
    of_item = {feature.name: feature for feature in features if feature.item == item}
    turns = {feature.name: feature for feature in features if feature.item == "turn"}
    side, _, rest = name.partition("_")
    person, _, what = rest.partition("_")
    if side in _SIDES and person in {"therapist", "client"}:
        means = _STRETCH.get(what) or (f"{turns[what].means}, summed" if what in turns else "")
        return f"of what the {person} {_SIDES[side]} it: {means}"
    if name in of_item:
        return f"{of_item[name].means}, {of_item[name].unit}"
    for ending, says in _ENDINGS.items():
        if name.endswith(ending) and name.removesuffix(ending) in of_item:
            return f"{of_item[name.removesuffix(ending)].means}: {says}"
    for column in SCHEMAS[f"{item}s"].columns if f"{item}s" in SCHEMAS else ():
        if column.name == name:
            allowed = f" ({', '.join(column.allowed)})" if column.allowed else ""
            return f"{column.means}{allowed}"
    return _OWN.get(name, "")
