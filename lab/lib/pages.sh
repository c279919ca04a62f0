# The 2 MiB huge pages the lab adds to the machine's pool, and gives back.
# shellcheck shell=bash

POOL=/proc/sys/vm/nr_hugepages

# What was there before and what was added, for this boot of the machine. Outside the
# lab's run folder, so that pages are given back even if that is lost.
PAGES_FILE=/run/$GROUP.pages

# pages_up: add the lab's pages to the pool. The intention is written down first.
pages_up() {
  local boot before
  boot=$(</proc/sys/kernel/random/boot_id)
  [ "$(cut -d' ' -f1 "$PAGES_FILE" 2>/dev/null)" != "$boot" ] || return 0
  before=$(<"$POOL")
  echo "$boot $before $PAGES" >"$PAGES_FILE"
  echo $((before + PAGES)) >"$POOL"
  if [ "$(<"$POOL")" -lt $((before + PAGES)) ]; then
    echo 1 2>/dev/null >/proc/sys/vm/compact_memory || :
    echo $((before + PAGES)) >"$POOL"
  fi
  echo "$boot $before $PAGES $(($(<"$POOL") - before))" >"$PAGES_FILE"
  [ "$(pages_taken)" -eq "$PAGES" ] || note "only $(pages_taken) of $PAGES huge pages could be had: memory is fragmented"
}

# pages_taken: how many of the pool's pages are the lab's.
pages_taken() {
  local boot before wanted taken more
  read -r boot before wanted taken 2>/dev/null <"$PAGES_FILE" || { echo 0; return; }
  [ "$boot" = "$(</proc/sys/kernel/random/boot_id)" ] || { echo 0; return; }
  if [ -z "$taken" ]; then   # lab/up was ended between intention and deed
    more=$(($(<"$POOL") - before))
    taken=$((more < 0 ? 0 : more > wanted ? wanted : more))
  fi
  echo "$taken"
}

# pages_mend: someone else made the pool smaller than what the lab counts on.
pages_mend() {
  local taken
  taken=$(pages_taken)
  [ "$(<"$POOL")" -ge "$taken" ] || echo "$taken" >"$POOL"
}

# pages_down: give back exactly what was added, whoever changed the pool meanwhile.
pages_down() {
  local taken now
  taken=$(pages_taken)
  now=$(<"$POOL")
  [ "$taken" -eq 0 ] || echo $((now > taken ? now - taken : 0)) >"$POOL"
  rm -f "$PAGES_FILE"
}
