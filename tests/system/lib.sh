# Sourced by scripts that report with check: a line a test, notes, and $failed
# at the end.
BIN=${BIN:-build}
failed=0
check_out=$(mktemp)

check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >"$check_out" 2>&1; then
        echo "ok $name"
    else
        sed 's/^/    /' "$check_out" | tail -n 12
        echo "FAILED $name"
        failed=1
    fi
    grep '^note ' "$check_out"
    rm -f "$check_out"
}
exits() { # CODE COMMAND...
    local want=$1 got
    shift
    "$@"
    got=$?
    [ "$got" -eq "$want" ] || { echo "exit $got, not $want"; false; }
}
says() { # WORDS COMMAND...
    local words=$1
    shift
    "$@" 2>&1 | tee /dev/stderr | grep -q -- "$words"
}
