"""`python -m marketing api | relay | bus | worker | migrate | rebuild VIEW`."""

from kernel.service import main

main("marketing", "marketing.bootstrap")
