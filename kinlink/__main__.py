"""`python -m kinlink` is the same as `kinlink`."""

from kinlink.cli import main

main()
