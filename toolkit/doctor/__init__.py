"""What is wrong with the Docker set-up, and how to mend it: checks → findings.

Hides how each fact is gathered. It pulls nothing, changes nothing, needs no root, and knows no
terminal; `mend` alone changes something, with consent.
"""

from toolkit.doctor.catalogue import CHECKS
from toolkit.doctor.mending import Hands, mend
from toolkit.doctor.question import Question
from toolkit.doctor.report import Report, schema
from toolkit.doctor.runner import diagnose

__all__ = ["CHECKS", "Hands", "Question", "Report", "diagnose", "mend", "schema"]
