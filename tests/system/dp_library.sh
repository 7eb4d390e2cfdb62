#!/bin/bash
# libhalftone-dp as a product of its own: installed somewhere, used from
# somewhere else, and what is in the archive.  Expects it built (make libdp).
set -u
archive=$PWD/$BIN/libhalftone-dp.a
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
check() {
    local name=$1
    shift
    if "$@" >"$dir/out" 2>&1; then
        echo "ok $name"
    else
        cat "$dir/out"
        echo "FAILED $name"
        failed=1
    fi
}

kind= sanitize=
[[ $BIN == */san ]] && kind=SAN=1 sanitize=-fsanitize=address,undefined
[[ $BIN == */tsan ]] && kind=TSAN=1 sanitize=-fsanitize=thread
check 'it installs' make --no-print-directory $kind install-dp PREFIX="$dir/usr"

# The flags that the installed .pc file gives, without pkg-config.
pc() {
    sed -n "s|^$1: *||p" "$dir/usr/lib/pkgconfig/halftone-dp.pc" |
        sed "s|\${includedir}|$dir/usr/include/halftone|; s|\${libdir}|$dir/usr/lib|"
}

# Builds an example where it was copied to and runs it; its output is "answer".
build_and_run() {
    cp "usr/share/doc/halftone-dp/example/$1.c" program.c &&
        # shellcheck disable=SC2046
        ${CC:-cc} -std=c17 -Wall -Wextra -Werror $sanitize $(pc Cflags) \
            program.c $(pc Libs) -o program &&
        ./program >answer
}

example() (
    cd "$dir" && build_and_run library &&
        grep -q '^  town 1 ' answer && grep -q '^  loans ' answer &&
        grep -q '^  years ' answer && grep -q 'spent rho 0.003' answer
)
check 'the example builds and runs outside the tree' example

# Town 1 has about 10,000 of 20,000 readers, half of them in the tail.
near() {
    awk '/town 1 /{ t = $3 } /years/{ y = $2 }
         END { exit !(t > 9500 && t < 10500 && y > 45 && y < 54) }' "$dir/answer"
}
check 'and its answers are near what it made up' near

audited() (
    cd "$dir" && build_and_run audit && cat answer &&
        grep -q '^as it should be .* nothing against' answer &&
        [ "$(grep -c 'NOT 1-DP$' answer)" = 2 ]
)
check 'the auditor finds what is wrong in another' audited

# Everything in the archive, against GSL, OpenSSL and libc alone.
whole() {
    echo 'int main(void) { return 0; }' >"$dir/main.c"
    ${CC:-cc} $sanitize "$dir/main.c" -Wl,--whole-archive "$archive" \
        -Wl,--no-whole-archive -lgsl -lgslcblas -lcrypto -lm -o "$dir/whole"
}
check 'nothing else is undefined' whole

names() {
    nm -g --defined-only "$archive" | awk 'NF == 3 { print $3 }' >"$dir/names"
    [ "$(wc -l <"$dir/names")" -gt 50 ] && ! grep -v '^dp_' "$dir/names"
}
check 'every name it defines begins with dp_' names

seeded() {
    ar t "$archive" >"$dir/members" && nm "$archive" >"$dir/symbols" &&
        grep -q gsl_rng_alloc "$dir/symbols" &&
        ! grep -E 'lib_|test' "$dir/members" &&
        ! grep -E 'gsl_rng_(mt|taus|ran|default|env)|gsl_ran_|test_rng' \
            "$dir/symbols"
}
check 'no seeded generator and no floating-point noise is in it' seeded

includes() {
    ! grep -rnE '#include "(server|clients|tests|proto)/' dp || return 1
    for h in "$dir"/usr/include/halftone/dp/*.h; do
        echo "#include \"dp/$(basename "$h")\""
    done >"$dir/all.c"
    ${CC:-cc} -std=c17 -Wall -Werror -fsyntax-only \
        "-I$dir/usr/include/halftone" "$dir/all.c"
}
check 'its headers stand alone' includes
exit $failed
