import warnings


def warn(level):
    warnings.warn(f"lib at {level}", UserWarning, stacklevel=level)


def deprecated(level):
    warnings.warn(f"old at {level}", DeprecationWarning, stacklevel=level)
