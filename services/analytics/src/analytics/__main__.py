"""`python -m analytics api|bus|migrate|rebuild`."""

from kernel.service import main

if __name__ == "__main__":
    main("analytics", "analytics.bootstrap")
