"""`make bench`: the benchmarks whose figures the documentation quotes. Each module here can also be run on its own."""

from __future__ import annotations

from benchmarks import search

if __name__ == "__main__":
    search.main()
