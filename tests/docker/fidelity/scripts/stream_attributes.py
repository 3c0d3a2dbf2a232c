import sys

for stream in (sys.stdin, sys.stdout, sys.stderr):
    for name in ("name", "mode", "encoding", "errors", "line_buffering", "write_through", "newlines",
                 "closed", "_CHUNK_SIZE"):
        print(name, getattr(stream, name, None))
    print(stream.isatty(), stream.fileno(), stream.readable(), stream.writable(), stream.seekable())
    for layer in (stream, stream.buffer, getattr(stream.buffer, "raw", None)):
        print(type(layer), getattr(layer, "mode", None), getattr(layer, "name", None),
              getattr(layer, "closefd", None), repr(layer))
