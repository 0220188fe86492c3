"""`python -m pantau_testpoint` is `pantau-testpoint`."""

import sys

from pantau_testpoint.cli import main

sys.exit(main())
