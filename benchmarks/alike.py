"""Whether anybody outside can tell withheld, silent, suppressed and no match apart: 1,000 questions of each through the service.

python -m benchmarks.alike [QUESTIONS OF EACH KIND]

The service answers in this process behind all of its layers: credentials, limits, the store, the audit log. Questions of the four kinds
come in random order, about forty families of three that are alike in all but one record at one agency: small, so that one record's
difference is as large a part of the time as it can be.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

from fastapi.testclient import TestClient
from scipy.stats import ks_2samp, mannwhitneyu
from sqlalchemy import delete, update

from api.app import create_app
from api.logs import configure
from api.service import Service, open_service
from api.settings import load_settings
from api.store.tables import CellRow, RecordRow
from api.store.tables_work import LinkRow
from benchmarks import serve_county
from protocols.identity import ASSERTION_TYPE, WORKER_HEADER, make_client_assertion, make_worker_assertion
from protocols.signing import SigningKey
from protocols.vocabulary import Purpose, RoleFunction

KINDS = ("no match", "withheld", "silent", "suppressed")
FAMILIES, AGENCY, PLACE = 40, "police", 1
LIMITS = {"requests_per_client_minute": 1_000_000}


def main() -> None:
    """Measure and print."""
    each = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    serve_county.CHILDREN, serve_county.ADULTS, serve_county.MEMBERS = 1, 2, 3
    with tempfile.TemporaryDirectory() as home, Path("/dev/null").open("w") as nowhere:
        configure(nowhere)
        folder = Path(home) / "data"
        workbook = serve_county.make(folder, FAMILIES, FAMILIES * 3 * 8, **LIMITS)
        service = open_service(load_settings(folder, **LIMITS))
        for number in range(FAMILIES):
            _prepare(service, number)
        http = TestClient(create_app(service))
        asked = _ask(service, http, workbook, each)
        http.close()
        service.close()
    _report(asked)


def _prepare(service: Service, number: int) -> None:
    """Make one member's record at one agency what this family's kind is."""
    kind, place = KINDS[number % len(KINDS)], number * serve_county.MEMBERS + PLACE
    ref = serve_county._ref(AGENCY, place)
    with service.store.writing() as tx:
        if kind == "withheld":
            tx.session.execute(update(RecordRow).where(RecordRow.record_ref == ref).values(hold="COURT_ORDER"))
        elif kind == "silent":
            tx.session.execute(update(RecordRow).where(RecordRow.record_ref == ref).values(silent=True))
        else:
            tx.session.execute(delete(LinkRow).where(LinkRow.record_ref == ref))
            tx.session.execute(delete(CellRow).where(CellRow.record_ref == ref))
        if kind == "suppressed":  # never encoded: there is not even a record
            tx.session.execute(delete(RecordRow).where(RecordRow.record_ref == ref))


def _ask(
    service: Service, http: TestClient, workbook: SigningKey, each: int
) -> dict[str, list[tuple[float, int, str, int]]]:
    """Milliseconds, bytes, the answer about the member and the status, by kind."""
    asked: dict[str, list[tuple[float, int, str, int]]] = {kind: [] for kind in KINDS}
    per_family = -(-each * len(KINDS) // FAMILIES)
    order = [number for number in range(FAMILIES) for _ in range(per_family)]
    random.Random(5).shuffle(order)
    for count, number in enumerate(order):
        if count % 50 == 0:
            service.limiter = type(service.limiter)()
            with service.store.writing() as tx:
                tx.families.confirm(service.now(), None)
            form = {
                "grant_type": "client_credentials",
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": make_client_assertion("workbook", service.settings.audience, workbook),
            }
            token = http.post("/v1/token", data=form).json()["access_token"]
        ref, now = serve_county.family_ref(number), datetime.now(UTC)
        function, purpose = RoleFunction.SOCIAL_WORKER, Purpose.SAFEGUARDING
        worker = serve_county.worker(number)
        claims = make_worker_assertion("workbook", worker, function, purpose, ref, now, "session", workbook)
        headers = {"Authorization": f"Bearer {token}", WORKER_HEADER: claims}
        start = time.perf_counter()
        answer = http.get(f"/v1/families/{ref}/profile", headers=headers)
        took = (time.perf_counter() - start) * 1000
        asked[KINDS[number % len(KINDS)]].append((took, len(answer.content), _about(answer.json()), answer.status_code))
    return asked


def _about(profile: dict[str, object]) -> str:
    """What the answer says about the member at the agency, without the id of the decision; and its whole shape."""
    members: list[dict[str, object]] = profile["members"]  # type: ignore[assignment]
    agencies: list[dict[str, object]] = members[PLACE]["agencies"]  # type: ignore[assignment]
    (own,) = [dict(item) for item in agencies if item["agency"] == AGENCY]
    length = len(str(own.pop("decision_id")))
    return json.dumps([own, length, sorted(profile), sorted(members[PLACE])], sort_keys=True)


def _report(asked: dict[str, list[tuple[float, int, str, int]]]) -> None:
    whole = [item for kind in KINDS for item in asked[kind]]
    print(
        f"{len(whole)} questions; statuses {sorted({item[3] for item in whole})}; sizes {sorted({item[1] for item in whole})}"
    )
    print(f"different answers about the member: {len({item[2] for item in whole})}")
    for kind in KINDS:
        times = [item[0] for item in asked[kind]]
        middle, spread = statistics.median(times), statistics.stdev(times)
        print(f"{kind:>10}: {len(times)} asked, median {middle:.2f} ms, standard deviation {spread:.2f} ms")
    for one, other in combinations(KINDS, 2):
        a, b = ([item[0] for item in asked[kind]] for kind in (one, other))
        ks, u = ks_2samp(a, b), mannwhitneyu(a, b)
        print(f"{one} / {other}: Kolmogorov-Smirnov p = {ks.pvalue:.3f}, Mann-Whitney p = {u.pvalue:.3f}")


if __name__ == "__main__":
    main()
