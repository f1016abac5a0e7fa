"""The five stories that every demonstration and test of the county can count on, by name and reference."""

from __future__ import annotations

from collections.abc import Iterator

from config.county.scenarios import consent, protected, refuge, unborn, wrong_link
from config.county.scenarios.scene import Scene


def all_scenes(numbers: Iterator[str]) -> list[Scene]:
    """The scenes, one a declared family. `numbers` gives them NHS numbers."""
    return [
        unborn.scene(numbers),
        consent.scene(numbers),
        *refuge.scenes(numbers),
        wrong_link.scene(numbers),
        protected.scene(numbers),
    ]
