# The lab's two bridges, its 2 MiB pages and its file system in memory: what it
# takes from this machine besides processes.
# shellcheck shell=bash

network_up() {
  local bridge
  for bridge in "$BRIDGE" "$PHYSNET"; do
    [ -e "/sys/class/net/$bridge" ] || ip link add "$bridge" type bridge
    ip link set "$bridge" up
  done
  ip address replace "$OUTSIDE/24" dev "$BRIDGE"
}

network_down() {
  local bridge
  for bridge in "$BRIDGE" "$PHYSNET"; do
    [ ! -e "/sys/class/net/$bridge" ] || ip link delete "$bridge"
  done
}

run_dir_up() {
  mkdir -p "$RUN"
  mountpoint -q "$RUN" || mount -t tmpfs -o size=70%,mode=755 "$GROUP" "$RUN"
}

run_dir_down() {
  umount_below "$RUN"
  [ ! -d "$RUN" ] || rmdir "$RUN"
}
