"""A folder of this machine and one of a container that cannot share it, kept the same.

`records` is what the two sides say; `tree` and `writing` are what each sees of its own folder and
does to it; `helper` is the program in the container, of which these are parts. `plan` decides, from
two snapshots, what is sent and what is removed; `conversation` is what is said, `folder` the whole.
"""

from toolkit.mirror.folder import Mirror

__all__ = ["Mirror"]
