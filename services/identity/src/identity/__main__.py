"""`python -m identity bootstrap|api|relay|worker|bus|migrate|rebuild`."""

import sys

from kernel.config import ConfigurationError
from kernel.service import main

if __name__ == "__main__":
    if sys.argv[1:2] == ["bootstrap"]:
        from identity.installing import main as install

        try:
            install(sys.argv[2:])
        except ConfigurationError as error:
            sys.exit(str(error))
    else:
        main("identity", "identity.bootstrap")
