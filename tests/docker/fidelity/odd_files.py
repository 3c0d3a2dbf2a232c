"""Blocks whose bytes no editor, formatter or checkout may touch, so they are written out here.

Each is the whole content of a file; the name is the claim's, as it is for those below scripts/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ODD_FILES: Final[Mapping[str, bytes]] = {
    "empty_file": b"",
    "only_a_comment": b"# nothing",
    "no_newline_at_the_end": b"print('last line')",
    "no_newline_after_an_error": b"def f():\n    1 / 0\nf()",
    "byte_order_mark": b"\xef\xbb\xbfprint('\xc3\xa9', __doc__)\n",
    "byte_order_mark_and_an_error": b"\xef\xbb\xbf'''doc'''\nraise ValueError('\xc3\xa9')\n",
    "byte_order_mark_against_its_declaration": b"\xef\xbb\xbf# coding: latin-1\nprint(1)\n",
    "carriage_returns": b"print(repr('''a\r\nb'''))\r\nif 1:\r\n    raise KeyError\r\n",
    "old_mac_newlines": b"print(1)\rprint(2)\rraise KeyError('x')\r",
    "form_feed_and_tabs": b"\x0cif 1:\n\tprint('tab')\n\x0c\nprint('page')\n",
    "latin_1_declared": b"# coding: latin-1\nprint(ascii('\xe9\xff'))\nraise ValueError('\xe9')\n",
    "latin_1_on_the_second_line": b"#!/bin/sh\n# vim: set fileencoding=latin-1 :\nprint('\xe9')\n",
    "utf_8_not_declared_and_invalid": b"print('before')\nprint('\xe9')\n",
    "encoding_that_is_unknown": b"# coding: no-such-encoding\nprint(1)\n",
    "encoding_that_is_utf_16": "print('x')\n".encode("utf-16"),
    "null_byte": b"print('before')\nprint('a\x00b')\n",
    "null_byte_at_the_start": b"\x00print('before')\n",
    "syntax_error": b"print('never')\nvalue = [1, 2\nprint(value)\n",
    "syntax_error_unicode": b"print('\xc3\xa9\xc3\xa9')\nx = '\xc3\xa9' +* 3\n",
    "syntax_error_of_a_string": b"x = 1\ny = 'never ended\n",
    "syntax_error_of_the_symbol_table": b"def f():\n    x = 1\n    global x\n",
    "syntax_error_return_outside": b"print(1)\n\nreturn 3\n",
    "syntax_error_in_an_f_string": b"print(f'{1 +}')\n",
    "syntax_error_at_the_end": b"if True:\n    (1,\n",
    "indentation_error": b"def f():\nreturn 1\n",
    "unindent_error": b"if 1:\n        x = 1\n    y = 2\n",
    "tab_error": b"if 1:\n        x = 1\n\ty = 2\n",
    "future_that_is_unknown": b"from __future__ import braces\n",
    "future_too_late": b"x = 1\nfrom __future__ import annotations\n",
    "not_python_at_all": b"<html>\n<body>hello</body>\n",
    "starts_as_a_zip_but_is_none": b"PK\x03\x04 print(1)\n",
    "starts_as_bytecode_but_is_none": b"\xa7\r\r\nprint(1)\n",
    "very_long_line": b"x = '" + b"y" * 100_000 + b"'; print(len(x)); raise ValueError\n",
    "deeply_nested": b"x = " + b"(" * 180 + b"1" + b")" * 180 + b"\nprint(x)\n",
    "top_level_await": b"import asyncio\nawait asyncio.sleep(0)\n",
    "match_and_walrus": b"match (n := 3):\n    case int():\n        print(n)\n",
}
