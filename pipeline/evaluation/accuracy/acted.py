"""Planted moments: with everything, with the words withheld, and with the timing withheld.

Words are withheld by transcribing nothing. Timing is withheld as many typed transcripts withhold
it: they say when a line begins and not when it ends, so that no rule that needs timing is asked.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import polars as pl

from pipeline.core.tables import Tables
from pipeline.evaluation.accuracy.row import Numbers, Place, Row
from pipeline.evaluation.material import acted_dialogues, acted_sessions
from pipeline.evaluation.material.acted_dialogues import MARKERS, Dialogue, Rehearsal, Withheld

Found = tuple[Counter[str], Counter[str], int]
"""Planted and found moments by marker, and moments that nobody planted."""


def in_dialogues(
    place: Place, dialogues: Callable[[], Iterable[Dialogue]], withheld: Withheld = "nothing"
) -> Numbers:
    """What is found in dialogues of what was planted, and what nobody planted."""
    planted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    false = 0
    with Rehearsal(place.scratch, withheld) as rehearsal:
        for dialogue in dialogues():
            judged = acted_dialogues.judge(dialogue, rehearsal.process(dialogue))
            planted.update(each.marker for each in dialogue.file.moments)
            found.update(each.marker for each in dialogue.file.moments if judged.moments[each.id])
            false += len(judged.false)
    return numbers(planted, found, false)


def acted(*, blind: bool) -> Iterator[Dialogue]:
    """Dialogues whose author had read no rule, or those written later."""
    every = map(acted_dialogues.read, acted_dialogues.names())
    return (dialogue for dialogue in every if dialogue.file.blind == blind)


def in_samples(place: Place, *, withheld: Withheld) -> Numbers:
    """What is found of the primary moments of the two acted sessions, from their audio."""
    planted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    false = 0
    for name, tables in samples(place, withheld):
        moments = tables["moments"].filter(pl.col("kind") != "therapist_move")
        known: set[int] = set()
        for row in (
            acted_sessions.truth(place.samples, f"{name}_moments") if name == "rupture" else ()
        ):
            own = acted_sessions.overlap(moments, row)["moment_id"].to_list()
            known.update(own)
            if row["primary"] == "true":
                planted[row["marker"]] += 1
                found[row["marker"]] += bool(own)
        false += moments.height - len(known)
    return numbers(planted, found, false)


def samples(place: Place, withheld: Withheld) -> Iterable[tuple[str, Tables]]:
    """Tables of both acted sessions, by name."""
    processed = place.walked_without_words if withheld == "words" else place.processed
    if withheld != "timing":
        return [(name, each.tables) for name, each in processed.items()]
    with Rehearsal(place.scratch, "timing") as rehearsal:
        return [
            (name, rehearsal.process_lines(name, lines(each.tables)).tables)
            for name, each in processed.items()
        ]


def lines(tables: Tables) -> list[tuple[str, int, int, str]]:
    """The turns of a session as a transcript."""
    worded = tables["turns"].filter(pl.col("text").is_not_null())
    return list(worded.select("role", "start_ms", "end_ms", "text").iter_rows())


def numbers(planted: Counter[str], found: Counter[str], false: int) -> Numbers:
    """All counts by name; the row names those that it shows."""
    return {
        "planted": planted.total(),
        "found": found.total(),
        "false": false,
        **{f"planted_{marker}": planted[marker] for marker in MARKERS},
        **{f"found_{marker}": found[marker] for marker in MARKERS},
    }


def says(markers: Iterable[str]) -> str:
    """Format of a row."""
    each = ", ".join(f"{marker} {{found_{marker}}}/{{planted_{marker}}}" for marker in markers)
    return f"{{found}} of {{planted}} found, {{false}} flagged that nobody planted; {each}"


WITHHELD: tuple[tuple[Withheld, str], ...] = (
    ("nothing", "words and timing"),
    ("words", "timing alone"),
    ("timing", "words alone"),
)


def _rows() -> Iterator[Row]:
    for withheld, what in WITHHELD:
        heard = f"planted moments, {what}"
        measure = partial(in_dialogues, dialogues=partial(acted, blind=True), withheld=withheld)
        on = "13 acted dialogues, written before their author read a rule"
        yield Row(heard, on, (), measure, says(MARKERS), slow=True)
        measure = partial(in_dialogues, dialogues=partial(acted, blind=False), withheld=withheld)
        planted = ("W3", "W4", "C2", "C6", "C7", "T1")
        yield Row(
            heard, "2 written later, with the rules known", (), measure, says(planted), slow=True
        )
        heard_samples = partial(in_samples, withheld=withheld)
        on = "the acted samples, from audio"
        yield Row(heard, on, (), heard_samples, says(("W2", "C1", "C3")), slow=True)


ROWS = tuple(_rows())
