# The names, addresses, folders and sizes of the lab, in one place.
# Sourced by the entry scripts; everything a user may change is an environment
# variable listed in README.md.
# shellcheck shell=bash disable=SC2034  # the variables are used by the other files

LAB=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# A lab with a name of its own runs beside the others. Its number, made from the name, is
# in its addresses and in the names of its interfaces, which have 15 letters at most.
NAME=${SMOG_LAB_NAME:-}
[[ $NAME =~ ^([a-z][a-z0-9]{0,15})?$ ]] || {
  echo "lab: SMOG_LAB_NAME must be up to 16 small letters and digits, not $NAME" >&2
  exit 2
}
NUMBER=''
[ -z "$NAME" ] || NUMBER=$((10 + $(printf %s "$NAME" | cksum | cut -d' ' -f1) % 60))   # 10 to 69

GROUP=smog-lab${NAME:+-$NAME}                  # its control group, and names made of it
CACHE=${SMOG_LAB_CACHE:-/var/cache/smog-lab}   # root trees, snapshots, key, guest image
KEYS=$CACHE/ssh${NAME:+-$NAME}                 # SSH keys, made for the addresses below
ACCESS=${SMOG_LAB_DIR:-/var/lib/$GROUP}        # clouds.yaml, openrc, key, smog.yml
RUN=/run/$GROUP                                # a tmpfs: what the running lab is made of
PAGES=${SMOG_LAB_PAGES:-512}                   # 2 MiB huge pages to add to the machine

HOSTS=(ctl cmp1 cmp2)
COMPUTES=(cmp1 cmp2)

NET=10.98.${NUMBER:-77}                        # /24, never routed anywhere
OUTSIDE=$NET.1
declare -A ADDRESS=([ctl]=$NET.10 [cmp1]=$NET.11 [cmp2]=$NET.12)

BRIDGE=smoglab${NUMBER:-0}                     # between this machine and the hosts
PHYSNET=smogphy${NUMBER:-0}                    # between the hosts' br-phy: the guests' wire

machine_of() { echo "smog$NUMBER-$1"; }        # nspawn's name for a host
veth_of()    { echo "vb-smog$NUMBER-$1"; }     # nspawn derives this name from the one above
phy_of()     { echo "vp-smog$NUMBER-$1"; }

RELEASES=(epoxy zed)
declare -A SUITE_OF=([epoxy]=trixie [zed]=bookworm)

LAYOUT=debian                                  # see lib/layout.sh

# use_release NAME: where this release's cache is.
use_release() {
  RELEASE=$1
  SUITE=${SUITE_OF[$RELEASE]}
  TREE=$CACHE/$RELEASE/tree
  SNAPSHOT=$CACHE/$RELEASE/snapshot${NAME:+-$NAME}
  LOGS=$CACHE/$RELEASE/log
}
