"""The scenario as a picture."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pygal
from pygal.style import CleanStyle

from bench.table import RESULTS, processor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.sides import Side

_STYLE: Final = CleanStyle(label_font_size=13, major_label_font_size=13)


def draw(sides: Sequence[Side]) -> None:
    """Validations a second of each of them, as `bench/results/side-by-side.svg`."""
    chart = pygal.HorizontalBar(
        style=_STYLE,
        js=[],
        width=1000,
        height=130 + 34 * len(sides),
        show_legend=False,
        # The figures stand beside the names.
        show_x_labels=False,
        value_formatter="{:,.0f}".format,
        truncate_label=-1,
        title=f"Validations a second on one core ({processor()}, {os.cpu_count()} shared cores)",
    )
    # Bars are drawn from below.
    rates = {side.name: side.calls_per_second for side in reversed(sides)}
    chart.x_labels = [f"{name}: {rate:,.0f}" for name, rate in rates.items()]
    chart.add("validations a second", list(rates.values()))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "side-by-side.svg").write_bytes(chart.render())
