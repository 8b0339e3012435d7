"""Speaker labels in the text of cues, as opposed to sentences with a colon.

::

    Dana Roe, PhD: How was it?          >> SAM: All right.          [Sam Poe] All right.

No list of names decides but the file's own habit. A **name** is a beginning whose words are
capitalised, numbered, or particles ("de la", "van"), brackets and titles aside; **any other words**
("mum's ipad") count where they come back often. A file has labels where half of its cues begin
with one, or where two names come back and the file begins with one: then labels stand at changes
of speaker only. In a file that has labels, a name is one if it comes back, or if it stands alone
and is no common word such as "So". All else is text: a line without a label within a cue goes on
with that cue's speaker, a cue without one has none.

A sign of change without a name (``>>``, or a second dash within a cue) is `UNNAMED`'s line.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline.core.vocabulary import Role
from pipeline.formats.timed_text.cues import UNNAMED, Cue, Part, squeeze

MOST_WORDS = 10
"""Words of a display name, title and pronouns included."""

OFTEN = 0.1
"""Share of cues that must begin with words that do not look like a name, to be a label."""

ALWAYS = 0.9
"""Share of cues with a label from which on a single capitalised word is one, even once."""

FIRST_CUES = 3
"""Where labels stand at changes only, one of so many first cues begins with one."""

_STAMP = r"(?:[\[(]\d{1,2}(?::\d{2}){1,2}(?:[.,]\d{1,3})?[\])]\s*)?"
_COLON = re.compile(rf"{_STAMP}([^:\uff1a\n]{{1,80}}?)\s*{_STAMP}(?::(?![\d/):])|\uff1a)\s*")
_SQUARE = re.compile(rf"{_STAMP}\[([^\[\]\n]{{1,80}})\]\s*:?\s*")
_ROUND = re.compile(rf"{_STAMP}\(([^()\n]{{1,80}})\)\s*:?\s*")
_CHANGE = re.compile(r"\s*(?:(>{2,3})|([-\u2013\u2014\u2022])(?=\s|\w))\s*")
_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_MAIL = re.compile(r"[^\s@:()\[\]]+@[^\s@:()\[\]]+\.[^\s@:()\[\]]+")
_NO_NAME = re.compile(r"[?!;<>{}=|\u2026]|\.\.|//")
_NUMBERED = re.compile(r"(.{1,40}?)[\s_#-]{0,3}\d{0,2}")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ROLES: dict[str, Role] = {
    "therapist": "therapist",
    "psychotherapist": "therapist",
    "counsellor": "therapist",
    "counselor": "therapist",
    "client": "client",
    "patient": "client",
}
_PARTICLES = _words(
    "al ap ben bin bint da dal de dei del della den der di do dos du e el ibn la las le les lo los "
    "mac of op san st 't te ten ter the ul van vom von y z zu zum zur"
)
_TITLES = _words("dr. mr. mrs. ms. prof. rev. sr. st.")
_GENERIC = _ROLES.keys() | _words(
    "caller guest host interviewee interviewer moderator participant speaker unknown"
)
_SENTENCES = _words(
    "a after all also an and another any are as at because before being but can dear did do every "
    "example for from further had has have he hello her here hers hi his how however i i'd i'll "
    "i'm i've if in is it it's its just last like listen look maybe me meanwhile mine my next no "
    "note nothing now number of oh ok okay on one or our perhaps please question reason result "
    "second she so some sometimes thanks that that's the their then there these they third this "
    "those though thus time to today tomorrow was we well were what when where which while who "
    "why with yeah yes yesterday yet you your "
    "aber als also auch bei da dann das dass der die ein eine er es heute ich ihr im ist ja jetzt "
    "man mein meine mir nein sie so und war was weil wenn wie wir"
)
"""Words that begin a sentence: text, unless what they begin looks like a name and comes back."""

_SOUNDS = _words(
    "applause background beep breathing chuckle chuckles clears cough coughing coughs cries cross "
    "crosstalk crying door exhales foreign inaudible indistinct inhales laugh laughing laughs "
    "laughter long mumbles music muttering no noise overlapping pause phone ringing sigh sighing "
    "sighs silence silent sniff sniffles sniffs sobbing sobs sound speaking static tearful "
    "throat typing unclear unintelligible whispering whispers"
)


def role_of(label: str) -> Role | None:
    """The role that a label itself names, in any case, with a number or not; None: no role.

    >>> role_of("THERAPIST"), role_of("Client 2"), role_of("Sam")
    ('therapist', 'client', None)
    """
    match = _NUMBERED.fullmatch(squeeze(label).casefold())
    return _ROLES.get(match[1]) if match else None


def labelled(cues: Sequence[Cue]) -> list[Cue]:
    """`cues` with speakers from their text or, where that names none, from the lines above times.

    A file that marks speakers by its own means is left as it is.
    """
    if any(part.speaker for cue in cues for part in cue.parts):
        return list(cues)
    for pattern in (_COLON, _SQUARE, _ROUND):
        names = _Names.of(cues, pattern)
        if names.known:
            return [replace(cue, parts=tuple(_tagged(cue, names))) for cue in cues]
    return _named([replace(cue, parts=tuple(_unmarked(cue))) for cue in cues])


@dataclass(frozen=True)
class _Names:
    """Labels of a file, by how they are written.

    Attributes
    ----------
    known
        Spelling of each label by its key; empty: the file writes no speakers in this way.
    """

    pattern: re.Pattern[str]
    known: dict[str, str]

    @classmethod
    def of(cls, cues: Sequence[Cue], pattern: re.Pattern[str]) -> "_Names":
        """What `cues` show; see the module."""
        bracketed = pattern is not _COLON
        lines = [
            [line for part in cue.parts for line in part.lines if line.strip()] for cue in cues
        ]
        firsts = [_label(pattern, own[0]) for own in lines if own]
        rest = [_label(pattern, line) for own in lines for line in own[1:]]
        counts = Counter(_key(label) for label in (*firsts, *rest) if label)
        spelled = {_key(label): label for label in reversed((*firsts, *rest)) if label}
        shapes = {key: _shape(label, bracketed=bracketed) for key, label in spelled.items()}
        often = max(2, OFTEN * len(firsts))
        again = {
            key
            for key, count in counts.items()
            if (shapes[key] == "name" and count > 1) or (shapes[key] == "words" and count >= often)
        }
        once = {key for key in counts if shapes[key] == "name" and not _begins_a_sentence(key)}
        begun = [_key(label) for label in firsts if label]
        share = sum(key in again | once for key in begun) / max(len(firsts), 1)
        if 2 * share >= 1:
            single = share >= ALWAYS or not again or bracketed
            once = {key for key in once if single or _tells(key, spelled[key])}
            known = again | (once if not again else once & set(begun))
        else:
            known = again if _at_changes(firsts, again, shapes) else set()
        return cls(pattern, {key: spelled[key] for key in known})

    def match(self, line: str) -> tuple[str, str] | None:
        """Label and text of a line; None: it names nobody."""
        found = self.pattern.match(line)
        label = self.known.get(_key(found[1])) if found else None
        return (label, line[found.end() :]) if found and label else None


def _tells(key: str, spelled: str) -> bool:
    """A label that needs not come back: several words, capitals, or a role."""
    return " " in key or (spelled.isupper() and len(spelled) > 1) or role_of(key) is not None


def _begins_a_sentence(key: str) -> bool:
    return len(key) > 1 and key.split(maxsplit=1)[0].strip(",") in _SENTENCES


def _at_changes(firsts: Sequence[str | None], again: set[str], shapes: dict[str, str]) -> bool:
    """Labels stand at changes of speaker only: two names come back, one of them at the start."""
    names = {key for key in again if shapes[key] == "name"}
    begins = any(label and _key(label) in names for label in firsts[:FIRST_CUES])
    return begins and len(names) > 1


def _label(pattern: re.Pattern[str], line: str) -> str | None:
    change = _CHANGE.match(line)
    match = pattern.match(line[change.end() :] if change else line.lstrip())
    return squeeze(match[1]) or None if match else None


def _key(label: str) -> str:
    return unicodedata.normalize("NFC", squeeze(label)).casefold()


def _shape(label: str, *, bracketed: bool) -> str:
    """How a beginning looks: "name", "words", or "text", which no repetition makes a label."""
    if role_of(label) or _MAIL.fullmatch(label):
        return "name"
    bare = squeeze(_ASIDE.sub(" ", label).replace(",", " "))
    words = bare.split()
    if not words or len(label.split()) > MOST_WORDS or _NO_NAME.search(bare):
        return "text"
    if any(word.islower() and _ends_a_sentence(word) for word in words[:-1]):
        return "text"
    sound = words[0].casefold().strip(".,") in _SOUNDS
    if bracketed:
        return "text" if sound or not all(map(_names, words)) else "name"
    letters = any(sign.isalpha() for sign in bare)
    if letters and all(map(_names, words)) and not all(word in _PARTICLES for word in words):
        return "name"
    return "text" if len(words) > 1 and _begins_a_sentence(_key(bare)) else "words"


def _ends_a_sentence(word: str) -> bool:
    return word.endswith(".") and word not in _TITLES and len(word) > len("i.")


def _names(word: str) -> bool:
    """A word of a name: capitals, digits, a script without case, a particle, a kind of speaker."""
    letters = [sign for sign in word if sign.isalpha()]
    return (
        word in _PARTICLES
        or word.casefold() in _GENERIC
        or any(not sign.islower() for sign in letters)
        or any(sign.isdigit() for sign in word)
        or not letters
    )


def _tagged(cue: Cue, names: _Names) -> Iterator[Part]:
    """Parts of `cue`, a new one at each line that names a speaker or shows a change of speaker."""
    parts: list[tuple[str | None, list[str]]] = []
    dashed = False
    for line in (line for part in cue.parts for line in part.lines):
        change = _CHANGE.match(line)
        bare = line[change.end() :] if change else line.lstrip()
        named = names.match(bare)
        if named:
            parts.append((named[0], [named[1]]))
        elif change and (change[1] or (parts and dashed)):
            parts.append((UNNAMED, [bare]))
        elif parts:
            parts[-1][1].append(line)
        else:
            parts.append((None, [line]))
        dashed = dashed or bool(change and change[2])
    return (Part(speaker, tuple(lines)) for speaker, lines in parts)


def _unmarked(cue: Cue) -> Iterator[Part]:
    """Parts of `cue` without ``>>`` at the start of lines, which nobody said."""
    for part in cue.parts:
        changes = [(_CHANGE.match(line), line) for line in part.lines]
        lines = tuple(line[at.end() :] if at and at[1] else line for at, line in changes)
        yield replace(part, lines=lines)


_WEBEX = re.compile(r'\d+\s+"([^"]{1,80})"(?:\s*\(\d+\))?')
_COUNTED = re.compile(r"(?:\d+\s*[.:\u2013-]?\s+)?(.{1,80}?)\s*:?")


_LONGEST_NAME = 120


def _named(cues: list[Cue]) -> list[Cue]:
    """`cues` with the speakers that stand above their times, where these are names that come back.

    Webex writes ``1 "Sam Poe" (1234)``. Most files have numbers or ids there, each once.
    """
    found = [
        (_WEBEX.fullmatch(name) or _COUNTED.fullmatch(name)) if len(name) <= _LONGEST_NAME else None
        for name in ((cue.name or "") for cue in cues)
    ]
    names = [squeeze(match[1]) if match else "" for match in found]
    counts = Counter(_key(name) for name in names if any(sign.isalpha() for sign in name))
    again = {key for key, count in counts.items() if count > 1 or role_of(key)}
    of_all = sum(counts[key] for key in again)
    if len(again) < 2 or 2 * of_all < len(cues):  # noqa: PLR2004 - one name tells nobody apart
        return cues
    spelled = {_key(name): name for name in reversed(names)}
    return [
        replace(cue, parts=tuple(replace(part, speaker=spelled[key]) for part in cue.parts))
        if (key := _key(name)) in counts
        else cue
        for cue, name in zip(cues, names, strict=True)
    ]
