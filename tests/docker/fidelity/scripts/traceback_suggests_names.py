import collections

for attempt in (lambda: collection, lambda: collections.namedtupel, lambda: [].apend(1)):
    try:
        attempt()
    except (NameError, AttributeError) as error:
        import traceback

        traceback.print_exception(error)
import json as jason
print(jsn)
