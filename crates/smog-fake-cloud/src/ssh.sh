#!/bin/sh
# Stands in for OpenSSH's client where smog starts the connection to a host: in the folder of
# this script each scripted host has its socket, which speaks the protocol of ControlMaster.
# A host without one does not answer.
here=$(dirname "$0")
while [ $# -gt 0 ]; do
  case $1 in
    -E) log=$2; shift ;;
    -S) socket=$2; shift ;;
    -o | -i | -F | -l | -p) shift ;;
    --) host=$2; shift ;;
  esac
  shift
done
if [ -S "$here/$host" ]; then
  exec ln -s "$here/$host" "$socket"
fi
echo "ssh: connect to host $host port 22: Connection refused" >"$log"
exit 255
