# Two simulated NUMA cells on a machine that has one: a made tree of sysfs files and
# a preloaded library that forgives what the real kernel refuses.
# shellcheck shell=bash

# cells_build: compile the library, if its source changed.
cells_build() {
  local sum
  sum=$(sha256sum <"$LAB/cells/shim.c")
  [ "$(cat "$CACHE/cells.so.sum" 2>/dev/null)" != "$sum" ] || [ ! -s "$CACHE/cells.so" ] || return 0
  command -v cc >/dev/null || machine_install gcc libc6-dev
  cc -O2 -Wall -Wextra -shared -fPIC -o "$CACHE/cells.so.new" "$LAB/cells/shim.c" -ldl 2>"$CACHE/cells.log" ||
    fail_with_log "$CACHE/cells.log" "the library for simulated cells cannot be compiled"
  mv "$CACHE/cells.so.new" "$CACHE/cells.so"
  echo "$sum" >"$CACHE/cells.so.sum"
  step "library for simulated cells compiled"
}

# cells_apply HOST: what differs between a lab with and without simulated cells.
# Applied at every start, over the snapshot.
cells_apply() {
  local host=$1 root
  root=$(host_root "$host")
  configure_render "$host" etc/smog-lab
  [ "$host" != ctl ] || return 0
  layout_cpu_sets "$host"
  [ "$CELLS" = 2 ] || return 0
  cells_sysfs "$host"
  install -m 755 "$CACHE/cells.so" "$root/usr/local/lib/smog-lab/cells.so"
  echo /usr/local/lib/smog-lab/cells.so >"$root/etc/ld.so.preload"
  install -m 644 "$LAB/cells/lab-cells.service" "$root/etc/systemd/system/lab-cells.service"
  mkdir -p "$root/etc/systemd/system/sysinit.target.wants"
  ln -sf ../lab-cells.service "$root/etc/systemd/system/sysinit.target.wants/lab-cells.service"
}

# The tree is made with the host's own python: a fresh machine may have none.
cells_sysfs() {
  local root
  root=$(host_root "$1")
  install -m 755 "$LAB/cells/sysfs.py" "$root/usr/local/lib/smog-lab/sysfs.py"
  mkdir -p "$root/var/lib/smog-lab/sys" "$root/proc"
  mount -t proc proc "$root/proc"
  chroot "$root" python3 /usr/local/lib/smog-lab/sysfs.py /var/lib/smog-lab/sys 2 4 "$(<"$POOL")"
  umount "$root/proc"
}
