# The data plane: docker build -t gateway-dataplane -f deploy/docker/dataplane.Dockerfile .
# The program is process 1, and drains on SIGTERM: give it time, docker stop -t 40.
FROM debian:bookworm-slim AS build
WORKDIR /src
COPY deploy/install-deps.sh deploy/
RUN deploy/install-deps.sh
COPY . .
RUN cmake --preset release -DGW_TESTS=OFF
RUN cmake --build build --parallel "$(nproc)"
RUN DESTDIR=/out cmake --install build --prefix /usr --strip

FROM debian:bookworm-slim
# Debian 12's own updates are wanted: no versions.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates \
  libevent-core-2.1-7 libgrpc29 libhiredis0.14 libnghttp2-14 libpcre2-8-0 libprotobuf-c1 libssl3 zlib1g && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 65532 gateway && useradd --uid 65532 --gid gateway --no-create-home --home-dir /var/lib/gateway --shell /usr/sbin/nologin gateway \
  && install -d -o gateway -g gateway -m 0700 /var/cache/gateway
COPY --from=build /out/usr/bin/gateway-dataplane /usr/bin/
# The last known good configuration, to start while no control plane answers.
VOLUME /var/cache/gateway
ENV GATEWAY_CACHE_DIR=/var/cache/gateway
# Read-only: probes and scrapers come from outside the container.
ENV GATEWAY_STATUS_HTTP=0.0.0.0:9903
USER 65532:65532
EXPOSE 8000 9903
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["/usr/bin/gateway-dataplane", "healthcheck"]
ENTRYPOINT ["/usr/bin/gateway-dataplane"]
