# The control plane, and gatewayctl: docker build -t gateway-controlplane -f deploy/docker/controlplane.Dockerfile .
# More options go behind the image's name: --xds-listen 0.0.0.0:18000 --xds-tls-ca …
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
  libc-ares2 libcurl4 libevent-core-2.1-7 libgrpc29 libjwt0 libmariadb3 libpcre2-8-0 libprotobuf-c1 libsqlite3-0 libssl3 libyaml-0-2 zlib1g \
  && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 65532 gateway && useradd --uid 65532 --gid gateway --no-create-home --home-dir /var/lib/gateway --shell /usr/sbin/nologin gateway \
  && install -d -o gateway -g gateway -m 0700 /var/lib/gateway
COPY --from=build /out/usr/bin/gateway-controlplane /out/usr/bin/gatewayctl /usr/bin/
COPY config/routes.yaml config/services.yaml /etc/gateway/
WORKDIR /etc/gateway
# The admin token, and the store where it is SQLite.
VOLUME /var/lib/gateway
ENV XDG_STATE_HOME=/var/lib
USER 65532:65532
EXPOSE 18000 18001 18002
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["/usr/bin/gateway-controlplane", "healthcheck"]
ENTRYPOINT ["/usr/bin/gateway-controlplane", "--routes", "/etc/gateway/routes.yaml", "--services", "/etc/gateway/services.yaml", "--http-listen", "0.0.0.0:18002"]
