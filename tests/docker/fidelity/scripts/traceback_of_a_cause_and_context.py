try:
    try:
        int("x")
    except ValueError as error:
        error.add_note("a note\nof two lines")
        raise LookupError("while looking") from error
except LookupError:
    import nowhere.at_all
