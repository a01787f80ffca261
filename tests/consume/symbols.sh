#!/bin/sh
# symbols.sh HEADERS NM OPTION... LIBRARY: fails unless the symbols that a
# library defines for others are those of the namespace gramless which the
# folder of headers declares. Those that LLVM shares in a process have a prefix.
set -eu
headers=$1
shift
names=$("$@" -C --defined-only | sed -n 's/^[0-9a-f]* [^ ] //p' |
  grep -Ev '^gramless__Z')
others=$(echo "$names" |
  sed -E 's/^((typeinfo|typeinfo name|vtable) for )?gramless::([A-Za-z_]+).*/\3/' |
  sort -u | while read -r name; do
  grep -qrw "GRAMLESS_API .*$name" "$headers" || echo "$name"
done)
echo "$names" | grep '^gramless::kernel_product('
if [ -n "$others" ]; then
  echo "expected public names alone, got:" "$others"
  exit 1
fi
