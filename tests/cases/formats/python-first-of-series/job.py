# /// script
# requires-python = "==3.12"
# dependencies = ["six"]
# ///
