import importlib
import sys

import __main__

print(__main__.__dict__ is globals(), importlib.import_module("__main__") is __main__)
print("import_of_main" in sys.modules)
if "import_of_main" not in sys.modules:
    import import_of_main

    print(import_of_main.__name__, import_of_main.__spec__.origin, import_of_main is not __main__)
    print(import_of_main.__cached__)
