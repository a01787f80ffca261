#!/bin/sh
# plain.sh FOLDER: builds main.cpp in a folder by each line of docs/cpp.md that
# calls g++, for the library in PREFIX and with the compiler CXX, and runs it.
set -eu
cp "$(dirname "$0")/project/main.cpp" "$1"
grep -E '^    g\+\+ ' "$(dirname "$0")/../../docs/cpp.md" >"$1/lines"
test "$(wc -l <"$1/lines")" -ge 2
cd "$1"
sed 's/^ *g++/$CXX/' lines | while read -r line; do
  echo "$line"
  rm -f main
  eval "$line"
  ./main
done
