# What the commands say: calm lines with the time since the start, and errors
# that name the log and what to do.
# shellcheck shell=bash

BEGAN=$EPOCHREALTIME

# seconds_since TIME: with one decimal, without starting a process.
seconds_since() {
  local now=${EPOCHREALTIME/[.,]/} then=${1/[.,]/} tenths
  tenths=$(( (now - then) / 100000 ))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# step TEXT: one finished step.
step() { printf '%7s s  %s\n' "$(seconds_since "$BEGAN")" "$*"; }

note() { printf '           %s\n' "$*"; }

# fail CODE WHAT [ADVICE…]: say what is wrong and what to do, and end.
fail() {
  local code=$1 what=$2
  shift 2
  printf 'lab: %s\n' "$what" >&2
  [ $# -eq 0 ] || printf '     %s\n' "$@" >&2
  exit "$code"
}

# fail_with_log LOG WHAT [ADVICE…]: the same, with the end of the log that has the reason.
fail_with_log() {
  local log=$1 what=$2
  shift 2
  { echo "---- the end of $log:"; tail -n 15 "$log" 2>/dev/null; echo "----"; } >&2
  fail 1 "$what" "The whole log: $log" "$@"
}

# wait_until SECONDS COMMAND…: watch a condition; false when the time is up.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.05
  done
}
