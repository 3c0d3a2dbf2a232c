FROM python:3-slim@sha256:1111111111111111111111111111111111111111111111111111111111111111 AS build
USER 0
RUN --mount=type=bind,source=steps,target=/run/toolkit/steps \
    --mount=type=bind,source=install,target=/run/toolkit/context \
    --mount=type=cache,id=toolkit-python,target=/var/cache/toolkit \
    --mount=type=secret,id=environment \
    --mount=type=secret,id=ca \
    --mount=type=secret,id=netrc \
    ["sh", "/run/toolkit/steps/install.sh", "wheels"]
RUN --mount=type=bind,source=steps,target=/run/toolkit/steps \
    --mount=type=bind,source=install,target=/run/toolkit/context,rw \
    --mount=type=secret,id=environment \
    --mount=type=secret,id=ca \
    --mount=type=secret,id=netrc \
    ["sh", "/run/toolkit/steps/install.sh", "sources"]

FROM python:3-slim@sha256:1111111111111111111111111111111111111111111111111111111111111111 AS image
USER 0
RUN ["sh", "-c", "rm -rf /opt/venv && mkdir -p /opt/venv /workspace /home/executor && chmod 0777 /opt/venv && chmod 1777 /workspace /home/executor"]
COPY --from=build /opt/venv /opt/venv
ENV VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$PATH HOME=/home/executor PYTHONUNBUFFERED=1
WORKDIR /workspace
ENTRYPOINT []
CMD ["python"]
