#!/bin/sh
# make.sh NAME|NAME,NAME|all: makes these captures anew in ../captures/calls, and measures them all. As root, on Debian, with
#   apt-get install sip-tester baresip kamailio kamailio-websocket-modules rtpengine tcpdump tshark ethtool iproute2 iptables openssl python3
set -eu
[ $# = 1 ] || { sed -n '2,3s/^# *//p' "$0"; exit 2; }
cd "$(dirname "$0")"
for program in sipp baresip kamailio rtpengine tcpdump tshark ethtool ip iptables openssl chrt; do
  command -v $program >/dev/null || { echo "make.sh: $program is missing" >&2; exit 1; }
done
mkdir -p ../captures/calls
PYTHONDONTWRITEBYTECODE=1 python3 calls.py "$1" ../captures/calls
PYTHONDONTWRITEBYTECODE=1 exec python3 measure.py ../captures/calls
