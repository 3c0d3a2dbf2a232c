# /// script
# dependencies = ["six"]

import six
