"""Moments that were planted."""

import acted_sessions

from accuracy_rows.row import Numbers, Place, Row


def planted_moments(place: Place) -> Numbers:
    """Primary moments found from the audio, and what was flagged that nobody planted."""
    rupture = place.walked["rupture"]
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
        "false_benign": acted_sessions.moments(place.walked["benign"]).height,
    }


ROWS = (
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
