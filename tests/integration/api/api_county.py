"""A county of families of three whom two agencies know."""

from datetime import timedelta

from api_sites import link
from api_submissions import TODAY, Person, clk, noisy

from protocols.family import Allocation, FamilyDeclaration, FamilyMember, FamilyRelationship
from protocols.vocabulary import Contact, Kind, Relationship, Role, RoleFunction, Stage


class County:
    """Families whose members police knows too, written down a little differently, and people whom only police knows."""

    def __init__(self, families=60, strangers=80):
        self.declared, self.social_care, self.police = [], [], []
        for number in range(families):
            self._family(number)
        self.police += [Person(f"POLXREF{i:04d}", [clk(50_000 + i)]) for i in range(strangers)]

    def _family(self, number):
        refs = [f"SOCREF{number:03d}{letter}" for letter in "MFC"]
        for place, ref in enumerate(refs):
            encoding, kind = clk(10 * number + place), "CHILD" if place == 2 else "ADULT"
            self.social_care.append(Person(ref, [encoding], kind, [f"s{number}"]))
            known = Person(f"POLREF{number:03d}{place}", [noisy(encoding, 40, number)], kind, [f"p{number}"])
            if kind == "ADULT":
                known.values["police.da_incidents_12m"] = {"count": place + 1}
            self.police.append(known)
        self.declared.append(declaration(f"WB-{20000 + number}", *refs))

    def run(self, site):
        """Submit both and link; returns the run as it is shown."""
        assert (
            site.submit("social_care", site.submission("social_care", self.social_care, self.declared)).status_code
            == 201
        )
        assert site.submit("police", site.submission("police", self.police)).status_code == 201
        return link(site)


def declaration(ref, mother, father, child, stage="CP", workers=(("w-1", "social-worker"),), **changed):
    """A family of three with its workers."""
    since = TODAY - timedelta(days=300)
    given = {
        "family_ref": ref,
        "opened": since,
        "members": (
            FamilyMember(record_ref=mother, role=Role.MOTHER, kind=Kind.ADULT, joined=since),
            FamilyMember(record_ref=father, role=Role.FATHER, kind=Kind.ADULT, joined=since),
            FamilyMember(
                record_ref=child, role=Role.CHILD, kind=Kind.CHILD, stage=Stage(stage), stage_since=since, joined=since
            ),
        ),
        "relationships": tuple(
            FamilyRelationship(
                adult_ref=adult, child_ref=child, relationship=Relationship.PARENT, contact=Contact.LIVES_WITH
            )
            for adult in (mother, father)
        ),
        "allocations": tuple(
            Allocation(worker=w, role_function=RoleFunction(role), since=since) for w, role in workers
        ),
    }
    return FamilyDeclaration(**(given | changed))
