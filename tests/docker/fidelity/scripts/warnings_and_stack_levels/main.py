import warnings

import lib


def mine(level):
    warnings.warn(f"mine at {level}", stacklevel=level)


for level in (1, 2, 3, 4):
    mine(level)
    lib.warn(level)
    lib.deprecated(level)
