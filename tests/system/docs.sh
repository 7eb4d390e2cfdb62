#!/bin/bash
# README.md and the pages of docs/ do what they show.  The block of text behind
# a line `<!-- run -->` is run against a demo shop, in the order of the page:
#
#     $ halftone health            a command; lines below it are what it prints
#     shop=> SELECT 1;             a statement, for the psql that came before
#     halftone budget              a block without prompts: each has to end well
#
# What is shown is compared word for word, widths of columns aside.  `...` stands
# for any lines, and behind `<!-- run noisy -->` any number is as good as another,
# but in prices and in notes, which depend on no data.  Behind `<!-- run sql -->`
# stand questions, a blank line between them: each can be planned and priced.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
work=$(mktemp -d)
run=$work/serve
PEOPLE=20000 # the shop of `make serve` has 100,000; prices are the same
trap 'stop_server; rm -rf "$work"' EXIT

mkdir -p "$work/shop"
"$bin/make_shop" demo/shop.sql "$work/shop" "$PEOPLE" || die "no shop"
cp demo/shop.yaml "$work/shop/"
write_config "$work/shop/shop.yaml"
start_server
HALFTONE_TOKEN=$(cat "$run/subjects.token") "$bin/halftone" consent import \
    "$work/shop/consents.parquet" >/dev/null 2>&1 || die_with_log "no decisions"
export PGPASSWORD=$HALFTONE_TOKEN HALFTONE_PURPOSE=improve_products
export PATH="$PWD/$bin:$PATH"
unset PGOPTIONS PGSSLROOTCERT PGSSLMODE

# The tree as its reader has it after `make serve`, and what pages call by name.
place=$work/place
mkdir -p "$place/build/demo"
ln -s "$PWD/$bin/halftone" "$PWD/$bin/halftoned" "$place/build/"
ln -s "$run" "$place/build/demo/serve"
ln -s "$run/ledger.db" "$place/"
ln -s "$work/shop/"* "$HALFTONE_CA" "$PWD/docs" "$place/"

# ---- what a page asks for ----

# Pages name the usual ports.
here() { sed "s/\(localhost\|127\.0\.0\.1\):7443/\1:$grpc_port/g; s/\(port=\|-p \)7432/\1$pg_port/g"; }

is_whole() { # COMMAND: no quote is open
    case $1 in
    'shop=> '*) [[ $1 == *';' || $1 == 'shop=> \'* ]] ;;
    *) [ "${1%\\}" = "$1" ] && bash -n -c "$1" 2>/dev/null ;;
    esac
}

# A line of a block: of a command, or of what the one before it prints.
take_line() { # NUMBER TEXT
    local last=$((${#command[@]} - 1))
    if [ "$mark$2" = ' sql' ]; then
        open=''
        return
    elif [ -n "$open" ]; then
        command[last]+=$'\n'$2
    elif [[ $2 == '$ '* || $2 == 'shop=> '* ]] || { [ -z "$prompts" ] && [ -n "$2" ]; }; then
        [[ $2 != '$ '* && $2 != 'shop=> '* ]] || prompts=yes
        last=$((last + 1))
        command[last]=${2#'$ '} shown[last]='' how[last]=$mark from[last]=$1
    else
        [ -z "$prompts" ] || shown[last]+=$2$'\n'
        return
    fi
    open=yes
    [ "$mark" = ' sql' ] || ! is_whole "${command[last]}" || open=''
}

# read_page FILE: command[i], shown[i] (what it prints), how[i] (noisy, sql or neither).
read_page() {
    local line mark state='' open='' prompts='' at=0
    command=() shown=() how=() from=()
    while IFS= read -r line; do
        at=$((at + 1))
        case $state:$line in
        *:'<!-- run -->' | *:'<!-- run noisy -->' | *:'<!-- run sql -->')
            mark=${line#<!-- run} mark=${mark% -->} state=armed open='' prompts=''
            ;;
        armed:) ;;
        armed:'```'*) state=fence ;;
        fence:'```') state='' ;;
        fence:*) take_line $at "$line" ;;
        armed:'    '* | block:'    '* | block:)
            state=block
            take_line $at "${line#    }"
            ;;
        *) state='' ;;
        esac
    done <"$1"
}

# ---- what comes of it ----

# Widths of columns are no matter, nor are ids and what others spent before.
plain() { # HOW
    sed -E 's/[0-9a-f]{32}/ID/g; s/01a2[0-9a-f]*\.\.\./ID/g; s/rho [0-9.e-]+ left/rho N left/
            s/(─|-)+/-/g; s/[[:space:]]+/ /g; s/^ //; s/ $//' |
        if [ "$1" = ' noisy' ]; then
            sed -E '/^(cost rho|note:|NOTICE:)/!s/-?[0-9][0-9,.]*(e[+-]?[0-9]+)?/N/g'
        else
            cat
        fi | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'
}

# Do the lines of SHOWN come in GOT, with anything where it has `...`?
fits() { # GOT SHOWN
    local got=$1$'\n' rest=$2$'\n' part first=yes
    while [ -n "$rest" ]; do
        part=${rest%%$'...\n'*}
        if [ "$part" = "$rest" ]; then # the last lines
            [ -n "$first" ] && { [ "$got" = "$part" ]; return; }
            [ "${got%"$part"}" != "$got" ]
            return
        fi
        rest=${rest#*$'...\n'}
        [[ $got == *"$part"* ]] || return
        [ -z "$first" ] || [[ $got == "$part"* ]] || return
        got=${got#*"$part"} first=''
    done
}

client=psql
run_one() { # I
    local words=${command[$1]}
    case ${how[$1]}:$words in
    ' sql:'*) halftone estimate - <<<"$words" ;;
    *':shop=> '*)
        words=${words#'shop=> '}
        eval "$client -X -P pager=off -c \"\$words\""
        ;;
    *':psql '*) # asked nothing yet
        words=$(here <<<"$words")
        [[ $words != *' -c '* ]] || eval "$words"
        client=$words
        ;;
    *) eval "$(here <<<"$words")" ;;
    esac
}

# Commands of a page run in one shell, so that what is exported stays.
session() {
    local i
    cd "$place" || return
    for i in "${!command[@]}"; do
        run_one "$i" >"$work/out.$i" 2>&1 </dev/null
        echo $? >"$work/rc.$i"
    done
}

did() { # I
    local want got
    if [ -z "${shown[$1]//[[:space:]]/}" ]; then
        [ "$(cat "$work/rc.$1")" = 0 ] || { cat "$work/out.$1"; return 1; }
        return 0
    fi
    want=$(plain "${how[$1]}" <<<"${shown[$1]}")
    got=$(plain "${how[$1]}" <"$work/out.$1")
    fits "$got" "$want" && return
    diff <(echo "$want") <(echo "$got")
    return 1
}

# ---- links ----

# Headings as they are linked to.
anchors() { # FILE
    sed -n 's/^##* //p' "$1" | tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}
links_lead() { # FILE
    local link to lost=0
    while IFS= read -r link; do
        to=${link%%#*}
        [ -z "$to" ] || to=$(dirname "$1")/$to
        [ -n "$to" ] || to=$1
        if [ ! -e "$to" ]; then
            echo "$1: no file $link"
            lost=1
        elif [[ $link == *'#'* ]] && ! anchors "$to" | grep -qxF -- "${link#*#}"; then
            echo "$1: no heading $link"
            lost=1
        fi
    done < <(grep -o '](\([^)]*\))' "$1" | sed 's/^](//; s/)$//' | grep -v '^[a-z]*:')
    return $lost
}
for page in *.md docs/*.md docs/*/*.md dp/*.md tests/*.md; do
    grep -q '](' "$page" || continue
    check "links of $page lead somewhere" links_lead "$page"
done

# ---- examples ----

for page in README.md docs/*.md docs/connect/*.md; do
    read_page "$page"
    [ "${#command[@]}" -gt 0 ] || continue
    rm -f "$work"/out.* "$work"/rc.*
    (session)
    for i in "${!command[@]}"; do
        words=${command[i]//$'\n'/ }
        if [[ $words == 'shop=> '* || $words == 'psql '* ]] && ! command -v psql >/dev/null; then
            echo "SKIP $page:${from[i]}: no psql on this machine"
            continue
        fi
        check "$page:${from[i]}: ${words:0:60}" did "$i"
    done
done
exit $failed
