"""Bar charts as SVG text: small, readable in both themes of a browser, without a dependency.

One horizontal bar for each label, on a logarithmic scale when the values ask for it (largest over smallest above 50), the figure beside its bar.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

WIDTH, ROW, LEFT, RIGHT, TOP = 860, 22, 300, 110, 40
COLOURS = ("#3b6fb6", "#c4652f", "#6b9e3f")


def bars(title: str, unit: str, values: Sequence[tuple[str, float, int]]) -> str:
    """Return an SVG of ``(label, value, colour)`` bars, top to bottom; ``colour`` counts through ``COLOURS``.

    Raises
    ------
    ValueError
        If there is no positive value.
    """
    shown = [(label, value, colour) for label, value, colour in values if value > 0]
    if not shown:
        raise ValueError(f"chart {title!r} has no positive value")
    high, low = max(v for _, v, _ in shown), min(v for _, v, _ in shown)
    logarithmic = high > 50 * low
    begin = 10 ** math.floor(math.log10(low)) / 2 if logarithmic else 0.0

    def length(value: float) -> float:
        share = math.log(value / begin) / math.log(high / begin) if logarithmic else value / high
        return max(1.0, share * (WIDTH - LEFT - RIGHT))

    height = TOP + ROW * len(shown) + 10
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13" role="img">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="10" y="22" font-size="15" font-weight="bold">{escape(title)} [{escape(unit)}{", logarithmic" if logarithmic else ""}]</text>',
    ]
    for at, (label, value, colour) in enumerate(shown):
        y = TOP + ROW * at
        lines.append(f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(label)}</text>')
        lines.append(f'<rect x="{LEFT}" y="{y + 2}" width="{length(value):.1f}" height="{ROW - 6}" fill="{COLOURS[colour % len(COLOURS)]}"/>')
        lines.append(f'<text x="{LEFT + length(value) + 6:.1f}" y="{y + 14}">{figure(value)}</text>')
    return "\n".join([*lines, "</svg>", ""])


def figure(value: float) -> str:
    """Return a figure as tables and charts write it."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
