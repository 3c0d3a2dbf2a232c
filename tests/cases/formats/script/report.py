#!/usr/bin/env -S uv run --script
# A report.

# /// script
# requires-python = ">=3.9"
# dependencies = [
#   "idna<4",
#   "six",
# ]
#
# [tool.uv]
# exclude-newer = "2026-06-30"
# ///

import idna, six
