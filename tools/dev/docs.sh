#!/usr/bin/env bash
# docs: checks that links, file names and commands in the documents exist
bad=0
report() { printf '%s: %s\n' "$1" "$2" >&2; bad=1; }
# Names in capitals stand for any name; what a guide tells its reader to make is not there yet.
made=$(sed -n 's/^This is all of `\(.*\)`:$/\1/p' docs/guides/*.md)
for page in $(git ls-files -co --exclude-standard '*.md'); do
  folder=$(dirname "$page")
  # Links to other pages and pictures, relative to the page.
  while read -r link; do
    [[ -z $link || $link == \#* || $link =~ ^[a-z]+: ]] && continue
    [[ -e $folder/${link%%#*} ]] || report "$page" "links to $link, which does not exist"
  done < <(grep -oE '\]\([^) ]+\)' "$page" | sed 's/^](//; s/)$//')
  # File names in code: `folder/name.ext` from the project's root or from neap/.
  while read -r name; do
    [[ -e $name || $name =~ (^|/)[A-Z]+(/|[._]|$) ]] || grep -qx -- "$name" <<<"$made" || report "$page" "names the file $name, which does not exist"
  done < <(grep -oE '`[a-zA-Z_.]+(/[A-Za-z0-9_.-]+)*/([A-Za-z0-9_-]+\.(cpp|h|sh|bash|cmake|md|txt|html|inc))?`' "$page" | tr -d '`' | grep -vE '^(build|out)[a-z-]*/' | sort -u)
  # Commands of ./dev and of neap.
  while read -r name; do
    [[ -f tools/dev/$name.sh ]] || report "$page" "names ./dev $name, which does not exist"
  done < <(grep -oE '\./dev [a-z]+' "$page" | cut -d' ' -f2 | sort -u)
  while read -r name; do
    grep -rqE "name = \"$name\"" neap/cli 2>/dev/null || report "$page" "names the command neap $name, which does not exist"
  done < <(grep -v 'guides/command' <<<"$page" | xargs -r grep -hoE '(`|^ *\$? ?|build/)neap [a-z]+( |`|$)' | sed -E 's/.*neap //; s/[ `]//g' | sort -u)
done
((bad == 0)) || fail "the documents name what is not there" "mend the lines above"
say "links, files and commands in the documents exist"
