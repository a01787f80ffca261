# Prints the C++ blocks of a page as one program: their includes, and the rest
# in its order as main().
/^```/ { is_inside = ($0 == "```cpp"); next }
is_inside && /^#include/ { includes = includes $0 "\n"; next }
is_inside { body = body $0 "\n" }
END { printf "#undef NDEBUG\n%s\nint main() {\n%s}\n", includes, body }
