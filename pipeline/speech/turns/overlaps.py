"""Overlaps: who came in while another had the floor, and with what outcome.

An overlap is one turn coming in on another: one row from the first to the last moment at which both
speak, bridging breaths of up to `yield_ms`. It has a **holder**, who has the floor, and an
**other**, who comes in. The holder is the one who began first; if two begin within `latch_ms` of
each other, nobody came in, and the holder is the one who goes on. A backchannel never has the
floor, nor does anyone who speaks while a third person has it: two listeners who murmur at once are
not an overlap.

Which kind it is
----------------
The first row that fits. *Near the end*: the overlap begins at most `terminal_overlap_ms` before the
end of the holder's turn.

===================================  ===================  =====================================
the other ...                        kind, form           source
===================================  ===================  =====================================
only acknowledges, briefly, and the  backchannel          Yngve 1970
holder goes on
has no words although there is a     null                 laughter or missed words: nothing
transcript; or no words are known                         tells them apart
and it is short
says the words of the holder at the  cooperative, choral  Schegloff 2000
same time
only acknowledges, at length         cooperative,         Schegloff 2000; Schegloff 1982
                                     continuer            (near the end: terminal)
near the end: supplies the end of    cooperative,         Lerner 1996; Jefferson 1984: at an
an unfinished turn in a few words,   completion           unfinished end the other may be let in
and the holder takes it up
near the end: goes on, and the       floor_taking         simple interruption (Ferguson 1977,
holder broke off unfinished                               Beattie 1982): simultaneous speech, the
                                                          speaker switches, incomplete
near the end                         cooperative,         Jefferson 1984; "overlap" of Beattie
                                     terminal             1982: switch, complete
goes on when the holder stops        floor_taking         as above
stops while the holder goes on       failed_attempt       butting-in (Ferguson 1977, Beattie
                                                          1982): no switch
===================================  ===================  =====================================

Not decided here: whether the holder *invited* the other in (conditional access, Schegloff 2000)
without breaking off; whether a completion that nobody took up was one; whether a single word in the
middle of another's turn ("Tuesday") was meant to help or to take the floor: it counts as an
attempt, since it came early and stopped. An interruption without overlap ("silent", Beattie 1982)
is not an overlap; it appears in `turns` as a short latency.

Without words the kind rests on timing alone, and `form` and `cut_off` are null.

Sources: Beattie (1982) *Semiotica* 39; Ferguson (1977) *Br. J. Soc. Clin. Psychol.* 16; Jefferson
(1984) "Notes on some orderlinesses of overlap onset"; Lerner (1996) *Linguistics* 34; Schegloff
(1982) "Discourse as an interactional achievement"; Schegloff (2000) *Lang. Soc.* 29, 1-63; Yngve
(1970) *CLS* 6.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pipeline import config
from pipeline.speech.turns.floor import Turn
from pipeline.speech.turns.lexical_cues import Wording, tokens
from pipeline.speech.turns.units import Unit


@dataclass
class _Both:
    """When the units of two turns sound at the same time."""

    start_ms: int
    end_ms: int
    units: dict[Unit, None] = field(default_factory=dict)


@dataclass(frozen=True)
class _Overlap:
    """One overlap: the other comes in on the holder."""

    start_ms: int
    end_ms: int
    holder: Turn
    other: Turn
    holder_units: Sequence[Unit]
    other_units: Sequence[Unit]
    turns: Sequence[Turn]
    other_number: int

    @property
    def other_goes_on(self) -> bool:
        return self.other.end_ms > self.holder.end_ms


def rows(
    turns: Sequence[Turn], settings: config.Turns, wording: Wording
) -> list[dict[str, object]]:
    """Rows of table `overlaps`, by time.

    Parameters
    ----------
    turns
        By time; a turn's position in the sequence is its turn_id.
    """
    found = []
    for (one, two), events in _together(turns, settings).items():
        sides = _sides(turns[one], turns[two], settings)
        if sides is None:
            continue
        holder, other = sides
        holder_number, other_number = (one, two) if holder is turns[one] else (two, one)
        for both in events:
            third = holder.within
            if (
                third is not None
                and third is not other
                and third.start_ms <= both.start_ms
                and both.end_ms <= third.end_ms
            ):
                continue
            overlap = _Overlap(
                both.start_ms,
                both.end_ms,
                holder,
                other,
                [unit for unit in both.units if unit.speaker == holder.speaker],
                [unit for unit in both.units if unit.speaker == other.speaker],
                turns,
                other_number,
            )
            row = _row(overlap, settings, wording)
            found.append({**row, "holder_turn": holder_number, "other_turn": other_number})
    found.sort(key=lambda row: (row["start_ms"], row["end_ms"], row["holder_turn"]))
    return [{"overlap_id": number, **row} for number, row in enumerate(found)]


def _together(turns: Sequence[Turn], settings: config.Turns) -> dict[tuple[int, int], list[_Both]]:
    """When two turns overlap, by the numbers of the two turns."""
    placed = [(unit, number) for number, turn in enumerate(turns) for unit in turn.units]
    placed.sort(key=lambda pair: (pair[0].start_ms, pair[0].end_ms))
    found: dict[tuple[int, int], list[_Both]] = defaultdict(list)
    sounding: list[tuple[Unit, int]] = []
    for unit, number in placed:
        sounding = [pair for pair in sounding if pair[0].end_ms > unit.start_ms]
        for other, other_number in sounding:
            if other.speaker == unit.speaker:
                continue
            end_ms = min(unit.end_ms, other.end_ms)
            events = found[min(number, other_number), max(number, other_number)]
            if events and unit.start_ms <= events[-1].end_ms + settings.yield_ms:
                events[-1].end_ms = max(events[-1].end_ms, end_ms)
            else:
                events.append(_Both(unit.start_ms, end_ms))
            events[-1].units |= {other: None, unit: None}
        sounding.append((unit, number))
    return found


def _sides(earlier: Turn, later: Turn, settings: config.Turns) -> tuple[Turn, Turn] | None:
    """The turn that has the floor and the one that comes in; None if neither has the floor."""
    if earlier.is_backchannel and later.is_backchannel:
        return None
    if earlier.is_backchannel:
        return later, earlier
    together = later.start_ms - earlier.start_ms <= settings.latch_ms
    if together and not later.is_backchannel and later.end_ms > earlier.end_ms:
        return later, earlier
    return earlier, later


def _row(overlap: _Overlap, settings: config.Turns, wording: Wording) -> dict[str, object]:
    holder, other = overlap.holder, overlap.other
    cut_off = _cut_off(overlap, settings, wording)
    kind, form = _kind(overlap, cut_off, settings, wording)
    began_ms = min(unit.start_ms for unit in overlap.other_units)
    return {
        "start_ms": overlap.start_ms,
        "end_ms": overlap.end_ms,
        "holder": holder.speaker,
        "other": other.speaker,
        "holder_role": "unknown",
        "other_role": "unknown",
        "kind": kind,
        "form": form,
        "into_ms": max(0, began_ms - holder.start_ms),
        "went_on": _went_on(overlap, settings),
        "cut_off": cut_off,
    }


def _went_on(overlap: _Overlap, settings: config.Turns) -> str:
    """Whose turn lasts audibly beyond the overlap."""
    holder = overlap.holder.end_ms - overlap.end_ms > settings.latch_ms
    other = overlap.other.end_ms - overlap.end_ms > settings.latch_ms
    return {(1, 0): "holder", (0, 1): "other", (1, 1): "both", (0, 0): "neither"}[holder, other]


def _cut_off(overlap: _Overlap, settings: config.Turns, wording: Wording) -> bool | None:
    """Whether the holder stopped with the overlap, unfinished; None: unknown."""
    last = overlap.holder.units[-1]
    if not last.words:
        return None
    if overlap.holder.end_ms - overlap.end_ms > settings.latch_ms:
        return False
    return wording.breaks_off(last.words)


def _kind(
    overlap: _Overlap, cut_off: bool | None, settings: config.Turns, wording: Wording
) -> tuple[str | None, str | None]:
    """Kind and form, by the table in the module's docstring."""
    other = overlap.other
    if other.is_backchannel:
        return "backchannel", None
    words = other.words
    short = all(u.end_ms - u.start_ms <= settings.backchannel_ms for u in other.units)
    if (not words and wording.has_words) or (other.is_backchannel is None and short):
        return None, None
    near_the_end = overlap.holder.end_ms - overlap.start_ms <= settings.terminal_overlap_ms
    outcome = "floor_taking" if overlap.other_goes_on else "failed_attempt"
    if not words:
        return ("cooperative" if near_the_end else outcome), None
    form = _form(overlap, cut_off, settings, wording, near_the_end=near_the_end)
    return ("cooperative", form) if form else (outcome, None)


def _form(
    overlap: _Overlap,
    cut_off: bool | None,
    settings: config.Turns,
    wording: Wording,
    *,
    near_the_end: bool,
) -> str | None:
    """The form of a cooperative overlap; None: not cooperative."""
    if _is_choral(overlap, settings):
        return "choral"
    if wording.only_acknowledges(overlap.other.words):
        return "terminal" if near_the_end else "continuer"
    if not near_the_end:
        return None
    if cut_off and _completes(overlap, settings, wording):
        return "completion"
    return None if cut_off and overlap.other_goes_on else "terminal"


def _is_choral(overlap: _Overlap, settings: config.Turns) -> bool:
    """Whether most of the other's words are the holder's, said at the same time."""
    holder_words: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for unit in overlap.holder_units:
        for word, token in zip(unit.words, tokens(unit.words), strict=True):
            holder_words[token].append((word.start_ms, word.end_ms))
    words = overlap.other.words
    slack = settings.choral_ms
    same = sum(
        any(
            start < word.end_ms + slack and word.start_ms < end + slack
            for start, end in holder_words.get(token, ())
        )
        for word, token in zip(words, tokens(words), strict=True)
        if token
    )
    return same >= max(settings.choral_words, settings.choral_share * len(words))


def _completes(overlap: _Overlap, settings: config.Turns, wording: Wording) -> bool:
    """Whether the holder accepts or repeats the few words of the other."""
    words = overlap.other.words
    if len(words) > settings.completion_words:
        return False
    next_turn = next(_floor_after(overlap, settings), None)
    if next_turn is None or next_turn.speaker != overlap.holder.speaker or not next_turn.words:
        return False
    answer = next_turn.words[: settings.completion_words]
    end, answered = tokens(words)[-settings.completion_repeats :], tokens(answer)
    repeats = any(answered[k : k + len(end)] == end for k in range(len(answered)))
    return repeats or wording.only_acknowledges(answer[:1])


def _floor_after(overlap: _Overlap, settings: config.Turns) -> Iterator[Turn]:
    """Turns with the floor that begin soon after the other's turn."""
    until_ms = overlap.other.end_ms + settings.turn_pause_ms
    for number in range(overlap.other_number + 1, len(overlap.turns)):
        turn = overlap.turns[number]
        if turn.start_ms > until_ms:
            return
        if not turn.is_backchannel and turn is not overlap.holder:
            yield turn
