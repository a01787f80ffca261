#!/bin/sh
# embedded.sh CMAKE SOURCE FOLDER OPTION...: fails unless the library as a part
# of a project that says nothing else is optimized, and installs nothing.
set -eu
cmake=$1 source=$2 folder=$3
shift 3
rm -rf "$folder"
"$cmake" -S "$(dirname "$0")/project" -B "$folder" -DWAY=add_subdirectory \
  -DSOURCE="$source" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON "$@"
grep '"command".*/call/function\.cpp' "$folder/compile_commands.json" | grep -e ' -O3'
"$cmake" --install "$folder" --prefix "$folder/prefix"
test "$(cd "$folder/prefix" && find . -type f)" = ./share/consume/main.cpp
