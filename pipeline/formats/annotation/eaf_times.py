"""Times of ELAN annotations: slots without a time, and annotations that refer to others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(eq=False)
class Annotation:
    """One annotation as it stands in the file.

    Attributes
    ----------
    key
        Its id.
    slots
        First and last time slot; None: it refers to another annotation.
    parent
        Id of the one that it refers to.
    before
        Id of the one that it follows within the same parent; None: it is the first.
    entry
        Id in a controlled vocabulary.
    """

    key: str
    slots: tuple[str, str] | None
    parent: str | None
    before: str | None = None
    entry: str | None = None
    text: str = ""


@dataclass(frozen=True)
class Bounds:
    """Times of an annotation; `estimated`: the file does not have them itself."""

    start_ms: float
    end_ms: float
    estimated: bool


def placed(
    slots: Mapping[str, int | None], tiers: Sequence[Sequence[Annotation]]
) -> dict[Annotation, Bounds | None]:
    """Times of all annotations of all tiers; None: one cannot be placed.

    Every slot and every annotation is looked at a fixed number of times, however they refer to each
    other.

    Parameters
    ----------
    slots
        Times by the id of the slot, in TIME_ORDER; None: no value.
    """
    at: dict[str, float] = {key: time for key, time in slots.items() if time is not None}
    for tier in tiers:
        _along_chains(tier, at)
    _along_order(slots, at)
    everyone = [each for tier in tiers for each in tier]
    by_key = {each.key: each for each in everyone}
    shares = {each: share for tier in tiers for each, share in _shares(tier).items()}
    found: dict[Annotation, Bounds | None] = {}
    for annotation in everyone:
        path = []
        each = annotation
        while each not in found:
            found[each] = _aligned(each, slots, at)
            path.append(each)
            each = by_key.get(each.parent or "", each)
        for each in reversed(path):
            whole = found[by_key.get(each.parent or "", each)]
            if each.slots is None and whole is not None:
                found[each] = _part(whole, *shares[each])
    return found


def _along_chains(tier: Iterable[Annotation], at: dict[str, float]) -> None:
    """Slots without a value on a chain of annotations between two slots that have one."""
    following = {each.slots[0]: each.slots[1] for each in tier if each.slots}
    seen: set[str] = set()
    for first, second in following.items():
        chain: list[str] = []
        slot = second if first in at else None
        while slot is not None and slot not in at and slot not in seen:
            seen.add(slot)
            chain.append(slot)
            slot = following.get(slot)
        if slot in at:
            _place(chain, at[first], at[slot], at)


def _along_order(slots: Iterable[str], at: dict[str, float]) -> None:
    """Slots without a value between two in TIME_ORDER that have one."""
    before: float | None = None
    waiting: list[str] = []
    for slot in slots:
        time = at.get(slot)
        if time is None:
            waiting.append(slot)
            continue
        if before is not None:
            _place(waiting, before, time, at)
        before, waiting = time, []


def _place(slots: Sequence[str], first_ms: float, last_ms: float, at: dict[str, float]) -> None:
    """Place `slots` at equal distances; nowhere if there is no time for them."""
    if last_ms > first_ms:
        step = (last_ms - first_ms) / (len(slots) + 1)
        at |= {slot: first_ms + step * number for number, slot in enumerate(slots, 1)}


def _aligned(
    annotation: Annotation, slots: Mapping[str, int | None], at: Mapping[str, float]
) -> Bounds | None:
    """Times of its own slots; None if it has none, or they have no time."""
    if annotation.slots is None:
        return None
    first, last = (at.get(slot) for slot in annotation.slots)
    if first is None or last is None:
        return None
    return Bounds(first, last, any(slots[slot] is None for slot in annotation.slots))


def _shares(tier: Iterable[Annotation]) -> dict[Annotation, tuple[int, int]]:
    """Of those that refer to another: which part of it they are, and of how many.

    They follow each other as PREVIOUS_ANNOTATION says, else as they stand in the file.
    """
    together: dict[str | None, list[Annotation]] = {}
    for each in tier:
        if each.slots is None:
            together.setdefault(each.parent, []).append(each)
    shares: dict[Annotation, tuple[int, int]] = {}
    for several in together.values():
        following = {each.before: each for each in several}
        ordered: list[Annotation] = []
        key: str | None = None
        while key in following:
            ordered.append(following.pop(key))
            key = ordered[-1].key
        ordered = ordered if len(ordered) == len(several) else several
        shares |= {each: (number, len(ordered)) for number, each in enumerate(ordered)}
    return shares


def _part(whole: Bounds, number: int, of: int) -> Bounds:
    length = (whole.end_ms - whole.start_ms) / of
    start_ms = whole.start_ms + number * length
    return Bounds(start_ms, start_ms + length, whole.estimated or of > 1)
