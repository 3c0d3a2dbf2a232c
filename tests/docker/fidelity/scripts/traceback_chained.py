def first():
    return {}["missing"]


def second():
    try:
        first()
    except KeyError as error:
        raise RuntimeError("second") from error


try:
    second()
except RuntimeError:
    try:
        raise OSError(2, "gone", "file")
    except OSError:
        raise TypeError("third") from None
    finally:
        undefined_name
