"""Which path a folder has on the engine's host, inside a container or not.

`given` is what the user says of it; `Search` finds what it could be; a `nonce` proves what it is.
Nothing is believed without that proof: the wrong folder would be empty, or somebody else's.

Hidden here: which container this process is in, and how its mounts become paths of the host.
"""

from toolkit.host_path.candidates import Source
from toolkit.host_path.given import given, joined
from toolkit.host_path.nonce import nonce
from toolkit.host_path.obstacles import say_it
from toolkit.host_path.search import Search, own_container

__all__ = ["Search", "Source", "given", "joined", "nonce", "own_container", "say_it"]
