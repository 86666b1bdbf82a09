#!/usr/bin/env bash
# What a scrape costs: 10,000 streams of 200 sites played as fast as they came, with a scrape a second and
# without one, one after the other, five times each.
#
#   tests/long/scrape.sh [SECONDS OF MEDIA] [ROUNDS]      default 12 and 5
#
# Prints a table for RESULTS.md. Needs curl, and about 120 MB a second of media in TMPDIR.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-12}
rounds=${2:-5}
calls=5000
sites=200

cargo build --release --quiet --bin clearline --example load
clearline=$PWD/target/release/clearline
load=$PWD/target/release/examples/load
work=$(mktemp -d)
probe=
finish() {
  if [ -n "$probe" ]; then kill "$probe" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap finish EXIT
cd "$work"

packets=$("$load" write calls.pcap "$calls" "$seconds")
{
  echo customer,site,subnet
  # The load's phones are 10.0.0.0 and what follows: 25 of them to a site.
  for ((call = 0; call < calls; call++)); do
    echo "acme,site $((call * sites / calls)),10.0.$((call / 256)).$((call % 256))/32"
  done
} >sites.csv
printf 'sites_file = "sites.csv"\n[[customer]]\nname = "acme"\n' >site.toml

# Ticks of CPU time that a process has used: of 10 ms.
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

# run NAME: plays the capture; with NAME "scraped" it is asked once a second.
run() {
  "$clearline" probe --read calls.pcap --pace 1x --after-read serve --config.file site.toml \
    --web.listen-address 127.0.0.1:0 --workers 1 2>log &
  probe=$!
  until address=$(sed -n 's/.*serving HTTP address=//p' log) && [ -n "$address" ]; do sleep 0.02; done
  until grep -q 'all is read' log; do
    if [ "$1" = scraped ]; then
      curl -s -o scrape -w '%{time_total}\n' "http://$address/metrics" >>times
    fi
    sleep 1
  done
  ticks "$probe" >>"$1"
  if [ "$1" = scraped ]; then
    curl -s -o full -w '%{time_total}\n' "http://$address/metrics" >>full_times
    curl -s -o full.gz -H 'Accept-Encoding: gzip' -w '%{time_total}\n' "http://$address/metrics" >>gzip_times
  fi
  kill "$probe"
  wait "$probe"
  probe=
}

for ((round = 0; round < rounds; round++)); do
  run alone
  run scraped
done

per_packet() { median <"$1" | awk -v packets="$packets" '{ printf "%.0f", $1 * 1e7 / packets }'; }
ms() { median <"$1" | awk '{ printf "%.1f", $1 * 1000 }'; }
echo "$(date -u +%F), $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2- | sed 's/^ *//'), $(nproc) cores"
echo "$((2 * calls)) streams of $sites sites, $packets frames in about $seconds s, median of $rounds"
echo
echo "| | |"
echo "|---|---|"
echo "| series in a scrape | $(grep -vc '^#' full) |"
echo "| size of a scrape | $(($(stat -c %s full) / 1000)) kB, $(($(stat -c %s full.gz) / 1000)) kB gzip |"
echo "| time of a scrape while packets flow | $(ms times) ms |"
echo "| time of a scrape at rest | $(ms full_times) ms, $(ms gzip_times) ms gzip |"
echo "| CPU a frame without scrapes | $(per_packet alone) ns |"
echo "| CPU a frame with a scrape a second | $(per_packet scraped) ns |"
