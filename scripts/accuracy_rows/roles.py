"""Who is the therapist."""

from collections.abc import Iterator

import role_error

from accuracy_rows.row import Numbers, Place, Row


def role_numbers(talks: Iterator[list[role_error.Line]]) -> Numbers:
    """How often the therapist is found, missed for the other, or left open."""
    found = role_error.judged(talks)
    return {
        "right": found["therapist"],
        "wrong": found["client"],
        "abstained": found["unknown"],
    }


def roles_of_consultations(place: Place) -> Numbers:
    """Doctor and patient."""
    return role_numbers(role_error.consultations(place.data / "consultations"))


def roles_of_counselling(place: Place) -> Numbers:
    """Counsellor and client."""
    file = place.data / "counselling_text" / "utterances.csv"
    return role_numbers(role_error.counselling(file))


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
)
