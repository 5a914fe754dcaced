#!/bin/sh
# PID 1 of a container that has no tini: starts ims-launch, passes each TERM, INT, HUP and QUIT on to it once, reaps
# what is orphaned (a shell that waits does), and ends with its status.
#
#   docker-entrypoint.sh [words of ims-launch]     for example "start" or "verify --json"
#   docker-entrypoint.sh /path/to/program …        another program in its place
set -u

case ${1-} in
  */*) ;;
  *) set -- "${NODE:-node}" "${0%/*}/../build/src/bin/ims-launch.js" "$@" ;;
esac

child=
pending=
number=
pass_on() {
  case $1 in HUP) number=1 ;; INT) number=2 ;; QUIT) number=3 ;; TERM) number=15 ;; esac
  # One that comes before the program is there is passed on as soon as it is.
  if [ -n "$child" ]; then
    kill -s "$1" "$child" 2>/dev/null
  else
    pending=$1
  fi
}
for name in TERM INT HUP QUIT; do
  # shellcheck disable=SC2064 # the name is meant as it is now
  trap "pass_on $name" "$name"
done

# In the background, so that the shell is free to pass signals on. There standard input would be /dev/null: hence 3.
exec 3<&0
"$@" <&3 3<&- &
child=$!
if [ -n "$pending" ]; then
  kill -s "$pending" "$child" 2>/dev/null
fi

# A signal ends the wait, too, with a status above 128: as long as the program is there, it was only that.
while :; do
  wait "$child"
  status=$?
  if [ "$status" -ge 0 ] && [ "$status" -le 128 ]; then
    exit "$status"
  fi
  if ! kill -s 0 "$child" 2>/dev/null; then
    break
  fi
done
# Both may have happened at once. A second answer is the program's own; 127 says that the first one was.
wait "$child"
again=$?
if [ "$again" -ne 127 ]; then
  status=$again
fi
# bash forgets how a program ended that ends while another signal interrupts the wait, and says -1: then the signal is
# all that can be told. dash and BusyBox keep it.
if [ "$status" -lt 0 ]; then
  status=$((128 + number))
fi
exit "$status"
