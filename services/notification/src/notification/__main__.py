"""`python -m notification api|relay|worker|bus|migrate|rebuild`."""

from kernel.service import main

if __name__ == "__main__":
    main("notification", "notification.bootstrap")
