import json
from pathlib import Path
from typing import Any

import pytest

from sessiond.middleware.cross_site import CrossSite
from sessiond.middleware.request import Request

FILE = json.loads((Path(__file__).parents[1] / "vectors" / "browser-cross-site.json").read_text())
ROWS = [FILE["defaults"] | row for row in FILE["cross_site"]]


@pytest.mark.parametrize("row", ROWS, ids=json.dumps)
def test_requests_of_other_sites_are_forbidden_as_the_vectors_say(row: Any) -> None:
    headers = {name.replace("_", "-"): row[name] for name in ("sec_fetch_site", "origin", "upgrade")}
    headers["host"] = [row["host"]]
    judge = CrossSite(row["trusted_origins"], row["allow_missing_origin"])
    request = Request(row["method"], "/", lambda name: headers.get(name, []), lambda: None)
    assert judge.forbids(request) is not row["allowed"]
