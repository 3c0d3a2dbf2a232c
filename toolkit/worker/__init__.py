"""The process inside the container, what is said to it, and the channel over which it is said.

Hidden here: that a container is driven by one program of ours, sent over its standard input, rather
than by an exec per command. `channel`, `answer`, `boot` and `result` are the client's; the other
modules are the worker's own source, which is also importable here, so that it can be typed and
tested.
"""
