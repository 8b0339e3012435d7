"""What is found of what strangers wrote: lines and dialogues by authors who never saw a rule."""

from collections import Counter
from collections.abc import Iterator
from functools import partial

from pipeline.evaluation.accuracy.acted import in_dialogues, numbers, says
from pipeline.evaluation.accuracy.row import Numbers, Place, Row
from pipeline.evaluation.material import acted_dialogues, strangers
from pipeline.evaluation.material.acted_dialogues import MARKERS, Rehearsal
from pipeline.evaluation.talk_norms import HOUR_MS

CODES = tuple(marker for marker in MARKERS if marker[0] in "WC")
LINES = "lines that strangers wrote, each after what the therapist said"
MILD = "mild ruptures in dialogues that a stranger wrote"
HALVES = {
    True: "the sealed half, which nobody read",
    False: "the half that rules were widened on",
}


def lines(place: Place, *, sealed: bool) -> Numbers:
    """Lines that show a marker and are flagged, and lines that only look so and are flagged."""
    shown: Counter[str] = Counter()
    found: Counter[str] = Counter()
    alike = false = 0
    with Rehearsal(place.scratch) as rehearsal:
        for marker in CODES:
            said = strangers.lines(marker, sealed=sealed)
            name = f"{marker}-{'sealed' if sealed else 'open'}"
            for line, flagged in strangers.flagged(said, name, rehearsal):
                if line.shows:
                    shown[marker] += 1
                    found[marker] += flagged
                else:
                    alike += 1
                    false += flagged
    return {**numbers(shown, found, false), "alike": alike}


def sound(place: Place, *, sealed: bool) -> Numbers:
    """Moments in dialogues without a rupture that are full of what looks like one."""
    found = alike = 0
    hours = 0.0
    with Rehearsal(place.scratch) as rehearsal:
        for dialogue in strangers.dialogues("sound", sealed=sealed):
            judged = acted_dialogues.judge(dialogue, rehearsal.process(dialogue))
            found += sum(moment["kind"] != "therapist_move" for moment in judged.false)
            alike += len(dialogue.file.lookalikes)
            hours += max(line.end_ms for line in dialogue.lines) / HOUR_MS
    return {"found": found, "alike": alike, "minutes": hours * 60}


def _rows() -> Iterator[Row]:
    for sealed, half in HALVES.items():
        yield Row(
            LINES,
            half,
            (),
            partial(lines, sealed=sealed),
            "{found} of {planted} that show a marker flagged, {false} of {alike} that do not; "
            + ", ".join(f"{code} {{found_{code}}}/{{planted_{code}}}" for code in CODES),
            slow=True,
            held_out=sealed,
        )
    for sealed, half in HALVES.items():
        yield Row(
            MILD,
            half,
            (),
            partial(
                in_dialogues,
                dialogues=partial(strangers.dialogues, "ruptures", sealed=sealed),
            ),
            says(CODES),
            slow=True,
            held_out=sealed,
        )
    for sealed, half in HALVES.items():
        yield Row(
            "dialogues without a rupture that two strangers wrote, full of what looks like one",
            half,
            (),
            partial(sound, sealed=sealed),
            "{found} moments flagged in {minutes:.0f} minutes with {alike} look-alikes",
            slow=True,
            held_out=sealed,
        )


ROWS = tuple(_rows())
