#!/bin/sh
# Starts the Nacos server that build.sh has built into WORK, in the foreground; it ends with TERM. All of its sockets are on loopback.
# usage: start.sh WORK HOME PORT [--spring.property=value …]      (HOME: this server's data)
# Ports: HTTP PORT, gRPC PORT+1000 and PORT+1001, JRaft PORT-1000, one UDP socket for pushes.
# --nacos.core.auth.enabled=true --nacos.core.auth.server.identity.key=K --nacos.core.auth.server.identity.value=V turn authentication on (nacos/nacos).
set -eu
work=$1 home=$2 port=$3; shift 3
mkdir -p "$home/conf" "$home/data" "$home/logs"
secret=$(printf '%s' 'test-only-secret-of-thirty-two-bytes-or-more' | base64 -w0)
cd "$home"
exec env LD_PRELOAD="$work/bindlo.so" java -Xms256m -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto \
    --add-opens java.base/java.lang=ALL-UNNAMED --add-opens java.base/java.util=ALL-UNNAMED \
    --add-opens java.base/java.util.concurrent=ALL-UNNAMED --add-opens java.base/sun.net.util=ALL-UNNAMED \
    --add-opens java.base/java.math=ALL-UNNAMED \
    -Dnacos.standalone=true -Dnacos.home="$home" -Dnacos.server.ip=127.0.0.1 -Duser.home="$home" \
    -Dnacos.core.auth.plugin.nacos.token.secret.key="$secret" \
    -cp "$work/target/nacos-srv-1.jar:$(cat "$work/cp.txt")" com.alibaba.nacos.NacosSrv \
    --server.port="$port" --server.address=127.0.0.1 "$@"
