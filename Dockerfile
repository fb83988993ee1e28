# Both planes in one container, for one machine; deploy/docker/ has an image of each for more.
#
#   docker build -t gateway-service:latest .
#   docker run -p 8000:8000 --env-file .env.prod gateway-service:latest
#   docker run -p 8000:8000 --env-file .env.prod -v "$PWD/config:/etc/gateway:ro" --read-only gateway-service:latest
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
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates tini \
  libc-ares2 libcurl4 libevent-core-2.1-7 libgrpc29 libhiredis0.14 libjwt0 libmariadb3 libnghttp2-14 libpcre2-8-0 libprotobuf-c1 libsqlite3-0 \
  libssl3 libyaml-0-2 zlib1g && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 65532 gateway && useradd --uid 65532 --gid gateway --no-create-home --home-dir /var/lib/gateway --shell /usr/sbin/nologin gateway \
  && install -d -o gateway -g gateway -m 0700 /var/lib/gateway
COPY --from=build /out/usr/bin/ /usr/bin/
COPY deploy/docker/both-planes.sh /usr/libexec/gateway/both-planes
COPY config/routes.yaml config/services.yaml /etc/gateway/
WORKDIR /etc/gateway
# The certificate authority between the planes, the admin token, API keys.
VOLUME /var/lib/gateway
ENV XDG_STATE_HOME=/var/lib
# Within the ten seconds that `docker stop` waits. No balancer in front looks at /ready first.
ENV GATEWAY_DRAIN_DELAY=0s GATEWAY_DRAIN_TIME=8s
USER 65532:65532
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["/usr/bin/gateway-dataplane", "healthcheck"]
ENTRYPOINT ["/usr/bin/tini", "--", "/usr/libexec/gateway/both-planes"]
