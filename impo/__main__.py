"""The command `impo` as `python -m impo`."""

import sys

from impo.cli.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
