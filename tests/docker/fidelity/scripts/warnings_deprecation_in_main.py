import warnings

for _ in range(3):
    warnings.warn("shown once", DeprecationWarning)
warnings.warn("pending", PendingDeprecationWarning)
warnings.warn("import", ImportWarning)
warnings.warn("resource", ResourceWarning)
warnings.warn_explicit("explicit", UserWarning, "file.py", 7)
print(__warningregistry__)
