# The guest image, made by lab/image/kernel and lab/image/build, and kept in the cache.
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

# kernel_begin: compile it in the background, which takes some minutes of a CPU.
kernel_begin() {
  rm -f "$CACHE/guest.kernel.stamp"
  # shellcheck disable=SC2046  # one word a package
  machine_install $("$LAB/image/kernel" --needs)
  (
    exec {LOCK}>&-
    in_group kernel "$LAB/image/kernel" "$CACHE/guest.kernel" >"$CACHE/kernel.log" 2>&1
  ) &
  KERNEL_BUILD=$!
  trap 'group_end kernel' EXIT # when something else fails meanwhile
}

# kernel_end: wait until it is there.
kernel_end() {
  wait "$KERNEL_BUILD" || fail_with_log "$CACHE/kernel.log" "the guest's kernel could not be built"
  trap - EXIT
  echo "$(kernel_stamp) $(sha256sum <"$CACHE/guest.kernel")" >"$CACHE/guest.kernel.stamp"
}

image_stamp() { echo "$(kernel_stamp) $(made_from "$LAB/image/build" "$LAB/image/guest")"; }

image_is_good() {
  [ -s "$CACHE/guest.img" ] && [ -f "$CACHE/guest.img.stamp" ] && [ -f "$CACHE/guest.img.sum" ] &&
    [ "$(cat "$CACHE/guest.img.stamp")" = "$(image_stamp)" ] &&
    [ "$(cat "$CACHE/guest.img.sum")" = "$(sha256sum <"$CACHE/guest.img")" ]
}

image_build() {
  local log=$CACHE/image.log
  rm -f "$CACHE/guest.img.stamp"
  # shellcheck disable=SC2046  # one word a package
  machine_install $("$LAB/image/build" --needs)
  in_group build "$LAB/image/build" "$CACHE/guest.kernel" "$CACHE/guest.img" >"$log" 2>&1 ||
    fail_with_log "$log" "the guest image could not be built"
  sha256sum <"$CACHE/guest.img" >"$CACHE/guest.img.sum"
  image_stamp >"$CACHE/guest.img.stamp"
}
