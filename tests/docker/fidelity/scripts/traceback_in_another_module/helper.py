def run(function):
    try:
        return function()
    except KeyError as error:
        raise RuntimeError(f"helper failed in {__name__}") from error
