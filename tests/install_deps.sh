#!/bin/sh
# Install the Debian packages that are missing, and only those. Quiet when nothing is.
# usage: tests/install_deps.sh build|test|property
# SPDX-License-Identifier: Apache-2.0
set -eu

build="gcc make libc6-dev pkg-config libmicrohttpd-dev libjansson-dev libzookeeper-st-dev libuv1-dev
	libcurl4-openssl-dev libgnutls28-dev libyaml-dev libssl-dev zlib1g-dev uthash-dev
	haproxy zookeeper default-jre-headless python3 curl procps"
test="libcmocka-dev clang libclang-rt-14-dev python3-pytest python3-kazoo python3-yaml util-linux mount nginx-light
	nodejs libjs-handlebars"

case "${1:-}" in
build) want=$build ;;
test) want="$build $test" ;;
property) want="$build $test python3-venv" ;;
*) echo "usage: $0 build|test|property" >&2; exit 2 ;;
esac

missing() {
	for p in $want; do
		dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q ' installed$' || echo "$p"
	done
}

need=$(missing)
[ -n "$need" ] || exit 0
if ! command -v apt-get >/dev/null; then
	echo "these Debian packages are needed, and there is no apt-get:" $need >&2
	exit 1
fi
sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
log=$(mktemp)
policy=
# Debian starts the services of haproxy and zookeeper when they are installed; policy-rc.d is the switch.
if [ ! -e /usr/sbin/policy-rc.d ]; then
	policy=/usr/sbin/policy-rc.d
	printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
	$sudo chmod 755 $policy
fi
trap 'rm -f "$log"; [ -z "$policy" ] || $sudo rm -f $policy' EXIT
trap 'exit 130' INT TERM

install() {
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $need >"$log" 2>&1
}

echo "installing:" $need
if ! install; then
	$sudo apt-get update -q >"$log" 2>&1 || true # the lists were old or absent
	if ! install; then
		cat "$log" >&2
		exit 1
	fi
fi
still=$(missing)
[ -z "$still" ] || { echo "not installed:" $still >&2; exit 1; }
