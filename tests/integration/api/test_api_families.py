"""Children's social care declares families, one at a time too; a change says which version it is of."""

import pytest

from protocols.family import FamilyDeclaration


@pytest.fixture
def declared(site, county, tools):
    site.submit("social_care", site.submission("social_care", county.social_care, county.declared[:5]))
    return site


def put(site, family, party="social_care", **headers):
    return site.call(
        party,
        "PUT",
        f"/v1/families/{family.family_ref}",
        content=family.model_dump_json(),
        headers={"Content-Type": "application/json", **headers},
    )


def test_families_come_with_the_submission(declared, county):
    answer = declared.call("social_care", "GET", "/v1/families/WB-20004")
    assert FamilyDeclaration.model_validate(answer.json()["declaration"], strict=False) == county.declared[4]
    assert declared.call("social_care", "GET", "/v1/families/WB-20005").status_code == 404


def test_a_family_is_declared_changed_and_never_overwritten_unseen(declared, county, tools):
    new = county.declared[7]
    created = put(declared, new)
    assert (created.status_code, created.json()["version"]) == (200, 1)
    assert put(declared, new).json()["version"] == 1
    changed = new.model_copy(update={"aliases": ("WB-X7",)})
    assert put(declared, changed).status_code == 428
    assert put(declared, changed, **{"If-Match": '"other"'}).status_code == 412
    assert put(declared, changed, **{"If-None-Match": "*"}).status_code == 412
    done = put(declared, changed, **{"If-Match": created.headers["etag"]})
    assert (done.status_code, done.json()["version"]) == (200, 2)
    assert done.headers["etag"] != created.headers["etag"]
    assert declared.call("social_care", "GET", "/v1/families/WB-X7").headers["etag"] == done.headers["etag"]
    assert put(declared, county.declared[8], **{"If-Match": '"gone"'}).status_code == 412


def test_a_declaration_that_cannot_be_is_refused(declared, county, tools):
    for family, what in [
        (tools.declaration("WB-30001", "SOCREF000M", "SOCREF000F", "NOBODY0001"), "no record of the last submission"),
        (county.declared[9].model_copy(update={"aliases": ("WB-20001",)}), "belongs to family `WB-20001`"),
        (county.declared[9].model_copy(update={"opened": tools.today.replace(year=2099)}), "in the future"),
    ]:
        answer = put(declared, family)
        assert answer.status_code == 422
        assert what in answer.json()["detail"]
        assert declared.call("social_care", "GET", f"/v1/families/{family.family_ref}").status_code == 404
    named = declared.call(
        "social_care",
        "PUT",
        "/v1/families/WB-1",
        content=county.declared[9].model_dump_json(),
        headers={"Content-Type": "application/json"},
    )
    assert "differs" in named.json()["detail"]
