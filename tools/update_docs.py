"""Writes the tables that are made from code into the documentation, each between its two markers."""

from __future__ import annotations

import re
from pathlib import Path

from sessiond_server.adapters.store.reference import record_table
from sessiond_server.config.reference import reference
from sessiond_server.service.audit.reference import audit_tables

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Replace what stands between the markers."""
    update(ROOT / "docs" / "settings.md", "settings", reference())
    update(ROOT / "docs" / "record.md", "record", record_table())
    update(ROOT / "docs" / "audit.md", "audit", audit_tables())


def update(page: Path, name: str, table: str) -> None:
    """Put `table` between the markers called `name`."""
    pattern = rf"(?<=<!-- {name} -->\n).*(?=<!-- end of {name} -->)"
    page.write_text(re.sub(pattern, lambda _: f"\n{table}\n", page.read_text(), count=1, flags=re.DOTALL))


if __name__ == "__main__":
    main()
