"""Work that is killed at every commit that it makes, before it and after it."""

from contextlib import contextmanager


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the code catches it."""


@contextmanager
def killed_at(store, number, after):
    """The process dies at its `number`-th writing transaction, just before its commit or just after it."""
    real, left = store.writing, [number]

    @contextmanager
    def writing():
        with real() as tx:
            yield tx
            left[0] -= 1
            if left[0] == 0 and not after:
                raise Killed
        if left[0] == 0:
            raise Killed

    store.writing = writing
    try:
        yield
    finally:
        store.writing = real


def until_it_survives(service, work):
    """Do some work that is killed at its first commit, then at its second, and so on, before and after; returns how often."""
    kills, number = 0, 1
    while True:
        died = 0
        for after in (False, True):
            with killed_at(service.store, number, after):
                try:
                    work()
                except Killed:
                    died += 1
            with service.store.writing() as tx:
                tx.jobs.free_all()
        if not died:
            return kills
        kills += died
        number += 1
