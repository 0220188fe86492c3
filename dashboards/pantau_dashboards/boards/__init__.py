"""One dashboard a module: what each level of people looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_dashboards.boards.month import MONTH
from pantau_dashboards.boards.national import NATIONAL
from pantau_dashboards.boards.pipeline import PIPELINE
from pantau_dashboards.boards.regency import REGENCY
from pantau_dashboards.boards.surge import SURGE
from pantau_dashboards.boards.technician import TECHNICIAN
from pantau_dashboards.boards.village import VILLAGE

if TYPE_CHECKING:
    from pantau_dashboards.spec import Board

ALL: tuple[Board, ...] = (NATIONAL, REGENCY, VILLAGE, SURGE, MONTH, TECHNICIAN, PIPELINE)
