"""The fixtures of the service's integration tests, for tests that run real processes."""

import importlib.util
import sys
from pathlib import Path

_FILE = Path(__file__).parents[2] / "integration" / "api" / "conftest.py"
_spec = importlib.util.spec_from_file_location("kinlink_test_site", _FILE)
_module = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _module
_spec.loader.exec_module(_module)
globals().update({name: getattr(_module, name) for name in dir(_module) if not name.startswith("__")})
