# syntax=docker/dockerfile:1
FROM python:3.13-slim-bookworm AS build

WORKDIR /src
COPY requirements-server.lock ./
RUN python -m venv /opt/sessiond \
 && /opt/sessiond/bin/pip install --no-cache-dir --require-hashes --requirement requirements-server.lock
COPY pyproject.toml README.md LICENSE ./
COPY server server
COPY clients/python clients/python
RUN /opt/sessiond/bin/pip install --no-cache-dir hatchling==1.27.0 \
 && /opt/sessiond/bin/pip install --no-cache-dir --no-deps --no-build-isolation ./clients/python . \
 && /opt/sessiond/bin/pip uninstall --yes hatchling pip

FROM python:3.13-slim-bookworm

# Nothing of it is written at run time: a read-only root is enough, and no home is needed.
COPY --from=build /opt/sessiond /opt/sessiond
ENV PATH=/opt/sessiond/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 50051 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["sessiond", "healthcheck", "--addr", "http://127.0.0.1:8080"]
ENTRYPOINT ["sessiond"]
CMD ["serve", "--config", "/etc/sessiond/sessiond.toml"]
