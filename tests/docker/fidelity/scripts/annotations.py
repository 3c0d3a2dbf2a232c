import typing

name: str = "x"
other: "unknown"


def f(value: int) -> list[str]: ...


class Thing:
    field: int


print(__annotations__ if "__annotations__" in globals() else None)
print(f.__annotations__, Thing.__annotations__, f.__module__, Thing.__module__)
print(typing.get_type_hints(f))
try:
    def g(value: undefined): ...
    print(g.__annotations__)
except NameError as error:
    print(error)
