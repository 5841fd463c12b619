"""`python -m impo.cli`."""

import sys

from impo.cli.main import main

sys.exit(main())
