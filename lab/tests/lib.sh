# What the lab's tests share: ok and not ok lines, and leaving the lab as it was.
# shellcheck shell=bash

LAB=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
for file in settings layout messages groups network pages host configure run; do
  # shellcheck source=/dev/null
  . "$LAB/lib/$file.sh"
done

FAILURES=0
OUTPUT=$(mktemp)

# check WHAT COMMAND…: the command must succeed; its output is shown if it does not.
check() {
  local what=$1 began=$EPOCHREALTIME
  shift
  if "$@" >"$OUTPUT" 2>&1; then
    echo "ok      $what  ($(seconds_since "$began") s)"
  else
    echo "not ok  $what"
    sed 's/^/        /' "$OUTPUT"
    FAILURES=$((FAILURES + 1))
  fi
}

# exits CODE COMMAND…: the command must end with this code.
exits() {
  local code=$1 result=0
  shift
  "$@" || result=$?
  [ "$result" -eq "$code" ] || { echo "exit code $result, not $code"; return 1; }
}

# says TEXT COMMAND…: the command's output must contain the text, whatever its code.
says() {
  local text=$1 output
  shift
  output=$("$@" 2>&1) || :
  echo "$output"
  grep -qF -- "$text" <<<"$output"
}

lab_is_healthy() { "$LAB/status"; }

# The lab as the test found it: up (with what settings) or down.
FOUND=down
if run_read && [ "$RUNNING_PURPOSE" = run ]; then
  FOUND="up --release $RUNNING_RELEASE --cells $RUNNING_CELLS"
  case $RUNNING_LAYOUT in
    debian) ;;
    "$VOLUMES") FOUND="up --volumes --cells $RUNNING_CELLS" ;;
    *) FOUND="up --layout $RUNNING_LAYOUT --cells $RUNNING_CELLS" ;;
  esac
fi
[ "$EUID" -eq 0 ] || fail 3 "the lab's tests need root"

finish() {
  rm -f "$OUTPUT"
  if [ "$FOUND" = down ]; then
    "$LAB/down" >/dev/null 2>&1 || :
  elif ! "$LAB/status" >/dev/null 2>&1; then
    # shellcheck disable=SC2086  # a command and its arguments
    "$LAB"/$FOUND >/dev/null 2>&1 || { "$LAB/down" && "$LAB"/$FOUND; } >/dev/null 2>&1 || :
  fi
}
trap finish EXIT
trap 'exit 130' INT TERM

verdict() {
  [ "$FAILURES" -eq 0 ] && echo "all ok" || echo "$FAILURES not ok"
  [ "$FAILURES" -eq 0 ]
}
