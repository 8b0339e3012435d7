"""Codes in plain words: markers, responses, roles, measures of quality.

The markers are those of the Rupture Resolution Rating System (3RS; Eubanks, Muran and Safran).
"""

from pipeline.core import languages

MARKERS = {
    "W1": "denial",
    "W2": "minimal response",
    "W3": "abstract communication",
    "W4": "avoidant storytelling or topic shift",
    "W5": "deferential and appeasing",
    "W6": "content and affect split",
    "W7": "self-criticism or hopelessness",
    "C1": "complaint about the therapist",
    "C2": "rejects the intervention",
    "C3": "complaint about the activities of therapy",
    "C4": "complaint about the parameters of therapy",
    "C5": "complaint about progress",
    "C6": "defends self against the therapist",
    "C7": "control or pressure",
    "T1": "therapist moves away",
    "T2": "therapist moves against",
}
"""Rupture markers by code; T1 and T2 are Tether's own, for outward signs of therapist moves."""

RESOLUTIONS = {
    "R1": "clarify a misunderstanding",
    "R2": "change tasks or goals",
    "R3": "illustrate a task or give its rationale",
    "R4": "invite thoughts and feelings about the therapist or the therapy",
    "R5": "acknowledge one's own contribution",
    "R6": "disclose one's own experience of the interaction",
    "R7": "link to a pattern between the two",
    "R8": "link to the client's other relationships",
    "R9": "validate the defensive posture",
    "R10": "redirect or refocus",
}
"""Resolution strategies by code."""

FAMILIES_OF_STRATEGY = {
    "R1": "direct",
    "R2": "indirect",
    "R3": "direct",
    "R4": "expressive",
    "R5": "expressive",
    "R6": "expressive",
    "R7": "expressive",
    "R8": "expressive",
    "R9": "expressive",
}
"""How a strategy works, after Safran and Muran (2000); redirecting is none of these."""

KINDS = {
    "withdrawal": "possible withdrawal",
    "confrontation": "possible confrontation",
    "therapist_move": "therapist move",
}

RESPONSES = {
    "none_found": "none found",
    "redirected": "redirected",
    "addressed": "addressed",
    "possibly_repaired": "possibly repaired",
}

RESPONSE_SENTENCES = {
    "none_found": (
        "No response was detected in the therapist's next turns. One may lie in tone, or in words "
        "that the patterns do not cover."
    ),
    "redirected": "The therapist changed the subject without exploring it.",
    "addressed": "The therapist appears to respond to it in the next turns.",
    "possibly_repaired": (
        "The therapist appears to respond to it in the next turns, and the client then spoke at "
        "least as much as usual. Listen to judge whether this was a repair."
    ),
}

RESPONSE_UNKNOWN = "The recording ends too soon afterwards, or there is no transcript."

ROLES = {
    "therapist": "Therapist",
    "client": "Client",
    "other": "Other",
    "unknown": "Role unknown",
}

ROLE_SOURCES = {
    "corrected": "set by a person",
    "sidecar": "from the session notes file, command line or transcript",
    "enrolled": "recognised by voice (enrolled therapist)",
    "inferred": "inferred",
    "unknown": "unknown",
}

SILENCES = {
    "pause": "pause within one speaker",
    "lapse": "longer pause within one speaker",
    "gap": "gap between speakers",
    "edge": "before the first or after the last speech",
}

OVERLAPS = {
    "backchannel": 'backchannel ("mm-hm")',
    "cooperative": "cooperative",
    "floor_taking": "interrupted",
    "failed_attempt": "attempted, gave way",
}
"""Outcome of an overlap, by kind."""

FAMILIES = {"timing": "timing", "voice": "voice", "words": "words"}

QUALITY = {
    "snr_db": ("Signal-to-noise ratio", "dB"),
    "clipped_share": ("Clipped", "%"),
    "bandwidth_hz": ("Bandwidth", "Hz"),
    "speech_share": ("Speech", "%"),
    "dropout_share": ("Lost signal", "%"),
    "gated_share": ("Muted by a noise gate", "%"),
    "dc_offset": ("DC offset", ""),
    "lost_share": ("Signal lost on all channels", "%"),
    "doubt_share": ("Possible quiet speech", "%"),
    "crosstalk_db": ("Channel separation", "dB"),
    "diarization_margin": ("Speaker separation", ""),
    "word_confidence": ("Transcription confidence", ""),
    "speakers": ("Speakers", ""),
    "audio_channels": ("Audio channels", ""),
    "ends_estimated": ("Line endings estimated", ""),
}
"""Name and unit of each measure of quality; shares are shown in per cent."""


def marker(code: str) -> str:
    """The marker in words; the code itself if it is not a 3RS code.

    >>> marker("W2")
    'minimal response'
    """
    return MARKERS.get(code, code)


def resolution(code: str) -> str:
    """The resolution strategy in words, with its family.

    >>> resolution("R4")
    'invite thoughts and feelings about the therapist or the therapy (expressive)'
    """
    words = RESOLUTIONS.get(code, code)
    family = FAMILIES_OF_STRATEGY.get(code)
    return f"{words} ({family})" if family else words


def language(code: str | None) -> str:
    """English name of a language; its code if the name is not known."""
    return languages.name(code) if code else "not known"
