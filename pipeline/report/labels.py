"""Codes as people say them: markers, responses, roles, measures.

The markers are those of the Rupture Resolution Rating System (3RS; Eubanks, Muran and Safran),
in plain words.
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
"""Rupture markers by code; T1 and T2 are Tether's, for outward signs of the therapist's moves."""

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
    "withdrawal": "candidate withdrawal",
    "confrontation": "candidate confrontation",
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
        "No response to it was found in the therapist's next turns. One may lie in tone, or in "
        "words that the patterns do not know."
    ),
    "redirected": "The therapist turned to something else; nothing was found that explores it.",
    "addressed": "Something in the therapist's next turns speaks to it.",
    "possibly_repaired": (
        "Something in the therapist's next turns speaks to it, and the client then spoke at "
        "least as much as usual. Whether that was repair, only listening can tell."
    ),
}

RESPONSE_UNKNOWN = "The recording ends too soon afterwards, or there are no words to look at."

ROLES = {
    "therapist": "Therapist",
    "client": "Client",
    "other": "Other",
    "unknown": "Role unknown",
}

ROLE_SOURCES = {
    "corrected": "set by a person",
    "sidecar": "named in the sidecar or on the command line",
    "enrolled": "recognised by an enrolled voice",
    "inferred": "inferred",
    "unknown": "unknown",
}

SILENCES = {
    "pause": "pause, the same speaker goes on",
    "lapse": "lapse, the same speaker goes on after longer",
    "gap": "gap between speakers",
    "edge": "before the first or after the last speech",
}

OVERLAPS = {
    "backchannel": "only acknowledged",
    "cooperative": "joined in at the end or to help",
    "floor_taking": "took the floor",
    "failed_attempt": "tried and gave way",
}
"""What came of it that somebody came in while another spoke."""

FAMILIES = {"timing": "timing", "voice": "voice", "words": "words"}

QUALITY = {
    "snr_db": ("Signal to noise", "dB"),
    "clipped_share": ("Clipped", "%"),
    "bandwidth_hz": ("Bandwidth", "Hz"),
    "speech_share": ("Speech", "%"),
    "dropout_share": ("Lost signal", "%"),
    "gated_share": ("Muted between words by a noise gate", "%"),
    "dc_offset": ("Offset of the microphone", ""),
    "lost_share": ("Lost on all channels", "%"),
    "doubt_share": ("May be a quiet voice", "%"),
    "crosstalk_db": ("Own voice over the other's", "dB"),
    "diarization_margin": ("Separation of the speakers", ""),
    "word_confidence": ("Confidence of the words", ""),
    "speakers": ("Voices", ""),
    "audio_channels": ("Channels with sound", ""),
    "ends_estimated": ("Ends of lines are guessed", ""),
}
"""Measure of quality to its name and unit; a share is shown in per cent."""


def marker(code: str) -> str:
    """The marker in words; the code itself where it is none of the 3RS.

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
    """The language's English name; its code where the name is not known."""
    return languages.name(code) if code else "not known"
