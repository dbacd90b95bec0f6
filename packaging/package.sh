#!/usr/bin/env bash
# Makes deb packages and tarballs of agent and collector in dist/, or the folder DIST, the same bytes for the same sources.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${VERSION:-$(git describe --tags --always 2>/dev/null || echo 0.0.0)}
version=${version#v}
[[ $version =~ ^[0-9] ]] || version="0.0.0+$version" # Debian wants a digit first
epoch=$(git log -1 --format=%ct 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH=$epoch VERSION=$version # what nfpm reads
dist=${DIST:-dist}
mkdir -p "$dist"
for ARCH in ${ARCHES:-amd64 arm64}; do
  export ARCH BIN="$dist/bin-$ARCH"
  mkdir -p "$BIN"
  CGO_ENABLED=0 GOARCH=$ARCH go build -trimpath -buildvcs=false -tags grpcnotrace -ldflags "-s -w -buildid= -X main.version=$version" -o "$BIN/" ./cmd/...
  for part in agent collector; do
    tools/bin/nfpm package --packager deb --config "packaging/$part/nfpm.yaml" --target "$dist/"
    files=("picket-$part")
    [ "$part" = collector ] && files+=(picket)
    stage=$dist/stage/picket-$part-$version-linux-$ARCH
    rm -rf "$stage" && mkdir -p "$stage"
    for f in "${files[@]}"; do cp "$BIN/$f" "$stage/"; done
    cp "packaging/$part/picket-$part.service" "packaging/$part/$part.yaml" LICENSE "$stage/"
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$epoch" -C "$dist/stage" -czf "$dist/$(basename "$stage").tar.gz" "$(basename "$stage")"
  done
done
rm -rf "$dist/stage"
(cd "$dist" && sha256sum -- *.deb *.tar.gz >SHA256SUMS && ls -l -- *.deb *.tar.gz)
