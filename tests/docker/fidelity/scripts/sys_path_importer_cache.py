import sys

print(sorted(sys.path_importer_cache))
print([type(each) for each in sys.path_importer_cache.values()][:1])
