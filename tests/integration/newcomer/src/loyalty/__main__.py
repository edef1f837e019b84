"""python -m loyalty bus | relay | migrate."""

from kernel.service import main

main("loyalty", "loyalty.bootstrap")
