FROM python:3-alpine@sha256:4444444444444444444444444444444444444444444444444444444444444444 AS uv
USER 0
RUN --mount=type=bind,source=steps,target=/run/toolkit/steps \
    --mount=type=bind,source=indexes,target=/run/toolkit/context \
    --mount=type=cache,id=toolkit-python,target=/run/toolkit/cache \
    --mount=type=secret,id=environment \
    --mount=type=secret,id=ca \
    --mount=type=secret,id=netrc \
    --mount=type=secret,id=pip.conf \
    ["sh", "/run/toolkit/steps/uv.sh"]

FROM python:3-alpine@sha256:4444444444444444444444444444444444444444444444444444444444444444 AS wheels
USER 0
RUN --mount=type=bind,source=steps,target=/run/toolkit/steps \
    --mount=type=cache,id=toolkit-bytecode-4444444444444444-linux-amd64,target=/run/toolkit/bytecode \
    ["sh", "/run/toolkit/steps/environment.sh"]
RUN --mount=type=bind,source=steps,target=/run/toolkit/steps \
    --mount=type=bind,source=install,target=/run/toolkit/context \
    --mount=type=bind,from=uv,source=/opt/toolkit,target=/run/toolkit/uv \
    --mount=type=cache,id=toolkit-python,target=/run/toolkit/cache \
    --mount=type=cache,id=toolkit-bytecode-4444444444444444-linux-amd64,target=/run/toolkit/bytecode \
    --mount=type=secret,id=environment \
    --mount=type=secret,id=ca \
    --mount=type=secret,id=netrc \
    --mount=type=secret,id=pip.conf \
    ["sh", "/run/toolkit/steps/install.sh", "wheels"]

FROM python:3-alpine@sha256:4444444444444444444444444444444444444444444444444444444444444444 AS sources
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
ENV JE_ARROW_MALLOC_CONF="background_thread:false"
WORKDIR /workspace
ENTRYPOINT []
CMD ["python"]
