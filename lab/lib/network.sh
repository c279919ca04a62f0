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
  mountpoint -q "$RUN" || mount -t tmpfs -o size=70%,mode=755 smog-lab "$RUN"
}

run_dir_down() {
  umount_below "$RUN"
  [ ! -d "$RUN" ] || rmdir "$RUN"
}

POOL=/proc/sys/vm/nr_hugepages

# pages_up: add the lab's pages to the machine's pool, and remember how many were got.
pages_up() {
  [ ! -f "$RUN/pages" ] || return 0
  local before after
  before=$(<$POOL)
  echo "0 $before" >"$RUN/pages"
  echo $((before + PAGES)) >$POOL
  if [ "$(<$POOL)" -lt $((before + PAGES)) ]; then
    echo 1 2>/dev/null >/proc/sys/vm/compact_memory || :
    echo $((before + PAGES)) >$POOL
  fi
  after=$(<$POOL)
  echo "$((after - before)) $before" >"$RUN/pages"
}

pages_taken() { cut -d' ' -f1 "$RUN/pages" 2>/dev/null || echo 0; }

# pages_down: give back exactly what was added, whoever changed the pool meanwhile.
pages_down() {
  local taken now
  taken=$(pages_taken)
  [ "$taken" -gt 0 ] || return 0
  now=$(<$POOL)
  echo $((now > taken ? now - taken : 0)) >$POOL
  echo 0 >"$RUN/pages"
}
