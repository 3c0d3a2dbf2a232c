FROM toolkit/base:bookworm-py3.11 AS uv
USER 0
RUN --mount=type=bind,source=steps,target=/run/toolkit/steps \
    --mount=type=bind,source=indexes,target=/run/toolkit/context \
    --mount=type=cache,id=toolkit-python,target=/run/toolkit/cache \
    --mount=type=secret,id=environment \
    --mount=type=secret,id=ca \
    --mount=type=secret,id=netrc \
    --mount=type=secret,id=pip.conf \
    ["sh", "/run/toolkit/steps/uv.sh"]

FROM toolkit/base:bookworm-py3.11 AS wheels
USER 0
RUN --mount=type=bind,source=steps,target=/run/toolkit/steps \
    ["sh", "/run/toolkit/steps/conda.sh", "folders"]

FROM toolkit/base:bookworm-py3.11 AS rattler
USER 0
RUN --mount=type=bind,source=steps,target=/run/toolkit/steps \
    --mount=type=bind,source=indexes,target=/run/toolkit/context \
    --mount=type=bind,from=uv,source=/opt/toolkit,target=/run/toolkit/uv \
    --mount=type=cache,id=toolkit-python,target=/run/toolkit/cache \
    --mount=type=secret,id=environment \
    --mount=type=secret,id=ca \
    --mount=type=secret,id=netrc \
    --mount=type=secret,id=pip.conf \
    ["sh", "/run/toolkit/steps/conda.sh", "tool"]

FROM wheels AS conda
RUN --mount=type=bind,source=steps,target=/run/toolkit/steps \
    --mount=type=bind,source=install,target=/run/toolkit/context \
    --mount=type=bind,from=rattler,source=/opt/toolkit/rattler,target=/run/toolkit/rattler \
    --mount=type=cache,id=toolkit-conda,target=/run/toolkit/conda \
    --mount=type=secret,id=environment \
    --mount=type=secret,id=ca \
    --mount=type=secret,id=netrc \
    --mount=type=secret,id=pip.conf \
    ["sh", "/run/toolkit/steps/conda.sh", "install"]

FROM conda AS sources
USER 0
RUN --mount=type=bind,source=steps,target=/run/toolkit/steps \
    --mount=type=bind,source=install,target=/run/toolkit/context,rw \
    --mount=type=bind,from=uv,source=/opt/toolkit,target=/run/toolkit/uv \
    --mount=type=secret,id=environment \
    --mount=type=secret,id=ca \
    --mount=type=secret,id=netrc \
    --mount=type=secret,id=pip.conf \
    ["sh", "/run/toolkit/steps/conda.sh", "pip"]

FROM wheels AS image
COPY --from=sources /opt/venv /opt/venv
ENV VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$PATH HOME=/home/executor PYTHONUNBUFFERED=1
ENV CONDA_PREFIX=/opt/venv
ENV JE_ARROW_MALLOC_CONF="background_thread:false"
WORKDIR /workspace
USER "1000:1000"
ENTRYPOINT []
CMD ["python"]
