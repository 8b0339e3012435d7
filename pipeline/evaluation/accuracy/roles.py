"""Who is the therapist."""

from collections.abc import Iterator

from pipeline.core import registry
from pipeline.evaluation.accuracy.row import Numbers, Place, Row
from pipeline.evaluation.errors import role, voice


def role_numbers(talks: Iterator[list[role.Line]]) -> Numbers:
    """How often the therapist is found, missed for the other, or left open."""
    found = role.judged(talks)
    return {
        "right": found["therapist"],
        "wrong": found["client"],
        "abstained": found["unknown"],
    }


def roles_of_consultations(place: Place) -> Numbers:
    """Doctor and patient."""
    return role_numbers(role.consultations(place.data / "consultations"))


def roles_of_counselling(place: Place) -> Numbers:
    """Counsellor and client."""
    file = place.data / "counselling_text" / "utterances.csv"
    return role_numbers(role.counselling(file))


def enrolled_voices(place: Place) -> Numbers:
    """Sessions of two readers, of whom one was enrolled or none."""
    encoder = registry.find("voice encoder", "ge2e").make(place.settings)
    folder = place.data / "read_speech"
    found = []
    for band in voice.BANDS:
        heard = voice.halves(folder, band, encoder, place.settings)
        found.append(voice.errors(heard, heard, place.settings))
    return {
        "right": sum(one.right for one in found),
        "wrong": sum(one.wrong for one in found),
        "abstained": sum(one.abstained for one in found),
        "taken": sum(one.taken for one in found),
        "strangers": sum(one.taken + one.refused for one in found),
        "equal_error_rate": max(one.equal_error_rate for one in found),
        "least_margin": min(one.least_margin for one in found),
    }


ROLES = "who is the therapist, from words and turns"
SAYS_ROLES = "{right} right, {wrong} wrong, {abstained} abstained"

ROWS = (
    Row(ROLES, "consultations", ("consultations",), roles_of_consultations, SAYS_ROLES),
    Row(
        ROLES,
        "counselling conversations",
        ("counselling_text",),
        roles_of_counselling,
        SAYS_ROLES,
    ),
    Row(
        "who is the therapist, from an enrolled voice",
        "read speech, wide and telephone band",
        ("read_speech",),
        enrolled_voices,
        "{right} right, {wrong} wrong, {abstained} abstained; {taken} of {strangers} strangers "
        "taken for the enrolled; equal error rate {equal_error_rate:.1%}, least margin "
        "{least_margin:.2f}",
        slow=True,
    ),
)
