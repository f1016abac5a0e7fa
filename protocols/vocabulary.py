"""The closed lists of the field, under the names that people use for them."""

from __future__ import annotations

from enum import StrEnum


class PartyClass(StrEnum):
    """What kind of body a controller is: it decides which bases the body can use."""

    RELEVANT_AGENCY = "relevant-agency"  # Children Act 2004 s.11(1)
    CONTRACTED_SERVICE = "contracted-service"  # provides services under arrangements with an s.11 body
    EDUCATION_AGENCY = "education-agency"
    CHARITY = "charity"  # no contract with a public body


class Kind(StrEnum):
    """What a person is to the linkage: no date of birth needs to be known for it."""

    ADULT = "ADULT"
    CHILD = "CHILD"
    UNBORN = "UNBORN"
    UNKNOWN = "UNKNOWN"


class Role(StrEnum):
    """A member's place in a declared family."""

    MOTHER = "MOTHER"
    FATHER = "FATHER"
    PARTNER = "PARTNER"
    CARER = "CARER"
    SIBLING = "SIBLING"
    CHILD = "CHILD"
    UNBORN = "UNBORN"
    OTHER_ADULT = "OTHER_ADULT"


class Relationship(StrEnum):
    """What an adult is to a child."""

    PARENT = "PARENT"
    STEP_PARENT = "STEP_PARENT"
    PARTNER_OF_PARENT = "PARTNER_OF_PARENT"
    CARER = "CARER"
    GRANDPARENT = "GRANDPARENT"
    OTHER = "OTHER"


class Contact(StrEnum):
    """How much contact an adult has with a child."""

    LIVES_WITH = "LIVES_WITH"
    REGULAR_CONTACT = "REGULAR_CONTACT"
    NO_CONTACT = "NO_CONTACT"
    PROHIBITED = "PROHIBITED"


class Stage(StrEnum):
    """Where a child's case stands. A stage belongs to a child, never to a family."""

    FAMILY_HELP = "FAMILY_HELP"
    CIN = "CIN"
    S47 = "S47"
    CP = "CP"
    PLO = "PLO"
    CARE = "CARE"
    CLOSED = "CLOSED"


class RoleFunction(StrEnum):
    """What a worker does, whatever the local title. Safety rules are keyed on this."""

    SOCIAL_WORKER = "social-worker"
    TEAM_MANAGER = "team-manager"
    LEAD_CHILD_PROTECTION_PRACTITIONER = "lead-child-protection-practitioner"
    DA_VICTIM_PRACTITIONER = "da-victim-practitioner"
    DA_PERPETRATOR_OFFICER = "da-perpetrator-officer"
    RECOVERY_WORKER = "recovery-worker"
    MENTAL_HEALTH_PRACTITIONER = "mental-health-practitioner"
    FAMILY_SUPPORT_WORKER = "family-support-worker"
    HEALTH_VISITOR = "health-visitor"
    EDUCATION_REPRESENTATIVE = "education-representative"
    EMERGENCY_DUTY = "emergency-duty"
    DATA_PROTECTION_OFFICER = "data-protection-officer"
    DATA_OFFICER = "data-officer"
    ADMINISTRATOR = "administrator"


class Purpose(StrEnum):
    """Why a worker asks. A closed list: nothing else is a purpose."""

    SAFEGUARDING = "safeguarding"
    FAMILY_SUPPORT = "family-support"
    GROUP_SUPERVISION = "group-supervision"


class Assertion(StrEnum):
    """What kind of statement a value is."""

    FACT = "FACT"
    ALLEGATION = "ALLEGATION"
    OPINION = "OPINION"
    SELF_REPORT = "SELF_REPORT"


class Sensitivity(StrEnum):
    """S1 personal; S2 special category or confidential health; S3 criminal offence or law-enforcement origin; S4 safety-critical."""

    S1 = "S1"
    S2 = "S2"
    S3 = "S3"
    S4 = "S4"


class Mode(StrEnum):
    """Separate rights: to learn that a person is known, whom to call, what is recorded, and to review a link."""

    EXISTENCE = "EXISTENCE"
    CONTACT = "CONTACT"
    CONTENT = "CONTENT"
    REVIEW = "REVIEW"


class BasisType(StrEnum):
    """The type of authority to share."""

    STATUTORY_DUTY = "statutory-duty"
    STATUTORY_POWER = "statutory-power"
    PUBLIC_INTEREST = "public-interest"
    CONSENT = "consent"
    RECOGNISED_LEGITIMATE_INTEREST = "recognised-legitimate-interest"


class ConsentStatus(StrEnum):
    """Where a consent stands."""

    GIVEN = "GIVEN"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    DISPUTED = "DISPUTED"


class Capacity(StrEnum):
    """In what capacity a consent was given."""

    ADULT = "ADULT"
    GILLICK_COMPETENT = "GILLICK_COMPETENT"
    PR_HOLDER = "PR_HOLDER"


class HoldReason(StrEnum):
    """Why an agency stops the release of one record."""

    COURT_ORDER = "COURT_ORDER"
    PROFESSIONAL_JUDGEMENT = "PROFESSIONAL_JUDGEMENT"
    ACCURACY_DISPUTED = "ACCURACY_DISPUTED"
    OBJECTION = "OBJECTION"
    OTHER = "OTHER"


class Flag(StrEnum):
    """What the matcher must see in clear about a record so that it can be treated safely."""

    SHIELDED = "shielded"
    SILENT = "silent"
    DECEASED = "deceased"


class Grade(StrEnum):
    """How sure a link is."""

    CERTAIN = "certain"
    PROBABLE = "probable"


class State(StrEnum):
    """What a profile says about one member at one agency."""

    RELEASED = "RELEASED"
    NOTHING_TO_SHARE = "NOTHING_TO_SHARE"
    PENDING_REVIEW = "PENDING_REVIEW"
    SOURCE_STALE = "SOURCE_STALE"
    SOURCE_UNAVAILABLE = "SOURCE_UNAVAILABLE"
    AGENCY_NOT_PARTICIPATING = "AGENCY_NOT_PARTICIPATING"
    NOT_FOR_YOUR_ROLE = "NOT_FOR_YOUR_ROLE"
    CONSENT_NEEDED = "CONSENT_NEEDED"
