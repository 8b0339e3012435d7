"""Moments in excerpts by authors on whom nothing was tuned, and what their strength is worth."""

from functools import partial

from pipeline.evaluation.accuracy.moments import BY_KIND, by_kind, moments_in_consultations
from pipeline.evaluation.accuracy.row import READING_PROFILES, Numbers, Place, Row
from pipeline.research.reading import excerpts
from pipeline.research.reading.excerpts import Split

PARTS: dict[Split, str] = {
    "sealed": "sealed authors, whom nobody read",
    "development": "development authors, on whom thresholds were chosen",
}
GRADES = (0.3, 0.5, 0.7)
"""Borders of the grades of strength."""


def moments(place: Place, profile: str, part: Split) -> Numbers:
    """Precision, recall and F1, of any kind and of each."""
    found = place.written(part)[profile]
    whole = found.tally()
    return {
        **by_kind(found),
        "authors": len(excerpts.authors(part)),
        "precision": whole.precision or 0.0,
        "recall": whole.recall or 0.0,
        "f1": whole.f1 or 0.0,
        "found": whole.found,
        "events": whole.events,
        "moments": whole.moments,
    }


def strength(place: Place, part: Split) -> Numbers:
    """Of each grade of strength, how many moments there are and how many are right."""
    numbers: Numbers = {}
    for each in place.written(part)["reading"].tally().reliability(GRADES):
        numbers |= {f"from_{each.low:g}": each.moments, f"right_{each.low:g}": each.right}
    return {name.replace(".", "_"): number for name, number in numbers.items()}


_ANY = (
    "{authors} authors; any kind: precision {precision:.2f}, recall {recall:.2f}, F1 {f1:.2f} "
    "({found} of {events} found, {moments} flagged); "
)
_STRENGTH = "; ".join(
    f"from {low:.2f}: {{right_{name}}} of {{from_{name}}} right"
    for low, name in ((each, f"{each:g}".replace(".", "_")) for each in (0.0, *GRADES))
)

ROWS = (
    Row(
        "moments where nobody ruptures anything",
        "29 acted consultations, read by the reader",
        ("consultations",),
        partial(
            moments_in_consultations, workspace="consultations_read", profiles=READING_PROFILES
        ),
        "in {hours:.1f} hours: "
        + ", ".join(f"`{p}` {{{p}:.0f}} ({{{p}_per_hour:.1f}} per hour)" for p in READING_PROFILES),
        slow=True,
    ),
    *(
        Row(
            "ruptures in excerpts, words and made times, within 2 utterances",
            f"`{profile}`, {who}",
            (),
            partial(moments, profile=profile, part=part),
            _ANY + BY_KIND,
            slow=True,
            held_out=part == "sealed",
        )
        for part, who in PARTS.items()
        for profile in READING_PROFILES
    ),
    *(
        Row(
            "moments of each strength that are right",
            f"`reading`, {who}",
            (),
            partial(strength, part=part),
            _STRENGTH,
            slow=True,
            held_out=part == "sealed",
        )
        for part, who in PARTS.items()
    ),
)
