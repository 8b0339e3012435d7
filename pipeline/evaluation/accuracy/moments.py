"""Planted moments, and moments in conversations with independent codes."""

from collections.abc import Sequence
from functools import partial

from pipeline import config, research
from pipeline.evaluation import talk_norms
from pipeline.evaluation.accuracy.row import PROFILES, Numbers, Place, Row
from pipeline.evaluation.material import acted_sessions
from pipeline.evaluation.material.counselling import HELD_OUT
from pipeline.report.labels import MARKERS
from pipeline.research.sessions import load_sessions


def planted_moments(place: Place) -> Numbers:
    """Primary moments found from the audio, and what was flagged that nobody planted."""
    rupture = place.processed["rupture"]
    planted = acted_sessions.truth(place.samples, "rupture_moments")
    primary = sum(row["primary"] == "true" for row in planted)
    known = {
        moment_id
        for row in planted
        for moment_id in acted_sessions.overlap(acted_sessions.moments(rupture), row)["moment_id"]
    }
    return {
        "found": primary - len(acted_sessions.missed(rupture, place.samples)),
        "planted": primary,
        "unplanted": acted_sessions.moments(rupture).height - len(known),
        "false_benign": acted_sessions.moments(place.processed["benign"]).height,
    }


KINDS = ("confrontation", "withdrawal")
CODED_MOMENTS = "ruptures in counselling conversations, words alone, within 2 utterances"
CODED = tuple(code for code in MARKERS if code[0] in "WC" and code not in {"W3", "W6"})
"""Markers that somebody coded there."""

HALVES = {True: "the 8 that nobody read", False: "the 15 that the rules were written on"}


def coded_moments(place: Place, profile: str, *, held: bool) -> Numbers:
    """Precision, recall and F1 of each kind with their intervals, and benign places flagged."""
    return by_kind(place.counselling[profile].part(HELD_OUT, inside=held))


def by_kind(part: research.Evaluation) -> Numbers:
    """Precision, recall and F1 of each kind with their intervals, and benign places flagged."""
    whole = part.tally()
    numbers: Numbers = {"benign": whole.benign, "flagged": whole.benign_flagged}
    for kind in KINDS:
        tally, chances = part.tally(kind), part.intervals(kind)
        initial = kind[0]
        for name in ("precision", "recall", "f1"):
            value, chance = getattr(tally, name), chances[name]
            numbers[f"{initial}_{name}"] = float("nan") if value is None else value
            numbers[f"{initial}_{name}_low"] = chance.low if chance else float("nan")
            numbers[f"{initial}_{name}_high"] = chance.high if chance else float("nan")
        numbers |= {f"{initial}_{n}": getattr(tally, n) for n in ("found", "events", "moments")}
    return numbers


def coded_markers(place: Place, *, held: bool) -> Numbers:
    """Events with a code of each marker, and those that a moment of their kind found."""
    markers = place.counselling["default"].part(HELD_OUT, inside=held).markers
    return {
        f"{code}_{name}": getattr(markers[code], name) if code in markers else 0
        for code in CODED
        for name in ("events", "found")
    }


def _kind(name: str) -> str:
    of = name[0]
    rates = ", ".join(
        f"{label} {{{of}_{key}:.2f}} [{{{of}_{key}_low:.2f}}, {{{of}_{key}_high:.2f}}]"
        for label, key in (("precision", "precision"), ("recall", "recall"), ("F1", "f1"))
    )
    return f"{name}: {rates} ({{{of}_found}} of {{{of}_events}} found, {{{of}_moments}} flagged)"


BY_KIND = "; ".join(map(_kind, KINDS)) + "; {flagged} of {benign} benign places flagged"


def moments_in_consultations(
    place: Place, workspace: str = "consultations", profiles: Sequence[str] = PROFILES
) -> Numbers:
    """Moments per hour where a doctor and a patient talk, by profile.

    Parameters
    ----------
    workspace
        Attribute of `place` that holds it.
    """
    numbers: Numbers = {}
    for profile in profiles:
        opened = load_sessions.read(getattr(place, workspace), settings=config.load(profile))
        kinds = [kind for case in opened.cases for kind in case.tables["moments"]["kind"]]
        hours = sum(case.recording.duration_ms for case in opened.cases) / talk_norms.HOUR_MS
        found = sum(kind in KINDS for kind in kinds)
        numbers |= {profile: found, f"{profile}_per_hour": found / hours, "hours": hours}
    return numbers


ROWS = (
    *(
        Row(
            CODED_MOMENTS,
            f"`{profile}`, {HALVES[held]}",
            ("counselling_text",),
            partial(coded_moments, profile=profile, held=held),
            BY_KIND,
            slow=True,
            held_out=held,
        )
        for profile in PROFILES
        for held in HALVES
    ),
    *(
        Row(
            "the same by marker: found of those coded",
            f"`default`, {HALVES[held]}",
            ("counselling_text",),
            partial(coded_markers, held=held),
            ", ".join(f"{code} {{{code}_found}} of {{{code}_events}}" for code in CODED),
            slow=True,
            held_out=held,
        )
        for held in HALVES
    ),
    Row(
        "moments where nobody ruptures anything",
        "29 acted consultations, TextGrids, by video",
        ("consultations",),
        moments_in_consultations,
        "in {hours:.1f} hours: "
        + ", ".join(f"`{p}` {{{p}:.0f}} ({{{p}_per_hour:.1f}} per hour)" for p in PROFILES),
        slow=True,
    ),
    Row(
        "planted primary moments",
        "the acted samples, end to end",
        (),
        planted_moments,
        "{found} of {planted} found, {unplanted} flagged that nobody planted; "
        "{false_benign} in the benign session",
        slow=True,
    ),
)
