"""Plot precision and recall over the score, as one HTML page that loads nothing.

A table shows the scores of all moments; the plot shows what would change if only moments above some
score were shown. Each kind is a step line, because nothing is known between two scores.
"""

from collections.abc import Mapping
from html import escape

from pipeline.research.agreement.metrics import Point, Tally
from pipeline.research.study import GROUPS, Evaluation

_SIDE = 300
_LEFT, _TOP = 46, 14
_COLOURS = {"all": "#444", "withdrawal": "#2f6f8f", "confrontation": "#b5532a"}
_DASHES = {"all": "none", "withdrawal": "none", "confrontation": "6 3"}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Precision and recall</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color:#222;background:#fff}}figure{{display:inline-block;margin:0 1.5rem 1.5rem 0}}
text{{font:13px system-ui,sans-serif;fill:#333}}figcaption{{max-width:22rem}}</style></head><body>
<h1>Precision and recall</h1>
<p>Each point shows the moments with at least some score: further to the right, they find more of
the coded events; higher up, fewer of them are false alarms. A supervisor who looks only at the
strongest moments is at the left end of a line.</p>
{figures}
</body></html>
"""


def page(parts: Mapping[str, Evaluation]) -> str:
    """One plot for each part, as a complete HTML document.

    Parameters
    ----------
    parts
        Evaluations by name, such as the sessions to tune on and those held out.
    """
    return _PAGE.format(figures="\n".join(_figure(name, each) for name, each in parts.items()))


def _figure(name: str, evaluation: Evaluation) -> str:
    tallies = {group: evaluation.tally(group) for group in GROUPS}
    lines = "".join(_line(group, tally) for group, tally in tallies.items())
    keys = "".join(_key(number, group) for number, group in enumerate(tallies))
    summary = "; ".join(f"{group}: {_summary(tally)}" for group, tally in tallies.items())
    right, bottom = _LEFT + _SIDE, _TOP + _SIDE
    ticks = "".join(
        f'<text x="{_x(share)}" y="{bottom + 16}" text-anchor="middle">{share:g}</text>'
        f'<text x="{_LEFT - 6}" y="{_y(share) + 4}" text-anchor="end">{share:g}</text>'
        for share in (0, 0.25, 0.5, 0.75, 1)
    )
    return (
        f'<figure><svg width="{right + 14}" height="{bottom + 96}" role="img" '
        f'aria-label="{escape(summary)}">'
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" '
        f'stroke="#bbb"/>{ticks}{lines}{keys}'
        f'<text x="{_LEFT + _SIDE / 2}" y="{bottom + 34}" text-anchor="middle">recall</text>'
        f'<text transform="translate(12 {_TOP + _SIDE / 2}) rotate(-90)" '
        'text-anchor="middle">precision</text></svg>'
        f"<figcaption><b>{escape(name)}</b><br>{escape(summary)}</figcaption></figure>"
    )


def _line(group: str, tally: Tally) -> str:
    if not tally.curve:
        return ""
    steps: list[str] = []
    before: Point | None = None
    for point in tally.curve:
        x, y = _x(point.recall), _y(point.precision)
        steps += [f"M{x} {y}"] if before is None else [f"H{x}", f"V{y}"]
        before = point
    style = f'stroke="{_COLOURS[group]}" stroke-dasharray="{_DASHES[group]}"'
    points = "".join(
        f'<circle cx="{_x(point.recall)}" cy="{_y(point.precision)}" r="3" '
        f'fill="{_COLOURS[group]}"><title>{group}, from score {point.score:.2f}: '
        f"{point.shown} moments, precision {point.precision:.2f}, recall {point.recall:.2f}"
        "</title></circle>"
        for point in tally.curve
    )
    return f'<path d="{" ".join(steps)}" fill="none" stroke-width="2" {style}/>{points}'


def _key(number: int, group: str) -> str:
    y = _TOP + _SIDE + 54 + 16 * number
    return (
        f'<line x1="{_LEFT}" x2="{_LEFT + 26}" y1="{y - 4}" y2="{y - 4}" stroke-width="2" '
        f'stroke="{_COLOURS[group]}" stroke-dasharray="{_DASHES[group]}"/>'
        f'<text x="{_LEFT + 34}" y="{y}">{group}</text>'
    )


def _summary(tally: Tally) -> str:
    found = tally.average_precision
    worth = "" if found is None else f", average precision {found:.2f}"
    return f"{tally.events} events, {tally.moments} moments{worth}"


def _x(share: float) -> str:
    return f"{_LEFT + share * _SIDE:g}"


def _y(share: float) -> int:
    return round(_TOP + (1 - share) * _SIDE)
