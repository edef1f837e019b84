"""`python -m pipeline api | bus | relay | worker | migrate | rebuild VIEW`."""

from kernel.service import main

if __name__ == "__main__":
    main("pipeline", "pipeline.bootstrap")
