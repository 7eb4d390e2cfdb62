#!/bin/bash
# The client as a person's tool, without a server: completion, manual pages,
# where settings come from, what a terminal changes.
set -u
cd "$(dirname "$0")/../.."
. tests/system/lib.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
halftone=$PWD/$BIN/halftone
unset HALFTONE_TARGET HALFTONE_TOKEN HALFTONE_CA HALFTONE_PURPOSE NO_COLOR
export HOME=$work XDG_CONFIG_HOME=

for shell in bash zsh fish; do
    if command -v "$shell" >/dev/null; then
        parses() { "$halftone" completion $shell >"$work/c.$shell" && $shell -n "$work/c.$shell"; }
        check "$shell reads its completion" parses
    else
        echo "SKIP completion: no $shell on this machine"
    fi
done
completes() { # WANT WORD...
    local want=$1
    shift
    . "$work/c.bash"
    COMP_WORDS=(halftone "$@") COMP_CWORD=$# COMPREPLY=()
    _halftone
    echo "${COMPREPLY[*]}"
    [ "${COMPREPLY[*]}" = "$want" ]
}
check 'bash completes a command' completes query q
check 'bash completes a second word' completes 'check draft ddl records keys' policy ''
check 'bash completes a flag' completes '--format --file' query --f
check 'bash completes a format' completes 'table csv json' query --format ''
check 'bash completes a shell' completes bash completion b

pages() {
    make -s build/man/halftone.1 build/man/halftoned.8 || return 1
    for p in halftone.1 halftoned.8; do
        groff -man -ww -Tutf8 -z "build/man/$p" 2>&1 | tee /dev/stderr | grep -q . && return 1
    done
    return 0
}
if command -v groff >/dev/null; then
    check 'the manual pages have no warning' pages
else
    echo "SKIP manual pages: no groff on this machine"
fi

# The target that is tried tells where the setting came from.
mkdir "$work/.config"
echo 'target: localhost:1' >"$work/.config/halftone.yaml"
check 'the file names the server' says 'localhost:1' "$halftone" datasets
check 'the environment is stronger than the file' says 'localhost:2' \
    env HALFTONE_TARGET=localhost:2 "$halftone" datasets
check 'a flag is stronger than both' says 'localhost:3' \
    env HALFTONE_TARGET=localhost:2 "$halftone" datasets --target localhost:3
echo 'targt: localhost:1' >"$work/.config/halftone.yaml"
check 'a wrong name in the file is met by the nearest' says 'did you mean target' "$halftone" datasets
check 'and is a mistake of usage' exits 2 "$halftone" datasets
printf 'token: %064d\n' 1 >"$work/.config/halftone.yaml"
check 'a token that others can read is remarked' says 'chmod 600' "$halftone" datasets

check 'nothing is a mistake of usage' exits 2 "$halftone"
check 'help is none' exits 0 "$halftone" --help
check 'a command near another is met by it' says 'did you mean halftone query' "$halftone" qurey
check 'help of a family lists its commands' says 'consent erase  *Erase a person' "$halftone" help consent
check 'of a family of commands the right part is met' says "halftone ledger --help lists" "$halftone" ledger frob
check 'and what is near, too' says 'did you mean halftone ledger verify' "$halftone" ledger verfy
check 'two questions are one too many' says 'the question is asked twice' \
    "$halftone" query 'SELECT 1' --file x.sql
check 'an accuracy and a price exclude one another' says 'exclude one another' \
    "$halftone" query --rho 1 --accuracy 100 'SELECT 1'
address=$(hostname -I 2>/dev/null | awk '{ print $1 }')
if [ -n "$address" ]; then
    check 'a plain connection that leaves the loopback is refused' \
        says 'would show token and answers' \
        "$halftone" datasets --plaintext --target "$address:7443"
else
    echo "SKIP plain connections: this machine has the loopback only"
fi
full() { "$halftone" policy keys >/dev/full; }
check 'a full disk does not look like success' exits 1 full
left() { # head has enough after a line: no error, and it ends by the signal
    local rc
    "$halftone" policy keys 2>"$work/left" | head -n 1 >/dev/null
    rc=${PIPESTATUS[0]}
    cat "$work/left"
    ! grep -q 'cannot write' "$work/left" && { [ "$rc" -eq 0 ] || [ "$rc" -eq 141 ]; }
}
check 'a reader that has enough is no error' left

colours() { # HOW MANY ESCAPES, in a terminal
    script -qec "$2" /dev/null </dev/null >"$work/screen"
    cat -v "$work/screen"
    [ "$(grep -c $'\x1b\\[31m' "$work/screen")" -eq "$1" ]
}
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
    export TERM=xterm
    check 'a terminal gets colours' colours 1 "$halftone nonsense"
    check 'but not under NO_COLOR' colours 0 "NO_COLOR=1 $halftone nonsense"
    check 'nor with --no-color' colours 0 "$halftone nonsense --no-color"
    check 'nor where it is dumb' colours 0 "TERM=dumb $halftone nonsense"
else
    echo "SKIP colours: no script(1), or no terminal for it, on this machine"
fi
plain() { ! "$halftone" nonsense 2>&1 | grep -q $'\x1b'; }
check 'a pipe gets none' plain
exit "$failed"
