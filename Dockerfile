# The COSEM Access Service as a container: a front by default, a worker with the command `worker`.
# Nothing is built in the last stage; it runs as a user of its own, and writes only below /var/lib/cas.
ARG PYTHON=3.11.14-slim-trixie

FROM python:${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /source
COPY .ci/build.lock .ci/runtime.lock .ci/
RUN python -m venv /opt/build && /opt/build/bin/pip install --require-hashes -r .ci/build.lock \
    && python -m venv /opt/cas && /opt/cas/bin/pip install --require-hashes -r .ci/runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY transports transports
COPY cas cas
RUN /opt/build/bin/hatchling build -t wheel -d /dist \
    && /opt/cas/bin/pip install --no-deps --no-index /dist/*.whl \
    && /opt/cas/bin/python -m compileall -q /opt/cas/lib \
    && /opt/cas/bin/pip uninstall --yes pip

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="cosem-access-service" \
      org.opencontainers.image.description="IEC TS 62056-9-1 web services in front of DLMS/COSEM meters" \
      org.opencontainers.image.licenses="Apache-2.0"
# Numbers, so that a cluster can see that it is not root. Both directories are volumes that take this owner over.
RUN groupadd --gid 10001 cas && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/cas cas \
    && install -d -o cas -g cas -m 0700 /var/lib/cas /run/cas
COPY --from=build /opt/cas /opt/cas
ENV PATH=/opt/cas/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    CAS_DATA_DIR=/var/lib/cas CAS_LOG_FORMAT=json
USER 10001:10001
WORKDIR /var/lib/cas
VOLUME /var/lib/cas
EXPOSE 8080 4059/tcp 4059/udp
# SIGTERM ends in order: what runs gets `stop_grace` seconds.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["cas", "check", "--running", "front"]
ENTRYPOINT ["cas"]
CMD ["serve"]
