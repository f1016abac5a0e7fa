"""The six source systems of the demo county. Column names follow the style of each kind of system."""

from __future__ import annotations

from config.county.layouts.health import HEALTH
from config.county.layouts.mental_health import MENTAL_HEALTH
from config.county.layouts.police import POLICE
from config.county.layouts.probation import PROBATION
from config.county.layouts.recovery import RECOVERY
from config.county.layouts.social_care import SOCIAL_CARE

LAYOUTS = (SOCIAL_CARE, POLICE, PROBATION, RECOVERY, MENTAL_HEALTH, HEALTH)
__all__ = ["HEALTH", "LAYOUTS", "MENTAL_HEALTH", "POLICE", "PROBATION", "RECOVERY", "SOCIAL_CARE"]
