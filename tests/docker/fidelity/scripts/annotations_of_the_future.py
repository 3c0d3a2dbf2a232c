from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class Thing:
    field: undefined = 3


value: undefined = 4
print(__annotations__, Thing.__annotations__, Thing(), annotations)
print(compile("1", "x", "eval", dont_inherit=True).co_flags)
