"""An engine and a base image where there are none.

Hides package managers, service managers and mmdebstrap. The machine is changed only with consent,
and each change is said.
"""

from toolkit.setup.base_image import make_base_image
from toolkit.setup.engine import start_engine
from toolkit.setup.programs import Consent, Say

__all__ = ["Consent", "Say", "make_base_image", "start_engine"]
