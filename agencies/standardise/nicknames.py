"""Nicknames to full forms, by list. Off unless the rules turn it on: see docs/encoding.md for what it costs and gains."""

from __future__ import annotations

_FULL = {
    "abby": "abigail", "al": "alan", "alex": "alexander", "andy": "andrew", "barb": "barbara", "becky": "rebecca", "ben": "benjamin",
    "bernie": "bernard", "beth": "elizabeth", "betty": "elizabeth", "bill": "william", "billy": "william", "bob": "robert",
    "bobby": "robert", "cath": "catherine", "cathy": "catherine", "charlie": "charles", "chris": "christopher", "chuck": "charles",
    "cindy": "cynthia", "dan": "daniel", "danny": "daniel", "dave": "david", "deb": "deborah", "debbie": "deborah", "dick": "richard",
    "don": "donald", "ed": "edward", "eddie": "edward", "fred": "frederick", "gerry": "gerald", "greg": "gregory", "harry": "henry",
    "izzy": "isabella", "jack": "john", "jackie": "jacqueline", "jake": "jacob", "jen": "jennifer", "jenny": "jennifer",
    "jim": "james", "jimmy": "james", "joe": "joseph", "joey": "joseph", "johnny": "john", "josh": "joshua", "kate": "katherine",
    "kathy": "katherine", "katie": "katherine", "ken": "kenneth", "larry": "lawrence", "liz": "elizabeth", "maggie": "margaret",
    "matt": "matthew", "meg": "margaret", "mike": "michael", "mick": "michael", "nat": "nathaniel", "nate": "nathaniel",
    "nick": "nicholas", "pam": "pamela", "pat": "patricia", "peggy": "margaret", "pete": "peter", "phil": "philip", "ray": "raymond",
    "rich": "richard", "rick": "richard", "rob": "robert", "robbie": "robert", "ron": "ronald", "sally": "sarah", "sam": "samuel",
    "sandy": "sandra", "steve": "stephen", "stu": "stuart", "sue": "susan", "susie": "susan", "ted": "edward", "tim": "timothy",
    "tina": "christina", "toby": "tobias", "tom": "thomas", "tommy": "thomas", "tony": "anthony", "vicky": "victoria",
    "vince": "vincent", "will": "william", "zach": "zachary",
}  # fmt: skip


def full_form(name: str) -> str:
    """The full form of a listed nickname, else the name itself."""
    return _FULL.get(name, name)
