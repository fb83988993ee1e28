#!/bin/sh
# Builds the Nacos server that tests talk to, from its published Maven packages: WORK/target/nacos-srv-1.jar, WORK/cp.txt (what else it needs, in Maven's own cache) and WORK/bindlo.so.
# usage: build.sh WORK      (a folder of a cache: 45 s, 140 MB)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$1
mkdir -p "$work"
cp -r "$here/pom.xml" "$here/src" "$work/"
(cd "$work" && mvn -B -q package dependency:build-classpath -Dmdep.outputFile=cp.txt -Dmdep.includeScope=runtime)
cc -O2 -shared -fPIC -o "$work/bindlo.so" "$here/bindlo.c" -ldl
