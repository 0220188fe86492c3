"""The words of identities, and how long things last; light, for the parser of the commands."""

from __future__ import annotations

import datetime as dt
from typing import Literal

Side = Literal["server", "client"]
Reason = Literal["unspecified", "key_compromise", "superseded", "cessation_of_operation"]

AUTHORITY_DAYS = 3650
CERTIFICATE_DAYS = 730
LIST_DAYS = 60
OVERLAP_DAYS = 30
MAX_INVITED = dt.timedelta(days=30)
EXPIRY_WARNING_DAYS = 45
LIST_WARNING_DAYS = 14
