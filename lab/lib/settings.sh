# The names, addresses, folders and sizes of the lab, in one place.
# Sourced by the entry scripts; everything a user may change is an environment
# variable listed in README.md.
# shellcheck shell=bash disable=SC2034  # the variables are used by the other files

LAB=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

CACHE=${SMOG_LAB_CACHE:-/var/cache/smog-lab}   # root trees, snapshots, key, guest image
ACCESS=${SMOG_LAB_DIR:-/var/lib/smog-lab}      # clouds.yaml, openrc, key, smog.yml
RUN=/run/smog-lab                              # a tmpfs: what the running lab is made of
PAGES=${SMOG_LAB_PAGES:-512}                   # 2 MiB huge pages to add to the machine

HOSTS=(ctl cmp1 cmp2)
COMPUTES=(cmp1 cmp2)

NET=10.98.77                                   # /24, never routed anywhere
OUTSIDE=$NET.1
declare -A ADDRESS=([ctl]=$NET.10 [cmp1]=$NET.11 [cmp2]=$NET.12)

BRIDGE=smoglab0                                # between this machine and the hosts
PHYSNET=smogphy0                               # between the hosts' br-phy: the guests' wire

machine_of() { echo "smog-$1"; }               # nspawn's name for a host
veth_of()    { echo "vb-smog-$1"; }            # nspawn derives this name from the one above
phy_of()     { echo "vp-smog-$1"; }

RELEASES=(epoxy zed)
declare -A SUITE_OF=([epoxy]=trixie [zed]=bookworm)

# use_release NAME: where this release's cache is.
use_release() {
  RELEASE=$1
  SUITE=${SUITE_OF[$RELEASE]}
  TREE=$CACHE/$RELEASE/tree
  SNAPSHOT=$CACHE/$RELEASE/snapshot
  LOGS=$CACHE/$RELEASE/log
}
