"""`python -m medsiam`."""

import sys

from medsiam.cli import main

sys.exit(main())
