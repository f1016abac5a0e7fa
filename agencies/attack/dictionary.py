"""T12: the dictionary of a key-holder. Whoever holds the linkage secret encodes a list and looks every CLK up.

No hardening helps against this; it is printed so that nobody forgets why the secret and the encodings must never meet. Noted for
Bloom filters since Schnell, Bachteler and Reiher (BMC Medical Informatics 9:41, 2009).
"""

from __future__ import annotations

from agencies.attack.bits import Clks, Ints


def dictionary(clks: Clks, listed: Clks, truth: Ints) -> int:
    """How many CLKs the list, encoded under the same secret, gives away; `truth[i]` is the place of person i in the list, or -1.

    People whose encodings are equal count as found when one of them is the right one.
    """
    places: dict[bytes, set[int]] = {}
    for place, row in enumerate(listed):
        places.setdefault(row.tobytes(), set()).add(place)
    return sum(int(right) in places.get(row.tobytes(), ()) for row, right in zip(clks, truth, strict=True))
