"""Every container that a manager started is gone when the manager is gone.

A `with` or `close` removes at once (`containers`); so does the one process-wide exit hook
(`ending`); when neither runs, the end of the worker's input ends the container, and where that is
too weak, a time to live does (`engines`). What escaped all of that is known by its labels
(`ownership`) and removed by the next process, once its owner is proven dead (`sweep`).
"""

from toolkit.lifecycle.containers import ContainerManager
from toolkit.lifecycle.ending import install_signal_handlers, is_ending
from toolkit.lifecycle.ownership import owner
from toolkit.lifecycle.sweep import Belonging, Facts, Verdict, judge, remove, survey, sweep

__all__ = [
    "Belonging",
    "ContainerManager",
    "Facts",
    "Verdict",
    "install_signal_handlers",
    "is_ending",
    "judge",
    "owner",
    "remove",
    "survey",
    "sweep",
]
