# The guest image, made by lab/image/build and kept in the cache.
# shellcheck shell=bash

image_stamp() {
  find "$LAB/image/build" "$LAB/image/guest" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum |
    sed "s|$LAB/||" | sha256sum | cut -d' ' -f1
}

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
  in_group build "$LAB/image/build" "$CACHE/guest.img" >"$log" 2>&1 ||
    fail_with_log "$log" "the guest image could not be built"
  sha256sum <"$CACHE/guest.img" >"$CACHE/guest.img.sum"
  image_stamp >"$CACHE/guest.img.stamp"
}
