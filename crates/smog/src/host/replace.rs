//! How a file of a host is replaced, so that nobody else on the host decides where root writes.
//!
//! `/etc/nova` belongs to the user nova in most packages: whoever runs as nova can rename, link
//! and replace everything in it at any moment. So these pieces of shell never write by a name
//! that another user could have given another meaning:
//!
//! - the way to a file is walked link by link ([`WALK`]). A link that an unprivileged user made
//!   is followed only to that user's own files; root's links (kolla, devstack) are followed.
//! - the shell then stands in the folder (`cd -P`), and checks that it is the one it walked to.
//!   From then on the folder is a handle: it may be renamed, names in it stay names in it.
//! - the new file is made in a folder of its own next to its place, which only root can enter and
//!   which the shell then stands in: others may rename that folder, and can put nothing into it.
//!   The file is opened with `O_EXCL` (`set -C`), and written, owned and given its mode through
//!   that one descriptor; it is renamed to a name in the descriptor of the first folder.
//! - after the rename, what has the name must be the file behind the descriptor. If someone put
//!   something else there it is replaced again, five times at most, and then said.
//!
//! Plain `sh` with `/proc/self/fd` can do all this, so there is no second way for hosts without
//! Python.

/// `walk PATH`: `q` becomes the path without links, `k` the numbers of the users, root and
/// ourselves left out, who made the links on the way.
/// `stand PATH`: walk to a folder and stand in it; no links of others may lead there.
pub(crate) const WALK: &str = r#"me=$(id -u)
walk() {
q= k= n=0 w=${1#/}
while [ -n "$w" ]; do
c=${w%%/*}; case $w in */*) w=${w#*/} ;; *) w= ;; esac
case $c in ''|.) continue ;; ..) q=${q%/*}; continue ;; esac
if [ -L "$q/$c" ]; then
n=$((n+1)); [ "$n" -le 40 ] || { echo "too many links on the way to $1" >&2; return 1; }
u=$(stat -c %u -- "$q/$c") && l=$(readlink -- "$q/$c") || return 1
[ "$u" = 0 ] || [ "$u" = "$me" ] || k="$k $u"
case $l in /*) q= ;; esac
w=$l/$w
else q=$q/$c; fi
done
q=${q:-/}
}
stand() {
cd -P -- "$1" 2>/dev/null || { echo "there is no folder $1" >&2; return 1; }
[ "$(pwd -P)" = "$1" ] || { echo "the way to $1 was changed while smog went it" >&2; return 1; }
}
stand_in() {
walk "$1" || return 1
[ -z "$k" ] || { echo "on the way to $1 is a link that user$k made: smog does not follow it" >&2; return 1; }
stand "$q"
}
theirs() {
for u in $k; do [ "$u" = "$1" ] || { echo "$2 leads by a link of user $u to $q, which is not that user's: smog does not follow it" >&2; return 1; }; done
}
"#;

/// `replace NAME STEM`: put standard input at NAME in the current folder. `old` is not empty
/// when descriptor 3 is the file that was there, whose attributes are kept. The caller's
/// function `dress FILE` sets owner and mode. The name of the folder in which it is made is
/// known before there is one (`mktemp` may be ended between the two), and to nobody else.
pub(crate) const REPLACE: &str = r#"t=
replace() {
umask 077
trap '[ -z "$t" ] || { rm -f -- ./.smog-new; rmdir -- "/proc/self/fd/5/$t"; } 2>/dev/null' EXIT; trap 'exit 143' TERM HUP INT
exec 5<.
h=$(pwd -P) i=0 f=/proc/self/fd/4
while :; do
read -r r </proc/sys/kernel/random/uuid && t=$2-$r && mkdir -m 700 -- "./$t" || { t=; return 1; }
done=
cd -P -- "./$t" && [ "$(pwd -P)" = "${h%/}/$t" ] && case $(stat -c '%u %a' .) in "$me 700"|"$me 2700") ;; *) false ;; esac && {
set -C; exec 4>./.smog-new; set +C
cat </proc/self/fd/0 >&4 || return 1
if [ -n "$old" ]; then
cp --attributes-only --preserve=all -- /proc/self/fd/3 $f 2>/dev/null || { chown --reference=/proc/self/fd/3 -- $f && chmod --reference=/proc/self/fd/3 -- $f; } || return 1
chcon --reference=/proc/self/fd/3 -- $f 2>/dev/null
touch -- $f
fi
dress $f && sync -- $f && mv -fT -- ./.smog-new "/proc/self/fd/5/$1" || return 1
[ "$(stat -c %d:%i -- "/proc/self/fd/5/$1")" != "$(stat -Lc %d:%i -- $f)" ] || done=yes
exec 4>&-
}
cd -P /proc/self/fd/5 || return 1
rmdir -- "./$t" 2>/dev/null; t=
[ -z "$done" ] || break
i=$((i+1)); [ "$i" -lt 5 ] || { echo "someone else keeps putting something at $h/$1" >&2; return 1; }
done
sync -- .
}
"#;

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::WALK;

    fn sh(script: &str) -> (bool, String) {
        let output = Command::new("sh").args(["-c", &format!("{WALK}{script}")]).output().expect("sh");
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    }

    #[test]
    fn a_way_is_walked_link_by_link() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = std::fs::canonicalize(folder.path()).expect("real").display().to_string();
        std::fs::create_dir_all(format!("{path}/a/b")).expect("folders");
        for (to, link) in [("a", "one"), ("one/./b", "two"), ("../two/x", "a/three"), ("loop", "loop")] {
            std::os::unix::fs::symlink(to, format!("{path}/{link}")).expect("a link");
        }
        for (given, real) in [
            ("one", "a"),
            ("two/../c", "a/c"),
            ("a/three", "a/b/x"),
            ("a//b/./", "a/b"),
            ("no/such", "no/such"),
        ] {
            let (_, said) = sh(&format!("walk {path}/{given} && echo $q"));
            assert_eq!(said.trim(), format!("{path}/{real}"), "{given}");
        }
        assert_eq!(sh("walk / && echo $q").1.trim(), "/");
        let (fine, said) = sh(&format!("walk {path}/loop"));
        assert!(!fine && said.contains("too many links"), "{said}");
        assert!(sh(&format!("stand_in {path}/two && pwd")).1.trim().ends_with("/a/b"));
        assert!(sh(&format!("stand_in {path}/none")).1.contains("there is no folder"));
    }
}
