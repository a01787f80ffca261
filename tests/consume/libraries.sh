#!/bin/sh
# libraries.sh READELF LIBRARY: fails unless a shared library needs those of
# the compiler and of the system alone.
set -eu
needed=$("$1" -dW "$2" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
echo "$needed" | grep '^libstdc++\.so'
if echo "$needed" | grep -Ev '^(lib(stdc\+\+|m|gcc_s|c|pthread|dl|rt|asan|ubsan)|ld-linux.*)\.so'; then
  exit 1
fi
