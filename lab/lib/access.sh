# The access folder: everything a person or a program needs to use the lab.
# shellcheck shell=bash

access_write() {
  mkdir -p "$ACCESS/log"
  chmod 755 "$ACCESS"
  install -m 600 "$KEYS/id_lab" "$ACCESS/id_lab"
  install -m 644 "$KEYS/id_lab.pub" "$ACCESS/id_lab.pub"
  install -m 644 "$KEYS/known_hosts" "$ACCESS/known_hosts"
  access_file clouds.yaml 600
  access_file openrc 600
  access_file smog.yml 644
  access_file ssh_config 644
}

# access_file NAME MODE: one file from its template in lab/access.
access_file() {
  local simulated=false
  [ "$CELLS" = 0 ] || simulated=$CELLS
  sed -e "s|@CTL@|${ADDRESS[ctl]}|g" -e "s|@CMP1@|${ADDRESS[cmp1]}|g" -e "s|@CMP2@|${ADDRESS[cmp2]}|g" \
    -e "s|@ACCESS@|$ACCESS|g" -e "s|@RELEASE@|$(layout_label)|g" -e "s|@SIMULATED@|$simulated|g" \
    -e "s|@USER@|$LAYOUT_USER|g" \
    "$(layout_file "access/$1")" >"$ACCESS/$1.new"
  chmod "$2" "$ACCESS/$1.new"
  mv "$ACCESS/$1.new" "$ACCESS/$1"
}

access_remove() {
  local file
  [ -d "$ACCESS" ] || return 0
  for file in clouds.yaml openrc smog.yml ssh_config id_lab id_lab.pub known_hosts; do rm -f "$ACCESS/$file"; done
  rmdir "$ACCESS/log" "$ACCESS" 2>/dev/null || :   # a log that someone wrote there stays
}
