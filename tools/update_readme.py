"""Writes the table of settings into the README, between its two markers."""

from __future__ import annotations

import re
from pathlib import Path

from sessiond_server.config.reference import reference

README = Path(__file__).resolve().parent.parent / "README.md"


def main() -> None:
    """Replace what stands between the markers."""
    text = README.read_text()
    updated = re.sub(
        r"(?<=<!-- settings -->\n).*(?=<!-- end of settings -->)", lambda _: f"\n{reference()}\n", text, count=1, flags=re.DOTALL
    )
    README.write_text(updated)


if __name__ == "__main__":
    main()
