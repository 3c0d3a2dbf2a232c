import json

import concurrent

print(json.MINE, concurrent.MINE)
for name in ("json.decoder", "concurrent.futures"):
    try:
        __import__(name)
    except ImportError as error:
        print(type(error).__name__, error)
