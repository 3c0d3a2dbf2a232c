FROM nvidia/cuda:12.6.2-runtime-ubuntu24.04@sha256:6666666666666666666666666666666666666666666666666666666666666666 AS python-archives
USER 0
RUN --mount=type=bind,source=steps,target=/run/toolkit/steps \
    --mount=type=cache,id=toolkit-archives-ubuntu-noble,target=/run/toolkit/archives,sharing=locked \
    --mount=type=cache,id=toolkit-lists-6666666666666666-linux-amd64,target=/run/toolkit/apt,sharing=locked \
    --mount=type=secret,id=environment \
    --mount=type=secret,id=ca \
    --mount=type=secret,id=netrc \
    --mount=type=secret,id=pip.conf \
    ["sh", "/run/toolkit/steps/apt.sh", "fetch", "python3", "python3-venv"]

FROM nvidia/cuda:12.6.2-runtime-ubuntu24.04@sha256:6666666666666666666666666666666666666666666666666666666666666666 AS with-python
USER 0
RUN --mount=type=bind,source=steps,target=/run/toolkit/steps \
    --mount=type=bind,from=python-archives,source=/opt/toolkit/apt,target=/run/toolkit/apt,rw \
    ["sh", "/run/toolkit/steps/apt.sh", "install", "python3", "python3-venv"]
RUN ["sh", "-c", "python3 -c \"$0\" \"$1\" || { echo \"toolkit: the packages of this base did not bring Python $1\" >&2; exit 64; }", "import sys; sys.exit('%d.%d' % sys.version_info[:2] != sys.argv[1])", "3.12"]

FROM with-python AS uv
USER 0
RUN --mount=type=bind,source=steps,target=/run/toolkit/steps \
    --mount=type=bind,source=indexes,target=/run/toolkit/context \
    --mount=type=cache,id=toolkit-python,target=/run/toolkit/cache \
    --mount=type=secret,id=environment \
    --mount=type=secret,id=ca \
    --mount=type=secret,id=netrc \
    --mount=type=secret,id=pip.conf \
    ["sh", "/run/toolkit/steps/uv.sh"]

FROM with-python AS archives
USER 0
RUN --mount=type=bind,source=steps,target=/run/toolkit/steps \
    --mount=type=cache,id=toolkit-archives-ubuntu-noble,target=/run/toolkit/archives,sharing=locked \
    --mount=type=cache,id=toolkit-lists-6666666666666666-linux-amd64,target=/run/toolkit/apt,sharing=locked \
    --mount=type=secret,id=environment \
    --mount=type=secret,id=ca \
    --mount=type=secret,id=netrc \
    --mount=type=secret,id=pip.conf \
    ["sh", "/run/toolkit/steps/apt.sh", "fetch", "fonts-dejavu-core", "tesseract-ocr"]

FROM with-python AS wheels
USER 0
RUN --mount=type=bind,source=steps,target=/run/toolkit/steps \
    --mount=type=bind,from=archives,source=/opt/toolkit/apt,target=/run/toolkit/apt,rw \
    ["sh", "/run/toolkit/steps/apt.sh", "install", "fonts-dejavu-core", "tesseract-ocr"]
RUN --mount=type=bind,source=steps,target=/run/toolkit/steps \
    --mount=type=cache,id=toolkit-bytecode-6666666666666666-linux-amd64,target=/run/toolkit/bytecode \
    ["sh", "/run/toolkit/steps/environment.sh"]
RUN --mount=type=bind,source=steps,target=/run/toolkit/steps \
    --mount=type=bind,source=install,target=/run/toolkit/context \
    --mount=type=bind,from=uv,source=/opt/toolkit,target=/run/toolkit/uv \
    --mount=type=cache,id=toolkit-python,target=/run/toolkit/cache \
    --mount=type=cache,id=toolkit-bytecode-6666666666666666-linux-amd64,target=/run/toolkit/bytecode \
    --mount=type=secret,id=environment \
    --mount=type=secret,id=ca \
    --mount=type=secret,id=netrc \
    --mount=type=secret,id=pip.conf \
    ["sh", "/run/toolkit/steps/install.sh", "wheels"]

FROM with-python AS sources
USER 0
RUN --mount=type=bind,source=steps,target=/run/toolkit/steps \
    --mount=type=bind,source=install,target=/run/toolkit/context,rw \
    --mount=type=bind,from=uv,source=/opt/toolkit,target=/run/toolkit/uv \
    --mount=type=bind,from=wheels,source=/opt/venv/bin,target=/run/toolkit/wheels \
    --mount=type=secret,id=environment \
    --mount=type=secret,id=ca \
    --mount=type=secret,id=netrc \
    --mount=type=secret,id=pip.conf \
    ["sh", "/run/toolkit/steps/install.sh", "sources"]

FROM wheels AS image
COPY --from=sources /opt/venv /opt/venv
ENV VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$PATH HOME=/home/executor PYTHONUNBUFFERED=1
WORKDIR /workspace
ENTRYPOINT []
CMD ["python"]
