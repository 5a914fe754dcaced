/**
 * The guardian as a shell script: a megabyte of memory where Node takes forty. Run as `sh -c SCRIPT guardian COOKIE`
 * with orders on standard input, a line each:
 *
 *     watch GROUP START    a process group, and the start time of its leader ("-": unknown)
 *     forget GROUP         nothing lives in it any more
 *     bye                  a clean end: nothing is left to do
 *
 * The end of the input without `bye` means that whoever held the other end was killed. Then: TERM to the groups, KILL
 * to what is left of them after a second, and KILL to whatever carries the cookie in its environment.
 *
 * Only POSIX words (`kill -TERM -- -1` is a syntax error in dash); `sleep` and `grep` are the only programs called.
 */
export const GUARDIAN_SCRIPT = `
trap '' HUP INT QUIT TERM TSTP TTIN TTOU
cookie=$1
watched=

forget() {
  rest=
  for entry in $watched; do
    [ "\${entry%%:*}" = "$1" ] || rest="$rest $entry"
  done
  watched=$rest
}

# A leader that is gone proves nothing against its group; one with another start time is somebody else's.
is_ours() {
  { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
  set -- "$2" \${line##*) }
  [ "$1" = - ] || [ "$1" = "\${21}" ]
}

signal_groups() {
  reached=
  for entry in $watched; do
    group=\${entry%%:*}
    is_ours "$group" "\${entry#*:}" && kill -s "$1" -- "-$group" 2>/dev/null && reached=yes
  done
  [ -n "$reached" ]
}

while read -r verb group start; do
  case $verb in
    watch) forget "$group"; watched="$watched $group:$start" ;;
    forget) forget "$group" ;;
    bye) exit 0 ;;
  esac
done

signal_groups TERM
signal_groups CONT
for tenth in 1 2 3 4 5 6 7 8 9 10; do
  signal_groups 0 || break
  sleep 0.1 2>/dev/null || { sleep 1; break; }
done
signal_groups KILL

for round in 1 2 3 4 5; do
  found=$(grep -lsF "$cookie" /proc/[0-9]*/environ 2>/dev/null)
  [ -n "$found" ] || break
  for file in $found; do
    pid=\${file#/proc/}
    kill -s KILL "\${pid%/environ}" 2>/dev/null
  done
done
`;
