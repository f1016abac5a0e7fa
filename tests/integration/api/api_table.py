"""Everybody who signs, around one version of the sharing protocol."""

import json
from datetime import timedelta

from api_sites import rehearsal

from protocols.acts import sign_act
from protocols.lifecycle import Act, Deed, Office, Verdict, required_approvals
from protocols.load import canonical_json, load_protocol_text

DPO, SIRO, CALDICOTT = Office.DATA_PROTECTION_OFFICER, Office.SENIOR_RISK_OWNER, Office.CALDICOTT_GUARDIAN
PRINCIPALS = {DPO: "dpo", SIRO: "siro", CALDICOTT: "cg"}


def draft(protocol, version=2, **changed):
    """The shipped agreement as another version, with parts of it replaced."""
    document = json.loads(canonical_json(protocol.document))
    return json.dumps(document | {"version": version} | changed)


def without(protocol, rule):
    grants = json.loads(canonical_json(protocol.document))["grants"]
    return [grant for grant in grants if grant["id"] != rule]


class Table:
    """Everybody who signs, around one version."""

    def __init__(self, site, text):
        self.site = site
        answer = site.call("operator", "POST", "/v1/protocols", json={"text": text})
        assert answer.status_code == 201, answer.text
        self.digest = answer.json()["digest"]
        self.loaded = load_protocol_text(text, "draft")

    def act(self, party, deed, office, *, person=None, signer=None, at=None, **given):
        agency = "service" if party == "operator" else party
        if "verdict" in given:
            given["verdict"] = Verdict(given["verdict"])
        act = Act(
            deed=Deed(deed),
            digest=given.pop("digest", self.digest),
            agency=given.pop("agency", agency),
            office=office,
            person=person or f"{PRINCIPALS.get(office, 'op')}-{party}",
            at=at or self.site.service.now(),
            **given,
        )
        key = self.site.parties[signer or party].signing
        return self.send(party, sign_act(act, key))

    def send(self, party, token):
        return self.site.call(party, "POST", f"/v1/protocols/{self.digest}/acts", json={"act": token})

    def advised(self, **verdicts):
        for party in self.loaded.document.parties:
            given = {"verdict": verdicts.get(party.id, "support"), "reasons": "Read in full."}
            answer = self.act(party.id, "advise", DPO, **given)
            assert answer.status_code == 201, answer.text
        return answer.json()

    def approved(self, but=()):
        for agency, office in sorted(required_approvals(self.loaded.document)):
            if agency not in but:
                answer = self.act(agency, "approve", office)
                assert answer.status_code == 201, answer.text
        return answer.json()

    def rehearsed(self, party="operator"):
        return rehearsal(self.site, self.digest, party)

    def scheduled(self, report=None, days=0):
        day = self.site.service.now().date() + timedelta(days=days)
        given = {"rehearsal": report or self.rehearsed()["report_digest"], "day": day}
        return self.act("operator", "schedule", Office.OPERATOR, **given)

    def live(self):
        self.advised()
        self.approved()
        assert self.scheduled().status_code == 201
        answer = self.act("operator", "go live", Office.OPERATOR)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def standing(self):
        return self.site.call("police", "GET", f"/v1/protocols/{self.digest}").json()
