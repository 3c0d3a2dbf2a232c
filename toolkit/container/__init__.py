"""One container, from create to gone, with a worker as its main process.

`options` is what is wanted, as values; `creation` the call that no interruption loses; `running`
the container itself; `taking_up` a kept one, again; `placing` its work dir, which is proven;
`refusals` what the engine means when it will not.
"""

from toolkit.container.creation import Creation
from toolkit.container.options import WORKSPACE, ContainerOptions, Mount, Transfer
from toolkit.container.refusals import name_taken
from toolkit.container.running import Container, open_container
from toolkit.container.taking_up import take_up

__all__ = [
    "WORKSPACE",
    "Container",
    "ContainerOptions",
    "Creation",
    "Mount",
    "Transfer",
    "name_taken",
    "open_container",
    "take_up",
]
