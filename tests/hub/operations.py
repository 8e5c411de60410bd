"""The API's operations, for tests that run once for each.

They are read from the generated file, which `test_generated` compares with the app: to make it takes a second, in each
process that collects tests.
"""

import json
from typing import Any

from tests.generated import ROOT

DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
