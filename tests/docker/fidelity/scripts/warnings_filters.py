import sys
import warnings

for each in warnings.filters:
    print(each)
print(warnings.defaultaction, warnings.onceregistry, warnings._filters_version > 0)
print(sys.warnoptions, warnings.showwarning is warnings._showwarning_orig)
warnings.simplefilter("error")
warnings.warn("an error now")
