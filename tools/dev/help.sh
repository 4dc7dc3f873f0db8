#!/usr/bin/env bash
# help: this list
echo "usage: ./dev COMMAND [ARGUMENTS]"
for file in tools/dev/*.sh; do
  about=$(sed -n '2s/^# //p' "$file")
  printf '  %-38s %s\n' "${about%%: *}" "${about#*: }"
done
