# Ctrl-C, handled by a shell that only waits.
# shellcheck shell=bash

# supervise COMMAND…: run it in a process group of its own and exit as it does. Ctrl-C and
# TERM end the whole group, and then what was being built. The shell of the command cannot do
# this itself: while bash 5.2 reads a command substitution it may lose a signal, or choke on
# the trap. When this shell is killed, the command's is too (setpriv).
supervise() {
  local result=0
  supervised=''
  trap interrupted INT TERM
  setsid env --default-signal=INT,TERM setpriv --pdeathsig KILL "$@" &
  supervised=$!
  wait "$supervised" || result=$?
  trap - INT TERM
  exit "$result"
}

interrupted() {
  trap '' INT TERM
  if [ -n "$supervised" ]; then
    # By its id as well: its group may not be there yet.
    kill -TERM -- "-$supervised" "$supervised" 2>/dev/null || :
    wait_until 5 group_of_is_gone "$supervised" || kill -KILL -- "-$supervised" 2>/dev/null || :
  fi
  group_end build kernel
  echo "lab: interrupted; run lab/up again to go on, or lab/down to end the lab" >&2
  exit 130
}

group_of_is_gone() { ! kill -0 -- "-$1" 2>/dev/null; }
