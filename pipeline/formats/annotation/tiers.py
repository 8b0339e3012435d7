"""Tiers of Praat and ELAN as a transcript: tiers with speech, and tiers that describe it.

::

    Ann           ├── I'm fine. ──┤        utterances: lines of Ann
    Ann - words   ├ i'm ┤├ fine ┤          a forced aligner's words: times of Ann's words
    Ann - phones  ├a├m┤  ├f├a├n┤           sounds: nobody, skipped and counted

Aligners name their tiers after what is in them (Montreal Forced Aligner, FAVE, WebMAUS). "words"
alone are the words of the only speaker, or of somebody who is not named. Words without utterances
make lines: one for each run of words that touch, for the aligner has put its pauses between them.
Words within an utterance that has as many take its spelling, as aligners write small letters and
no full stops.

In ELAN a tier that depends on another (a translation, parts of speech) describes it; where tiers
name participants, they are the speakers, and tiers without one are not. Tiers of codes are no
speech, as long as there is any.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.core.errors import InputError
from pipeline.formats.annotation import coded_tiers, eaf, textgrid
from pipeline.formats.repairs import Repairs
from pipeline.formats.timed_text.cues import spoken_words, squeeze

Row = tuple[int, int, str]
"""First millisecond, first millisecond after, text."""

SILENCES = frozenset(
    [
        *("sil", "<sil>", "sp", "<sp>", "spn", "pau", "<p:>", "<p>", "<eps>", "<nib>", "<usb>"),
        *("{sl}", "{ns}", "h#", "#", "_", "silence", "silent", "<silence>", "[silence]"),
    ]
)
"""Labels with which aligners and Praat ("To TextGrid (silences)") mark silence."""

_LEVELS: Mapping[str, str] = {
    "words": r"words?|tokens?|ort-mau",
    "sounds": r"phones?|phonemes?|phns?|kan-mau|mau|syllables?|ipa",
    "lines": r"utterances?|sentences?|transcript(?:ion)?s?",
}
_ANY = "|".join(f"(?P<{level}>{names})" for level, names in _LEVELS.items())
_JOINT = r"(?:\s*[-\u2013\u2014_:/.|@]\s*|\s+(?=\w+s$))"
_LEVEL = re.compile(rf"(?:(?P<who>.+?){_JOINT})??(?:{_ANY})", re.IGNORECASE)
_LONGEST_NAME = 200
"""Characters of the name of a tier that says what it holds."""


@dataclass
class Voice:
    """One speaker's tiers.

    Attributes
    ----------
    speaker
        Label; None: the file names nobody.
    lines, words
        Utterances, and times of single words; one of the two may be missing.
    """

    speaker: str | None
    lines: list[Row] = field(default_factory=list)
    words: list[Row] = field(default_factory=list)

    def spoken(self) -> Iterator[tuple[Row, tuple[Row, ...] | None]]:
        """Each line with its words; None: the file does not time them."""
        lines = sorted(self.lines, key=lambda row: row[:2])
        starts = [start_ms for start_ms, _, _ in lines]
        inside: list[list[Row]] = [[] for _ in lines]
        outside = []
        for word in sorted(self.words, key=lambda row: row[:2]):
            middle_ms = (word[0] + word[1]) // 2
            number = bisect_right(starts, middle_ms) - 1
            if number >= 0 and middle_ms < lines[number][1]:
                inside[number].append(word)
            else:
                outside.append(word)
        for line, words in zip(lines, inside, strict=True):
            yield line, _spelled(line[2], words) if words else None
        for run in _runs(outside):
            yield (run[0][0], run[-1][1], " ".join(text for _, _, text in run)), tuple(run)


@dataclass(frozen=True)
class _Part:
    """A tier of one speaker; `level` None: it has the speaker's own name."""

    who: str | None
    level: str | None
    name: str
    rows: Sequence[Row]


def of_textgrid(data: bytes, repairs: Repairs) -> list[Voice]:
    """Speakers of a TextGrid.

    Raises
    ------
    InputError
        As `textgrid.read`; or there is no speech in it.
    """
    tiers = textgrid.read(data, repairs)
    parts = []
    for number, tier in enumerate(tiers, 1):
        name = squeeze(tier.name) or f"tier {number}"
        parts.append(_Part(*_level(name), name, tier.intervals.rows()))
    voices = _voices(parts, repairs)
    if not voices:
        labelled = any(tier.intervals.height for tier in tiers)
        what = "that holds no words" if labelled else "whose intervals are all empty"
        raise InputError(f"a TextGrid {what}", expected="labelled intervals of speech")
    return voices


def of_eaf(data: bytes, repairs: Repairs) -> list[Voice]:
    """Speakers of an ELAN file.

    Raises
    ------
    InputError
        As `eaf.read`; or there is no speech in it.
    """
    tiers = [tier for tier in eaf.read(data, repairs) if tier.annotations.height or tier.unplaced]
    known = {tier.name for tier in tiers}
    own = [tier for tier in tiers if tier.parent not in known]
    speech = _speech(own, repairs)
    parts = []
    for number, tier in enumerate(speech, 1):
        name = squeeze(tier.name) or f"tier {number}"
        who, level = _level(name)
        who = squeeze(tier.participant) if tier.participant else who
        parts.append(_Part(who, level, name, tier.annotations.rows()))
    speaker = {tier.name: part.who for tier, part in zip(speech, parts, strict=True)}
    words = [
        tier
        for tier in tiers
        if tier.parent in speaker and _level(tier.name)[1] == "words" and not tier.estimated
    ]
    parts += [
        _Part(speaker[str(tier.parent)], "words", tier.name, tier.annotations.rows())
        for tier in words
    ]
    repairs["Tiers that describe another tier, skipped"] += len(tiers) - len(own) - len(words)
    for tier in (*speech, *words):
        repairs["Annotations placed between their neighbours in time"] += tier.estimated
        repairs["Annotations that cannot be placed in time, left out"] += len(tier.unplaced)
    voices = _voices(parts, repairs)
    if not voices:
        raise InputError("an ELAN file without speech", expected="annotations with text")
    return voices


def _speech(tiers: Sequence[eaf.Tier], repairs: Repairs) -> list[eaf.Tier]:
    """Of tiers that stand by themselves, those that hold what people said."""
    of_codes: list[eaf.Tier] = []
    spoken: list[eaf.Tier] = []
    for tier in tiers:
        (of_codes if coded_tiers.holds_only_codes(tier) else spoken).append(tier)
    if not spoken:
        repairs["Tiers of codes, read as speech for there is no other tier"] += len(of_codes)
        return of_codes
    repairs["Tiers of codes, which are no speech, skipped"] += len(of_codes)
    if not any(tier.participant for tier in spoken):
        return spoken
    named = [tier for tier in spoken if tier.participant]
    repairs["Tiers without a participant, skipped"] += len(spoken) - len(named)
    # What else a participant's tier may hold (gestures, remarks) is shorter than what was said.
    longest: dict[str | None, eaf.Tier] = {}
    for tier in named:
        best = longest.setdefault(tier.participant, tier)
        if _length(tier) > _length(best):
            longest[tier.participant] = tier
    chosen = [
        tier
        for tier in named
        if longest[tier.participant] is tier or _level(tier.name)[1] in ("words", "sounds")
    ]
    repairs["Further tiers of a participant, skipped"] += len(named) - len(chosen)
    return chosen


def _length(tier: eaf.Tier) -> int:
    """Characters of its utterances; words and sounds only repeat them."""
    if _level(tier.name)[1] in ("words", "sounds"):
        return 0
    return int(tier.annotations["text"].str.len_chars().sum())


def _voices(parts: Sequence[_Part], repairs: Repairs) -> list[Voice]:
    """The speakers of tiers, in order of their first one."""
    spoken = [
        replace(part, rows=[row for row in part.rows if _is_speech(row[2])]) for part in parts
    ]
    spoken = [part for part in spoken if part.rows]
    voices: dict[str | None, Voice] = {}
    seen = Counter[str]()
    for part in spoken:
        if part.level == "sounds":
            repairs["Tiers of single sounds, which are nobody's words, skipped"] += 1
        elif part.who is not None:
            label = part.who
            if part.level is None:  # two tiers of one name are two people
                seen[label] += 1
                label = label if seen[label] == 1 else f"{label} {seen[label]}"
            voice = voices.setdefault(label, Voice(label))
            (voice.words if part.level == "words" else voice.lines).extend(part.rows)
    for level in ("lines", "words"):
        loose = [part for part in spoken if part.level == level and part.who is None]
        if len(loose) == 1 and len(voices) <= 1:
            voice = next(iter(voices.values()), None) or voices.setdefault(None, Voice(None))
            own = voice.words if level == "words" else voice.lines
            if not own:
                own.extend(loose.pop().rows)
        if voices and level == "words":
            repairs["Tiers of words without a speaker, skipped"] += len(loose)
            continue
        for part in loose:
            seen[part.name] += 1
            label = part.name if seen[part.name] == 1 else f"{part.name} {seen[part.name]}"
            voices[label] = Voice(label, **{level: list(part.rows)})
    return list(voices.values())


def _level(name: str) -> tuple[str | None, str | None]:
    """Whose tier it is by its name, and what it holds: words, sounds, lines; None: lines of `name`.

    >>> _level("Ann - words"), _level("phones"), _level("Ann")
    (('Ann', 'words'), (None, 'sounds'), ('Ann', None))
    """
    name = squeeze(name)
    match = _LEVEL.fullmatch(name) if len(name) <= _LONGEST_NAME else None
    if match is None:
        return name, None
    return match["who"], next(level for level in _LEVELS if match[level])


def _is_speech(text: str) -> bool:
    return bool(text.strip()) and text.strip().lower() not in SILENCES


def _spelled(text: str, words: Sequence[Row]) -> tuple[Row, ...]:
    """`words` as the utterance writes them, if it has as many."""
    spelled = spoken_words(text)
    if len(spelled) != len(words):
        return tuple(words)
    return tuple((a, b, as_written) for (a, b, _), as_written in zip(words, spelled, strict=True))


def _runs(words: Iterable[Row]) -> list[list[Row]]:
    """Words, each in a run with those that it touches."""
    runs: list[list[Row]] = []
    for word in words:
        if runs and word[0] <= runs[-1][-1][1]:
            runs[-1].append(word)
        else:
            runs.append([word])
    return runs
