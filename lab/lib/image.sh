# The guest image, made by lab/image/build and kept in the cache. Its kernel is one compiled
# for it (lab/image/kernel); as long as that is not there, Debian's (lab/image/debian-kernel),
# which boots more slowly but takes seconds to get and not minutes.
# shellcheck shell=bash

# made_from FILE…: what these files of the lab hold.
made_from() {
  find "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sed "s|$LAB/||" | sha256sum | cut -d' ' -f1
}

kernel_stamp() { made_from "$LAB/image/kernel" "$LAB/image/kernel.config"; }

kernel_is_good() {
  [ -s "$CACHE/guest.kernel" ] && [ -f "$CACHE/guest.kernel.stamp" ] &&
    [ "$(cat "$CACHE/guest.kernel.stamp")" = "$(kernel_stamp) $(sha256sum <"$CACHE/guest.kernel")" ]
}

# kernel_begin: compile it in the background, while the root tree is built.
kernel_begin() {
  "$LAB/lib/compile_kernel" {LOCK}>&- &
  KERNEL_BUILD=$!
  trap 'group_end kernel' EXIT # when something else fails meanwhile
}

# kernel_end: wait until it is there.
kernel_end() {
  wait "$KERNEL_BUILD" || fail_with_log "$CACHE/kernel.log" "the guest's kernel could not be built"
  group_end kernel
  trap - EXIT
}

# kernel_later: compile it after this command has ended, when nobody else needs the CPUs.
# lab/down ends it.
kernel_later() {
  [ -z "$(group_pids kernel)" ] || return 0
  setsid nice -n 19 "$LAB/lib/compile_kernel" </dev/null >/dev/null 2>&1 {LOCK}>&- &
  disown $!
}

debian_kernel_stamp() { made_from "$LAB/image/debian-kernel"; }

debian_kernel_is_good() {
  [ -s "$CACHE/debian.kernel/vmlinuz" ] &&
    [ "$(cat "$CACHE/debian.kernel.stamp" 2>/dev/null)" = "$(debian_kernel_stamp) $(sha256sum <"$CACHE/debian.kernel/vmlinuz")" ]
}

debian_kernel_fetch() {
  rm -f "$CACHE/debian.kernel.stamp"
  in_group build "$LAB/image/debian-kernel" "$CACHE/debian.kernel" >"$CACHE/kernel.log" 2>&1 ||
    fail_with_log "$CACHE/kernel.log" "there is no kernel for the guest"
  echo "$(debian_kernel_stamp) $(sha256sum <"$CACHE/debian.kernel/vmlinuz")" >"$CACHE/debian.kernel.stamp"
}

# image_stamp KERNEL: of an image with the kernel `own` or `debian`.
image_stamp() { echo "$1 $("$1_stamp") $(made_from "$LAB/image/build" "$LAB/image/guest")"; }
own_stamp() { kernel_stamp; }
debian_stamp() { debian_kernel_stamp; }

# image_is_good KERNEL
image_is_good() {
  [ -s "$CACHE/guest.img" ] && [ -f "$CACHE/guest.img.stamp" ] && [ -f "$CACHE/guest.img.sum" ] &&
    [ "$(cat "$CACHE/guest.img.stamp")" = "$(image_stamp "$1")" ] &&
    [ "$(cat "$CACHE/guest.img.sum")" = "$(sha256sum <"$CACHE/guest.img")" ]
}

# image_build KERNEL
image_build() {
  local log=$CACHE/image.log from=("$CACHE/guest.kernel")
  [ "$1" = own ] || from=(--modules "$CACHE/debian.kernel/modules" "$CACHE/debian.kernel/vmlinuz")
  rm -f "$CACHE/guest.img.stamp"
  # shellcheck disable=SC2046  # one word per package
  machine_install $("$LAB/image/build" --needs)
  in_group build "$LAB/image/build" "${from[@]}" "$CACHE/guest.img" >"$log" 2>&1 ||
    fail_with_log "$log" "the guest image could not be built"
  sha256sum <"$CACHE/guest.img" >"$CACHE/guest.img.sum"
  image_stamp "$1" >"$CACHE/guest.img.stamp"
}
