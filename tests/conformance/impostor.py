"""A testee that has no client: it says that all is done, or what its argument says.

python tests/conformance/impostor.py '{"groups": ["errors"], "features": []}' '{"done": true}'
"""

from __future__ import annotations

import json
import sys

greeting, result = sys.argv[1:]
sys.stdout.write(json.dumps({"testee": "impostor", **json.loads(greeting)}) + "\n")
sys.stdout.flush()
for line in sys.stdin:
    command = json.loads(line)
    said = {"done": True} if command["do"] in {"new", "close"} else json.loads(result)
    sys.stdout.write(json.dumps({"id": command["id"], **said}) + "\n")
    sys.stdout.flush()
