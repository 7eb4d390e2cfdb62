# Sourced for fetch_tool, by scripts that have $root or run at the top of the
# tree, a skip function and a folder $work or $run.
tools=$PWD/build/tools

# fetch_tool NAME PACKAGE@VERSION: a Go program, built once
fetch_tool() {
    [ -x "$tools/$1" ] && return 0
    command -v go >/dev/null 2>&1 || skip "$1: no Go on this machine"
    mkdir -p "$tools"
    GOFLAGS=-mod=mod GOBIN=$tools timeout 400 go install "$2" \
        >"$tools/$1.log" 2>&1 || {
        tail -3 "$tools/$1.log"
        skip "$1: $2 does not build here"
    }
}
