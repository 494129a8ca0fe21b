# syntax=docker/dockerfile:1
# Dependabot renews the digest. Another base needs CPython of at least 3.11, glibc, and `python` on PATH:
# `buildah bud --from IMAGE`, `docker buildx build --build-context` with the name below.
FROM docker.io/library/python:3.13-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285 AS base

# What builds the wheels is locked too, and stays in this stage.
FROM base AS wheels
WORKDIR /src
COPY requirements-build.lock ./
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes --only-binary :all: \
    --requirement requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY server server
COPY clients/python clients/python
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels ./clients/python .

FROM base AS environment
WORKDIR /src
COPY requirements-server.lock ./
RUN python -m venv --without-pip /opt/sessiond \
 && python -m pip --python /opt/sessiond/bin/python install --no-cache-dir --require-hashes \
    --only-binary :all: --requirement requirements-server.lock
COPY --from=wheels /wheels /wheels
RUN python -m pip --python /opt/sessiond/bin/python install --no-cache-dir --no-deps --no-index /wheels/*.whl

FROM base
ARG SOURCE=""
ARG REVISION=""
ARG VERSION=""
LABEL org.opencontainers.image.title="sessiond" \
      org.opencontainers.image.description="Session validation, refresh and revocation as a gRPC service" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${VERSION}"
# For a socket that is shared with another container. Nothing else is written at run time: a read-only root is
# enough, and no home is needed.
RUN install -d -o 65532 -g 65532 -m 0750 /run/sessiond
COPY --from=environment /opt/sessiond /opt/sessiond
ENV PATH=/opt/sessiond/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 50051 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["sessiond", "healthcheck", "--addr", "http://127.0.0.1:8080"]
ENTRYPOINT ["sessiond"]
CMD ["serve", "--config", "/etc/sessiond/sessiond.toml"]
