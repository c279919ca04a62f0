# Layouts: how the services are laid out on the hosts. "debian" is Debian's own packages, as
# lab/config has them; every other layout is a folder of lab/layouts:
#
#   layout.sh        sourced last: settings (below), and functions that replace those here
#   layer, layer.*   a program (and what it reads): changes the root tree into this layout's (run with the root of
#                    an overlay above the tree; what it writes is kept in the cache as a layer)
#   config/, seed/, access/   files that stand for those of the same name in lab/
# shellcheck shell=bash disable=SC2034  # the variables are used by the other files

# The user that SSH logs in as, and the cloud of clouds.yaml that lab/env names.
LAYOUT_USER=root
LAYOUT_CLOUD=lab
# The nova that is installed instead of the layout's own: a folder, a version, or nothing.
NOVA=''
LAYERS=()

# Files of lab/config that a layout does not have; where the lab's key is put (the last one is
# SSH_OWNER's); the file with the CPU sets.
LAYOUT_LEAVES_OUT='^$'
SSH_HOMES=(root var/lib/nova)
SSH_OWNER=nova:nova
COMPUTE_CONF=etc/nova/nova.conf

# The services' units: what the first start holds back until the databases are there.
API_UNITS=(keystone glance-api placement-api nova-api nova-conductor nova-scheduler
  neutron-api neutron-rpc-server neutron-openvswitch-agent neutron-dhcp-agent)
FIRST_API_UNITS=(keystone glance-api placement-api)
COMPUTE_UNITS=(nova-compute neutron-openvswitch-agent)

# The layout of `lab/up --volumes`: Debian's, with Ceph and Cinder. It is asked for by that flag only.
VOLUMES=volumes

layouts() {
  echo debian
  find "$LAB/layouts" -mindepth 2 -name layout.sh -printf '%h\n' 2>/dev/null | sed 's|.*/||' | grep -vx "$VOLUMES" | LC_ALL=C sort
}

# Read to its end: `grep -q` would end the list with SIGPIPE, which counts as a failure.
layout_exists() { layouts | grep -xF -- "$1" >/dev/null; }

# use_layout NAME [NOVA]: after use_release; where this layout's cache is, and its functions.
use_layout() {
  LAYOUT=$1 NOVA=${2:-}
  LAYERS=()
  [ "$LAYOUT" != debian ] || return 0
  SNAPSHOT=$CACHE/$LAYOUT/snapshot${NAME:+-$NAME}
  LOGS=$CACHE/$LAYOUT/log
  LAYERS=("$CACHE/$LAYOUT/layer")
  # shellcheck source=/dev/null
  . "$LAB/layouts/$LAYOUT/layout.sh"
}

# layout_file PATH: the layout's own file below lab/, or else the lab's.
layout_file() {
  local own=$LAB/layouts/$LAYOUT/$1
  if [ -e "$own" ]; then echo "$own"; else echo "$LAB/$1"; fi
}

# layout_lower: what a host's overlay has below it, for mount's lowerdir.
layout_lower() {
  local layer lower=''
  for layer in "${LAYERS[@]}"; do lower=$layer:$lower; done   # the last one is the uppermost
  echo "$lower$TREE"
}

# What a layer is made from: the tree, and the layout's program.
layout_layer_stamp() {
  { cat "$TREE.stamp"
    find "$LAB/layouts/$LAYOUT" -maxdepth 1 -type f \( -name layer -o -name 'layer.*' \) -print0 | LC_ALL=C sort -z | xargs -0 cat
  } | sha256sum | cut -d' ' -f1
}

# layout_stamp: what the snapshot is made from, besides what every layout has.
layout_stamp() {
  local layer
  [ "$LAYOUT" != debian ] || return 0
  for layer in "${LAYERS[@]}"; do cat "$layer.stamp"; done
  find "$LAB/layouts/$LAYOUT" -type f ! -name "layer*" ! -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 cat
}

layer_is_good() { [ -d "$1" ] && [ -f "$1.stamp" ] && [ "$(cat "$1.stamp")" = "$2" ]; }

# layer_build LAYER STAMP BELOW COMMAND…: run COMMAND ROOT with an overlay mounted at ROOT, and
# keep what it writes.
layer_build() {
  local layer=$1 stamp=$2 below=$3 log=$LOGS/layer.log work=$1.work result=0
  shift 3
  mkdir -p "$LOGS" "$(dirname "$layer")"
  umount_below "$work"
  rm -rf --one-file-system "$layer" "$layer.stamp" "$work"
  mkdir -p "$work"/{root,upper,work}
  mount -t overlay "$GROUP-layer" -o "lowerdir=$below,upperdir=$work/upper,workdir=$work/work" "$work/root"
  mount -t proc proc "$work/root/proc"
  mount --rbind --make-rslave /dev "$work/root/dev"
  in_group build "$@" "$work/root" >"$log" 2>&1 || result=$?
  umount_below "$work"
  [ "$result" -eq 0 ] || fail_with_log "$log" "the layout $LAYOUT could not be installed" "Then run lab/up again."
  mv "$work/upper" "$layer"
  rm -rf --one-file-system "$work"
  echo "$stamp" >"$layer.stamp"
}

# layer_is_free: no other lab of this layout runs on the layer that is about to be replaced.
layer_is_free() {
  local other layout
  for other in $(others_on_cache); do
    read -r _ _ _ layout _ <"$other/lab" || layout=''
    [ "$layout" != "$LAYOUT" ] || fail 3 "the layout $LAYOUT must be installed again, and another lab runs on it: $other" \
      "End the other lab first, or use a cache of your own: SMOG_LAB_CACHE=/some/folder"
  done
}

# layout_build: every layer that is not there or out of date.
layout_build() {
  [ "$LAYOUT" != debian ] || return 0
  local stamp
  stamp=$(layout_layer_stamp)
  layer_is_good "${LAYERS[0]}" "$stamp" || {
    layer_is_free
    note "installing the layout $LAYOUT, one to five minutes (log: $LOGS/layer.log)"
    layer_build "${LAYERS[0]}" "$stamp" "$TREE" "$LAB/layouts/$LAYOUT/layer"
    step "layout $LAYOUT installed, $(du -sh "${LAYERS[0]}" | cut -f1)"
  }
  layout_build_more
}
layout_build_more() { :; }  # a layout's further layers

# Hooks that do nothing in Debian's layout.
layout_mount() { :; }       # HOST: after its overlay is mounted, at every start
layout_configure() { :; }   # HOST: after its configuration is written, at the first start

layout_render() { :; }      # FILE: after its @NAMES@ are filled in
# HOST: the file with the CPU sets, at every start: simulated cells have others.
layout_cpu_sets() { configure_render "$1" "$COMPUTE_CONF"; }

# The steps of the first start that differ.
layout_discover_hosts() { on_ctl "registering the computes" runuser -u nova -- nova-manage cell_v2 discover_hosts; }

layout_label() { echo "$RELEASE"; }   # what /etc/smog-lab and smog.yml say
layout_release() { layout_label; }     # what lab/up and lab/status say
