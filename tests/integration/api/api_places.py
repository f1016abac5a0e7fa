"""A service's data folder with every party registered, for tests that serve it from a process of its own."""

from api_sites import Site, make_parties
from api_submissions import PROTOCOL_FILE

from api.admin import init_service, register_card
from api.service import open_service
from api.settings import load_settings


def make_place(folder, protocol, **database):
    """A site that nothing serves yet: `http` is to be set."""
    settings = init_service(folder / "data", PROTOCOL_FILE, **database)
    settings = load_settings(folder / "data", **database)
    service = open_service(settings)
    parties = make_parties(settings)
    for name, party in parties.items():
        if name != "operator":
            register_card(service, party.card)
    card = service.keys.card
    service.close()
    return Site(settings, None, parties, card, protocol)
