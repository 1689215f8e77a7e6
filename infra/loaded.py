"""The first that the process loads that others are forked from; from then on it ends with whoever started it.

To be imported there, and in what it forks.
"""

import os

from infra.part import die_with_parent

PROCESS = os.getpid()
"""The process that loaded it."""

die_with_parent(os.getppid())
