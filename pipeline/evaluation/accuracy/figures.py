"""Pictures of the table of accuracy: one SVG for each subject, drawn without any library.

Each line of a picture is a share on one axis. A filled mark is a figure on material that nobody
read and no choice was made by; a hollow one is on material that was in view. Intervals are thin
bars. A picture is drawn if every row that it needs was measured.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from pipeline.evaluation.accuracy import (
    acted,
    dialogue,
    moments,
    norms,
    roles,
    speakers,
    strangers,
    voice,
    words,
)
from pipeline.evaluation.accuracy.row import PROFILES, Numbers

Results = Mapping[tuple[str, str], Numbers]
"""Numbers of rows, by what was measured and on what."""

_LEFT, _WIDTH, _RIGHT = 300, 420, 24
_TOP, _LINE, _FOOT = 44, 24, 58
_COLOUR = {True: "#2f6f8f", False: "#b5532a"}
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#222}.title{font-weight:600;font-size:15px}"
    ".small{fill:#555;font-size:12px}"
)


@dataclass(frozen=True)
class Mark:
    """A value on a line, with its interval if it has one; `held_out`: on what nobody read."""

    value: float
    held_out: bool = False
    low: float | None = None
    high: float | None = None


Line = tuple[str, Sequence[Mark]]


@dataclass(frozen=True)
class Figure:
    """What a picture shows.

    Attributes
    ----------
    title, axis
        In words; `axis` says which way is better.
    end
        Right end of the axis, which begins at 0.
    lines
        From results to lines; a KeyError says that a row was not measured.
    """

    title: str
    axis: str
    end: float
    lines: Callable[[Results], Iterator[Line]]


def draw(results: Results) -> dict[str, str]:
    """Each picture that these results suffice for, by the name of its file."""
    drawn = {}
    for name, figure in FIGURES.items():
        try:
            lines = list(figure.lines(results))
        except KeyError:
            continue
        drawn[f"{name}.svg"] = _svg(figure, lines)
    return drawn


def _overlaps(results: Results) -> Iterator[Line]:
    for what, on, key, label in (
        (dialogue.SILENCES, dialogue.STEREO, "short_f1", "silences ≥ 1 s, a channel each"),
        (dialogue.SILENCES, dialogue.STEREO, "long_f1", "silences ≥ 3 s, a channel each"),
        (dialogue.SILENCES, dialogue.MONO, "short_f1", "silences ≥ 1 s, one microphone"),
        (dialogue.SILENCES, dialogue.FAINT, "short_f1", "likewise, one voice 30 dB down"),
        (dialogue.OVERLAPS, "a channel per speaker", "f1", "overlaps found, a channel each"),
        (dialogue.OVERLAPS, "a channel per speaker", "macro_f1", "their kinds, with all words"),
        (dialogue.OVERLAPS, dialogue.NO_MARKS, "macro_f1", "their kinds, no full stops"),
        (dialogue.OVERLAPS, dialogue.NO_WORDS, "macro_f1", "their kinds, no words"),
    ):
        yield label, [Mark(results[what, on][key])]


def _gaps(results: Results) -> Iterator[Line]:
    for key, published in norms.PUBLISHED_SHARES.items():
        label = {"overlapping": "begin in overlap"}.get(key, f"gaps {key.replace('_', ' ')}")
        yield f"{label}: published", [Mark(published)]
        for on, short in ((norms.TALK, "everyday talk"), (norms.ACTED, "consultations")):
            yield f"{label}: {short}", [Mark(results[norms.UNITS, on][f"units_{key}"])]


def _words(results: Results) -> Iterator[Line]:
    for row in words.ROWS:
        yield row.on, [Mark(results[row.what, row.on]["word_error"])]


def _speakers(results: Results) -> Iterator[Line]:
    for row in speakers.ROWS:
        if row.what == speakers.SPEAKERS and (row.what, row.on) in results:
            label = row.on.replace("30 s of a meeting, far microphone ", "meeting ")
            label = label.replace(" conversations mixed to mono, means", " conversations, mono")
            yield (
                label.replace(", the engine is told of 2", ""),
                [Mark(results[row.what, row.on]["der"])],
            )


def _roles(results: Results) -> Iterator[Line]:
    for row in roles.ROWS:
        numbers = results[row.what, row.on]
        every = sum(numbers[name] for name in ("right", "wrong", "abstained"))
        yield row.on, [Mark(numbers["right"] / every)]


def _voice(results: Results) -> Iterator[Line]:
    for row in voice.ROWS:
        if row.what == voice.PITCH:
            numbers = results[row.what, row.on]
            yield f"{row.on}: gross errors", [Mark(numbers["gross"])]
            yield f"{row.on}: voicing errors", [Mark(numbers["voicing"])]


def _ruptures(results: Results) -> Iterator[Line]:
    for kind in moments.KINDS:
        for number in ("precision", "recall"):
            key = f"{kind[0]}_{number}"
            for profile in PROFILES:
                marks = []
                for held, half in moments.HALVES.items():
                    found = results[moments.CODED_MOMENTS, f"`{profile}`, {half}"]
                    marks.append(Mark(found[key], held, found[f"{key}_low"], found[f"{key}_high"]))
                yield f"{profile}, {kind}: {number}", marks


def _planted(results: Results) -> Iterator[Line]:
    for _, what in acted.WITHHELD:
        for row in acted.ROWS:
            if row.what == f"planted moments, {what}":
                numbers = results[row.what, row.on]
                yield (
                    f"{what}: {row.on.split(',')[0]}",
                    [Mark(numbers["found"] / numbers["planted"])],
                )


def _strangers(results: Results) -> Iterator[Line]:
    of = {
        half: {held: results[what, on] for held, on in strangers.HALVES.items()}
        for half, what in (("lines", strangers.LINES), ("dialogues", strangers.MILD))
    }
    for half, label in (("dialogues", "mild ruptures in dialogues"), ("lines", "all lines")):
        yield (
            label,
            [
                Mark(numbers["found"] / numbers["planted"], held)
                for held, numbers in of[half].items()
            ],
        )
    yield (
        "lines that only look so (less is better)",
        [Mark(numbers["false"] / numbers["alike"], held) for held, numbers in of["lines"].items()],
    )
    for code in strangers.CODES:
        yield (
            f"lines that show {code}",
            [
                Mark(numbers[f"found_{code}"] / numbers[f"planted_{code}"], held)
                for held, numbers in of["lines"].items()
            ],
        )


FIGURES = {
    "timing": Figure(
        "Silences and overlaps in composed dialogues", "F1, more is better", 1, _overlaps
    ),
    "talk": Figure(
        "Gaps where the speaker changes", "share of changes, nearer to published", 0.4, _gaps
    ),
    "words": Figure("Words recognised wrongly", "word error, less is better", 1, _words),
    "speakers": Figure("Who speaks: diarization error", "DER, less is better", 1.6, _speakers),
    "roles": Figure("Who is the therapist", "share right, more is better", 1, _roles),
    "voice": Figure("Pitch beside a laryngograph", "share of moments, less is better", 0.2, _voice),
    "ruptures": Figure(
        "Ruptures in coded counselling conversations",
        "share with 95 % interval, more is better",
        1,
        _ruptures,
    ),
    "planted": Figure(
        "Planted moments in acted dialogues", "share found, more is better", 1, _planted
    ),
    "strangers": Figure("Mildly worded ruptures by strangers", "share flagged", 1, _strangers),
}


def _svg(figure: Figure, lines: Sequence[Line]) -> str:
    width, bottom = _LEFT + _WIDTH + _RIGHT, _TOP + _LINE * len(lines)
    ticks = [figure.end * number / 4 for number in range(5)]

    def x(value: float) -> str:
        return f"{_LEFT + _WIDTH * min(value, figure.end) / figure.end:.1f}"

    size = f'viewBox="0 0 {width} {bottom + _FOOT}"'
    named = f'role="img" aria-label="{escape(figure.title)}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {named}>',
        f"<style>{_STYLE}</style>",
        f'<rect width="{width}" height="{bottom + _FOOT}" fill="#fff"/>',
        f'<text class="title" x="12" y="24">{escape(figure.title)}</text>',
        *(
            f'<line x1="{x(tick)}" x2="{x(tick)}" y1="{_TOP - 6}" y2="{bottom}" stroke="#ddd"/>'
            f'<text class="small" x="{x(tick)}" y="{bottom + 16}" text-anchor="middle">'
            f"{tick:g}</text>"
            for tick in ticks
        ),
    ]
    for number, (label, marks) in enumerate(lines):
        y = _TOP + _LINE * number + _LINE // 2
        parts.append(f'<text x="{_LEFT - 10}" y="{y + 4}" text-anchor="end">{escape(label)}</text>')
        shift = 4 if len(marks) > 1 else 0
        for mark, up in zip(marks, (-shift, shift), strict=False):
            parts.append(_mark(mark, label, x, y + up))
    parts.append(_key(bottom + 40, figure.axis, lines))
    return "\n".join([*parts, "</svg>", ""])


def _mark(mark: Mark, label: str, x: Callable[[float], str], y: int) -> str:
    colour = _COLOUR[mark.held_out]
    says = f"{label}: {mark.value:.3g}{', held out' if mark.held_out else ''}"
    bar = ""
    if mark.low is not None and mark.high is not None:
        bar = (
            f'<line x1="{x(mark.low)}" x2="{x(mark.high)}" y1="{y}" y2="{y}" stroke="{colour}" '
            'stroke-width="1.5"/>'
        )
        says += f" [{mark.low:.2f}, {mark.high:.2f}]"
    return (
        f'{bar}<circle cx="{x(mark.value)}" cy="{y}" r="4.5" stroke="{colour}" stroke-width="1.8" '
        f'fill="{colour if mark.held_out else "#fff"}"><title>{escape(says)}</title></circle>'
    )


def _key(y: int, axis: str, lines: Sequence[Line]) -> str:
    """Name of the axis, and what filled and hollow mean where both are there."""
    text = f'<text class="small" x="{_LEFT}" y="{y}">{escape(axis)}</text>'
    shown = {mark.held_out for _, marks in lines for mark in marks}
    if len(shown) == 1:
        return text
    for held_out, label, up in (
        (True, "nobody had read it", 20),
        (False, "in view when rules were written", 0),
    ):
        fill = _COLOUR[True] if held_out else "#fff"
        text += (
            f'<circle cx="20" cy="{y - up - 4}" r="4.5" stroke="{_COLOUR[held_out]}" '
            f'stroke-width="1.8" fill="{fill}"/>'
            f'<text class="small" x="32" y="{y - up}">{label}</text>'
        )
    return text
