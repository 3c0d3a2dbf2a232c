def fail(kind, text):
    try:
        raise kind(text)
    except kind as error:
        return error


inner = ExceptionGroup("inner", [fail(OSError, "one"), fail(KeyError, "two")])
raise ExceptionGroup("outer", [inner, fail(ValueError, "three")])
