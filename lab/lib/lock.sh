# Only one up or down at a time. The directory /run itself is locked, so that no
# lock file is ever left; a killed command's lock is gone with it.
# shellcheck shell=bash

lock_take() {
  exec {LOCK}</run
  flock --nonblock "$LOCK" && return
  echo "lab: another lab/up or lab/down is at work; waiting for it to end" >&2
  flock --timeout 900 "$LOCK" || fail 1 "the other lab/up or lab/down did not end in 15 minutes"
}
